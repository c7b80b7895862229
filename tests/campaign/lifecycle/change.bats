#!/usr/bin/env bats
# The script of a changed topology over the running old one, in both directions: the result is what a fresh build of the
# new one gives, and connections through what both have in common go on. Most kinds of changes are in pairs.yaml.

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
another address of the namespace that publishes|o|s/10.77.0.2/10.77.0.22/
automatic addresses|po|s/networks: {lan0: 10.77.0.3}/networks: [lan0]/
the subnets of two networks exchanged||s/10.77.0/10.99.0/;s/10.78.0/10.77.0/;s/10.99.0/10.78.0/
a port published by udp|pno|s/8080:80/&\/udp/
a port published for one address|pno|s/8080:80/172.16.1.4:&/
isolated members of the other network|pn|s,    subnet: 10.78.0.0/24,&\n    isolate: true,
dual stack|pno|s,subnet: 10.77.0.0/24,subnet: [10.77.0.0/24\, "fd00:77::/64"],;s/10.77.0.2}/[10.77.0.2, "fd00:77::2"]}/
IPv6 alone on the other network|pn|s,subnet: 10.78.0.0/24,subnet: "fd00:78::/64",;s/{lan1: 10.78.0.\(.\)}/{lan1: "fd00:78::\1"}/
no bridge_netfilter|pno|s/    internet: true/&\n    bridge_netfilter: off/
spanning tree|pn|s,    subnet: 10.78.0.0/24,&\n    stp: true,
another name of a service|pno|s/one: {command/two: {command/
no files|pno|/dns:/d;/hosts:/d
no commands|pno|/exec:/d
no parameters|pno|/sysctls:/d
CHANGES

@test "nothing but a name" {
  expect_change "$BASE" "$(topology <<<'name: change')"
}
