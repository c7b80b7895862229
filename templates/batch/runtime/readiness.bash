# ---- services that are waited for ----

ready() { local -a words=("${@:5}") && add "$1" ready "$2 $3 $4${5:+ ${words[*]@Q}}"; } # NODE NAME SECONDS PORT/PROTOCOL|-- COMMAND…

make_ready() { # NODE LINE
  local name seconds by until said wrote
  read -r name seconds by <<<"$2"
  until=$((SECONDS + seconds))
  while ! said=$(is_ready "$1" "$name" "$((until - SECONDS + 1))" "$by"); do
    sleep 0.1
    if ! is_running "$1.$name"; then said='it has ended' seconds=''; elif ((SECONDS <= until)); then continue; fi
    wrote=$(tail -n 1 "$STATE/$1.$name.log")
    die "the service $1.$name is not ready${seconds:+ after $seconds s}: $said${wrote:+; it wrote: $wrote}"
  done
}

# Or it says why not.
is_ready() { # NODE NAME SECONDS PORT/PROTOCOL|-- COMMAND, in quotes
  local pid file text='' hex state=0A # it listens, proc(5); of UDP 07: it has no peer
  { is_running "$1.$2" "$1" && read -r pid _ <"$STATE/$1.$2.pid"; } || { printf 'it does not run' && return 1; }
  if [[ $4 == '-- '* ]]; then
    # timeout(1) is a group of its own: neither an interrupt nor a hangup of the terminal reaches it.
    text=$(exec {LOCK}<&- </dev/null 2>&1 && trap 'kill "$!"' INT TERM HUP &&
      { timeout "$3" nsenter --target="$pid" --net --mount bash -c "exec $4" & } && wait "$!") && return 0
    printf '%s' "its command says no${text:+: ${text##*$'\n'}}" && return 1
  fi
  [[ $4 == */tcp ]] || state=07
  printf -v hex %04X "${4%/*}"
  for file in "/proc/$pid/net/${4#*/}"{,6}; do [[ ! -e $file ]] || text+=$(<"$file"); done
  [[ $text =~ :$hex' '[0-9A-F]+:0000' '$state' ' ]] || { printf 'nobody listens on %s' "$4" && return 1; }
}

check_ready() { # NODE LINE
  local name seconds by said
  read -r name seconds by <<<"$2"
  ! is_running "$1.$name" "$1" || said=$(is_ready "$1" "$name" "$seconds" "$by") ||
    printf '%s: missing: service %s is not ready: %s\n' "$1" "$name" "$said"
}
