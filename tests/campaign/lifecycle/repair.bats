#!/usr/bin/env bats
# After each single thing that somebody removed by hand: `check` names it, `up` puts it back, and the state is that of a
# fresh build.

bats_require_minimum_version 1.5.0
load ../../lab/lab
load campaign

setup() {
  lab_start redirects=0 rp_filter=1
  harden
}

teardown() {
  lab_stop
}

@test "devices, addresses, routes" {
  repair_devices each
}

@test "parameters, services, files" {
  repair_parts each
}

@test "rules" {
  repair_rules each
}
