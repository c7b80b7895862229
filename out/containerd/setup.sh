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
# machine is there, with its reason. What follows is the runtime 93d95e1254c2, the same in every script, less the parts
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
  declare -ga LINES=() BLOCKS=() TEXTS=() OLD=() PROBLEMS=() NODES=()
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
  local text line
  local -a lines
  mapfile -t lines
  if [[ $2 =~ ^(module|sysctl|ip6?tables)$ ]]; then
    printf -v text '%s\n' "${lines[@]}"
    TEXT["$1 $2"]+=$'\n'$text lines=()
    while IFS= read -r line; do [[ ! $line || $line == '#'* ]] || lines+=("$line"); done <<<"$text"
  fi
  add "$1" "$2" "${lines[@]}"
}

# Lines of one kind, one after the other, are a block.
add() { # NODE KIND LINE…
  local text
  local -a lines=("${@:3}")
  ((${#lines[@]})) || return 0
  [[ $1 == host || $2 != ip || ${KINDS["$1 ip"]:-} ]] || NODES+=("$1")
  [[ ${#BLOCKS[@]} -gt 0 && ${BLOCKS[-1]} == "$1 $2" ]] || { BLOCKS+=("$1 $2") && TEXTS+=(''); }
  printf -v text '%s\n' "${lines[@]}"
  KINDS["$1 $2"]=1 TEXTS[-1]+=$text
  LINES+=("${lines[@]/#/$1 $2 }")
}

add_command() { # NODE KIND NAME COMMAND…
  local -a words=("${@:4}")
  add "$1" "$2" "$3 ${words[*]@Q}"
}

# What there is to do at some step for the lines of a kind, and for a part of this script.
every() { # STEP
  local index line
  local -a lines
  for index in "${!BLOCKS[@]}"; do
    declare -F "$1_${BLOCKS[index]#* }" >/dev/null || continue
    mapfile -t lines <<<"${TEXTS[index]%$'\n'}"
    for line in "${lines[@]}"; do "$1_${BLOCKS[index]#* }" "${BLOCKS[index]% *}" "$line"; done
  done
}

each() { # STEP
  local part
  for part in $PARTS; do ! declare -F "$1_$part" >/dev/null || "$1_$part"; done
}

# What is to be done inside of namespaces waits, and is then done together.
make() {
  local index node kind
  for index in "${!BLOCKS[@]}"; do
    node=${BLOCKS[index]% *} kind=${BLOCKS[index]#* }
    if [[ $node != host && $kind =~ ^(ip6?|bridge|tc|sysctl)$ ]]; then
      WAITING["$kind $node"]+=${TEXTS[index]}
    else
      each flush
      "make_$kind" "$node" "${TEXTS[index]}"
    fi
  done
  each flush
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
  ((${#OLD[@]} == 0)) || for line in "${LINES[@]}"; do [[ ${KEPT[$line]:-} ]] || changes "$line"; done
}

changes() {
  local rest=${1#* }
  CHANGED["${1%% *} ${rest%% *}"]=1
}

# Over a topology that is up, lines are run again only where they are others, or something is not as it was.
is_wanted() { [[ ! $WAS_UP || $DRIFT || ${CHANGED["$1 $2"]:-}${CHANGED["$1 ip"]:-} ]]; } # NODE KIND

keep() {
  [[ -d $STATE ]] || mkdir -p "$STATE"
  printf '%s' "${@/%/$'\n'}" >"$STATE/made.new"
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
  [[ $ACTION != up || ${PROBLEMS[0]} == *' this '* ]] || { recall && each survey && every survey; } 2>/dev/null
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
    [[ -d /run/nsgen ]] || mkdir -p /run/nsgen || die '/run/nsgen cannot be made'
    { exec {LOCK}</run/nsgen; } 2>/dev/null || continue
    flock -n "$LOCK" || { say 'another run is under way: waiting for its end' && flock "$LOCK"; } || die 'flock failed'
  done
  trap unlock EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  [[ ! -e $TMP ]] || rm -rf "$TMP" || die "$TMP cannot be removed"
  mkdir "$TMP" || die "$TMP cannot be made"
}

# The folder goes with the last topology.
unlock() {
  local tries
  local -a left
  for tries in 1 2; do
    rm -rf "$TMP" || continue
    left=(/run/nsgen/sysctl/*)
    ((${#left[@]})) || [[ ! -d /run/nsgen/sysctl ]] || rmdir /run/nsgen/sysctl || continue
    left=(/run/nsgen/*)
    ((${#left[@]})) || rmdir /run/nsgen || continue
    return 0
  done
  die "something is left under /run/nsgen after $tries tries; run down again"
}

up() {
  each warn
  if [[ -e $STATE/up ]]; then
    WAS_UP=yes
    look
    DRIFT=$(what_counts "$DRIFT")
    [[ $DRIFT || ${#CHANGED[@]} -gt 0 ]] || { say 'nothing to do' && return 0; }
  fi
  each survey
  every survey
  refuse
  trap failed EXIT
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
  trap '' INT TERM HUP # it is done
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
  while read -r line; do [[ ! $line ]] || NEW[$line]=1; done <"$TMP/new"
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
  look
  found=$DRIFT
  for line in "${OLD[@]}"; do [[ ${NEW[$line]:-} ]] || found+=$'\n'"${line%% *}: not in this script: ${line#* }"; done
  for line in "${LINES[@]}"; do [[ ${KEPT[$line]:-} ]] || found+=$'\n'"${line%% *}: only in this script: ${line#* }"; done
  [[ $found ]] || return 0
  printf '%s\n' "${found#$'\n'}"
  [[ ! $STRICT && ! $(what_counts "$found") ]] || exit 1
}

look() { # for DRIFT, what is not as it was
  trap 'say "this could not be looked at: $BASH_COMMAND"; unlock' EXIT
  DRIFT=$(every check; each check)
  trap unlock EXIT
}

what_counts() { # DIFFERENCES
  local line
  while IFS= read -r line; do [[ ! $line || $line == *': besides: '* ]] || printf '%s\n' "$line"; done <<<"$1"
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
check_module() { has_module "$2" || printf 'host: missing: the module %s\n' "$2"; }

survey_module() { # host NAME; an administrator forbids it in one of two ways, modprobe.d(5)
  local name=${2//[-_]/[-_]} files file
  if has_module "$2"; then return 0; fi
  command -v modprobe >/dev/null || { PROBLEMS+=('the program modprobe is missing: install the package kmod') && return 0; }
  modprobe -n -q "$2" 2>/dev/null || PROBLEMS+=("this kernel has no module $2")
  files=({/etc,/run,/usr/local/lib,/usr/lib,/lib}/modprobe.d/*.conf)
  ! file=$(grep -lE "^\s*(blacklist\s+$name\s*$|install\s+$name\s.*/(true|false))" /dev/null "${files[@]}") ||
    PROBLEMS+=("the kernel module $2 is blacklisted in ${file%%$'\n'*}")
}

make_module() { # host NAMES
  local name
  for name in $2; do
    if has_module "$name"; then continue; fi
    [[ $name != br_netfilter ]] || : >"$STATE/loading"
    run modprobe "$name" || die "the kernel module $name cannot be loaded"
  done
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

# ---- kernel parameters -----------------------------------------------------------------------------------------------
#
# In /run/nsgen/sysctl, shared by all topologies, NODE@KEY is what it was, and NODE@KEY:TOPOLOGY what each that needs it
# sets. The last one out puts it back, unless somebody else has changed it since.

begin_parameters() { RECORDS=(); }

parameters() { take "$1" sysctl; } # NODE <LINES

# A dot separates the parts of a key, unless a device's name has one; then it is a slash.
path_of() { if [[ $1 == */* ]]; then printf '/proc/sys/%s' "$1"; else printf '/proc/sys/%s' "${1//.//}"; fi; }

get_parameter() { # NODE KEY
  local text
  if [[ $1 == host ]]; then text=$(<"$(path_of "$2")"); else text=$(in_node "$1" sysctl -n "$2"); fi 2>/dev/null || return 1
  printf '%s' "${text//$'\t'/ }" # the kernel prints tabs between words
}

put_parameter() { # NODE KEY VALUE
  [[ ! $VERBOSE ]] || printf '[#] %s: sysctl -w %s="%s"\n' "$@" >&2
  if [[ $1 == host ]]; then printf '%s\n' "$3" >"$(path_of "$2")"; else in_node "$1" sysctl -q -w "$2=$3"; fi
}

survey_sysctl() { # NODE KEY = VALUE; the device or the module of some may come with this run
  [[ $1 != host || $2 =~ ^net[./](ipv[46][./]conf|bridge)[./] || -e $(path_of "${2%% = *}") ]] ||
    PROBLEMS+=("this kernel has no parameter ${2%% = *}")
}

# A kernel without IPv6, and a device whose MTU is too small for it, has nothing to switch off.
is_void() { [[ $1 == host && $2 == net?ipv6?* && ! -e $(path_of "$2") ]]; } # NODE KEY

check_sysctl() { # NODE KEY = VALUE
  local now
  if is_void "$1" "${2%% = *}"; then return 0; fi
  now=$(get_parameter "$1" "${2%% = *}") || now=missing
  [[ $now == "${2#* = }" ]] || printf '%s: changed: %s is %s, not %s\n' "$1" "${2%% = *}" "$now" "${2#* = }"
}

make_sysctl() { # NODE LINES
  local key value now record
  local -a users
  [[ -d /run/nsgen/sysctl ]] || mkdir /run/nsgen/sysctl
  while read -r key _ value; do
    record=/run/nsgen/sysctl/$1@${key//\//%}
    if is_void "$1" "$key"; then continue; fi
    now=$(get_parameter "$1" "$key") || die "$1: this kernel has no parameter $key"
    users=("$record":*)
    ((${#users[@]})) || what_was "$1" "$key" "$now" >"$record" # which counts as soon as it has a user
    printf '%s = %s\n' "$key" "$value" >"$record:$NAME"
    [[ $now == "$value" ]] || put_parameter "$1" "$key" "$value" || die "$1: $key cannot be set to $value"
  done <<<"${2%$'\n'}"
}

# As lines, it and what goes along with it.
what_was() { # NODE KEY NOW
  local was='' only='' along line
  local -a records=("/run/nsgen/sysctl/$1"@*forward*)
  ((${#records[@]} == 0)) || was=$(sed -n "s#^${2//\//.} = ##p" "${records[@]}")
  if set_at_boot "$@"; then
    was=0 only=^chain
    ! asked_for net.ipv4.conf.all.accept_redirects 0 || only='^chain|redirects'
    printf '%s\n' "$2" >>/run/nsgen.boot
  fi
  printf '%s = %s\n' "$2" "${was:-$3}"
  along=$(along_with "$1" "$2" others)
  while IFS= read -r line; do [[ ! $line || ! $line =~ $only ]] || printf '%s\n' "$line"; done <<<"$along"
}

# Forwarding, switched, is switched on every device, and decides whether redirects are accepted (linux/net/ipv4/devinet.c,
# inet_forward_change). Other programs rely on it, too: those that have chains. What cannot be asked counts as nobody's.
along_with() { # NODE KEY [others]: less devices that come and go with us
  local path line text tool=iptables
  local -a paths
  local -A ours=()
  case "$1 $2" in
    'host net.ipv4.ip_forward') paths=(/proc/sys/net/ipv4/conf/{all/accept_redirects,*/forwarding}) ;;
    'host net.ipv6.conf.all.forwarding') paths=(/proc/sys/net/ipv6/conf/*/forwarding) tool=ip6tables ;;
    *) return 0 ;;
  esac
  [[ ! ${3:-} ]] || for line in "${LINES[@]}" "${OLD[@]}"; do
    [[ $line != 'host ip link add name '* ]] || { line=${line#host ip link add name } && ours[${line%% *}/forwarding]=1; }
  done
  for path in "${paths[@]}"; do
    if [[ ! ${ours[${path#/proc/sys/net/*/conf/}]:-} ]] && read -r line <"$path"; then printf '%s = %s\n' "${path#/proc/sys/}" "$line"; fi
  done 2>/dev/null # it may have gone
  command -v "$tool" >/dev/null || return 0
  text=$("$tool" -w -S 2>/dev/null) || text=$("$tool" -w -S 2>/dev/null) || text='-N *'
  while read -r line; do [[ $line != '-N '* || $line == '-N NSGEN-'* ]] || printf 'chain = %s\n' "${line#-N }"; done <<<"$text"
}

# Whether one of these files, as sysctl.d(5) has them, sets a parameter to this value; whether an administrator's does.
sets() { [[ $'\n'$(sed -E 's/[[:space:]]//g; s/^-//; y#/#.#' /dev/null "${@:3}")$'\n' == *$'\n'"${1//\//.}=$2"$'\n'* ]]; } # KEY VALUE FILE…

asked_for() { # KEY VALUE
  local files=({/etc,/run,/usr/local/lib,/usr/lib}/sysctl.d/*.conf /etc/sysctl.con[f])
  sets "$1" "$2" "${files[@]/#*99-nsgen-*//dev/null}"
}

# Whether it was our own file that switched it on at boot; then it counts as off. But once it has been put back, whoever
# switches it on again has reasons of their own.
set_at_boot() { # NODE KEY NOW
  local file booted
  local -a files=(/etc/sysctl.d/99-nsgen-*.conf)
  [[ $1$3 == host1 && $2 =~ forward|nf-call ]] && ((${#files[@]})) && ! grep -qsxF "$2" /run/nsgen.boot && ! asked_for "$2" 1 || return 1
  booted=$(sed -n 's/^btime //p' /proc/stat)
  for file in "${files[@]}"; do (($(stat -c %Z "$file") >= booted)) || ! sets "$2" 1 "$file" || return 0; done
  return 1
}

# where_off KEY COMMAND…: only if that parameter was 0 before a topology of ours asked for more.
where_off() {
  local was
  { read -r _ _ was <"/run/nsgen/sysctl/host@$1" || read -r was <"/proc/sys/${1//.//}"; } 2>/dev/null || was=0
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
  [[ $LEFT || ${#RECORDS[@]} -eq 0 ]] || rm -f "${RECORDS[@]}" || left "${RECORDS[0]} cannot be removed"
  RECORDS=()
}

# With a namespace that goes, or a device of ours.
goes() { # NODE KEY
  [[ $1 == host || ${NEW["host ip netns add $1"]:-} ]] || return 0
  [[ $2 =~ [./]conf[./](.*)[./] ]] && is_made "$1" "${BASH_REMATCH[1]}" "${OLD[@]}" && ! is_made "$1" "${BASH_REMATCH[1]}" "${!NEW[@]}"
}

is_made() { # NODE DEVICE LINE…
  local line
  for line in "${@:3}"; do [[ $line != "$1 ip link add name $2 "* ]] || return 0; done
  return 1
}

# To what it was, or another topology sets. A device that has come since has what `default` had then.
put_back() { # NODE KEY OURS FILE
  local key was now along text others=others
  ((${#NEW[@]} == 0)) || others=''
  text=$(<"$4")
  was=${text%%$'\n'*} was=${was#* = }
  now=$(get_parameter "$1" "$2") && [[ $was != "$3" && ( $now == "$3" || $now == "$was" ) ]] || return 0
  along=$(along_with "$1" "$2" "$others")
  if [[ $1$now == "host$3" ]] && relied_on "$2" "$3" "$(<"${4%:*}")" "$along"; then say "$2 stays $3: others rely on it by now" && return 0; fi
  [[ ! $along ]] || text=$(awk 'NR == FNR { was[$1] = $3; print; next } { key = $1; sub("[^/]*/forwarding$", "default/forwarding", key) }
    !($1 in was) && key in was { print $1, "=", was[key] }' "$4" - <<<"$along") || { left 'awk failed' && return 0; }
  while read -r key _ was; do
    now=$(get_parameter "$1" "$key") && [[ $now != "$was" ]] || continue
    put_parameter "$1" "$key" "$was" || left "$1: $key cannot be set to $was"
  done <<<"$text"
}

# By an administrator's file, too; or by another program's chains, as those of Docker and libvirt, which find forwarding on
# and leave it at that.
relied_on() { # KEY VALUE RECORD ALONG
  local line
  ! asked_for "$1" "$2" || return 0
  while IFS= read -r line; do
    [[ $line == 'chain = '[!*]* && $'\n'$3$'\n' != *$'\n'@("$line"|'chain = *')$'\n'* ]] || continue
    return 0
  done <<<"$4"
  return 1
}

# ---- after a reboot --------------------------------------------------------------------------------------------------

install() {
  boot_files
  say "installed; it is built at every boot, and now by: systemctl start nsgen-$NAME.service"
}

uninstall() {
  local others
  down
  boot_files
  others=(/etc/sysctl.d/99-nsgen-*.conf)
  ((${#others[@]})) || rm -f /run/nsgen.boot # what those files switched on at boot
}

boot_files() {
  local self unit=nsgen-$NAME.service folder=/etc/systemd/system
  self=$(print_self)
  boot_file "/usr/local/sbin/nsgen-$NAME" 755 "$self"
  boot_file "/etc/sysctl.d/99-nsgen-$NAME.conf" 644 "${TEXT["host sysctl"]:-}" \
    "# Kernel parameters of the nsgen topology $NAME, for every boot, sysctl.d(5); $unit sets them too."
  boot_file "/etc/modules-load.d/nsgen-$NAME.conf" 644 "${TEXT["host module"]:-}" \
    "# Kernel modules of the nsgen topology $NAME, for every boot, modules-load.d(5)."
  boot_file "$folder/$unit" 644 "# Builds the nsgen topology $NAME at boot, by setup.sh, which is to be /usr/local/sbin/nsgen-$NAME, with mode 755.
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
  if [[ $ACTION == install ]]; then # as `systemctl enable` does it, and where systemd is not running, too
    mkdir -p "$folder/multi-user.target.wants"
    ln -sfn "$folder/$unit" "$folder/multi-user.target.wants/$unit"
  else
    rm -f "$folder/multi-user.target.wants/$unit"
  fi
  [[ -d /run/systemd/system ]] || return 0
  run systemctl daemon-reload
  [[ $ACTION == install ]] || ! systemctl is-active --quiet "$unit" || run systemctl stop "$unit" # its ExecStop is gone
}

# Whole or not at all. Where there is nothing to say in it, and after `uninstall`, there is none.
boot_file() { # FILE MODE TEXT [HEAD]
  if [[ $3 && $ACTION == install ]]; then
    printf '%s\n' "${@:4}" "${3%$'\n'}" | command install -D -m "$2" /dev/stdin "$1.nsgen-new"
    mv "$1.nsgen-new" "$1"
  else
    rm -f "$1" "$1.nsgen-new"
  fi
}

main "$@"
}
