# ---- services --------------------------------------------------------------------------------------------------------

begin_services() { STARTED=(); }

service() { take_command "$1" service "${@:2}"; } # NODE NAME COMMAND…

make_service() { # NODE LINES
  local name command base
  each look
  while read -r name command; do
    base=$STATE/$1.$name
    if is_running "$base" "$1" && [[ ${KEPT["$1 service $name $command"]:-} ]]; then continue; fi
    stop "$base"
    launch "$base" "$1" "$command" &
    STARTED+=("$1 $name")
  done < <(printf '%s' "$2")
}

# It writes its own number, and when it started, before it becomes the program: so none is ever lost.
launch() { # BASE NODE COMMAND, in quotes
  local pid=$BASHPID
  local -a node=()
  trap - EXIT INT TERM HUP
  exec {LOCK}<&- >"$1.log" 2>&1 </dev/null
  [[ $2 == host ]] || node=(ip netns exec "$2")
  printf '%s %s\n' "$pid" "$(age_of "$pid")" >"$1.pid"
  exec "${node[@]}" setsid bash -c "exec -- $3"
}

# In clock ticks since boot: no other process with its number has that too (proc(5), field 22).
age_of() {
  local stat
  local -a fields
  { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
  read -ra fields <<<"${stat##*) }"
  printf '%s' "${fields[19]}"
}

# In its namespace, and not in one of the same name that is gone.
is_running() { # BASE [NODE]
  local pid started
  [[ -s $1.pid ]] && read -r pid started <"$1.pid" && [[ $started && $(age_of "$pid") == "$started" ]] &&
    [[ ${2:-host} == host || /proc/$pid/ns/net -ef /run/netns/$2 ]]
}

# A program that cannot start ends at once.
finish_services() {
  local node name tries
  ((${#STARTED[@]} == 0)) || sleep 0.2
  for name in "${STARTED[@]}"; do
    node=${name% *} name=${name/ /.}
    for ((tries = 0; tries < 50; tries++)); do
      if [[ -s $STATE/$name.pid ]]; then break; fi
      sleep 0.1
    done
    is_running "$STATE/$name" "$node" || die "the service $name ended at once: $(tail -n 1 "$STATE/$name.log")"
  done
}

check_service() { # NODE NAME …
  is_running "$STATE/$1.${2%% *}" "$1" || printf '%s: missing: service %s does not run\n' "$1" "${2%% *}"
}

undo_service() { # NODE NAME …
  [[ " ${!NEW[*]} " == *" $1 service ${2%% *} "* ]] || stop "$STATE/$1.${2%% *}" # or another command takes its place
}

stop() { # BASE
  local pid tries
  if is_running "$1"; then
    read -r pid _ <"$1.pid"
    kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null || true
    for ((tries = 0; tries < 50; tries++)); do
      if ! is_running "$1" || ! sleep 0.1; then break; fi
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
  fi
  rm -f "$1.pid" "$1.log" || left "$1.pid cannot be removed"
}
