#!/usr/bin/env bats
# Firewall marks that a node sets, and what becomes of packets and connections that have one.

bats_require_minimum_version 1.5.0
load lab/lab

setup() {
  lab_start
}

teardown() {
  lab_stop
}

serve_all() {
  on right ip address add fd00:79::7/128 dev lo nodad # IPv6 asks from no address that is only in a route
  serve "left * 80 tcp" "left * 81 tcp" "left * 82 tcp" "left * 7 udp" "right * 80 tcp" "right * 81 tcp" \
    "right * 82 tcp" "right * 7 udp" "client * 22 tcp" "client * 5300 udp" "gate * 22 tcp"
}

@test "packets go by the table of their mark: by device, port, source, destination and protocol; the last entry holds" {
  up examples/marks.yaml
  serve_all
  expect <<'TABLE'
client               198.51.100.8    80  tcp  ok right
client               198.51.100.8    81  tcp  ok right
client               198.51.100.8    82  tcp  ok left
client               198.51.100.200  81  tcp  ok left
client               198.51.100.200  80  tcp  ok right
client               fd00:79::9      80  tcp  ok right
client               fd00:79::9      82  tcp  ok left
client@fd00:71::2#5309  fd00:79::9   82  tcp  ok right
client@fd00:71::2#5310  fd00:79::9   82  tcp  ok left
client@10.1.0.2#53   198.51.100.8    7   udp  ok right
client@10.1.0.2#54   198.51.100.8    7   udp  ok left
gate                 198.51.100.9    80  tcp  ok right
gate                 198.51.100.8    80  tcp  ok left
TABLE
}

@test "the mark of a connection is that of its answers" {
  up examples/marks.yaml
  serve_all
  expect <<'TABLE'
right@198.51.100.7   10.1.0.2     22  tcp   ok client 198.51.100.7
right@198.51.100.7   10.1.0.2     5300  udp   ok client 198.51.100.7
right@fd00:79::7     fd00:71::2   22  tcp   ok client fd00:79::7
right@198.51.100.7   10.3.0.1     22  tcp   ok gate 198.51.100.7
right@198.51.100.7   10.3.0.1     -   ping  ok
left@198.51.100.7    10.1.0.2     22  tcp   ok client 198.51.100.7
TABLE
  script down
  serve_stop
  up "$(variant examples/marks.yaml '/connection: true/d')"
  serve_all
  expect <<'TABLE'
right@198.51.100.7   10.1.0.2     22  tcp   timeout
right@fd00:79::7     fd00:71::2   22  tcp   timeout
right@198.51.100.7   10.3.0.1     22  tcp   timeout
left@198.51.100.7    10.1.0.2     22  tcp   ok client 198.51.100.7
TABLE
}

@test "who goes on asking by udp has the mark of what is written now" {
  up "$(variant examples/marks.yaml '/connection: true/d')"
  serve_all
  expect <<'TABLE'
right@198.51.100.7#4000   10.1.0.2     5300  udp   timeout
TABLE
  prepare examples/marks.yaml
  script up
  expect <<'TABLE'
right@198.51.100.7#4000   10.1.0.2     5300  udp   ok client 198.51.100.7
TABLE
}

@test "rules of others in the mangle table stay, what is gone of ours is told, and put back" {
  on host iptables -w -t mangle -A PREROUTING -i lo -j MARK --set-xmark 0x100/0xf00
  up examples/marks.yaml
  serve_all
  on gate iptables -w -t mangle -D PREROUTING 1
  on gate ip6tables -w -t mangle -F NSGEN-marks-MARK
  on host iptables -w -t mangle -F NSGEN-marks-OWN
  expect_ok client 198.51.100.8 80 tcp left
  run -1 script check
  [[ $output == *'gate: '*NSGEN-marks-MARK* && $output == *'host: '*NSGEN-marks-OWN* ]]
  script up
  run -0 script check
  expect_ok client 198.51.100.8 80 tcp right
  script down
  [[ $(on host iptables-save -t mangle) == *'-A PREROUTING -i lo -j MARK --set-xmark 0x100/0xf00'* ]]
  [[ $(on host iptables-save -t mangle) != *NSGEN* ]]
}
