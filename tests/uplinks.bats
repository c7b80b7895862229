#!/usr/bin/env bats
# Several uplinks, and marks: an answer leaves by the way that the question came.

bats_require_minimum_version 1.5.0
load lab/lab

setup() {
  lab_start
}

teardown() {
  lab_stop
}

@test "a namespace with two uplinks answers each client by the way that it came" {
  up examples/uplinks.yaml
  serve "server * 80 tcp" "gate * 22 tcp" "gate * 53 udp" "isp1 * 80 tcp" "isp2 * 80 tcp"
  expect <<'TABLE'
client1  172.20.1.2  8080  tcp   ok server 10.1.0.2
client2  172.20.2.2  8080  tcp   ok server 10.2.0.2
client1  172.20.1.2  22    tcp   ok gate 10.1.0.2
client2  172.20.2.2  22    tcp   ok gate 10.2.0.2
client1  172.20.2.2  8080  tcp   ok server 10.1.0.2
client2  172.20.1.2  22    tcp   ok gate 10.2.0.2
client2  172.20.2.2  -     ping  ok
client2  172.20.2.2  7     tcp   refused
client2  fd00:2::2   22    tcp   ok gate fd00:22::2
isp2     172.20.2.2  8080  tcp   ok server 172.20.2.1
isp2     172.20.2.2  22    tcp   ok gate 172.20.2.1
server   172.20.1.1  80    tcp   ok isp1 172.20.1.2
server   172.20.2.1  80    tcp   ok isp2 172.20.2.2
TABLE
}


@test "without the key the second uplink answers nobody beyond its own subnet" {
  up "$(variant examples/uplinks.yaml 's/uplinks: .*/routes: [{to: default, via: 172.20.1.1}]/')"
  serve "server * 80 tcp" "gate * 22 tcp"
  expect <<'TABLE'
client1  172.20.1.2  8080  tcp   ok server 10.1.0.2
client2  172.20.2.2  8080  tcp   timeout
client2  172.20.2.2  22    tcp   timeout
client2  172.20.2.2  -     ping  timeout
TABLE
}

host_answers() {
  expect <<'TABLE'
internet  172.16.1.4  8080  tcp   ok red 203.0.113.10
internet  172.16.1.4  22    tcp   ok host 203.0.113.10
outside   172.16.1.4  8080  tcp   ok red 172.16.1.5
client2   172.20.2.2  8080  tcp   ok red 10.2.0.2
client2   172.20.2.2  8081  tcp   ok red 10.2.0.2
client2   172.20.2.2  5353  udp   ok red 10.2.0.2
client2   172.20.2.2  22    tcp   ok host 10.2.0.2
client2   172.20.2.2  -     ping  ok
client2   fd00:2::2   8080  tcp   ok red fd00:22::2
client2   fd00:2::2   22    tcp   ok host fd00:22::2
isp2      172.20.2.2  8080  tcp   ok red 172.20.2.1
red       203.0.113.10  80  tcp   ok internet 172.16.1.4
red       172.16.1.4  8080  tcp   ok red 10.1.0.1
host      127.0.0.1   8080  tcp   ok red 10.1.0.1
host      172.20.2.2  8080  tcp   ok red
TABLE
}

@test "a host with two uplinks answers for its namespaces and for itself by the way that the question came" {
  up tests/topologies/uplinks-host.yaml
  serve "red * 80 tcp" "red * 53 udp" "host * 22 tcp"
  host_answers
  down
  up "$(variant tests/topologies/uplinks-host.yaml '/^  uplinks/,/mark: /d' 's/^host:/host: {}/')"
  serve "red * 80 tcp" "red * 53 udp" "host * 22 tcp"
  expect <<'TABLE'
internet  172.16.1.4  8080  tcp   ok red 203.0.113.10
client2   172.20.2.2  8080  tcp   timeout
client2   172.20.2.2  8081  tcp   timeout
client2   172.20.2.2  22    tcp   timeout
client2   fd00:2::2   22    tcp   timeout
TABLE
}

@test "where rp_filter is strict the mark counts" {
  lab_stop
  lab_start rp_filter=1
  up tests/topologies/uplinks-host.yaml
  serve "red * 80 tcp" "red * 53 udp" "host * 22 tcp"
  host_answers
  on host sysctl -qw net.ipv4.conf.up2.src_valid_mark=0
  expect_timeout client2 172.20.2.2 8080 tcp
  run -1 script check
  [[ $output == *net.ipv4.conf.up2.src_valid_mark* ]]
  script up
  host_answers
}

@test "what is gone of uplinks is told, and put back" {
  up tests/topologies/uplinks-host.yaml
  serve "red * 80 tcp" "red * 53 udp" "host * 22 tcp"
  on host iptables -w -t mangle -F NSGEN-uplinks-host-OWN
  expect_timeout client2 172.20.2.2 22 tcp
  on host ip rule del priority 903
  on host ip route del default table 77
  on host ip -6 rule del priority 902
  run -1 script check
  [[ $output == *'missing: rule priority 903 '* && $output == *'missing: rule -6 priority 902 '* ]]
  [[ $output == *'missing: route default via 172.20.2.1 dev up2 table 77'* && $output == *NSGEN-uplinks-host-OWN* ]]
  script up
  run -0 script check --strict
  host_answers
}
