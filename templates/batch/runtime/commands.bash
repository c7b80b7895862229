# ---- the topology's own commands -------------------------------------------------------------------------------------

# run_once NODE NUMBER COMMAND…: once, and again in a namespace that is new. Its record is empty while it runs: if this run
# is killed meanwhile, it is undone.
run_once() {
  local record=$STATE/once.$1.$2 command=${*@Q}
  if [[ $WALK == read ]]; then
    LINES+=("$1 once $2")
    return
  fi
  each look
  if [[ ! -e $record || $(<"$record") != "$command" || ${FRESH[$1]:-} ]]; then
    [[ ${FRESH[$1]:-} ]] || undo_once "$1" "$2" # what was done in a namespace that is gone needs no undoing
    keep_undo "$1" "$2"
    : >"$record"
    run_in "$1" "${@:3}" || { rm -f "$record" "$record.undo" && die "$1: ${*:3} failed"; }
    printf '%s\n' "$command" >"$record"
  fi
  keep_undo "$1" "$2"
}

undo_by() { [[ $WALK != read ]] || UNDO+=("$1.$2" "$#" "$1" "${@:3}"); } # NODE NUMBER COMMAND…

# Written down for when the script no longer has it.
keep_undo() { # NODE NUMBER
  local index
  rm -f "$STATE/once.$1.$2.undo"
  for ((index = 0; index < ${#UNDO[@]}; index += UNDO[index + 1] + 1)); do
    [[ ${UNDO[index]} != "$1.$2" ]] || printf '%s\0' "${UNDO[@]:index+2:UNDO[index+1]-1}" >"$STATE/once.$1.$2.undo"
  done
}

# A program, whatever function or built-in command has the same name.
run_in() { # NODE COMMAND…
  local node=$1
  shift
  [[ $node == host ]] || set -- ip netns exec "$node" "$@"
  [[ ! $VERBOSE ]] || printf '[#] %s\n' "$*" >&2
  (exec -- "$@" {LOCK}<&-)
}

# What the commands have put into namespaces is told by nobody.
finish_commands() {
  list >"$TMP/now" || die 'the kernel could not be asked'
  { differ "$STATE/seen" "$TMP/now" | sed -n 's/: besides: /: /p' && { cat "$STATE/known" 2>/dev/null || true; }; } >"$TMP/known"
  mv "$TMP/known" "$STATE/known"
}

check_commands() {
  local line node number
  for line in "${LINES[@]}"; do
    read -r node _ number <<<"$line"
    [[ $line != "$node once "* || -s $STATE/once.$node.$number ]] || printf '%s: missing: a command was not run, number %s\n' "$node" "$number"
  done
}

undo_once() { # NODE NUMBER
  local record=$STATE/once.$1.$2
  local -a command=()
  [[ ! -e $record || ! -e $record.undo ]] || mapfile -d '' command <"$record.undo"
  if ((${#command[@]})) && [[ $1 == host || -e /run/netns/$1 ]]; then run_in "${command[@]}" || say "${command[*]} failed"; fi
  rm -f "$record" "$record.undo" || left "$record cannot be removed"
}
