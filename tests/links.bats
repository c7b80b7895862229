#!/usr/bin/env bats
# What a device knows of its link, or learns there: static neighbours, addresses that it answers for, link-local addresses.

bats_require_minimum_version 1.5.0
load lab/lab

setup() {
  lab_start
}

teardown() {
  lab_stop
}

# A router advertisement, RFC 4861, with a prefix from which hosts make their addresses, RFC 4862.
advertise() { # NODE DEVICE PREFIX
  on "$1" python3 - "${@:2}" <<'PY'
import socket, struct, sys
device, prefix = sys.argv[1], socket.inet_pton(socket.AF_INET6, sys.argv[2])
sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
sent = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
sent += struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 1800, 1800, 0) + prefix
sender.sendto(sent, ("ff02::1", 0, 0, socket.if_nametoindex(device)))
PY
}

# What a command prints, as soon as it prints anything.
eventually() { # COMMAND…
  local tries
  for ((tries = 0; tries < 50; tries++)); do
    [[ ! $("$@") ]] || break
    sleep 0.1
  done
  "$@"
}

link_local() { # NODE DEVICE
  on "$1" ip -6 -o address show dev "$2" scope link -tentative
}

@test "a neighbour is not asked for, a router answers for addresses elsewhere, and check tells where not" {
  up tests/topologies/neighbours.yaml
  # Who answers for others waits up to 0.8 s before, so that the owner may come first, arp(7).
  on gate sysctl -qw net.ipv4.neigh.veth-gate.proxy_delay=0 net.ipv6.neigh.veth-gate.proxy_delay=0
  expect_ping one 10.1.0.9
  expect_ping one fd00:61::9
  expect_ping host 169.254.1.2
  [[ $(on one ip neighbour show 10.1.0.77) == *PERMANENT* ]]
  on one ip neighbour del 10.1.0.77 dev veth-one
  on gate ip neighbour del proxy 10.1.0.9 dev veth-gate
  on host ip neighbour del 169.254.1.2 dev lab0
  on one ip neighbour flush all
  expect <<<"one 10.1.0.9 - ping timeout|unreachable"
  run -1 script check
  [[ $output == *"one: missing: neighbour 10.1.0.77 dev veth-one lladdr 02:00:00:00:01:77 PERMANENT"* ]]
  [[ $output == *"gate: missing: neighbour 10.1.0.9 dev veth-gate proxy"* ]]
  [[ $output == *"host: missing: neighbour 169.254.1.2 dev lab0"* ]]
  script up
  run -0 script check
  expect_ping one 10.1.0.9
  on gate sysctl -qw net.ipv6.conf.veth-gate.proxy_ndp=0
  on one ip neighbour flush all
  expect <<<"one fd00:61::9 - ping timeout|unreachable"
  run -1 script check
}

@test "neighbours that change: what is no longer written is gone" {
  up tests/topologies/neighbours.yaml
  prepare "$(variant tests/topologies/neighbours.yaml 's/, 10.1.0.77: /, 10.1.0.78: /; s/proxy_neighbours: .*/proxy_neighbours: 10.1.0.9/; s/, "fd00:8::2": "[^"]*"//')"
  script up
  run -0 script check
  [[ $(on one ip neighbour show nud permanent) == *10.1.0.78* ]]
  [[ $(on one ip neighbour show nud permanent) != *10.1.0.77* ]]
  [[ $(on gate ip neighbour show proxy) == '10.1.0.9 dev veth-gate proxy '* ]]
  [[ $(on host sysctl -n net.ipv6.conf.lab0.disable_ipv6) == 1 ]]
  run -0 script up
  [[ $output == *"nothing to do"* ]]
}

@test "an end without addresses speaks IPv6 where it is asked for, and nowhere else" {
  up tests/topologies/unnumbered.yaml
  for end in "spine to-leaf1" "leaf1 up" "m1 to-m2" "m2 to-m1" "host up0" "spine to-host" "client eth0" "client veth-client" "client mv0"; do
    [[ $(eventually link_local "${end% *}" "${end#* }") == *fe80:* ]] || fail "$end has no link-local address"
  done
  [[ ! $(link_local leaf1 down) ]]
  on spine ping -c 1 -W 2 "$(link_local leaf1 up | grep -o 'fe80:[^/]*')%to-leaf1"
  [[ $(on host sysctl -n net.ipv6.conf.up0.accept_ra) == 0 ]]
}

@test "an end with a link-local address alone makes its address from router advertisements, and check is content" {
  up tests/topologies/unnumbered.yaml
  [[ $(eventually link_local client eth0) && $(eventually link_local gate eth0) ]]
  advertise gate eth0 fd00:5::
  [[ $(eventually on client ip -6 -o address show dev eth0 scope global -tentative) == *fd00:5::* ]]
  expect_ping client fd00:5::1
  [[ $(on client ip -6 route show default) == *"via fe80:"*" dev eth0"* ]]
  run -0 script check --strict
  run -0 script up
  [[ $output == *"nothing to do"* ]]
  # And after a change, in which all of it is seen anew.
  prepare "$(variant tests/topologies/unnumbered.yaml 's/10.255.0.1/10.255.0.2/')"
  script up
  run -0 script check
  on client ip -6 route flush proto kernel root fd00:5::/64
  run -0 script check
}

@test "link-local addresses that are no longer asked for are gone" {
  up tests/topologies/unnumbered.yaml
  prepare "$(variant tests/topologies/unnumbered.yaml 's/, link_local: true//g; s/link_local: true//g')"
  script up
  run -0 script check
  for end in "spine to-leaf1" "leaf1 up" "m1 to-m2" "host up0" "client eth0" "client veth-client" "client mv0"; do
    [[ ! $(link_local "${end% *}" "${end#* }") ]] || fail "$end still has a link-local address"
  done
  prepare tests/topologies/unnumbered.yaml
  script up
  run -0 script check
  [[ $(eventually link_local leaf1 up) == *fe80:* ]]
}
