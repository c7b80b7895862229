#!/usr/bin/env bats
# `setup.sh try`: what is not confirmed goes back to what was there before, whoever is killed and whatever hangs up; and
# nothing of it is there after a reboot.

bats_require_minimum_version 1.5.0
load lab/lab
load campaign/lifecycle/campaign

setup() {
  lab_start
  OLD=$(render_to old examples/steps/3-host.yaml)
  NEW=$(render_to new "$(variant examples/steps/3-host.yaml s/192.168.15.3/192.168.15.33/)")
}

teardown() {
  lab_stop
}

# In the background, until it is on trial; its number is in $TRIAL, as processes of the lab know it.
on_trial() { # SCRIPT
  rm -f "$LAB/trial"
  on host bash -s "$LAB/trial.pid" "$1" >"$LAB/trial" 2>&1 <<'START' &
    echo "$$" >"$1"
    exec bash "$2" try 30 </dev/null
START
  disown
  until grep -q 'on trial for' "$LAB/trial" 2>/dev/null; do sleep 0.1; done
  TRIAL=$(<"$LAB/trial.pid")
}

# It ends within 20 s, and says this.
ended() { # SAID
  local _
  for _ in {1..200}; do
    on host test -e "/proc/$TRIAL" || break
    sleep 0.1
  done
  grep -q "$1" "$LAB/trial" || fail "it says: $(<"$LAB/trial")
$(on host ls -l /run/nsgen; on host ps -eo pid,ppid,stat,wchan:20,args --forest)"
}

@test "not confirmed in time, it goes back: to nothing, and to what was up" {
  local before
  before=$(state)
  run -1 run_script "$NEW" try 1
  [[ $output == *"on trial for 1 s"*"not confirmed: what was there before is there again" ]]
  expect_state "$before"
  on host test ! -e /run/nsgen
  run_script "$OLD" up
  before=$(state)
  run -1 run_script "$NEW" try 1
  expect_state "$before"
  run_script "$OLD" check
}

@test "meanwhile it can be looked at, and not changed; confirmed from elsewhere, it stays; nothing is written for the next boot" {
  local how fresh files
  run_script "$NEW" up
  fresh=$(state)
  run_script "$NEW" down
  run -1 run_script "$NEW" confirm
  [[ $output == *"there is nothing to confirm" ]]
  run_script "$OLD" up
  files=$(on host find /etc /usr/local -xdev -printf '%p %s %T@\n')
  on_trial "$NEW"
  [[ $(on host find /etc /usr/local -xdev -printf '%p %s %T@\n') == "$files" ]]
  run_script "$NEW" check
  run_script "$NEW" plan
  for how in up down "try 5" install uninstall; do
    # shellcheck disable=SC2086
    run -1 run_script "$OLD" $how
    [[ $output == *"it is on trial: confirm it first, or wait for the end of that" ]]
  done
  run -0 run_script "$OLD" confirm
  ended confirmed
  expect_state "$fresh"
  run -1 run_script "$NEW" confirm
  run -0 run_script "$NEW" try 30
  [[ $output == *"nothing to do" ]]
}

@test "a key confirms; a terminal that hangs up does not" {
  local before
  before=$(state)
  lab_tool terminal hangup bash "$NEW" try 60
  expect_state "$before"
  run -0 lab_tool terminal key bash "$NEW" try 60
  [[ $output == *confirmed* ]]
  run_script "$NEW" check
}

# What is killed, in which way | what who tries says of it; nothing, if that was killed
@test "who tries is killed, interrupted or hung up on, or the watcher is: it goes back" {
  local before signal
  run_script "$OLD" up
  before=$(state)
  for signal in KILL HUP; do
    on_trial "$NEW"
    on host kill "-$signal" "$TRIAL"
    gone_back
    expect_state "$before"
  done
  for signal in INT TERM; do
    on_trial "$NEW"
    on host kill "-$signal" "$TRIAL"
    ended "not confirmed: what was there before is there again"
    expect_state "$before"
  done
  for signal in KILL TERM HUP; do
    on_trial "$NEW"
    on host pkill "-$signal" -P "$TRIAL" -f 'script && watch'
    ended "not confirmed: what was there before is there again"
    expect_state "$before"
  done
}

@test "what fails goes back; killed at some command of it, or of going back, it is as before" {
  local before
  wrap_programs
  before=$(state)
  run_at fail '' "$NEW" try 1 >/dev/null 2>&1 || true
  run -1 run_at fail "2 ip -force -batch -" "$NEW" try 30
  [[ $output == *"it failed; going back to what was there before"*"not confirmed: what was there before is there again" ]]
  expect_state "$before"
  kill_on_trial "$NEW" 11 5
}
