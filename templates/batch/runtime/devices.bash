# ---- namespaces, devices, addresses, routes --------------------------------------------------------------------------
#
# ip(8), bridge(8) and tc(8) take lines that can be repeated: what is to be added and is there already is no error. A line
# is undone by the same line with the verb turned. What they print of it all right after `up` is kept in `seen`; `check`
# asks them again, and what differs is set back by the next `up`, or goes and is made anew.

ip_in() { take "$1" "ip${2:+6}"; } # NODE [-6] <LINES
bridge_in() { take "$1" bridge; }
tc_in() { take "$1" tc; }

begin_devices() {
  ASK=$'link show\naddress show\nroute show table all\nrule show\nneighbour show nud permanent\n'
  UNDONE=() INSIDE='' # INSIDE: what is in namespaces has been asked already
  declare -gA ALIAS=()
}

in_node() { # NODE COMMAND…
  if [[ $1 == host ]]; then "${@:2}"; else nsenter --net="/run/netns/$1" "${@:2}"; fi
}

make_ip() { run_lines "$1" ip "$2"; } # NODE LINES
make_ip6() { run_lines "$1" ip6 "$2"; }
make_bridge() { run_lines "$1" bridge "$2"; }
make_tc() { run_lines "$1" tc "$2"; }

run_lines() { # NODE KIND LINES
  local output
  is_wanted "$1" "$2" || return 0
  output=$(run_batch "$1" "$2" "$3") || judge "$1" "$2" "$output" "$3"
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
      *' add '*'File exists' | *' append '*'File exists') add_renamed "$1" "$line" ;;
      'route replace '*) # it is there, and somebody's policy in the way of adding it again
        read -ra said <<<"${line#route replace }"
        [[ $(in_node "$1" ip route show "${said[@]}" 2>/dev/null) ]] || die "$1: $2 $line: $message"
        ;;
      *) die "$1: $2 $line: $message" ;;
    esac
    message=''
  done <<<"$3"
  [[ $line ]] || die "$1: $2: ${message:-it failed}"
}

# Linux 6.1 and older look for the name of a new device where it is made, not where it is put: an eth0 there is in the way
# of one in a namespace. So that one gets its name there.
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
    [[ " ${!WAITING[*]} " == *" $kind "* ]] || continue
    for node in "${NODES[@]}"; do [[ ! ${WAITING["$kind $node"]:-} ]] || "make_$kind" "$node" "${WAITING["$kind $node"]}"; done
  done
  WAITING=()
}

# Each reads its lines from a file of its name, and is asked at once what there is, unless more is to come. Where that
# fails, or lines join namespaces, they are run one node after the other.
make_inside() {
  local node ask=''
  if [[ ! $WAS_UP && ! $VERBOSE && ${WAITING[*]} != *' netns '* ]]; then
    mkdir -p "$TMP/ip"
    [[ " ${!WAITING[*]}" =~ ' '(ip6|bridge|tc|sysctl)' ' || ${WAITING[*]} =~ ' replace '[^\ ]*: ]] || ask=$ASK
    for node in "${NODES[@]}"; do printf '%s' "${WAITING["ip $node"]:-}$ask" >"$TMP/ip/$node"; done
    if enter_each "ip -d -o -force -batch $TMP/ip/NODE" "${NODES[@]}" >"$TMP/inside" 2>/dev/null; then
      INSIDE=$ask
      return 0
    fi
  fi
  for node in "${NODES[@]}"; do [[ ! ${WAITING["ip $node"]:-} ]] || run_lines "$node" ip "${WAITING["ip $node"]}"; done
}

# A small program, xargs, goes from one namespace to the next: this shell, with all that it has in mind, would take longer
# than everything else. Where they are many, in two halves at the same time; and ip(8) opens all of /run/netns to name the
# other end of a cable, a thousand times a thousand: in a view of the file system of its own it finds none there.
enter_each() { # COMMAND NODE…
  local node
  local -a words
  if (($# <= 20)); then
    for node in "${@:2}"; do
      read -ra words <<<"${1//NODE/$node}"
      in_node "$node" "${words[@]}" || return 1
    done
    return 0
  fi
  enter_some "$1" "${@:2:$# / 2}" >"$TMP/half" &
  enter_some "$1" "${@:$# / 2 + 2}" >"$TMP/rest" || return 1
  wait "$!" || return 1
  cat "$TMP/half" "$TMP/rest"
}

enter_some() {
  local node where
  where=$(mktemp -d "$TMP/netns.XXXX")
  for node in "${@:2}"; do printf -- '--net=%s/%s %s\n' "$where" "$node" "${1//NODE/$node}"; done |
    unshare --mount bash -c "mount -n --rbind /run/netns $where && mount -n -t tmpfs tmpfs /run/netns && exec xargs -r -L 1 nsenter"
}

# ---- what is in the way ----

# A device tells by its alias whose it is, a namespace by that of its lo.
know_devices() {
  local device line text
  ALIAS=()
  text=$(ip -o link show) || return 1
  while read -r _ device line; do
    [[ $line == *' alias '* ]] || line='alias -'
    ALIAS[${device%%[@:]*}]=${line##*alias }
  done <<<"$text"
}

survey_devices() {
  local output
  command -v ip >/dev/null || return 0 # which was told
  know_devices || die 'ip link show failed'
  [[ ! $WAS_UP && $TRIAL ]] && command -v unshare >/dev/null || return 0 # tried in a namespace that is gone at once
  output=$(unshare --net ip -batch - 2>&1 <<<"$TRIAL") || PROBLEMS+=("this kernel cannot make the namespaces and devices: ${output%%$'\n'*}")
}

survey_ip() { # NODE LINE
  local name=${2#link add name } peer=${2#* peer name }
  case "$1 $2" in
    'host netns add '*) is_our_namespace "$2" || taken netns "${2##* }" ;;
    'host link add '*' netns '*' type '*) ;; # it is not made on this host
    'host link add '*)
      is_free "${name%% *}" "$2" || taken link "${name%% *}"
      [[ $2 != *' peer name '* || $2 == *' netns '* ]] || is_free "${peer%% *}" "$2" || taken link "${peer%% *}"
      ;;
    'host address replace '*) [[ ${KEPT["host ip $2"]:-} ]] || survey_subnet "${2#address replace }" ;;
    'host rule add '*) [[ ${KEPT["host ip $2"]:-} ]] || survey_priority -4 "${2#* priority }" ;;
  esac
}

survey_ip6() { [[ $1 != host || ${KEPT["host ip6 $2"]:-} ]] || survey_priority -6 "${2#* priority }"; }

taken() { PROBLEMS+=("$1 $2 exists already, and it is not of this topology"); }

is_marked() { [[ ${ALIAS[$1]:-} == "nsgen:$NAME"?(:*) ]]; } # DEVICE

# There is none, it has our mark, or it has none and an earlier run was about to make it.
is_free() { # DEVICE LINE
  [[ ! ${ALIAS[$1]:-} || ${ALIAS[$1]} == - && ${KEPT["host ip $2"]:-} ]] || is_marked "$1"
}

is_our_namespace() { # LINE
  [[ ! -e /run/netns/${1##* } || ${KEPT["host ip $1"]:-} ||
    $(in_node "${1##* }" ip -o link show dev lo 2>/dev/null) == *" alias nsgen:$NAME"?(:*) ]]
}

# A subnet that this host reaches by another device would be cut off, or cut the new one off. Half of all addresses, as a
# VPN routes them, is a default route, too.
survey_subnet() { # ADDRESS dev DEVICE
  local route routes family=-4 to device
  [[ $1 != *:* ]] || family=-6
  routes=$(ip "$family" -o route show match "${1%%/*}" && ip "$family" -o route show root "${1%% *}") || return 0
  while read -r route; do
    to=${route#@(blackhole|unreachable|prohibit|throw) } to=${to%% *} device=${route#* dev } device=${device%% *}
    [[ ! $to =~ ^(|default|0.0.0.0/1|128.0.0.0/1|::/1|8000::/1|2000::/3)$ ]] || continue
    is_marked "$device" || [[ " ${OLD[*]} " =~ ' route replace '"${to%/*}"(/32|/128)?"${to#"${to%/*}"}"' ' ]] ||
      PROBLEMS+=("the subnet of ${1%% *} is routed elsewhere: ${route%%@( proto| \\)*}")
  done <<<"$routes"
}

survey_priority() { # -4|-6 PRIORITY…
  [[ $'\n'$(ip "$1" rule show) != *$'\n'"${2%% *}:"* ]] ||
    PROBLEMS+=("a rule of policy routing with the priority ${2%% *} exists already, and it is not of this topology")
}

# ---- what is there, and what differs ----

# NODE: WORDS of all that is ours, and of all that is in namespaces of ours, whether of the script that was run or of this.
list() {
  local key
  local -a names=("${NODES[@]}")
  printf '%s' "$ASK" >"$TMP/ask"
  printf '%s\n' "${OLD[@]}" "${LINES[@]}" >"$TMP/lines"
  if [[ ! $INSIDE ]]; then
    namespaces_there >"$TMP/there"
    mapfile -t names <"$TMP/there"
    enter_each "ip -d -o -batch $TMP/ask" "${names[@]}" >"$TMP/inside"
  fi
  {
    printf '@ host ip\n'
    ip -d -o -batch "$TMP/ask"
    printf '@in %s\n' "${names[*]}"
  } >"$TMP/host"
  {
    look_further "${names[@]}"
    for key in "${!KINDS[@]}"; do
      [[ " host ${names[*]} " != *" ${key% *} "* ]] || look_by "${key% *}" "${key#* }"
    done
  } >"$TMP/further"
  in_words "$TMP/lines" "$TMP/host" "$TMP/inside" "$TMP/further"
}

# Less what the topology's commands have added.
list_ours() {
  if [[ -e $STATE/known ]]; then
    list >"$TMP/all"
    without "$STATE/known" "$TMP/all"
  else
    list
  fi
}

without() { # FILE… FILE: the lines of the last one that none of the others has
  awk 'FILENAME != ARGV[ARGC - 1] { told[$0]; next } !($0 in told)' "$@"
}

look_by() { # NODE KIND
  printf '@ %s %s\n' "$@"
  case $2 in
    ip6) in_node "$1" ip -6 -N rule show ;;
    tc) in_node "$1" tc qdisc show ;;
    bridge) in_node "$1" bridge vlan show && in_node "$1" bridge fdb show ;;
    wg) in_node "$1" wg show all public-key && in_node "$1" wg show all allowed-ips ;;
    *tables) in_node "$1" "$2-save" ;;
  esac
}

# For `check`: what others may have put into namespaces and nobody would look for there. It takes as long as all the rest,
# and is left out where there are many of them, unless one asks for it (--strict).
look_further() { # NODE…
  [[ $ACTION == check && $# -gt 0 && ( $STRICT || $# -le 50 ) ]] || return 0
  printf '%s\n' 'echo @further' 'ip -6 -N rule show' 'nft -s list ruleset 2>/dev/null || { iptables-save; ip6tables-save; } 2>/dev/null || true' \
    '! read -r _ </proc/net/ip_tables_names || iptables-legacy-save' '! read -r _ </proc/net/ip6_tables_names || ip6tables-legacy-save' >"$TMP/commands"
  printf '@in %s\n' "$*"
  enter_each "sh $TMP/commands" "$@" 2>/dev/null
}

# Whoever was killed while making a namespace left a file that is none: nothing is mounted there.
namespaces_there() {
  local path line
  local -A there=()
  while read -r _ _ _ _ path _; do [[ $path != /run/netns/* ]] || there[${path##*/}]=1; done </proc/self/mountinfo
  for line in "${LINES[@]}" "${OLD[@]}"; do
    [[ $line == 'host ip netns add '* && ${there[${line##* }]:-} ]] || continue
    unset "there[${line##* }]"
    printf '%s\n' "${line##* }"
  done
}

# Less what changes by itself, and what belongs to the kernel or to a daemon: local and link-local routes, and what router
# advertisements, DHCP clients and routing daemons put there. Rules stay in order.
in_words() { # LINES WHAT IS SAID…
  awk -v mine="nsgen:$NAME" -v chains="^NSGEN-$NAME-[A-Z]" '
    BEGIN {
      split("state mode qdisc link-netns link-netnsid promiscuity allmulti minmtu maxmtu brd bridge_id designated_root " \
        "designated_bridge designated_port designated_cost root_port root_path_cost topology_change topology_change_ack " \
        "topology_change_detected config_pending port_id port_no numtxqueues numrxqueues mcast_n_groups fdb_n_learned " \
        "permaddr perm_hwaddr active_slave mii_status link_failure_count", words, " ")
      for (i in words) changes[words[i]]
    }
    function say(text) { gsub(/[ \t\\]+/, " ", text); sub(/ $/, "", text); print node ": " text | "sort" }
    function ours(device) { return node != "host" || device in devices }
    function device_of(text) { if (!sub(/.* dev /, "", text)) return ""; sub(/ .*/, "", text); return text }
    function key(first, second, device) { # of what is ours on a device that is not
      if (first ~ /^(priority|blackhole|unreachable|prohibit|throw)$/) { first = second; device = "" }
      sub(/\/(32|128)$/, "", first)
      return first SUBSEP device
    }
    FNR == NR { if (/^host ip /) wanted[key($5, $6, device_of($0))]; next }
    $1 == "@in" { split($0, names); at = 1; program = "ip"; next }
    $1 == "@further" { node = names[++at]; program = $1; chain = ""; next }
    $1 == "@" { node = $2; program = $3; split("", takes); next }
    program == "@further" && !/^[0-9]+:/ {
      if ($1 == "chain") chain = $2
      if ((/^\t\t/ && !/hook/ || /^-A/) && $0 chain !~ ("NSGEN-" substr(mine, 7) "-")) say("rules " chain " " $0)
      next
    }
    program == "tc" { if (/qdisc netem/) { sub(/netem [^ ]+/, "netem"); sub(/ refcnt [0-9]+/, ""); say($0) } next }
    program == "wg" { say("wireguard " $0); next }
    program == "bridge" {
      if (/ dst .*permanent/) say("fdb " $0)
      else if (!/ dev |^port/) { if (/^[^ \t]/) { port = $1; $1 = "" } if (NF) say("vlan " port " " $0) }
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
      if (node == "host" && $0 !~ (" alias " mine "(:[^ ]*)?$")) next
      devices[device]; kind = ""; say("device " device)
      say("link " device ($3 ~ /[<,]UP[,>]/ ? " up" : " down")); say("link " device " arp " ($3 ~ /NOARP/ ? "off" : "on"))
      for (i = 4; i < NF; i += 2) {
        if ($i == "\\") { # -o puts several lines into one
          kind = $(i + 1) == "alias" ? "" : "type " $(i + 1) " "
          if (kind == "") i--
          continue
        }
        if ($i == "addrgenmode") kind = ""
        if ($i == "qdisc" && $(i + 1) !~ /^(noop|noqueue|mq|fq|fq_codel|pfifo_fast|pfifo)$/) say("qdisc " device " " $(i + 1))
        if (!($i in changes) && $i !~ /_timer$|^(tso|gso|gro)_|^ad_/) say("link " device " " kind ($i ~ /^link\// ? "address" : $i) " " $(i + 1))
      }
      next
    }
    /^[0-9]+: [^ ]+ +inet/ {
      if (/ (dynamic|temporary|mngtmpaddr)( |$)| proto kernel_(ll|ra)( |$)| inet6 fe80:[^ ]*ff:fe/) next
      sub(/\\.*/, ""); gsub(/ (tentative|dadfailed|optimistic|secondary|deprecated)/, "")
      if (ours($2) || key($4, "", $2) in wanted) say(substr($0, index($0, $3)) " dev " $2)
      next
    }
    /^[0-9]+:/ {
      priority = $1; sub(/:/, "", priority); $1 = ""; sub(/ proto (unspec|boot)/, "")
      if (/ proto kernel/ || priority ~ /^(0|32766|32767)$/ && / lookup (local|main|default|25[345])( |$)/) next
      if (node != "host" || key(priority, "", "") in wanted) say("rule priority " priority $0)
      next
    }
    / PERMANENT/ { if (node != "host") say("neighbour " $0); next }
    / proto (kernel|boot|static)( |$)/ {
      if (/ table local .*proto kernel|fe80::\/64 .*proto kernel|^(multicast|broadcast|anycast|local) .*proto kernel/) next
      gsub(/ (linkdown|dead|offload|rt_offload|trap|rt_trap) /, " "); gsub(/ expires [0-9]+sec/, "")
      gsub(/^unicast | table main| proto boot| scope global/, "") # which go without saying
      if (ours(device_of($0)) || key($1, $2, device_of($0)) in wanted) say("route " $0)
    }
    END { close("sort"); for (i = 1; i <= n; i++) print rules[i] }' "$@"
}

# What was seen and is not so now is missing, and there may be something else instead; what else has come is besides, but
# for rules in our chains, and devices of this host with our mark: somebody has given one of ours another name. (Routes of
# the kernel come and go with addresses.)
differ() { # SEEN NOW
  { diff -N "$1" "$2" || (($? == 1)); } | awk '
    { node = $2; sub(/:$/, "", node); text = $0; sub(/^[<>] [^ ]+ /, "", text) }
    $3 == "device" && $1 == "<" { gone[node, $4] = 1; if ($4 == "lo") { lost[node] = 1; text = "the namespace" } }
    $3 == "device" && $1 == ">" { come[node, $4] = 1 }
    node in lost && text != "the namespace" || $3 == "link" && ((node, $4) in gone || (node, $4) in come) { next }
    $1 == "<" { print node ": missing: " text; next }
    $1 != ">" || / proto kernel / { next }
    { print node ": " ($3 == "link" ? "instead" : text ~ /^ip6?tables / || node " " $3 == "host device" ? "added" : "besides") ": " text }'
}

check_devices() {
  list_ours >"$TMP/now"
  cmp -s "$STATE/seen" "$TMP/now" || differ "$STATE/seen" "$TMP/now"
}

# Over a topology that is up: what somebody else has put there is no part of ours afterwards, and what differs is set back.
prepare_devices() {
  local node line
  [[ $WAS_UP ]] || return 0
  if [[ ! -e $STATE/besides ]]; then
    differ "$STATE/seen" "$TMP/now" | sed -n 's/: besides: /: /p' >"$TMP/besides"
    mv "$TMP/besides" "$STATE/besides"
  fi
  for line in "${LINES[@]}"; do
    [[ ! ${KEPT[$line]:-} ]] || continue
    case $line in
      *' ip link add '*' netns '*) line=${line##* netns } && CHANGED["${line%% *} ip"]=1 ;; # it has to be set there
      *' addrgenmode none'*) # what a device has made for itself while it had IPv6, and is to have no more
        node=${line%% *} line=${line#* dev }
        in_node "$node" ip address flush dev "${line%% *}" to fe80::/10 &>/dev/null || true
        ;;
    esac
  done
  : >"$TMP/remade"
  { set_back; sed -nE '/: (missing: (device|the namespace)|added: device)/p' <<<"$DRIFT"; } | remake
}

# In the words in which it was seen. Routes of the kernel come with their devices; those to its own addresses are not seen.
set_back() {
  local node line
  sed -nE 's/^([^:]+): missing: link /\1 /p' <<<"$DRIFT" | while read -r node line; do
    in_node "$node" ip -batch - <<<"link set dev $line" &>/dev/null || printf '%s: missing: link %s\n' "$node" "$line"
  done
  sed -nE 's/^([^:]+): missing: route .* dev ([^ ]+) proto kernel .*/\1 \2/p' <<<"$DRIFT" | sort -u | while read -r node line; do
    if [[ $node != host ]]; then
      printf '%s\n' "link set dev $line down" 'link set dev lo down' | in_node "$node" ip -force -batch - &>/dev/null || true
    elif is_marked "$line"; then
      ip link set dev "$line" down || true
    fi
  done
}

# Whichever end of a cable they are, they go, and their lines make them again. What no line makes, as lo, comes up anew.
remake() { # <WHAT DIFFERS
  local node device line made
  sed -nE 's/^([^:]+): [a-z]+: (device|link) ([^ ]+).*/\1 \3/p; s/^([^:]+): missing: the namespace/\1 */p' | sort -u | while read -r node device; do
    made=''
    printf '%s %s\n' "$node" "$device" >>"$TMP/remade" # with another address, unless it has one of its own
    for line in "${LINES[@]}"; do
      [[ " $line " == *' '$device' '* && " $line " == @(" $node "|*" netns $node ")* &&
        $line =~ ^([^ ]+)' ip link add name '([^ ]+)(.*' netns '([^ ]+)' type ')? ]] || continue
      made=yes
      in_node "${BASH_REMATCH[4]:-${BASH_REMATCH[1]}}" ip link del dev "${BASH_REMATCH[2]}" &>/dev/null || true
    done
    if [[ $device == '*' ]]; then
      rm -f "/run/netns/$node" # whoever was killed while making it left a file that is none
    elif [[ $node == host ]]; then
      ! is_marked "$device" || ip link del dev "$device" &>/dev/null || true # it has another name now
    elif [[ ! $made ]]; then
      in_node "$node" ip link set dev "$device" down &>/dev/null || true
    fi
  done
}

# Services and commands come after this: they may have ideas of their own.
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

# What still differs is made again; what then still does, is told.
finish_devices() {
  local still
  look_devices
  still=$(still_differs)
  if [[ $still ]]; then
    remake <<<"$still"
    rm "$TMP/seen"
    make
    look_devices
    still=$(still_differs)
    [[ ! $still ]] || die "this cannot be put right: $still"
  fi
  if [[ -e $STATE/besides ]]; then
    without "$STATE/besides" "$TMP/seen" >"$TMP/ours"
    mv "$TMP/ours" "$TMP/seen"
  fi
  mv "$TMP/seen" "$STATE/seen"
  [[ ! -e $STATE/besides ]] || mv "$STATE/besides" "$TMP/besides"
}

still_differs() {
  local line node kind device remade
  [[ $DRIFT ]] || return 0
  differ "$STATE/seen" "$TMP/seen" >"$TMP/still"
  remade=$'\n'$(<"$TMP/remade")$'\n'
  while IFS= read -r line; do
    read -r node _ kind device _ <<<"$line"
    [[ $'\n'$DRIFT$'\n' != *$'\n'"$line"$'\n'* || $kind == link && $remade == *$'\n'"${node%:} $device"$'\n'* ]] || printf '%s\n' "$line"
  done <"$TMP/still"
}

# ---- undoing ----

# All of them together, by settle_devices; but not what has a name of ours and the mark of somebody else.
undo_ip() { # NODE LINE
  local name=${2#link add name }
  [[ ${ALIAS[lo]:-} ]] || know_devices || { left 'ip link show failed' && return 0; }
  case "$1 $2" in
    'host netns add '*) is_our_namespace "$2" || return 0 ;;
    'host link add '*' netns '*' type '*) ;;
    'host link add '*) is_free "${name%% *}" "$2" || return 0 ;;
  esac
  UNDONE+=("$1 ip $2")
}

undo_ip6() { UNDONE+=("$1 ip6 $2"); }
undo_bridge() { UNDONE+=("$1 bridge $2"); }
undo_tc() { UNDONE+=("$1 tc $2"); }

settle_devices() {
  local node kind line key output
  local -A batch=()
  ((${#UNDONE[@]})) || return 0
  printf '%s\n' "${UNDONE[@]}" | turn >"$TMP/turned" || { left 'awk failed' && return 0; }
  UNDONE=()
  [[ " ${!NEW[*]} " == *' ip '* ]] || rm -f "$STATE/seen"
  name_holders
  while read -r node kind line; do batch["$node $kind"]+=$line$'\n'; done <"$TMP/turned"
  for key in 'host ip' "${!batch[@]}"; do # the kernel removes the cables of all namespaces that have gone at once
    [[ ${batch[$key]:-} ]] || continue
    output=$(run_batch "${key% *}" "${key#* }" "${batch[$key]}") || [[ $output ]] || left "$key failed" # what is gone is said to be so; what did not run says nothing
    batch[$key]=''
  done
  know_devices || { left 'ip link show failed' && return 0; }
  while read -r node kind line; do
    case "$node $line" in
      'host netns del '*) [[ ! -e /run/netns/${line##* } ]] || left "namespace ${line##* } could not be deleted" ;;
      'host link del '*) [[ ! ${ALIAS[${line##* }]:-} ]] || left "device ${line##* } could not be deleted" ;;
    esac
  done <"$TMP/turned"
}

# NODE KIND LINE: each with its verb turned. What is set of a device, or in a namespace, that goes is gone with it.
turn() {
  awk '
    { line[NR] = $0; if ($3 == "netns") { going[$5]; print "host ip netns del " $5 } else if ($3 $4 == "linkadd") going[$1, $6] }
    END {
      for (i = 1; i <= NR; i++) {
        $0 = line[i]; node = $1; device = $0; if (!sub(/.* dev /, "", device)) device = ""; sub(/ .*/, "", device)
        if (node in going || (node, device) in going || $3 == "netns") continue
        if ($3 $4 == "linkadd") {
          if (match($0, / netns [^ ]+ type /)) node = substr($0, RSTART + 7, RLENGTH - 13)
          if (!(node in going)) print node, "ip link del dev", $6
          continue
        }
        if (/ addrgenmode none/) { print node, "sysctl net/ipv6/conf/" device "/addr_gen_mode=0"; continue } # ip(8) makes no address
        if (/ (address|route|qdisc) replace /) { sub(/ replace /, " del "); sub(/ netem .*| nodad$/, "") }
        else if (/ (rule|vlan|fdb) (add|append) /) { sub(/ (add|append) /, " del "); sub(/ pvid untagged$/, "") }
        else if (/ type bridge_slave .* on$/) sub(/ on$/, " off")
        else if (/ type bridge nf_call/) gsub(/ 1/, " 0")
        else if (/ link set dev [^ ]+ master /) sub(/ master .*/, " nomaster")
        else if (/ link set dev [^ ]+ up$/) sub(/ up$/, " down")
        else continue
        print
      }
    }'
}

# A namespace lives on, without a name, as long as a process is in it.
name_holders() {
  local inode path pid name
  local -a deleted=()
  local -A named=()
  while IFS= read -r path; do [[ $path != 'host ip netns del '* ]] || deleted+=("/run/netns/${path##* }"); done <"$TMP/turned"
  ((${#deleted[@]})) || return 0
  while read -r inode path; do named[$inode]=${path##*/}; done < <(stat -L -c '%i %n' "${deleted[@]}" 2>/dev/null)
  while read -r inode path; do
    [[ ${named[$inode]:-} ]] || continue
    pid=${path#/proc/} pid=${pid%%/*} name='?'
    { read -r name <"/proc/$pid/comm"; } 2>/dev/null || true
    say "process $pid ($name) is still in namespace ${named[$inode]}, which goes when it ends"
  done < <(stat -L -c '%i %n' /proc/[0-9]*/ns/net 2>/dev/null)
}
