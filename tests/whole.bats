#!/usr/bin/env bats
# Nothing runs by halves: neither a script that is not whole, nor one in a place where the half of what it makes would be
# gone at once.

bats_require_minimum_version 1.5.0
load lab/lab
load campaign/lifecycle/campaign

teardown() {
  lab_stop
}

# Every program on PATH, in a folder to be the whole PATH; instead of doing anything, each writes down its name, and fails.
record_programs() { # FOLDER
  local LAB=$BATS_TEST_TMPDIR # where link_programs looks for programs of a lab: there is none
  cat >"$LAB/recorder" <<RECORDER
#!/bin/bash
printf '%s\n' "\$0 \$*" >>${LAB@Q}/started
exit 1
RECORDER
  chmod 755 "$LAB/recorder"
  link_programs "$1" "$LAB/recorder"
}

@test "a script that is cut off anywhere fails, and starts no program, whatever it is to do" {
  local programs=$BATS_TEST_TMPDIR/programs
  render examples/article.yaml >"$BATS_TEST_TMPDIR/setup.sh"
  record_programs "$programs"
  # The whole one does start programs, and they are written down: so silence means something.
  run -1 env -i "PATH=$programs" /bin/bash -s check <"$BATS_TEST_TMPDIR/setup.sh"
  [[ -s $BATS_TEST_TMPDIR/started ]]
  "$LAB_PYTHON" "$LAB_SOURCE/cuts.py" "$BATS_TEST_TMPDIR/setup.sh" "$programs" '' '-s down' '-s check'
}

@test "in a network namespace of its own, with the /sys of another, it is built, checked and removed" {
  local before
  lab_start
  prepare examples/article.yaml
  before=$(state)
  run -0 on host unshare --net bash -eu -s "$LAB/setup.sh" <<'INSIDE'
    # The kernel makes tables when they are first asked for, and some kernels a device or two in every namespace.
    look() { ip -o link; ip route; iptables-save; ip6tables-save; }
    nothing() { look | sed '/^#/d; s/\[[0-9:]*\]//'; }
    ip link set lo up
    bash "$1" up </dev/null
    bash "$1" down </dev/null
    before=$(nothing)
    bash "$1" up </dev/null
    [[ $(nothing) != "$before" ]]
    bash "$1" check </dev/null
    ip -n red route get 192.168.15.3
    bash "$1" down </dev/null
    diff <(printf '%s\n' "$before") <(nothing)
    ! iptables-save | grep NSGEN
INSIDE
  expect_state "$before"
}

@test "inside of ip netns exec it is refused, and nothing is touched" {
  local before how
  lab_start
  prepare examples/article.yaml
  on host ip netns add stranger
  before=$(state)
  for how in up down check; do
    run -1 on host ip netns exec stranger bash "$LAB/setup.sh" "$how"
    [[ $output == *'ip netns exec'* ]] || fail "$how does not say why: $output"
  done
  expect_state "$before"
  # A namespace of ours is no other case.
  script up
  before=$(state)
  run -1 on host ip netns exec red bash -s up <"$LAB/setup.sh"
  [[ $output == *'ip netns exec'* ]]
  expect_state "$before"
}
