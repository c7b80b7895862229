#!/usr/bin/env bats
# Every single external command of the script fails once, at every place where it is called.

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

for topology in article two-networks dual-stack; do
  bats_test_function --description "$topology: each command of up fails once, and the machine is as before" \
    -- fail_at_commands "examples/$topology.yaml"
done
