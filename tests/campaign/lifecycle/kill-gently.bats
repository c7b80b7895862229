#!/usr/bin/env bats
# As kill-everywhere.bats: signals that the script can catch, and signals to `down`.

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

@test "article: SIGTERM before the first, fourth, seventh, ... command of up" {
  kill_at_commands up TERM examples/article.yaml 3 0
}

@test "article: SIGINT before the second, fifth, eighth, ... command of up" {
  kill_at_commands up INT examples/article.yaml 3 1
}

@test "article: SIGHUP before the third, sixth, ninth, ... command of up" {
  kill_at_commands up HUP examples/article.yaml 3 2
}

@test "article: SIGKILL before every other command of down" {
  kill_at_commands down KILL examples/article.yaml 2 0
}

@test "article: SIGTERM before every third command of down" {
  kill_at_commands down TERM examples/article.yaml 3 1
}

@test "dual-stack: SIGKILL before every fourth command of down" {
  kill_at_commands down KILL examples/dual-stack.yaml 4 3
}
