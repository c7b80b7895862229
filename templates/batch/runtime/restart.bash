# ---- services that are started again ----

restarted() { add_command "$1" service "$2 $3" "${@:4}"; } # NODE NAME always|on-failure COMMAND…

# FILE.main has the number of its process, and is empty in between: a second, and twice as long each time, up to a minute,
# unless it has run for that long.
again() { # FILE always|on-failure COMMAND…
  local pause=1 began status
  export -nf again # and not for its command
  exec 2>/dev/null # bash would tell that it was killed, too
  trap 'exit 143' TERM # when its process has ended
  while :; do
    began=$SECONDS status=0
    (printf '%s\n' "$BASHPID" >"$1.main" && exec -- "${@:3}" 2>&1) || status=$?
    : >"$1.main" || exit 1 # who removed it has no more use for this
    [[ $2 == always || $status != 0 ]] || exit 0
    ((SECONDS - began < 60)) || pause=1
    printf 'nsgen: %s ended with status %s, and is started again in %s s\n' "${1##*/}" "$status" "$pause"
    sleep "$pause"
    pause=$((pause < 30 ? 2 * pause : 60))
  done
}
