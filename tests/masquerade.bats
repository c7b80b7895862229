#!/usr/bin/env bats
# Masquerading with exceptions: to some destinations members are known by their own addresses.

bats_require_minimum_version 1.5.0
load lab/lab

setup_file() {
  lab_start
  up tests/topologies/exceptions.yaml
  on host ip address add 172.16.1.7/24 dev eth0
  # Other sites, behind the router, which knows the way back to the members.
  on internet ip address add 198.51.100.9/32 dev lo
  on internet ip address add 192.0.2.9/32 dev lo
  on internet ip address add 2001:db8:9::9/128 dev lo nodad
  on router ip route add 198.51.100.0/24 via 203.0.113.10
  on router ip route add 192.0.2.0/24 via 203.0.113.10
  on router ip route add 2001:db8:9::/48 via 2001:db8::10
  on router ip route add 10.1.0.0/24 via 172.16.1.4
  on router ip route add 10.2.0.0/24 via 172.16.1.4
  on router ip route add fd00:9::/64 via fd00:1::4
  on internet ip route add 10.1.0.0/24 via 203.0.113.1
  on internet ip route add 10.2.0.0/24 via 203.0.113.1
  on internet ip route add fd00:9::/64 via 2001:db8::1
  on red ip route add 10.7.0.0/24 via 10.1.0.5
  serve "red * 80 tcp" "green * 80 tcp" "both * 80 tcp" "red * 22 tcp" "red * 80 udp"
}

teardown_file() {
  lab_stop
}

@test "where a network makes an exception its members are seen by their own addresses, elsewhere not" {
  expect <<'TABLE'
red   198.51.100.9   80  tcp  ok internet 10.1.0.2
red   198.51.100.9   53  udp  ok internet 10.1.0.2
red   2001:db8:9::9  80  tcp  ok internet fd00:9::2
red   203.0.113.10   80  tcp  ok internet 172.16.1.4
red   192.0.2.9      80  tcp  ok internet 172.16.1.4
red   2001:db8::10   80  tcp  ok internet fd00:1::4
TABLE
}

@test "published ports are answered as before, and a network that is excepted sees who asks" {
  expect <<'TABLE'
outside   172.16.1.4  8080  tcp  ok red 172.16.1.5
internet@198.51.100.9  172.16.1.4  8080  tcp  ok red 198.51.100.9
red       10.1.0.1    8080  tcp  ok red 10.1.0.1
both      10.1.0.1    8080  tcp  ok red 10.1.0.4
red       172.16.1.4  8081  tcp  ok green 10.1.0.2
green     172.16.1.4  8080  tcp  ok red 10.1.0.1
red       172.16.1.4  8082  tcp  ok both 10.1.0.2
TABLE
}

@test "an exception lets nobody in: only answers come to a member's own address" {
  expect <<'TABLE'
internet@198.51.100.9   10.1.0.2   22  tcp  timeout
internet@198.51.100.9   10.1.0.2   80  tcp  timeout
internet@198.51.100.9   10.1.0.2   -   ping timeout
internet@2001:db8:9::9  fd00:9::2  22  tcp  timeout
green                   10.1.0.2   22  tcp  timeout
red                     10.2.0.2   80  tcp  timeout
TABLE
}

@test "an exception of the host's own nat comes before the masquerading of the network" {
  expect <<'TABLE'
green  192.0.2.9     80  tcp  ok internet 10.2.0.2
green  203.0.113.10  80  tcp  ok internet 172.16.1.7
TABLE
}

@test "an exception of a namespace's nat" {
  expect <<'TABLE'
pc  10.1.0.2      80  tcp  ok red 10.7.0.2
pc  10.1.0.4      80  tcp  timeout
pc  203.0.113.10  80  tcp  ok internet 172.16.1.4
TABLE
  on both ip route add 10.7.0.0/24 via 10.1.0.5 # without it, as above, the address that asked is nobody's to it
  expect_ok pc 10.1.0.4 80 tcp both 10.7.0.2
}

@test "without an exception the source is rewritten, and without its way back there is no answer" {
  without_rule iptables raw '-s 198\.51\.100\.0/24'
  expect <<'TABLE'
red   198.51.100.9   80  tcp  timeout
TABLE
  script up
  without_rule iptables nat '-d 198\.51\.100\.0/24 .*RETURN'
  expect <<'TABLE'
red   198.51.100.9   80  tcp  ok internet 172.16.1.4
TABLE
  run -1 script check
  [[ $output == *198.51.100.0/24* ]]
  script up
}
