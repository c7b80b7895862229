#!/usr/bin/env bats
# `nat` of nodes: of the host, beside its networks; and UDP, which goes on without asking anew.

bats_require_minimum_version 1.5.0
load lab/lab

setup() {
  lab_start
}

teardown() {
  lab_stop
}

@test "the host's snat comes before the masquerading of a network, and its dnat reaches members" {
  up tests/topologies/host-nat.yaml
  on host ip address add 172.16.1.7/24 dev eth0
  on host ip address add 172.16.1.9/24 dev eth0
  on host ip address add fd00:1::7/64 dev eth0 nodad
  on host ip address add fd00:1::9/64 dev eth0 nodad
  serve "red * 80 tcp" "both * 80 tcp" "green * 22 tcp" "blue * 7003 tcp" "host 127.0.0.1 8080 tcp"
  expect <<'TABLE'
red      203.0.113.10  80    tcp  ok internet 172.16.1.7
blue     203.0.113.10  80    tcp  ok internet 172.16.1.4
outside  172.16.1.4    8080  tcp  ok red 172.16.1.5
outside  fd00:1::4     8080  tcp  ok red fd00:1::5
host     172.16.1.4    8080  tcp  ok red 172.16.1.4
host     127.0.0.1     8080  tcp  ok host 127.0.0.1
blue     172.16.1.4    8080  tcp  ok red 10.1.0.1
red      172.16.1.4    8080  tcp  ok red 10.1.0.1
green    172.16.1.4    8080  tcp  ok red
outside  172.16.1.4    8084  tcp  ok both 10.1.0.1
outside  172.16.1.9    22    tcp  ok green 172.16.1.5
outside  fd00:1::9     22    tcp  ok green fd00:1::5
outside  172.16.1.4    7003  tcp  ok blue 172.16.1.5
outside  172.16.1.4    22    tcp  refused
TABLE
}

# Who sends by UDP goes on doing so from the same port, before and after the topology changes.
changing() { # NAT…
  up - <<YAML
name: changing
links:
  - endpoints: {isp:eth0: [203.0.113.1/24, "2001:db8:1::1/64"], gate:wan: [203.0.113.2/24, "2001:db8:1::2/64"]}
  - endpoints: {gate:lan: [192.168.0.1/24, "fd00:7::1/64"], pc:eth0: [192.168.0.10/24, "fd00:7::10/64"]}
namespaces:
  isp: {routes: [{to: 192.168.0.0/24, type: blackhole}, {to: "fd00:7::/64", type: blackhole}]}
  gate:
    forwarding: true
    nat: [$(printf '{%s}, ' "$@")]
  pc: {routes: [{to: default, via: 192.168.0.1}, {to: default, via: "fd00:7::1"}]}
YAML
}

@test "a client that goes on asking by udp is translated by what nat says now" {
  changing 'dnat: 192.168.0.10, port: 9, protocol: udp' 'dnat: "fd00:7::10", port: 9, protocol: udp'
  serve "pc * 15000 udp" "isp * 53 udp"
  expect <<'TABLE'
isp@203.0.113.1#4000    203.0.113.2    15000  udp  refused
isp@2001:db8:1::1#4000  2001:db8:1::2  15000  udp  refused
pc@192.168.0.10#4001    203.0.113.1    53     udp  timeout
TABLE
  changing 'dnat: 192.168.0.10, port: 10000-20000, protocol: udp' 'dnat: "fd00:7::10", port: 10000-20000, protocol: udp' 'masquerade: wan'
  expect <<'TABLE'
isp@203.0.113.1#4000    203.0.113.2    15000  udp  ok pc 203.0.113.1
isp@2001:db8:1::1#4000  2001:db8:1::2  15000  udp  ok pc 2001:db8:1::1
pc@192.168.0.10#4001    203.0.113.1    53     udp  ok isp 203.0.113.2
TABLE
  changing 'dnat: 192.168.0.10, port: 9, protocol: udp'
  expect <<'TABLE'
isp@203.0.113.1#4000    203.0.113.2    15000  udp  refused
isp@2001:db8:1::1#4000  2001:db8:1::2  15000  udp  refused
pc@192.168.0.10#4001    203.0.113.1    53     udp  timeout
TABLE
}

@test "ten thousand udp ports take no longer than one" {
  prepare - <<'YAML'
name: range
networks: {bridge0: {subnet: 10.1.0.0/24, internet: true}}
namespaces:
  red: {networks: [bridge0], publish: ["10000-20000:10000-20000/udp"]}
YAML
  run -0 on host timeout 10 bash "$LAB/setup.sh" up
  serve "red * 15000 udp"
  expect_ok outside 172.16.1.4 15000 udp red 172.16.1.5
  run -0 on host timeout 10 bash "$LAB/setup.sh" down
}
