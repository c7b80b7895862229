#!/usr/bin/env bats
# `try` is killed at every command, and so is its watcher: what was there before is there again, whether that was nothing or
# another topology.

bats_require_minimum_version 1.5.0
load ../../lab/lab
load campaign

setup() {
  lab_start redirects=0 rp_filter=1
  wrap_programs
  harden
}

teardown() {
  lab_stop
}

@test "article: SIGKILL before every command of try, where nothing was" {
  kill_on_trial "$(render_to setup examples/article.yaml)"
}

@test "change: SIGKILL before every other command of try, the odd ones or the even ones, where another topology was" {
  local old new half=$((RANDOM % 2))
  printf '# half %d\n' "$half" >&3
  old=$(render_to old tests/campaign/lifecycle/old.yaml)
  new=$(render_to new tests/campaign/lifecycle/new.yaml)
  run_script "$old" up
  kill_on_trial "$new" 2 "$half"
}
