#!/usr/bin/env bash
{ # up to the last line: a copy of this that is not whole runs nothing
# router: 3 network namespaces (ns1, ns2, router-ns) on 2 networks (br0, br1).
#
#   sudo ./setup.sh          build it; if it is there, repair it or bring it up to date
#   sudo ./setup.sh check    name every difference between this script and the machine
#   sudo ./setup.sh down     remove it, and put back what it changed
#
# Made by nsgen from a topology: change that and render again. To review it, read topology(): every change to the
# machine is there, with its reason. What follows is the runtime 244ca3199bfe, the same in every script, less the parts
# that this one does not need; `nsgen runtime` prints it.

set -euo pipefail
shopt -s nullglob
export LC_ALL=C

readonly NAME=router
readonly WHAT='3 namespaces, 2 networks'
readonly PARTS='rules devices parameters files install'
readonly PROGRAMS='ip:iproute2 nsenter:util-linux unshare:util-linux mount:mount flock:util-linux xargs:findutils iptables:iptables ip6tables:iptables sysctl:procps'
readonly PORTS=''
readonly TRIAL='link add name t0 type veth peer name t1
link add name t2 type bridge'

# What is built, in order, and why.
topology() {
  # ---- Network managers ----

  # systemd-networkd and NetworkManager may have been told to manage every device: they would ask for addresses on ours,
  # and take away what they do not know. Where they are, each is told what to leave alone.
  file /run/systemd/network/00-nsgen-router.network systemd-networkd <<'FILE'
# nsgen:router
[Match]
Name=br0 veth-ns1-br veth-br0-router br1 veth-ns2-br veth-br1-router

[Link]
Unmanaged=yes
FILE
  file /run/NetworkManager/conf.d/nsgen-router.conf NetworkManager <<'FILE'
# nsgen:router
[device-nsgen-router]
match-device=interface-name:br0;interface-name:veth-ns1-br;interface-name:veth-br0-router;interface-name:br1;interface-name:veth-ns2-br;interface-name:veth-br1-router
managed=0
FILE

  # ---- Namespaces ----

  # A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
  # its own, and shares none of them with this host.
  ip_in host <<'IP'
netns add ns1
netns add ns2
netns add router-ns
IP

  # ---- Network br0 ----

  # "Bridge" is another word for switch. br0 is both: the switch that the namespaces are plugged into, and this host's
  # own interface on that switch. Its MAC address is fixed here; left alone, it would change with every port.
  ip_in host <<'IP'
link add name br0 address 02:14:58:59:1e:49 type bridge stp_state 0
link set dev br0 alias nsgen:router
IP

  parameters host <<'PARAMETERS'
# Nobody on br0 is a router for this host: a namespace could announce itself as one.
net.ipv6.conf.br0.accept_ra = 0
PARAMETERS

  # A veth pair is a cable with two ends: one in the namespace, the other a port of br0.
  ip_in host <<'IP'
link add name veth-ns1-br type veth peer name veth-ns1 netns ns1
link set dev veth-ns1-br alias nsgen:router addrgenmode none master br0
link set dev veth-ns1-br up
link add name veth-br0-router type veth peer name veth-router0 netns router-ns
link set dev veth-br0-router alias nsgen:router addrgenmode none master br0
link set dev veth-br0-router up
IP

  ip_in host <<'IP'
link set dev br0 up
IP

  # ---- Network br1 ----

  # The switch, and the host's interface on it.
  ip_in host <<'IP'
link add name br1 address 02:cf:72:7b:34:df type bridge stp_state 0
link set dev br1 alias nsgen:router
IP

  parameters host <<'PARAMETERS'
# Nobody on br1 is a router for this host: a namespace could announce itself as one.
net.ipv6.conf.br1.accept_ra = 0
PARAMETERS

  # The cables.
  ip_in host <<'IP'
link add name veth-ns2-br type veth peer name veth-ns2 netns ns2
link set dev veth-ns2-br alias nsgen:router addrgenmode none master br1
link set dev veth-ns2-br up
link add name veth-br1-router type veth peer name veth-router1 netns router-ns
link set dev veth-br1-router alias nsgen:router addrgenmode none master br1
link set dev veth-br1-router up
IP

  ip_in host <<'IP'
link set dev br1 up
IP

  # ---- Inside the namespaces ----

  # The prefix of an address adds a route: the whole subnet is reached directly, without a router.

  # ns1
  ip_in ns1 <<'IP'
link set dev lo alias nsgen:router up
address replace 192.168.1.2/24 dev veth-ns1
link set dev veth-ns1 up
route replace default via 192.168.1.1
IP

  # ns2
  ip_in ns2 <<'IP'
link set dev lo alias nsgen:router up
address replace 192.168.2.2/24 dev veth-ns2
link set dev veth-ns2 up
route replace default via 192.168.2.1
IP

  # router-ns
  ip_in router-ns <<'IP'
link set dev lo alias nsgen:router up
address replace 192.168.1.1/24 dev veth-router0
link set dev veth-router0 up
address replace 192.168.2.1/24 dev veth-router1
link set dev veth-router1 up
IP

  parameters router-ns <<'PARAMETERS'
# This node routes between its interfaces.
net.ipv4.ip_forward = 1
net.ipv6.conf.all.forwarding = 1
PARAMETERS

  # ---- Rules, IPv4 ----

  rules host iptables <<'RULES'
*filter
:NSGEN-router-INTO - [0:0]
# Members of a network talk to each other. With br_netfilter their packets come by here, and a policy of DROP would stop
# them.
-A NSGEN-router-INTO -i br0 -o br0 -j ACCEPT
-A NSGEN-router-INTO -i br1 -o br1 -j ACCEPT
# Nothing else enters, from outside or from another network.
-A NSGEN-router-INTO ! -i br0 -o br0 -j DROP
# Nothing else leaves either: this network is not connected to any other.
-A NSGEN-router-INTO -i br0 ! -o br0 -j DROP
# Nothing else enters, from outside or from another network.
-A NSGEN-router-INTO ! -i br1 -o br1 -j DROP
# Nothing else leaves either: this network is not connected to any other.
-A NSGEN-router-INTO -i br1 ! -o br1 -j DROP
COMMIT
RULES

  # A built-in chain gets one rule, the jump to a chain of ours. It goes first, but for the way out (FROM), which goes
  # behind what other programs' rules say of their own networks.
  rules host iptables <<'RULES'
*filter
-I FORWARD -m comment --comment nsgen:router -j NSGEN-router-INTO
COMMIT
RULES

  # ---- Rules, IPv6 ----

  # Rule for rule as for IPv4, where the reasons stand.

  rules host ip6tables <<'RULES'
*filter
:NSGEN-router-INTO - [0:0]
-A NSGEN-router-INTO -i br0 -o br0 -j ACCEPT
-A NSGEN-router-INTO -i br1 -o br1 -j ACCEPT
-A NSGEN-router-INTO ! -i br0 -o br0 -j DROP
-A NSGEN-router-INTO -i br0 ! -o br0 -j DROP
-A NSGEN-router-INTO ! -i br1 -o br1 -j DROP
-A NSGEN-router-INTO -i br1 ! -o br1 -j DROP
COMMIT
RULES

  # A built-in chain gets one rule, the jump to a chain of ours. It goes first, but for the way out (FROM), which goes
  # behind what other programs' rules say of their own networks.
  rules host ip6tables <<'RULES'
*filter
-I FORWARD -m comment --comment nsgen:router -j NSGEN-router-INTO
COMMIT
RULES
}

# ======================================================================================================================
# topology() is read twice: to learn what is to be there, a line for each thing (NODE KIND WORDS…), and to make it. The
# lines are kept in /run/nsgen/NAME, gone after a reboot like all of it, and are written down before anything is done.
# What is kept and no longer wanted is undone, the last thing first; `down` wants nothing.

main() {
  readonly STATE=/run/nsgen/$NAME TMP=/run/nsgen/tmp
  declare -ga LINES=() OLD=() PROBLEMS=()
  declare -gA NEW=() KEPT=() CHANGED=()
  WALK=read VERBOSE='' STRICT='' WAS_UP='' LEFT='' LOCK='' DRIFT=''
  [[ ${1:-} != -v ]] || { VERBOSE=yes && shift; }
  case $* in
    '' | up | down | check | install | uninstall) ;;
    'check --strict') STRICT=yes ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  topology
  require "${1:-up}"
  lock
  recall
  "${1:-up}"
}

usage() { printf 'usage: %s [-v] [up|down|check [--strict]|install|uninstall]\n' "${0##*/}"; }

say() { printf 'nsgen: %s: %s\n' "$NAME" "$*" >&2; }

die() { say "$@" && exit 1; }

# What could not be removed: the rest is removed all the same, and what is kept of this stays kept.
left() { say "$@" && LEFT=yes; }

# With -v, each command as it is run.
run() {
  [[ ! $VERBOSE ]] || printf '[#] %s\n' "$*" >&2
  "$@"
}

# each STEP: what every part of this script has to do at that step.
each() {
  local part
  for part in $PARTS; do
    ! declare -F "$1_$part" >/dev/null || "$1_$part"
  done
}

# Without rights and programs nothing is begun, not even the lock is taken; all else that is in the way is told too.
require() {
  local entry key value rights=0
  while read -r key value; do [[ $key != CapEff: ]] || rights=0x$value; done </proc/self/status
  # Root has them, and so has root of a user namespace: CAP_NET_ADMIN is bit 12, CAP_SYS_ADMIN bit 21.
  ((rights >> 12 & rights >> 21 & 1)) || PROBLEMS+=('run this as root (sudo): it changes what only root may')
  for entry in $PROGRAMS; do
    command -v "${entry%:*}" >/dev/null || PROBLEMS+=("the program ${entry%:*} is missing: install the package ${entry#*:}")
  done
  ((${#PROBLEMS[@]})) || return 0
  [[ $1 != up || ${PROBLEMS[0]} == 'run this '* ]] || { recall && each survey; }
  refuse
}

refuse() {
  ((${#PROBLEMS[@]})) || return 0
  say 'nothing was changed, because'
  printf '  %s\n' "${PROBLEMS[@]}" >&2
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
  { rm -rf "$TMP" && mkdir "$TMP"; } || die "$TMP cannot be made"
}

unlock() {
  rm -rf "$TMP" || say "$TMP cannot be removed"
  rmdir /run/nsgen 2>/dev/null || true
}

# What earlier runs made (OLD), and of what kinds there is more or less to be now (CHANGED).
recall() {
  local line
  NEW=() KEPT=() OLD=() CHANGED=()
  [[ ! -e $STATE/made ]] || mapfile -t OLD <"$STATE/made"
  for line in "${LINES[@]}"; do NEW[$line]=1; done
  for line in "${OLD[@]}"; do KEPT[$line]=1 && [[ ${NEW[$line]:-} ]] || changes "$line"; done
  for line in "${LINES[@]}"; do [[ ${KEPT[$line]:-} ]] || changes "$line"; done
}

changes() {
  local rest=${1#* }
  CHANGED["${1%% *} ${rest%% *}"]=1
}

keep() {
  mkdir -p "$STATE" && printf '%s\n' "$@" >"$STATE/made.new" && mv "$STATE/made.new" "$STATE/made"
}

up() {
  [[ ! -e $STATE/up ]] || WAS_UP=yes
  each survey
  refuse
  if [[ $WAS_UP ]]; then
    DRIFT=$(each check) || die 'the machine could not be looked at'
    DRIFT=$(grep -v '^[^ ]*: besides' <<<"$DRIFT") || [[ ${#CHANGED[@]} -gt 0 ]] || { say 'nothing to do' && return 0; }
  fi
  trap failed EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  [[ $WAS_UP || ! ${OLD[*]} ]] || { clear_away && recall; } # of a run that was killed
  keep "${OLD[@]}" "${LINES[@]}"
  undo
  [[ ! $LEFT ]] || die 'what is no longer wanted cannot be removed'
  each prepare
  WALK='make' topology
  each finish
  keep "${LINES[@]}"
  print_self >"$STATE/script"
  : >"$STATE/up"
  trap - INT TERM HUP
  trap unlock EXIT
  say "${WAS_UP:+up to date: }$WHAT"
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
    NSGEN_BACK=yes bash "$STATE/script" up || true
  fi
  unlock
  exit "$((status ? status : 1))"
}

down() {
  [[ -e $STATE/made ]] || OLD=("${LINES[@]}") # what is ours is then told by its marks
  clear_away
  [[ ! $LEFT ]] || die 'not everything could be removed; run down again'
}

# From its first line on the topology is not up any more: should the next `up` fail, it undoes what is left.
clear_away() {
  LEFT='' NEW=()
  rm -f "$STATE/up" || left "$STATE/up cannot be removed"
  undo
  [[ $LEFT ]] || rm -rf "$STATE" || left "$STATE cannot be removed"
}

undo() {
  local index node kind rest
  for ((index = ${#OLD[@]} - 1; index >= 0; index--)); do
    [[ ! ${NEW[${OLD[index]}]:-} ]] || continue
    read -r node kind rest <<<"${OLD[index]}"
    "undo_$kind" "$node" "$rest"
  done
  each settle
}

check() {
  local line found
  [[ -e $STATE/up ]] || { printf '%s is not up\n' "$NAME" && exit 1; }
  found=$(each check) || die 'the machine could not be looked at'
  for line in "${OLD[@]}"; do [[ ${NEW[$line]:-} ]] || found+=$'\n'"${line%% *}: not in this script: ${line#* }"; done
  for line in "${LINES[@]}"; do [[ ${KEPT[$line]:-} ]] || found+=$'\n'"${line%% *}: only in this script: ${line#* }"; done
  [[ $found ]] || return 0
  printf '%s\n' "${found#$'\n'}"
  [[ ! $STRICT ]] && ! grep -vq '^[^ ]*: besides' <<<"${found#$'\n'}" || exit 1
}

# This script: the file it is read from, or, where that is a pipe, what bash has read, without its comments.
print_self() {
  if [[ -f ${BASH_SOURCE[0]:-} ]]; then cat "${BASH_SOURCE[0]}" && return 0; fi
  printf '%s\n' '#!/usr/bin/env bash' '{' 'set -euo pipefail' 'shopt -s nullglob' 'export LC_ALL=C'
  declare -p NAME WHAT PARTS PROGRAMS PORTS TRIAL
  declare -f
  printf '%s\n' 'main "$@"' '}'
}

# ---- iptables --------------------------------------------------------------------------------------------------------
#
# Our chains are replaced as a whole, with the jumps to them, by one iptables-restore: -I puts a jump first in a built-in
# chain, -A last, but ahead of a rule that ends the chain for all packets. Nothing else there is touched.

declare -A RULES=() PUT=() DROPPED=()
RULES_LIST=()

rules() { # NODE iptables|ip6tables <TEXT
  local line
  if [[ $WALK == make ]]; then
    [[ ! ${PUT["$1 $2"]:-} ]] || return 0 # with the first of them
    PUT["$1 $2"]=yes
    each flush
    [[ $WAS_UP && ! ${CHANGED["$1 $2"]:-} ]] || put_rules "$1" "$2" <<<"${RULES["$1 $2"]}"
    return 0
  fi
  [[ ${RULES["$1 $2"]:-} ]] || RULES_LIST+=("$1 $2")
  while IFS= read -r line; do
    [[ $line != '#'* ]] || continue
    RULES["$1 $2"]+=$line$'\n'
    [[ $line != -* ]] || LINES+=("$1 $2 $line")
  done
}

# where_off KEY COMMAND…: only if that parameter was 0 before a topology of ours asked for more.
where_off() {
  local was record=/run/nsgen/sysctl/host@$1/was path=/proc/sys/${1//.//}
  if [[ -e $record ]]; then read -r _ was <"$record"; else { read -r was <"$path"; } 2>/dev/null || was=0; fi
  if [[ $was == 0 ]] || set_at_boot "$1" "$was"; then "${@:2}"; fi
}

put_rules() { # NODE TOOL <TEXT
  local saved
  saved=$(in_node "$1" "$2-save") || die "$2-save failed"
  replacing "$saved" >"$TMP/rules"
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
  local key saved output
  for key in "${RULES_LIST[@]}"; do
    if [[ $WAS_UP && ! ${CHANGED[$key]:-} || ${key%% *} != host ]] || ! command -v "${key#* }-restore" >/dev/null; then continue; fi
    # Tried in a namespace that is gone at once. (Not those about physdev: they load br_netfilter, and that changes what
    # becomes of the frames of every bridge.)
    output=$(grep -v -e '-m physdev ' <<<"${RULES[$key]}" | unshare --net "${key#* }-restore" -w --noflush 2>&1) ||
      PROBLEMS+=("this kernel refuses the rules: ${output%%$'\n'*}")
    saved=$("${key#* }-save") || die "${key#* }-save failed"
    [[ $saved != *$'\n'":NSGEN-$NAME-"[A-Z]* || ${OLD[*]} || $saved == *"--comment \"nsgen:$NAME\" -j NSGEN-$NAME-"* ]] ||
      PROBLEMS+=("${key#* } has chains named NSGEN-$NAME-…, and they are not of this topology")
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
      [[ $taken && ! $address || $taken =~ ' '("${address:-x}"|0.0.0.0|\*|\[::\])' ' ]] || continue
      [[ " ${OLD[*]} " =~ ' host service proxy-'"$protocol"'[46]-'"$port"' ' ]] || # ours
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

# Ours, in order; and what stands ahead of a jump of ours and takes its packets.
list_rules() {
  local key saved
  for key in "${RULES_LIST[@]}"; do
    [[ $key == host\ * || -e /run/netns/${key% *} ]] || continue
    saved=$(in_node "${key% *}" "${key#* }-save") || return 1
    awk -v where="${key% *}: ${key#* } " -v ours="^NSGEN-$NAME-[A-Z]" '
      /^\*/ { table = substr($0, 2) }
      /^-A/ && ($2 ~ ours || $NF ~ ours) {
        print where "-t " table " " $0
        if ($2 !~ ours && takes[table, $2]) print where "-t " table " " takes[table, $2] ", ahead of our jump to " $NF
      }
      /^-A [^ ]+ (-m comment --comment [^ ]+ )?-j (ACCEPT|DROP|REJECT|RETURN)( |$)/ { takes[table, $2] = $0 }' <<<"$saved"
  done
}

undo_iptables() { DROPPED["$1 iptables"]=yes; } # all together, by settle_rules
undo_ip6tables() { DROPPED["$1 ip6tables"]=yes; }

settle_rules() {
  local key saved
  for key in "${!DROPPED[@]}"; do
    unset "DROPPED[$key]"
    [[ ${#NEW[@]} -eq 0 || ! ${RULES[$key]:-} ]] && [[ $key == host\ * || ${NEW["host ip netns add ${key% *}"]:-} ]] || continue
    saved=$(in_node "${key% *}" "${key#* }-save") || { left "${key#* }-save failed: our chains are still there" && continue; }
    replacing "$saved" </dev/null >"$TMP/rules"
    [[ ! -s $TMP/rules ]] || in_node "${key% *}" "${key#* }-restore" -w --noflush <"$TMP/rules" ||
      left "${key#* }: our chains could not be removed"
  done
}

# Connection tracking forgets the clients of these UDP ports: they are translated anew, or no more.
udp_ports() { # ipv4|ipv6 FIRST LAST
  if [[ $WALK == read ]]; then LINES+=("host udp $*"); elif [[ ! ${KEPT["host udp $*"]:-} ]]; then undo_udp host "$*"; fi
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

ip_in() { lines "$1" "ip${2:+6}"; } # NODE [-6] <LINES
bridge_in() { lines "$1" bridge; }
tc_in() { lines "$1" tc; }

# Those of the host are run block by block; those of namespaces together, once all cables are there.
HOST_LINES='' NODES=() MORE=()
declare -A INSIDE_LINES=() MORE_LINES=() FRESH=()

lines() { # NODE PROGRAM
  local text
  local -a read
  mapfile -t read
  [[ -e /proc/sys/net/ipv6 ]] || read=("${read[@]/ addrgenmode none/}") # nothing to switch off
  printf -v text '%s\n' "${read[@]}"
  case $WALK,$1,$2 in
    read,*)
      LINES+=("${read[@]/#/$1 $2 }")
      [[ $1 == host || ${FRESH[$1]+x} ]] || { NODES+=("$1") && FRESH[$1]=''; }
      [[ $2 == ip ]] || MORE+=("$1 $2")
      ;;
    make,host,ip)
      ((${#INSIDE_LINES[@]} == 0)) || flush_devices
      HOST_LINES+=$text
      ;;
    make,*,ip) INSIDE_LINES[$1]+=$text ;;
    *) MORE_LINES["$1 $2"]+=$text ;;
  esac
}

flush_devices() {
  local key
  [[ ! $HOST_LINES ]] || run_lines host ip "$HOST_LINES"
  ((${#INSIDE_LINES[@]} == 0)) || run_inside
  for key in "${!MORE_LINES[@]}"; do run_lines "${key% *}" "${key#* }" "${MORE_LINES[$key]}"; done
  HOST_LINES='' INSIDE_LINES=() MORE_LINES=()
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
  local -a lines
  mapfile -t lines <<<"$4"
  while IFS= read -r said; do
    if [[ ! $said =~ ^'Command failed '.*:([0-9]+) ]]; then
      message=${message:-$said}
      continue
    fi
    line=${lines[BASH_REMATCH[1] - 1]}
    case "$line: $message" in
      *add\ *'File exists' | *append\ *'File exists') add_renamed "$1" "$line" ;; # it is there already
      'route replace '*) route_is_there "$1" "$line" || die "$1: $2 $line: $message" ;;
      *) die "$1: $2 $line: $message" ;;
    esac
    message=''
  done <<<"$3"
  [[ $line ]] || die "$1: $2: ${message:-it failed}"
}

# Somebody's policy may be in the way of a route that is there already.
route_is_there() { # NODE LINE
  local -a words
  read -ra words <<<"$2"
  [[ $(in_node "$1" ip route show "${words[@]:2}" 2>/dev/null) ]]
}

# Linux 6.1 and older look for the name of a new device where it is made, not where it is put: an eth0 there is in the way
# of one in a namespace. So that one gets its name there.
add_renamed() { # NODE LINE
  local name=nsgen$BASHPID device=${2#link add name } into=${2#* netns }
  [[ $2 =~ ^'link add '.*' netns '.*' type '(macvlan|ipvlan|vlan) ]] || return 0
  device=${device%% *} into=${into%% *}
  ! in_node "$into" ip link show dev "$device" &>/dev/null || return 0
  run_lines "$1" ip "${2/ name $device / name $name }"
  in_node "$into" ip link set dev "$name" name "$device" || die "$into: $device cannot get its name"
}

# Each reads its lines from a file of its name. Where that fails, they are run again, one node after the other, to judge.
run_inside() {
  local node
  local -a nodes=()
  mkdir -p "$TMP/ip"
  for node in "${NODES[@]}"; do
    [[ ${INSIDE_LINES[$node]:-} ]] && wanted "$node" ip || continue
    if [[ $VERBOSE || ${INSIDE_LINES[$node]} == *' netns '* ]]; then
      run_lines "$node" ip "${INSIDE_LINES[$node]}" # it has a cable to one that comes later, or a device for it
    else
      printf '%s' "${INSIDE_LINES[$node]}" >"$TMP/ip/$node"
      nodes+=("$node")
    fi
  done
  enter_each "ip -force -batch $TMP/ip/NODE" "${nodes[@]}" &>/dev/null ||
    for node in "${nodes[@]}"; do run_lines "$node" ip "${INSIDE_LINES[$node]}"; done
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

survey_devices() {
  local line name text
  local -A there=() # the alias of each device of this host, behind a colon
  text=$(ip -o link show) || die 'ip link show failed'
  while read -r _ name line; do
    name=${name%:} there[${name%@*}]=:
    [[ $line != *' alias '* ]] || there[${name%@*}]=:${line##* alias }
  done <<<"$text"
  for line in "${LINES[@]}"; do
    name=${line#* name }
    case $line in
      'host ip netns add '*) survey_namespace "${line##* }" "$line" ;;
      'host ip link add name '*' netns '*' type '*) ;;
      'host ip link add name '*)
        survey_device "${name%% *}" "$line"
        name=${name#* peer name }
        [[ $line != *' peer name '* || $line == *' netns '* ]] || survey_device "${name%% *}" "$line"
        ;;
      'host ip address replace '*) [[ ${KEPT[$line]:-} ]] || survey_subnet "${line#host ip address replace }" ;;
      'host ip rule add '* | 'host ip6 rule add '*) [[ ${KEPT[$line]:-} ]] || survey_priority "$line" ;;
    esac
  done
  [[ $WAS_UP || ! $TRIAL ]] || survey_kinds
}

# A device tells by its alias whose it is, a namespace by that of its lo. What has none is ours if we were about to make it.
survey_device() { # NAME LINE
  local alias=${there[$1]:-}
  [[ ! $alias || $alias: == ":nsgen:$NAME:"* || ( $alias == : && ${KEPT[$2]:-} ) ]] ||
    PROBLEMS+=("link $1 exists already, and it is not of this topology")
}

survey_namespace() { # NAME LINE
  [[ ! -e /run/netns/$1 || ${KEPT[$2]:-} ]] || is_ours "$1" ||
    PROBLEMS+=("netns $1 exists already, and it is not of this topology")
}

is_ours() { [[ $(in_node "$1" ip -o link show dev lo 2>/dev/null): == *" alias nsgen:$NAME:"* ]]; }

# A subnet that this host reaches by another device would be cut off, or cut the new one off. Half of all addresses, as a
# VPN routes them, is a default route, too.
survey_subnet() { # ADDRESS dev DEVICE
  local route routes family=-4 to device
  [[ $1 != *:* ]] || family=-6
  routes=$(ip "$family" -o route show match "${1%%/*}" && ip "$family" -o route show root "${1%% *}") || die 'ip route show failed'
  while read -r route; do
    to=${route#@(blackhole|unreachable|prohibit|throw) } to=${to%% *} device=${route#* dev } device=${device%% *}
    [[ $to && ! $to =~ ^(default|0.0.0.0/1|128.0.0.0/1|::/1|8000::/1|2000::/3)$ ]] || continue
    [[ ${there[$device]:-}: == ":nsgen:$NAME:"* || " ${OLD[*]} " =~ ' host ip route replace '"${to%/*}"(/32|/128)?"${to#"${to%/*}"}"' ' ]] ||
      PROBLEMS+=("the subnet of ${1%% *} is routed elsewhere: ${route%%@( proto| \\)*}")
  done <<<"$routes"
}

survey_priority() { # LINE
  local family=-4 priority=${1#* priority }
  [[ $1 != 'host ip6 '* ]] || family=-6
  [[ $'\n'$(ip "$family" rule show) != *$'\n'"${priority%% *}:"* ]] ||
    PROBLEMS+=("a rule of policy routing with the priority ${priority%% *} exists already, and it is not of this topology")
}

# Whether the kernel can make such devices, tried in a namespace that is gone at once.
survey_kinds() {
  local output
  output=$(unshare --net ip -batch - 2>&1 <<<"$TRIAL") || PROBLEMS+=("this kernel cannot make the namespaces and devices: ${output%%$'\n'*}")
}

# What the kernel says of all that is ours, and of all that is in namespaces of ours; a line each, NODE: WORDS.
list_devices() {
  local key
  local -a there=()
  mapfile -t there < <(namespaces_there)
  printf '%s\n' 'link show' 'address show' 'route show table all' 'rule show' 'neighbour show nud permanent' >"$TMP/ask"
  {
    printf '%s\n' "${LINES[@]}" | sed -n 's/^host ip /@wants /p'
    printf '@ host\n'
    ip -d -o -batch "$TMP/ask" || return 1
    printf '@in %s\n' "${there[*]}"
    enter_each "ip -d -o -batch $TMP/ask" "${there[@]}" || return 1
    for key in "${MORE[@]}"; do
      printf '@more %s\n' "$key"
      [[ " ${there[*]} " != *" ${key% *} "* && $key != host\ * ]] || case $key in
        *' ip6') in_node "${key% *}" ip -6 -N rule show ;;
        *' tc') in_node "${key% *}" tc qdisc show ;;
        *) in_node "${key% *}" bridge vlan show && in_node "${key% *}" bridge fdb show ;;
      esac || return 1
    done
  } >"$TMP/said" || return 1
  in_words <"$TMP/said" | sort -u
}

# Whoever was killed while making a namespace left a file that is none.
namespaces_there() {
  local -a paths=("${NODES[@]/#//run/netns/}")
  ((${#paths[@]} == 0)) || { stat -f -c '%T %n' "${paths[@]}" 2>/dev/null || true; } | sed -n 's#^nsfs .*/##p'
}

# Less what changes by itself, and what belongs to the kernel or a daemon: local and link-local routes, what router
# advertisements, DHCP clients and routing daemons put there.
in_words() {
  awk -v mine="nsgen:$NAME" '
    BEGIN {
      split("state mode qdisc link-netns link-netnsid promiscuity allmulti minmtu maxmtu brd bridge_id designated_root " \
        "designated_bridge designated_port designated_cost root_port root_path_cost topology_change topology_change_ack " \
        "topology_change_detected config_pending port_id port_no numtxqueues numrxqueues mcast_n_groups fdb_n_learned " \
        "permaddr active_slave mii_status link_failure_count", words, " ")
      for (i in words) changes[words[i]] = 1
    }
    function say(text) { gsub(/[ \t\\]+/, " ", text); sub(/ $/, "", text); print node ": " text }
    function ours(device) { return node != "host" || device in devices }
    function link(  device, text, i) {
      device = $2; sub(/(@.*)?:$/, "", device)
      if (node == "host") {
        if ($0 !~ (" alias " mine "(:[^ ]*)?$")) return
        devices[device] = 1
      }
      text = "link " device " admin " ($3 ~ /[<,]UP[,>]/ ? "up" : "down") " arp " ($3 ~ /NOARP/ ? "off" : "on")
      for (i = 4; i <= NF; i++) {
        if ($i == "qdisc" && $(i + 1) !~ /^(noop|noqueue|mq|fq|fq_codel|pfifo_fast|pfifo)$/) say("qdisc " device " " $(i + 1))
        if ($i in changes || $i ~ /_timer$|^(tso|gso|gro)_|^ad_/) i++
        else text = text " " ($i ~ /^link\// ? "address" : $i)
      }
      say(text)
    }
    function address() {
      sub(/\\.*/, "")
      if (/ (dynamic|temporary|mngtmpaddr)( |$)| proto kernel_(ll|ra)( |$)| inet6 fe80:[^ ]*ff:fe/) return
      gsub(/ (tentative|dadfailed|optimistic|secondary|deprecated)/, "")
      if (ours($2) || ($2 " " $4) in wanted) say("address " $2 " " substr($0, index($0, $3)))
    }
    function route(  protocol) {
      if (/ table local .*proto kernel| fe80::\/64 .*proto kernel|^(multicast|broadcast|anycast|local) .*proto kernel/) return
      protocol = $0; sub(/.* proto /, "", protocol); sub(/ .*/, "", protocol)
      if (protocol !~ /^(kernel|boot|static)$/) return
      gsub(/ (linkdown|dead|offload|rt_offload|trap|rt_trap)( |$)/, " "); gsub(/ expires [0-9]+sec/, "")
      device = $0; sub(/.* dev /, "", device); sub(/ .*/, "", device)
      if (ours(device) || $2 in routes) say("route " $0)
    }
    function rule(  priority) {
      priority = $1; sub(/:/, "", priority)
      if (/ proto kernel/ || /^(0|32766|32767):/ && / lookup (local|main|default|25[345])( |$)/) return
      $1 = ""; sub(/ proto (unspec|boot)/, ""); if (node != "host" || priority in priorities) say("rule priority " priority $0)
    }
    $1 == "@wants" {
      if ($2 == "address") wanted[$6 " " $4] = 1
      if ($2 == "route") { $0 = $0; to = ($4 ~ /^[0-9a-f]*[.:]|^default/) ? $4 : $5; sub(/\/(32|128)$/, "", to); routes[to] = 1 }
      if ($2 == "rule") priorities[$5] = 1
      next
    }
    $1 == "@" { node = $2; next }
    $1 == "@in" { split($0, names); at = 1; next }
    $1 == "@more" { node = $2; program = $3; names[1] = ""; next }
    program == "ip6" { rule(); next }
    program == "tc" { if (/qdisc netem/) { sub(/qdisc netem [^ ]+/, ""); sub(/ (limit|refcnt) [0-9]+/, ""); say("tc" $0) } next }
    program == "bridge" {
      if (/ dst /) { if (/permanent/) say("fdb " $0) }
      else if (!/ dev |^port/) { if (/^[^ \t]/) { port = $1; $1 = "" } if (NF) say("vlan " port " " $0) }
      next
    }
    /^1: lo: / && names[1] { node = names[++at] }
    /^[0-9]+: [^ ]+: </ { link(); next }
    /^[0-9]+: [^ ]+ +inet/ { address(); next }
    /^[0-9]+:/ { rule(); next }
    / PERMANENT/ { if (node != "host") say("neighbour " $0); next }
    NF { route() }'
}

# ---- what differs ----

check_devices() { look_at "$TMP/now" && differ words "$STATE/seen" "$TMP/now"; }

look_at() { # FILE
  each list >"$1" || return 1
  [[ ! -e $STATE/known ]] || { { grep -vxFf "$STATE/known" "$1" || true; } >"$1.new" && mv "$1.new" "$1"; }
}

# What was seen, and what is seen now, in words; or what sets it back (NODE LINE); or the devices that it is about (NODE
# DEVICE); or the lines that are no part of ours (besides).
differ() { # words|set|devices|besides SEEN NOW
  { diff "$2" "$3" || (($? == 1)); } | awk -v as="$1" '
    function say(node, kind, text) {
      gsub(/unicast | table main| proto (boot|static)| scope (global|link)/, "", text)
      if (as == "words") print node ": " kind ": " text
    }
    function compare(node, old, new,  a, b, n, i, part, word) {
      n = split(old, a, " ")
      if (as == "devices") print node, a[2]
      if (split(new, b, " ") != n) { say(node, "changed", new ", not " old); return }
      for (i = 3; i <= n; i++) {
        if (a[i] == "bridge" || a[i] == "bridge_slave") part = "type " a[i] " "
        if (a[i] == b[i]) continue
        word = a[i - 1] == "admin" ? "" : a[i - 1] " "
        say(node, "changed", a[2] " " word b[i] ", not " a[i])
        if (as == "set") print node, "link set dev " a[2] " " part word a[i]
      }
    }
    { node = $2; sub(/:$/, "", node); text = $0; sub(/^[<>] [^ ]+ /, "", text) }
    /^</ { at[++gone] = node; was[gone] = text; if ($3 == "link" && $4 == "lo" && node != "host") lost[node] = 1 }
    /^>/ { by[++come] = node; is[come] = text; if ($3 == "link") link[node, $4] = come; if ($4 == "lo") here[node] = 1 }
    END {
      for (node in lost) if (node in here) delete lost[node]; else say(node, "missing", "the namespace")
      for (i = 1; i <= gone; i++) {
        split(was[i], w, " ")
        if (w[1] == "link" && (at[i], w[2]) in link) { compare(at[i], was[i], is[link[at[i], w[2]]]); is[link[at[i], w[2]]] = ""; continue }
        if (!(at[i] in lost)) say(at[i], "missing", was[i])
        if (as == "devices" && w[1] == "link") print at[i], w[2]
        if (as == "set" && was[i] ~ /^route .* proto kernel /) print at[i], "route replace" substr(was[i], 6)
      }
      for (i = 1; i <= come; i++) {
        if (is[i] == "" || is[i] ~ /^route .* proto kernel /) continue
        say(by[i], is[i] ~ /^ip6?tables / ? "added" : "besides", is[i])
        if (as == "besides" && is[i] !~ /^ip6?tables /) print by[i] ": " is[i]
      }
    }'
}

# Over a topology that is up: what somebody else has put there is no part of ours afterwards. What differs is set back, and
# devices that are missing are made again, with both ends of their cables.
prepare_devices() {
  local node line
  for node in "${NODES[@]}"; do [[ -e /run/netns/$node ]] || FRESH[$node]=yes; done
  [[ $WAS_UP ]] || return 0
  [[ -e $STATE/besides ]] || { differ besides "$STATE/seen" "$TMP/now" >"$TMP/besides" && mv "$TMP/besides" "$STATE/besides"; }
  for line in "${LINES[@]}"; do
    [[ ! ${KEPT[$line]:-} && $line == *' ip link add '*' netns '* ]] || continue
    line=${line##* netns } CHANGED["${line%% *} ip"]=1 # what is put there has to be set there
  done
  [[ $DRIFT ]] || { forget_link_locals && return 0; }
  while IFS=' :' read -r node _ line; do changes "$node $line" && CHANGED["$node ip"]=1 CHANGED["host ip"]=1; done <<<"$DRIFT"
  remove_stubs
  differ set "$STATE/seen" "$TMP/now" | while read -r node line; do
    [[ ! -e /run/netns/$node && $node != host ]] || in_node "$node" ip -force -batch - <<<"$line" &>/dev/null || true
  done
  sed -n 's/^\([^:]*\): missing: link \([^ ]*\) .*/\1 \2/p' <<<"$DRIFT" >"$TMP/devices"
  for node in "${NODES[@]}"; do
    [[ ! ${FRESH[$node]} ]] || sed -n "s/^\($node\): link \([^ ]*\) .*/\1 \2/p" "$STATE/seen" >>"$TMP/devices"
  done
  remove_devices "$TMP/devices" # a cable whose one end was in a namespace that is no more leads nowhere
  forget_link_locals
}

# Whoever was killed while making a namespace left a file that is none.
remove_stubs() {
  local node there
  there=" $(namespaces_there | tr '\n' ' ')"
  for node in "${NODES[@]}"; do
    [[ ! -e /run/netns/$node || $there == *" $node "* ]] || { rm "/run/netns/$node" && FRESH[$node]=yes; }
  done
}

# Delete devices, whichever end of a cable they are: their lines make them again.
remove_devices() { # FILE OF NODE DEVICE
  local node device
  while read -r node device; do
    CHANGED["$node ip"]=1 CHANGED["host ip"]=1
    in_node "$node" ip link del dev "$device" &>/dev/null || true
  done < <(printf '%s\n' "${LINES[@]}" | awk '
    NR == FNR { want[$1, $2] = 1; next }
    $2 == "ip" && $3 == "link" && $4 == "add" {
      place = other = $1; peer = ""
      for (i = 7; i < NF; i++) {
        if ($i == "peer") peer = $(i + 2)
        if ($i == "netns") { if (peer) other = $(i + 1); else place = $(i + 1) }
      }
      if ((place, $6) in want || (other, peer) in want) { print place, $6; if (peer) print other, peer }
    }' "$1" -)
}

# What a device has made for itself while it had IPv6, and is to have no more.
forget_link_locals() {
  local line
  for line in "${LINES[@]}"; do
    [[ ! ${KEPT[$line]:-} && $line == *' addrgenmode none'* && $line != 'host '* && ! ${FRESH[${line%% *}]} ]] || continue
    in_node "${line%% *}" ip address flush dev "$(sed 's/.* dev \([^ ]*\) .*/\1/' <<<"$line")" to fe80::/10 &>/dev/null || true
  done
}

# Services and commands come after this: they may have ideas of their own.
look_devices() {
  local tries
  each flush
  [[ ! -e $TMP/seen ]] || return 0
  look_at "$TMP/seen" || die 'the kernel could not be asked'
  [[ ${LINES[*]} == *' address replace '*:* ]] || return 0
  for ((tries = 0; tries < 20; tries++)); do # IPv6 takes a moment to use a device that is up
    sleep 0.02
    mv "$TMP/seen" "$TMP/before"
    look_at "$TMP/seen" || die 'the kernel could not be asked'
    ! cmp -s "$TMP/before" "$TMP/seen" || return 0
  done
}

# What still is as it was is made again; what then still is, is told.
finish_devices() {
  look_devices
  if [[ $(still_differs) ]]; then
    differ devices "$STATE/seen" "$TMP/seen" >"$TMP/devices"
    remove_devices "$TMP/devices"
    rm "$TMP/seen"
    WALK='make' topology
    look_devices
    [[ ! $(still_differs) ]] || die "this cannot be put right: $(still_differs)"
  fi
  [[ ! -e $STATE/besides ]] || { { grep -vxFf "$STATE/besides" "$TMP/seen" || true; } >"$TMP/ours" && mv "$TMP/ours" "$TMP/seen"; }
  cp "$TMP/seen" "$STATE/seen.new" && mv "$STATE/seen.new" "$STATE/seen"
  rm -f "$STATE/besides"
}

still_differs() { [[ ! $DRIFT ]] || grep -xF "$DRIFT" <(differ words "$STATE/seen" "$TMP/seen") || true; }

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
  ip -o link show >"$TMP/links" || { left 'ip link show failed' && return 0; }
  not_ours >"$TMP/others"
  turn >"$TMP/turned"
  name_holders
  for key in $(awk '!seen[$1, $2]++ { print $1 ":" $2 }' "$TMP/turned"); do
    sed -n "s/^${key%:*} ${key#*:} //p" "$TMP/turned" >"$TMP/undo"
    [[ ! $VERBOSE ]] || sed "s/^/[#] ${key/:/: } /" "$TMP/undo" >&2
    case $key in
      *:sysctl) output=$(in_node "${key%:*}" sysctl -q -p "$TMP/undo" 2>&1) ;;
      *:ip6) output=$(in_node "${key%:*}" ip -6 -force -batch "$TMP/undo" 2>&1) ;;
      *) output=$(in_node "${key%:*}" "${key#*:}" -force -batch "$TMP/undo" 2>&1) ;;
    esac || [[ $output ]] || left "${key/:/: } failed" # what is gone already is said to be so; what did not run says nothing
  done
  told_gone
}

# NODE PROGRAM LINE: the lines that are no longer wanted, from the last to the first, each with its verb turned. What is
# set of a device, or in a namespace, that goes is gone with it.
turn() {
  awk -v kept="$([[ ! -e $STATE/made ]] || echo yes)" '
    FILENAME ~ /new$/ { new[$0] = 1; next }
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
        if (line ~ / addrgenmode none/) { print node, "sysctl net/ipv6/conf/" device "/addr_gen_mode=0"; continue } # ip(8) makes no address
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
  local line
  awk -v mine="nsgen:$NAME" -v kept="$([[ ! -e $STATE/made ]] || echo yes)" '
    { name = $2; sub(/(@.*)?:$/, "", name); alias = ""; if (match($0, / alias .*/)) alias = substr($0, RSTART + 7) }
    alias != mine && index(alias, mine ":") != 1 && (alias != "" || !kept) { print "link " name }' "$TMP/links"
  [[ ! -e $STATE/made ]] || return 0
  for line in "${OLD[@]}"; do
    [[ $line != 'host ip netns add '* ]] || is_ours "${line##* }" || printf 'netns %s\n' "${line##* }"
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
  local kind name there
  there=$(ip -o link show | sed -E 's/^[0-9]+: ([^@:]+).*/ \1 /') || { left 'ip link show failed' && return 0; }
  while read -r kind name; do
    case $kind in
      netns) [[ ! -e /run/netns/$name ]] || left "namespace $name could not be deleted" ;;
      link) [[ $there != *" $name "* ]] || left "device $name could not be deleted" ;;
    esac
  done < <(sed -nE 's/^host ip (netns|link) del (dev )?/\1 /p' "$TMP/turned")
}

# ---- kernel parameters -----------------------------------------------------------------------------------------------
#
# /run/nsgen/sysctl/NODE@KEY is shared by all topologies: `was`, what it was, and for each topology that needs it what that
# sets. The last one out puts it back, unless somebody else has changed it since.

BOOT_PARAMETERS=''
INSIDE_PARAMETERS=()

parameters() { # NODE <LINES, with the reason for them
  local line
  local text
  local -a read
  mapfile -t read
  printf -v text '\n%s' "${read[@]}"
  [[ $WALK,$1 != read,host ]] || BOOT_PARAMETERS+=$'\n'${text#$'\n'}$'\n'
  [[ $WALK,$1 != make,host ]] || each flush
  for line in "${read[@]}"; do
    case $WALK,$1,$line in
      *,'#'*) ;;
      read,*) LINES+=("$1 sysctl $line") ;;
      make,host,*) set_parameter host "${line%% = *}" "${line#* = }" ;;
      *) INSIDE_PARAMETERS+=("$1 $line") ;;
    esac
  done
}

# In namespaces, once their devices are there.
flush_parameters() {
  local line node key value
  for line in "${INSIDE_PARAMETERS[@]}"; do
    read -r node key _ value <<<"$line"
    set_parameter "$node" "$key" "$value"
  done
  INSIDE_PARAMETERS=()
}

# A dot separates the parts of a key, unless a device's name has one; then it is a slash.
path_of() { if [[ $1 == */* ]]; then printf '/proc/sys/%s' "$1"; else printf '/proc/sys/%s' "${1//.//}"; fi; }

get_parameter() { # NODE KEY
  local text
  if [[ $1 == host ]]; then text=$(<"$(path_of "$2")"); else text=$(nsenter --net="/run/netns/$1" sysctl -n "$2"); fi 2>/dev/null || return 1
  printf '%s' "${text//$'\t'/ }" # the kernel prints tabs between words
}

put_parameter() { # NODE KEY VALUE
  if [[ $1 != host ]]; then
    run nsenter --net="/run/netns/$1" sysctl -q -w "$2=$3"
  else
    [[ ! $VERBOSE ]] || printf '[#] sysctl -w %s="%s"\n' "$2" "$3" >&2
    printf '%s\n' "$3" >"$(path_of "$2")"
  fi
}

survey_parameters() {
  local line key
  for line in "${LINES[@]}"; do
    # The device or the module of some may come with this run.
    [[ $line == 'host sysctl '* && ! $line =~ ^'host sysctl net'[./](ipv[46][./]conf|bridge)[./] ]] || continue
    key=${line#host sysctl } key=${key%% = *}
    [[ -e $(path_of "$key") ]] || PROBLEMS+=("this kernel has no parameter $key")
  done
}

set_parameter() { # NODE KEY VALUE
  local record=/run/nsgen/sysctl/$1@${2//\//%} now users
  if [[ $1 == host && ! -e $(path_of "$2") ]]; then
    [[ $2 == net?ipv6?* ]] || die "this kernel has no parameter $2"
    return 0 # a kernel without IPv6 has nothing to switch off
  fi
  now=$(get_parameter "$1" "$2") || die "$1: the parameter $2 cannot be read"
  users=("$record"/for-*)
  ((${#users[@]})) || { mkdir -p "$record" && what_was "$1" "$2" "$now" >"$record/was"; }
  printf '%s\n' "$3" >"$record/for-$NAME"
  [[ $now == "$3" ]] || put_parameter "$@" || die "$1: $2 cannot be set to $3"
}

# PATH VALUE of it, and of what the kernel changes along with it: forwarding, switched, is switched on every device, and
# decides whether redirects are accepted (linux/net/ipv4/devinet.c, inet_forward_change). And who has chains by now.
what_was() { # NODE KEY NOW
  local path was along=()
  path=$(path_of "$2") path=${path#/proc/sys/}
  was=$(sed -n "s#^$path ##p" /run/nsgen/sysctl/host@*/was /dev/null) was=${was%%$'\n'*}
  ! set_at_boot "$2" "$3" || was=0
  printf '%s %s\n' "$path" "${was:-$3}"
  [[ $1 == host && ${was:-$3} == 0 ]] || return 0
  case $2 in
    net.ipv4.ip_forward) along=(/proc/sys/net/ipv4/conf/{all/accept_redirects,*/forwarding}) ;;
    net.ipv6.conf.all.forwarding) along=(/proc/sys/net/ipv6/conf/*/forwarding) ;;
    *) return 0 ;;
  esac
  if [[ $3 == 0 ]]; then
    for path in "${along[@]}"; do [[ $path == */all/forwarding ]] || printf '%s %s\n' "${path#/proc/sys/}" "$(<"$path")"; done
  elif [[ $2 == net.ipv4.* ]] && asked_for net.ipv4.conf.all.accept_redirects 0; then
    printf 'net/ipv4/conf/all/accept_redirects 0\n'
  fi
  other_chains "$2"
}

# Other programs' chains for what is forwarded.
other_chains() { # KEY
  local tool=iptables
  [[ $1 == net.ipv4.* ]] || tool=ip6tables
  { "$tool" -w -S 2>/dev/null || true; } | sed -n '/^-N NSGEN-/d; s/^-N /chain /p'
}

# Whether one of these files, as sysctl.d(5) has them, sets a parameter to this value.
sets() { # KEY VALUE FILE…
  [[ $'\n'$(sed -E 's/[[:space:]]//g; s/^-//; y#/#.#' /dev/null "${@:3}")$'\n' == *$'\n'"${1//\//.}=$2"$'\n'* ]]
}

# Whether an administrator's file asks for it.
asked_for() {
  local files=({/etc,/run,/usr/local/lib,/usr/lib}/sysctl.d/*.conf /etc/sysctl.con[f])
  sets "$1" "$2" "${files[@]/#*99-nsgen-*//dev/null}"
}

# Whether it was our own file that switched it on at boot; then it counts as off. But once it has been put back, whoever
# switches it on again has reasons of their own.
set_at_boot() { # KEY NOW
  local file
  [[ $2 == 1 && $1 =~ forward|nf-call ]] && ! grep -qxF "$1" /run/nsgen.boot 2>/dev/null && ! asked_for "$1" 1 || return 1
  for file in /etc/sysctl.d/99-nsgen-*.conf; do
    [[ $(stat -c %Z "$file") -lt $(sed -n 's/^btime //p' /proc/stat) ]] && sets "$1" 1 "$file" || continue
    printf '%s\n' "$1" >>/run/nsgen.boot
    return 0
  done
  return 1
}

undo_sysctl() { # NODE KEY = VALUE
  local node=$1 key=${2%% = *} ours=${2#* = } record other value='' path was now
  record=/run/nsgen/sysctl/$node@${key//\//%}
  [[ -d $record && " ${!NEW[*]} " != *" $node sysctl $key = "* ]] || return 0 # it is to have another value
  for other in "$record"/for-*; do [[ $other == */for-"$NAME" ]] || value=$(<"$other"); done
  if [[ -e $record/for-$NAME ]] && stays "$node" "$key" && now=$(get_parameter "$node" "$key"); then
    read -r _ was <"$record/was"
    if [[ $value ]]; then # what another topology sets
      [[ $now != "$ours" || $now == "$value" ]] || put_parameter "$node" "$key" "$value" || left "$node: $key cannot be set to $value"
    elif [[ $now == "$ours" && $now != "$was" ]] && relied_on "$key" "$ours" "$record/was"; then
      say "$key stays $ours: others rely on it by now"
    elif [[ $now == "$ours" || $now == "$was" ]]; then
      put_back "$node" "$key" "$record/was"
    fi
  fi
  [[ ! $LEFT ]] || return 0
  rm -f "$record/for-$NAME" && { [[ $value ]] || rm -rf "$record"; } && { rmdir /run/nsgen/sysctl 2>/dev/null || true; } || left "$record cannot be removed"
}

# Those of a namespace that goes, or of a device of ours that goes, go with it.
stays() { # NODE KEY
  [[ $1 == host || ${NEW["host ip netns add $1"]:-} ]] || return 1
  [[ ! $2 =~ [./]conf[./](.*)[./] || " ${OLD[*]} " != *" $1 ip link add name ${BASH_REMATCH[1]} "* ]] ||
    [[ " ${!NEW[*]} " == *" $1 ip link add name ${BASH_REMATCH[1]} "* ]]
}

# Whether an administrator's file asks for the value, too; or, of forwarding, whether another program has made itself chains
# since, as Docker and libvirt do, which find it on and leave it at that.
relied_on() { # KEY VALUE FILE
  ! asked_for "$1" "$2" || return 0
  [[ $1 == @(net.ipv4.ip_forward|net.ipv6.conf.all.forwarding) ]] || return 1
  [[ $(other_chains "$1" | grep -vxFf "$3") ]]
}

put_back() { # NODE KEY FILE
  local path was now default
  while read -r path was; do
    [[ $path != chain && ( $1 != host || -e /proc/sys/$path ) ]] || continue
    now=$(get_parameter "$1" "$path")
    [[ $now == "$was" ]] || put_parameter "$1" "$path" "$was" || left "$1: $path cannot be set to $was"
  done <"$3"
  [[ $2 =~ ^net\.(ipv[46])\..*forward ]] || return 0
  default=$(<"/proc/sys/net/${BASH_REMATCH[1]}/conf/default/forwarding") # what devices have that have come since
  for path in "/proc/sys/net/${BASH_REMATCH[1]}/conf/"*/forwarding; do
    path=${path#/proc/sys/}
    grep -q "^$path " "$3" || [[ $path == */all/* ]] || put_parameter host "$path" "$default" || true
  done
}

check_parameters() {
  local line node key value now
  for line in "${LINES[@]}"; do
    [[ $line == +([!\ ])' sysctl '* ]] || continue
    node=${line%% *} key=${line#* sysctl } value=${key#* = } key=${key%% = *}
    [[ $node != host || -e $(path_of "$key") || $key != net?ipv6?* ]] || continue
    now=$(get_parameter "$node" "$key") || now=missing
    [[ $now == "$value" ]] || printf '%s: changed: %s is %s, not %s\n' "$node" "$key" "$now" "$value"
  done
}

# ---- files -----------------------------------------------------------------------------------------------------------

file() { # PATH [SERVICE THAT READS IT] <TEXT
  local text folder
  IFS= read -r -d '' text || true
  [[ ! ${2:-} || -d /run/systemd/system ]] || return 0
  if [[ $WALK == read ]]; then
    for folder in "${1%/*/*}" "${1%/*}"; do
      [[ -d $folder ]] && ! grep -qxF "host folder $folder" "$STATE/made" 2>/dev/null || LINES+=("host folder $folder")
    done
    LINES+=("host file $1${2:+ $2}")
    FILES[$1]=$text
  elif ! is_written "$1"; then
    mkdir -p "${1%/*}"
    printf '%s' "$text" >"$1"
    [[ ! ${2:-} ]] || reload "$2"
  fi
}

declare -A FILES=()

is_written() { [[ -e $1 && $(<"$1")$'\n' == "${FILES[$1]}" ]]; }

# Its first line says whose it is.
is_our_file() { [[ $(head -n 1 "$1") == *" nsgen:$NAME" ]]; }

survey_files() {
  local path
  for path in "${!FILES[@]}"; do
    [[ ! -e $path ]] || is_our_file "$path" || PROBLEMS+=("$path exists already, and it is not of this topology")
  done
}

check_files() {
  local path
  for path in "${!FILES[@]}"; do
    is_written "$path" || printf 'host: changed: %s is not as it was written\n' "$path"
  done
}

undo_file() { # host PATH [SERVICE]
  local path=${2%% *}
  [[ -e $path ]] && is_our_file "$path" || return 0
  rm -f "$path" || left "$path cannot be removed"
  [[ $2 != *' '* ]] || reload "${2#* }"
}

undo_folder() { [[ ! -d $2 ]] || rmdir --ignore-fail-on-non-empty "$2" || left "$2 cannot be removed"; }

reload() { # systemd-networkd|NetworkManager
  case $(systemctl is-active "$1.service" 2>/dev/null || true),$1 in
    active,NetworkManager) run nmcli general reload conf ;;
    active,*) run networkctl reload ;;
  esac || say "$1 could not be told to read its files again"
}

# ---- after a reboot --------------------------------------------------------------------------------------------------

install() {
  local unit=nsgen-$NAME.service
  print_self | write_file "/usr/local/sbin/nsgen-$NAME" 755
  boot_file "/etc/sysctl.d/99-nsgen-$NAME.conf" "$BOOT_PARAMETERS" <<FILE
# Kernel parameters of the nsgen topology $NAME, for every boot: sysctl.d(5).
# $unit sets them too; this file says so to whoever looks here first.
FILE
  boot_file "/etc/modules-load.d/nsgen-$NAME.conf" "$BOOT_MODULES" <<FILE
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
