# ---- services ----

service() { add_command "$1" service "${@:2}"; } # NODE NAME COMMAND…

make_service() { # NODE NAME COMMAND, in quotes
  local name=${2%% *}
  each look
  if is_running "$1.$name" "$1"; then return; fi # `undo` has stopped what another command had started
  undo_service "$1" "$name"
  read -r < <(launch "$1" "$name" "${2#* }") || true # until it has written its record
}

# It writes down what it is before it becomes the program, and before another run can begin: so none is ever lost.
launch() { # NODE NAME COMMAND, in quotes
  local -a node=() stat
  local run="exec -- $3"
  trap - EXIT INT TERM HUP
  [[ $1 == host ]] || node=(ip netns exec "$1")
  [[ $3 == \'* ]] || { export -f again && run="again $STATE/$1.$2 $3"; }
  read -rd '' stat </proc/self/stat || true # to its end: a program's name may hold blanks, and more
  read -ra stat <<<"${stat##*) }"
  printf '%s %s\n' "$BASHPID" "${stat[19]}" >"$STATE/$1.$2.pid"
  exec {LOCK}<&- >"$STATE/$1.$2.log" 2>&1 </dev/null
  exec "${node[@]}" setsid bash -c "$run"
}

# Of its number, started in the same tick since boot (proc(5), field 22), there is one. In its namespace, not in a former;
# and, of one that is started again, not in between: see `again`.
is_running() { # NODE.NAME [NODE]
  local pid started text=''
  { read -r pid started <"$STATE/$1.pid" && { read -rd '' text <"/proc/$pid/stat" || [[ $text ]]; }; } 2>/dev/null || return 1
  [[ $started && ${text##*) } =~ ^[^Z]' '([^' ']+' '){18}"$started " ]] &&
    [[ ! ${2:-} || ! -e $STATE/$1.main || -s $STATE/$1.main ]] &&
    [[ ${2:-host} == host || /proc/$pid/ns/net -ef /run/netns/$2 ]]
}

# A program that cannot start ends at once.
finish_services() { sleep 0.2 && every finish; }
finish_service() { is_running "$1.${2%% *}" "$1" || die "the service $1.${2%% *} ended at once: $(tail -n 1 "$STATE/$1.${2%% *}.log")"; }

check_service() { is_running "$1.${2%% *}" "$1" || printf '%s: missing: service %s does not run\n' "$1" "${2%% *}"; }

undo_service() { # NODE NAME …
  local service=$1.${2%% *} pid='' tries=0
  { read -r pid _ <"$STATE/$service.pid"; } 2>/dev/null || true
  # Of one that was killed others may be left: as long as there are any, its number is given to nobody.
  if is_running "$service" || [[ $pid && ! -e /proc/$pid ]]; then
    kill -TERM -- "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null || true
    while ((tries++ < 50)) && { is_running "$service" || kill -0 -- "-$pid" 2>/dev/null; } && sleep 0.1; do :; done
    kill -KILL -- "-$pid" 2>/dev/null || true
  fi
  remove "$STATE/$service".{pid,main,log}
}

services() { printf '%s\n' "${LINES[@]}" | awk '$2 == "service" { print $1, $3 }'; } # NODE NAME

status_services() {
  local node name file pid said
  while read -r node name; do
    said='does not run' file=$STATE/$node.$name.main
    [[ -s $file ]] || file=$STATE/$node.$name.pid
    if is_running "$node.$name" "$node"; then
      read -r pid _ <"$file"
      said="process $pid, since $(since "$file")"
      if [[ $'\n'$DRIFT =~ $'\n'"$node: missing: service $name is "(not ready: [^$'\n']*) ]]; then said+=", ${BASH_REMATCH[1]}"
      elif [[ " ${LINES[*]}" == *" $node ready $name "* ]]; then said+=', ready'; fi
    fi
    printf 'service %s.%s: %s\n' "$node" "$name" "$said"
  done < <(services)
}

# What they wrote; with -f, until it is interrupted, what they write.
logs() { # [-f] [NODE[.SERVICE]]
  local node name of follow files=()
  [[ $* =~ ^(-f)?' '?([^ -][^ ]*)?' '?(-f)?$ ]] || { usage >&2 && exit 2; }
  of=${BASH_REMATCH[2]} follow=${BASH_REMATCH[1]}${BASH_REMATCH[3]}
  while read -r node name; do [[ ${of:-$node} != "$node"?(".$name") ]] || files+=("$node.$name.log"); done < <(services)
  ((${#files[@]})) || die "there is no service $of"
  cd "$STATE" 2>/dev/null || die 'it is not up'
  exec tail -n +1 ${follow:+-F} -- "${files[@]}"
}
