#!/usr/bin/env bats
# Different MTUs at the two ends of a cable: what is lost, and what check tells.

bats_require_minimum_version 1.5.0
load lab/lab

setup() {
  lab_start
}

teardown() {
  lab_stop
}

mtu_of() { # NODE DEVICE
  on "$1" ip -o link show dev "$2" | grep -o 'mtu [0-9]*'
}

large() { # FROM TO BYTES
  on "$1" ping -c 1 -W 1 -M "do" -s "$3" "$2"
}

@test "each end has its MTU, and what is too large for the other one is lost" {
  up tests/topologies/mtus.yaml
  [[ $(mtu_of big eth0) == "mtu 9000" && $(mtu_of small eth0) == "mtu 1400" ]]
  [[ $(mtu_of host lab0) == "mtu 1300" && $(mtu_of small up) == "mtu 1500" ]]
  [[ $(mtu_of big tiny) == "mtu 600" && $(mtu_of small tiny) == "mtu 576" ]]
  [[ $(mtu_of big veth-big) == "mtu 9000" && $(mtu_of host veth-big-br) == "mtu 1500" ]]
  [[ $(mtu_of small veth-small) == "mtu 1400" && $(mtu_of host veth-small-br) == "mtu 9000" ]]
  [[ $(mtu_of host lan) == "mtu 1500" ]]
  large big 10.2.0.2 1300
  run -1 large big 10.2.0.2 1500
  [[ $output != *"Frag needed"* && $output == *"0 received"* ]] # nobody is told
  large same 10.1.0.1 1400
  run -1 large big 10.1.0.1 2000
  expect_ping small 10.1.0.1
  on same ping -c 1 -w 5 fd00:81::1
}

@test "check tells of either end, and up puts it right; a change of one end is made" {
  local line output
  up tests/topologies/mtus.yaml
  while read -r line; do
    # shellcheck disable=SC2086
    set -- $line
    on "$1" ip link set dev "$2" mtu 1450
    run -1 script check
    [[ $output == *"$1: missing: link $2 mtu $3"* && $output == *"$1: instead: link $2 mtu 1450"* ]]
    script up
    run -0 script check
    [[ $(mtu_of "$1" "$2") == "mtu $3" ]]
  done <<'ENDS'
big eth0 9000
small eth0 1400
host lab0 1300
small up 1500
host veth-small-br 9000
small veth-small 1400
host veth-big-br 1500
big veth-big 9000
ENDS
  prepare "$(variant tests/topologies/mtus.yaml 's/mtu: 9000}, "small/mtu: 8000}, "small/; s/peer_mtu: 9000/peer_mtu: 1400/')"
  script up
  run -0 script check
  [[ $(mtu_of big eth0) == "mtu 8000" && $(mtu_of host veth-small-br) == "mtu 1400" && $(mtu_of host lan) == "mtu 1500" ]]
}
