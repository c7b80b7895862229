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
