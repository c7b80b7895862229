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
