#!/usr/bin/env bats
# What a node can have besides networks: routes, sysctls, name service, processes and commands.

bats_require_minimum_version 1.5.0
load lab/lab

setup_file() {
  lab_start
  snapshot >"$LAB/before"
  up tests/topologies/nodes.yaml
  serve "far * 80 tcp" "member7 * 80 tcp"
}

teardown_file() {
  lab_stop
}

@test "a namespace that forwards is a router between its networks" {
  expect <<'TABLE'
near  10.2.0.2  80  tcp   ok far 10.1.0.3
near  10.2.0.2  -   ping  ok ping 63
far   10.1.0.3  -   ping  ok ping 63
host  10.2.0.2  80  tcp   ok far 10.1.0.1
TABLE
  on hub sysctl -qw net.ipv4.ip_forward=0
  expect_timeout near 10.2.0.2 - ping
  on hub sysctl -qw net.ipv4.ip_forward=1
}

@test "routes are as they were written" {
  run -0 on near ip route show 10.2.0.0/24
  [[ $output == "10.2.0.0/24 via 10.1.0.2 dev veth-near"*"src 10.1.0.3 metric 7"* ]]
  expect <<'TABLE'
far  198.51.100.1  80  tcp  timeout|unreachable
far  198.51.101.1  80  tcp  unreachable
far  198.51.102.1  80  tcp  unreachable
TABLE
  run -0 on far ip route
  [[ $output == *"blackhole 198.51.100.0/24"* && $output == *"prohibit 198.51.101.0/24"* ]]
}

@test "sysctls are set in their node, and in no other" {
  [[ $(on near sysctl -n net.ipv4.tcp_keepalive_time) == 60 ]]
  [[ $(on far sysctl -n net.ipv4.tcp_keepalive_time) == 7200 ]]
  [[ $(on near sysctl -n net.ipv4.conf.veth-near.arp_notify) == 1 ]]
  [[ $(on host sysctl -n net.ipv4.conf.all.log_martians) == 1 ]]
}

@test "resolv.conf and hosts are there for ip netns exec" {
  run -0 on host ip netns exec near cat /etc/resolv.conf
  [[ $output == *"search example.org"* && $output == *"nameserver 9.9.9.9"*"nameserver 149.112.112.112"* ]]
  [[ $output == *"options timeout:1 attempts:1"* ]]
  run -0 on host ip netns exec near getent ahostsv4 member7
  [[ $output == "10.1.0."*"member7"* ]]
  run -0 on host ip netns exec near getent ahostsv4 far
  [[ $output == "10.2.0.2"*"far"* ]]
  run -0 on host ip netns exec near getent ahostsv4 localhost
  run -2 on host getent ahostsv4 member7
}

@test "a service has its directory and environment, and writes to a log" {
  run -0 on host bash -c 'cat /run/nsgen/nodes/*env*.log'
  [[ $output == "dark red /etc "* ]]
  [[ $(on near ip route show type blackhole) == *203.0.113.77* ]]
  # The process that the log names is in near.
  run -0 on host ip netns pids near
  [[ -n $output ]]
}

@test "a range of namespaces is that many, with addresses of their own" {
  expect <<'TABLE'
near     10.1.0.1      -   ping  ok
member1  10.1.0.3      -   ping  ok
member12 203.0.113.10  80  tcp   ok internet 172.16.1.4
TABLE
  [[ $(on host ls /run/netns | grep -c '^member') == 12 ]]
  [[ $(for number in {1..12}; do on "member$number" ip -4 -o address show scope global; done | awk '{ print $4 }' | sort -u | wc -l) == 12 ]]
}

@test "down takes all of it away" {
  down
  expect_snapshot "$(<"$LAB/before")"
}
