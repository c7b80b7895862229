# ---- on trial ----
# Beside `try` runs a watcher in a session of its own, with a folder, /run/nsgen/NAME.try. Who takes that away confirms; it
# is called NAME.back by whoever goes back: the watcher, or who tries, should that be killed.

start_watch() {
  rm -rf "$STATE".{try,back,kept}
  print_functions >"$TMP/copy/script"
  [[ ! $WAS_UP ]] || cp "$STATE/script" "$TMP/copy/old"
  (exec {LOCK}<&- && exec setsid bash -c ". $TMP/copy/script && watch $PATIENCE") 8<"/proc/$$" </dev/null &>/dev/null &
  WATCHER=$!
  until [[ -d $STATE.try ]]; do { kill -0 "$WATCHER" && sleep 0.05; } 2>/dev/null || die 'nothing was changed: nobody would watch'; done
}

# The time begins when `up` has ended, for which it has ten minutes. In 8 there is something as long as who tries lives.
watch() { # SECONDS
  local left=$((5 * $1 + 3000))
  begin && trap left=0 INT TERM HUP
  exec 9<"$TMP/copy" && flock 9 # see `lock`
  mv -T "$TMP/copy" "$STATE.try"
  while ((left-- > 0)) && [[ -d $STATE.try && -e /proc/self/fd/8/exe ]]; do
    [[ ! -e $STATE.try/ended || $left -le 5*$1 ]] || left=$((5 * $1))
    sleep 0.2
  done
  end_trial && exit 1
}

# By the script of what was up; or, where nothing was, by this one.
end_trial() {
  local script=script action=down _
  mv -T "$STATE.try" "$STATE.back" 2>/dev/null || [[ -d $STATE.back ]] || exit 0 # it was confirmed
  [[ -e $STATE.back/ended || ! -e /proc/self/fd/8/exe ]] || kill -KILL "$PPID" # its `up` hangs
  [[ ! -e $STATE.back/old ]] || script=old action=up
  trap : INT TERM HUP
  for _ in 1 2 3; do
    NSGEN_BACK=yes bash -c '. "$0" && main "$1"' "$STATE.back/$script" "$action" 8<&- 9<&- && rm -rf "$STATE.back" && break
  done
  [[ ! -d $STATE.back ]] || die 'not confirmed, and it cannot go back'
  rmdir --ignore-fail-on-non-empty /run/nsgen 2>/dev/null || true
}

await() { # a key, `confirm`, or the watcher's end
  trap - EXIT HUP && trap 'kill "$WATCHER" 2>/dev/null' INT TERM
  : >"$STATE.try/ended"
  unlock
  [[ $UNDER_WAY ]] || say "on trial for $PATIENCE s: to keep it, press a key here, or run this script with: confirm"
  [[ ! $UNDER_WAY ]] || kill "$WATCHER" 2>/dev/null || true
  exec {LOCK}<&-
  { [[ ! $UNDER_WAY ]] && exec </dev/tty; } 2>/dev/null || exec <> <(:) # where there is never anything to read
  read -rsn 1000 -t 0.1 || true # what was typed before
  while kill -0 "$WATCHER" 2>/dev/null; do
    if read -rsn 1 -t 0.2; then (confirm) 2>/dev/null || true
    elif (($? < 128)); then { kill "$WATCHER"; sleep 0.2; } 2>/dev/null || true; fi # the terminal is gone
  done
  wait "$WATCHER" && say 'confirmed' && exit 0
  [[ ! -d $STATE.try && ! -d $STATE.back ]] || end_trial
  die 'not confirmed: what was there before is there again'
}

confirm() {
  mv -T "$STATE.try" "$STATE.kept" 2>/dev/null || die 'there is nothing to confirm'
  rm -rf "$STATE.kept"
  say 'confirmed'
}
