#!/usr/bin/env bats
# Links and interfaces: topologies that others have published, with what was seen of them; repair and change.

bats_require_minimum_version 1.5.0
load lab/lab

setup() {
  lab_start
}

teardown() {
  lab_stop
}

# The hops that a ping's answer has left.
ttl() { # FROM TO
  on "$1" ping -c 1 -W 2 "$2" | grep -o 'ttl=[0-9]*'
}

# As a change of one topology into another, both ways: the same as a fresh build, and nothing left.
expect_same_as_fresh() { # OLD NEW
  local before fresh
  before=$(snapshot)
  prepare "$2"
  script up
  fresh=$(snapshot --stateless)
  script down
  prepare "$1"
  script up
  prepare "$2"
  script up || fail "up over the old one fails"
  expect_snapshot "$fresh" --stateless
  run -0 script check
  script up
  expect_snapshot "$fresh" --stateless
  script down
  expect_snapshot "$before"
}

@test "two subnets and a router: it answers, forwards, and the host is no part of it" {
  up examples/router.yaml
  expect <<'TABLE'
ns1   192.168.1.1  -  ping  ok
ns1   192.168.2.2  -  ping  ok
ns2   192.168.1.2  -  ping  ok
TABLE
  [[ $(ttl ns1 192.168.2.2) == ttl=63 ]]
  on router-ns sysctl -qw net.ipv4.ip_forward=0
  expect_timeout ns1 192.168.2.2 - ping
  script check && fail "check does not notice that the router does not forward"
  script up
  expect_ping ns1 192.168.2.2
}

@test "two subnets and a router, beside br_netfilter and a policy of DROP" {
  lab_stop
  lab_start forward=DROP brnf=1
  up examples/router.yaml
  expect_ping ns1 192.168.1.1
  expect_ping ns1 192.168.2.2
}

@test "a chain of routers: each has to forward" {
  up examples/chain.yaml
  expect_ping host 192.168.0.1
  [[ $(ttl host 192.168.0.1) == ttl=62 ]]
  on rt1 sysctl -qw net.ipv4.ip_forward=0
  expect_timeout host 192.168.0.1 - ping
  on rt0 sysctl -qw net.ipv4.ip_forward=0
  expect_timeout host 192.168.0.1 - ping
}

@test "a bridge in a namespace, one on the host, and a router between them: every pair" {
  local from to
  up examples/bridges.yaml
  for from in host host1 host2 host3 host4; do
    for to in 10.0.0.2 10.0.0.3 10.0.0.4 10.0.1.2 10.0.1.3 10.0.1.4; do
      printf '%s\n' "$from $to - ping ok"
    done
  done | expect
}

@test "two VXLANs bridged: one network, with less room in a packet" {
  up examples/overlay.yaml
  expect <<'TABLE'
zone1  10.0.0.2  -  ping  ok
zone1  10.0.0.3  -  ping  ok
zone2  10.0.0.3  -  ping  ok
TABLE
  on zone1 ping -c 1 -W 2 -M 'do' -s 1422 10.0.0.2 >/dev/null
  run ! on zone1 ping -c 1 -W 2 -M 'do' -s 1472 10.0.0.2
}

@test "a VXLAN whose others are listed, and one that finds them by multicast" {
  local topology
  topology=$(topology <<'YAML'
name: vxlans
networks: {under: {}}
namespaces:
  one:
    networks: {under: {address: 10.1.0.1/24, interface: eth0}}
    interfaces:
      vx1: {type: vxlan, id: 1, local: 10.1.0.1, peers: [10.1.0.2, 10.1.0.3], address: 10.2.0.1/24}
      vx2: {type: vxlan, id: 2, group: 239.1.1.1, link: eth0, address: 10.3.0.1/24}
  two:
    networks: {under: {address: 10.1.0.2/24, interface: eth0}}
    interfaces:
      vx1: {type: vxlan, id: 1, local: 10.1.0.2, peers: [10.1.0.1, 10.1.0.3], address: 10.2.0.2/24}
      vx2: {type: vxlan, id: 2, group: 239.1.1.1, link: eth0, address: 10.3.0.2/24}
  three:
    networks: {under: {address: 10.1.0.3/24, interface: eth0}}
    interfaces:
      vx1: {type: vxlan, id: 1, local: 10.1.0.3, peers: [10.1.0.1, 10.1.0.2], address: 10.2.0.3/24}
YAML
)
  up "$topology"
  expect <<'TABLE'
one    10.2.0.2  -  ping  ok
two    10.2.0.3  -  ping  ok
three  10.2.0.1  -  ping  ok
one    10.3.0.2  -  ping  ok
TABLE
  script up
  run -0 script check
  on one bridge fdb del 00:00:00:00:00:00 dev vx1 dst 10.1.0.3
  run -1 script check
  [[ $output == 'one: missing: fdb 00:00:00:00:00:00 dev vx1 dst 10.1.0.3 self permanent' ]]
  script up
  run -0 script check
}

@test "macvlans on the end of a cable reach each other and the other end" {
  local from to
  up examples/macvlan.yaml
  for from in a c d e; do
    for to in 1 2 3 4; do
      printf '%s\n' "$from 198.51.100.$to - ping ok"
    done
  done | expect
}

@test "source routing: each source has its own way" {
  up examples/source-routing.yaml
  way() { on R1 ip route get 192.168.2.2 from "$1" iif net2; }
  [[ $(way 192.168.1.2) == *'dev net0'* ]]
  [[ $(way 192.168.1.3) == *'via 10.0.0.6 dev net1'* ]]
  [[ $(way 192.168.1.4) == *'dev net0'* ]]
  expect <<'TABLE'
R4@192.168.1.2  192.168.2.2  -  ping  ok
R4@192.168.1.3  192.168.2.2  -  ping  ok
R4@192.168.1.4  192.168.2.2  -  ping  ok
TABLE
  [[ $(ttl R4 192.168.2.2) == ttl=62 ]]
  on R1 ip rule del priority 1001
  run -1 script check
  [[ $output == 'R1: missing: rule priority 1001 from 192.168.1.3 lookup 20' ]]
  script up
  [[ $(way 192.168.1.3) == *'dev net1'* ]]
  run -0 script check
}

@test "SNAT to ranges of ports of two addresses: the server sees just those" {
  local last wanted first held seen
  up examples/napt.yaml
  serve "S1 * 80 tcp"
  while read -r last wanted first; do
    expect_ok "C1@10.0.0.$last" 20.0.0.2 80 tcp S1 "$wanted"
    held=$(on R1 conntrack -L -p tcp --orig-src "10.0.0.$last" 2>/dev/null | grep -o 'dport=[0-9]*' | tail -n 1)
    ((${held#dport=} >= first && ${held#dport=} <= first + 8)) || fail "not one of its ports: $held"
  done <<'SEEN'
2 20.0.0.100 10000
3 20.0.0.100 20000
4 20.0.0.101 30000
SEEN
  # Pings are no TCP, and go untranslated.
  on S1 ip route del default
  on S1 ip route add 10.0.0.0/24 via 20.0.0.1
  expect_ping C1@10.0.0.2 20.0.0.2
  seen=$(packets S1 net0 on C1 ping -c 1 -W 2 -I 10.0.0.2 20.0.0.2)
  [[ $seen == *10.0.0.2* ]] || fail "$seen"
}

@test "SNAT to nine ports: nine connections at a time, and no more" {
  up examples/napt.yaml
  cat >"$LAB/hold.py" <<'PYTHON'
import socket
server = None
held = []
for _ in range(12):
    sock = socket.socket()
    sock.settimeout(3)
    sock.bind(("10.0.0.2", 0))
    try:
        sock.connect(("20.0.0.2", 7777))
        held.append(sock)
    except OSError:
        pass
print(len(held))
PYTHON
  on S1 python3 -m http.server 7777 >/dev/null 2>&1 &
  disown
  await S1 7777
  [[ $(on C1 python3 "$LAB/hold.py") == 9 ]]
}

@test "NAT twice in a row, and a port that comes back through both" {
  local topology
  topology=$(topology <<'YAML'
name: twice
links:
  - endpoints: {inet:eth0: 203.0.113.99/24, isp:wan: 203.0.113.1/24}
  - endpoints: {isp:lan: 100.64.0.1/24, home:wan: 100.64.0.2/24}
  - endpoints: {home:lan: 192.168.0.1/24, pc:eth0: 192.168.0.10/24}
namespaces:
  inet: {}
  isp:
    forwarding: true
    nat: [{masquerade: wan}, {dnat: "100.64.0.2:8080", port: 8080, in: wan}]
  home:
    forwarding: true
    nat: [{masquerade: wan}, {dnat: "192.168.0.10:80", port: 8080, in: wan}]
    routes: [{to: default, via: 100.64.0.1}]
  pc: {routes: [{to: default, via: 192.168.0.1}]}
YAML
)
  up "$topology"
  serve "inet * 7000 tcp" "pc * 80 tcp" "inet * 8080 tcp"
  expect <<'TABLE'
pc    203.0.113.99  7000  tcp  ok inet 203.0.113.1
inet  203.0.113.1   8080  tcp  ok pc 203.0.113.99
pc    203.0.113.99  8080  tcp  ok inet 203.0.113.1
TABLE
  on home iptables -w -t nat -F
  run -1 script check
  [[ $output == *'home: missing: iptables -t nat'* ]]
  script up
  run -0 script check
  expect_ok inet 203.0.113.1 8080 tcp pc 203.0.113.99
}

@test "a host that routes by the topology's word does so whatever its policy is" {
  local topology
  topology=$(topology <<'YAML'
name: routing
links:
  - endpoints: {host:lab0: 10.20.0.1/24, a:eth0: 10.20.0.2/24}
  - endpoints: {host:lab1: 10.21.0.1/24, b:eth0: 10.21.0.2/24}
namespaces:
  a: {routes: [{to: default, via: 10.20.0.1}]}
  b: {routes: [{to: default, via: 10.21.0.1}]}
host:
  forwarding: true
  nat: [{masquerade: eth0, from: 10.20.0.0/15}]
YAML
)
  lab_stop
  lab_start forward=DROP
  up "$topology"
  serve "b * 80 tcp"
  expect <<'TABLE'
a  10.21.0.2     80  tcp  ok b 10.20.0.2
a  203.0.113.10  80  tcp  ok internet 172.16.1.4
TABLE
}

@test "what somebody removes by hand is named by check, and put back by up" {
  expect_repaired examples/bridges.yaml <<'BREAKAGE'
ip netns del host4
ip netns del host2
ip netns del rt
ip -n host2 link del br1
ip -n host2 link set veth2-br1 nomaster
ip -n rt link del router1
ip link del veth0
ip link del br0
ip -n host3 address del 10.0.1.3/24 dev veth2
ip -n rt link set router0 down
BREAKAGE
}

@test "another topology of links in place of the old one is as if it had been built afresh" {
  expect_same_as_fresh examples/bridges.yaml "$(variant examples/bridges.yaml '/host4/d' 's/, veth3-br1\]/]/' 's/10.0.1.3/10.0.1.33/')"
}

@test "links, bridge and rules less than before, likewise" {
  expect_same_as_fresh examples/source-routing.yaml "$(variant examples/source-routing.yaml '/from: 192.168.1.3, table/d' '/R2:net1/d' '/192.168.2.0.24, via: 10.0.0.9/d')"
}

@test "a VXLAN with another number, and a macvlan on another cable, likewise" {
  expect_same_as_fresh examples/overlay.yaml "$(variant examples/overlay.yaml 's/id: 2/id: 22/')"
  expect_same_as_fresh examples/macvlan.yaml "$(variant examples/macvlan.yaml 's/d: {interfaces: {macvlan0: {type: macvlan, link: "b:eth0"/d: {interfaces: {macvlan0: {type: macvlan, mode: private, link: "b:eth0"/')"
}

@test "a device of the host moves in, and back, and is up again" {
  local topology before
  topology=$(topology <<'YAML'
name: taken
namespaces:
  red:
    interfaces:
      wan7: {type: physical, address: 10.70.0.2/24}
YAML
)
  # A dummy, or whatever else survives its namespace: here the lower end of nothing but itself.
  on host ip link add wan7 type veth peer name wan7-peer
  on host ip link set wan7 up
  on host ip link set wan7-peer up
  before=$(snapshot)
  up "$topology"
  on red ip link show wan7 >/dev/null
  script up
  run -0 script check
  script down
  expect_snapshot "$before"
}

@test "a device of the host that has an address stays where it is" {
  local topology before
  topology=$(topology <<'YAML'
name: taken
namespaces:
  red: {interfaces: {eth0: {type: physical}, nowhere: {type: physical}}}
YAML
)
  before=$(snapshot)
  prepare "$topology"
  run ! script up
  [[ $output == *'the device eth0 of this host is in use: it has an address'* ]]
  [[ $output == *'this host has no device nowhere'* ]]
  expect_snapshot "$before"
}

@test "a device of the host becomes a port of a bridge: check, repair, change, and back as it was" {
  local one other before
  one=$(topology <<'YAML'
name: ports
host:
  interfaces:
    br7: {type: bridge, address: 10.70.0.1/24, ports: {wan7: {hairpin: true, isolated: true}, wan8: {}}}
YAML
)
  other=$(topology <<'YAML'
name: ports
host:
  interfaces:
    br7: {type: bridge, address: 10.70.0.1/24, ports: {wan7: {isolated: true}}}
YAML
)
  local name
  for name in wan7 wan8; do
    on host ip link add "$name" type veth peer name "$name-peer"
    on host ip link set "$name-peer" up
  done
  on host ip link set wan8 up # once, so that its queue is what it stays
  on host ip link set wan8 down
  on host ip link set wan7 up
  before=$(snapshot)
  up "$one"
  [[ $(on host ip -d -o link show wan7) == *' master br7 '*' hairpin on '*' isolated on '* ]]
  [[ $(on host ip -d -o link show wan8) == *,UP*' master br7 '*' hairpin off '* ]]
  run -0 script check
  on host ip link set wan7 nomaster
  on host ip link set wan8 type bridge_slave hairpin on
  run -1 script check
  [[ $output == *'host: missing: link wan7 master br7'* && $output == *'link wan8 type bridge_slave hairpin off'* ]]
  script up
  run -0 script check
  # Fewer of them: the one that is left is no other than before, the other one is free.
  prepare "$other"
  script up
  [[ $(on host ip -d -o link show wan7) == *' master br7 '*' hairpin off '*' isolated on '* ]]
  [[ $(on host ip -o link show wan8) != *,UP*  && $(on host ip -o link show wan8) != *' master '* ]]
  run -0 script check
  script down
  expect_snapshot "$before"
  # What somebody else has taken meanwhile is theirs.
  script up
  on host ip link add theirs type bridge
  on host ip link set wan7 master theirs
  script down
  [[ $(on host ip -o link show wan7) == *,UP*' master theirs '* ]]
  run ! script up
  [[ $output == *'the device wan7 of this host is in use: it is a port'* ]]
  script down
  [[ $(on host ip -o link show wan7) == *,UP*' master theirs '* ]]
}

@test "a device of the host that has an address becomes no port" {
  local topology before
  topology=$(topology <<'YAML'
name: ports
host: {interfaces: {br7: {type: bridge, ports: [eth0, nowhere]}}}
YAML
)
  before=$(snapshot)
  prepare "$topology"
  run ! script up
  [[ $output == *'the device eth0 of this host is in use: it has an address'* ]]
  [[ $output == *'this host has no device nowhere'* ]]
  expect_snapshot "$before"
}

@test "a rule of policy routing on the host: not one that has somebody else's priority" {
  local topology before
  topology=$(topology <<'YAML'
name: policies
host: {rules: [{from: 10.99.0.0/24, table: 99}, {to: "fd99::/64", table: 99}]}
YAML
)
  before=$(snapshot)
  up "$topology"
  script up
  [[ $(on host ip rule show) == *'1000:'*'from 10.99.0.0/24 lookup 99'* ]]
  [[ $(on host ip -6 rule show) == *'1001:'*'to fd99::/64 lookup 99'* ]]
  run -0 script check
  script down
  expect_snapshot "$before"
  on host ip rule add priority 1000 from 10.98.0.0/24 table 98
  run ! script up
  [[ $output == *'the priority 1000 exists already'* ]]
}

@test "a cable with both ends in one namespace leaves a device of the host of that name alone" {
  local topology before
  topology=$(topology <<'YAML'
name: loop
links:
  - endpoints: {red:one: 10.60.0.1/24, red:eth0: 10.60.0.2/24}
namespaces: {red: {}}
YAML
)
  before=$(snapshot)
  up "$topology"
  on host ip link show eth0 >/dev/null || fail "the host's own eth0 is gone"
  on red ip link show eth0 >/dev/null
  script up
  run -0 script check
  script down
  expect_snapshot "$before"
}

@test "devices and namespaces that are called as the words of ip(8): built, found again, and taken for nothing else" {
  local old new
  old=$(topology <<'YAML'
name: words
networks: {type: {subnet: 10.60.9.0/24, internet: true}}
links:
  - endpoints: {netns:type: 10.60.0.1/24, up:netns: 10.60.0.2/24}
  - endpoints: {host:master: 10.60.1.1/24, up:up: []}
  - endpoints: {up:replace: 10.60.2.1/24, up:peer: 10.60.2.2/24}
  - endpoints: {netns:link: 10.60.3.1/24, up:address: 10.60.3.2/24}
namespaces:
  netns:
    networks: [type]
    interfaces: {alias: {type: macvlan, link: "up:peer", address: 10.60.4.1/24}}
  up:
    networks: [type]
    interfaces: {hairpin: {type: bridge, ports: [up]}}
YAML
)
  new=$(topology <<'YAML'
name: words
networks: {type: {subnet: 10.60.9.0/24, internet: true}}
links:
  - endpoints: {netns:type: 10.60.0.5/24, up:netns: 10.60.0.2/24}
  - endpoints: {host:master: [], up:up: 10.60.1.2/24}
namespaces:
  netns: {networks: [type]}
  up: {networks: [type]}
YAML
)
  expect_same_as_fresh "$old" "$new"
}
