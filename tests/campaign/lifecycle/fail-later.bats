#!/usr/bin/env bats
# Every external command of `down` fails once. (The other file where a topology is up already is fail-changing.bats.)

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

@test "article: each command of down fails once, and the next down removes all" {
  fail_at_commands_of_down examples/article.yaml
}

@test "dual-stack: each command of down fails once, and the next down removes all" {
  fail_at_commands_of_down examples/dual-stack.yaml
}
