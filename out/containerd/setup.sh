#!/usr/bin/env bash
{ trap 'exit 2' EXIT; } # a copy of this that is not whole fails: bash may take a cut inside of [[ for a success
{ trap - EXIT # up to the last line: and it runs nothing
# containerd: kernel settings of this host.
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

NAME='containerd'
WHAT='kernel settings of this host'
PARTS='modules parameters status try install'
PROGRAMS='ip:iproute2 flock:util-linux'
PORTS=''
TRIAL=''
MODULES=''

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
net.ipv4.ip_forward = 1
net.bridge.bridge-nf-call-iptables = 1
net.bridge.bridge-nf-call-ip6tables = 1
PARAMETERS
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
