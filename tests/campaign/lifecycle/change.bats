#!/usr/bin/env bats
# The script of a changed topology over the running old one, for each kind of change and in both directions: the result
# is what a fresh build of the new one gives, and connections through what both have in common go on.

bats_require_minimum_version 1.5.0
load ../../lab/lab
load campaign

setup() {
  lab_start redirects=0 rp_filter=1
  harden
}

teardown() {
  lab_stop
}

BASE=tests/campaign/lifecycle/base.yaml

# The connections of base.yaml: to a published port, between neighbours, and on the other network.
connections() { # [p][n][o]
  [[ $1 != *p* ]] || printf '%s\n' "outside 172.16.1.4 9000 red 7000"
  [[ $1 != *n* ]] || printf '%s\n' "blue 10.77.0.2 7001 red 7001"
  [[ $1 != *o* ]] || printf '%s\n' "green 10.78.0.3 7002 yellow 7002"
}

change() { # CONNECTIONS SED_EXPRESSION...
  local surviving
  mapfile -t surviving < <(connections "$1")
  expect_change "$BASE" "$(variant "$BASE" "${@:2}")" "${surviving[@]}"
}

# What is changed | the connections that go on | how
while IFS='|' read -r name surviving expression; do
  bats_test_function --description "$name" -- change "$surviving" "$expression"
done <<'CHANGES'
a namespace less, and more|po|/^  blue:/,/lan0/d
another address of a namespace|po|s/10.77.0.3/10.77.0.33/
another address of the namespace that publishes|o|s/10.77.0.2/10.77.0.22/
an address more, and less|pno|s/{lan0: 10.77.0.3}/{lan0: [10.77.0.3, 10.77.0.4]}/
automatic addresses|po|s/networks: {lan0: 10.77.0.3}/networks: [lan0]/
a subnet moved|pn|s/10.78.0/10.79.0/
a subnet made larger|pno|s,10.78.0.0/24,10.78.0.0/16,
the subnets of two networks exchanged||s/10.77.0/10.99.0/;s/10.78.0/10.77.0/;s/10.99.0/10.78.0/
another gateway|pno|s,    subnet: 10.78.0.0/24,&\n    gateway: 10.78.0.254,
no gateway|pno|s,    subnet: 10.78.0.0/24,&\n    gateway: false,
a network renamed|pn|s/lan1/lan7/
a namespace on one network more, and less|pno|s/{lan1: 10.78.0.2}/{lan1: 10.78.0.2, lan0: 10.77.0.8}/
a namespace on another network|pn|s/{lan1: 10.78.0.2}/{lan0: 10.77.0.8}/
a port unpublished|pno|/8080:80/d
another port published|pno|s/8080:80/8081:81/
a port published by udp|pno|s/8080:80/&\/udp/
a port published for one address|pno|s/8080:80/172.16.1.4:&/
a port published for some|pno|s/"8080:80"/{published: 8080, target: 80, reach: [host, loopback]}/
a port published by a proxy|pno|s/"8080:80"/{published: 8080, target: 80, via: proxy}/
isolated members|po|s/    internet: true/&\n    isolate: true/
isolated members of the other network|pn|s,    subnet: 10.78.0.0/24,&\n    isolate: true,
the other network on the internet|pno|s,    subnet: 10.78.0.0/24,&\n    internet: true,
the other network routed|pno|s,    subnet: 10.78.0.0/24,&\n    internet: true\n    masquerade: false,
nothing published, and no internet: no forwarding|no|/internet: true/d;/    publish:/,/8080:80/d
dual stack|pno|s,subnet: 10.77.0.0/24,subnet: [10.77.0.0/24\, "fd00:77::/64"],;s/10.77.0.2}/[10.77.0.2, "fd00:77::2"]}/
IPv6 alone on the other network|pn|s,subnet: 10.78.0.0/24,subnet: "fd00:78::/64",;s/{lan1: 10.78.0.\(.\)}/{lan1: "fd00:78::\1"}/
bridge_netfilter of the bridge alone|pno|s/    internet: true/&\n    bridge_netfilter: bridge/
no bridge_netfilter|pno|s/    internet: true/&\n    bridge_netfilter: off/
another MTU|pno|s/    internet: true/&\n    mtu: 1400/
another MAC of the bridge|pno|s/    internet: true/&\n    mac: "02:00:00:00:77:01"/
spanning tree|pn|s,    subnet: 10.78.0.0/24,&\n    stp: true,
another MAC in a namespace|pno|s/{lan0: 10.77.0.3}/{lan0: {address: 10.77.0.3, mac: "02:00:00:00:77:03"}}/
another name of a device|po|s/{lan0: 10.77.0.3}/{lan0: {address: 10.77.0.3, interface: eth0}}/
another command of a service|pno|s/1001/1002/
another name of a service|pno|s/one: {command/two: {command/
no service|pno|/services:/,/one:/d
another nameserver, other hosts|pno|s/9.9.9.9/1.1.1.1/;s/{red: 10.77.0.2}/true/
no files|pno|/dns:/d;/hosts:/d
other commands, and other ways to undo them|pno|s/fwmark, "\(.\)", table, "."/fwmark, "\1", table, "9"/g
no commands|pno|/exec:/d
other parameters|pno|s/: 7}/: 8}/;s/: 63}/: 62}/
no parameters|pno|/sysctls:/d
a namespace that forwards|pno|s/{lan0: 10.77.0.3}/&\n    forwarding: true/
routes|pno|s/{lan0: 10.77.0.3}/&\n    routes: [{to: 10.9.0.0\/16, via: 10.77.0.1}, {to: 10.10.0.0\/16, type: blackhole}]/;s/^host:/&\n  routes: [{to: 10.11.0.0\/16, via: 10.77.0.3}]/
CHANGES

@test "nothing but a name" {
  expect_change "$BASE" "$(topology <<<'name: change')"
}
