# ---- iptables ----
# Our chains are replaced as a whole, with the jumps to them, by one iptables-restore: -I puts a jump first in a built-in
# chain, -A last, but ahead of a rule that ends the chain for all packets. Nothing else there is touched.

begin_rules() { LATER+=([iptables]=1 [ip6tables]=1); } # undone all together, by settle_rules

rules() { take "$1" "$2"; } # NODE iptables|ip6tables <TEXT

recall_rules() { # the same ones in another order are others
  local key
  for key in "${!TEXT[@]}"; do
    [[ $key != *tables || $(printf '%s\n' "${LINES[@]}" | grep "^$key ") == "$(printf '%s\n' "${OLD[@]}" | grep "^$key ")" ]] || { CHANGED[$key]=1 && ANEW+="|$key *"; }
  done
}

make_iptables() { put_rules "$1" iptables; }
make_ip6tables() { put_rules "$1" ip6tables; }

put_rules() { # NODE TOOL
  ! is_wanted "$1" "$2" || replace_rules "$1" "$2" "${TEXT["$1 $2"]}" || die "$1: $2 refused the rules"
}

replace_rules() { # NODE TOOL TEXT
  local saved
  saved=$(in_node "$1" "$2-save") && replacing "$saved" <<<"$3" >"$TMP/rules" || return 1
  [[ ! $VERBOSE ]] || sed "s/^/[#] $1: $2-restore: /" "$TMP/rules" >&2
  [[ ! -s $TMP/rules ]] || in_node "$1" "$2-restore" -w --noflush <"$TMP/rules"
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
  local tool key text saved output
  for tool in iptables ip6tables; do
    text=''
    for key in "${!TEXT[@]}"; do [[ $key != *" $tool" || $WAS_UP && ! ${CHANGED[$key]:-} ]] || text+=${TEXT[$key]}; done
    if [[ ! $text ]] || ! command -v "$tool-restore" >/dev/null; then continue; fi
    # One of each shape is tried apart; but for physdev, which loads br_netfilter: every bridge would feel it.
    output=$(awk '{ shape = $0 } /^-A/ { gsub(/[0-9]+/, "", shape) } !/-m physdev / && !(/^-A/ && tried[shape]++)' <<<"$text" |
      apart "$tool-restore" -w --noflush 2>&1) ||
      lacks "this kernel refuses the rules: ${output%%$'\n'*}" "$MODULES"
    saved=$("$tool-save") || die "$tool-save failed"
    [[ $saved != *$'\n'":NSGEN-$NAME-"[A-Z]* || ${OLD[*]} || $saved == *"--comment \"nsgen:$NAME\" -j NSGEN-$NAME-"* ]] ||
      PROBLEMS+=("$tool has chains named NSGEN-$NAME-…, and they are not of this topology")
  done
  survey_ports
}

# A published port is taken from whatever else listens on it: better to say so than to cut that off. (Of SCTP older releases
# of ss(8) tell nothing.)
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

# Rules of the other backend are in force too. In nftables an accept is not final: what a base chain drops is dropped.
# firewalld rejects what crosses a bridge that is in none of its zones.
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

settle_rules() {
  local key
  for key in "${!KINDS[@]}"; do
    [[ $key == *tables ]] && lives "${key% *}" && [[ " ${!NEW[*]} " != *" $key "* ]] || continue
    replace_rules "${key% *}" "${key#* }" '' || left "${key#* }: our chains could not be removed"
  done
}

# Connection tracking forgets UDP flows to ports that there are of these: they are translated anew, or no more.
udp_flows() { add "$1" udp "${*:2}"; } # NODE FIRST LAST FILTER…

make_udp() { # NODE LINES
  local flows
  [[ $1 == host || $WAS_UP ]] || return 0
  while read -r flows; do [[ ${KEPT["$1 udp $flows"]:-} && ! ${CHANGED["$1 iptables"]:-}${CHANGED["$1 ip6tables"]:-} ]] || undo_udp "$1" "$flows"; done < <(printf '%s' "$2")
}

undo_udp() { # NODE FIRST LAST FILTER…
  local port flows
  read -ra flows <<<"$2"
  ! lives "$1" || for port in $(in_node "$1" conntrack -L "${flows[@]:2}" 2>/dev/null | awk -F dport= '{ print $2 + 0 }' | sort -u); do
    ((port < flows[0] || port > flows[1])) || in_node "$1" conntrack -D "${flows[@]:2}" --orig-port-dst "$port" &>/dev/null || true
  done
}
