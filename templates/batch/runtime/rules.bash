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

run_rules() { # NODE TOOL
  ! is_wanted "$1" "$2" || replace_rules "$1" "$2" "${TEXT["$1 $2"]}" || die "$1: $2 refused the rules"
}

replace_rules() { # NODE TOOL TEXT
  local saved
  saved=$(in_node "$1" "$2-save") && replacing "$saved" <<<"$3" >"$TMP/rules" || return 1
  [[ ! $VERBOSE ]] || sed "s/^/[#] $1: $2-restore: /" "$TMP/rules" >&2
  [[ ! -s $TMP/rules ]] || in_node "$1" "$2-restore" -w --noflush <"$TMP/rules"
}

# What makes our part of the SAVED rules that of the text: what is there of ours is emptied, and its jumps go.
replacing() { # SAVED <TEXT
  awk -v ours="^:?NSGEN-$NAME-[A-Z]" '
    /^\*/ { table = $1 }
    NR == FNR && /^:/ && $1 ~ ours { old[table, substr($1, 2)]; text[table] = text[table] $1 " - [0:0]\n" }
    NR == FNR && /^-A/ && $2 !~ ours {
      if ($NF ~ ours) text[table] = text[table] "-D" substr($0, 3) "\n"
      else if ($3 $4 ~ /^-j(DROP|REJECT)$/ || / -j NSGEN-[^ ]*-GUARD$/) ended[table, $2]
      else if (!((table, $2) in ended)) before[table, $2]++
    }
    NR == FNR || !/^[:-]/ { next }
    /^:/ { delete old[table, substr($1, 2)] }
    /^-I/ { before[table, $2]++ }
    /^-A/ && $2 !~ ours { $0 = "-I " $2 " " (++before[table, $2]) substr($0, length($2) + 4) }
    { text[table] = text[table] $0 "\n" }
    END {
      for (key in old) { split(key, chain, SUBSEP); text[chain[1]] = text[chain[1]] "-X " chain[2] "\n" }
      for (table in text) printf "%s\n%sCOMMIT\n", table, text[table]
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
  local taken socket
  [[ $PORTS ]] && command -v ss >/dev/null || return 0
  taken=$(ss -H -l -n -t -u | awk -v published="$PORTS" '{
    port = address = $5; sub(/.*:/, "", port); sub(/:[^:]*$/, "", address)
    for (i = split(published, entries, " "); i > 0; i--) {
      split(entries[i], entry, "/"); split(entry[2] "-" entry[2], ports, "-")
      if ($1 == entry[1] && port - ports[1] >= 0 && port - ports[2] <= 0 && (entry[3] == "" || entry[3] == address || address ~ /^(0\.0\.0\.0|\*|\[::\])$/))
        print port "/" $1
    }
  }') || die 'ss -l failed'
  for socket in $taken; do
    [[ " ${OLD[*]} " =~ " host service proxy-${socket#*/}"[46]-${socket%/*}' ' ]] ||
      PROBLEMS+=("port $socket of this host is in use: another program listens on it")
  done
}

# Rules of the other backend are in force too. In nftables an accept is not final: what a base chain drops is dropped.
# firewalld rejects what crosses a bridge that is in none of its zones.
warn_rules() {
  local mine=nft other=legacy line
  [[ $(iptables -V 2>/dev/null) == *nf_tables* ]] || mine=legacy other=nft
  [[ $("iptables-$other-save" 2>/dev/null) != *$'\n-A '* ]] ||
    say "warning: rules of iptables-$other are in force beside those of iptables-$mine"
  while read -r line; do
    say "warning: the nftables chain $line drops what its own rules do not accept, published ports too"
  done < <(nft list chains 2>/dev/null | awk '
    $1 == "table" { table = $2 " " $3 } $1 == "chain" { chain = $2 }
    /hook forward .*policy drop;/ && table " " chain !~ /^ip6? filter FORWARD$/ && table != "inet firewalld" { print table, chain }')
  [[ ! -d /run/systemd/system ]] || ! systemctl --quiet is-active firewalld.service 2>/dev/null ||
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

make_udp() { # NODE FIRST LAST FILTER…; in a namespace that is new there are none
  [[ $1 != host && ! $WAS_UP || ${KEPT["$1 udp $2"]:-} && ! ${CHANGED["$1 iptables"]:-}${CHANGED["$1 ip6tables"]:-} ]] || undo_udp "$@"
}

undo_udp() { # NODE FIRST LAST FILTER…
  local port flows
  read -ra flows <<<"$2"
  ! lives "$1" || for port in $(in_node "$1" conntrack -L "${flows[@]:2}" 2>/dev/null | awk -F dport= '!told[$2 + 0]++ { print $2 + 0 }'); do
    ((port < flows[0] || port > flows[1])) || in_node "$1" conntrack -D "${flows[@]:2}" --orig-port-dst "$port" &>/dev/null || true
  done
}
