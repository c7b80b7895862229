# ---- namespaces, devices, addresses, routes ----
# ip(8), bridge(8) and tc(8) take lines that can be repeated: what is to be added and is there already is no error. A line
# is undone by the same line with the verb turned. What they print of it all right after `up` is kept in `seen`; `check`
# asks them again, and what differs is set back by the next `up`, or goes and is made anew.

ip_in() { take "$1" "ip${2:+6}"; } # NODE [-6] <LINES
bridge_in() { take "$1" bridge; }
tc_in() { take "$1" tc; }

begin_devices() {
  ASK=$'link show\naddress show\nroute show table all\nrule show\nneighbour show nud permanent\nneighbour show proxy\n'
  INSIDE='' # what is in namespaces has been asked already
  APART_NET=''
  declare -gA DEVICES=() JOINED # which `learn` leaves as it is
  LATER+=([ip]=1 [ip6]=1 [bridge]=1 [tc]=1)
}

# Many namespaces are made in two halves, side by side: most of it is the kernel's time.
run_ip() { # NODE LINES
  local many=0 failed=''
  local -a lines=()
  [[ $2 != 'netns add '* ]] || { split "$2" && lines=("${MAPFILE[@]}"); }
  while [[ ${lines[many]:-} == 'netns add '* ]]; do many=$((many + 1)); done
  if ((many < 20)); then run_lines "$1" ip "$2"; return; fi
  run_lines "$1" ip "$(printf '%s\n' "${lines[@]:0:many / 2}")" &
  (run_lines "$1" ip "$(printf '%s\n' "${lines[@]:many / 2:many - many / 2}")") || failed=yes
  wait "$!" && [[ ! $failed ]] || exit 1
  ((many == ${#lines[@]})) || run_lines "$1" ip "$(printf '%s\n' "${lines[@]:many}")"
}

run_lines() { # NODE KIND LINES
  local output
  is_wanted "$1" "$2" || return 0
  INSIDE='' output=$(run_batch "$1" "$2" "$3") || judge "$1" "$2" "$output" "$3"
}

run_batch() { # NODE KIND LINES
  [[ ! $VERBOSE ]] || printf '%s' "$3" | sed "s/^/[#] $1: $2 /" >&2
  case $2 in
    sysctl) in_node "$1" sysctl -q -p - ;;
    ip6) in_node "$1" ip -6 -force -batch - ;;
    *) in_node "$1" "$2" -force -batch - ;;
  esac 2>&1 <<<"$3"
}

# With -force ip(8) goes on after an error, and says which line it was.
judge() { # NODE KIND OUTPUT LINES
  local said message='' line=''
  while IFS= read -r said; do
    if [[ ! $said =~ ^'Command failed '.*:([0-9]+) ]]; then message=${message:-$said} && continue; fi
    line=$(sed -n "${BASH_REMATCH[1]}p" <<<"$4")
    case "$line: $message" in
      *' add '*'File exists' | *' append '*'File exists' | 'tuntap add '*' busy') add_renamed "$1" "$line" ;;
      *) # but for a route that is there, and a policy in the way of another
        [[ $line == 'route replace '* && $(in_node "$1" ip -batch - 2>/dev/null <<<"route show ${line#route replace }") ]] ||
          die "$1: $2 $line: $message"
        ;;
    esac
    message=''
  done <<<"$3"
  [[ $line ]] || die "$1: $2: ${message:-it failed}"
}

# Linux 6.1 and older look for a new device's name where it is made: one that is taken there it gets where it is put.
add_renamed() { # NODE LINE
  local name=nsgen$BASHPID
  [[ $2 =~ ^'link add name '([^ ]+)' '.*'netns '([^ ]+)' type ' ]] || return 0
  ! in_node "${BASH_REMATCH[2]}" ip link show dev "${BASH_REMATCH[1]}" &>/dev/null || return 0
  { in_node "$1" ip -batch - <<<"${2/ name ${BASH_REMATCH[1]} / name $name }" &&
    in_node "${BASH_REMATCH[2]}" ip link set dev "$name" name "${BASH_REMATCH[1]}"; } || die "$1: ip $2: it failed"
}

# What waits to be done in namespaces, once all cables are there: ip(8)'s lines for all of them, and then the others.
flush_devices() {
  local kind node
  ((${#WAITING[@]})) || return 0
  make_inside
  for kind in ip6 bridge tc sysctl; do
    for node in "${NODES[@]}"; do
      [[ ! ${WAITING["$kind $node"]:-} ]] || make_text "$node" "$kind" "${WAITING["$kind $node"]}"
    done
  done
  WAITING=()
}

# Each is asked at once what there is, unless more is to come. Where that fails, or lines join namespaces: one by one.
make_inside() {
  local node ask=''
  if [[ ! $WAS_UP && ! $VERBOSE && ${WAITING[*]} != *' netns '* ]]; then
    [[ " ${!WAITING[*]}" =~ ' '(ip6|bridge|tc|sysctl)' ' || ${WAITING[*]} =~ ' replace '[^\ ]*: ]] || ask=$ASK
    [[ ${WAITING[*]} =~ (rule|neighbour)' ' ]] || ask=${ask%%rule *} # in what is new there is none
    for node in "${NODES[@]}"; do printf '%s' "${WAITING["ip $node"]:-}$ask" >"$TMP/ip.$node"; done
    if enter_each "ip -d -o -force -batch $TMP/ip.NODE" "${NODES[@]}" >"$TMP/inside" 2>/dev/null; then
      INSIDE=$ask
      return 0
    fi
  fi
  for node in "${NODES[@]}"; do [[ ! ${WAITING["ip $node"]:-} ]] || run_lines "$node" ip "${WAITING["ip $node"]}"; done
}

# Many: by xargs, in two halves. ip(8) opens all of /run/netns to name the other end of a cable: here there is none.
enter_each() { # COMMAND NODE…
  local node words failed=''
  if (($# <= 20)); then
    for node in "${@:2}"; do read -ra words <<<"${1//NODE/$node}" && in_node "$node" "${words[@]}" || return 1; done
    return 0
  fi
  enter_some "$1" "${@:2:$# / 2}" >"$TMP/half" &
  enter_some "$1" "${@:$# / 2 + 2}" >"$TMP/rest" || failed=yes
  wait "$!" && [[ ! $failed ]] || return 1
  cat "$TMP/half" "$TMP/rest"
}

enter_some() {
  local node where
  where=$(mktemp -d "$TMP/netns.XXXX")
  for node in "${@:2}"; do printf -- '--net=%s %s\n' "${JOINED[$node]:-$where/$node}" "${1//NODE/$node}"; done |
    unshare --mount bash -c "mount -n --rbind /run/netns $where && mount -n -t tmpfs tmpfs /run/netns && exec xargs -r -L 1 nsenter"
}

# ---- what is in the way ----

# What the kernel can do is tried in a namespace that goes with this script: one that goes at once holds up whoever makes
# devices meanwhile.
apart_devices() {
  local said=''
  [[ ! $WAS_UP || ${CHANGED[*]} ]] && command -v unshare >/dev/null && command -v nsenter >/dev/null || return 0
  coproc APART { { [[ ! $LOCK ]] || exec {LOCK}<&-; } && exec unshare --net sh -c 'echo && exec cat' 2>&1; }
  if { read -r said <&"${APART[0]:-}"; } 2>/dev/null && [[ ! $said ]]; then APART_NET=/proc/$APART_PID/ns/net
  else PROBLEMS+=("this kernel cannot make namespaces${said:+: $said}"); fi
}

apart() { if [[ $APART_NET ]]; then nsenter --net="$APART_NET" "$@"; else cat >/dev/null; fi; } # COMMAND…

# A device tells by its alias whose it is, a namespace by that of its lo.
know_devices() {
  local text line device
  DEVICES=()
  text=$(ip -o link show) || return 1
  split "$text"
  for line in "${MAPFILE[@]}"; do device=${line#* } && DEVICES[${device%%[@:]*}]=$line; done
}

warn_devices() {
  [[ ! ${RESOLVING:-} || $(grep -s ^nameserver /etc/resolv.conf) != 'nameserver 127.'+([0-9.]) ]] ||
    say "warning: only this host reaches the resolver in /etc/resolv.conf: write 'dns' for $RESOLVING"
}

survey_devices() {
  local tried module said
  command -v ip >/dev/null || return 0 # which was told
  know_devices || die 'ip link show failed'
  survey_ways
  [[ ! $WAS_UP && $TRIAL ]] || return 0
  tried=$(apart sh -fc "while read -r m c; do s=\$(\$c 2>&1) || echo \$m \$c: \$s; done" 2>&1 <<<"$TRIAL") ||
    { PROBLEMS+=("what this kernel can do cannot be tried: $tried") && tried=''; }
  while read -r module said; do [[ ! $said ]] || lacks "$said" "$module"; done <<<"$tried"
}

survey_ip() { # NODE LINE
  local name=${2#* add name } peer=${2#* peer name }
  case $2 in
    'netns add '*) is_ours "$2" || taken netns "${2##* }" ;;
    'link add '* | 'tuntap add '*)
      is_ours "$2" || taken link "${name%% *}"
      [[ $2 != *' peer name '* || $2 == *' netns '* ]] || is_free "${peer%% *}" "$2" || taken link "${peer%% *}"
      ;;
    'address replace '*) [[ ${KEPT["host ip $2"]:-} ]] || survey_subnet "${2#address replace }" ;;
    'rule add '*) survey_priority -4 "$2" ;;
  esac
}

survey_ip6() { survey_priority -6 "$2"; }

taken() { PROBLEMS+=("$1 $2 exists already, and it is not of this topology"); }

# What is made in a namespace has no name here.
is_ours() { # LINE
  local name=${1#* add name } device=${1#* dev }
  case $1 in
    'link set '* | 'vlan '*) is_marked "${device%% *}" || is_our_port "${device%% *}" ;;
    'netns add '*) is_our_namespace "$1" ;;
    *' netns '*' type '*) ;;
    *) is_free "${name%% *}" "$1" ;;
  esac
}

is_marked() { [[ ${DEVICES[$1]:-} == *" alias nsgen:$NAME"?(:*) ]]; } # DEVICE
is_our_port() { [[ ${DEVICES[$1]:-} =~ ' master '([^ ]+) ]] && is_marked "${BASH_REMATCH[1]}"; } # DEVICE

# There is none, it has our mark, or it has none and an earlier run was about to make it. DEVICE LINE
is_free() { [[ ! ${DEVICES[$1]:-} || ${DEVICES[$1]} != *' alias '* && ${KEPT["host ip $2"]:-} ]] || is_marked "$1"; }

is_our_namespace() { # LINE
  [[ ! -e /run/netns/${1##* } || ${KEPT["host ip $1"]:-} ||
    $(in_node "${1##* }" ip -o link show dev lo 2>/dev/null) == *" alias nsgen:$NAME"?(:*) ]]
}

# A subnet or address that this host reaches by another device; link-local ones are on every link.
survey_subnet() { # ADDRESS dev DEVICE
  local six=${1//[!:]/} asked near=${1%% dev *}
  near=${near##* } asked="route show table local root ${1%%/*}"$'\n'"route show root $near"
  [[ $near =~ ^[^:]*/32$|/128$ ]] || asked+=$'\n'"route show match ${near%/*}"
  [[ $1 =~ ^fe[89ab].: ]] || elsewhere "the subnet of ${1%% *} is" < <(ip ${six:+-6} -o -batch - <<<"$asked")
}

# As the kernel would.
survey_ways() {
  local get=$'\nroute get fibmatch '
  [[ ! ${REACHED:-} ]] || elsewhere 'members are' < <(ip -o -force -batch - 2>/dev/null <<<"$get${REACHED// /$get}")
}

# A default route comes last, unless a rule says else; half of all addresses, as a VPN has it, is one.
elsewhere() { # WHO <ROUTES
  local route to table device told=''
  while read -r route; do
    [[ $told != *"|$route|"* ]] || continue # of many members it is the same one
    told+="|$route|"
    [[ $route =~ ^((local|blackhole|unreachable|prohibit|throw)' ')?([^ ]+)(.*' table '([^ ]+))? ]] || continue
    to=${BASH_REMATCH[3]} table=${BASH_REMATCH[5]} device=${route#* dev }
    [[ $1$WAS_UP$ACTION$table${BASH_REMATCH[2]} != 'members areup' ]] || continue # told of its subnet
    is_marked "${device%% *}" || [[ " ${OLD[*]} " == *" host ip route replace $to"?(/32|/128)' '* ||
      $to =~ ^(default|0.0.0.0/1|128.0.0.0/1|::/1|8000::/1|2000::/3)$ && (! $table ||
      $(if [[ $route == *' pref '* ]]; then ip -6 rule; else ip rule; fi) == *'from all lookup main'*" lookup $table"*) ]] ||
      PROBLEMS+=("$1 routed elsewhere: ${route%%' scope '*}")
  done
}

survey_priority() { # -4|-6 LINE
  local priority=${2#* priority }
  [[ ${KEPT["host ip $2"]:-}${KEPT["host ip6 $2"]:-} || $'\n'$(ip "$1" rule show) != *$'\n'"${priority%% *}:"* ]] ||
    taken 'a rule of policy routing with the priority' "${priority%% *}"
}

# ---- what is there, and what differs ----

# NODE: WORDS of all that is ours, or in namespaces of ours, by the script that was run and by this one.
list() {
  local key
  local -a names=("${NODES[@]}")
  printf '%s' "$ASK" >"$TMP/ask"
  printf '%s\n' "${LINES[@]}" >"$TMP/lines"
  [[ $UNDER_WAY || ${OLD[*]} == "${LINES[*]}" ]] || printf '%s\n' "${OLD[@]}" >>"$TMP/lines"
  if [[ ! $INSIDE ]]; then
    namespaces_there >"$TMP/there"
    mapfile -t names <"$TMP/there"
    enter_each "ip -d -o -batch $TMP/ask" "${names[@]}" >"$TMP/inside"
  fi
  { printf '@ host ip\n'; ip -d -o -batch "$TMP/ask"; printf '@in %s\n' "${names[*]}"; } >"$TMP/host"
  {
    look_further "${names[@]}"
    for key in "${!KINDS[@]}"; do
      [[ $key == *' ip' || " host ${names[*]} " != *" ${key% *} "* ]] || look_by "${key% *}" "${key#* }"
    done
  } >"$TMP/further"
  in_words "$TMP/lines" "$TMP/host" "$TMP/inside" "$TMP/further"
}

# Less what the topology's commands have added.
list_ours() {
  if [[ ! -e $STATE/known ]]; then list; return; fi
  list >"$TMP/all"
  without "$STATE/known" "$TMP/all"
}

without() { # FILE… FILE: the lines of the last one that none of the others has
  awk 'FILENAME != ARGV[ARGC - 1] { told[$0]; next } !($0 in told)' "$@"
}

look_by() { # NODE KIND
  printf '@ %s %s\n' "$@"
  case $2 in
    ip6) in_node "$1" ip -6 -N rule show ;;
    tc) in_node "$1" tc qdisc show ;;
    bridge) in_node "$1" bridge vlan show && in_node "$1" bridge fdb show && if grep -q ' vni ' "$TMP/lines"; then in_node "$1" bridge vlan tunnelshow && in_node "$1" bridge vni show; fi ;;
    wg) in_node "$1" wg show all public-key && in_node "$1" wg show all allowed-ips ;;
    *tables) in_node "$1" "$2-save" ;;
  esac
}

# For `check`: what others may have put into namespaces. It takes long: if they are many, for --strict.
look_further() { # NODE…
  [[ $ACTION == check && $# -gt 0 && ( $STRICT || $# -le 50 ) ]] || return 0
  printf '%s\n' 'echo @further' 'ip -6 -N rule show' 'nft -s list ruleset 2>/dev/null || { iptables-save; ip6tables-save; } 2>/dev/null || true' \
    '! read -r _ </proc/net/ip_tables_names || iptables-legacy-save' '! read -r _ </proc/net/ip6_tables_names || ip6tables-legacy-save' >"$TMP/commands"
  printf '@in %s\n' "$*"
  enter_each "sh $TMP/commands" "$@" 2>/dev/null
}

# Whoever was killed while making a namespace left a file that is none: nothing is mounted there.
namespaces_there() {
  awk -v held="$STATE/join." 'NR == FNR { there[$5]; next } /^host ip netns add / { at = "/run/netns/" $5 } /^host join / { at = held $3; $5 = $3 }
    at in there { delete there[at]; print $5 }' /proc/self/mountinfo "$TMP/lines"
}

# Less what changes by itself, and what the kernel, router advertisements or a daemon put there. Rules stay in order.
in_words() { # LINES WHAT IS SAID…
  awk -v mine="nsgen:$NAME" -v chains="^NSGEN-$NAME-[A-Z]" '
    BEGIN {
      shared["host"]; changes = "^(state|mode|qdisc|link-netns(id)?|promiscuity|allmulti|m(in|ax)mtu|brd|bridge_id|designated_.*|root_(port|path_cost)|" \
        "topology_change.*|config_pending|port_(id|no)|num[rt]xqueues|mcast_n_groups|fdb_n_learned|perm_?(hw)?addr|active_slave|" \
        "mii_status|link_failure_count|ad_.*|.*_timer|(tso|gso|gro)_.*|pi|vnet_hdr)$"
    }
    function say(text) { gsub(/[ \t\\]+/, " ", text); sub(/ $/, "", text); print node ": " text | "sort -u" }
    function ours(device) { return !(node in shared) || (node, device) in devices }
    function device_of(text) { return match(text, / dev [^ ]+/) ? substr(text, RSTART + 5, RLENGTH - 5) : "" }
    function key(first, second, device) { # of what is ours on a device that is not
      if (first ~ /^(priority|local|blackhole|unreachable|prohibit|throw)$/) { first = second; device = "" }
      sub(/^(default|::\/0|0\.0\.0\.0\/0)$|\/(32|128)$/, "", first)
      return first SUBSEP device
    }
    FNR == NR && $2 == "join" { shared[$3] }
    FNR == NR && $2 == "device" { taken[$1, $3] }
    FNR == NR { if ($1 in shared && $2 ~ /^ip6?$/) wanted[$1, key($5, $6, device_of($0))]; next }
    $1 == "@in" { split($0, names); at = 1; program = "ip"; next }
    $1 == "@further" { node = names[++at]; program = $1; chain = ""; next }
    $1 == "@" { node = $2; program = $3; split("", takes); next }
    program == "@further" && !/^[0-9]+:/ {
      if ($1 == "chain") chain = $2
      if (!(node in shared) && (/^\t\t/ && !/hook/ || /^-A/) && $0 chain !~ ("NSGEN-" substr(mine, 7) "-")) say("rules " chain " " $0)
      next
    }
    program == "tc" { if (/qdisc netem/) { sub(/netem [^ ]+/, "netem"); sub(/ refcnt [0-9]+/, ""); say($0) } next }
    program == "wg" { say("wireguard " $0); next }
    program == "bridge" {
      if (/ dst .*permanent/) say("fdb " $0)
      else if (!/ dev |^(port|dev) /) { if (/^[^ \t]/) { port = $1; $1 = "" } if (NF) say("vlan " port " " $0) }
      next
    }
    program ~ /tables/ {
      if (/^\*/) table = " -t " substr($0, 2) " "
      if (/^-A/ && ($2 ~ chains || $NF ~ chains)) {
        rules[++n] = node ": " program table $0
        if ($2 !~ chains && (table, $2) in takes) rules[++n] = node ": " program table takes[table, $2] ", ahead of our jump to " $NF
      }
      if (/^-A [^ ]+ (-m comment --comment [^ ]+ )?-j (ACCEPT|DROP|REJECT|RETURN)( |$)/) takes[table, $2] = $0
      next
    }
    /^1: lo: / && at { node = names[++at] }
    /^[0-9]+: [^ ]+: </ {
      device = $2; sub(/(@.*)?:$/, "", device)
      part = node in shared && $0 !~ (" alias " mine "(:[^ ]*)?$")
      kind = ""; if (!part) devices[node, device]; else if (!((node, device) in taken)) next; say("device " device)
      say("link " device ($3 ~ /[<,]UP[,>]/ ? " up" : " down")); say("link " device " arp " ($3 ~ /NOARP/ ? "off" : "on"))
      for (i = 4; i < NF; i += 2) {
        if ($i == "\\") { # -o puts several lines into one
          kind = $(i + 1) == "alias" ? "" : "type " $(i + 1) " "
          if (kind == "") i--
          continue
        }
        if ($i == "addrgenmode") kind = ""
        if ($i == "qdisc" && $(i + 1) !~ /^(noop|noqueue|mq|fq|fq_codel|pfifo_fast|pfifo)$/) say("qdisc " device " " $(i + 1))
        if ($i !~ changes && (!part || $i ~ /^(master|hairpin|isolated)$/) && !($i ~ /_(time|age|delay)$/ && / stp_state 1 /)) say("link " device " " kind ($i ~ /^link\// ? "address" : $i) " " $(i + 1))
      }
      next
    }
    /^[0-9]+: [^ ]+ +inet/ {
      if (/ (dynamic|temporary|mngtmpaddr)( |$)| proto kernel_(ll|ra)( |$)| inet6 fe80:[^ ]*ff:fe/) next
      sub(/\\.*/, ""); gsub(/ (tentative|dadfailed|optimistic|secondary|deprecated)/, "")
      if (ours($2) || (node, key($4, "", $2)) in wanted) say(substr($0, index($0, $3)) " dev " $2)
      next
    }
    /^[0-9]+:/ {
      priority = $1; sub(/:/, "", priority); $1 = ""; sub(/ proto (unspec|boot)/, "")
      if (/ proto kernel/ || priority ~ /^(0|32766|32767)$/ && / lookup (local|main|default|25[345])( |$)/) next
      if (!(node in shared) || (node, key(priority, "", "")) in wanted) say("rule " (program == "ip" ? "" : "-6 ") "priority " priority $0)
      next
    }
    / PERMANENT| dev [^ ]+ +proxy/ { if (!/ proto / && ours(device_of($0))) say("neighbour " $0); next }
    / proto (kernel|boot|static)( |$)/ {
      if (/( table local |fe80::\/64 |^(multicast|broadcast|anycast|local) ).*proto kernel| expires /) next
      gsub(/ (linkdown|dead|(rt_)?(offload|trap)) /, " ")
      gsub(/^unicast | table main| proto boot| scope global/, "") # which go without saying
      if (ours(device_of($0)) || (node, key($1, $2, device_of($0))) in wanted) say("route " $0)
    }
    END { close("sort -u"); for (i = 1; i <= n; i++) print rules[i] }' "$@"
}

# What is not seen any more is missing; what has come is besides, but for rules in our chains, and devices with our mark:
# one of ours has another name. (The kernel's routes come and go with addresses.)
differ() { # SEEN NOW
  diff -N "$1" "$2" >"$TMP/diff" || [[ $? -eq 1 && -s $TMP/diff ]]
  awk '
    { node = $2; sub(/:$/, "", node); text = $0; sub(/^[<>] [^ ]+ /, "", text) }
    $3 == "device" && $1 == "<" { gone[node, $4] = 1; if ($4 == "lo") { lost[node] = 1; text = "the namespace" } }
    $3 == "device" && $1 == ">" { come[node, $4] = 1 }
    node in lost && text != "the namespace" || $3 == "link" && ((node, $4) in gone || (node, $4) in come) { next }
    $1 == "<" { print node ": missing: " text; next }
    $1 != ">" || / proto kernel / { next }
    { print node ": " ($3 == "link" ? "instead" : text ~ /^ip6?tables / || node " " $3 == "host device" ? "added" : "besides") ": " text }' "$TMP/diff"
}

check_devices() {
  list_ours >"$TMP/now"
  cmp -s "$STATE/seen" "$TMP/now" || differ "$STATE/seen" "$TMP/now"
  know_devices && survey_ways && { ((${#PROBLEMS[@]} == 0)) || printf 'host: %s\n' "${PROBLEMS[@]}"; }
}

# What somebody else has put there is no part of ours; what differs is set back.
prepare_devices() {
  local node line
  [[ $WAS_UP ]] || return 0
  if [[ ! -e $STATE/besides ]]; then differ "$STATE/seen" "$TMP/now" | sed -n 's/: besides: /: /p' >"$TMP/besides"; fi
  [[ -e $STATE/besides ]] || act mv "$TMP/besides" "$STATE/besides"
  for line in "${LINES[@]}"; do
    case $line in
      *' ip link add '*' netns '*)
        [[ ${KEPT[$line]:-} && $line != *' link '*' link '* ]] || { line=${line##* netns } && CHANGED["${line%% *} ip"]=1; }
        ;;
      *' addrgenmode none'*) # made by itself while it had IPv6
        node=${line%% *} line=${line#* dev }
        # (After a change that was broken off, OLD has twice what both wanted.)
        [[ ! ${CHANGED["$node dev ${line%% *}"]:-} && ${#OLD[@]} -eq ${#KEPT[@]} ]] ||
          act in_node "$node" ip address flush dev "${line%% *}" to fe80::/10 &>/dev/null || true
        ;;
    esac
  done
  : >"$TMP/remade"
  line=$(set_back; sed -nE '/: (missing: (device|the namespace)|added: device)/p' <<<"$DRIFT")
  remake "$line"
}

# In the words in which it was seen. Ports are put into their bridge by their lines; the kernel's routes come with devices.
set_back() {
  local node line
  sed -nE 's/^([^:]+): missing: link /\1 /p' <<<"$DRIFT" | while read -r node line; do
    [[ $line == *@(' master '|' bridge_slave ')* && $'\n'$DRIFT == *$'\n'"$node: missing: link ${line%% *} master "* ]] ||
      act in_node "$node" ip -batch - <<<"link set dev $line" &>/dev/null || printf '%s: missing: link %s\n' "$node" "$line"
  done
  sed -nE 's/^([^:]+): missing: route .* dev ([^ ]+) proto kernel .*/\1 \2/p' <<<"$DRIFT" | sort -u | while read -r node line; do
    [[ $node != host ]] || is_marked "$line" || continue
    act in_node "$node" ip link set dev "$line" down &>/dev/null || true
    [[ $node == host || ${JOINED[$node]:-} ]] || act in_node "$node" ip link set dev lo down || true
  done
}

# Whichever end of a cable they are, they go, and their lines make them again. What no line makes, as lo, comes up anew.
remake() { # WHAT DIFFERS
  local node device line made text
  text=$(sed -nE 's/^([^:]+): [a-z]+: (device|link) ([^ ]+).*/\1 \3/p; s/^([^:]+): missing: the namespace/\1 */p' <<<"$1" | sort -u)
  [[ ! $text ]] || while read -r node device; do
    made=''
    printf '%s %s\n' "$node" "$device" >>"$TMP/remade" # with another address, unless it has one of its own
    for line in "${LINES[@]}"; do
      [[ " $line " == *' '$device' '* && " $line " == @(" $node "|*" netns $node ")* &&
        $line =~ ^([^ ]+)' ip '[a-z]+' add name '([^ ]+)(.*' netns '([^ ]+)' type ')? ]] || continue
      tell '~' "$line" && anew "$line" && made=yes
      act in_node "${BASH_REMATCH[4]:-${BASH_REMATCH[1]}}" ip link del dev "${BASH_REMATCH[2]}" &>/dev/null || true
    done
    if [[ $device == '*' ]]; then
      ANEW+="|$node *"
      tell '~' "host ip netns add $node"
      act rm -f "/run/netns/$node" # whoever was killed while making it left a file that is none
    elif [[ $node == host ]]; then
      ! is_marked "$device" || act ip link del dev "$device" &>/dev/null || true # it has another name now
    elif [[ ! $made ]]; then
      act in_node "$node" ip link set dev "$device" down &>/dev/null || true
    fi
  done <<<"$text"
}

# Before services and commands, which may have ideas of their own.
look_devices() {
  local tries
  each flush
  [[ ! -e $TMP/seen ]] || return 0
  list_ours >"$TMP/seen"
  INSIDE=''
  [[ ${LINES[*]} =~ ' address replace '[^\ ]*: ]] || return 0
  for ((tries = 0; tries < 20; tries++)); do # IPv6 takes a moment to use a device that is up
    sleep 0.02
    mv "$TMP/seen" "$TMP/before"
    list_ours >"$TMP/seen"
    ! cmp -s "$TMP/before" "$TMP/seen" || return 0
  done
}

# What still differs is made again; what then does is told.
finish_devices() {
  local still
  look_devices
  still=$(still_differs)
  if [[ $still ]]; then
    remake "$still"
    rm "$TMP/seen"
    make
    look_devices
    still=$(still_differs)
    [[ ! $still ]] || die "this cannot be put right: $still"
  fi
  if [[ -s $STATE/besides ]]; then
    without "$STATE/besides" "$TMP/seen" >"$TMP/ours"
    mv "$TMP/ours" "$TMP/seen"
  fi
  mv "$TMP/seen" "$STATE/seen"
  [[ ! -e $STATE/besides ]] || mv "$STATE/besides" "$TMP/besides"
}

still_differs() {
  [[ $DRIFT ]] || return 0
  differ "$STATE/seen" "$TMP/seen" >"$TMP/still"
  { grep -xF "$DRIFT" "$TMP/still" || [[ $? == 1 ]]; } |
    awk 'FILENAME == ARGV[1] { remade[$1 ":", $2]; next } $3 != "link" || !(($1, $4) in remade)' "$TMP/remade" -
}

# ---- undoing ----

settle_devices() {
  local index node kind line key output
  local -A batch=()
  ((${#UNDONE[@]})) || return 0
  know_devices || { left 'ip link show failed' && return 0; }
  for index in "${!UNDONE[@]}"; do # what has a name of ours and another's mark stays as it is, with all that is in it
    line=${UNDONE[index]}
    [[ $line != 'host ip '@(netns|link|tuntap)' add '* ]] || is_ours "${line#host ip }" || UNDONE[index]="foreign $line"
  done
  printf '%s\n' "${UNDONE[@]}" | turn >"$TMP/turned" || { left 'awk failed' && return 0; }
  [[ " ${!NEW[*]} " == *' ip '* ]] || rm -f "$STATE"/{seen,besides}
  name_holders
  while read -r node kind line; do
    [[ "$node $line" != 'host '@(link set|vlan)' '* || $line == *' group '* ]] || is_ours "$line" || continue
    batch["$node $kind"]+=$line$'\n'
  done <"$TMP/turned"
  for key in 'host ip' "${!batch[@]}"; do
    [[ ${batch[$key]:-} ]] || continue
    output=$(run_batch "${key% *}" "${key#* }" "${batch[$key]}") || [[ $output ]] || left "$key failed" # what is gone says so; what did not run, nothing
    batch[$key]=''
  done
  know_devices || left 'ip link show failed'
  while read -r node kind line; do
    case "$node $line" in
      'host netns del '*) [[ ! -e /run/netns/${line##* } ]] || left "namespace ${line##* } could not be deleted" ;;
      'host link set dev '*' group '*)
        line=${line#link set dev } line=${line% group *}
        [[ ! ${DEVICES[$line]:-} ]] || run ip link del dev "$line" || left "device $line could not be deleted"
        ;;
    esac
  done <"$TMP/turned"
}

# NODE KIND LINE: each with its verb turned. What is set of a device, or in a namespace, that goes is gone with it. Devices
# of this host go as a group, whose number is "nsge": one by one, the kernel waits for each until nobody looks at it any more.
turn() {
  awk -v group='group 1853056869' '
    { foreign[NR] = sub(/^foreign /, ""); line[NR] = $0; if ($3 == "netns") going[$5]; else if ($4 $5 == "addname") going[$1, $6] }
    END {
      for (i = 1; i <= NR; i++) {
        $0 = line[i]; node = $1; device = match($0, / dev [^ ]+/) ? substr($0, RSTART + 5, RLENGTH - 5) : ""
        if (foreign[i] || node in going || (node, device) in going) continue
        if ($3 == "netns") { last = last "host ip netns del " $5 "\n"; continue }
        if ($4 $5 == "addname") {
          if (match($0, / netns [^ ]+ type /)) node = substr($0, RSTART + 7, RLENGTH - 13)
          if (node == "host") { print node, "ip link set dev", $6, group; whole = "host ip link del " group "\n" }
          else if (!(node in going)) print node, "ip link del dev", $6
          continue
        }
        if (/ addrgenmode none/) { print node, "sysctl net/ipv6/conf/" device "/addr_gen_mode=0"; continue } # ip(8) makes no address
        if (/ (address|neighbour|route|qdisc) replace /) { sub(/ replace /, " del "); sub(/ netem .*| nodad$/, "") }
        else if (/ (rule|vlan|fdb|vni) (add|append) /) { sub(/ (add|append) /, / vni / ? " delete " : " del "); sub(/ pvid untagged$/, "") }
        else if (/ type bridge_slave .* on$/) sub(/ on$/, " off")
        else if (/ type bridge nf_call/) gsub(/ 1/, " 0")
        else if (/ link set dev [^ ]+ master /) sub(/ master .*/, " nomaster")
        else if (/ link set dev [^ ]+ (up|mtu [0-9]+)$/) { sub(/ up$/, " down"); sub(/ mtu .*/, " mtu 1500") }
        else continue
        print
      }
      printf "%s", whole last
    }'
}

# A namespace lives on, without a name, as long as a process is in it.
name_holders() {
  local pid name deleted
  mapfile -t deleted < <(sed -n 's#^host ip netns del #/run/netns/#p' "$TMP/turned")
  ((${#deleted[@]})) || return 0
  while read -r pid name; do
    say "process $pid ($(cat "/proc/$pid/comm" 2>/dev/null || printf '?')) is still in namespace $name, which goes when it ends"
  done < <(stat -L -c '%i/%n' "${deleted[@]}" /proc/[0-9]*/ns/net 2>/dev/null |
    awk -F / '$3 == "run" { name[$1] = $5 } $3 == "proc" && $1 in name { print $4, name[$1] }')
}
