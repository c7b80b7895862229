#!/usr/bin/env bats
# Addresses with a peer: who is reached directly, what check tells, and what becomes of them.

bats_require_minimum_version 1.5.0
load lab/lab

setup() {
  lab_start
}

teardown() {
  lab_stop
}

@test "both ends of a cable have any address, reach each other directly, and route by each other" {
  up tests/topologies/peers.yaml
  [[ $(on hub ip -o address show dev one) == *"inet 10.255.0.1 peer 10.255.0.2/32 "* ]]
  [[ $(on hub ip route show 10.9.0.0/24) == "10.9.0.0/24 dev three proto kernel scope link src 10.255.0.1"* ]]
  [[ $(on one ip route get 10.255.0.1) == "10.255.0.1 dev up src 10.255.0.2 "* ]]
  expect <<'TABLE'
hub   10.255.0.2  -  ping  ok
one   10.255.0.1  -  ping  ok
one   10.255.0.3  -  ping  ok
one   10.77.0.1   -  ping  ok
three 10.255.0.3  -  ping  ok
host  10.255.0.2  -  ping  ok
host  10.9.0.7    -  ping  ok
TABLE
  on one ping -c 1 -w 5 fd00:255::3
}

@test "check tells another peer, up puts the right one back, and a change leaves nothing of the old one" {
  local file=$BATS_TEST_TMPDIR/peers.yaml
  up tests/topologies/peers.yaml
  on one ip address del 10.255.0.2/32 peer 10.255.0.1/32 dev up
  on one ip address add 10.255.0.2/32 peer 10.255.0.9/32 dev up
  run -1 script check
  [[ $output == *"one: missing: inet 10.255.0.2 peer 10.255.0.1/32 scope global up dev up"* ]]
  [[ $output == *"one: besides: inet 10.255.0.2 peer 10.255.0.9/32 scope global up dev up"* ]]
  script up
  expect_ping one 10.255.0.1
  script down
  script up
  on two ip link set dev up down
  run -1 script check
  script up
  run -0 script check
  expect_ping one 10.255.0.3
  sed -e 's/peer: 10.9.0.0\/24/peer: 10.9.0.7/' -e 's/, peer: \[10.255.0.3\/32, "fd00:255::3\/128"\]/, peer: [10.255.0.4, "fd00:255::4"]/' \
    -e 's/10.255.0.3, "fd00:255::3"\]/10.255.0.4, "fd00:255::4"]/' tests/topologies/peers.yaml >"$file"
  prepare "$file"
  script up
  run -0 script check
  [[ $(on hub ip -o address show dev two) != *10.255.0.3* ]]
  [[ ! $(on hub ip -6 route show fd00:255::3) ]]
  [[ ! $(on hub ip route show 10.9.0.0/24) ]]
  expect_ping one 10.255.0.4
}

@test "a peer that the host reaches by another device is refused, before anything is touched" {
  prepare tests/topologies/peers.yaml
  on host ip link add other type bridge
  on host ip link set other up
  on host ip route add 10.255.0.1 dev other
  run -1 script up
  [[ $output == *"nothing was changed"*"the subnet of 192.0.2.1/32 is routed elsewhere: 10.255.0.1 dev other"* ]]
  on host ip route del 10.255.0.1 dev other
  script up
  expect_ping host 10.255.0.1
}
