#!/usr/bin/env bats
# The script is killed before every command: `up` then finishes what was begun, and `down` removes it.
#
# SIGKILL comes before every command of `up` of the article; before every third of the other topologies. SIGTERM, SIGINT
# and SIGHUP come before every third command each, beginning at the first, the second and the third, so that each command
# has one of them. Every other time all processes of the script get the signal, else the script alone.

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

@test "article: SIGKILL before every command of up" {
  kill_at_commands up KILL examples/article.yaml
}

@test "two-networks: SIGKILL before every third command of up" {
  kill_at_commands up KILL examples/two-networks.yaml 3 1
}

@test "dual-stack: SIGKILL before every third command of up" {
  kill_at_commands up KILL examples/dual-stack.yaml 3 2
}
