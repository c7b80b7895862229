#!/usr/bin/env bats
# Every external command of what is done later than the first `up` fails once: of `check`, of an `up` that has nothing to do
# or puts something right, of `down`, and of `install` and `uninstall`. (Of an `up` that changes what runs:
# fail-changing-*.bats.)

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

@test "article: each command of check fails once, and none hides what differs" {
  fail_over_what_differs check examples/article.yaml red 192.168.15.2/24 veth-red
}

@test "article: each command of an up that has nothing to do fails once, and changes nothing" {
  fail_where_nothing_differs examples/article.yaml
}

@test "article: each command of an up that puts something right fails once, and the next one does it" {
  fail_over_what_differs up examples/article.yaml red 192.168.15.2/24 veth-red
}

@test "article: each command of install and of uninstall fails once, and the next uninstall leaves nothing" {
  fail_at_installing examples/article.yaml
}
