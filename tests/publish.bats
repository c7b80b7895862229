#!/usr/bin/env bats
# Published ports: who reaches them, who answers, and whom the namespace sees. Numbers are those of the design's rules,
# chapter 4.

bats_require_minimum_version 1.5.0
load lab/lab

setup_file() {
  lab_start
  up tests/topologies/published.yaml
  serve "red * 80 tcp" "red * 81 tcp" "red * 53 udp" "blue * 80 tcp" "green * 80 tcp" \
    "red * 8000 tcp red0" "red * 8001 tcp red1" "red * 8002 tcp red2" \
    "red * 9000 tcp shifted0" "red * 9001 tcp shifted1" "red * 9002 tcp shifted2"
}

teardown_file() {
  lab_stop
}

@test "rules 9, 12 to 19, 23: a published port answers everybody, and red sees who asks" {
  expect <<'TABLE'
outside  172.16.1.4    8080  tcp  ok red 172.16.1.5
host     127.0.0.1     8080  tcp  ok red 192.168.15.1
host     127.8.8.8     8080  tcp  ok red 192.168.15.1
host     172.16.1.4    8080  tcp  ok red 172.16.1.4
host     192.168.15.1  8080  tcp  ok red 192.168.15.1
host     192.168.16.1  8080  tcp  ok red
blue     192.168.15.1  8080  tcp  ok red 192.168.15.3
blue     172.16.1.4    8080  tcp  ok red 192.168.15.3
red      192.168.15.1  8080  tcp  ok red 192.168.15.1
red      172.16.1.4    8080  tcp  ok red 192.168.15.1
green    172.16.1.4    8080  tcp  ok red
green    192.168.16.1  8080  tcp  ok red
green    192.168.15.1  8080  tcp  ok red
TABLE
}

@test "rules 24: somebody else's port of the same number stays theirs" {
  expect <<'TABLE'
red      203.0.113.10  8080  tcp  ok internet 172.16.1.4
blue     203.0.113.10  8080  tcp  ok internet 172.16.1.4
green    203.0.113.10  8080  tcp  ok internet 172.16.1.4
host     203.0.113.10  8080  tcp  ok internet 172.16.1.4
host     172.16.1.5    8080  tcp  ok outside 172.16.1.4
red      172.16.1.5    8080  tcp  ok outside 172.16.1.4
TABLE
}

@test "rules 26, 27: the target's own number is not open on the host" {
  expect <<'TABLE'
outside  172.16.1.4    80    tcp  refused
outside  172.16.1.4    81    tcp  refused
host     172.16.1.4    80    tcp  refused
blue     192.168.15.1  81    tcp  refused
TABLE
}

@test "rules 28: with nobody listening in red a published port refuses, and by a proxy too" {
  expect <<'TABLE'
outside  172.16.1.4    8400  tcp  refused
host     127.0.0.1     8400  tcp  refused
blue     192.168.15.1  8400  tcp  refused
outside  172.16.1.4    8401  tcp  refused
host     127.0.0.1     8401  tcp  refused
TABLE
}

@test "each audience alone: outside" {
  expect <<'TABLE'
outside  172.16.1.4    8101  tcp  ok red 172.16.1.5
host     172.16.1.4    8101  tcp  refused
host     192.168.15.1  8101  tcp  refused
host     127.0.0.1     8101  tcp  refused
blue     192.168.15.1  8101  tcp  refused
green    172.16.1.4    8101  tcp  refused
red      192.168.15.1  8101  tcp  refused
TABLE
}

@test "each audience alone: host" {
  expect <<'TABLE'
outside  172.16.1.4    8102  tcp  refused
host     172.16.1.4    8102  tcp  ok red 172.16.1.4
host     192.168.15.1  8102  tcp  ok red 192.168.15.1
host     127.0.0.1     8102  tcp  refused
blue     192.168.15.1  8102  tcp  refused
green    172.16.1.4    8102  tcp  refused
red      192.168.15.1  8102  tcp  refused
TABLE
}

@test "each audience alone: loopback" {
  expect <<'TABLE'
outside  172.16.1.4    8103  tcp  refused
host     172.16.1.4    8103  tcp  refused
host     192.168.15.1  8103  tcp  refused
host     127.0.0.1     8103  tcp  ok red 192.168.15.1
blue     192.168.15.1  8103  tcp  refused
green    172.16.1.4    8103  tcp  refused
red      192.168.15.1  8103  tcp  refused
TABLE
}

@test "each audience alone: network" {
  expect <<'TABLE'
outside  172.16.1.4    8104  tcp  refused
host     172.16.1.4    8104  tcp  refused
host     192.168.15.1  8104  tcp  refused
host     127.0.0.1     8104  tcp  refused
blue     192.168.15.1  8104  tcp  ok red 192.168.15.3
blue     172.16.1.4    8104  tcp  ok red 192.168.15.3
green    172.16.1.4    8104  tcp  ok red
green    192.168.16.1  8104  tcp  ok red
red      192.168.15.1  8104  tcp  refused
TABLE
}

@test "each audience alone: self" {
  expect <<'TABLE'
outside  172.16.1.4    8105  tcp  refused
host     172.16.1.4    8105  tcp  refused
host     192.168.15.1  8105  tcp  refused
host     127.0.0.1     8105  tcp  refused
blue     192.168.15.1  8105  tcp  refused
green    172.16.1.4    8105  tcp  refused
red      192.168.15.1  8105  tcp  ok red 192.168.15.1
red      172.16.1.4    8105  tcp  ok red 192.168.15.1
TABLE
}

@test "all audiences but one: that one is refused, and the others are answered" {
  expect <<'TABLE'
outside  172.16.1.4    8111  tcp  refused
host     172.16.1.4    8111  tcp  ok red
host     127.0.0.1     8111  tcp  ok red
blue     192.168.15.1  8111  tcp  ok red
green    172.16.1.4    8111  tcp  ok red
red      192.168.15.1  8111  tcp  ok red

outside  172.16.1.4    8112  tcp  ok red
host     172.16.1.4    8112  tcp  refused
host     192.168.15.1  8112  tcp  refused
host     127.0.0.1     8112  tcp  ok red
blue     192.168.15.1  8112  tcp  ok red
red      192.168.15.1  8112  tcp  ok red

outside  172.16.1.4    8113  tcp  ok red
host     172.16.1.4    8113  tcp  ok red
host     127.0.0.1     8113  tcp  refused
blue     192.168.15.1  8113  tcp  ok red
red      192.168.15.1  8113  tcp  ok red

outside  172.16.1.4    8114  tcp  ok red
host     172.16.1.4    8114  tcp  ok red
host     127.0.0.1     8114  tcp  ok red
blue     192.168.15.1  8114  tcp  refused
green    172.16.1.4    8114  tcp  refused
red      192.168.15.1  8114  tcp  ok red

outside  172.16.1.4    8115  tcp  ok red
host     172.16.1.4    8115  tcp  ok red
host     127.0.0.1     8115  tcp  ok red
blue     192.168.15.1  8115  tcp  ok red
red      192.168.15.1  8115  tcp  refused
TABLE
}

@test "by a proxy: everybody is answered; what is not from outside comes from the host" {
  expect <<'TABLE'
outside  172.16.1.4    8200  tcp  ok red 172.16.1.5
host     127.0.0.1     8200  tcp  ok red 192.168.15.1
host     172.16.1.4    8200  tcp  ok red
host     192.168.15.1  8200  tcp  ok red 192.168.15.1
blue     192.168.15.1  8200  tcp  ok red 192.168.15.1
blue     172.16.1.4    8200  tcp  ok red 192.168.15.1
green    192.168.16.1  8200  tcp  ok red 192.168.15.1
red      192.168.15.1  8200  tcp  ok red 192.168.15.1
red      172.16.1.4    8200  tcp  ok red 192.168.15.1
TABLE
}

@test "by a proxy: each audience alone" {
  expect <<'TABLE'
outside  172.16.1.4    8201  tcp  ok red 172.16.1.5
host     172.16.1.4    8201  tcp  refused
host     127.0.0.1     8201  tcp  refused
blue     192.168.15.1  8201  tcp  refused
red      192.168.15.1  8201  tcp  refused

outside  172.16.1.4    8202  tcp  refused
host     172.16.1.4    8202  tcp  ok red
host     192.168.15.1  8202  tcp  ok red
host     127.0.0.1     8202  tcp  refused
blue     192.168.15.1  8202  tcp  refused
red      192.168.15.1  8202  tcp  refused

outside  172.16.1.4    8203  tcp  refused
host     172.16.1.4    8203  tcp  refused
host     127.0.0.1     8203  tcp  ok red 192.168.15.1
blue     192.168.15.1  8203  tcp  refused
red      192.168.15.1  8203  tcp  refused

outside  172.16.1.4    8204  tcp  refused
host     172.16.1.4    8204  tcp  refused
host     127.0.0.1     8204  tcp  refused
blue     192.168.15.1  8204  tcp  ok red 192.168.15.1
green    192.168.16.1  8204  tcp  ok red 192.168.15.1
red      192.168.15.1  8204  tcp  refused

outside  172.16.1.4    8205  tcp  refused
host     172.16.1.4    8205  tcp  refused
host     127.0.0.1     8205  tcp  refused
blue     192.168.15.1  8205  tcp  refused
red      192.168.15.1  8205  tcp  ok red 192.168.15.1
TABLE
}

@test "by a proxy: udp" {
  expect <<'TABLE'
outside  172.16.1.4    5354  udp  ok red 172.16.1.5
host     127.0.0.1     5354  udp  ok red 192.168.15.1
blue     192.168.15.1  5354  udp  ok red 192.168.15.1
TABLE
}

@test "by a proxy: udp is answered from the address that was asked, whoever asks" {
  # One after the other: socat has one socket for all who ask at the same moment.
  expect_ok blue 172.16.1.4 5354 udp red 192.168.15.1
  expect_ok red 172.16.1.4 5354 udp red 192.168.15.1
  expect_ok green 172.16.1.4 5354 udp red 192.168.15.1
  expect_ok green 192.168.15.1 5354 udp red 192.168.15.1
  expect_ok host 172.16.1.4 5354 udp red
}

@test "rules 52: a range is published one to one" {
  expect <<'TABLE'
outside  172.16.1.4    7999  tcp  refused
outside  172.16.1.4    8000  tcp  ok red0 172.16.1.5
outside  172.16.1.4    8001  tcp  ok red1 172.16.1.5
outside  172.16.1.4    8002  tcp  ok red2 172.16.1.5
outside  172.16.1.4    8003  tcp  refused
host     127.0.0.1     8001  tcp  ok red1
host     172.16.1.4    8002  tcp  ok red2
blue     192.168.15.1  8001  tcp  ok red1
red      192.168.15.1  8002  tcp  ok red2
TABLE
}

@test "rules 53: a range is published one to one, shifted" {
  expect <<'TABLE'
outside  172.16.1.4    8009  tcp  refused
outside  172.16.1.4    8010  tcp  ok shifted0 172.16.1.5
outside  172.16.1.4    8011  tcp  ok shifted1 172.16.1.5
outside  172.16.1.4    8012  tcp  ok shifted2 172.16.1.5
outside  172.16.1.4    8013  tcp  refused
host     127.0.0.1     8011  tcp  ok shifted1
host     172.16.1.4    8012  tcp  ok shifted2
blue     192.168.15.1  8011  tcp  ok shifted1
red      192.168.15.1  8012  tcp  ok shifted2
TABLE
}

@test "rules 49: udp, answered from the address that was asked, beside tcp on the same number (rules 30)" {
  on host ip address add 172.16.1.44/24 dev eth0
  expect <<'TABLE'
outside  172.16.1.4    5353  udp  ok red 172.16.1.5
outside  172.16.1.44   5353  udp  ok red 172.16.1.5
outside  172.16.1.4    8080  udp  ok red 172.16.1.5
outside  172.16.1.44   8080  tcp  ok red 172.16.1.5
host     127.0.0.1     5353  udp  ok red 192.168.15.1
host     172.16.1.4    5353  udp  ok red 172.16.1.4
blue     192.168.15.1  5353  udp  ok red 192.168.15.3
red      192.168.15.1  5353  udp  ok red 192.168.15.1
green    172.16.1.4    5353  udp  ok red
outside  172.16.1.4    5353  tcp  refused
red      203.0.113.10  5353  udp  ok internet 172.16.1.4
TABLE
  on host ip address del 172.16.1.44/24 dev eth0
}

@test "rules 40: published on 127.0.0.1 it is the host's alone" {
  expect <<'TABLE'
host     127.0.0.1     8301  tcp  ok red 192.168.15.1
host     172.16.1.4    8301  tcp  refused
outside  172.16.1.4    8301  tcp  refused
blue     192.168.15.1  8301  tcp  refused
red      192.168.15.1  8301  tcp  refused
TABLE
}

@test "rules 47: published on one address of the host it is not on the others" {
  expect <<'TABLE'
outside  172.16.1.4    8302  tcp  ok red 172.16.1.5
host     172.16.1.4    8302  tcp  ok red 172.16.1.4
host     127.0.0.1     8302  tcp  refused
host     192.168.15.1  8302  tcp  refused
blue     172.16.1.4    8302  tcp  ok red 192.168.15.3
blue     192.168.15.1  8302  tcp  refused
green    172.16.1.4    8302  tcp  ok red
red      172.16.1.4    8302  tcp  ok red 192.168.15.1

outside  172.16.1.4    8303  tcp  refused
host     192.168.15.1  8303  tcp  ok red
blue     192.168.15.1  8303  tcp  ok red
host     172.16.1.4    8303  tcp  refused
TABLE
}

@test "rules 30: one number on two addresses is two ports" {
  expect <<'TABLE'
host     127.0.0.1     8304  tcp  ok red
host     172.16.1.4    8304  tcp  ok blue
outside  172.16.1.4    8304  tcp  ok blue 172.16.1.5
TABLE
}

@test "rules 31 to 34: a machine with a route to the namespaces reaches none of them" {
  on outside ip route add 192.168.15.0/24 via 172.16.1.4
  on router ip route add 192.168.15.0/24 via 172.16.1.4
  expect <<'TABLE'
outside   192.168.15.2  80  tcp   timeout
outside   192.168.15.2  81  tcp   timeout
outside   192.168.15.2  -   ping  timeout
outside   192.168.15.2  53  udp   timeout
outside   192.168.15.3  80  tcp   timeout
internet  192.168.15.2  80  tcp   timeout|unreachable
TABLE
  on outside ip route del 192.168.15.0/24
  on router ip route del 192.168.15.0/24
}

@test "rules 3.4: a port on the bridge's address is no way in for a machine with a route to it, or there is a warning" {
  on outside ip route add 192.168.15.0/24 via 172.16.1.4
  expect_refused outside 192.168.15.1 8301 tcp
  run --separate-stderr render tests/topologies/published.yaml
  # shellcheck disable=SC2154 # set by run
  [[ $stderr == *"192.168.15.1"*"warning"* || $stderr == *"warning"*"192.168.15.1"* ]] ||
    expect <<<"outside 192.168.15.1 8303 tcp refused|timeout"
  on outside ip route del 192.168.15.0/24
}

@test "rules 41: a forged packet to 127.0.0.1 from the LAN is not answered" {
  [[ $(inject outside eth0 172.16.1.5 127.0.0.1 8080 tcp) == nothing ]]
  [[ $(inject outside eth0 172.16.1.5 127.0.0.1 8301 tcp) == nothing ]]
  [[ $(inject outside eth0 172.16.1.5 127.0.0.1 5353 udp) == nothing ]]
}

@test "rules 42: a forged packet to 127.0.0.1 from a namespace is not answered" {
  [[ $(inject blue veth-blue 192.168.15.3 127.0.0.1 8080 tcp) == nothing ]]
  [[ $(inject blue veth-blue 192.168.15.3 127.0.0.1 8301 tcp) == nothing ]]
  [[ $(inject green veth-green 192.168.16.2 127.0.0.1 8080 tcp) == nothing ]]
}

@test "rules 43 to 45: what the host has on 127.0.0.1 only stays its own" {
  serve "host 127.0.0.1 9000 tcp host-only" "host 127.0.0.1 9001 udp host-only"
  requests_forget
  [[ $(inject blue veth-blue 192.168.15.3 127.0.0.1 9000 tcp) == nothing ]]
  [[ $(inject blue veth-blue 192.168.15.3 127.0.0.1 9001 udp) == nothing ]]
  [[ $(inject outside eth0 172.16.1.5 127.0.0.1 9000 tcp) == nothing ]]
  [[ $(inject outside eth0 172.16.1.5 127.0.0.1 9001 udp) == nothing ]]
  [[ -z $(requests) ]]
  expect <<'TABLE'
host  127.0.0.1  9000  tcp  ok host-only 127.0.0.1
host  127.0.0.1  9001  udp  ok host-only 127.0.0.1
TABLE
}

@test "a forged packet from 127.0.0.1 does not reach red" {
  requests_forget
  [[ $(inject blue veth-blue 127.0.0.1 192.168.15.1 5353 udp) == nothing ]]
  [[ $(inject outside eth0 127.0.0.1 172.16.1.4 5353 udp) == nothing ]]
  [[ -z $(requests) ]]
}

@test "rules 11: a rule that drops whatever is forwarded, and was there first, does not stop what is published" {
  lab_start
  on host iptables -w -A FORWARD -j DROP
  up tests/topologies/published.yaml
  serve "red * 80 tcp" "blue * 80 tcp"
  expect <<'TABLE'
outside  172.16.1.4    8080  tcp  ok red 172.16.1.5
blue     192.168.15.1  8080  tcp  ok red 192.168.15.3
red      192.168.15.3  80    tcp  ok blue
TABLE
  lab_stop
}

@test "rules 11, 3.8: nor what goes out to the internet" {
  lab_start
  on host iptables -w -A FORWARD -j DROP
  up tests/topologies/published.yaml
  expect_ok red 203.0.113.10 80 tcp internet 172.16.1.4
  lab_stop
}

@test "rules 29: a port on which the host listens itself is refused before anything is touched" {
  lab_start
  serve "host 0.0.0.0 8080 tcp"
  local before
  before=$(snapshot)
  prepare examples/steps/5-publish.yaml
  run ! script up
  [[ $output == *8080* ]]
  expect_snapshot "$before"
  lab_stop
}

# A topology in which that namespace publishes a UDP port, or none does.
moving() { # red|blue|nobody
  local publish='publish: ["5353:53/udp"]' red='' blue=''
  [[ $1 != red ]] || red=$publish
  [[ $1 != blue ]] || blue=$publish
  up - <<YAML
name: moving
networks: {bridge0: {subnet: 192.168.15.0/24, internet: true}}
namespaces:
  red: {networks: {bridge0: 192.168.15.2}, $red}
  blue: {networks: {bridge0: 192.168.15.3}, $blue}
YAML
}

@test "rules 50: a client that goes on asking by udp is answered by whoever has the port now" {
  lab_start
  moving red
  serve "red * 53 udp" "blue * 53 udp"
  expect_ok outside@172.16.1.5#40000 172.16.1.4 5353 udp red 172.16.1.5
  moving blue
  expect_ok outside@172.16.1.5#40000 172.16.1.4 5353 udp blue 172.16.1.5
  lab_stop
}

@test "rules 50: a client that asked by udp before the port was published is answered from then on" {
  lab_start
  moving nobody
  serve "red * 53 udp"
  expect_refused outside@172.16.1.5#40000 172.16.1.4 5353 udp
  moving red
  expect_ok outside@172.16.1.5#40000 172.16.1.4 5353 udp red 172.16.1.5
  lab_stop
}

@test "rules 50: a client that goes on asking by udp is not answered once nobody has the port" {
  lab_start
  moving blue
  serve "blue * 53 udp"
  expect_ok outside@172.16.1.5#40000 172.16.1.4 5353 udp blue 172.16.1.5
  moving nobody
  expect_refused outside@172.16.1.5#40000 172.16.1.4 5353 udp
  lab_stop
}
