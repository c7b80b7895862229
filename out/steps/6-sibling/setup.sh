#!/usr/bin/env bash
# article: 2 network namespaces (red, blue) on 1 network (bridge0), with internet access, 1 published port.
#
#   8080/tcp -> red, 192.168.15.2 port 80
#
#   sudo ./setup.sh          build it; if it is there, repair it or bring it up to date
#   sudo ./setup.sh check    name every difference between this script and the machine
#   sudo ./setup.sh down     remove it, and put back what it changed
#
# Made by nsgen from a topology: change that and render again. To review it, read topology(): every change to the
# machine is there, with its reason. What follows is how it is applied, and the same in every script.

set -euo pipefail
shopt -s extglob nullglob
export LC_ALL=C

readonly NAME=article
readonly PROGRAMS='ip:iproute2 ss:iproute2 nsenter:util-linux unshare:util-linux mount:mount flock:util-linux xargs:findutils iptables:iptables sysctl:procps setsid:util-linux runuser:util-linux python3:service'
readonly PORTS=tcp/8080

# What is built, in order, and why.
topology() {
  # ---- Kernel modules ----

  # br_netfilter lets iptables see the packets that cross a bridge without leaving it. It is needed because a reply from
  # one namespace to another would otherwise go straight through the bridge, past the rule that has to translate it
  # back.
  load_module br_netfilter /proc/sys/net/bridge/bridge-nf-call-iptables

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

  # bridge0 is an IPv4 network: without this, IPv6 would be a way in that no rule below covers.
  sysctls host <<'SYSCTL'
net.ipv6.conf.bridge0.disable_ipv6 = 1
SYSCTL

  # A veth pair is a cable with two ends: one in the namespace, the other a port of bridge0.
  ip_in host <<'IP'
link add name veth-red-br type veth peer name veth-red netns red
link set dev veth-red-br alias nsgen:article addrgenmode none master bridge0
link set dev veth-red-br up
link add name veth-blue-br type veth peer name veth-blue netns blue
link set dev veth-blue-br alias nsgen:article addrgenmode none master bridge0
link set dev veth-blue-br up
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

  # A port below 1024 is root's. Here it need not be: whoever serves on one as somebody else has this namespace for
  # himself. (Docker sets this in every container.)
  sysctls red <<'SYSCTL'
net.ipv4.ip_unprivileged_port_start = 0
SYSCTL

  # blue
  ip_in blue <<'IP'
link set dev lo alias nsgen:article up
link set dev veth-blue addrgenmode none
address replace 192.168.15.3/24 dev veth-blue
link set dev veth-blue up
route replace default via 192.168.15.1 dev veth-blue
IP

  # ---- Rules, IPv4 ----

  rules iptables <<'RULES'
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
-A NSGEN-article-PRE -s 192.168.15.2/32 -p tcp -m tcp --dport 8080 -j RETURN
-A NSGEN-article-PRE -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.15.2:80
# The host's own packets do not pass PREROUTING; they need the same rule in OUTPUT.
-A NSGEN-article-OUTPUT -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.15.2:80
# What leaves for anywhere but bridge0 gets this host's address as its source: nobody outside knows a route to the
# namespaces. Any way out will do, so none is named.
-A NSGEN-article-POST -s 192.168.15.0/24 ! -d 224.0.0.0/4 ! -o bridge0 -j MASQUERADE
# A request to 127.0.0.1 comes from 127.0.0.1, an address to which no namespace can reply: give it the host's address on
# the bridge.
-A NSGEN-article-POST -s 127.0.0.0/8 -o bridge0 -j MASQUERADE
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
  jump iptables raw PREROUTING first -m comment --comment nsgen:article -j NSGEN-article-RAW
  jump iptables nat PREROUTING first -m addrtype --dst-type LOCAL -m comment --comment nsgen:article -j NSGEN-article-PRE
  jump iptables nat OUTPUT first -m addrtype --dst-type LOCAL -m comment --comment nsgen:article -j NSGEN-article-OUTPUT
  jump iptables nat POSTROUTING first -m comment --comment nsgen:article -j NSGEN-article-POST
  jump iptables filter FORWARD first -m comment --comment nsgen:article -j NSGEN-article-INTO
  jump iptables filter FORWARD last -m comment --comment nsgen:article -j NSGEN-article-FROM
  where_off net.bridge.bridge-nf-call-iptables jump iptables filter FORWARD last -m comment --comment nsgen:article -j NSGEN-article-OTHERS
  where_off net.ipv4.ip_forward jump iptables filter FORWARD last -m comment --comment nsgen:article -j NSGEN-article-GUARD

  # ---- Kernel parameters ----

  # Without this the kernel drops a packet from 127.0.0.1 that is routed to another interface, as a request to 127.0.0.1
  # is once it is translated.
  sysctls host <<'SYSCTL'
net.ipv4.conf.bridge0.route_localnet = 1
SYSCTL

  # A namespace that uses a port published by a sibling is answered through the bridge, without any routing. With this,
  # iptables sees the answer there, and translates its source back to the address that was asked; without it, an answer
  # comes from an address that nobody asked, and is thrown away.
  sysctls host <<'SYSCTL'
net.bridge.bridge-nf-call-iptables = 1
SYSCTL

  # Packets of the namespaces come neither from this host nor are they for it: to pass them on, the host has to act as a
  # router. This comes last, when every rule is in place.
  sysctls host <<'SYSCTL'
net.ipv4.ip_forward = 1
SYSCTL

  # ---- Services ----

  # Started in red, with its output under /run/nsgen/article/.
  service red web env -C /usr/share/doc runuser -u nobody -- python3 -m http.server 80
}

# What removes it, the last thing first. Only what is ours is removed, and a parameter is put back to what it was.
# (Namespaces take their devices along, and with those go the other ends of the cables, all at once.)
teardown() {
  stop_services
  restore_sysctls <<'SYSCTL'
net.ipv4.ip_forward = 1
net.bridge.bridge-nf-call-iptables = 1
net.ipv4.conf.bridge0.route_localnet = 1
SYSCTL
  drop_chains iptables
  ip_undo <<'IP'
netns del blue
netns del red
link del dev veth-blue-br
link del dev veth-red-br
link del dev bridge0
IP
}

# ======================================================================================================================
# How it is built. From here on every script of nsgen is the same, less the parts that its topology does not need.
#
# topology() is walked in one of three ways: `survey` looks for what is in the way and changes nothing, `apply` builds,
# `check` compares. A step `ip_in red` is survey_ip, apply_ip or check_ip, by the way in which topology() is walked.
# ======================================================================================================================

load_module() { settle; "${MODE}_module" "$@"; }
ip_in() { "${MODE}_ip" "$@"; }
sysctls() { settle; "${MODE}_sysctls" "$@"; }
rules() { settle; "${MODE}_rules" "$@"; }
jump() { settle; "${MODE}_jump" "$@"; }
service() { settle; "${MODE}_service" "$@"; }

main() {
  (($# <= 1)) || usage
  case ${1:-up} in
    up | down | check | install | uninstall) ;;
    *) usage ;;
  esac
  readonly STATE=/run/nsgen/$NAME # what is ours, and what there was before; gone after a reboot, like all of it
  declare -gA OLD=() NEW=()       # what earlier runs made and what this one makes: "netns red", "link bridge0", …
  declare -ga OLD_LIST=() NEW_LIST=() # the same, in order
  declare -gA FRESH=()                # namespaces that did not exist before this run
  declare -ga PROBLEMS=()
  declare -gA TOLD=()
  declare -gA WAITING=()      # what is to be done in namespaces, by name
  declare -ga WAITING_LIST=() # their names, in order
  declare -gA RENEWED=()      # those whose addresses were set anew
  declare -gA KINDS=() # the kinds of devices that the kernel has to know, each with what one is made of
  declare -gA DEVICES=() # those of namespaces, as far as anybody asked
  declare -gA JUMPS=() # the rules of built-in chains that lead to ours, by node, tool and table
  declare -ga STARTED=() # services that this run started
  RULES_NODE=host # where rules are
  WAS_UP='' LEFT='' LOCKED='' LISTED=''
  require "${1:-up}"
  lock
  recall
  "${1:-up}"
}

usage() {
  printf 'usage: %s [up|down|check|install|uninstall]\n' "${0##*/}" >&2
  exit 2
}

say() { printf 'nsgen: %s: %s\n' "$NAME" "$*" >&2; }

die() {
  say "$*"
  exit 1
}

# Told once, however often it is found.
problem() {
  [[ ! ${TOLD[$*]:-} ]] || return 0
  TOLD[$*]=1
  PROBLEMS+=("$*")
}

# Said when something could not be removed: the rest is removed all the same, and what is remembered of it is kept.
left() {
  say "$*"
  LEFT=yes
}

# Run what removes something. What is gone already is said to be so; what did not run says nothing.
attempt() {
  local output
  output=$("$@" 2>&1) || [[ $output ]] || left "failed: $*"
}

refuse() {
  say 'nothing was changed, because'
  printf '  %s\n' "${PROBLEMS[@]}" >&2
  exit 1
}

# One run at a time on this machine: topologies share kernel parameters.
lock() {
  local tries
  trap unlock EXIT
  for ((tries = 0; tries < 100; tries++)); do
    mkdir -p /run/nsgen || die '/run/nsgen cannot be made'
    { exec {LOCK}>>/run/nsgen/lock; } 2>/dev/null || continue # a run that ended has just removed the folder
    if ! flock -n "$LOCK"; then
      say 'another run is under way: waiting for its end'
      flock "$LOCK"
    fi
    LOCKED=yes
    [[ ! /run/nsgen/lock -ef /proc/self/fd/$LOCK ]] || return 0
    exec {LOCK}>&- # that run removed the file
    LOCKED=
  done
  die '/run/nsgen/lock cannot be opened'
}

# The last one to leave takes the lock along; who was stopped on the way to it may have made it.
unlock() {
  local left
  if [[ $LOCKED ]] || flock -n "${LOCK:-}" 2>/dev/null; then
    left=(/run/nsgen/*)
    [[ ! /run/nsgen/lock -ef /proc/self/fd/$LOCK || ${left[*]} != /run/nsgen/lock ]] || rm -f /run/nsgen/lock ||
      die '/run/nsgen/lock cannot be removed'
  fi
  left=(/run/nsgen/*)
  ((${#left[@]})) || rmdir /run/nsgen 2>/dev/null || true
}

up() {
  [[ ! -e $STATE/up ]] || WAS_UP=yes
  survey
  trap failed EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  if [[ ! -e $STATE/made || ${OLD_LIST[*]} != "${NEW_LIST[*]}" ]]; then
    prune
    drop_link_locals
    remember "${OLD_LIST[@]}" "${NEW_LIST[@]}"
    recall
  fi
  hide_devices
  MODE=apply topology
  MODE=apply settle
  prune_flows
  await_services
  [[ ! $LEFT ]] || die 'what this topology no longer has could not be removed'
  [[ ${OLD_LIST[*]} == "${NEW_LIST[*]}" ]] || remember "${NEW_LIST[@]}"
  printf 'up\n' >"$STATE/up"
  trap - INT TERM HUP
  trap unlock EXIT
}

# What worked before goes on working; what did not exist before this run is removed again. (In a trap a bare `return`
# would give the status from before the trap: every return in this script says which.)
failed() {
  local status=$? at=$BASH_COMMAND
  trap '' INT TERM HUP
  trap unlock EXIT
  case $at in
    'exit 1') ;; # `die` has said why
    'exit '*) say 'interrupted' ;;
    *) say "failed at: $at" ;;
  esac
  if [[ $WAS_UP ]]; then
    say 'it failed; what was up before is still up'
  else
    say 'it failed; undoing what was done'
    clear_away || true # it goes on to its end, whatever fails on the way
  fi
  unlock
  exit "$((status ? status : 1))"
}

down() {
  clear_away
  [[ ! $LEFT ]] || die 'not everything could be removed; run down again'
}

# From its first line on, the topology is not up any more: should the next `up` fail, it undoes what is left.
clear_away() {
  LEFT='' # what an `up` that failed could not remove is tried again
  rm -f "$STATE/up" || left "$STATE/up cannot be removed"
  teardown
  NEW=()
  prune # what an earlier version of this script made, and this one does not know
  show_devices
  prune_flows
  [[ $LEFT ]] || rm -rf "$STATE" || left "$STATE cannot be removed"
}

check() {
  MODE=check topology
  MODE=check settle
  ((${#PROBLEMS[@]})) || return 0
  printf '%s\n' "${PROBLEMS[@]}"
  exit 1
}

# ---- before anything is touched --------------------------------------------------------------------------------------

# Without rights and programs nothing is begun, not even the lock is taken; all else that is in the way is told too.
require() {
  local rights
  rights=$(effective_rights)
  (((rights >> 12 & rights >> 21 & 1) == 1)) || problem 'run this as root (sudo): it makes namespaces, devices and rules'
  survey_programs
  ((${#PROBLEMS[@]})) || return 0
  [[ $1 != up || ${PROBLEMS[0]} == 'run this as root '* ]] || { recall && survey; }
  refuse
}

# Root has them, and so has whoever is root in a user namespace: CAP_NET_ADMIN is bit 12, CAP_SYS_ADMIN bit 21.
effective_rights() {
  local key value
  while read -r key value; do
    [[ $key != CapEff: ]] || printf '%d\n' "0x$value"
  done </proc/self/status
}

# All of it in one message.
survey() {
  survey_ports
  survey_backends
  survey_base_chains
  survey_firewalld
  MODE=survey topology
  survey_kinds
  ((${#PROBLEMS[@]} == 0)) || refuse
}

survey_programs() {
  local entry
  for entry in $PROGRAMS; do
    command -v "${entry%:*}" >/dev/null ||
      case ${entry#*:} in
        service) problem "there is no program ${entry%:*}, which a service needs" ;;
        *) problem "the program ${entry%:*} is missing: install the package ${entry#*:}" ;;
      esac
  done
}

# A published port is taken from whatever else listens on it: better to say so than to cut that off.
survey_ports() {
  local entry protocol ports address port taken sockets
  local -A listening=()
  [[ $PORTS ]] && command -v ss >/dev/null || return 0
  sockets=$(ss -H -l -n -t -u) || die 'ss -l failed'
  while read -r protocol _ _ _ taken _; do
    listening["$protocol ${taken##*:}"]+=" ${taken%:*} "
  done <<<"$sockets"
  for entry in $PORTS; do
    IFS=/ read -r protocol ports address <<<"$entry"
    for ((port = ${ports%-*}; port <= ${ports#*-}; port++)); do
      taken=${listening["$protocol $port"]:-}
      [[ ! ${OLD["service host.proxy-${protocol}4-$port"]:-}${OLD["service host.proxy-${protocol}6-$port"]:-} ]] || continue # ours
      if [[ $taken && ! $address || $taken == *" $address "* || $taken == *' 0.0.0.0 '* || $taken == *' * '* || $taken == *' [::] '* ]]; then
        problem "port $port/$protocol of this host is in use: another program listens on it"
      fi
    done
  done
}

# Rules of the other backend are in force too, and invisible to this one.
survey_backends() {
  local version=
  version=$(iptables -V 2>/dev/null) || true
  if [[ $version == *nf_tables* ]] && has_rules iptables-legacy-save; then
    say 'warning: rules of iptables-legacy are in force beside those of iptables-nft'
  elif [[ $version == *legacy* ]] && has_rules iptables-nft-save; then
    say 'warning: rules of iptables-nft are in force beside those of iptables-legacy'
  fi
}

# In nftables an accept is not final: what a base chain drops is dropped, whatever is accepted here. Whether its own rules
# let the networks pass, its administrator knows. (firewalld's do.)
survey_base_chains() {
  local line table='' chain=''
  command -v nft >/dev/null || return 0
  while read -r line; do
    case $line in
      'table '*) table=${line#table } table=${table% \{} ;;
      'chain '*) chain=${line#chain } chain=${chain% \{} ;;
      *' hook forward '*'policy drop;'*)
        [[ "$table $chain" == 'ip'?(6)' filter FORWARD' || $table == 'inet firewalld' ]] ||
          say "warning: the nftables chain $table $chain drops what its own rules do not accept, published ports too"
        ;;
    esac
  done < <(nft list chains 2>/dev/null)
}

# firewalld rejects what crosses a bridge that is in none of its zones; version 1 removes all rules when it reloads.
survey_firewalld() {
  [[ -d /run/systemd/system ]] && systemctl --quiet is-active firewalld.service || return 0
  say 'warning: firewalld is running: put the bridges into a zone of its, and run up again after it reloads'
}

has_rules() { command -v "$1" >/dev/null && [[ $("$1" 2>/dev/null) == *$'\n-A '* ]]; }

# Whether the kernel can make such devices, tried in a namespace that is gone at once.
survey_kinds() {
  local kind below words output
  local -a todo=()
  ((${#KINDS[@]})) && command -v ip >/dev/null && command -v unshare >/dev/null || return 0
  for kind in "${!KINDS[@]}"; do
    words=${KINDS[$kind]} below=''
    case $kind in
      veth | bridge) words=$kind ;;
      vxlan) words='vxlan id 1 dstport 4789' ;;
      vlan | macvlan | ipvlan)
        todo+=("link add name $kind-0 type veth peer name $kind-1")
        below="link $kind-0 "
        ;;
    esac
    todo+=("link add name $kind- ${below}type $words")
  done
  output=$(printf '%s\n' "${todo[@]}" | unshare --net ip -batch - 2>&1) ||
    problem "this kernel cannot make the namespaces and devices: ${output%%$'\n'*}"
}

# ---- what is ours ----------------------------------------------------------------------------------------------------

recall() {
  local line
  OLD=()
  [[ -e $STATE/made ]] || return 0
  mapfile -t OLD_LIST <"$STATE/made"
  for line in "${OLD_LIST[@]}"; do OLD[$line]=1; done
}

note() {
  [[ ${NEW[$1]:-} ]] || NEW_LIST+=("$1")
  NEW[$1]=1
}

# Written before anything is made: whatever happens to this run, the next one knows what it may touch.
remember() {
  mkdir -p "$STATE/sysctl"
  printf '%s' "${@/%/$'\n'}" >"$STATE/made.new"
  mv "$STATE/made.new" "$STATE/made"
}

exists() {
  case $1 in
    netns) [[ -e /run/netns/$2 ]] ;;
    link) [[ -e /sys/class/net/$2 ]] ;;
    file) [[ -e $2 ]] ;;
  esac
}

# A device tells by its alias whose it is, a namespace by the alias of its lo, a file by its first line. What has no such
# mark is ours if we were about to make it; what has another is somebody else's, whatever was there before.
is_ours() {
  local kind=$1 name=$2 alias='' _
  case $kind in
    link) read -r alias <"/sys/class/net/$name/ifalias" || true ;;
    file) read -r _ alias <"$name" || true ;;
    netns)
      [[ ! ${OLD["$kind $name"]:-} ]] || return 0
      alias=$(in_node "$name" ip -o link show dev lo 2>/dev/null) || true
      alias=${alias##*alias }
      ;;
  esac
  [[ ${alias%% *} == "nsgen:$NAME" || $alias == "nsgen:$NAME:"* || ! $alias && ${OLD["$kind $name"]:-} ]]
}

is_left() { exists "$1" "$2" && is_ours "$1" "$2"; }

claim() {
  note "$1 $2"
  ! exists "$1" "$2" || is_ours "$1" "$2" || problem "$1 $2 exists already, and it is not of this topology"
}

# in_node NODE COMMAND…: on the host, or in the namespace of that name.
in_node() {
  local node=$1
  shift
  if [[ $node == host ]]; then "$@"; else nsenter --net="/run/netns/$node" "$@"; fi
}

# Remove what earlier runs made and this one does not make, the last thing first.
prune() {
  local index key
  for ((index = ${#OLD_LIST[@]} - 1; index >= 0; index--)); do
    key=${OLD_LIST[index]}
    [[ ! ${NEW[$key]:-} ]] || continue
    case $key in
      'ip '*) undo_ip_line "${key#ip }" ;;
      'add '*) drop_device "${key#add }" ;;
      'link '*) ip_undo <<<"link del dev ${key#link }" ;;
      'netns '*) ip_undo <<<"netns del ${key#netns }" ;;
      'rules '*) drop_chains "${key#rules }" ;;
      'bridge '* | 'tc '* | 'policies '* | 'device '* | 'peer '* | 'rules_in '*) prune_extra "$key" ;;
      'sysctl '*) forget_sysctl "${key#sysctl }" ;;
      'file '*) remove_files "${key#file }" ;;
      'service '*) stop_service "$STATE/${key#service }" ;;
      'once '*) undo_once "$STATE/once.${key#once }" ;;
    esac
  done
}

# ---- ip commands -----------------------------------------------------------------------------------------------------

survey_ip() {
  local node=$1 line PLACE DEVICE KIND
  while read -r line; do
    case $line in
      'netns add '*) claim netns "${line#netns add }" ;;
      'link add name '*)
        locate "$node" "$line"
        [[ $PLACE != host ]] || claim link "$DEVICE"
        note "add $node $line"
        [[ $KIND != 'veth '* || $node != host || $KIND == *' netns '+([! ]) ]] || claim link "${KIND#veth peer name }"
        KINDS[${KIND%% *}]=$KIND
        ;;
      'address replace '* | 'route replace '* | 'link set '*)
        note "ip $node $line"
        [[ "$node $line" != 'host address replace '* ]] || survey_subnet "${line#address replace }"
        ;;
    esac
  done
}

# locate NODE LINE: what an `add` makes: its name (DEVICE), where it is put (PLACE), and of what kind it is, in words (KIND).
locate() {
  local rest=${2#link add name } key
  PLACE=$1 DEVICE=${rest%% *} rest=${rest#* }
  while [[ $rest == *' '* && $rest != 'type '* ]]; do
    key=${rest%% *} rest=${rest#* }
    [[ $key != netns ]] || PLACE=${rest%% *}
    rest=${rest#* }
  done
  KIND=${rest#type }
}

# Whether a node has a device. Those of a namespace are listed once; a new one has none.
has_device() {
  local words
  if [[ $1 == host ]]; then
    exists link "$2"
    return "$?"
  fi
  [[ ! ${FRESH[$1]:-} && -e /run/netns/$1 ]] || return 1
  if [[ ! ${DEVICES[$1]:-} ]]; then
    DEVICES[$1]=' '
    while read -ra words; do DEVICES[$1]+="${words[1]%%[@:]*} "; done < <(in_node "$1" ip -o link show 2>/dev/null)
  fi
  [[ ${DEVICES[$1]} == *" $2 "* ]]
}

# A subnet that this host already reaches by another device would be cut off, or cut the new one off. Half of all
# addresses, as a VPN routes them, is a default route too.
survey_subnet() {
  local subnet=${1%% *} route routes device family=-4 to old
  command -v ip >/dev/null || return 0 # told already
  [[ $subnet != *:* ]] || family=-6
  routes=$(ip "$family" -o route show match "${subnet%/*}" && ip "$family" -o route show root "$subnet") ||
    die 'ip route show failed'
  old=$'\n'$(printf '%s \n' "${OLD_LIST[@]}")
  if [[ $family == -6 ]]; then old=${old//'/128 '/ }; else old=${old//'/32 '/ }; fi
  while read -r route; do
    device=${route#* dev } device=${device%% *}
    to=${route%% @(via|dev|proto|scope|metric) *} to=${to% }
    case ${route#@(blackhole|unreachable|prohibit|throw) } in
      '' | default* | 0.0.0.0/1\ * | 128.0.0.0/1\ * | ::/1\ * | 8000::/1\ * | 2000::/3\ *) ;;
      *)
        [[ $old == *$'\n'"ip host route replace $to "* ]] || is_left link "$device" ||
          problem "the subnet of $subnet is routed elsewhere: ${route%%@( proto| \\)*}"
        ;;
    esac
  done <<<"$routes"
}

# Run a block, leaving out the `add` of what exists: everything else can be repeated. What only sets something within a
# namespace can wait.
apply_ip() {
  local node=$1 line name now='' PLACE DEVICE KIND
  local -a lines todo=()
  mapfile -t lines
  case "$node ${lines[*]}" in
    'host '* | *'link add name '*)
      settle
      now=yes
      ;;
  esac
  remove_stubs "${lines[@]}"
  for line in "${lines[@]}"; do
    case $line in
      '#'* | '') continue ;;
      'netns add '*)
        name=${line#netns add }
        ! exists netns "$name" || continue
        FRESH[$name]=1
        ;;
      'link add name '*)
        locate "$node" "$line"
        [[ $KIND != 'veth '* ]] || clear_cable
        ! has_device "$PLACE" "$DEVICE" || continue
        if [[ $PLACE != "$node" ]] && in_node "$node" ip link show dev "$DEVICE" &>/dev/null; then
          ((${#todo[@]} == 0)) || run_ip "$node" "${todo[@]}"
          todo=()
          add_renamed "$node" "$line"
          continue
        fi
        ;;
    esac
    todo+=("$line")
  done
  ((${#todo[@]})) || return 0
  if [[ $now ]]; then run_ip "$node" "${todo[@]}"; else wait_inside "$node" "${todo[@]}"; fi
}

# Linux 6.1 and older look for the name of a new device where it is made from, not where it is put: an eth0 here is in
# the way of one in a namespace. So that one gets its name there.
add_renamed() { # NODE LINE
  local name=nsgen$BASHPID
  run_ip "$1" "${2/link add name $DEVICE /link add name $name }"
  run_ip "$PLACE" "link set dev $name name $DEVICE"
}

# A cable whose one end was in a namespace that is no more leads nowhere; the end that is left goes before it is made anew.
clear_cable() {
  local peer=${KIND#veth peer name } other=$PLACE # both ends in one node, unless it says more
  [[ $peer != *' netns '+([! ]) ]] || other=${peer##* }
  peer=${peer%% *}
  if [[ ${FRESH[$other]:-} ]] && has_device "$PLACE" "$DEVICE"; then
    attempt in_node "$PLACE" ip link del dev "$DEVICE"
    [[ $PLACE == host ]] || DEVICES[$PLACE]=${DEVICES[$PLACE]/" $DEVICE "/ }
  elif [[ ${FRESH[$PLACE]:-} ]] && has_device "$other" "$peer"; then
    attempt in_node "$other" ip link del dev "$peer"
    [[ $other == host ]] || DEVICES[$other]=${DEVICES[$other]/" $peer "/ }
  fi
}

# Whoever was killed while making a namespace left a file that is none.
remove_stubs() {
  local line kinds kind path
  local -a paths=()
  for line; do
    [[ $line != 'netns add '* || ! -e /run/netns/${line#netns add } ]] || paths+=("/run/netns/${line#netns add }")
  done
  ((${#paths[@]})) || return 0
  kinds=$(stat -f -c '%T %n' "${paths[@]}") || die 'stat /run/netns/… failed'
  while read -r kind path; do
    [[ $kind == nsfs ]] || rm -f "$path" || die "$path cannot be removed"
  done <<<"$kinds"
}

run_ip() {
  local node=$1 output line=
  shift
  [[ -e /proc/sys/net/ipv6 ]] || set -- "${@/ addrgenmode none/}" # nothing to switch off
  output=$(printf '%s\n' "$@" | in_node "$node" ip -batch - 2>&1) && return 0
  [[ ! $output =~ -:([0-9]+) ]] || line=${*:BASH_REMATCH[1]:1}
  die "$node: ip ${line:-…}: ${output%%$'\n'*}"
}

# What is to be done inside of namespaces waits until the next step of another kind. Then a small program, xargs, goes
# from one to the next; if this shell did, with all that it has in mind, that would take longer than everything else.
wait_inside() {
  local node=$1 IFS=$'\n'
  shift
  [[ ${WAITING[$node]:-} ]] || WAITING_LIST+=("$node")
  WAITING[$node]+=$*$'\n'
}

settle() {
  local -a nodes=("${WAITING_LIST[@]}")
  ((${#nodes[@]})) || return 0
  WAITING_LIST=()
  "${MODE}_inside" "${nodes[@]}"
  WAITING=()
}

# Two at a time; each reads its commands from a file of its name.
apply_inside() {
  local node output command
  local -a commands
  mkdir -p "$STATE/ip"
  for node; do
    output=${WAITING[$node]}
    [[ -e /proc/sys/net/ipv6 ]] || output=${output// addrgenmode none/} # nothing to switch off
    printf '%s' "$output" >"$STATE/ip/$node"
  done
  if output=$(enter_each "$@" 2>&1); then
    rm -r "$STATE/ip"
    return 0
  fi
  [[ $output =~ 'Command failed '"$STATE"/ip/([^:]+):([0-9]+) ]] || die "ip: ${output%%$'\n'*}"
  node=${BASH_REMATCH[1]}
  mapfile -t commands <<<"${WAITING[$node]}"
  command=${commands[BASH_REMATCH[2] - 1]}
  if [[ $command == 'route replace '* && ! ${FRESH[$node]:-} && ! ${RENEWED[$node]:-} ]]; then
    RENEWED[$node]=1
    drop_addresses "$node" "${commands[@]}"
    apply_inside "$@"
    return 0
  fi
  output=${output%%$'\n'"${BASH_REMATCH[0]}"*}
  die "$node: ip $command: ${output##*$'\n'}"
}

# Somebody has removed all routes, that to the gateway's subnet too. It comes back with the address, once that is set anew.
drop_addresses() { # NODE LINE…
  local line
  for line in "${@:2}"; do
    line=${line/#address replace /address del }
    [[ $line != 'address del '* ]] || printf '%s\n' "${line% nodad}"
  done | in_node "$1" ip -force -batch - 2>/dev/null || true # one that is not there
}

enter_each() {
  local node
  for node; do printf '%s\n' "--net=/run/netns/$node ip -batch $STATE/ip/$node"; done | xargs -L 1 -P 2 nsenter
}

# Undo one line of an earlier run, in a node that stays.
undo_ip_line() {
  local node=${1%% *} line=${1#* } device settings
  [[ $node == host || ${NEW["netns $node"]:-} ]] || return 0
  # What was set of a device is gone with it.
  [[ $node != host || ! $line =~ ' dev '([^ ]+) || -e /sys/class/net/${BASH_REMATCH[1]} ]] || return 0
  settings=${line#link set dev } device=${settings%% *} settings=${settings#* }
  case $line in
    'address replace '* | 'route replace '*) line=${line/ replace / del } ;;
    'link set dev '*)
      case " $settings" in
        *' hairpin on' | *' isolated on') settings="${settings% on} off" ;;
        *' alias '*' master '* | *' master '*' alias '*) return 0 ;; # a place on a network, which goes as a whole
        *' master '*) settings=nomaster ;;
        *' up')
          [[ $node != host || ${NEW["link $device"]:-} ]] || return 0
          settings=down
          ;;
        *' nf_call_'*) settings=${settings// 1/ 0} ;;
        *' addrgenmode none')
          attempt in_node "$node" sysctl -q -w "net/ipv6/conf/$device/addr_gen_mode=0" # ip(8) would make no address
          return 0
          ;;
        *) return 0 ;;
      esac
      line="link set dev $device $settings"
      ;;
    *) return 0 ;;
  esac
  attempt in_node "$node" ip -force -batch - <<<"${line// nodad/}"
}

# Remove what an `add` of an earlier run made, in a node that stays.
drop_device() {
  local PLACE DEVICE KIND
  locate "${1%% *}" "${1#* }"
  if [[ $PLACE == host ]]; then
    ip_undo <<<"link del dev $DEVICE"
  elif [[ ${NEW["netns $PLACE"]:-} && -e /run/netns/$PLACE ]]; then
    attempt in_node "$PLACE" ip link del dev "$DEVICE"
  fi
}

# What a device made for itself while it had IPv6, and is to have no more.
drop_link_locals() {
  local key node line
  for key in "${NEW_LIST[@]}"; do
    [[ $key == 'ip '*' addrgenmode none' && ! ${OLD[$key]:-} ]] || continue
    read -r _ node line <<<"$key"
    [[ $node != host && ${OLD["netns $node"]:-} ]] || continue
    line=${line#link set dev }
    attempt in_node "$node" ip address flush dev "${line%% *}" to fe80::/10 # unless the device is new, too
  done
}

# Delete what is there and ours; what is gone is gone.
ip_undo() {
  local line
  local -a todo=()
  while read -r line; do
    case $line in
      'netns del '*) is_left netns "${line#netns del }" || continue ;;
      'link del dev '*) is_left link "${line#link del dev }" || continue ;;
    esac
    todo+=("$line")
  done
  ((${#todo[@]})) || return 0
  name_holders "${todo[@]}"
  printf '%s\n' "${todo[@]}" | ip -force -batch - 2>/dev/null || true
  for line in "${todo[@]}"; do
    case $line in
      'netns del '*) ! exists netns "${line#netns del }" || left "namespace ${line#netns del } could not be deleted" ;;
      'link del dev '*) ! exists link "${line#link del dev }" || left "device ${line#link del dev } could not be deleted" ;;
    esac
  done
}

# A namespace lives on, without a name, as long as a process is in it.
name_holders() {
  local line inode path pid name
  local -A names=()
  local -a deleted=()
  for line; do
    [[ $line != 'netns del '* ]] || deleted+=("/run/netns/${line#netns del }")
  done
  ((${#deleted[@]})) || return 0
  while read -r inode path; do names[$inode]=${path##*/}; done < <(stat -L -c '%i %n' "${deleted[@]}" 2>/dev/null)
  while read -r inode path; do
    [[ ${names[$inode]:-} ]] || continue
    pid=${path#/proc/} pid=${pid%%/*} name='?'
    { read -r name <"/proc/$pid/comm"; } 2>/dev/null || true
    say "process $pid ($name) is still in namespace ${names[$inode]}, which goes when it ends"
  done < <(stat -L -c '%i %n' /proc/[0-9]*/ns/net 2>/dev/null)
}

check_ip() {
  local node=$1
  local -a lines
  if [[ $node == host ]]; then
    settle
    [[ $LISTED == host ]] || list_host
    compare_ip host
  elif exists netns "$node"; then # its absence was told where it is made
    mapfile -t lines
    wait_inside "$node" "${lines[@]}"
  fi
}

# Whether what a block makes and sets is so.
compare_ip() {
  local node=$1 line
  local -a words
  while read -r line; do
    read -ra words <<<"$line"
    case $line in
      'netns add '*) exists netns "${words[2]}" || problem "namespace ${words[2]} is missing" ;;
      'link add name '*) check_device "$node" "$line" ;;
      'link set dev '*) check_link "$node" "${words[@]:3}" ;;
      'address replace '*)
        [[ ${ADDRESSES["${words[4]} ${words[2]}"]:-} ]] || problem "$node: ${words[4]} has lost its address ${words[2]}"
        ;;
      'route replace '*) check_route "$node" "${words[@]:2}" ;;
    esac
  done
}

check_device() {
  local PLACE DEVICE KIND kind shown word previous=''
  locate "$1" "$2"
  if ! has_device "$PLACE" "$DEVICE"; then
    if [[ $PLACE == host ]]; then
      problem "device $DEVICE is missing"
    elif exists netns "$PLACE"; then
      problem "$PLACE: device $DEVICE is missing"
    fi
    return 0
  fi
  [[ $KIND != @(bridge|veth|dummy)* ]] || return 0
  kind=${KIND/ mode ipip6/} # is printed without the word
  shown=" $(in_node "$PLACE" ip -d -o link show dev "$DEVICE" 2>/dev/null) "
  [[ $shown == *" ${kind%% *} "* ]] || problem "$PLACE: $DEVICE is no ${kind%% *}"
  for word in $kind; do
    [[ $previous != @(id|mode|remote|local|group|table|dstport) || $shown == *" $previous $word "* ]] ||
      problem "$PLACE: $DEVICE: $previous is not $word"
    previous=$word
  done
}

# What a node has: LINKS by name, ADDRESSES by "DEVICE ADDRESS", ROUTES by IP version and table, a line for each.
# (Text is kept before it is read by lines: `read` takes a pipe byte by byte.)
list_host() {
  local line text
  declare -gA LINKS=() ADDRESSES=() ROUTES=()
  LISTED=host
  text=$(printf '%s\n' 'link show' 'address show' | ip -d -o -batch -) || die 'ip failed'
  while read -r line; do take_line "$line"; done <<<"$text"
}

take_line() {
  if [[ $1 =~ ^[0-9]+:\ ([^ ]+)\ +inet6?\ ([^ ]+) ]]; then
    ADDRESSES["${BASH_REMATCH[1]} ${BASH_REMATCH[2]}"]=1
  elif [[ $1 =~ ^[0-9]+:\ ([^ @]+)(@[^ ]+)?:\  ]]; then
    LINKS[${BASH_REMATCH[1]}]="${1//\\/ } "
  else
    ROUTES['4 main']+=$1$'\n'
  fi
}

# In two halves at the same time. Each is listed as one text, in which every namespace begins with its lo.
check_inside() {
  local node text heads at=0 half=$((($# + 1) / 2))
  local -a lines
  LISTED=
  mkdir -p "$STATE/netns"
  printf '%s\n' 'link show dev lo' 'link show' 'address show' 'route show table main' >"$STATE/list"
  list_each "${@:half + 1}" >"$STATE/listed" &
  text=$(list_each "${@:1:half}") || die 'ip failed in a namespace'
  wait "$!" || die 'ip failed in a namespace'
  text+=$'\n'$(<"$STATE/listed")
  rm -f "$STATE/list" "$STATE/listed"
  rmdir --ignore-fail-on-non-empty "$STATE/netns" "$STATE"
  mapfile -t lines <<<"$text"
  for node; do
    declare -gA LINKS=() ADDRESSES=() ROUTES=(['4 main']='')
    for ((heads = 0; at < ${#lines[@]}; at++)); do
      [[ ${lines[at]} != '1: lo: '* ]] || ((++heads < 3)) || break # the next one's
      take_line "${lines[at]}"
    done
    compare_ip "$node" <<<"${WAITING[$node]%$'\n'}"
  done
}

# ip(8) names the namespace of a cable's other end, and opens all of /run/netns to find it: a thousand times a thousand.
# In a view of the file system of its own it finds none there.
list_each() {
  local node
  for node; do printf '%s\n' "--net=$STATE/netns/$node ip -d -o -batch $STATE/list"; done |
    unshare --mount bash -c "mount -n --rbind /run/netns $STATE/netns && mount -n -t tmpfs tmpfs /run/netns &&
      exec xargs -r -L 1 nsenter"
}

check_link() {
  local node=$1 device=$2 link=${LINKS[$2]:-}
  shift 2
  if [[ ! $link ]]; then
    [[ $node == host ]] || problem "$node: device $device is missing" # on the host that was told where it is made
    return 0
  fi
  while (($#)); do
    case $1 in
      up) [[ $link == *[\<,]UP[,\>]* ]] || problem "$node: $device is down" ;;
      type) shift ;;
      *)
        [[ $link == *" $1 $2 "* ]] || problem "$node: $device: $1 is not $2"
        shift
        ;;
    esac
    shift
  done
}

# A table is asked for by its number: it may have a name, which ip(8) would print.
check_route() {
  local node=$1 said="${*:2}" table=main start='' version=4
  local -a items=() words
  shift
  [[ $said != *:* ]] || version=6
  while (($#)); do
    case $1 in
      via | dev | src | metric | weight) items+=("$1 $2") && shift ;;
      table) table=$2 && shift ;;
      onlink | nexthop) items+=("$1") ;;
      0.0.0.0/0 | ::/0) start+='default ' ;;
      *.*/32 | *:*/128) start+="${1%/*} " ;;
      *) start+="$1 " ;;
    esac
    shift
  done
  [[ -v ROUTES["$version $table"] ]] ||
    ROUTES["$version $table"]=$(in_node "$node" ip -"$version" -d -o route show table "$table" 2>/dev/null) || true
  while read -ra words; do
    [[ ${words[0]:-} != unicast ]] || words=("${words[@]:1}")
    ! is_route "${words[*]//\\/} " "$start" "${items[@]}" || return 0
  done <<<"${ROUTES["$version $table"]}"
  if [[ $start == default* ]]; then
    problem "$node has lost its default route ${said#* }"
  else
    problem "$node has lost its route $said"
  fi
}

# is_route PRINTED START ITEM…: ip(8) prints what it was told in an order of its own, and more; one way after another.
is_route() {
  local rest=" ${1#"$2"}" hop item
  [[ $1 == "$2"* ]] || return 1
  # The metric of IPv6 is 1024 unless it is given.
  [[ ! $1 =~ ' metric '([0-9]+)' ' || ${BASH_REMATCH[1]} == 1024 || " ${*:3} " == *" ${BASH_REMATCH[0]# }"* ]] || return 1
  hop=${rest%% nexthop @(via|dev) *}
  for item in "${@:3}"; do
    if [[ $item == nexthop ]]; then
      rest=${rest#"$hop"}
      [[ $rest ]] || return 1
      rest=${rest# nexthop} hop=${rest%% nexthop @(via|dev) *}
    elif [[ "$hop " != *" $item "* ]]; then
      return 1
    fi
  done
}

# systemd-networkd and NetworkManager may have been told to manage every device: they would ask for addresses on ours, and
# take away what they do not know. Each has a file of its own for what it is to leave alone. (They may start later.)
hide_devices() {
  local key names='' networkd=/run/systemd/network/00-nsgen-$NAME.network manager=/run/NetworkManager/conf.d/nsgen-$NAME.conf
  [[ -d /run/systemd/system ]] || return 0
  for key in "${NEW_LIST[@]}"; do
    [[ $key != 'link '* ]] || names+=" ${key#link }"
  done
  [[ $names ]] || return 0
  hide_in "$networkd" systemd-networkd $'[Match]\nName='"${names# }"$'\n\n[Link]\nUnmanaged=yes\n'
  hide_in "$manager" NetworkManager "[device-nsgen-$NAME]"$'\nmatch-device='"${names// /;interface-name:}"$'\nmanaged=0\n'
}

hide_in() { # FILE PROGRAM TEXT
  [[ ! -e $1 || $(<"$1")$'\n' != "$3" ]] || return 0
  mkdir -p "${1%/*}"
  printf '%s' "$3" >"$1"
  reload_manager "$2"
}

show_devices() {
  local file
  for file in "/run/systemd/network/00-nsgen-$NAME.network" "/run/NetworkManager/conf.d/nsgen-$NAME.conf"; do
    [[ -e $file ]] || continue
    rm -f "$file" || left "$file cannot be removed"
    if [[ $file == */NetworkManager/* ]]; then reload_manager NetworkManager; else reload_manager systemd-networkd; fi
  done
}

reload_manager() {
  ! systemctl --quiet is-active "$1.service" ||
    case $1 in
      NetworkManager) attempt nmcli general reload conf ;;
      *) attempt networkctl reload ;;
    esac
}

# ---- what takes other programs than ip(8) in a node ------------------------------------------------------------------

# Undo what an earlier run did in a node that stays.
prune_extra() {
  local kind node line
  read -r kind node line <<<"$1"
  [[ $node == host || $kind == device || ${NEW["netns $node"]:-} ]] || return 0
  case $kind in
    bridge)
      line=${line/ add / del } line=${line/ append / del }
      attempt in_node "$node" bridge -batch - <<<"${line% pvid untagged}"
      ;;
    tc) attempt in_node "$node" tc qdisc del dev "$line" root ;;
    policies) attempt in_node "$node" ip "-${line%% *}" -batch - <<<"rule del ${line#* }" ;;
    device) give_back "$node" "$line" ;;
    peer) remove_peer "$node" "$line" ;;
    rules_in)
      local RULES_NODE=$node
      drop_chains "$line"
      ;;
  esac
}

# Back to the host, and up if it was up there. ($$ is this script, which runs there.)
give_back() {
  local node=$1 device=$2 was=0
  DEVICES[$node]=
  FRESH[$node]=
  if has_device "$node" "$device"; then
    attempt in_node "$node" ip link set dev "$device" netns "$$"
    [[ ! -s $STATE/device.$device ]] || read -r was <"$STATE/device.$device"
    ((was == 0)) || attempt ip link set dev "$device" up
  fi
  rm -f "$STATE/device.$device" || left "$STATE/device.$device cannot be removed"
}

remove_peer() {
  local device key of
  read -r device key of <<<"$2"
  [[ $key != of ]] || key=$(wg pubkey <"$of" 2>/dev/null) || return 0
  attempt in_node "$1" wg set "$device" peer "$key" remove
}

# ---- modules ---------------------------------------------------------------------------------------------------------

# Built in or loaded: then there is what the module brings, or its name among the modules.
has_module() { [[ -e $2 || -e /sys/module/${1//-/_} ]]; }

survey_module() {
  ! has_module "$@" || return 0
  if ! command -v modprobe >/dev/null; then
    problem 'the program modprobe is missing: install the package kmod'
  elif ! modprobe -n -q "$1" 2>/dev/null; then
    problem "this kernel has no module $1"
  else
    survey_blacklists "$1"
  fi
}

# An administrator who forbids a module does so in one of these two ways: modprobe.d(5).
survey_blacklists() {
  local file word module command
  for file in {/etc,/run,/usr/local/lib,/usr/lib,/lib}/modprobe.d/*.conf; do
    [[ -r $file ]] || continue
    while read -r word module command || [[ $word ]]; do
      [[ ${module//-/_} == "${1//-/_}" ]] || continue
      [[ $word != blacklist && "$word ${command%% *}" != 'install '*/@(true|false) ]] ||
        problem "the kernel module $1 is blacklisted in $file"
    done <"$file"
  done
}

apply_module() {
  local switch loading=$STATE/loading.$1 # is left by a run that was killed meanwhile
  if has_module "$@" && [[ ! -e $loading ]]; then
    return 0
  fi
  : >"$loading"
  modprobe "$1" || die "the kernel module $1 cannot be loaded"
  if [[ $1 == br_netfilter ]]; then
    # Loaded, it switches itself on for every bridge of this host; what is asked for is switched on below.
    for switch in /proc/sys/net/bridge/bridge-nf-call-*; do printf '0\n' >"$switch"; done
  fi
  rm -f "$loading"
}

check_module() { has_module "$@" || problem "the kernel module $1 is not loaded"; }

# ---- kernel parameters -----------------------------------------------------------------------------------------------

# A dot separates the parts of a key, unless a device's name has one; then it is a slash.
sysctl_path() {
  if [[ $1 == */* ]]; then path=/proc/sys/$1; else path=/proc/sys/${1//.//}; fi
}

read_sysctl() {
  local -a words
  read -ra words <"$1" || true
  now=${words[*]:-}
}

survey_sysctls() {
  local node=$1 key value path
  while IFS=' =' read -r key value; do
    note "sysctl $node@$key"
    sysctl_path "$key"
    case $node@$key in
      host@net?ipv[46]?conf?* | host@net?bridge?*) ;; # the device or the module may come with this run
      host@*) [[ -e $path ]] || problem "this kernel has no parameter $key" ;;
    esac
  done
}

apply_sysctls() {
  local node=$1 key value path
  while IFS=' =' read -r key value; do
    sysctl_path "$key"
    if [[ $node != host ]]; then
      set_sysctl_inside "$node" "$key" "$value"
    elif [[ -e $path ]]; then
      set_sysctl "$key" "$path" "$value"
    elif [[ $key != net?ipv6?* ]]; then # a kernel without IPv6 has nothing to switch off
      die "this kernel has no parameter $key"
    fi
  done
}

set_sysctl() {
  local key=$1 path=$2 value=$3 now
  [[ $key != @(net.ipv4.ip_forward|net.ipv6.conf.all.forwarding) ]] || remember_devices "$key" "$path"
  read_sysctl "$path"
  was=$now
  ! set_at_boot "$key" || was=0
  remember_sysctl "host@$key" "$was" "$value"
  [[ $was == "$now" ]] || printf '%s\n' "$key" >>/run/nsgen.boot
  [[ $now != "$value" ]] || return 0
  printf '%s\n' "$value" >"$path" || die "$key cannot be set to $value"
}

set_sysctl_inside() {
  local node=$1 key=$2 value=$3 now
  now=$(in_node "$node" sysctl -n "$key") || die "$node: this kernel has no parameter $key"
  now=${now//$'\t'/ }
  remember_sysctl "$node@$key" "$now" "$value"
  [[ $now == "$value" ]] || in_node "$node" sysctl -q -w "$key=$value" || die "$node: $key cannot be set to $value"
}

# remember_sysctl NODE@KEY WAS OURS: before it is changed. What the first topology to need a parameter found is what
# the last one puts back; and what forwarding has changed along with it was something else before.
remember_sysctl() {
  local record=$STATE/sysctl/${1//\//%} was=$2 ours='' other path
  if [[ -s $record ]]; then
    { read -r was && read -r ours; } <"$record" || true
    [[ $ours != "$3" ]] || return 0
    printf '%s\n%s\n' "$was" "$3" >"$record.new"
    mv "$record.new" "$record"
    return 0
  fi
  if [[ $1 == host@* ]]; then
    sysctl_path "${1#host@}"
    path=${path#/proc/sys/}
    for other in "$STATE/sysctl/net."*"@${path//\//%}" /run/nsgen/*/"sysctl/${1//\//%}"; do
      [[ ! -s $other ]] || read -r was <"$other"
    done
  fi
  printf '%s\n%s\n' "$was" "$3" >"$record"
}

# Forwarding switched on or off writes to other parameters too, whatever an administrator had set them to: forwarding of
# every device, and whether redirects are accepted (linux/net/ipv4/devinet.c, inet_forward_change). They are remembered
# by whoever switches it on; later topologies take what that one knows.
remember_devices() {
  local key=$1 path now other
  local -a records
  [[ ! -e $STATE/sysctl/$key@chains ]] || return 0 # written last
  for other in /run/nsgen/*/"sysctl/host@$key"; do
    [[ -s $other && $other != "$STATE/"* ]] || continue
    records=("${other%/*}/$key@"*)
    ((${#records[@]} == 0)) || cp "${records[@]}" "$STATE/sysctl/"
    return 0
  done
  read_sysctl "$2"
  if [[ $now == 0 ]]; then
    for path in $(switched_along "$key"); do
      read_sysctl "$path"
      path=${path#/proc/sys/}
      printf '%s\n' "$now" >"$STATE/sysctl/$key@${path//\//%}"
    done
  elif ! set_at_boot "$key"; then
    return 0
  elif [[ $key == net.ipv4.* ]] && asked_for net.ipv4.conf.all.accept_redirects 0; then
    printf '0\n' >"$STATE/sysctl/$key@net%ipv4%conf%all%accept_redirects"
  fi
  filter_chains "$key" >"$STATE/sysctl/$key@chains"
}

# The parameters that the kernel changes along with one of forwarding, of devices that are not ours.
switched_along() {
  local path device version=4
  [[ $1 != net.ipv6.* ]] || version=6
  for path in "/proc/sys/net/ipv$version/conf/"*/forwarding; do
    device=${path%/*} device=${device##*/}
    [[ $device == all || ${NEW["link $device"]:-} ]] || printf '%s\n' "$path"
  done
  [[ $version == 6 ]] || printf '/proc/sys/net/ipv4/conf/all/accept_redirects\n'
}

restore_devices() {
  local record path was now version=4 device
  local -a records=("$STATE/sysctl/$1@"*)
  for record in "${records[@]}"; do
    path=${record##*@} path=/proc/sys/${path//%//}
    [[ -s $record && -e $path ]] || continue
    read -r was <"$record"
    read_sysctl "$path"
    [[ $now == "$was" ]] || write_sysctl "$path" "$was"
  done
  ((${#records[@]} == 0)) || rm -f "${records[@]}" || left "${records[0]} cannot be removed"
  # Those of ours that stay get what a new device has.
  [[ $1 != net.ipv6.* ]] || version=6
  read_sysctl "/proc/sys/net/ipv$version/conf/default/forwarding"
  for device in "${!NEW[@]}"; do
    path=/proc/sys/net/ipv$version/conf/${device#link }/forwarding
    [[ $device != 'link '* || ! -e $path ]] || write_sysctl "$path" "$now"
  done
}

check_sysctls() {
  local node=$1 key value path now
  while IFS=' =' read -r key value; do
    sysctl_path "$key"
    now=
    if [[ $node != host ]]; then
      now=$(in_node "$node" sysctl -n "$key" 2>/dev/null) || continue # the namespace is missing, and that was told
      now=${now//$'\t'/ }
    elif [[ -e $path ]]; then
      read_sysctl "$path"
    elif [[ $key == net?ipv6?* ]]; then
      continue
    fi
    [[ $now == "$value" ]] || problem "$node: $key is ${now:-missing}, not $value"
  done
}

# Put parameters back to what they were, the lines being what this script set.
restore_sysctls() {
  local key _
  while IFS=' =' read -r key _; do forget_sysctl "host@$key"; done
}

# forget_sysctl NODE@KEY: put it back, unless somebody changed it since, or another topology needs it as it is.
forget_sysctl() {
  local node=${1%%@*} key=${1#*@} record=$STATE/sysctl/${1//\//%} was ours='' path
  [[ -s $record ]] || return 0
  { read -r was && read -r ours; } <"$record" || true
  sysctl_path "$key"
  if [[ $node != host ]]; then
    [[ ! ${NEW["netns $node"]:-} ]] || attempt in_node "$node" sysctl -q -w "$key=$was"
  elif [[ -e $path ]]; then
    put_back "$key" "$path" "$was" "$ours"
  fi
  [[ $LEFT ]] || rm -f "$record" || left "$record cannot be removed"
}

# Where another topology needs it, that one's value is what it is put to. (Forwarding that is off already may have been
# switched off by a run that was killed before it came to the devices.)
put_back() {
  local key=$1 path=$2 was=$3 ours=$4 now elsewhere=''
  ! needed_elsewhere "host@${key//\//%}" || was=$elsewhere
  read_sysctl "$path"
  [[ $now == "$ours" || $now == "$was" ]] || return 0
  if [[ $now != "$was" && ! $elsewhere ]] && relied_on "$key" "$ours"; then
    say "$key stays $ours: others rely on it by now"
    return 0
  fi
  [[ $now == "$was" ]] || write_sysctl "$path" "$was"
  [[ $key != @(net.ipv4.ip_forward|net.ipv6.conf.all.forwarding) || $elsewhere ]] || restore_devices "$key"
}

# Whether an administrator's file asks for this value too; or, of forwarding, whether another program has made itself
# chains since, as Docker and libvirt do, which find it on and leave it at that.
relied_on() {
  local line chains=$STATE/sysctl/$1@chains
  ! asked_for "$1" "$2" || return 0
  [[ -e $chains ]] || return 1
  while read -r line; do
    [[ $'\n'$(<"$chains")$'\n' == *$'\n'"$line"$'\n'* ]] || return 0
  done < <(filter_chains "$1")
  return 1
}

# Whether a file for systemd-sysctl that is not of a topology sets a parameter to this value.
asked_for() {
  local file
  for file in {/etc,/run,/usr/local/lib,/usr/lib}/sysctl.d/*.conf /etc/sysctl.conf; do
    [[ -r $file && $file != */99-nsgen-* ]] || continue
    ! has_setting "$file" "$1" "$2" || return 0
  done
  return 1
}

has_setting() {
  local file=$1 key=${2//\//.} line
  while IFS= read -r line || [[ $line ]]; do
    line=${line//[[:space:]]/} line=${line#-}
    [[ ${line//\//.} != "$key=$3" ]] || return 0
  done <"$file"
  return 1
}

# Whether the file of a topology switched this on at boot, before that topology was up. Then it is not the host's own
# doing, and `down` is to switch it off. Once it was, whoever switches it on again has reasons of their own.
set_at_boot() {
  local key=$1 file path booted='' name value now
  [[ $key == @(net.ipv4.ip_forward|net.ipv6.conf.all.forwarding|net.bridge.bridge-nf-call-*) ]] || return 1
  [[ ! -e /run/nsgen.boot || $'\n'$(</run/nsgen.boot)$'\n' != *$'\n'"$key"$'\n'* ]] || return 1
  sysctl_path "$key"
  read_sysctl "$path"
  [[ $now == 1 ]] || return 1
  while read -r name value _; do
    [[ $name != btime ]] || booted=$value
  done </proc/stat
  for file in /etc/sysctl.d/99-nsgen-*.conf; do
    if (($(stat -c %Z "$file") < ${booted:-0})) && has_setting "$file" "$key" 1; then
      if asked_for "$key" 1; then return 1; else return 0; fi
    fi
  done
  return 1
}

# The chains that other programs have in the table that forwarded packets pass.
filter_chains() {
  local tool=iptables line
  [[ $1 == net.ipv4.* ]] || tool=ip6tables
  { "$tool" -w -S 2>/dev/null || true; } | while read -r line; do
    [[ $line != '-N '* || $line == '-N NSGEN-'* ]] || printf '%s\n' "${line#-N }"
  done
}

write_sysctl() { printf '%s\n' "$2" >"$1" || left "$1 cannot be set to $2"; }

# elsewhere: what another topology sets it to.
needed_elsewhere() {
  local other _
  for other in /run/nsgen/*/"sysctl/$1"; do
    [[ -s $other && $other != "$STATE/"* ]] || continue
    { read -r _ && read -r elsewhere; } <"$other" || true
    return 0
  done
  return 1
}

# ---- iptables --------------------------------------------------------------------------------------------------------

survey_rules() {
  local tool=$1 saved
  local -A present=()
  local -a lines
  mapfile -t lines
  note "rules $tool"
  [[ ! ${OLD["rules $tool"]:-} ]] || return 0
  command -v "$tool-restore" >/dev/null && command -v unshare >/dev/null || return 0 # told already
  # Tried in a namespace that is gone at once: for --test the kernel would wait until nobody looks at the rules any more.
  # (Not those about physdev: they load br_netfilter, and that changes what becomes of the frames of every bridge.)
  saved=$(printf '%s\n' "${lines[@]/* -m physdev */}" | unshare --net "$tool-restore" -w 2>&1) ||
    problem "this kernel refuses the rules: ${saved%%$'\n'*}"
  saved=$(in_node "$RULES_NODE" "$tool-save") || die "$tool-save failed"
  list_rules present "$tool" <<<"$saved"
  ((${#present[@]} == 0)) || [[ $saved == *"--comment \"nsgen:$NAME\" -j NSGEN-$NAME-"* ]] ||
    problem "$tool has chains named NSGEN-$NAME-…, and they are not of this topology"
}

# Replace our chains, each at once, unless they are as they should be: then not even a counter changes.
apply_rules() {
  local tool=$1 text key saved
  local -A wanted=() present=()
  IFS= read -r -d '' text || true
  saved=$(in_node "$RULES_NODE" "$tool-save") || die "$tool-save failed"
  list_rules wanted "$tool" <<<"$text"
  list_rules present "$tool" <<<"$saved"
  ! same_rules || return 0
  in_node "$RULES_NODE" "$tool-restore" -w --noflush <<<"$text" || die "$tool-restore refused the rules"
  for key in "${!present[@]}"; do
    [[ ${wanted[$key]+x} ]] || drop_chains "$tool" "$key"
  done
}

# Our chains in what iptables-save prints, by "TABLE CHAIN"; and who jumps there, in JUMPS.
list_rules() {
  local -n into=$1
  local tool=$2 line table='' chain
  while read -r line; do
    case $line in
      \**) table=${line#\*} ;;
      ":NSGEN-$NAME-"[A-Z]*) chain=${line#:} && into["$table ${chain%% *}"]='' ;;
      "-A NSGEN-$NAME-"[A-Z]*) chain=${line#-A } && into["$table ${chain%% *}"]+=$line$'\n' ;;
      "-A "*" -j NSGEN-$NAME-"[A-Z]*) JUMPS["$RULES_NODE $tool $table ${line//\"/}"]=1 ;;
    esac
  done
}

same_rules() {
  local key
  ((${#wanted[@]} == ${#present[@]})) || return 1
  for key in "${!wanted[@]}"; do
    [[ ${present[$key]-none} == "${wanted[$key]}" ]] || return 1
  done
}

check_rules() {
  local tool=$1 key
  local -A wanted=() present=()
  list_rules wanted "$tool"
  list_rules present "$tool" < <(in_node "$RULES_NODE" "$tool-save")
  for key in "${!wanted[@]}"; do
    [[ ${present[$key]-none} == "${wanted[$key]}" ]] ||
      check_chain "$(in_words)$tool ${key% *}" "${key#* }" "${wanted[$key]}" "${present[$key]-}"
  done
}

# Where it is, if that is not the host.
in_words() { [[ $RULES_NODE == host ]] || printf '%s: ' "$RULES_NODE"; }

check_chain() {
  local where=$1 chain=$2 expected=$'\n'$3 found=$'\n'$4 rule before=${#PROBLEMS[@]}
  while read -r rule; do
    [[ ! $rule || $found == *$'\n'"$rule"$'\n'* ]] || problem "$where rule missing: ${rule#-A }"
  done <<<"$expected"
  while read -r rule; do
    [[ ! $rule || $expected == *$'\n'"$rule"$'\n'* ]] || problem "$where rule added: ${rule#-A }"
  done <<<"$found"
  ((before < ${#PROBLEMS[@]})) || problem "$where chain $chain is empty, out of order, or has a rule twice"
}

survey_jump() { :; }

apply_jump() {
  local tool=$1 table=$2 builtin=$3 place=$4
  shift 4
  [[ ! ${JUMPS["$RULES_NODE $tool $table -A $builtin $*"]:-} ]] || return 0
  case $place in
    first) place=1 ;;
    last) place=$(last_place "$tool" "$table" "$builtin") || die "$tool -S $builtin failed" ;;
  esac
  in_node "$RULES_NODE" "$tool" -w -t "$table" -I "$builtin" "$place" "$@" || die "$tool: no jump to ${!#}"
}

# Behind every rule, but ahead of one that ends the chain for all packets.
last_place() {
  local rule place=1 rules
  rules=$(in_node "$RULES_NODE" "$1" -w -t "$2" -S "$3") || return 1
  while read -r rule; do
    [[ ! $rule =~ ^-A\ $3\ -j\ (DROP|REJECT) ]] || break
    [[ $rule != *' -j NSGEN-'*-GUARD ]] || break
    [[ $rule != "-A $3 "* ]] || ((++place))
  done <<<"$rules"
  printf '%s\n' "$place"
}

# where_off KEY COMMAND…: only if that parameter was 0 before a topology of ours asked for more.
where_off() { ! was_off "$1" || "${@:2}"; }

was_off() {
  local key=$1 record was now path
  for record in "$STATE/sysctl/host@$key" /run/nsgen/*/"sysctl/host@$key"; do
    [[ -s $record ]] || continue
    read -r was <"$record"
    if [[ $was == 0 ]]; then return 0; else return 1; fi
  done
  sysctl_path "$key"
  [[ ! -e $path ]] || read_sysctl "$path"
  [[ ${now:-0} == 0 ]] || set_at_boot "$key"
}

check_jump() {
  local tool=$1 table=$2 builtin=$3
  shift 4
  [[ ${JUMPS["$RULES_NODE $tool $table -A $builtin $*"]:-} ]] || problem "$(in_words)$tool $table: $builtin has lost its jump to ${!#}"
}


# drop_chains TOOL ["TABLE CHAIN"]: our chains, or one of them, and every jump there.
drop_chains() {
  local tool=$1 only=${2:-} line table='' chain saved
  local -A jumps=() flushes=() chains=()
  if ! saved=$(in_node "$RULES_NODE" "$tool-save"); then
    left "$tool-save failed: our chains are still there"
    return 0
  fi
  while read -r line; do
    line=${line//\"/}
    chain=${line##* }
    case $line in
      \**) table=${line#\*} ;;
      ":NSGEN-$NAME-"[A-Z]*)
        chain=${line#:} chain=${chain%% *}
        [[ $only && $only != "$table $chain" ]] || { flushes[$table]+="-F $chain"$'\n' && chains[$table]+="-X $chain"$'\n'; }
        ;;
      "-A NSGEN-$NAME-"[A-Z]*) ;; # goes with its chain
      "-A "*" -j NSGEN-$NAME-"[A-Z]* | "-A "*" -g NSGEN-$NAME-"[A-Z]*)
        [[ $only && $only != "$table $chain" ]] || jumps[$table]+="-D ${line#-A }"$'\n'
        ;;
    esac
  done <<<"$saved"
  for table in "${!chains[@]}"; do
    printf '*%s\n%sCOMMIT\n' "$table" "${jumps[$table]:-}${flushes[$table]}${chains[$table]}" |
      in_node "$RULES_NODE" "$tool-restore" -w --noflush ||
      left "$tool: our chains in the table $table could not be removed"
  done
}

# forget_flows FAMILY FIRST LAST: a client of these UDP ports is translated anew, or no more.
forget_flows() {
  local port
  for ((port = $2; port <= $3; port++)); do
    conntrack -D -f "$1" -p udp --orig-port-dst "$port" >/dev/null 2>&1 || true # 1: there was none
  done
}

# Of ports that were published and are no longer.
prune_flows() {
  local key
  local -a words
  for key in "${OLD_LIST[@]}"; do
    [[ $key == 'udp '* && ! ${NEW[$key]:-} ]] || continue
    read -ra words <<<"$key"
    forget_flows "${words[@]:1}"
  done
}

# ---- files -----------------------------------------------------------------------------------------------------------

same_text() { [[ -e $1 && $(<"$1")$'\n' == "$2" ]]; }

# What is ours of these, and the folders that were made for them, once they are empty. (Where nothing is remembered,
# a namespace's folder is taken for ours.)
remove_files() {
  local path dir ours
  for path; do
    ! is_left file "$path" || rm -f "$path" || left "$path cannot be removed"
    for dir in "${path%/*}" /etc/netns; do
      ours=${OLD["dir $dir"]:-}
      [[ ${OLD[*]:-} || $dir == /etc/netns ]] || ours=yes
      [[ ! $ours || ! -e $dir ]] || rmdir --ignore-fail-on-non-empty "$dir" || left "$dir cannot be removed"
    done
  done
}

# ---- processes -------------------------------------------------------------------------------------------------------

survey_service() { note "service $1.$2"; }

# Start it unless it runs. It writes its own number before it becomes the program, so that none is ever lost.
apply_service() {
  local node=$1 base=$STATE/$1.$2 command=${*@Q}
  shift 2
  if is_running "$base" && [[ ! ${FRESH[$node]:-} ]] && same_text "$base.command" "$command"$'\n'; then
    return 0
  fi
  stop_service "$base"
  printf '%s\n' "$command" >"$base.command"
  [[ $node == host ]] || set -- ip netns exec "$node" "$@"
  launch "$base" "$@" &
  STARTED+=("$base")
}

launch() {
  local base=$1 age
  shift
  trap - EXIT INT TERM HUP
  exec {LOCK}>&- >"$base.log" 2>&1 </dev/null
  process_age "$BASHPID"
  printf '%s %s\n' "$BASHPID" "$age" >"$base.pid"
  exec setsid "$@"
}

# A program that cannot start ends at once.
await_services() {
  local key base tries
  ((${#STARTED[@]} == 0)) || sleep 0.2
  for base in "${STARTED[@]}"; do
    for ((tries = 0; tries < 50; tries++)); do
      [[ ! -s $base.pid ]] || break # it has yet to write its number
      sleep 0.1
    done
  done
  for key in "${NEW_LIST[@]}"; do
    base=$STATE/${key#service }
    [[ $key != 'service '* ]] || is_running "$base" ||
      die "the service ${base##*/} ended at once: $(tail -n 1 "$base.log")"
  done
}

check_service() { is_running "$STATE/$1.$2" || problem "service $2 of $1 is not running"; }

# When a process started, in clock ticks since boot: no other process with its number has that too (proc(5), field 22).
process_age() {
  local stat
  local -a fields
  age=
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  read -ra fields <<<"${stat##*) }"
  age=${fields[19]}
}

is_running() {
  local pid started age
  [[ -s $1.pid ]] && read -r pid started <"$1.pid" && process_age "$pid" && [[ $age == "$started" ]]
}

stop_service() {
  local pid _ tries
  if is_running "$1"; then
    read -r pid _ <"$1.pid"
    kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null || true
    for ((tries = 0; tries < 50; tries++)); do
      if ! is_running "$1" || ! sleep 0.1; then break; fi
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
  fi
  rm -f "$1.pid" "$1.command" "$1.log" || left "$1.pid cannot be removed"
}

stop_services() {
  local pid
  for pid in "$STATE"/*.pid; do stop_service "${pid%.pid}"; done
}

# ---- the topology's own commands -------------------------------------------------------------------------------------

# A program, whatever function or built-in command has the same name.
run_in() {
  local node=$1
  shift
  [[ $node == host ]] || set -- ip netns exec "$node" "$@"
  (exec -- "$@" {LOCK}>&-)
}

undo_once() {
  local -a command=()
  [[ ! -e $1 || ! -e $1.undo ]] || mapfile -d '' command <"$1.undo"
  if ((${#command[@]})) && [[ ${command[0]} == host || -e /run/netns/${command[0]} ]]; then
    run_in "${command[@]}" || say "${command[*]} failed"
  fi
  rm -f "$1" "$1.undo" || left "$1 cannot be removed"
}

# The last one first.
undo_commands() {
  local index
  for ((index = ${#OLD_LIST[@]} - 1; index >= 0; index--)); do
    [[ ${OLD_LIST[index]} != 'once '* ]] || undo_once "$STATE/once.${OLD_LIST[index]#once }"
  done
}

# ---- after a reboot --------------------------------------------------------------------------------------------------

install() {
  local file unit=nsgen-$NAME.service
  declare -gA WRITTEN=()
  write_file "/usr/local/sbin/nsgen-$NAME" < <(print_self)
  chmod 755 "/usr/local/sbin/nsgen-$NAME"
  boot_files
  for file in "/etc/sysctl.d/99-nsgen-$NAME.conf" "/etc/modules-load.d/nsgen-$NAME.conf"; do
    [[ ${WRITTEN[$file]:-} ]] || rm -f "$file" # of an earlier version, which had something to say there
  done
  mkdir -p /etc/systemd/system/multi-user.target.wants
  ln -sfn "/etc/systemd/system/$unit" "/etc/systemd/system/multi-user.target.wants/$unit" # systemctl enable
  reload_systemd
  say "installed; it is built at every boot, and now by: systemctl start $unit"
}

uninstall() {
  local unit=nsgen-$NAME.service file others
  if [[ -d /run/systemd/system ]] && systemctl is-active --quiet "$unit"; then
    exec {LOCK}>&- # its `down` takes the lock
    systemctl stop "$unit"
    lock
    recall
  fi
  down
  rm -f "/etc/systemd/system/multi-user.target.wants/$unit"
  for file in "/etc/systemd/system/$unit" "/usr/local/sbin/nsgen-$NAME" "/etc/sysctl.d/99-nsgen-$NAME.conf" \
    "/etc/modules-load.d/nsgen-$NAME.conf"; do
    rm -f "$file" "$file.nsgen-new"
  done
  others=(/etc/sysctl.d/99-nsgen-*.conf)
  ((${#others[@]})) || rm -f /run/nsgen.boot # what those files switched on at boot
  reload_systemd
}

reload_systemd() { [[ ! -d /run/systemd/system ]] || systemctl daemon-reload; }

# This script: the file it is read from, or, where that is a pipe, what bash has read, without its comments.
print_self() {
  if [[ -f ${BASH_SOURCE[0]:-} ]]; then
    cat "${BASH_SOURCE[0]}"
    return 0
  fi
  printf '%s\n' '#!/usr/bin/env bash' 'set -euo pipefail' 'shopt -s extglob nullglob' 'export LC_ALL=C'
  declare -p NAME PROGRAMS PORTS
  declare -f
  printf 'main "$@"\n'
}

boot_file() { write_file "$1"; }

# Whole or not at all.
write_file() {
  mkdir -p "${1%/*}"
  cat >"$1.nsgen-new"
  mv "$1.nsgen-new" "$1"
  WRITTEN[$1]=1
}

boot_files() {
  boot_file /etc/sysctl.d/99-nsgen-article.conf <<'FILE'
# Kernel parameters of the nsgen topology article, for every boot: sysctl.d(5).
# nsgen-article.service sets them too; this file says so to whoever looks here first.

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
FILE
  boot_file /etc/modules-load.d/nsgen-article.conf <<'FILE'
# Kernel modules of the nsgen topology article, for every boot: modules-load.d(5).

# br_netfilter lets iptables see the packets that cross a bridge without leaving it. It is needed because a reply from
# one namespace to another would otherwise go straight through the bridge, past the rule that has to translate it back.
br_netfilter
FILE
  boot_file /etc/systemd/system/nsgen-article.service <<'FILE'
# Builds the nsgen topology article at boot. It runs a copy of setup.sh:
#   install -m 755 setup.sh /usr/local/sbin/nsgen-article
[Unit]
Description=nsgen topology article
After=systemd-modules-load.service systemd-sysctl.service network.target
# Firewalls that replace all rules when they start come before; Docker, which is to find forwarding as it will be, after.
After=nftables.service netfilter-persistent.service ufw.service firewalld.service
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/nsgen-article up
ExecReload=/usr/local/sbin/nsgen-article up
ExecStop=/usr/local/sbin/nsgen-article down

[Install]
WantedBy=multi-user.target
FILE
}

main "$@"
