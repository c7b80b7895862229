# ---- on trial ----
# As long as there is a folder /run/nsgen/NAME.try, it is on trial. Who takes that away confirms; who calls it NAME.back goes
# back: who tries or, should that be killed or hang, a watcher in a session of its own.

start_watch() {
  rm -rf "$STATE".{try,back,kept}
  mkdir "$TMP/trial"
  know_self
  printf '%s\n' "$SELF" >"$TMP/trial/script"
  [[ ! $WAS_UP ]] || cp "$STATE/script" "$TMP/trial/old"
  (exec {LOCK}<&- && exec setsid bash -c ". $TMP/trial/script && watch $PATIENCE") 8<"/proc/$$" </dev/null &>/dev/null &
  WATCHER=$!
  until [[ -d $STATE.try ]]; do { kill -0 "$WATCHER" && sleep 0.05; } 2>/dev/null || die 'nothing was changed: nobody would watch'; done
}

# In 8 there is something as long as who tries lives: for up to ten minutes more than it waits for a key.
watch() { # SECONDS
  begin
  exec 9<"$TMP/trial" && flock 9 # see `lock`
  mv -T "$TMP/trial" "$STATE.try"
  while [[ -e /proc/self/fd/8/exe ]] && ((SECONDS < $1 + 600)); do
    [[ -d $STATE.try || -d $STATE.back ]] || exit 0
    sleep 0.2
  done
  [[ ! -e /proc/self/fd/8/exe ]] || kill -KILL "$PPID" # it hangs
  end_trial
}

await() { # a key, or `confirm`
  local end=$((SECONDS + PATIENCE))
  trap - HUP EXIT && trap 'end=0' INT TERM
  unlock
  say "on trial for $PATIENCE s: to keep it, press a key here, or run this script with: confirm"
  { exec </dev/tty; } 2>/dev/null || exec <> <(:) # where there is never anything to read
  read -rsn 1000 -t 0.1 || true # what was typed before
  while ((SECONDS < end)) && [[ -d $STATE.try ]] && kill -0 "$WATCHER" 2>/dev/null; do
    if read -rsn 1 -t 0.2; then (confirm) &>/dev/null || true
    elif (($? < 128)); then exit 1; fi # the terminal is gone
  done
  end_trial
}

# By the script of what was up; or, where nothing was, by this one.
end_trial() {
  local script=script action=down _
  mv -T "$STATE.try" "$STATE.back" 2>/dev/null || [[ -d $STATE.back ]] || { say 'confirmed' && exit 0; }
  [[ ! -e $STATE.back/old ]] || script=old action=up
  trap : INT TERM HUP
  for _ in 1 2 3; do
    NSGEN_BACK=yes bash -c '. "$0" && main "$1"' "$STATE.back/$script" "$action" 8<&- 9<&- && rm -rf "$STATE.back" && break
  done
  [[ ! -d $STATE.back ]] || die 'not confirmed, and it cannot go back'
  rmdir --ignore-fail-on-non-empty /run/nsgen 2>/dev/null || true
  die 'not confirmed: what was there before is there again'
}

confirm() {
  mv -T "$STATE.try" "$STATE.kept" 2>/dev/null || die 'there is nothing to confirm'
  rm -rf "$STATE.kept"
  say 'confirmed'
}
