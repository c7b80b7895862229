#!/usr/bin/env bats
# Every single external command of the script fails once, at every place where it is called. On a host whose
# administrator has set by hand what the kernel changes along with forwarding.

bats_require_minimum_version 1.5.0
load ../lab/lab
load campaign

setup() {
  lab_start redirects=0 rp_filter=1
  wrap_programs
  harden
}

teardown() {
  lab_stop
}

# The machine was clean: it is as before, byte for byte. Or the script did without what failed: then it is built.
fail_at_every_command() { # TOPOLOGY
  local script before complete at every status output failures=0
  script=$(render_to setup "$1")
  before=$(state)
  run_at fail '' "$script" up
  mapfile -t every < <(calls)
  settle
  complete=$(state)
  run_script "$script" down
  expect_state "$before"
  printf '# %d commands\n' "${#every[@]}" >&3
  for at in "${every[@]}"; do
    status=0
    output=$(run_at fail "$at" "$script" up 2>&1) || status=$?
    if ((status == 0)); then
      expect_state "$complete" || complain "built, but not whole: $at"
      run_script "$script" down || complain "down fails: $at"
    elif [[ $output != *"nsgen: "* ]]; then
      complain "it does not say what failed: $at: $output"
    fi
    expect_state "$before" || { complain "not as before: $at"; run_script "$script" down || true; }
  done
  ((failures == 0))
}

# It was up: the run that fails tears nothing down, and the next one has what it needs to finish.
fail_over_a_running_topology() {
  local old new before fresh complete at every status output failures=0
  old=$(render_to old "$BATS_TEST_DIRNAME/old.yaml")
  new=$(render_to new "$BATS_TEST_DIRNAME/new.yaml")
  before=$(state)
  run_script "$new" up
  fresh=$(state)
  run_script "$new" down
  run_script "$old" up
  complete=$(state)
  run_at fail '' "$new" up
  mapfile -t every < <(calls)
  expect_state "$fresh"
  run_script "$old" up
  expect_state "$complete"
  talk outside 172.16.1.4 9000 red 7000
  talk blue 10.77.0.2 7001 red 7001
  printf '# %d commands\n' "${#every[@]}" >&3
  for at in "${every[@]}"; do
    status=0
    output=$(run_at fail "$at" "$new" up 2>&1) || status=$?
    ((status == 0)) || [[ $output == *"nsgen: "* ]] || complain "it does not say what failed: $at"
    expect_talk || complain "torn down: $at: $output"
    run_script "$new" up || complain "the next up fails: $at"
    expect_state "$fresh" || complain "not as a fresh build: $at"
    run_script "$old" up || complain "up of the old one fails: $at"
    expect_state "$complete" || complain "not as it was: $at"
  done
  talk_stop
  run_script "$old" down
  expect_state "$before"
  ((failures == 0))
}

# What fails in `down` is told, and the next `down` removes it.
fail_at_every_command_of_down() { # TOPOLOGY
  local script before complete at every status failures=0
  script=$(render_to setup "$1")
  before=$(state)
  run_script "$script" up
  complete=$(state)
  run_at fail '' "$script" down
  mapfile -t every < <(calls)
  expect_state "$before"
  printf '# %d commands\n' "${#every[@]}" >&3
  for at in "${every[@]}"; do
    run_script "$script" up
    expect_state "$complete" || complain "up is not whole after: $at"
    status=0
    run_at fail "$at" "$script" down 2>/dev/null || status=$?
    ((status)) || expect_state "$before" || complain "exit status 0, and something is left: $at"
    run_script "$script" down || complain "the next down fails: $at"
    expect_state "$before" || complain "the next down leaves something: $at"
  done
  ((failures == 0))
}

complain() {
  printf 'FAILED: %s\n' "$*" >&2
  ((++failures))
}

for topology in article two-networks dual-stack; do
  bats_test_function --description "$topology: a command of up fails, each one once: the machine is as before" \
    -- fail_at_every_command "examples/$topology.yaml"
done
for topology in article dual-stack; do
  bats_test_function --description "$topology: a command of down fails, each one once: the next down removes all" \
    -- fail_at_every_command_of_down "examples/$topology.yaml"
done
bats_test_function --description "a command of an up over a running topology fails, each one once: what worked goes on" \
  -- fail_over_a_running_topology
