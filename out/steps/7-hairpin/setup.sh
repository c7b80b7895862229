#!/usr/bin/env bash
{ trap 'exit 2' EXIT; } # a copy of this that is not whole fails: bash may take a cut inside of [[ for a success
{ trap - EXIT # up to the last line: and it runs nothing
# article: 2 network namespaces (red, blue) on 1 network (bridge0), with internet access, 1 published port.
#
#   8080/tcp -> red, 192.168.15.2 port 80
#
#   sudo ./setup.sh          build it; if it is there, repair it or bring it up to date
#   sudo ./setup.sh check    tell what is missing, changed or besides, node by node
#   sudo ./setup.sh down     remove it, and put back what it changed
#
# Made by nsgen from a topology: change that and render again. To review it, read topology(): every change to the
# machine is there, with its reason. What follows is the runtime 4131d8ff0aa9, the same in every script, less the parts
# that this one does not need; `nsgen runtime` prints it.

set -euo pipefail
shopt -s nullglob inherit_errexit
export LC_ALL=C

NAME=article
WHAT='2 namespaces, 1 network, 1 published port'
PARTS='rules devices modules parameters files services install'
PROGRAMS='ip:iproute2 ss:iproute2 nsenter:util-linux unshare:util-linux mount:mount flock:util-linux xargs:findutils iptables:iptables sysctl:procps setsid:util-linux runuser:util-linux python3'
PORTS=tcp/8080
TRIAL='link add name t0 type veth peer name t1
link add name t2 type bridge'

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

  # red
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

  # blue
  ip_in blue <<'IP'
link set dev lo alias nsgen:article up
link set dev veth-blue addrgenmode none
address replace 192.168.15.3/24 dev veth-blue
link set dev veth-blue up
route replace default via 192.168.15.1 dev veth-blue
IP

  # ---- Rules, IPv4 ----

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
COMMIT
RULES

  # A built-in chain gets one rule, the jump to a chain of ours. It goes first, but for the way out (FROM), which goes
  # behind what other programs' rules say of their own networks. Last come those that are needed only where a parameter
  # was 0 before a topology set it.
  rules host iptables <<'RULES'
*raw
-I PREROUTING -m comment --comment nsgen:article -j NSGEN-article-RAW
COMMIT
*nat
-I PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:article -j NSGEN-article-PRE
-I OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:article -j NSGEN-article-OUTPUT
-I POSTROUTING -m comment --comment nsgen:article -j NSGEN-article-POST
COMMIT
*filter
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
PARAMETERS

  parameters host <<'PARAMETERS'
# A namespace that uses a port published by a sibling is answered through the bridge, without any routing. With this,
# iptables sees the answer there, and translates its source back to the address that was asked; without it, an answer
# comes from an address that nobody asked, and is thrown away.
net.bridge.bridge-nf-call-iptables = 1
PARAMETERS

  parameters host <<'PARAMETERS'
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
# no longer wanted are undone, the last one first; `down` wants none. A command that fails ends the run (set -e), so that
# no function that may fail is called in a condition; `failed` then puts things right.

main() {
  begin
  [[ ${1:-} != -v ]] || { VERBOSE=yes && shift; }
  case $* in
    '' | up | down | check | install | uninstall) ;;
    'check --strict') STRICT=yes ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  ACTION=${1:-up}
  topology
  require
  lock
  recall
  "$ACTION"
}

begin() {
  STATE=/run/nsgen/$NAME TMP=/run/nsgen/tmp WAS_UP='' LEFT='' LOCK='' DRIFT='' VERBOSE='' STRICT=''
  declare -ga LINES=() OLD=() PROBLEMS=() NODES=()
  declare -gA NEW=() KEPT=() CHANGED=() KINDS=() TEXT=() WAITING=()
  each begin
}

usage() { printf 'usage: %s [-v] [up|down|check [--strict]|install|uninstall]\n' "${0##*/}"; }
say() { printf 'nsgen: %s: %s\n' "$NAME" "$*" >&2; }
die() { say "$@" && exit 1; }
left() { say "$@" && LEFT=yes; } # what could not be removed: the rest is, and what is kept of this stays kept

run() { # with -v, it is shown
  [[ ! $VERBOSE ]] || printf '[#] %s\n' "$*" >&2
  "$@"
}

take() { # NODE KIND <LINES; comments are for the reader
  local line
  local -a read
  mapfile -t read
  [[ $1 == host || $2 != ip || ${KINDS["$1 ip"]:-} ]] || NODES+=("$1")
  KINDS["$1 $2"]=1
  if [[ $2 =~ ^(module|sysctl|ip6?tables)$ ]]; then printf -v line '%s\n' "${read[@]}" && TEXT["$1 $2"]+=$'\n'$line; fi
  for line in "${read[@]}"; do [[ $line == '#'* ]] || LINES+=("$1 $2 $line"); done
}

take_command() { # NODE KIND NAME COMMAND…
  local -a words=("${@:4}")
  LINES+=("$1 $2 $3 ${words[*]@Q}")
}

# What there is to do at some step for the lines of a kind, and for a part of this script.
every() { # STEP
  local line rest
  for line in "${LINES[@]}"; do
    rest=${line#* }
    ! declare -F "$1_${rest%% *}" >/dev/null || "$1_${rest%% *}" "${line%% *}" "${rest#* }"
  done
}

each() { # STEP
  local part
  for part in $PARTS; do ! declare -F "$1_$part" >/dev/null || "$1_$part"; done
}

# A block of lines of one kind after the other; those inside of namespaces wait, and are then done together.
make() {
  local line key block='' text=''
  for line in "${LINES[@]}" '  '; do
    key=${line#* } key="${line%% *} ${key%% *}"
    if [[ $key != "$block" ]]; then
      [[ ! $block ]] || make_block "${block% *}" "${block#* }" "$text"
      block=$key text=''
    fi
    text+=${line#"$key "}$'\n'
  done
  each flush
}

make_block() { # NODE KIND LINES
  if [[ $1 != host && $2 =~ ^(ip6?|bridge|tc|sysctl)$ ]]; then
    WAITING["$2 $1"]+=$3
  else
    each flush
    "make_$2" "$1" "$3"
  fi
}

# What earlier runs made (OLD), and of what kinds there is more or less to be now (CHANGED).
recall() {
  local line rest
  NEW=() KEPT=() OLD=() CHANGED=()
  [[ ! -e $STATE/made ]] || mapfile -t OLD <"$STATE/made"
  for line in "${LINES[@]}"; do NEW[$line]=1; done
  for line in "${OLD[@]}"; do
    KEPT[$line]=1 rest=${line#* }
    KINDS["${line%% *} ${rest%% *}"]=1
    [[ ${NEW[$line]:-} ]] || changes "$line"
  done
  for line in "${LINES[@]}"; do [[ ${KEPT[$line]:-} ]] || changes "$line"; done
  each recall
}

changes() {
  local rest=${1#* }
  CHANGED["${1%% *} ${rest%% *}"]=1
}

keep() {
  [[ -d $STATE ]] || mkdir -p "$STATE"
  printf '%s\n' "$@" >"$STATE/made.new"
  mv "$STATE/made.new" "$STATE/made"
}

# Without rights and programs nothing is begun, not even the lock is taken; all else that is in the way is told too.
require() {
  local entry key value rights=0
  while read -r key value; do [[ $key != CapEff: ]] || rights=0x$value; done </proc/self/status
  # Root has them, and so has root of a user namespace: CAP_NET_ADMIN is bit 12, CAP_SYS_ADMIN bit 21.
  ((rights >> 12 & rights >> 21 & 1)) || PROBLEMS+=('run this as root (sudo): it changes what only root may')
  [[ /proc/self/ns/mnt -ef /proc/1/ns/mnt || ! $(ip netns identify 2>/dev/null) ]] ||
    PROBLEMS+=('this shell is inside of a namespace (ip netns exec): what is made here would be gone with it')
  for entry in $PROGRAMS; do
    if command -v "${entry%:*}" >/dev/null; then continue; fi
    [[ $entry == *:* ]] || { PROBLEMS+=("there is no program $entry, which a service needs") && continue; }
    PROBLEMS+=("the program ${entry%:*} is missing: install the package ${entry#*:}")
  done
  ((${#PROBLEMS[@]})) || return 0
  [[ $ACTION != up || ${PROBLEMS[0]} == *' this '* ]] || { recall && every survey && each survey; } 2>/dev/null
  refuse
}

refuse() {
  local problem
  local -A told=()
  ((${#PROBLEMS[@]})) || return 0
  say 'nothing was changed, because'
  for problem in "${PROBLEMS[@]}"; do
    [[ ${told[$problem]:-} ]] || printf '  %s\n' "$problem" >&2
    told[$problem]=yes
  done
  exit 1
}

# One run at a time on this machine, because topologies share kernel parameters. The folder itself is the lock.
lock() {
  until [[ $LOCK && /run/nsgen -ef /proc/self/fd/$LOCK ]]; do
    [[ ! $LOCK ]] || exec {LOCK}<&- # whoever had it removed the folder at its end
    mkdir -p /run/nsgen || die '/run/nsgen cannot be made'
    { exec {LOCK}</run/nsgen; } 2>/dev/null || continue
    flock -n "$LOCK" || { say 'another run is under way: waiting for its end' && flock "$LOCK"; } || die 'flock failed'
  done
  trap unlock EXIT
  [[ ! -e $TMP ]] || rm -rf "$TMP" || die "$TMP cannot be removed"
  mkdir "$TMP" || die "$TMP cannot be made"
}

unlock() {
  local tries
  for tries in 1 2; do
    rm -rf "$TMP" && { [[ ! -d /run/nsgen/sysctl ]] || rmdir --ignore-fail-on-non-empty /run/nsgen/sysctl; } &&
      rmdir --ignore-fail-on-non-empty /run/nsgen && return 0
  done
  die "something is left under /run/nsgen after $tries tries; run down again"
}

up() {
  [[ ! -e $STATE/up ]] || WAS_UP=yes
  every survey
  each survey
  refuse
  trap failed EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  if [[ $WAS_UP ]]; then
    DRIFT=$(every check; each check)
    DRIFT=$(grep -v ': besides: ' <<<"$DRIFT" || true)
    [[ $DRIFT || ${#CHANGED[@]} -gt 0 ]] || { say 'nothing to do' && trap unlock EXIT && return 0; }
  fi
  [[ $WAS_UP || ! ${OLD[*]} ]] || { clear_away && recall; } # of a run that was killed
  keep "${OLD[@]}" "${LINES[@]}"
  print_functions >"$STATE/script.new"
  undo
  [[ ! $LEFT ]] || die 'what is no longer wanted cannot be removed'
  each prepare
  make
  each finish
  keep "${LINES[@]}"
  mv "$STATE/script.new" "$STATE/script"
  : >"$STATE/up"
  trap - INT TERM HUP
  trap unlock EXIT
  if [[ ! $WAS_UP ]]; then say "built $WHAT"; else say "brought up to date: $WHAT"; fi
}

# What worked before works again, by the script that made it; what did not exist before this run is removed. (In a trap a
# bare `return` would give the status from before it: every return here says which.)
failed() {
  local status=$? at=$BASH_COMMAND
  trap '' INT TERM HUP
  trap unlock EXIT
  case $at in
    'exit 1') ;; # `die` has said why
    'exit '*) say 'interrupted' ;;
    *) say "failed at: $at" ;;
  esac
  if [[ ! $WAS_UP ]]; then
    say 'it failed; undoing what was done'
    recall
    clear_away || true
  elif [[ ${NSGEN_BACK:-} || ${OLD[*]} == "${LINES[*]}" || ! -e $STATE/script ]]; then
    say 'it failed; what was up before is still up'
  else
    say 'it failed; going back to what was up before'
    exec {LOCK}<&-
    NSGEN_BACK=yes bash -c '. "$0" && main up' "$STATE/script" || true
    trap - EXIT
    exit 1
  fi
  unlock
  exit "$((status ? status : 1))"
}

down() {
  trap 'say "failed at: $BASH_COMMAND; run down again"; unlock' EXIT
  local what="removed $WHAT"
  [[ -e $STATE/made ]] || { OLD=("${LINES[@]}") && what='nothing to do'; } # what there is of it is then told by its marks
  clear_away
  trap unlock EXIT
  [[ ! $LEFT ]] || die 'not everything could be removed; run down again'
  say "$what"
}

# From here on the topology is not up any more: should the next `up` fail, it undoes what is left.
clear_away() {
  LEFT='' NEW=()
  rm -f "$STATE/up" || left "$STATE/up cannot be removed"
  undo
  [[ $LEFT ]] || rm -rf "$STATE" || left "$STATE cannot be removed"
}

undo() {
  local index line rest gone=''
  local -a unknown=()
  for ((index = ${#OLD[@]} - 1; index >= 0; index--)); do
    line=${OLD[index]} rest=${OLD[index]#* }
    if [[ ${NEW[$line]:-} ]]; then continue; fi
    gone=yes
    if declare -F "undo_${rest%% *}" >/dev/null; then "undo_${rest%% *}" "${line%% *}" "${rest#* }"; else unknown=("$line" "${unknown[@]}"); fi
  done
  ((${#unknown[@]} == 0)) || undo_unknown "${unknown[@]}" || left 'what an earlier version of this script made cannot be removed'
  [[ ! $gone ]] || each settle
}

# Of parts that this script has not: by those of the scripts that made it.
undo_unknown() { # LINE…
  local file
  printf '%s\n' "$@" >"$TMP/unknown"
  printf '%s\n' "${!NEW[@]}" >"$TMP/new"
  for file in "$STATE"/script "$STATE"/script.new; do
    [[ ! -e $file ]] || bash -c '. "$0" && forget' "$file" || return 1
  done
}

forget() {
  local line kind
  begin
  while read -r line; do NEW[$line]=1; done <"$TMP/new"
  while read -r line; do
    kind=${line#* }
    ! declare -F "undo_${kind%% *}" >/dev/null || OLD+=("$line")
  done <"$TMP/unknown"
  undo
  [[ ! $LEFT ]]
}

check() {
  local line found
  [[ -e $STATE/up ]] || { printf '%s is not up\n' "$NAME" && exit 1; }
  trap 'say "this could not be looked at: $BASH_COMMAND"; unlock' EXIT
  found=$(every check; each check)
  trap unlock EXIT
  for line in "${OLD[@]}"; do [[ ${NEW[$line]:-} ]] || found+=$'\n'"${line%% *}: not in this script: ${line#* }"; done
  for line in "${LINES[@]}"; do [[ ${KEPT[$line]:-} ]] || found+=$'\n'"${line%% *}: only in this script: ${line#* }"; done
  [[ $found ]] || return 0
  printf '%s\n' "${found#$'\n'}"
  if [[ $STRICT ]] || grep -qv ': besides: ' <<<"${found#$'\n'}"; then exit 1; fi
}

# This script: the file it is read from, or, where that is a pipe, what bash has read, without its comments.
print_self() {
  if [[ -f ${BASH_SOURCE[0]:-} ]]; then cat "${BASH_SOURCE[0]}" && return 0; fi
  printf '#!/usr/bin/env bash\n{\n' && print_functions && printf 'main "$@"\n}\n'
}

print_functions() {
  printf '%s\n' 'set -euo pipefail' 'shopt -s nullglob inherit_errexit' 'export LC_ALL=C'
  declare -p NAME WHAT PARTS PROGRAMS PORTS TRIAL
  declare -f
}

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
  [[ ! $WAS_UP || ${CHANGED["$1 $2"]:-} ]] || return 0
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
  warn_of_firewalls
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
warn_of_firewalls() {
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
udp_ports() { LINES+=("host udp $*"); } # ipv4|ipv6 FIRST LAST

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

# ---- namespaces, devices, addresses, routes --------------------------------------------------------------------------
#
# ip(8), bridge(8) and tc(8) take lines that can be repeated: what is to be added and is there already is no error. A line
# is undone by the same line with the verb turned. What they print of it all right after `up` is kept in `seen`; `check`
# asks them again, and what differs is set back by the next `up`, in the words in which it was printed.

ip_in() { take "$1" "ip${2:+6}"; } # NODE [-6] <LINES
bridge_in() { take "$1" bridge; }
tc_in() { take "$1" tc; }

begin_devices() {
  ASK=$'link show\naddress show\nroute show table all\nrule show\nneighbour show nud permanent\n'
  declare -gA FRESH=() # those that did not exist before this run
}

make_ip() { run_lines "$1" ip "$2"; } # NODE LINES
make_ip6() { run_lines "$1" ip6 "$2"; }
make_bridge() { run_lines "$1" bridge "$2"; }
make_tc() { run_lines "$1" tc "$2"; }

# What waits to be done in namespaces, once all cables are there.
flush_devices() {
  local kind node
  ((${#WAITING[@]} == 0)) || make_inside
  for kind in ip6 bridge tc sysctl; do
    for node in "${NODES[@]}"; do [[ ! ${WAITING["$kind $node"]:-} ]] || "make_$kind" "$node" "${WAITING["$kind $node"]}"; done
  done
  WAITING=()
}

in_node() { # NODE COMMAND…
  if [[ $1 == host ]]; then "${@:2}"; else nsenter --net="/run/netns/$1" "${@:2}"; fi
}

# Over a topology that is up, only where lines are others, or what they made is not as it was.
wanted() { [[ ! $WAS_UP || ${CHANGED["$1 $2"]:-} || ${CHANGED["$1 ip"]:-} ]]; } # NODE PROGRAM

run_lines() { # NODE PROGRAM LINES
  local output
  local -a command=("$2")
  wanted "$1" "$2" || return 0
  [[ $2 != ip6 ]] || command=(ip -6)
  [[ ! $VERBOSE ]] || printf '%s' "$3" | sed "s/^/[#] $1: ${command[*]} /" >&2
  output=$(in_node "$1" "${command[@]}" -force -batch - 2>&1 <<<"$3") || judge "$1" "${command[*]}" "$output" "$3"
}

# With -force ip(8) goes on after an error, and says which line it was.
judge() { # NODE COMMAND OUTPUT LINES
  local said message='' line=''
  local -a lines words
  mapfile -t lines <<<"$4"
  while IFS= read -r said; do
    if [[ ! $said =~ ^'Command failed '.*:([0-9]+) ]]; then message=${message:-$said} && continue; fi
    line=${lines[BASH_REMATCH[1] - 1]}
    read -ra words <<<"$line"
    if [[ "$line: $message" =~ ' '(add|append)' '.*'File exists'$ ]]; then
      add_renamed "$1" "$line"
    elif [[ $message == *'enslaved while up'* ]]; then # a bond takes no device that is up
      printf '%s\n' "link set dev ${words[3]} down" "$line" "link set dev ${words[3]} up" | in_node "$1" ip -batch - || die "$1: $2 $line: $message"
    elif [[ $line != 'route replace '* || ! $(in_node "$1" ip route show "${words[@]:2}" 2>/dev/null) ]]; then
      die "$1: $2 $line: $message" # unless it is there, and somebody's policy in the way of adding it again
    fi
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

# Each reads its lines from a file of its name, and is asked at once what there is, unless more is to come. Where that
# fails, the lines are run again, one node after the other, to judge.
make_inside() {
  local node lines ask=''
  local -a nodes=()
  mkdir -p "$TMP/ip"
  [[ $WAS_UP || $VERBOSE || " ${!WAITING[*]}" =~ ' '(ip6|bridge|tc|sysctl)' ' || ${WAITING[*]} =~ ' netns '|' replace '[^\ ]*: ]] || ask=$ASK
  for node in "${NODES[@]}"; do
    lines=${WAITING["ip $node"]:-}
    if [[ ! $lines ]] || ! wanted "$node" ip; then continue; fi
    if [[ $VERBOSE || $lines == *' netns '* ]]; then
      run_lines "$node" ip "$lines" # it has a cable to one that comes later, or a device for it
    else
      printf '%s' "$lines$ask" >"$TMP/ip/$node"
      nodes+=("$node")
    fi
  done
  if ! enter_each "ip -d -o -force -batch $TMP/ip/NODE" "${nodes[@]}" >"$TMP/inside" 2>/dev/null; then
    ask=''
    for node in "${nodes[@]}"; do run_lines "$node" ip "${WAITING["ip $node"]}"; done
  fi
  [[ $ask && ${#nodes[@]} -eq ${#NODES[@]} ]] || rm "$TMP/inside" # it tells of all of them, or is of no use
}

# In two halves at the same time. A small program, xargs, goes from one namespace to the next: this shell, with all that it
# has in mind, would take longer than everything else.
enter_each() { # COMMAND NODE…
  (($# > 1)) || return 0
  enter_some "$1" "${@:2:$# / 2}" >"$TMP/half" &
  enter_some "$1" "${@:$# / 2 + 2}" >"$TMP/rest" || return 1
  wait "$!" || return 1
  cat "$TMP/half" "$TMP/rest"
}

# ip(8) opens all of /run/netns to name the other end of a cable: a thousand times a thousand. In a view of the file system
# of its own it finds none there.
enter_some() {
  local node job=$1 where=/run/netns
  local -a view=()
  shift
  if (($# > 20)); then
    where=$(mktemp -d "$TMP/netns.XXXX")
    view=(unshare --mount bash -c "mount -n --rbind /run/netns $where && mount -n -t tmpfs tmpfs /run/netns && exec \"\$@\"" -)
  fi
  for node; do printf -- '--net=%s/%s %s\n' "$where" "$node" "${job//NODE/$node}"; done | "${view[@]}" xargs -r -L 1 nsenter
}

# ---- what is in the way ----

survey_devices() {
  local line name output
  local -A alias_of=() # the alias of each device of this host, behind a colon
  command -v ip >/dev/null || return 0 # which was told
  output=$(aliases) || die 'ip link show failed'
  while read -r name line; do alias_of[$name]=:$line; done <<<"$output"
  for line in "${LINES[@]}"; do
    name=${line#* name }
    case $line in
      'host ip netns add '*) survey_name netns "${line##* }" "$line" ;;
      'host ip link add name '*' netns '*' type '*) ;;
      'host ip link add name '*)
        survey_name link "${name%% *}" "$line"
        name=${name#* peer name }
        [[ $line != *' peer name '* || $line == *' netns '* ]] || survey_name link "${name%% *}" "$line"
        ;;
      'host ip address replace '*) [[ ${KEPT[$line]:-} ]] || survey_subnet "${line#host ip address replace }" ;;
      'host ip rule add '*) [[ ${KEPT[$line]:-} ]] || survey_priority -4 "${line#* priority }" ;;
      'host ip6 rule add '*) [[ ${KEPT[$line]:-} ]] || survey_priority -6 "${line#* priority }" ;;
    esac
  done
  [[ ! $WAS_UP && $TRIAL ]] && command -v unshare >/dev/null || return 0 # tried in a namespace that is gone at once
  output=$(unshare --net ip -batch - 2>&1 <<<"$TRIAL") || PROBLEMS+=("this kernel cannot make the namespaces and devices: ${output%%$'\n'*}")
}

# NAME ALIAS of the host's devices.
aliases() { ip -o link show | sed -E 's/^[0-9]+: ([^@:]+)[^ ]* .*( alias (.*))$/\1 \3/; t; s/^[0-9]+: ([^@:]+).*/\1/'; }

# A device tells by its alias whose it is, a namespace by that of its lo. What has none is ours if we were about to make it.
survey_name() { # link|netns NAME LINE
  local alias=${alias_of[$2]:-}
  case $1 in
    link) [[ ! $alias || $alias: == ":nsgen:$NAME:"* || ( $alias == : && ${KEPT[$3]:-} ) ]] ;;
    netns) [[ ! -e /run/netns/$2 || ${KEPT[$3]:-} ]] || is_ours "$2" ;;
  esac || PROBLEMS+=("$1 $2 exists already, and it is not of this topology")
}

is_ours() { [[ $(in_node "$1" ip -o link show dev lo 2>/dev/null): == *" alias nsgen:$NAME:"* ]]; }

# A subnet that this host reaches by another device would be cut off, or cut the new one off. Half of all addresses, as a
# VPN routes them, is a default route, too.
survey_subnet() { # ADDRESS dev DEVICE
  local route routes family=-4 to device
  [[ $1 != *:* ]] || family=-6
  routes=$(ip "$family" -o route show match "${1%%/*}" && ip "$family" -o route show root "${1%% *}") || return 0
  while read -r route; do
    to=${route#@(blackhole|unreachable|prohibit|throw) } to=${to%% *} device=${route#* dev } device=${device%% *}
    [[ $to && ! $to =~ ^(default|0.0.0.0/1|128.0.0.0/1|::/1|8000::/1|2000::/3)$ ]] || continue
    [[ ${alias_of[$device]:-}: == ":nsgen:$NAME:"* || " ${OLD[*]} " =~ ' route replace '"${to%/*}"(/32|/128)?"${to#"${to%/*}"}"' ' ]] ||
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
  local key node
  local -a there=()
  printf '%s' "$ASK" >"$TMP/ask"
  printf '%s\n' "${OLD[@]}" "${LINES[@]}" >"$TMP/lines"
  {
    printf '@ host\n'
    ip -d -o -batch "$TMP/ask"
    if [[ -e $TMP/inside ]]; then
      there=("${NODES[@]}")
      printf '@in %s\n' "${there[*]}"
      cat "$TMP/inside"
      rm "$TMP/inside"
    else
      namespaces_there >"$TMP/there"
      mapfile -t there <"$TMP/there"
      printf '@in %s\n' "${there[*]}"
      enter_each "ip -d -o -batch $TMP/ask" "${there[@]}"
    fi
    look_further "${there[@]}"
    for key in "${!KINDS[@]}"; do
      node=${key% *}
      if [[ $node != host && " ${there[*]} " != *" $node "* ]]; then continue; fi
      printf '@more %s\n' "$key"
      case ${key#* } in
        ip6) in_node "$node" ip -6 -N rule show ;;
        tc) in_node "$node" tc qdisc show ;;
        bridge)
          in_node "$node" bridge vlan show
          in_node "$node" bridge fdb show
          ;;
        wg)
          in_node "$node" wg show all public-key
          in_node "$node" wg show all allowed-ips
          ;;
        *tables) in_node "$node" "${key#* }-save" ;;
      esac
    done
  } >"$TMP/said"
  if [[ -e $STATE/known ]]; then in_words | { grep -vxFf "$STATE/known" || true; }; else in_words; fi
}

# For `check`: what others may have put into namespaces and nobody would look for there. It takes as long as all the rest,
# and is left out where there are many of them, unless one asks for it (--strict).
look_further() { # NODE…
  [[ $ACTION == check && $# -gt 0 && ( $STRICT || $# -le 50 ) ]] || return 0
  printf '%s\n' 'echo @further' 'ip -6 -N rule show' 'nft -s list ruleset 2>/dev/null || { iptables-save; ip6tables-save; } 2>/dev/null || true' \
    '! read -r _ </proc/net/ip_tables_names || iptables-legacy-save' '! read -r _ </proc/net/ip6_tables_names || ip6tables-legacy-save' >"$TMP/further"
  printf '@in %s\n' "$*"
  enter_each "sh $TMP/further" "$@" 2>/dev/null
}

# Whoever was killed while making a namespace left a file that is none.
namespaces_there() {
  local node names
  local -a paths=()
  names=$(printf '%s\n' "${LINES[@]}" "${OLD[@]}" | awk '/^host ip netns add / && !seen[$5]++ { print $5 }')
  for node in $names; do
    [[ ! -e /run/netns/$node ]] || paths+=("/run/netns/$node")
  done
  ((${#paths[@]} == 0)) || stat -f -c '%T %n' "${paths[@]}" | sed -n 's#^nsfs .*/##p'
}

# Less what changes by itself, and what belongs to the kernel or to a daemon: local and link-local routes, and what router
# advertisements, DHCP clients and routing daemons put there. Rules stay in order.
in_words() {
  awk -v mine="nsgen:$NAME" -v chains="^NSGEN-$NAME-[A-Z]" '
    BEGIN {
      split("state mode qdisc link-netns link-netnsid promiscuity allmulti minmtu maxmtu brd bridge_id designated_root " \
        "designated_bridge designated_port designated_cost root_port root_path_cost topology_change topology_change_ack " \
        "topology_change_detected config_pending port_id port_no numtxqueues numrxqueues mcast_n_groups fdb_n_learned " \
        "permaddr active_slave mii_status link_failure_count", words, " ")
      for (i in words) changes[words[i]] = 1
    }
    function say(text) { gsub(/[ \t\\]+/, " ", text); sub(/ $/, "", text); print node ": " text | "sort" }
    function ours(device) { return node != "host" || device in devices }
    function device_of(text) { if (!sub(/.* dev /, "", text)) return ""; sub(/ .*/, "", text); return text }
    FNR == NR && /^host ip / { wanted[$3, $5, device_of($0)] = wanted[$3, $6] = 1; sub(/\/(32|128) /, " "); wanted[$3, $5] = wanted[$3, $6] = 1 }
    FNR == NR { next }
    $1 ~ /^@/ { further = $1 == "@further" }
    further && $1 == "@further" { node = names[++at]; chain = ""; next }
    $1 == "@" { node = $2; next }
    $1 == "@in" { split($0, names); at = 1; next }
    $1 == "@more" { node = $2; program = $3; names[1] = ""; split("", takes); next }
    further && !/^[0-9]+:/ {
      if ($1 == "chain") chain = $2
      if (/^\t\t/ && !/hook/ || /^-A/) if ($0 chain !~ ("NSGEN-" substr(mine, 7) "-")) say("rules " chain " " $0)
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
    /^1: lo: / && names[1] { node = names[++at] }
    /^[0-9]+: [^ ]+: </ {
      device = $2; sub(/(@.*)?:$/, "", device)
      if (node == "host" && $0 !~ (" alias " mine "(:[^ ]*)?$")) next
      devices[device] = 1; kind = ""; say("device " device)
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
      if (ours($2) || ("address", $4, $2) in wanted) say(substr($0, index($0, $3)) " dev " $2)
      next
    }
    /^[0-9]+:/ {
      priority = $1; sub(/:/, "", priority); $1 = ""; sub(/ proto (unspec|boot)/, "")
      if (/ proto kernel/ || priority ~ /^(0|32766|32767)$/ && / lookup (local|main|default|25[345])( |$)/) next
      if (node != "host" || ("rule", priority) in wanted) say("rule priority " priority $0)
      next
    }
    / PERMANENT/ { if (node != "host") say("neighbour " $0); next }
    NF {
      if (/ table local .*proto kernel|fe80::\/64 .*proto kernel|^(multicast|broadcast|anycast|local) .*proto kernel/) next
      if ($0 !~ / proto (kernel|boot|static)( |$)/) next
      gsub(/ (linkdown|dead|offload|rt_offload|trap|rt_trap) /, " "); gsub(/ expires [0-9]+sec/, "")
      gsub(/^unicast | table main| proto boot| scope global/, "") # which go without saying
      if (ours(device_of($0)) || ("route", $1) in wanted || ("route", $2) in wanted) say("route " $0)
    }
    END { close("sort"); for (i = 1; i <= n; i++) print rules[i] }' "$TMP/lines" "$TMP/said"
}

# What was seen and is not so now is missing, and there may be something else instead; what else has come is besides, but
# for rules in our chains, and devices of this host with our mark: somebody has given one of ours another name. (Routes of
# the kernel come and go with addresses.)
differ() { # SEEN NOW
  { diff "$1" "$2" || (($? == 1)); } | awk '
    { node = $2; sub(/:$/, "", node); text = $0; sub(/^[<>] [^ ]+ /, "", text) }
    $3 == "device" && $1 == "<" { gone[node, $4] = 1; if ($4 == "lo") { lost[node] = 1; text = "the namespace" } }
    $3 == "device" && $1 == ">" { come[node, $4] = 1 }
    node in lost && text != "the namespace" || $3 == "link" && ((node, $4) in gone || (node, $4) in come) { next }
    $1 == "<" { print node ": missing: " text; next }
    $1 != ">" || / proto kernel / { next }
    { print node ": " ($3 == "link" ? "instead" : text ~ /^ip6?tables / || node " " $3 == "host device" ? "added" : "besides") ": " text }'
}

check_devices() {
  list >"$TMP/now"
  differ "$STATE/seen" "$TMP/now"
}

# Over a topology that is up: what somebody else has put there is no part of ours afterwards. What differs is set back, in
# the words in which it was seen, and what cannot be is made again.
prepare_devices() {
  local node line key
  for node in "${NODES[@]}"; do [[ -e /run/netns/$node ]] || FRESH[$node]=yes; done
  [[ $WAS_UP ]] || return 0
  if [[ ! -e $STATE/besides ]]; then
    differ "$STATE/seen" "$TMP/now" | sed -n 's/: besides: /: /p' >"$TMP/besides"
    mv "$TMP/besides" "$STATE/besides"
  fi
  for line in "${LINES[@]}"; do
    [[ ! ${KEPT[$line]:-} ]] || continue
    case $line in
      *' ip link add '*' netns '*) line=${line##* netns } && CHANGED["${line%% *} ip"]=1 ;; # it has to be set there
      'host '*) ;;
      *' addrgenmode none'*) # what a device has made for itself while it had IPv6, and is to have no more
        key=${line#* dev }
        in_node "${line%% *}" ip address flush dev "${key%% *}" to fe80::/10 &>/dev/null || true
        ;;
    esac
  done
  [[ $DRIFT ]] || return 0
  while IFS=' :' read -r node _ line; do changes "$node $line" && CHANGED["$node ip"]=1 CHANGED["host ip"]=1; done <<<"$DRIFT"
  line=" $(namespaces_there | tr '\n' ' ')"
  for node in "${NODES[@]}"; do # whoever was killed while making a namespace left a file that is none
    [[ ! -e /run/netns/$node || $line == *" $node "* ]] || { rm "/run/netns/$node" && FRESH[$node]=yes; }
  done
  sed -nE 's/^([^:]+): missing: (link )([^ ]+ .*)/\1 link set dev \3/p; s/^([^:]+): missing: route (.* proto kernel .*)/\1 route replace \2/p' <<<"$DRIFT" |
    while read -r node line; do in_node "$node" ip -force -batch - <<<"$line" &>/dev/null || true; done
  sed -nE 's/^([^:]+): missing: route ([^ ]+) .*dev ([^ ]+) proto kernel .*/\1 \2 \3/p' <<<"$DRIFT" |
    while read -r node line key; do put_kernel_routes "$node" "$line" "$key"; done
  {
    grep ': missing: device ' <<<"$DRIFT" || true
    for node in "${NODES[@]}"; do [[ ! ${FRESH[$node]:-} ]] || grep "^$node: device " "$STATE/seen" || true; done
  } >"$TMP/devices"
  sed -n 's/^host: added: device //p' <<<"$DRIFT" | while read -r line; do ip link del dev "$line" &>/dev/null || true; done
  remove_devices <"$TMP/devices"
}

# What the kernel has for each device beside the routes to its subnets. For those to its own addresses it has to come up
# anew, as its lines have it. (To replace fe80::/64 would be to take it from another device.)
put_kernel_routes() { # NODE SUBNET DEVICE
  local family=-4 device
  [[ $2 != *:* ]] || family=-6
  for device in "$3" lo; do
    [[ $1:$device == host:lo || $(in_node "$1" ip "$family" route show table local type local dev "$device") ]] ||
      in_node "$1" ip link set dev "$device" down || true
  done
  [[ $family == -4 || ! $(in_node "$1" ip -6 address show dev "$3" scope link) ]] ||
    in_node "$1" ip route append fe80::/64 dev "$3" proto kernel metric 256 &>/dev/null || true
}

# Whichever end of a cable they are: their lines make them again.
remove_devices() { # <NODE: … device|link DEVICE …
  local node device
  while read -r node device; do
    CHANGED["$node ip"]=1 CHANGED["host ip"]=1
    in_node "$node" ip link del dev "$device" &>/dev/null || true
  done < <(sed -E 's/^([^:]+):.* (device|link) ([^ ]+).*/\1 \3/' | sort -u | while read -r node device; do
    printf '%s\n' "${LINES[@]}" | sed -nE "/^$node ip link add name $device |^[^ ]+ ip link add .*name $device .*netns $node( |$)|^$node ip link add .* peer name $device( |$)/{p}"
  done | makes)
}

# NODE DEVICE: what these lines make, and where.
makes() {
  awk '{
    place = other = $1; peer = ""
    for (i = 7; i < NF; i++) {
      if ($i == "peer") peer = $(i + 2)
      if ($i == "netns") { if (peer) other = $(i + 1); else place = $(i + 1) }
    }
    print place, $6; if (peer) print other, peer
  }'
}

# Services and commands come after this: they may have ideas of their own.
look_devices() {
  local tries
  each flush
  [[ ! -e $TMP/seen ]] || return 0
  list >"$TMP/seen"
  [[ ${LINES[*]} =~ ' address replace '[^\ ]*: ]] || return 0
  for ((tries = 0; tries < 20; tries++)); do # IPv6 takes a moment to use a device that is up
    sleep 0.02
    mv "$TMP/seen" "$TMP/before"
    list >"$TMP/seen"
    ! cmp -s "$TMP/before" "$TMP/seen" || return 0
  done
}

# What is still as it was is made again; what then still is, is told.
finish_devices() {
  local still
  look_devices
  still=$(still_differs)
  if [[ $still ]]; then
    { grep -E ': (missing|instead): (device|link) ' <<<"$still" || true; } >"$TMP/devices"
    remove_devices <"$TMP/devices"
    rm "$TMP/seen"
    make
    look_devices
    still=$(still_differs)
    [[ ! $still ]] || die "this cannot be put right: $still"
  fi
  if [[ -e $STATE/besides ]]; then
    grep -vxFf "$STATE/besides" "$TMP/seen" >"$TMP/ours" || (($? == 1)) # 1: nothing is left
    mv "$TMP/ours" "$TMP/seen"
  fi
  mv "$TMP/seen" "$STATE/seen"
  [[ ! -e $STATE/besides ]] || rm "$STATE/besides"
}

still_differs() { [[ ! $DRIFT ]] || grep -xF "$DRIFT" <(differ "$STATE/seen" "$TMP/seen") || true; }

# ---- undoing ----

undo_ip() { :; } # all of them together, by settle_devices
undo_ip6() { :; }
undo_bridge() { :; }
undo_tc() { :; }

# The kernel removes the cables of all namespaces that have gone at once; on its own, each takes as long as all.
settle_devices() {
  local key output
  printf '%s\n' "${OLD[@]}" >"$TMP/old"
  printf '%s\n' "${!NEW[@]}" >"$TMP/new"
  not_ours >"$TMP/others" || { left 'ip link show failed' && return 0; }
  { turn >"$TMP/turned" && awk '!seen[$1, $2]++ { print $1 ":" $2 }' "$TMP/turned" >"$TMP/keys"; } || { left 'awk failed' && return 0; }
  name_holders
  while read -r key; do
    sed -n "s/^${key%:*} ${key#*:} //p" "$TMP/turned" >"$TMP/undo" || left 'sed failed'
    [[ ! $VERBOSE ]] || sed "s/^/[#] ${key/:/: } /" "$TMP/undo" >&2
    case $key in
      *:sysctl) output=$(in_node "${key%:*}" sysctl -q -p "$TMP/undo" 2>&1) ;;
      *:ip6) output=$(in_node "${key%:*}" ip -6 -force -batch "$TMP/undo" 2>&1) ;;
      *) output=$(in_node "${key%:*}" "${key#*:}" -force -batch "$TMP/undo" 2>&1) ;;
    esac || [[ $output ]] || left "${key/:/: } failed" # what is gone already is said to be so; what did not run says nothing
  done <"$TMP/keys"
  told_gone
}

# NODE PROGRAM LINE: the lines that are no longer wanted, from the last to the first, each with its verb turned. What is
# set of a device, or in a namespace, that goes is gone with it.
turn() {
  awk -v kept="$([[ ! -e $STATE/made ]] || echo yes)" '
    FILENAME ~ /new$/ { new[$0] = 1; if (/^[^ ]+ ip link set dev .* addrgenmode none/) quiet[$1, $6] = 1; next }
    FILENAME ~ /others$/ { others[$0] = 1; next }
    !($0 in new) && $2 ~ /^(ip6?|bridge|tc)$/ {
      old[++n] = $0
      if ($3 == "netns") going[$5] = 1
      if ($3 == "link" && $4 == "add") gone[$1, $6] = 1
    }
    END {
      for (i = n; i; i--) { split(old[i], w, " "); if (w[3] == "netns" && !(("netns " w[5]) in others)) print "host ip netns del " w[5] }
      for (i = n; i; i--) {
        split(old[i], w, " "); node = w[1]; line = old[i]
        sub(/^[^ ]+ [^ ]+ /, "", line); sub(/ nodad$/, "", line)
        device = line; if (!sub(/.* dev /, "", device)) device = ""; sub(/ .*/, "", device)
        if (node in going || w[3] == "netns" || (node, device) in gone) continue
        if (line ~ /^link add /) {
          place = node; if (match(line, / netns [^ ]+ type /)) { place = substr(line, RSTART + 7, RLENGTH - 13) }
          if (!(place in going) && !(place == "host" && ("link " w[6]) in others)) print place, "ip link del dev", w[6]
          continue
        }
        if (line ~ / addrgenmode none/ && !((node, device) in quiet)) { print node, "sysctl net/ipv6/conf/" device "/addr_gen_mode=0"; continue } # ip(8) makes no address
        if (line ~ /^(address|route|qdisc) replace /) { sub(/ replace /, " del ", line); sub(/ netem .*/, "", line) }
        else if (line ~ /^(rule|vlan|fdb) (add|append) /) { sub(/ (add|append) /, " del ", line); sub(/ pvid untagged$/, "", line) }
        else if (line ~ / type bridge_slave .* on$/) sub(/ on$/, " off", line)
        else if (line ~ / type bridge nf_call/) gsub(/ 1/, " 0", line)
        else if (line ~ /^link set dev [^ ]+ master /) sub(/ master .*/, " nomaster", line)
        else if (line ~ /^link set dev [^ ]+ up$/) sub(/ up$/, " down", line)
        else continue
        print node, w[2], line
      }
    }' "$TMP/new" "$TMP/others" "$TMP/old"
}

# What has a name of ours, and another mark: it stays. Where nothing is kept, only what has our mark is ours.
not_ours() {
  local name alias line output
  output=$(aliases) || return 1
  while read -r name alias; do
    [[ $alias: == "nsgen:$NAME:"* || ( ! $alias && -e $STATE/made ) ]] || printf 'link %s\n' "$name"
  done <<<"$output"
  for line in "${OLD[@]}"; do
    [[ $line != 'host ip netns add '* || -e $STATE/made ]] || is_ours "${line##* }" || printf 'netns %s\n' "${line##* }"
  done
}

# A namespace lives on, without a name, as long as a process is in it.
name_holders() {
  local inode path pid name
  local -a deleted
  local -A names=()
  mapfile -t deleted < <(sed -n 's#^host ip netns del #/run/netns/#p' "$TMP/turned")
  ((${#deleted[@]})) || return 0
  while read -r inode path; do names[$inode]=${path##*/}; done < <(stat -L -c '%i %n' "${deleted[@]}" 2>/dev/null)
  while read -r inode path; do
    [[ ${names[$inode]:-} ]] || continue
    pid=${path#/proc/} pid=${pid%%/*} name='?'
    { read -r name <"/proc/$pid/comm"; } 2>/dev/null || true
    say "process $pid ($name) is still in namespace ${names[$inode]}, which goes when it ends"
  done < <(stat -L -c '%i %n' /proc/[0-9]*/ns/net 2>/dev/null)
}

told_gone() {
  local node kind verb name device there
  there=$'\n'$(aliases)$'\n' || { left 'ip link show failed' && return 0; }
  while read -r node _ kind verb name device; do
    case "$node $kind $verb" in
      'host netns del') [[ ! -e /run/netns/$name ]] || left "namespace $name could not be deleted" ;;
      'host link del') [[ ! $there =~ $'\n'"$device"[$' \n'] ]] || left "device $device could not be deleted" ;;
    esac
  done <"$TMP/turned"
}

# ---- kernel modules --------------------------------------------------------------------------------------------------

modules() { take host module; } # <NAMES

# Built in or loaded: then there is its name among the modules, or what it brings.
has_module() { [[ -e /sys/module/${1//-/_} || $1 == br_netfilter && -e /proc/sys/net/bridge ]]; }

survey_module() { # host NAME
  local file word module command
  if has_module "$2"; then return 0; fi
  command -v modprobe >/dev/null || { PROBLEMS+=('the program modprobe is missing: install the package kmod') && return 0; }
  modprobe -n -q "$2" 2>/dev/null || PROBLEMS+=("this kernel has no module $2")
  for file in {/etc,/run,/usr/local/lib,/usr/lib,/lib}/modprobe.d/*.conf; do
    while read -r word module command || [[ $word ]]; do # an administrator forbids it in one of two ways, modprobe.d(5)
      [[ ${module//-/_} != "${2//-/_}" || ! "$word $command" =~ ^(blacklist|install\ .*/(true|false)) ]] ||
        PROBLEMS+=("the kernel module $2 is blacklisted in $file")
    done <"$file"
  done
}

make_module() { # host NAMES
  local name switch loading
  for name in $2; do
    loading=$STATE/loading.$name # is left by a run that was killed meanwhile
    if has_module "$name" && [[ ! -e $loading ]]; then continue; fi
    : >"$loading"
    run modprobe "$name" || die "the kernel module $name cannot be loaded"
    # br_netfilter switches itself on for every bridge of this host; what is asked for is switched on below.
    [[ $name != br_netfilter ]] || for switch in /proc/sys/net/bridge/bridge-nf-call-*; do printf '0\n' >"$switch"; done
    rm -f "$loading"
  done
}

undo_module() { :; } # it stays loaded: others may use it by now

check_module() { has_module "$2" || printf 'host: missing: the module %s\n' "$2"; }

# ---- kernel parameters -----------------------------------------------------------------------------------------------
#
# In /run/nsgen/sysctl, shared by all topologies, NODE@KEY is what it was, and NODE@KEY:TOPOLOGY what each that needs it
# sets. The last one out puts it back, unless somebody else has changed it since.

begin_parameters() { declare -gA MINE=(); } # devices of this host that are ours, or were

parameters() { take "$1" sysctl; } # NODE <LINES

recall_parameters() {
  local line
  for line in "${OLD[@]}" "${LINES[@]}"; do
    [[ $line != 'host ip link add name '* ]] || { line=${line#host ip link add name } && MINE[${line%% *}]=1; }
  done
}

# A dot separates the parts of a key, unless a device's name has one; then it is a slash.
path_of() { if [[ $1 == */* ]]; then printf '/proc/sys/%s' "$1"; else printf '/proc/sys/%s' "${1//.//}"; fi; }

get_parameter() { # NODE KEY
  local text
  if [[ $1 == host ]]; then text=$(<"$(path_of "$2")"); else text=$(in_node "$1" sysctl -n "$2"); fi 2>/dev/null || return 1
  printf '%s' "${text//$'\t'/ }" # the kernel prints tabs between words
}

put_parameter() { # NODE KEY VALUE
  if [[ $1 != host ]]; then run in_node "$1" sysctl -q -w "$2=$3" && return 0 || return 1; fi
  [[ ! $VERBOSE ]] || printf '[#] sysctl -w %s="%s"\n' "$2" "$3" >&2
  printf '%s\n' "$3" >"$(path_of "$2")"
}

survey_sysctl() { # NODE KEY = VALUE; the device or the module of some may come with this run
  [[ $1 != host || $2 =~ ^net[./](ipv[46][./]conf|bridge)[./] || -e $(path_of "${2%% = *}") ]] ||
    PROBLEMS+=("this kernel has no parameter ${2%% = *}")
}

# A kernel without IPv6 has nothing to switch off.
is_void() { [[ $1 == host && $2 == net?ipv6?* && ! -e $(path_of "$2") ]]; } # NODE KEY

make_sysctl() { # NODE LINES
  local line
  while read -r line; do set_parameter "$1" "${line%% = *}" "${line#* = }"; done < <(printf '%s' "$2")
}

set_parameter() { # NODE KEY VALUE
  local record=/run/nsgen/sysctl/$1@${2//\//%} now users
  if is_void "$1" "$2"; then return 0; fi
  now=$(get_parameter "$1" "$2") || die "$1: this kernel has no parameter $2"
  users=("$record":*)
  [[ -d ${record%/*} ]] || mkdir "${record%/*}"
  ((${#users[@]})) || what_was "$1" "$2" "$now" >"$record"
  printf '%s\n' "$3" >"$record:$NAME"
  [[ $now == "$3" ]] || put_parameter "$@" || die "$1: $2 cannot be set to $3"
}

# PATH VALUE of it, and of what the kernel changes along with it: forwarding, switched, is switched on every device, and
# decides whether redirects are accepted (linux/net/ipv4/devinet.c, inet_forward_change). And who has chains by now.
what_was() { # NODE KEY NOW
  local path device was text along=()
  path=$(path_of "$2") path=${path#/proc/sys/} was=''
  for device in /run/nsgen/sysctl/host@net.ip*forward*; do [[ $device == *:* ]] || was=$(sed -n "s#^$path ##p" "$device"); done
  ! set_at_boot "$2" "$3" || { was=0 && printf '%s\n' "$2" >>/run/nsgen.boot; }
  printf '%s %s\n' "$path" "${was:-$3}"
  [[ $1 == host && ${was:-$3} == 0 ]] || return 0
  case $2 in
    net.ipv4.ip_forward) along=(/proc/sys/net/ipv4/conf/{all/accept_redirects,*/forwarding}) ;;
    net.ipv6.conf.all.forwarding) along=(/proc/sys/net/ipv6/conf/*/forwarding) ;;
    *) return 0 ;;
  esac
  if [[ $3 == 0 ]]; then
    text=$(grep . /dev/null "${along[@]}") || die 'grep /proc/sys failed'
    while IFS=: read -r path was; do
      device=${path%/forwarding} device=${device##*/}
      [[ ${MINE[$device]:-} || $device == all ]] || printf '%s %s\n' "${path#/proc/sys/}" "$was"
    done <<<"$text"
  elif [[ $2 == net.ipv4.* ]] && asked_for net.ipv4.conf.all.accept_redirects 0; then
    printf 'net/ipv4/conf/all/accept_redirects 0\n'
  fi
  other_chains "$2" || printf 'chain *\n' # what could not be asked counts as nobody's
}

# Other programs' chains for what is forwarded.
other_chains() { # KEY
  local tool=iptables text line
  [[ $1 == net.ipv4.* ]] || tool=ip6tables
  command -v "$tool" >/dev/null || return 0
  text=$("$tool" -w -S 2>/dev/null) || text=$("$tool" -w -S 2>/dev/null) || return 1
  while read -r line; do [[ $line != '-N '* || $line == '-N NSGEN-'* ]] || printf 'chain %s\n' "${line#-N }"; done <<<"$text"
}

# Whether one of these files, as sysctl.d(5) has them, sets a parameter to this value; whether an administrator's does.
sets() { [[ $'\n'$(sed -E 's/[[:space:]]//g; s/^-//; y#/#.#' /dev/null "${@:3}")$'\n' == *$'\n'"${1//\//.}=$2"$'\n'* ]]; } # KEY VALUE FILE…

asked_for() { # KEY VALUE
  local files=({/etc,/run,/usr/local/lib,/usr/lib}/sysctl.d/*.conf /etc/sysctl.con[f])
  sets "$1" "$2" "${files[@]/#*99-nsgen-*//dev/null}"
}

# Whether it was our own file that switched it on at boot; then it counts as off. But once it has been put back, whoever
# switches it on again has reasons of their own.
set_at_boot() { # KEY NOW
  local file
  [[ $2 == 1 && $1 =~ forward|nf-call ]] && ! grep -qxF "$1" /run/nsgen.boot 2>/dev/null && ! asked_for "$1" 1 || return 1
  for file in /etc/sysctl.d/99-nsgen-*.conf; do
    if (($(stat -c %Z "$file") < $(sed -n 's/^btime //p' /proc/stat))) && sets "$1" 1 "$file"; then return 0; fi
  done
  return 1
}

# where_off KEY COMMAND…: only if that parameter was 0 before a topology of ours asked for more.
where_off() {
  local was record=/run/nsgen/sysctl/host@$1 path=/proc/sys/${1//.//}
  if [[ -e $record ]]; then read -r _ was <"$record"; else { read -r was <"$path"; } 2>/dev/null || was=0; fi
  if [[ $was == 0 ]] || set_at_boot "$1" "$was"; then "${@:2}"; fi
}

undo_sysctl() { # NODE KEY = VALUE
  local node=$1 key=${2%% = *} ours=${2#* = } record other value='' was='' now
  record=/run/nsgen/sysctl/$node@${key//\//%}
  [[ -e $record && " ${!NEW[*]} " != *" $node sysctl $key = "* ]] || return 0 # it is to have another value
  for other in "$record":*; do [[ $other == *:"$NAME" ]] || value=$(<"$other"); done
  if [[ -e $record:$NAME ]] && stays "$node" "$key" && now=$(get_parameter "$node" "$key"); then
    read -r _ was <"$record"
    if [[ $value ]]; then # what another topology sets
      [[ $now != "$ours" || $now == "$value" ]] || put_parameter "$node" "$key" "$value" || left "$node: $key cannot be set to $value"
    elif [[ $now == "$ours" && $now != "$was" ]] && relied_on "$key" "$ours" "$record"; then
      say "$key stays $ours: others rely on it by now"
    elif [[ $now == "$ours" || $now == "$was" ]]; then
      put_back "$node" "$key" "$record"
    fi
  fi
  [[ ! $LEFT ]] || return 0
  if [[ $value ]]; then rm -f "$record:$NAME"; else rm -f "$record:$NAME" "$record"; fi || left "$record cannot be removed"
}

# Those of a namespace that goes, or of a device of ours that goes, go with it.
stays() { # NODE KEY
  [[ $1 == host || ${NEW["host ip netns add $1"]:-} ]] || return 1
  [[ ! $2 =~ [./]conf[./](.*)[./] || ! ${MINE[${BASH_REMATCH[1]}]:-} || " ${!NEW[*]} " == *" $1 ip link add name ${BASH_REMATCH[1]} "* ]]
}

# Whether an administrator's file asks for the value, too; or, of forwarding, whether another program has made itself chains
# since, as Docker and libvirt do, which find it on and leave it at that.
relied_on() { # KEY VALUE FILE
  ! asked_for "$1" "$2" || return 0
  [[ $1 =~ ^net\.(ipv4\.ip_forward|ipv6\.conf\.all\.forwarding)$ ]] && ! grep -qxF 'chain *' "$3" && other_chains "$1" | grep -vxFf "$3" >/dev/null
}

put_back() { # NODE KEY FILE
  local path was now version device
  local -A recorded=()
  while read -r path was; do
    recorded[$path]=1
    if [[ $path == chain || $1 == host && ! -e /proc/sys/$path ]]; then continue; fi
    now=$(get_parameter "$1" "$path")
    [[ $now == "$was" ]] || put_parameter "$1" "$path" "$was" || left "$1: $path cannot be set to $was"
  done <"$3"
  [[ $2 =~ ^net\.(ipv[46])\..*forward ]] || return 0
  version=${BASH_REMATCH[1]} was=$(<"/proc/sys/net/$version/conf/default/forwarding") # what devices have that have come since
  for path in "/proc/sys/net/$version/conf/"*/forwarding; do
    device=${path%/*} device=${device##*/}
    [[ ${recorded[${path#/proc/sys/}]:-} || $device == all || ${#NEW[@]} -eq 0 && ${MINE[$device]:-} ]] || printf '%s\n' "$was" >"$path" || true
  done
}

check_sysctl() { # NODE KEY = VALUE
  local now
  if is_void "$1" "${2%% = *}"; then return 0; fi
  now=$(get_parameter "$1" "${2%% = *}") || now=missing
  [[ $now == "${2#* = }" ]] || printf '%s: changed: %s is %s, not %s\n' "$1" "${2%% = *}" "$now" "${2#* = }"
}

# ---- files -----------------------------------------------------------------------------------------------------------

begin_files() { declare -gA FILES=(); }

# Where there is a service that reads it, or none is named. The first line of a file says whose it is.
file() { # PATH [SERVICE] <TEXT
  local folder
  [[ ! ${2:-} || -d /run/systemd/system ]] || return 0
  for folder in "${1%/*/*}" "${1%/*}"; do
    if [[ ! -d $folder ]] || grep -qxF "host folder $folder" "$STATE/made" 2>/dev/null; then LINES+=("host folder $folder"); fi
  done
  FILES[$1@${2:-}]=$(cat)
  take host file < <(printf '%s\n' "${FILES[$1@${2:-}]}" | sed "s#^#$1@${2:-} #")
}

is_written() { [[ -e ${1%@*} && $(<"${1%@*}") == "${FILES[$1]}" ]]; } # PATH@SERVICE

is_our_file() { # PATH
  local line=''
  { read -r line <"$1"; } 2>/dev/null || true
  [[ $line == *" nsgen:$NAME" ]]
}

survey_files() {
  local key
  for key in "${!FILES[@]}"; do
    [[ ! -e ${key%@*} ]] || is_our_file "${key%@*}" || PROBLEMS+=("${key%@*} exists already, and it is not of this topology")
  done
}

make_folder() { :; } # with its file

make_file() {
  local key
  for key in "${!FILES[@]}"; do
    if is_written "$key"; then continue; fi
    mkdir -p "${key%/*}"
    printf '%s\n' "${FILES[$key]}" >"${key%@*}"
    reload "${key#*@}"
  done
}

check_files() {
  local key
  for key in "${!FILES[@]}"; do is_written "$key" || printf 'host: changed: %s is not as it was written\n' "${key%@*}"; done
}

undo_file() { # host PATH@SERVICE LINE
  local key=${2%% *}
  [[ ! ${FILES[$key]+x} || ${#NEW[@]} -eq 0 ]] && is_our_file "${key%@*}" || return 0 # or it is written anew
  rm -f "${key%@*}" || left "${key%@*} cannot be removed"
  reload "${key#*@}"
  [[ -e $STATE/made || $key != /etc/netns/* ]] || undo_folder host "${key%/*}" # where nothing is kept, it is taken for ours
}

undo_folder() { [[ ! -d $2 ]] || rmdir --ignore-fail-on-non-empty "$2" || left "$2 cannot be removed"; }

reload() { # [SERVICE]
  local -a command=(networkctl reload)
  [[ $1 != NetworkManager ]] || command=(nmcli general reload conf)
  if [[ ! $1 ]] || ! systemctl --quiet is-active "$1.service" 2>/dev/null; then return 0; fi
  run "${command[@]}" || say "$1 could not be told to read its files again"
}

# ---- services --------------------------------------------------------------------------------------------------------

begin_services() { STARTED=(); }

service() { take_command "$1" service "${@:2}"; } # NODE NAME COMMAND…

make_service() { # NODE LINES
  local name command base
  each look
  while read -r name command; do
    base=$STATE/$1.$name
    if is_running "$base" "$1" && [[ ${KEPT["$1 service $name $command"]:-} ]]; then continue; fi
    stop "$base"
    launch "$base" "$1" "$command" &
    STARTED+=("$1 $name")
  done < <(printf '%s' "$2")
}

# It writes its own number, and when it started, before it becomes the program: so none is ever lost.
launch() { # BASE NODE COMMAND, in quotes
  local pid=$BASHPID
  local -a node=()
  trap - EXIT INT TERM HUP
  exec {LOCK}<&- >"$1.log" 2>&1 </dev/null
  [[ $2 == host ]] || node=(ip netns exec "$2")
  printf '%s %s\n' "$pid" "$(age_of "$pid")" >"$1.pid"
  exec "${node[@]}" setsid bash -c "exec -- $3"
}

# In clock ticks since boot: no other process with its number has that too (proc(5), field 22).
age_of() {
  local stat
  local -a fields
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  read -ra fields <<<"${stat##*) }"
  printf '%s' "${fields[19]}"
}

# In its namespace, and not in one of the same name that is gone.
is_running() { # BASE [NODE]
  local pid started
  [[ -s $1.pid ]] && read -r pid started <"$1.pid" && [[ $started && $(age_of "$pid") == "$started" ]] &&
    [[ ${2:-host} == host || /proc/$pid/ns/net -ef /run/netns/$2 ]]
}

# A program that cannot start ends at once.
finish_services() {
  local node name tries
  ((${#STARTED[@]} == 0)) || sleep 0.2
  for name in "${STARTED[@]}"; do
    node=${name% *} name=${name/ /.}
    for ((tries = 0; tries < 50; tries++)); do
      if [[ -s $STATE/$name.pid ]]; then break; fi
      sleep 0.1
    done
    is_running "$STATE/$name" "$node" || die "the service $name ended at once: $(tail -n 1 "$STATE/$name.log")"
  done
}

check_service() { # NODE NAME …
  is_running "$STATE/$1.${2%% *}" "$1" || printf '%s: missing: service %s does not run\n' "$1" "${2%% *}"
}

undo_service() { # NODE NAME …
  [[ " ${!NEW[*]} " == *" $1 service ${2%% *} "* ]] || stop "$STATE/$1.${2%% *}" # or another command takes its place
}

stop() { # BASE
  local pid tries
  if is_running "$1"; then
    read -r pid _ <"$1.pid"
    kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null || true
    for ((tries = 0; tries < 50; tries++)); do
      if ! is_running "$1" || ! sleep 0.1; then break; fi
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
  fi
  rm -f "$1.pid" "$1.log" || left "$1.pid cannot be removed"
}

# ---- after a reboot --------------------------------------------------------------------------------------------------

install() {
  local unit=nsgen-$NAME.service
  print_self | write_file "/usr/local/sbin/nsgen-$NAME" 755
  boot_file "/etc/sysctl.d/99-nsgen-$NAME.conf" "${TEXT["host sysctl"]:-}" <<FILE
# Kernel parameters of the nsgen topology $NAME, for every boot: sysctl.d(5).
# $unit sets them too; this file says so to whoever looks here first.
FILE
  boot_file "/etc/modules-load.d/nsgen-$NAME.conf" "${TEXT["host module"]:-}" <<FILE
# Kernel modules of the nsgen topology $NAME, for every boot: modules-load.d(5).
FILE
  print_unit | write_file "/etc/systemd/system/$unit" 644
  mkdir -p /etc/systemd/system/multi-user.target.wants
  ln -sfn "/etc/systemd/system/$unit" "/etc/systemd/system/multi-user.target.wants/$unit" # systemctl enable
  [[ ! -d /run/systemd/system ]] || run systemctl daemon-reload
  say "installed; it is built at every boot, and now by: systemctl start $unit"
}

uninstall() {
  local unit=nsgen-$NAME.service file others
  if [[ -d /run/systemd/system ]] && systemctl is-active --quiet "$unit"; then
    exec {LOCK}<&- # its `down` takes the lock
    run systemctl stop "$unit"
    LOCK=''
    lock
    recall
  fi
  down
  rm -f "/etc/systemd/system/multi-user.target.wants/$unit"
  for file in "/etc/systemd/system/$unit" "/usr/local/sbin/nsgen-$NAME" "/etc/sysctl.d/99-nsgen-$NAME.conf" "/etc/modules-load.d/nsgen-$NAME.conf"; do
    rm -f "$file" "$file.nsgen-new"
  done
  others=(/etc/sysctl.d/99-nsgen-*.conf)
  ((${#others[@]})) || rm -f /run/nsgen.boot # what those files switched on at boot
  [[ ! -d /run/systemd/system ]] || run systemctl daemon-reload
}

# A file of nothing but its head is one that an earlier version had something to say in.
boot_file() { # FILE TEXT <HEAD
  if [[ $2 ]]; then { cat && printf '%s' "$2"; } | write_file "$1" 644; else rm -f "$1"; fi
}

# Whole or not at all.
write_file() { # FILE MODE
  mkdir -p "${1%/*}"
  cat >"$1.nsgen-new"
  chmod "$2" "$1.nsgen-new"
  mv "$1.nsgen-new" "$1"
}

print_unit() {
  cat <<UNIT
# Builds the nsgen topology $NAME at boot. It runs a copy of setup.sh:
#   install -m 755 setup.sh /usr/local/sbin/nsgen-$NAME
[Unit]
Description=nsgen topology $NAME
After=systemd-modules-load.service systemd-sysctl.service network.target
# Firewalls that replace all rules when they start come before; Docker, which is to find forwarding as it will be, after.
After=nftables.service netfilter-persistent.service ufw.service firewalld.service
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/nsgen-$NAME up
ExecReload=/usr/local/sbin/nsgen-$NAME up
ExecStop=/usr/local/sbin/nsgen-$NAME down

[Install]
WantedBy=multi-user.target
UNIT
}

main "$@"
}
