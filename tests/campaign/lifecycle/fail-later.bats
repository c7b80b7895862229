#!/usr/bin/env bats
# An external command fails where the topology is up already: in `down`, and in an `up` that changes it.

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

@test "dual-stack: every other command of down fails once, and the next down removes all" {
  fail_at_commands_of_down examples/dual-stack.yaml 2
}

@test "every fifth command of an up that changes what runs fails once, and what both have goes on" {
  fail_over_a_running_topology 5
}
