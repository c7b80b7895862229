#!/usr/bin/env bats
# Topologies that the public wrote, in the language of nsgen: what was seen of theirs holds, and what was wrong with
# them does not.

bats_require_minimum_version 1.5.0
load lab/lab

teardown() {
  lab_stop
}

# --- 1. Vagrant, red and blue, a published port and hairpin ---

case1() { # REACH
  lab_start
  up "$(variant tests/topologies/case1.yaml "s/reach: .*/reach: [$1]/")"
  serve "red * 80 tcp" "red * 53 udp"
}

@test "case 1: red and blue reach each other and the host, red the internet, and blue has no default route" {
  case1 "outside, host, loopback, network, self"
  expect <<'TABLE'
red   192.168.15.3  -   ping  ok
blue  192.168.15.2  -   ping  ok
host  192.168.15.2  -   ping  ok
red   192.168.15.1  -   ping  ok
red   8.8.8.8       -   ping  ok
red   8.8.8.8       80  tcp   ok internet 172.16.1.4
blue  8.8.8.8       -   ping  unreachable
TABLE
}

@test "case 1, step 1: the guest" {
  case1 outside
  expect <<'TABLE'
outside  172.16.1.4    8080  tcp  ok red 172.16.1.5
host     192.168.15.1  8080  tcp  refused
host     127.0.0.1     8080  tcp  refused
blue     192.168.15.1  8080  tcp  refused|timeout
red      192.168.15.1  8080  tcp  refused|timeout
TABLE
}

@test "case 1, step 2: the host" {
  case1 "outside, host"
  expect <<'TABLE'
outside  172.16.1.4    8080  tcp  ok red 172.16.1.5
host     192.168.15.1  8080  tcp  ok red 192.168.15.1
host     127.0.0.1     8080  tcp  refused
TABLE
}

@test "case 1, step 3: 127.0.0.1" {
  case1 "outside, host, loopback"
  expect <<'TABLE'
host     127.0.0.1     8080  tcp  ok red 192.168.15.1
blue     192.168.15.1  8080  tcp  refused|timeout
TABLE
}

@test "case 1, step 4: blue, as long as bridge-nf-call-iptables is 1" {
  case1 "outside, host, loopback, network"
  expect <<'TABLE'
blue     192.168.15.1  8080  tcp  ok red 192.168.15.3
red      192.168.15.1  8080  tcp  refused|timeout
TABLE
  on host sysctl -qw net.bridge.bridge-nf-call-iptables=0
  expect_timeout blue 192.168.15.1 8080 tcp
}

@test "case 1, step 5: red itself" {
  case1 "outside, host, loopback, network, self"
  expect <<'TABLE'
outside  172.16.1.4    8080  tcp  ok red 172.16.1.5
host     192.168.15.1  8080  tcp  ok red 192.168.15.1
host     127.0.0.1     8080  tcp  ok red 192.168.15.1
blue     192.168.15.1  8080  tcp  ok red 192.168.15.3
red      192.168.15.1  8080  tcp  ok red 192.168.15.1
TABLE
}

@test "case 1, negative: the guest's own server, and one on the internet, are not red" {
  case1 "outside, host, loopback, network, self"
  on blue ip route add default via 192.168.15.1
  expect <<'TABLE'
host  172.16.1.5    8080  tcp  ok outside 172.16.1.4
blue  8.8.8.8       8080  tcp  ok internet 172.16.1.4
red   203.0.113.10  8080  tcp  ok internet 172.16.1.4
TABLE
}

@test "case 1: the original never brings lo up; here a namespace reaches itself" {
  case1 "outside, host, loopback, network, self"
  expect <<'TABLE'
red  127.0.0.1     80  tcp  ok red 127.0.0.1
red  192.168.15.2  80  tcp  ok red 192.168.15.2
TABLE
}

# --- 2. Two namespaces, and a port of one address of the host ---

case2() {
  lab_start
  on host ip address add 172.31.13.55/20 dev eth0
  on outside ip address add 172.31.13.56/20 dev eth0
  up tests/topologies/case2.yaml
  serve "ns1 * 5000 tcp" "ns2 * 5000 tcp"
}

@test "case 2: port 5000 of the one address is ns1's, for other machines and for ns2" {
  case2
  expect <<'TABLE'
outside  172.31.13.55  5000  tcp   ok ns1 172.31.13.56
ns2      172.31.13.55  5000  tcp   ok ns1 192.168.1.11
ns1      192.168.1.11  -     ping  ok
ns1      8.8.8.8       80    tcp   ok internet 172.16.1.4
ns2      8.8.8.8       -     ping  ok
TABLE
}

@test "case 2: the host does not reach it by its own address, nor anybody by another address" {
  case2
  expect <<'TABLE'
host     172.31.13.55  5000  tcp  refused
host     127.0.0.1     5000  tcp  refused
outside  172.16.1.4    5000  tcp  refused
ns2      192.168.1.1   5000  tcp  refused
TABLE
}

@test "case 2: ns1 reaches the internet by forwarding and masquerading, and not without" {
  case2
  on host sysctl -qw net.ipv4.ip_forward=0
  expect_timeout ns1 8.8.8.8 - ping
  on host sysctl -qw net.ipv4.ip_forward=1
  expect_ping ns1 8.8.8.8
  without_rule iptables nat "-s 192.168.1.0/24 .*MASQUERADE"
  expect_timeout ns1 8.8.8.8 80 tcp
}

# --- 3. A bridge on a machine that forwards nothing else, and resolv.conf ---

@test "case 3: on a machine with FORWARD DROP they reach each other and the internet" {
  lab_start forward=DROP
  up tests/topologies/case3.yaml
  serve "netns_leah * 80 tcp"
  expect <<'TABLE'
netns_dustin  10.0.0.21  80  tcp   ok netns_leah 10.0.0.11
netns_leah    10.0.0.11  -   ping  ok
netns_dustin  8.8.8.8    80  tcp   ok internet 172.16.1.4
netns_leah    8.8.8.8    53  udp   ok internet 172.16.1.4
TABLE
}

@test "case 3: with br_netfilter on, leah sees dustin's own address, whatever ip_forward says" {
  lab_start brnf=1
  up tests/topologies/case3.yaml
  serve "netns_leah * 80 tcp"
  expect_ok netns_dustin 10.0.0.21 80 tcp netns_leah 10.0.0.11
  on host sysctl -qw net.ipv4.ip_forward=0
  expect_ok netns_dustin 10.0.0.21 80 tcp netns_leah 10.0.0.11
}

@test "case 3: resolv.conf is what ip netns exec shows" {
  lab_start
  up tests/topologies/case3.yaml
  run -0 on host ip netns exec netns_dustin cat /etc/resolv.conf
  [[ $output == *"nameserver 8.8.8.8"* ]]
  run -0 on host cat /etc/resolv.conf
  [[ $output != *8.8.8.8* ]]
}

@test "case 3: up twice makes one nameserver line and one copy of each rule, down leaves none" {
  lab_start
  local before
  before=$(snapshot)
  up tests/topologies/case3.yaml
  script up
  [[ $(on host grep -c nameserver /etc/netns/netns_dustin/resolv.conf) == 1 ]]
  run -0 on host iptables-save
  [[ -z $(grep '^-A' <<<"$output" | sort | uniq -d) ]]
  [[ $output == *MASQUERADE* ]]
  down
  expect_snapshot "$before"
  [[ -z $(on host ls -A /etc/netns) ]]
}
