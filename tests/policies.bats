#!/usr/bin/env bats
# Policy rules by more than addresses, and routes that say more than a next hop, as the kernel understands them.

bats_require_minimum_version 1.5.0
load lab/lab

setup() {
  lab_start
  up tests/topologies/policies.yaml
}

teardown() {
  lab_stop
}

way() { # NODE DESTINATION [WORD…]: by which device the kernel sends it
  on "$1" ip route get "${@:2}" 2>&1 | grep -oE 'dev [a-z0-9]+|No route to host|^local' | head -n 1
}

@test "the kernel takes each packet by the rule that is for it" {
  [[ $(way gate 198.51.100.9) == 'dev left' ]]
  [[ $(way gate 198.51.100.9 ipproto tcp dport 81) == 'dev right' ]]
  [[ $(way gate 198.51.100.9 ipproto tcp dport 82) == 'dev left' ]]
  [[ $(way gate fd00:79::9 ipproto tcp dport 80) == 'dev right' ]]
  [[ $(way gate 198.51.100.9 from 10.1.0.2 iif lan ipproto udp sport 53) == 'dev right' ]]
  [[ $(way gate 198.51.100.9 from 10.1.0.2 iif lan ipproto udp sport 54) == 'dev left' ]]
  [[ $(way gate 198.51.100.9 mark 0x1f) == 'dev right' ]]
  [[ $(way gate 198.51.100.9 mark 0x2f) == 'dev left' ]]
  [[ $(way gate 198.51.100.9 from 10.2.0.9 iif left mark 0x5) == 'dev right' ]]
  [[ $(way gate 198.51.100.9 uid 65534) == 'No route to host' ]]
  [[ $(way gate 203.0.113.10) == 'dev right' && $(way gate 198.51.103.1) == 'dev left' ]]
  [[ $(way gate 198.51.100.9 from 10.3.0.2 iif right) == 'dev left' ]]
  [[ ! $(way gate 192.0.2.1 from 10.3.0.2 iif right) ]] # but not by the default route of table 101
  [[ $(way server 203.0.113.10 mark 1) == local ]]
  [[ $(way host 198.51.105.7) == local ]]
}

@test "a rule for all packets but some" {
  on gate ip rule del priority 1001
  [[ $(way gate 198.51.100.9 from 10.1.0.2 iif lan ipproto udp dport 53) == 'dev left' ]]
  [[ $(way host 203.0.113.10) == 'dev eth0' ]]
  on host ip route replace 203.0.113.0/24 via 10.4.0.2 table 51820
  [[ $(way host 203.0.113.10) == 'dev h0' ]]
  [[ $(way host 203.0.113.10 mark 0xca6c) == 'dev eth0' ]]
}

@test "routes: the node's own, by a router that is known by IPv6, with an MTU, and to a neighbour whatever the subnets say" {
  expect_ping client 198.51.100.77
  expect_ping client fd00:79::77
  expect_ping client 198.51.101.1
  [[ $(on gate ip route show 198.51.101.0/24) == *'via inet6 fd00:75::2 dev six'* ]]
  [[ $(on gate ip route show 198.51.102.0/24) == *'mtu 1300'*'via 10.9.9.1 dev left weight 2 onlink'*'via inet6 fd00:75::2 dev six weight 1'* ]]
  [[ $(on client ip route get 198.51.100.1) == *'mtu 1400'* ]]
  run ! on client ping -c 1 -W 1 -M "do" -s 1400 198.51.100.77
  on client ping -c 1 -W 2 -M "do" -s 1300 198.51.100.77
}

@test "what is gone or changed of them is told, of each IP version, and put back" {
  run -0 script check --strict
  on gate ip -6 rule del priority 1000
  on gate ip rule del priority 1002
  on host ip rule del priority 700
  on host ip route del local 198.51.105.0/24 dev lo
  on server ip route del local fd00:79::/64 dev lo
  on gate ip route replace 198.51.101.0/24 via 10.2.0.2
  run -1 script check
  [[ $output == *'gate: missing: rule -6 priority 1000 '* && $output != *'missing: rule priority 1000 '* ]]
  [[ $output == *'gate: missing: rule priority 1002 from all fwmark 0x10/0xf0 lookup 100'* ]]
  [[ $output == *'host: missing: rule priority 700 '* && $output == *'host: missing: route local 198.51.105.0/24 '* ]]
  [[ $output == *'server: missing: route local fd00:79::/64 '* && $output == *'gate: missing: route 198.51.101.0/24 via inet6 '* ]]
  script up
  run -0 script check --strict
  run -0 script up
  [[ $output == *"nothing to do"* ]]
}

@test "rules and routes that change: what is no longer written is gone" {
  prepare "$(variant tests/topologies/policies.yaml 's/dport: 80-81/dport: 82/; s/0x10.0xf0/0x20\/0xf0/; s/, mtu: 1400//; s/198.51.105.0/198.51.106.0/; s/to: default, type: local/to: 203.0.113.0\/24, type: local/')"
  script up
  run -0 script check --strict
  [[ $(way gate 198.51.100.9 ipproto tcp dport 81) == 'dev left' && $(way gate 198.51.100.9 ipproto tcp dport 82) == 'dev right' ]]
  [[ $(way host 198.51.105.7) == 'dev eth0' && $(way host 198.51.106.7) == local ]]
  [[ $(on server ip route show table 103) == 'local 203.0.113.0/24 dev lo '* ]]
  [[ $(on client ip route get 198.51.100.1) != *mtu* ]]
}
