# ---- services --------------------------------------------------------------------------------------------------------

service() { # NODE NAME COMMAND…
  local base=$STATE/$1.$2
  if [[ $WALK == read ]]; then
    LINES+=("$1 service $2 ${*@Q}")
    return
  fi
  each look
  ! is_running "$base" "$1" || [[ ! ${KEPT["$1 service $2 ${*@Q}"]:-} ]] || return 0
  stop "$base"
  launch "$base" "$1" "${@:3}" &
  STARTED+=("$base")
}

# It writes its own number, and when it started, before it becomes the program: so none is ever lost.
launch() { # BASE NODE COMMAND…
  local base=$1 node=$2 pid=$BASHPID
  shift 2
  trap - EXIT INT TERM HUP
  exec {LOCK}<&- >"$base.log" 2>&1 </dev/null
  [[ $node == host ]] || set -- ip netns exec "$node" "$@"
  printf '%s %s\n' "$pid" "$(age_of "$pid")" >"$base.pid"
  exec setsid "$@"
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
  [[ -s $1.pid ]] && read -r pid started <"$1.pid" && [[ $(age_of "$pid") == "$started" ]] &&
    [[ ${2:-host} == host || /proc/$pid/ns/net -ef /run/netns/$2 ]]
}

# A program that cannot start ends at once.
finish_services() {
  local base tries
  ((${#STARTED[@]} == 0)) || sleep 0.2
  for base in "${STARTED[@]}"; do
    for ((tries = 0; tries < 50; tries++)); do
      [[ ! -s $base.pid ]] || break # it has yet to write its number
      sleep 0.1
    done
    base=${base##*/}
    is_running "$STATE/$base" "${base%%.*}" || die "the service $base ended at once: $(tail -n 1 "$STATE/$base.log")"
  done
}

check_services() {
  local line node name
  for line in "${LINES[@]}"; do
    read -r node _ name _ <<<"$line"
    [[ $line != "$node service "* ]] || is_running "$STATE/$node.$name" "$node" || printf '%s: missing: service %s does not run\n' "$node" "$name"
  done
}

undo_service() { # NODE NAME …
  [[ " ${!NEW[*]} " != *" $1 service ${2%% *} "* ]] || return 0 # the other command takes its place
  stop "$STATE/$1.${2%% *}"
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
