# ---- the topology's own commands -------------------------------------------------------------------------------------

run_once() { take_command "$1" once "${@:2}"; } # NODE NUMBER COMMAND…: once, and again in a namespace that is new
undo_by() { take_command "$1" undoing "${@:2}"; } # NODE NUMBER COMMAND…

# Its record is empty while it runs: if this run is killed meanwhile, it is undone.
make_once() { # NODE LINES
  local number command record
  local -a lines # not read one by one: a command may read what this script reads
  mapfile -t lines <<<"${2%$'\n'}"
  each look
  for command in "${lines[@]}"; do
    number=${command%% *} command=${command#* }
    record=$STATE/once.$1.$number
    if [[ -s $record && ! ${FRESH[$1]:-} ]]; then continue; fi
    : >"$record"
    run_in "$1" "$command" || { rm -f "$record" && die "$1: $command failed"; }
    printf 'done\n' >"$record"
  done
}

make_undoing() { :; }

# A program, whatever function or built-in command has the same name.
run_in() { # NODE COMMAND, in quotes
  local -a node=()
  [[ $1 == host ]] || node=(ip netns exec "$1")
  run "${node[@]}" bash -c "exec -- $2" {LOCK}<&-
}

# What the commands have put into namespaces is told by nobody.
finish_commands() {
  [[ -e $STATE/seen ]] || return 0 # there are no devices
  list >"$TMP/now"
  differ "$STATE/seen" "$TMP/now" | sed -n 's/: besides: /: /p' >"$TMP/known"
  [[ ! -e $STATE/known ]] || cat "$STATE/known" >>"$TMP/known"
  mv "$TMP/known" "$STATE/known"
}

check_once() { [[ -s $STATE/once.$1.${2%% *} ]] || printf '%s: missing: not run: %s\n' "$1" "${2#* }"; }

# With a namespace that is gone goes what was done there.
undo_undoing() { # NODE NUMBER COMMAND
  local line once=''
  for line in "${OLD[@]}"; do [[ $line != "$1 once ${2%% *} "* ]] || once=$line; done
  [[ ! ${NEW[$once]:-} && -e $STATE/once.$1.${2%% *} ]] || return 0
  [[ $1 != host && ! -e /run/netns/$1 ]] || run_in "$1" "${2#* }" || say "$1: ${2#* } failed"
}

undo_once() { rm -f "$STATE/once.$1.${2%% *}" || left "$STATE/once.$1.${2%% *} cannot be removed"; }
