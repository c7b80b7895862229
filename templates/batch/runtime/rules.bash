# ---- iptables --------------------------------------------------------------------------------------------------------
#
# Our chains are replaced as a whole, with the jumps to them, by one iptables-restore: -I puts a jump first in a built-in
# chain, -A last, but ahead of a rule that ends the chain for all packets. Nothing else there is touched.

begin_rules() { declare -gA DROPPED=(); }

rules() { take "$1" "$2"; } # NODE iptables|ip6tables <TEXT

make_iptables() { put_rules "$1" iptables; }
make_ip6tables() { put_rules "$1" ip6tables; }

put_rules() { # NODE TOOL
  local saved
  is_wanted "$1" "$2" || return 0
  saved=$(in_node "$1" "$2-save") || die "$2-save failed"
  replacing "$saved" <<<"${TEXT["$1 $2"]}" >"$TMP/rules"
  [[ ! $VERBOSE ]] || sed "s/^/[#] $1: $2-restore: /" "$TMP/rules" >&2
  in_node "$1" "$2-restore" -w --noflush <"$TMP/rules" || die "$2-restore refused the rules"
}

# What makes our part of the SAVED rules that of the text.
replacing() { # SAVED <TEXT
  awk -v ours="^NSGEN-$NAME-[A-Z]" '
    function last(chain,  i) { # its place, ahead of what ends it
      for (i = 1; i <= size[table, chain]; i++)
        if (rule[table, chain, i] ~ ("^-A " chain " -j (DROP|REJECT)") || rule[table, chain, i] ~ /-j NSGEN-[^ ]*-GUARD$/) break
      return i
    }
    /^\*/ { table = substr($0, 2); if (!(table in seen)) { seen[table] = 1; tables[++n] = table } }
    FNR == NR && /^:/ && substr($1, 2) ~ ours { old[table] = old[table] " " substr($1, 2) }
    FNR == NR && /^-A/ && $2 !~ ours { if ($NF ~ ours) { gone[table] = gone[table] "-D" substr($0, 3) "\n" } else rule[table, $2, ++size[table, $2]] = $0 }
    FNR == NR { next }
    /^:/ { chains[table] = chains[table] $0 "\n"; kept[table, substr($1, 2)] = 1 }
    /^-A/ && $2 ~ ours { added[table] = added[table] $0 "\n" }
    /^-I/ { first[table, $2]++; jumps[table] = jumps[table] "-I " $2 " 1" substr($0, length($2) + 4) "\n" }
    /^-A/ && $2 !~ ours { jumps[table] = jumps[table] "-I " $2 " " last($2) + first[table, $2]++ substr($0, length($2) + 4) "\n" }
    END {
      for (i = 1; i <= n; i++) {
        table = tables[i]; flush = remove = ""
        split(old[table], chain, " ")
        for (c in chain) if (!((table, chain[c]) in kept)) { flush = flush "-F " chain[c] "\n"; remove = remove "-X " chain[c] "\n" }
        if (chains[table] gone[table] flush) printf "*%s\n%s%s%s%s%s%sCOMMIT\n", table, chains[table], gone[table], flush, remove, added[table], jumps[table]
      }
    }' <(printf '%s\n' "$1") -
}

survey_rules() {
  local tool saved output
  for tool in iptables ip6tables; do
    if [[ ! ${TEXT["host $tool"]:-} || $WAS_UP && ! ${CHANGED["host $tool"]:-} ]] || ! command -v "$tool-restore" >/dev/null; then continue; fi
    # Tried in a namespace that is gone at once. (Not those about physdev: they load br_netfilter, and that changes what
    # becomes of the frames of every bridge.)
    output=$(grep -v -e '-m physdev ' <<<"${TEXT["host $tool"]}" | unshare --net "$tool-restore" -w --noflush 2>&1) ||
      PROBLEMS+=("this kernel refuses the rules: ${output%%$'\n'*}")
    saved=$("$tool-save") || die "$tool-save failed"
    [[ $saved != *$'\n'":NSGEN-$NAME-"[A-Z]* || ${OLD[*]} || $saved == *"--comment \"nsgen:$NAME\" -j NSGEN-$NAME-"* ]] ||
      PROBLEMS+=("$tool has chains named NSGEN-$NAME-…, and they are not of this topology")
  done
  survey_ports
}

# A published port is taken from whatever else listens on it: better to say so than to cut that off.
survey_ports() {
  local entry protocol ports address port taken sockets
  local -A listening=()
  [[ $PORTS ]] && command -v ss >/dev/null || return 0
  sockets=$(ss -H -l -n -t -u) || die 'ss -l failed'
  while read -r protocol _ _ _ taken _; do listening["$protocol ${taken##*:}"]+=" ${taken%:*} "; done <<<"$sockets"
  for entry in $PORTS; do
    IFS=/ read -r protocol ports address <<<"$entry"
    for ((port = ${ports%-*}; port <= ${ports#*-}; port++)); do
      taken=${listening["$protocol $port"]:-}
      if [[ ! $taken || $address && ! $taken =~ ' '("${address//[/\\[}"|0\.0\.0\.0|\*|\[::\])' ' ]]; then continue; fi
      [[ " ${OLD[*]} " =~ " host service proxy-$protocol"[46]-$port' ' ]] ||
        PROBLEMS+=("port $port/$protocol of this host is in use: another program listens on it")
    done
  done
}

# Rules of the other backend are in force too, and invisible to this one. In nftables an accept is not final: what a base
# chain drops is dropped, whatever is accepted here. firewalld rejects what crosses a bridge that is in none of its zones.
warn_rules() {
  local mine=nft other=legacy line
  [[ $(iptables -V 2>/dev/null) == *nf_tables* ]] || mine=legacy other=nft
  ! command -v "iptables-$other-save" >/dev/null || [[ $("iptables-$other-save" 2>/dev/null) != *$'\n-A '* ]] ||
    say "warning: rules of iptables-$other are in force beside those of iptables-$mine"
  ! command -v nft >/dev/null || nft list chains 2>/dev/null | awk '
    $1 == "table" { table = $2 " " $3 } $1 == "chain" { chain = $2 }
    /hook forward .*policy drop;/ && table " " chain !~ /^ip6? filter FORWARD$/ && table != "inet firewalld" { print table, chain }' |
    while read -r line; do say "warning: the nftables chain $line drops what its own rules do not accept, published ports too"; done
  [[ ! -d /run/systemd/system ]] || ! systemctl --quiet is-active firewalld.service ||
    say 'warning: firewalld is running: put the bridges into a zone of its, and run up again after it reloads'
}

undo_iptables() { DROPPED["$1 iptables"]=yes; } # all together, by settle_rules
undo_ip6tables() { DROPPED["$1 ip6tables"]=yes; }

settle_rules() {
  local key saved
  for key in "${!DROPPED[@]}"; do
    unset "DROPPED[$key]"
    [[ ${key% *} == host || ${NEW["host ip netns add ${key% *}"]:-} ]] && [[ ${#NEW[@]} -eq 0 || ! ${TEXT[$key]:-} ]] || continue
    saved=$(in_node "${key% *}" "${key#* }-save") || { left "${key#* }-save failed: our chains are still there" && continue; }
    replacing "$saved" </dev/null >"$TMP/rules"
    [[ ! -s $TMP/rules ]] || in_node "${key% *}" "${key#* }-restore" -w --noflush <"$TMP/rules" ||
      left "${key#* }: our chains could not be removed"
  done
}

# Connection tracking forgets the clients of these UDP ports: they are translated anew, or no more.
udp_ports() { add host udp "$*"; } # ipv4|ipv6 FIRST LAST

make_udp() { # host LINES
  local ports
  while read -r ports; do [[ ${KEPT["host udp $ports"]:-} && ! ${CHANGED["host iptables"]:-}${CHANGED["host ip6tables"]:-} ]] || undo_udp host "$ports"; done < <(printf '%s' "$2")
}

undo_udp() {
  local family first last port
  read -r family first last <<<"$2"
  for ((port = first; port <= last; port++)); do
    conntrack -D -f "$family" -p udp --orig-port-dst "$port" &>/dev/null || true # 1: there was none
  done
}
