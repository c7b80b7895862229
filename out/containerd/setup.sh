#!/usr/bin/env bash
{ trap 'exit 2' EXIT; } # a copy of this that is not whole fails: bash may take a cut inside of [[ for a success
{ trap - EXIT # up to the last line: and it runs nothing
# containerd: kernel settings of this host.
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

NAME=containerd
WHAT='kernel settings of this host'
PARTS='modules parameters install'
PROGRAMS='ip:iproute2 nsenter:util-linux unshare:util-linux mount:mount flock:util-linux xargs:findutils'
PORTS=''
TRIAL=''

# What is built, in order, and why.
topology() {
  # ---- Kernel modules ----

  modules <<'MODULES'
# Asked for by the topology, now and after every boot.
overlay
br_netfilter
MODULES

  # ---- Kernel parameters ----

  parameters host <<'PARAMETERS'
# Asked for by the topology.
net.bridge.bridge-nf-call-iptables = 1
net.bridge.bridge-nf-call-ip6tables = 1
net.ipv4.ip_forward = 1
PARAMETERS
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
