#!/usr/bin/env bats
# IPv6, alone and beside IPv4: as open and as closed as IPv4. Numbers are those of the design's rules, chapter 4.

bats_require_minimum_version 1.5.0
load lab/lab

setup_file() {
  lab_start
  up tests/topologies/dual-stack.yaml
  serve "red * 80 tcp" "red * 53 udp" "blue * 80 tcp" "green * 80 tcp" "yellow * 80 tcp" \
    "red * 9000 tcp shifted0" "red * 9001 tcp shifted1" "red * 9002 tcp shifted2"
}

teardown_file() {
  lab_stop
}

@test "rules 1 to 4, 78: both families connect members, host and internet" {
  expect <<'TABLE'
red     192.168.15.3   80    tcp   ok blue 192.168.15.2
red     fd00:15::3     80    tcp   ok blue fd00:15::2
red     fd00:15::3     -     ping  ok
host    192.168.15.2   80    tcp   ok red 192.168.15.1
host    fd00:15::2     80    tcp   ok red fd00:15::1
red     fd00:15::1     -     ping  ok
red     203.0.113.10   80    tcp   ok internet 172.16.1.4
red     2001:db8::10   80    tcp   ok internet fd00:1::4
red     2001:db8::10   -     ping  ok ping 62
red     2001:db8::10   53    udp   ok internet fd00:1::4
green   2001:db8::10   80    tcp   ok internet fd00:1::4
yellow  203.0.113.10   80    tcp   ok internet 172.16.1.4
TABLE
}

@test "rules 9 to 19: IPv4 is published as if alone" {
  expect <<'TABLE'
outside  172.16.1.4    8080  tcp  ok red 172.16.1.5
host     127.0.0.1     8080  tcp  ok red 192.168.15.1
host     172.16.1.4    8080  tcp  ok red 172.16.1.4
blue     192.168.15.1  8080  tcp  ok red 192.168.15.3
red      192.168.15.1  8080  tcp  ok red 192.168.15.1
outside  172.16.1.4    5353  udp  ok red 172.16.1.5
TABLE
}

@test "rules 71, 72, 74: a published port answers by IPv6 too" {
  expect <<'TABLE'
outside  fd00:1::4   8080  tcp  ok red fd00:1::5
host     fd00:1::4   8080  tcp  ok red fd00:1::4
host     fd00:15::1  8080  tcp  ok red fd00:15::1
blue     fd00:15::1  8080  tcp  ok red fd00:15::3
blue     fd00:1::4   8080  tcp  ok red fd00:15::3
red      fd00:15::1  8080  tcp  ok red fd00:15::1
red      fd00:1::4   8080  tcp  ok red fd00:15::1
green    fd00:1::4   8080  tcp  ok red
green    fd00:16::1  8080  tcp  ok red
outside  fd00:1::4   5353  udp  ok red fd00:1::5
blue     fd00:15::1  5353  udp  ok red fd00:15::3
outside  fd00:1::4   8011  tcp  ok shifted1 fd00:1::5
TABLE
}

@test "rules 73: by [::1] the host is refused at once, and by a proxy answered" {
  expect <<'TABLE'
host     ::1  8080  tcp  refused
host     ::1  8200  tcp  ok red fd00:15::1|192.168.15.1
TABLE
}

@test "IPv6 by a proxy" {
  expect <<'TABLE'
outside  fd00:1::4   8200  tcp  ok red fd00:1::5
host     fd00:1::4   8200  tcp  ok red
blue     fd00:15::1  8200  tcp  ok red
red      fd00:15::1  8200  tcp  ok red
host     127.0.0.1   8200  tcp  ok red 192.168.15.1
outside  172.16.1.4  8200  tcp  ok red 172.16.1.5
TABLE
}

@test "each audience alone, by IPv6" {
  expect <<'TABLE'
outside  fd00:1::4   8101  tcp  ok red
host     fd00:1::4   8101  tcp  refused
blue     fd00:15::1  8101  tcp  refused
red      fd00:15::1  8101  tcp  refused

outside  fd00:1::4   8102  tcp  refused
host     fd00:1::4   8102  tcp  ok red
blue     fd00:15::1  8102  tcp  refused
red      fd00:15::1  8102  tcp  refused

outside  fd00:1::4   8104  tcp  refused
host     fd00:1::4   8104  tcp  refused
blue     fd00:15::1  8104  tcp  ok red fd00:15::3
green    fd00:16::1  8104  tcp  ok red
red      fd00:15::1  8104  tcp  refused

outside  fd00:1::4   8105  tcp  refused
host     fd00:1::4   8105  tcp  refused
blue     fd00:15::1  8105  tcp  refused
red      fd00:15::1  8105  tcp  ok red
TABLE
}

@test "published on an IPv6 address of the host it is not on the others, nor on IPv4" {
  expect <<'TABLE'
outside  fd00:1::4   8302  tcp  ok red fd00:1::5
host     fd00:15::1  8302  tcp  refused
blue     fd00:1::4   8302  tcp  ok red
outside  172.16.1.4  8302  tcp  refused
host     127.0.0.1   8302  tcp  refused
outside  fd00:1::4   8303  tcp  refused
host     ::1         8303  tcp  ok red
TABLE
}

@test "somebody else's port of the same number stays theirs by IPv6 (rules 24)" {
  expect <<'TABLE'
red   2001:db8::10  8080  tcp  ok internet fd00:1::4
host  2001:db8::10  8080  tcp  ok internet fd00:1::4
host  fd00:1::5     8080  tcp  ok outside fd00:1::4
TABLE
}

@test "rules 76, 77: no way in by IPv6 for other machines and other networks" {
  on outside ip route add fd00:15::/64 via fd00:1::4
  on outside ip route add 192.168.15.0/24 via 172.16.1.4
  expect <<'TABLE'
outside  fd00:15::2    80  tcp   timeout
outside  fd00:15::2    81  tcp   timeout
outside  fd00:15::2    -   ping  timeout
outside  192.168.15.2  80  tcp   timeout
green    fd00:15::2    80  tcp   timeout
green    fd00:15::2    -   ping  timeout
green    192.168.15.2  80  tcp   timeout
red      fd00:16::2    80  tcp   timeout
yellow   192.168.15.2  80  tcp   timeout
TABLE
  on outside ip route del fd00:15::/64
  on outside ip route del 192.168.15.0/24
}

@test "rules 79: on a network without IPv6 there is none" {
  [[ -z $(on yellow ip -6 address show dev veth-yellow) ]]
  [[ -z $(on host ip -6 address show dev bridge2) ]]
  [[ -z $(on host ip -6 address show dev veth-yellow-br) ]]
  expect <<'TABLE'
yellow   2001:db8::10  80    tcp  unreachable
yellow   fd00:15::1    8080  tcp  unreachable
outside  fd00:1::4     8081  tcp  refused
outside  172.16.1.4    8081  tcp  ok yellow 172.16.1.5
TABLE
}

@test "rules 80: a host that has its default route from router advertisements keeps it" {
  lab_start
  on host ip -6 route del default
  on host ip link set eth0 down # and up: accept_ra takes effect
  on host ip link set eth0 up
  on host ip address replace fd00:1::4/64 dev eth0 nodad
  on host ip route replace default via 172.16.1.1
  lab_tool advertise router eth0
  sleep 0.3
  run -0 on host ip -6 route show default
  [[ $output == *"proto ra"* ]]
  local before
  before=$(snapshot)
  up tests/topologies/dual-stack.yaml
  run -0 on host ip -6 route show default
  [[ $output == *"proto ra"* ]]
  # And it still listens to them: it can lose the route and learn it again.
  on host ip -6 route del default
  lab_tool advertise router eth0
  sleep 0.3
  run -0 on host ip -6 route show default
  [[ $output == *"proto ra"* ]]
  expect_ok red 2001:db8::10 80 tcp internet
  down
  expect_snapshot "$before"
  lab_stop
}

@test "rules 3.20: a namespace that plays the router does not become the host's" {
  on red sysctl -qw net.ipv6.conf.veth-red.forwarding=1
  lab_tool advertise red veth-red
  sleep 0.3
  run -0 on host ip -6 route show default
  [[ $output != *bridge0* && $output != *veth* ]]
  on red sysctl -qw net.ipv6.conf.veth-red.forwarding=0
}

@test "IPv6 alone" {
  lab_start
  up tests/topologies/ipv6-only.yaml
  serve "red * 80 tcp"
  expect <<'TABLE'
outside  fd00:1::4     8080  tcp  ok red fd00:1::5
host     fd00:15::1    8080  tcp  ok red
blue     fd00:15::1    8080  tcp  ok red fd00:15::3
red      fd00:15::1    8080  tcp  ok red
red      2001:db8::10  80    tcp  ok internet fd00:1::4
outside  172.16.1.4    8080  tcp  refused
red      203.0.113.10  80    tcp  unreachable
TABLE
  lab_stop
}
