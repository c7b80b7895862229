# ---- the topology's own commands ----

undo_by() { add_command "$1" once "$2.undo" "${@:3}"; } # NODE NUMBER COMMAND…: what undoes the next one
run_once() { add_command "$1" once "${@:2}"; } # NODE NUMBER COMMAND…: once, and again in a namespace that is new

# With a namespace that is gone goes what was done there.
prepare_commands() {
  local node
  for node in "${NODES[@]}"; do [[ -e /run/netns/$node ]] || act rm -f "$STATE/once.$node".[0-9]*; done
}

# The record of a command is empty while it runs: one that was killed meanwhile is undone.
make_once() { # NODE NUMBER COMMAND, in quotes
  local record=$STATE/once.$1.${2%% *}
  each look
  if [[ $record == *.undo ]]; then printf '%s\n' "${2#* }" >"$record" && return; fi
  if [[ -s $record ]]; then return; fi
  [[ ! -e $record ]] || undo_once "$1" "${2%% *}"
  : >"$record"
  run_in "$1" "${2#* }" || { rm -f "$record" && die "$1: ${2#* } failed"; }
  printf 'done\n' >"$record"
}

# A program, whatever function or built-in command has the same name.
run_in() ( # NODE COMMAND, in quotes
  [[ ! $LOCK ]] || exec {LOCK}<&- # it may start something that goes on
  if [[ $1 == host ]]; then run bash -c "exec -- $2"; else run ip netns exec "$1" bash -c "exec -- $2"; fi
)

# What the commands have put into namespaces is told by nobody.
finish_commands() {
  [[ -e $STATE/seen ]] || return 0 # there are no devices
  list >"$TMP/now"
  without "$STATE/seen" "$TMP"/besides* "$TMP/now" >"$TMP/known"
  mv "$TMP/known" "$STATE/known"
}

check_once() { [[ -s $STATE/once.$1.${2%% *} ]] || printf '%s: missing: not run: %s\n' "$1" "${2#* }"; }

# What has begun; but with a namespace that is gone goes what was done there.
undo_once() { # NODE NUMBER COMMAND
  local record=$STATE/once.$1.${2%% *}
  if [[ -e $record && -e $record.undo && ( $1 == host || -e /run/netns/$1 && ( ! ${JOINED[$1]:-} || ${JOINED[$1]} -ef /run/netns/$1 ) ) ]]; then
    run_in "$1" "$(<"$record.undo")" || say "$1: $(<"$record.undo") failed"
  fi
  [[ " ${!NEW[*]} " == *' once '* ]] || rm -f "$STATE/known"
  remove "$record"
}
