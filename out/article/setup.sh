#!/usr/bin/env bash
{ trap 'exit 2' EXIT; } # a copy of this that is not whole fails: bash may take a cut inside of [[ for a success
{ trap - EXIT # up to the last line: and it runs nothing
# article: 2 network namespaces (red, blue) on 1 network (bridge0), with internet access, 1 published port.
#
#   8080/tcp -> red, 192.168.15.2 port 80
#
#   sudo ./setup.sh          build it; if it is there, repair it or bring it up to date
#   sudo ./setup.sh plan     tell what that would undo and run now, and do none of it
#   sudo ./setup.sh try      the same on trial: unless it is confirmed, it goes back
#   sudo ./setup.sh check    tell what is missing, changed or besides, node by node
#   sudo ./setup.sh status   that on one screen, with since when it is up, and which services run
#   sudo ./setup.sh down     remove it, and put back what it changed
#
# Made by nsgen from a topology: change that and render again. To review it, read topology(): every change to the
# machine is there, with its reason. What follows is the runtime 41fa53d027c8, the same in every script, less the parts
# that this one does not need; `nsgen runtime` prints it.

set -euo pipefail
shopt -s nullglob inherit_errexit
export LC_ALL=C

NAME='article'
WHAT='2 namespaces, 1 network, 1 published port'
PARTS='rules devices modules parameters files services status try install'
PROGRAMS='ip:iproute2 ss:iproute2 nsenter:util-linux unshare:util-linux mount:mount xargs:findutils flock:util-linux iptables:iptables sysctl:procps setsid:util-linux runuser:util-linux python3'
PORTS=tcp/8080
TRIAL='veth ip link add name t0 type veth peer name t1
bridge ip link add name t2 type bridge'
MODULES='xt_MASQUERADE xt_addrtype xt_comment xt_conntrack xt_nat xt_physdev xt_tcpudp'
REACHED='192.168.15.2 192.168.15.3'
RESOLVING='red, blue'

# What is built, in order, and why.
topology() {
  # ---- Network managers ----

  # systemd-networkd and NetworkManager may have been told to manage every device: they would ask for addresses on ours,
  # and take away what they do not know. Where they are, each is told what to leave alone.
  file /run/systemd/network/00-nsgen-article.network systemd-networkd <<'FILE'
# nsgen:article
[Match]
Name=bridge0 veth-red-br veth-blue-br

[Link]
Unmanaged=yes
FILE
  file /run/NetworkManager/conf.d/nsgen-article.conf NetworkManager <<'FILE'
# nsgen:article
[device-nsgen-article]
match-device=interface-name:bridge0;interface-name:veth-red-br;interface-name:veth-blue-br
managed=0
FILE

  # ---- Kernel modules ----

  modules <<'MODULES'
# br_netfilter lets iptables see the packets that cross a bridge without leaving it. It is needed because a reply from
# one namespace to another would otherwise go straight through the bridge, past the rule that has to translate it back.
br_netfilter
MODULES

  # ---- Namespaces ----

  # A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
  # its own, and shares none of them with this host.
  ip_in host <<'IP'
netns add red
netns add blue
IP

  # ---- Network bridge0 ----

  # "Bridge" is another word for switch. bridge0 is both: the switch that the namespaces are plugged into, and this
  # host's own interface on that switch. Its MAC address is fixed here; left alone, it would change with every port.
  ip_in host <<'IP'
link add name bridge0 address 02:cc:75:e1:10:7b type bridge stp_state 0
link set dev bridge0 alias nsgen:article
IP

  parameters host <<'PARAMETERS'
# bridge0 is an IPv4 network: without this, IPv6 would be a way in that no rule below covers.
net.ipv6.conf.bridge0.disable_ipv6 = 1
PARAMETERS

  # A veth pair is a cable with two ends: one in the namespace, the other a port of bridge0.
  ip_in host <<'IP'
link add name veth-red-br type veth peer name veth-red netns red
link set dev veth-red-br alias nsgen:article addrgenmode none master bridge0
link set dev veth-red-br up
link add name veth-blue-br type veth peer name veth-blue netns blue
link set dev veth-blue-br alias nsgen:article addrgenmode none master bridge0
link set dev veth-blue-br up
IP

  # A bridge never sends a frame back through the port it came from. For a namespace that asks for its own published
  # port that is just what has to happen: its packet goes to the host and is translated to the namespace itself.
  ip_in host <<'IP'
link set dev veth-red-br type bridge_slave hairpin on
IP

  # With an address on bridge0 the host is a neighbour of the namespaces: it reaches them, they reach it. Setting the
  # address also adds the route to 192.168.15.0/24.
  ip_in host <<'IP'
address replace 192.168.15.1/24 dev bridge0
link set dev bridge0 up
IP

  # ---- Inside the namespaces ----

  # The prefix of an address adds a route: the whole subnet is reached directly, without a router. For all else there is
  # the default route: to this host, which passes it on as a router does.

  ip_in red <<'IP'
link set dev lo alias nsgen:article up
link set dev veth-red addrgenmode none
address replace 192.168.15.2/24 dev veth-red
link set dev veth-red up
route replace default via 192.168.15.1 dev veth-red
IP

  parameters red <<'PARAMETERS'
# A port below 1024 is root's. Here it need not be: whoever serves on one as somebody else has this namespace for
# himself. (Docker sets this in every container.)
net.ipv4.ip_unprivileged_port_start = 0
PARAMETERS

  ip_in blue <<'IP'
link set dev lo alias nsgen:article up
link set dev veth-blue addrgenmode none
address replace 192.168.15.3/24 dev veth-blue
link set dev veth-blue up
route replace default via 192.168.15.1 dev veth-blue
IP

  # ---- Rules, IPv4 ----

  # A built-in chain gets one rule, the jump to a chain of ours. It goes first, but for the way out (FROM), which goes
  # behind what other programs' rules say of their own networks. Last come those that are needed only where a parameter
  # was 0 before a topology set it.
  rules host iptables <<'RULES'
*raw
:NSGEN-article-RAW - [0:0]
# route_localnet, below, would also let a namespace or a neighbour reach what listens on this host's 127.0.0.1 only. A
# packet with such an address that did not come from lo is forged.
-A NSGEN-article-RAW -d 127.0.0.0/8 ! -i lo -j DROP
-A NSGEN-article-RAW -s 127.0.0.0/8 ! -i lo -j DROP
# Other machines may use what is published, and nothing by a namespace's own address, whatever route they set up. Here
# and not in FORWARD, so that no other program's rule can accept it first.
-A NSGEN-article-RAW -d 192.168.15.0/24 ! -i bridge0 -m addrtype ! --dst-type LOCAL -j DROP
-I PREROUTING -m comment --comment nsgen:article -j NSGEN-article-RAW
COMMIT
*nat
:NSGEN-article-PRE - [0:0]
:NSGEN-article-OUTPUT - [0:0]
:NSGEN-article-POST - [0:0]
# To a published port of this host (the jump takes only packets to the host's own addresses, so a connection to somebody
# else's port of that number stays theirs): on to the namespace. Other machines come this way, and so do namespaces,
# which are other machines to the host.
-A NSGEN-article-PRE -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.15.2:80
# The host's own packets do not pass PREROUTING; they need the same rule in OUTPUT.
-A NSGEN-article-OUTPUT -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.15.2:80
# What leaves for anywhere but bridge0 gets this host's address as its source: nobody outside knows a route to the
# namespaces. Any way out will do, so none is named.
-A NSGEN-article-POST -s 192.168.15.0/24 ! -d 224.0.0.0/4 ! -o bridge0 -j MASQUERADE
# A request to 127.0.0.1 comes from 127.0.0.1, an address to which no namespace can reply: give it the host's address on
# the bridge.
-A NSGEN-article-POST -s 127.0.0.0/8 -o bridge0 -j MASQUERADE
# A namespace asking for its own published port would get a request from itself, and answer itself without the host.
# Asked from the host's address, it answers the host, which translates back.
-A NSGEN-article-POST -s 192.168.15.2/32 -d 192.168.15.2/32 -o bridge0 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j MASQUERADE
-I PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:article -j NSGEN-article-PRE
-I OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:article -j NSGEN-article-OUTPUT
-I POSTROUTING -m comment --comment nsgen:article -j NSGEN-article-POST
COMMIT
*filter
:NSGEN-article-INTO - [0:0]
:NSGEN-article-FROM - [0:0]
:NSGEN-article-OTHERS - [0:0]
:NSGEN-article-GUARD - [0:0]
# What connection tracking cannot place would leave untranslated, with a source that nobody outside can answer.
-A NSGEN-article-INTO -i bridge0 ! -o bridge0 -m conntrack --ctstate INVALID -j DROP
# Both directions of what was let through once.
-A NSGEN-article-INTO -o bridge0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A NSGEN-article-INTO -i bridge0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
# Published ports: only what was translated on its way in, never a packet sent to the namespace's own address.
-A NSGEN-article-INTO -d 192.168.15.2/32 -o bridge0 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j ACCEPT
# Members of a network talk to each other. With br_netfilter their packets come by here, and a policy of DROP would stop
# them.
-A NSGEN-article-INTO -i bridge0 -o bridge0 -j ACCEPT
# Nothing else enters, from outside or from another network.
-A NSGEN-article-INTO ! -i bridge0 -o bridge0 -j DROP
# To the internet, from the network's own addresses.
-A NSGEN-article-FROM -s 192.168.15.0/24 -i bridge0 ! -o bridge0 -j ACCEPT
# From any other address it is forged.
-A NSGEN-article-FROM -i bridge0 ! -o bridge0 -j DROP
# From here on iptables sees what crosses any bridge of this host (bridge-nf-call-iptables, below). Where it did not
# before, a policy of DROP would cut other programs' virtual machines and containers off from each other: what none of
# their rules has dropped goes on.
-A NSGEN-article-OTHERS -m physdev --physdev-is-bridged -j ACCEPT
# A host that forwards is a router for whoever sends it packets. If it was none before, it is one for our networks
# alone: what got here is neither from them nor to them. (Frames that only cross some bridge are not routed, and go on.)
-A NSGEN-article-GUARD -m physdev --physdev-is-bridged -j RETURN
-A NSGEN-article-GUARD -j DROP
-I FORWARD -m comment --comment nsgen:article -j NSGEN-article-INTO
-A FORWARD -m comment --comment nsgen:article -j NSGEN-article-FROM
COMMIT
RULES
  where_off net.bridge.bridge-nf-call-iptables rules host iptables <<'RULES'
*filter
-A FORWARD -m comment --comment nsgen:article -j NSGEN-article-OTHERS
COMMIT
RULES
  where_off net.ipv4.ip_forward rules host iptables <<'RULES'
*filter
-A FORWARD -m comment --comment nsgen:article -j NSGEN-article-GUARD
COMMIT
RULES

  # ---- Kernel parameters ----

  parameters host <<'PARAMETERS'
# Without this the kernel drops a packet from 127.0.0.1 that is routed to another interface, as a request to 127.0.0.1
# is once it is translated.
net.ipv4.conf.bridge0.route_localnet = 1
# A namespace that uses a port published by a sibling is answered through the bridge, without any routing. With this,
# iptables sees the answer there, and translates its source back to the address that was asked; without it, an answer
# comes from an address that nobody asked, and is thrown away.
net.bridge.bridge-nf-call-iptables = 1
# Packets of the namespaces come neither from this host nor are they for it: to pass them on, the host has to act as a
# router. This comes last, when every rule is in place.
net.ipv4.ip_forward = 1
PARAMETERS

  # ---- Services ----

  # Started in red, with its output under /run/nsgen/article/.
  service red web env -C /usr/share/doc runuser -u nobody -- python3 -m http.server 80
}

# ======================================================================================================================
# topology() is read, and taken as lines: NODE KIND WORDS…, one for each thing that is to be there. They are kept in
# /run/nsgen/NAME, gone after a reboot like all of it, and written down before anything is done. Lines that are kept and
# no longer wanted are undone, the last one first; `down` wants none. A command that fails ends the run (set -e): nothing
# that may fail is called in a condition; `ended` puts things right.

main() {
  begin
  [[ ${1:-} != -v ]] || { VERBOSE=yes && shift; }
  [[ ! $* =~ ^try(' '([1-9][0-9]{0,4}))?$ ]] || { PATIENCE=${BASH_REMATCH[2]:-60} && set --; }
  case $* in
    '' | up | down | check | status | confirm | install | uninstall) ;;
    logs | 'logs '*) declare -F logs >/dev/null || die 'there are no services' ;;
    'check --strict') STRICT=yes ;;
    plan) PLAN=yes && set -- ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  ACTION=${1:-up}
  topology
  [[ $ACTION != logs ]] || logs "${@:2}"
  require
  lock
  recall
  "$ACTION"
  [[ ! $WATCHER ]] || await
}

begin() {
  STATE=/run/nsgen/$NAME TMP=/run/nsgen/tmp WAS_UP='' LEFT='' LOCK='' DRIFT='' VERBOSE='' STRICT='' UNDER_WAY=''
  PLAN='' PATIENCE='' WATCHER='' ANEW='' SELF='' FILE=${BASH_SOURCE[0]:-} UNDOING='rules devices joined parameters'
  declare -ga LINES=() BLOCKS=() TEXTS=() OLD=() PROBLEMS=() NODES=()
  declare -gA NEW=() KEPT=() CHANGED=() KINDS=() TEXT=() WAITING=() LATER=() TOLD=()
  each begin
}

usage() { printf 'usage: %s [-v] [up|down|check [--strict]|status|logs [-f] [NODE[.SERVICE]]|plan|try [SECONDS]|confirm|install|uninstall]\n' "${0##*/}"; }
say() { printf 'nsgen: %s: %s\n' "$NAME" "$*" >&2; }
die() { say "$@" && exit 1; }
left() { say "$@" && LEFT=yes; } # what could not be removed: the rest is, and what is kept of this stays kept
remove() { rm -rf "$@" || left "$1 cannot be removed"; }

run() { [[ ! $VERBOSE ]] || printf '[#] %s\n' "$*" >&2 && "$@"; } # with -v, it is shown
act() { [[ $PLAN ]] || "$@"; } # what `plan` does not do
in_node() { if [[ $1 == host ]]; then "${@:2}"; else nsenter --net="${JOINED[$1]:-/run/netns/$1}" "${@:2}"; fi; } # NODE COMMAND…

take() { # NODE KIND <LINES; comments are for the reader, names of tables and COMMIT for iptables-restore
  local text && IFS= read -rN 99999999 text || true
  if [[ $2 =~ ^(module|sysctl|ip6?tables)$ ]]; then
    TEXT["$1 $2"]+=$'\n'$text
    split "$text"
    printf -v text '%s\n' "${MAPFILE[@]/#[#*C]*}"
  fi
  add "$1" "$2" "$text"
}

# Lines of one kind, one after the other, are a block.
add() { # NODE KIND LINES
  [[ $3 ]] || return 0
  [[ $1 == host || ${KINDS["$1 ip"]:-} ]] || { NODES+=("$1") && KINDS["$1 ip"]=1; }
  [[ ${#BLOCKS[@]} -gt 0 && ${BLOCKS[-1]} == "$1 $2" ]] || { BLOCKS+=("$1 $2") && TEXTS+=(''); }
  KINDS["$1 $2"]=1 TEXTS[-1]+=${3%$'\n'}$'\n'
  split "$3" "$1 $2 "
  LINES+=("${MAPFILE[@]}")
}

# Into MAPFILE, as mapfile does it; but that reads what is piped letter by letter.
split() { # LINES [WHAT EACH IS TO BEGIN WITH]
  local line IFS=$'\n'
  MAPFILE=()
  set -f
  for line in $1; do MAPFILE+=("${2:-}$line"); done
  set +f
}

add_command() { local -a words=("${@:4}") && add "$1" "$2" "$3 ${words[*]@Q}"; } # NODE KIND NAME COMMAND…

# What there is to do at some step for the lines of a kind, and for a part of this script.
every() { # STEP
  local index block line
  for index in "${!BLOCKS[@]}"; do
    block=${BLOCKS[index]}
    [[ $1 != survey || $block == 'host '* || $block == *' device' ]] || continue
    declare -F "$1_${block#* }" >/dev/null || continue
    split "${TEXTS[index]}"
    for line in "${MAPFILE[@]}"; do
      [[ $1 == survey && $line == 'link set '* || $1 == check && ! ${KEPT["$block $line"]:-} ]] || "$1_${block#* }" "${block% *}" "$line"
    done
  done
}

each() { local part && for part in ${2:-$PARTS}; do ! declare -F "$1_$part" >/dev/null || "$1_$part"; done; } # STEP [PARTS]

# What is to be done inside of namespaces waits, and is then done together.
make() {
  local index node kind
  for index in "${!BLOCKS[@]}"; do
    node=${BLOCKS[index]% *} kind=${BLOCKS[index]#* }
    tell_text "$node" "$kind" "${TEXTS[index]}"
    if [[ $PLAN ]]; then continue; fi
    if [[ $node != host && $kind =~ ^(ip6?|bridge|tc|sysctl)$ ]]; then WAITING["$kind $node"]+=${TEXTS[index]} && continue; fi
    each flush
    make_text "$node" "$kind" "${TEXTS[index]}"
  done
  each flush
}

make_text() { # NODE KIND LINES: one by one, or all at once
  local line
  if declare -F "make_$2" >/dev/null; then
    split "$3"
    for line in "${MAPFILE[@]}"; do "make_$2" "$1" "$line"; done
  elif [[ $2 == *tables ]]; then run_rules "$1" "$2"
  elif [[ $2 == ip ]]; then run_ip "$1" "$3"
  else run_lines "$@"; fi
}

# What `up` does, as it does it, and `plan` before: - is undone, + is new, ~ is set right, or goes and is made again.
tell() { # SIGN LINE
  [[ ${ACTION:-} != up || ${TOLD[$*]:-} ]] || printf '%s %s: %s\n' "$1" "${2%% *}" "${2#* }"
  TOLD[$*]=1
}

tell_text() { # NODE KIND LINES
  local line
  [[ $WAS_UP ]] || { split "$3" "+ $1: $2 " && printf '%s\n' "${MAPFILE[@]}" && return; } # all of it is new
  [[ $2 != udp || ! ${CHANGED["$1 iptables"]:-}${CHANGED["$1 ip6tables"]:-} ]] || ANEW+="|$1 udp *" # as `make_udp`
  split "$3" "$1 $2 "
  for line in "${MAPFILE[@]}"; do
    if [[ ! ${KEPT[$line]:-} ]]; then tell + "$line"; elif [[ "$line " == @($ANEW) ]]; then tell '~' "$line" && anew "$line"; fi
  done
}

# A device that is made anew, at both ends: as patterns of lines about it.
anew() { # LINE
  local about='@(ip|bridge|tc|sysctl|wg)*[ ./]' first
  [[ $1 =~ ^([^ ]+)' ip '[a-z]+' add name '([^ ]+)(.*' netns '([^ ]+)' type ')?(.*' peer name '([^ ]+)(' netns '([^ ]+))?)? ]] || return 0
  first="${BASH_REMATCH[4]:-${BASH_REMATCH[1]}} $about${BASH_REMATCH[2]}[ ./]*"
  ANEW+="|$first|${BASH_REMATCH[8]:-${BASH_REMATCH[1]}} $about${BASH_REMATCH[6]:-${BASH_REMATCH[2]}}[ ./]*"
}

# OLD: what earlier runs made. CHANGED: what there is more of, or less.
recall() {
  local line node kind device
  NEW=() KEPT=() OLD=() CHANGED=()
  [[ ! -e $STATE/made ]] || mapfile -t OLD <"$STATE/made"
  [[ ${OLD[*]} || -e $STATE/up ]] || return 0
  [[ $ACTION == down && ${OLD[*]} ]] || for line in "${LINES[@]}"; do NEW[$line]=1; done # `down` wants none
  for line in "${OLD[@]}"; do KEPT[$line]=1; done
  [[ ${OLD[*]} != "${LINES[*]}" ]] || return 0
  learn
  for line in "${LINES[@]}" "${OLD[@]}"; do
    if [[ ${NEW[$line]:-} && ${KEPT[$line]:-} ]]; then continue; fi
    node=${line%% *} kind=${line#* } device=${line#* dev }
    KINDS["$node ${kind%% *}"]=1 CHANGED["$node ${kind%% *}"]=1 CHANGED["$node dev ${device%% *}"]=1
  done
  each recall
}

# How to undo what was made by parts that this script has not: from the one that made it, and one that failed over that.
learn() {
  local file
  know_self
  for file in "$STATE"/script{,.new}; do [[ ! -s $file ]] || builtin source "$file"; done
  builtin source /dev/stdin <<<"$SELF"
  each begin "$UNDOING"
}

# Over what is up, lines are run again only where they are others, or something is not as it was.
is_wanted() { [[ ! $WAS_UP || $DRIFT || ${CHANGED["$1 $2"]:-}${CHANGED["$1 ip"]:-} ]]; } # NODE KIND

lives() { [[ $1 == host || ${NEW["host ip netns add $1"]:-} || -f $STATE/join.$1 ]]; } # NODE

keep() {
  [[ -d $STATE ]] || mkdir -p "$STATE"
  if [[ ${OLD[*]}${LINES[*]} ]]; then printf '%s\n' "${OLD[@]}" "${LINES[@]}"; fi >"$TMP/made"
  mv "$TMP/made" "$STATE/made"
}

# Without rights and programs nothing is begun, not even the lock taken; all else in the way is told, too.
require() {
  local entry
  # So has root of a user namespace: CAP_NET_ADMIN is bit 12, CAP_SYS_ADMIN bit 21.
  [[ $(</proc/self/status) =~ CapEff:[[:space:]]([0-9a-f]+) ]] && ((0x${BASH_REMATCH[1]} >> 12 & 0x${BASH_REMATCH[1]} >> 21 & 1)) ||
    PROBLEMS+=('run this as root (sudo): it changes what only root may')
  [[ /proc/self/ns/mnt -ef /proc/1/ns/mnt || ! $(ip netns identify 2>/dev/null) ]] ||
    PROBLEMS+=('this shell is inside of a namespace (ip netns exec): what is made here would be gone with it')
  for entry in $PROGRAMS; do
    if command -v "${entry%:*}" >/dev/null; then continue; fi
    if [[ $entry != *:* ]]; then PROBLEMS+=("there is no program $entry, which a service needs")
    else PROBLEMS+=("the program ${entry%:*} is missing: install the package ${entry#*:}"); fi
  done
  ((${#PROBLEMS[@]})) || return 0
  [[ $ACTION != up || ${PROBLEMS[0]} == *' this '* ]] || { recall && survey; } 2>/dev/null
  refuse
}

# What may be in the way.
survey() {
  each apart
  each survey
  every survey
}

# What failed when tried; and which of these modules are neither loaded nor there. (Where none is, a lone one.)
lacks() { # WHAT MODULES
  local module there lacking=''
  there=$(find "/lib/modules/$(uname -r)" -name '*.ko*' -print -o -name modules.builtin -exec cat {} + 2>/dev/null) || true
  for module in $2; do
    [[ -e /sys/module/$module || $there == *"/$module.ko"* || ! $there && $2 == *' '* ]] || lacking+=" $module"
  done
  PROBLEMS+=("$1" ${lacking:+"this kernel has no module$lacking: install kernel-modules-extra (EL, Fedora) or linux-modules-extra-\$(uname -r) (Ubuntu), then modprobe -a$lacking"})
}

refuse() {
  ((${#PROBLEMS[@]})) || return 0
  say 'nothing was changed, because'
  printf '  %s\n' "${PROBLEMS[@]}" | awk '!told[$0]++' >&2
  exit 1
}

# One run at a time on this machine: topologies share kernel parameters.
lock() {
  local folder
  exec {LOCK}</run
  flock -n "$LOCK" || { say 'another run is under way: waiting for its end' && flock "$LOCK"; } || die 'flock failed'
  trap ended EXIT
  trap 'exit 130' INT && trap 'exit 143' TERM && trap 'exit 129' HUP
  [[ $PLAN || ${NSGEN_BACK:-} || $ACTION == @(check|status|confirm) ]] || for folder in "$STATE".{try,back}; do
    [[ ! -d $folder ]] || flock -n "$folder" true || die 'it is on trial: confirm it first, or wait for the end of that'
  done
  if [[ $PLAN ]]; then TMP=$(mktemp -d) && return; fi
  [[ ! -e $TMP ]] || rm -rf "$TMP"
  mkdir -p "$TMP" /run/nsgen/sysctl || die "$TMP cannot be made"
}

# The folder goes with the last topology. Then it is another script's turn.
unlock() {
  tidy || tidy || die 'something is left under /run/nsgen; run down again'
  exec {LOCK}<&-
}

tidy() { rm -rf "$TMP" && { [[ $PLAN || ! -d /run/nsgen ]] || rmdir --ignore-fail-on-non-empty /run/nsgen/sysct[l] /run/nsgen; }; }

up() {
  each warn
  if [[ -e $STATE/up ]]; then
    WAS_UP=yes
    DRIFT=$(every check; each check) # what is not as it was
    DRIFT=$(what_counts "$DRIFT")
    [[ $DRIFT || -e $STATE/script.new || ${OLD[*]} != "${LINES[*]}" ]] || { say 'nothing to do' && return 0; }
  fi
  survey
  refuse
  [[ ! $PATIENCE ]] || start_watch
  [[ $PLAN ]] || UNDER_WAY=yes
  [[ ! $DRIFT ]] || printf '~ %s\n' "${DRIFT//$'\n'/$'\n~ '}"
  [[ $WAS_UP || ! ${OLD[*]} ]] || { clear_away && recall; } # of a run that was killed
  act keep
  undo
  [[ ! $LEFT ]] || die 'what is no longer wanted cannot be removed'
  know_self
  printf '%s\n' "$SELF" >"$TMP/script" # not before, see `learn`
  act mv "$TMP/script" "$STATE/script.new"
  each prepare
  make
  [[ ! $PLAN ]] || exit 2
  each finish
  [[ ! ${OLD[*]} ]] || { OLD=() && keep; }
  mv "$STATE/script.new" "$STATE/script" # last: until here, who goes back needs the old one
  [[ $WAS_UP ]] || : >"$STATE/up"
  trap '' INT TERM HUP && UNDER_WAY='' # it is done
  if [[ ! $WAS_UP ]]; then say "built $WHAT"; else say "brought up to date: $WHAT"; fi
}

ended() {
  local status=$? at=$BASH_COMMAND
  trap '' INT TERM HUP
  if ((status)); then
    if [[ $status == @(129|130|143) ]]; then say 'interrupted'; elif [[ $at != 'exit '* ]]; then say "failed at: $at"; fi # or it was said
    [[ ! $UNDER_WAY ]] || go_back
  fi
  unlock
}

# What worked before works again, by the script that made it; what was not there before this run is removed.
go_back() {
  if [[ $WATCHER ]]; then
    say 'it failed; going back to what was there before'
    unlock
    end_trial
  elif [[ ! $WAS_UP ]]; then
    say 'it failed; undoing what was done'
    recall
    clear_away || true
  elif [[ ${NSGEN_BACK:-} || ${OLD[*]} == "${LINES[*]}" ]]; then
    say 'it failed; what was up before is still up'
  else
    say 'it failed; going back to what was up before'
    unlock
    NSGEN_BACK=yes bash -c '. "$0" && main up' "$STATE/script" || true
    exit 1
  fi
}

down() {
  local what="removed $WHAT"
  [[ -e $STATE/made ]] || { OLD=("${LINES[@]}") && what='nothing to do'; } # what there is of it is then told by its marks
  clear_away
  [[ ! $LEFT ]] || die 'not everything could be removed; run down again'
  say "$what"
}

# From here on the topology is not up: should the next `up` fail, it undoes what is left.
clear_away() {
  LEFT='' NEW=()
  act remove "$STATE/up"
  undo
  if [[ $PLAN ]]; then STATE=$TMP; elif [[ ! $LEFT ]]; then remove "$STATE"; fi # here nothing is kept
}

undo() {
  local index line kind
  UNDONE=()
  ((${#OLD[@]})) || return 0
  for ((index = ${#OLD[@]} - 1; index >= 0; index--)); do
    line=${OLD[index]}
    if [[ ${NEW[$line]:-} ]]; then continue; fi
    if [[ ${ACTION:-} == up ]]; then
      tell - "$line" && anew "$line"
      [[ ! $PLAN ]] || continue
    fi
    kind=${line#* } kind=${kind%% *}
    if [[ ${LATER[$kind]:-} ]]; then [[ $kind == *tables ]] || UNDONE+=("$line") # by `settle`
    elif declare -F "undo_$kind" >/dev/null; then "undo_$kind" "${line%% *}" "${line#* * }"; fi # else it was only about to be made
  done
  [[ $PLAN ]] || each settle "$UNDOING"
}

check() {
  local found
  [[ -e $STATE/up ]] || { printf '%s is not up\n' "$NAME" && exit 1; }
  found=$(differences)
  [[ ! $found ]] || printf '%s\n' "$found"
  [[ $STRICT ]] || found=$(what_counts "$found")
  [[ ! $found ]] || exit 1
}

differences() {
  local line
  every check
  each check
  [[ ${OLD[*]} != "${LINES[*]}" ]] || return 0
  for line in "${OLD[@]}"; do [[ ${NEW[$line]:-} ]] || printf '%s: not in this script: %s\n' "${line%% *}" "${line#* }"; done
  for line in "${LINES[@]}"; do [[ ${KEPT[$line]:-} ]] || printf '%s: only in this script: %s\n' "${line%% *}" "${line#* }"; done
}

what_counts() { sed '/: besides: /d' <<<"$1"; } # DIFFERENCES

# This script: the file it is read from; of a pipe, what bash has read, without its comments.
print_self() {
  if [[ -f $FILE ]]; then cat "$FILE"; else know_self && printf '#!/usr/bin/env bash\n{\n%s\nmain "$@"\n}\n' "$SELF"; fi
}

know_self() { # once, before it has others' functions, see `learn`
  [[ $SELF ]] || SELF=$(
    printf '%s\n' 'set -euo pipefail' 'shopt -s nullglob inherit_errexit' 'export LC_ALL=C'
    declare -p NAME WHAT PARTS PROGRAMS PORTS TRIAL MODULES ${REACHED+REACHED}
    declare -f
  )
}

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

# ---- kernel modules ----

modules() { take host module; } # <NAMES

# Built in or loaded: then there is its name among the modules, or what it brings.
has_module() { [[ -e /sys/module/${1//-/_} || $1 == br_netfilter && -e /proc/sys/net/bridge ]]; }
check_module() { has_module "$2" || printf 'host: missing: the module %s\n' "$2"; }

survey_module() { # host NAME; an administrator forbids it in one of two ways, modprobe.d(5)
  if has_module "$2"; then return 0; fi
  command -v modprobe >/dev/null || { PROBLEMS+=('the program modprobe is missing: install the package kmod') && return 0; }
  modprobe -n -q "$2" 2>/dev/null || lacks "modprobe finds no $2" "$2"
  ! grep -qE "^(blacklist ${2//-/_}$|install ${2//-/_} .*/(true|false))" < <(modprobe -c 2>/dev/null) ||
    PROBLEMS+=("the kernel module $2 is blacklisted under modprobe.d")
}

make_module() { # host NAME
  if ! has_module "$2"; then
    [[ $2 != br_netfilter ]] || : >"$STATE/loading"
    run modprobe "$2" || die "the kernel module $2 cannot be loaded"
  fi
  undo_module
}

# It stays loaded: others may use it by now. But br_netfilter switches itself on for every bridge of this host; what is
# asked for is switched on below. (A run that is killed in between leaves a mark.)
undo_module() {
  local switch
  [[ -e $STATE/loading ]] || return 0
  for switch in /proc/sys/net/bridge/bridge-nf-call-*; do printf '0\n' >"$switch"; done
  rm "$STATE/loading"
}

# ---- kernel parameters ----
# In /run/nsgen/sysctl, shared by all topologies, NODE@KEY is what it was, and NODE@KEY:TOPOLOGY what each that needs it
# sets. The last one out puts it back, unless somebody else has changed it since.

begin_parameters() { RECORDS=(); }

parameters() { take "$1" sysctl; } # NODE <LINES

# A dot separates the parts of a key, unless a device's name has one; then it is a slash.
get_parameter() { # NODE KEY
  local text='' path=$2
  [[ $path == */* ]] || path=${path//.//}
  if [[ $1 == host ]]; then { IFS= read -r text || [[ $text ]]; } <"/proc/sys/$path"; else text=$(in_node "$1" sysctl -n "$2"); fi 2>/dev/null || return 1
  printf '%s' "${text//$'\t'/ }" # the kernel prints tabs between words
}

put_parameter() { # NODE KEY VALUE
  local path=$2
  [[ $path == */* ]] || path=${path//.//}
  [[ ! $VERBOSE ]] || printf '[#] %s: sysctl -w %s="%s"\n' "$@" >&2
  if [[ $1 == host ]]; then printf '%s\n' "$3" >"/proc/sys/$path"; else in_node "$1" sysctl -q -w "$2=$3"; fi
}

# A kernel without IPv6, and a device whose MTU is too small for it, has nothing to switch off.
may_lack() { [[ "$1 $2" == 'host net'?ipv6?* ]]; } # NODE KEY

survey_sysctl() { # host KEY = VALUE; the device or the module of some may come with this run
  [[ $2 =~ ^net[./](ipv[46][./]conf|bridge)[./] ]] || get_parameter host "${2%% = *}" >/dev/null ||
    PROBLEMS+=("this kernel has no parameter ${2%% = *}")
}

check_sysctl() { # NODE KEY = VALUE
  local now
  now=$(get_parameter "$1" "${2%% = *}") || { ! may_lack "$@" || return 0; now=missing; }
  [[ $now == "${2#* = }" ]] || printf '%s: changed: %s is %s, not %s\n' "$1" "${2%% = *}" "$now" "${2#* = }"
}

make_sysctl() { # NODE KEY = VALUE
  local key=${2%% = *} value=${2#* = } now record users
  now=$(get_parameter "$1" "$key") || { may_lack "$1" "$key" && return; die "$1: this kernel has no parameter $key"; }
  record=/run/nsgen/sysctl/$1@${key//\//%} users=("$record":*)
  ((${#users[@]})) || what_was "$1" "$key" "$now" >"$record" # which counts as soon as it has a user
  printf '%s\n' "$value" >"$record:$NAME"
  [[ $now == "$value" ]] || put_parameter "$1" "$key" "$value" || die "$1: $key cannot be set to $value"
}

what_was() { # NODE KEY NOW
  local along usual was=$3
  along=$(along_with "$1" "$2" chains)
  if set_at_boot "$@"; then # and so was what goes along with it
    was=0 along=${along//forwarding:1/forwarding:0}
    asked_for net.ipv4.conf.all.accept_redirects 0 || along=${along/redirects:0/redirects:1}
    printf '%s\n' "$2" >>/run/nsgen.boot
  fi
  printf '%s\n' "$was"
  usual=${along%%$'\n'*} # what `default` has: of devices, those are kept that have something else
  [[ ! $along ]] || sed "1! { /${usual##*/}\$/d; }" <<<"$along"
}

# Forwarding, switched, is switched on every device, and decides whether redirects are accepted (linux/net/ipv4/devinet.c,
# inet_forward_change). Other programs rely on it, too: those that have chains. What cannot be asked counts as nobody's.
along_with() { # NODE KEY [chains]
  local files tool=ip6tables
  [[ $2 == net.@(ipv4.ip_forward|ipv6.conf.all.forwarding) && ( $1 == host || -f $STATE/join.$1 ) ]] || return 0
  files="net/${2:4:4}/conf/default/forwarding net/${2:4:4}/conf/*/forwarding"
  [[ $2 == *ipv6* ]] || files+=' net/ipv4/conf/all/accept_redirects' tool=iptables
  in_node "$1" sh -c "cd /proc/sys && { grep -s '' $files || [ \$? = 2 ]; }" || return 1 # 2: a device has gone meanwhile
  [[ $1${3:-} != hostchains ]] || { "$tool" -w -S || "$tool" -w -S; } 2>/dev/null | sed '/^-N/!d; /^-N NSGEN-/d' || true
}

# By an administrator, in a file that sets parameters, sysctl.d(5).
asked_for() { # KEY VALUE
  grep -qsE --exclude='99-nsgen-*' "^\s*-?${1//[.\/]/[.\/]}\s*=\s*${2//[^0-9a-z]/.}\s*$" /dev/null \
    {/etc,/run,/usr/local/lib,/usr/lib}/sysctl.d/*.conf /etc/sysctl.con[f]
}

# Whether our own file, from before this boot, switched it on then, so that it counts as off; not once it has been put back.
set_at_boot() { # NODE KEY NOW
  local files=(/etc/sysctl.d/99-nsgen-*.conf)
  [[ $1$3 == host1 && ${files[*]} && $2 =~ forward|nf-call ]] && ! grep -qsxF "$2" /run/nsgen.boot && ! asked_for "$2" 1 &&
    [[ $(find "${files[@]}" ! -newerct "@$(sed -n 's/^btime //p' /proc/stat)" -exec grep -lxF "$2 = 1" {} +) ]]
}

# where_off KEY COMMAND…: only if that parameter was 0 before a topology of ours asked for more.
where_off() {
  local was
  { read -r was <"/run/nsgen/sysctl/host@$1" || read -r was <"/proc/sys/${1//.//}"; } 2>/dev/null || was=0
  if [[ $was == 0 ]] || set_at_boot host "$1" "$was"; then "${@:2}"; fi
}

undo_sysctl() { # NODE KEY = VALUE
  local key=${2%% = *} record file other
  record=/run/nsgen/sysctl/$1@${key//\//%} file=$record
  [[ -e $record && " ${!NEW[*]} " != *" $1 sysctl $key = "* ]] || return 0 # it is to have another value
  for other in "$record":*; do [[ $other == *:"$NAME" ]] || file=$other; done
  [[ ! -e $record:$NAME ]] || goes "$1" "$key" || put_back "$1" "$key" "${2#* = }" "$file"
  RECORDS+=("$record:$NAME")
  [[ $file != "$record" ]] || RECORDS+=("$record")
}

settle_parameters() { # unless something has gone wrong: then it is known what it was
  [[ $LEFT || ${#RECORDS[@]} -eq 0 ]] || remove "${RECORDS[@]}"
  RECORDS=()
}

# With a namespace that goes, or a device of ours.
goes() { # NODE KEY
  local line
  lives "$1" || return 0
  [[ $2 =~ [./]conf[./](.*)[./] ]] || return 1
  for line in "${OLD[@]}"; do
    [[ $line != "$1 ip "*" add name ${BASH_REMATCH[1]} "* ]] || return "${NEW[$line]:-0}"
  done
  return 1
}

# To what it was, or another topology sets. A device that has come since has what `default` had then.
put_back() { # NODE KEY OURS FILE
  local key value now along
  local -A was=()
  { read -r value && while IFS=: read -r key now; do was[$key]=$now; done; } <"$4"
  now=$(get_parameter "$1" "$2") && [[ $value != "$3" && ( $now == "$3" || $now == "$value" ) ]] || return 0
  along=$(along_with "$1" "$2" chains) || { left "$1: what goes along with $2 cannot be asked" && return 0; }
  # Docker and libvirt find it on, and leave it at that.
  if [[ $1$now == "host$3" ]] && { asked_for "$2" "$3" || [[ $'\n'$(grep -vxFf "$4" <<<"$along") == *$'\n-N '* ]]; }; then
    say "$2 stays $3: others rely on it by now" && return 0
  fi
  put_parameter "$1" "$2" "$value" || left "$1: $2 cannot be set to $value"
  along=$(along_with "$1" "$2") || left "$1: what goes along with $2 cannot be put back" # which has changed with it
  [[ ! $along ]] || while IFS=: read -r key now; do
    value=${was[$key]:-${was[${key%/*/*}/default/forwarding]:-$now}}
    [[ $now == "$value" ]] || put_parameter "$1" "$key" "$value" || left "$1: $key cannot be set to $value"
  done <<<"$along"
}

# ---- files ----
# A file is one line: PATH READER TEXT. The beginning of the text says whose it is.

# Where there is a service that reads it, or none is named.
file() { # PATH [SERVICE] <TEXT
  local folder made=''
  [[ ! ${2:-} || -d /run/systemd/system ]] || return 0
  [[ ! -e $STATE/made ]] || made=$(<"$STATE/made")
  for folder in "${1%/*/*}" "${1%/*}"; do
    [[ -d $folder && $'\n'$made$'\n' != *$'\n'"host folder $folder"$'\n'* ]] || add host folder "$folder"
  done
  add host file "$1 ${2:--} $(in_one_line)"
}

in_one_line() { # <TEXT; by this shell alone: that a program failed would go unseen here
  local text && IFS= read -rN 99999999 text || true
  text=${text//\\/\\\\}
  printf '%s' "${text//$'\n'/\\n}"
}

is_written() { [[ -e ${1%% *} && $(in_one_line <"${1%% *}") == "${1#* * }" ]]; } # PATH READER TEXT

is_our_file() { local line='' && { read -r line <"$1" || true; } 2>/dev/null && [[ ${line##* } == "nsgen:$NAME" ]]; } # PATH

survey_file() { # host PATH READER TEXT
  [[ ! -e ${2%% *} ]] || is_our_file "${2%% *}" || PROBLEMS+=("${2%% *} exists already, and it is not of this topology")
}

make_folder() { :; } # with its file
undo_folder() { [[ ! -d $2 ]] || rmdir --ignore-fail-on-non-empty "$2" || left "$2 cannot be removed"; }
check_file() { is_written "$2" || printf 'host: changed: %s is not as it was written\n' "${2%% *}"; }

make_file() { # host PATH READER TEXT
  local path=${2%% *} reader=${2#* }
  if is_written "$2"; then return; fi
  mkdir -p "${path%/*}"
  printf '%b' "${reader#* }" >"$path"
  reload "${reader%% *}"
}

undo_file() { # host PATH READER TEXT
  local path=${2%% *} reader=${2#* }
  [[ " ${!NEW[*]} " != *" host file $path "* ]] && is_our_file "$path" || return 0 # or it is written anew
  remove "$path"
  reload "${reader%% *}"
  [[ -e $STATE/made || $path != /etc/netns/* ]] || undo_folder host "${path%/*}" # where nothing is kept, it is taken for ours
}

reload() { # SERVICE
  if [[ $1 == - ]] || ! systemctl --quiet is-active "$1.service" 2>/dev/null; then return 0; fi
  if [[ $1 == NetworkManager ]]; then run nmcli general reload conf; else run networkctl reload; fi ||
    say "$1 could not be told to read its files again"
}

# ---- services ----

service() { add_command "$1" service "${@:2}"; } # NODE NAME COMMAND…

make_service() { # NODE NAME COMMAND, in quotes
  local name=${2%% *}
  each look
  if is_running "$1.$name" "$1"; then return; fi # `undo` has stopped what another command had started
  undo_service "$1" "$name"
  read -r < <(launch "$1" "$name" "${2#* }") || true # until it has written its record
}

# It writes down what it is before it becomes the program, and before another run can begin: so none is ever lost.
launch() { # NODE NAME COMMAND, in quotes
  local -a node=() stat
  local run="exec -- $3"
  trap - EXIT INT TERM HUP
  [[ $1 == host ]] || node=(ip netns exec "$1")
  [[ $3 == \'* ]] || { export -f again && run="again $STATE/$1.$2 $3"; }
  read -rd '' stat </proc/self/stat || true # to its end: a program's name may hold blanks, and more
  read -ra stat <<<"${stat##*) }"
  printf '%s %s\n' "$BASHPID" "${stat[19]}" >"$STATE/$1.$2.pid"
  exec {LOCK}<&- >"$STATE/$1.$2.log" 2>&1 </dev/null
  exec "${node[@]}" setsid bash -c "$run"
}

# Of its number, started in the same tick since boot (proc(5), field 22), there is one. In its namespace, not in a former;
# and, of one that is started again, not in between: see `again`.
is_running() { # NODE.NAME [NODE]
  local pid started text=''
  { read -r pid started <"$STATE/$1.pid" && { read -rd '' text <"/proc/$pid/stat" || [[ $text ]]; }; } 2>/dev/null || return 1
  [[ $started && ${text##*) } =~ ^[^Z]' '([^' ']+' '){18}"$started " ]] &&
    [[ ! ${2:-} || ! -e $STATE/$1.main || -s $STATE/$1.main ]] &&
    [[ ${2:-host} == host || /proc/$pid/ns/net -ef /run/netns/$2 ]]
}

# A program that cannot start ends at once.
finish_services() { sleep 0.2 && every finish; }
finish_service() { is_running "$1.${2%% *}" "$1" || die "the service $1.${2%% *} ended at once: $(tail -n 1 "$STATE/$1.${2%% *}.log")"; }

check_service() { is_running "$1.${2%% *}" "$1" || printf '%s: missing: service %s does not run\n' "$1" "${2%% *}"; }

undo_service() { # NODE NAME …
  local service=$1.${2%% *} pid='' tries=0
  { read -r pid _ <"$STATE/$service.pid"; } 2>/dev/null || true
  # Of one that was killed others may be left: as long as there are any, its number is given to nobody.
  if is_running "$service" || [[ $pid && ! -e /proc/$pid ]]; then
    kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null || true
    while ((tries++ < 50)) && { is_running "$service" || kill -0 -- "-$pid" 2>/dev/null; } && sleep 0.1; do :; done
    kill -KILL -- "-$pid" 2>/dev/null || true
  fi
  remove "$STATE/$service".{pid,main,log}
}

services() { printf '%s\n' "${LINES[@]}" | awk '$2 == "service" { print $1, $3 }'; } # NODE NAME

status_services() {
  local node name file pid said
  while read -r node name; do
    said='does not run' file=$STATE/$node.$name.main
    [[ -s $file ]] || file=$STATE/$node.$name.pid
    if is_running "$node.$name" "$node"; then
      read -r pid _ <"$file"
      said="process $pid, since $(since "$file")"
      if [[ $'\n'$DRIFT =~ $'\n'"$node: missing: service $name is "(not ready: [^$'\n']*) ]]; then said+=", ${BASH_REMATCH[1]}"
      elif [[ " ${LINES[*]}" == *" $node ready $name "* ]]; then said+=', ready'; fi
    fi
    printf 'service %s.%s: %s\n' "$node" "$name" "$said"
  done < <(services)
}

# What they wrote; with -f, until it is interrupted, what they write.
logs() { # [-f] [NODE[.SERVICE]]
  local node name of follow files=()
  [[ $* =~ ^(-f)?' '?([^ -][^ ]*)?' '?(-f)?$ ]] || { usage >&2 && exit 2; }
  of=${BASH_REMATCH[2]} follow=${BASH_REMATCH[1]}${BASH_REMATCH[3]}
  while read -r node name; do [[ ${of:-$node} != "$node"?(".$name") ]] || files+=("$node.$name.log"); done < <(services)
  ((${#files[@]})) || die "there is no service $of"
  cd "$STATE" 2>/dev/null || die 'it is not up'
  exec tail -n +1 ${follow:+-F} -- "${files[@]}"
}

# ---- what there is ----

status() {
  local protocol ports address entry
  [[ -e $STATE/up ]] || { printf '%s is not up\n' "$NAME" && exit 1; }
  DRIFT=$(differences)
  printf '%s: up since %s: %s\n' "$NAME" "$(since "$STATE/up")" "$WHAT"
  [[ ! -d $STATE.try ]] || printf 'on trial\n'
  for entry in $PORTS; do
    IFS=/ read -r protocol ports address <<<"$entry"
    printf 'published: %s/%s\n' "${address:+$address:}$ports" "$protocol"
  done
  each status
  if [[ ! $DRIFT ]]; then printf 'no drift\n'; else printf 'drift, as check tells it:\n%s\n' "$DRIFT"; fi
  DRIFT=$(what_counts "$DRIFT")
  [[ ! $DRIFT ]] || exit 1
}

since() { date -r "$1" '+%F %T'; } # FILE

# ---- on trial ----
# As long as there is a folder /run/nsgen/NAME.try, it is on trial. Who takes that away confirms; who calls it NAME.back goes
# back: who tries or, should that be killed or hang, a watcher in a session of its own.

start_watch() {
  rm -rf "$STATE".{try,back,kept}
  mkdir "$TMP/trial"
  know_self
  printf '%s\n' "$SELF" >"$TMP/trial/script"
  [[ ! $WAS_UP ]] || cp "$STATE/script" "$TMP/trial/old"
  (exec {LOCK}<&- && exec setsid bash -c ". $TMP/trial/script && watch $PATIENCE") 8<"/proc/$$" </dev/null &>/dev/null &
  WATCHER=$!
  until [[ -d $STATE.try ]]; do { kill -0 "$WATCHER" && sleep 0.05; } 2>/dev/null || die 'nothing was changed: nobody would watch'; done
}

# In 8 there is something as long as who tries lives: for up to ten minutes more than it waits for a key.
watch() { # SECONDS
  begin
  exec 9<"$TMP/trial" && flock 9 # see `lock`
  mv -T "$TMP/trial" "$STATE.try"
  while [[ -e /proc/self/fd/8/exe ]] && ((SECONDS < $1 + 600)); do
    [[ -d $STATE.try || -d $STATE.back ]] || exit 0
    sleep 0.2
  done
  [[ ! -e /proc/self/fd/8/exe ]] || kill -KILL "$PPID" # it hangs
  end_trial
}

await() { # a key, or `confirm`
  local end=$((SECONDS + PATIENCE))
  trap - HUP EXIT && trap 'end=0' INT TERM
  unlock
  say "on trial for $PATIENCE s: to keep it, press a key here, or run this script with: confirm"
  { exec </dev/tty; } 2>/dev/null || exec <> <(:) # where there is never anything to read
  read -rsn 1000 -t 0.1 || true # what was typed before
  while ((SECONDS < end)) && [[ -d $STATE.try ]] && kill -0 "$WATCHER" 2>/dev/null; do
    if read -rsn 1 -t 0.2; then (confirm) &>/dev/null || true
    elif (($? < 128)); then exit 1; fi # the terminal is gone
  done
  end_trial
}

# By the script of what was up; or, where nothing was, by this one.
end_trial() {
  local script=script action=down _
  mv -T "$STATE.try" "$STATE.back" 2>/dev/null || [[ -d $STATE.back ]] || { say 'confirmed' && exit 0; }
  [[ ! -e $STATE.back/old ]] || script=old action=up
  trap : INT TERM HUP
  for _ in 1 2 3; do
    NSGEN_BACK=yes bash -c '. "$0" && main "$1"' "$STATE.back/$script" "$action" 8<&- 9<&- && rm -rf "$STATE.back" && break
  done
  [[ ! -d $STATE.back ]] || die 'not confirmed, and it cannot go back'
  rmdir --ignore-fail-on-non-empty /run/nsgen 2>/dev/null || true
  die 'not confirmed: what was there before is there again'
}

confirm() {
  mv -T "$STATE.try" "$STATE.kept" 2>/dev/null || die 'there is nothing to confirm'
  rm -rf "$STATE.kept"
  say 'confirmed'
}

# ---- after a reboot ----

drop_in() { TEXT[$1]=$(</dev/stdin); } # PATH <TEXT: for another unit of systemd

install() { boot_files; say "installed; it is built at every boot, and now by: systemctl start nsgen-$NAME.service"; }

uninstall() {
  down
  boot_files
  compgen -G '/etc/sysctl.d/99-nsgen-*.conf' >/dev/null || rm -f /run/nsgen.boot # what those files switched on at boot
}

boot_files() {
  local file unit=nsgen-$NAME.service folder=/etc/systemd/system whose="of the nsgen topology $NAME, for every boot"
  local wants=$folder/multi-user.target.wants/$unit
  TEXT[/usr/local/sbin/nsgen-$NAME]=$(print_self)
  TEXT[/etc/sysctl.d/99-nsgen-$NAME.conf]=${TEXT["host sysctl"]:+"# Kernel parameters $whose, sysctl.d(5); $unit sets them too."$'\n'${TEXT["host sysctl"]}}
  TEXT[/etc/modules-load.d/nsgen-$NAME.conf]=${TEXT["host module"]:+"# Kernel modules $whose, modules-load.d(5)."$'\n'${TEXT["host module"]}}
  TEXT[$folder/$unit]="# Builds the nsgen topology $NAME at boot, by setup.sh, which is to be /usr/local/sbin/nsgen-$NAME, with mode 755.
[Unit]
Description=nsgen topology $NAME
# Firewalls that replace all rules when they start come before; Docker, which is to find forwarding as it will be, after.
After=network.target nftables.service netfilter-persistent.service ufw.service firewalld.service
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/nsgen-$NAME up
ExecReload=/usr/local/sbin/nsgen-$NAME up
ExecStop=/usr/local/sbin/nsgen-$NAME down

[Install]
WantedBy=multi-user.target"
  for file in "${!TEXT[@]}" "$folder"/*.d/nsgen-"$NAME".conf; do [[ $file != /* ]] || boot_file "$file"; done
  if [[ $ACTION == install ]]; then # as `systemctl enable` does it, and where systemd is not running, too
    mkdir -p "${wants%/*}"
    ln -sfn "$folder/$unit" "$wants"
  else rm -f "$wants"; fi
  [[ -d /run/systemd/system ]] || return 0
  run systemctl daemon-reload
  [[ $ACTION == install ]] || ! systemctl is-active --quiet "$unit" || run systemctl stop "$unit" # its ExecStop is gone
}

# Whole or not at all. Where there is nothing to say in it, and after `uninstall`, there is none.
boot_file() { # FILE
  local mode=644 text=${TEXT[$1]:-}
  [[ $1 != /usr/* ]] || mode=755
  if [[ $text && $ACTION == install ]]; then
    printf '%s\n' "${text%$'\n'}" | command install -D -m "$mode" /dev/stdin "$1.nsgen-new"
    mv "$1.nsgen-new" "$1"
  else
    rm -f "$1" "$1.nsgen-new"
    [[ $1 != *.service.d/* || ! -d ${1%/*} ]] || rmdir --ignore-fail-on-non-empty "${1%/*}"
  fi
}

main "$@"
}
