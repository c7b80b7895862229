#!/usr/bin/env bats
# BGP unnumbered, by FRR itself: cables without an address, on which routers find each other by their link-local addresses.

bats_require_minimum_version 1.5.0
load lab/lab
load campaign/lifecycle/campaign

setup() {
  [[ -x /usr/lib/frr/bgpd && $EUID -eq 0 ]] || skip 'FRR is not installed, or this is not root: /usr/lib/frr/bgpd becomes the user frr'
  lab_start
}

teardown() {
  lab_stop
}

# Both daemons of a router are one service, which ends as one. (FRR leaves /run/frr behind.)
fabric() {
  cat <<'YAML'
name: unnumbered
links:
  - {endpoints: ["spine:leaf[1-2]", "leaf[1-2]:spine"], link_local: true}
namespaces:
  spine:
    forwarding: true
    interfaces: {lo: {address: 10.255.0.10/32}}
    services:
      frr:
        environment: {NODE: spine, AS: 65000, PORTS: leaf1 leaf2}
        command: &frr
          - sh
          - -c
          - |
            run=/run/frr/$NODE
            install -d -o frr -g frr /run/frr "$run"
            {
              echo "router bgp $AS"
              echo " no bgp ebgp-requires-policy"
              for port in $PORTS; do
                echo " neighbor $port interface remote-as external"
                echo " neighbor $port timers connect 1"
              done
              echo " address-family ipv4 unicast"
              echo "  redistribute connected"
            } >"$run/bgpd.conf"
            for port in $PORTS; do
              echo "interface $port"
              echo " ipv6 nd ra-interval 1"
            done >"$run/zebra.conf"
            /usr/lib/frr/zebra -N "$NODE" -P 0 -f "$run/zebra.conf" -i "$run/zebra.pid" &
            exec /usr/lib/frr/bgpd -N "$NODE" -P 0 -f "$run/bgpd.conf" -i "$run/bgpd.pid"
  leaf1:
    forwarding: true
    interfaces: {lo: {address: 10.255.0.1/32}}
    services:
      frr: {environment: {NODE: leaf1, AS: 65001, PORTS: spine}, command: *frr}
  leaf2:
    forwarding: true
    interfaces: {lo: {address: 10.255.0.2/32}}
    services:
      frr: {environment: {NODE: leaf2, AS: 65002, PORTS: spine}, command: *frr}
YAML
}

# All of it is there a few seconds after the last of them has started.
learns() { # NODE ADDRESS
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    [[ $(on "$1" ip route show "$2") != *' via inet6 fe80::'*' proto bgp '* ]] || return 0
    sleep 0.2
  done
  fail "$1 has not learnt the way to $2: $(on "$1" ip route show table all)"
}

@test "routers learn each other's loopbacks by link-local addresses alone, and check is content with what FRR adds" {
  local node before
  prepare "$(topology < <(fabric))"
  before=$(state)
  on host mount -t tmpfs tmpfs /var/tmp # where FRR keeps its logs
  script up
  for node in leaf1 leaf2 spine; do
    run -0 on "$node" ip -4 -brief address show scope global up
    [[ $output == 'lo '*' 10.255.0.'+([0-9])'/32 ' ]] || fail "$node has an address on a cable: $output"
  done
  learns leaf1 10.255.0.2
  learns leaf2 10.255.0.1
  learns leaf1 10.255.0.10
  on leaf1 ping -q -c 1 -w 5 -I 10.255.0.1 10.255.0.2
  on leaf2 ping -q -c 1 -w 5 -I 10.255.0.2 10.255.0.10
  run -0 script check --strict
  [[ ! $output ]] || fail "check is not content: $output"
  run -0 script up
  [[ $output == *'nothing to do' ]]
  on leaf1 ping -q -c 1 -w 5 -I 10.255.0.1 10.255.0.2
  script down
  expect_state "$before"
}
