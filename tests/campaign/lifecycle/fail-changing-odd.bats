#!/usr/bin/env bats
# Every other external command of an `up` that changes what runs fails. (The others are in fail-changing-even.bats, so that
# the two run side by side.)

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

@test "every other command of an up that changes what runs fails once: what was before is there, and what both have went on" {
  fail_over_a_running_topology 2 1
}
