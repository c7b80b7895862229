#!/usr/bin/env bats
# Devices of the host as ports of networks, and members of networks that have no address there.

bats_require_minimum_version 1.5.0
load lab/lab

teardown() {
  lab_stop
}

# A card of the host, up, with a machine at its other end that nsgen knows nothing of.
make_card() { # CARD NODE
  on host ip netns add "$2"
  on host ip link add "$1" type veth peer name eth0 netns "$2"
  on host ip link set "$1" up
  on "$2" ip link set lo up
  on "$2" ip link set eth0 up
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

plugged() { # PORTS [OTHER_KEYS]
  topology <<YAML
name: plugged
networks:
  front: {subnet: 10.1.0.0/24, internet: true, ports: $1${2-}}
  back: {subnet: 10.2.0.0/24}
namespaces:
  red: {networks: {front: 10.1.0.2}, publish: ["8080:80"]}
  blue: {networks: {front: 10.1.0.3}}
  green: {networks: {back: 10.2.0.2}}
YAML
}

whoever_is_behind() { # MACHINE
  MACHINE=$1 lab_start
  make_card wan7 laptop
  on laptop ip address add 10.1.0.77/24 dev eth0
  on laptop ip route add default via 10.1.0.1
  up "$(plugged "[wan7]")"
  serve "red * 80 tcp"
  # To members and to the rules, he is one of them.
  expect <<'TABLE'
laptop   10.1.0.2      -     ping  ok
laptop   10.1.0.1      -     ping  ok
red      10.1.0.77     -     ping  ok
host     10.1.0.77     -     ping  ok
laptop   172.16.1.4    8080  tcp   ok red 10.1.0.77
laptop   203.0.113.10  80    tcp   ok internet 172.16.1.4
laptop   10.2.0.2      -     ping  unreachable|timeout
outside  10.1.0.77     -     ping  unreachable|timeout
TABLE
}

for machine in plain drop drop-brnf legacy-drop; do
  bats_test_function --description "who is behind a card is on the network as its members are, on a machine '$machine'" \
    -- whoever_is_behind "$machine"
done

@test "a card becomes a port of a network: check, repair, change, and back as it was" {
  local before
  lab_start
  make_card wan7 laptop
  make_card wan8 printer
  on host ip link set wan8 down
  settle
  before=$(snapshot)
  up "$(plugged '{wan7: {hairpin: true}, wan8: {isolated: true}}')"
  [[ $(on host ip -d -o link show wan7) == *' master front '*' hairpin on '*' isolated off '* ]]
  [[ $(on host ip -d -o link show wan8) == *,UP*' master front '*' isolated on '* ]]
  run -0 script check
  on host ip link set wan7 nomaster
  on host ip link set wan8 down
  run -1 script check
  [[ $output == *'host: missing: link wan7 master front'* && $output == *'link wan8'* ]]
  script up
  run -0 script check
  prepare "$(plugged '[wan7]')"
  script up
  [[ $(on host ip -d -o link show wan7) == *' master front '*' hairpin off '* ]]
  [[ $(on host ip -o link show wan8) != *,UP*  && $(on host ip -o link show wan8) != *' master '* ]]
  run -0 script check
  script down
  expect_snapshot "$before"
}

@test "a card that has an address, or another master, or is not there, becomes no port of a network" {
  local before
  lab_start
  make_card wan8 laptop
  on host ip link add theirs type bridge
  on host ip link set theirs up
  on host ip link set wan8 master theirs
  settle
  before=$(snapshot)
  prepare "$(plugged '[eth0, wan8, nowhere]')"
  run ! script up
  [[ $output == *'the device eth0 of this host is in use: it has an address'* ]]
  [[ $output == *'the device wan8 of this host is in use: it is a port'* ]]
  [[ $output == *'this host has no device nowhere'* ]]
  expect_snapshot "$before"
}

apart_but_for_ports() { # MACHINE
  MACHINE=$1 lab_start
  up tests/topologies/ports.yaml
  expect <<'TABLE'
cell1    10.2.0.9      -  ping  ok
cell1    fd00:62::9    -  ping  ok
printer  10.2.0.3      -  ping  ok
guest    10.2.0.9      -  ping  ok
cell1    10.2.0.3      -  ping  unreachable|timeout
cell1    fd00:62::3    -  ping  unreachable|timeout
cell1    10.2.0.8      -  ping  unreachable|timeout
guest    10.2.0.2      -  ping  unreachable|timeout
far      10.1.0.3      -  ping  ok
far      10.1.0.9      -  ping  ok
TABLE
  # Not by way of the host either.
  on cell1 ip route add 10.2.0.3/32 via 10.2.0.1
  on cell2 ip route add 10.2.0.2/32 via 10.2.0.1
  expect <<<"cell1 10.2.0.3 - ping unreachable|timeout"
}

for machine in plain drop-brnf router; do
  bats_test_function --description "an isolated network and its ports, a VXLAN, on a machine '$machine'" \
    -- apart_but_for_ports "$machine"
done

@test "the bridge keeps its own MTU, whatever that of a card is" {
  lab_start
  make_card wan7 laptop
  on host ip link set wan7 mtu 1300
  up "$(plugged '[wan7]' ', mtu: 1450')"
  [[ $(on host ip -o link show front) == *' mtu 1450 '* ]]
  run -0 script check
}

@test "who is behind a port is no router of the members'" {
  lab_start
  make_card wan7 stranger
  up "$(topology <<'YAML'
name: closed
networks:
  front: {subnet: 10.1.0.0/24, ports: [wan7]}
  dual: {subnet: [10.2.0.0/24, "fd00:2::/64"], ports: [lab0]}
links: [{endpoints: {"host:lab0": , "other:eth0": {link_local: true}}}]
namespaces:
  red: {networks: [front]}
  bare: {networks: {front: {address: false}}}
  asks: {networks: {front: {address: false, link_local: true}}}
  blue: {networks: [dual]}
  other: {forwarding: true}
YAML
)"
  settle
  advertise stranger eth0 fd00:77::
  advertise other eth0 fd00:78::
  for _ in {1..50}; do
    [[ ! $(on asks ip -6 -o address show dev veth-asks scope global -tentative) ]] || break
    sleep 0.1
  done
  [[ $(on asks ip -6 -o address show dev veth-asks scope global) == *fd00:77::* ]]
  [[ $(on asks ip -6 route show default) == *"via fe80:"* ]]
  local name
  for name in red bare; do
    [[ ! $(on $name ip -6 -o address show dev veth-$name) && ! $(on $name ip -6 route show default) ]] ||
      fail "$name listens to the router behind the port"
  done
  [[ $(on blue ip -6 -o address show scope global) != *fd00:78::* && ! $(on blue ip -6 route show default) ]]
  [[ ! $(on host ip -6 route show default dev front) ]]
  run -0 script check
  on red sysctl -qw net.ipv6.conf.veth-red.disable_ipv6=0
  run -1 script check
  script up
  run -0 script check
}

@test "a member without an address is plugged in, and no more; what runs in it may give it one" {
  local before
  lab_start
  settle
  before=$(snapshot)
  up tests/topologies/bare.yaml
  [[ ! $(on sniffer ip -o address show dev veth-sniffer) && ! $(on sniffer ip route show dev veth-sniffer) ]]
  [[ ! $(on sniffer ip route show default) ]]
  [[ $(on host ip -o link show veth-sniffer-br) == *,UP*' master front '* ]]
  expect <<'TABLE'
pc       10.5.0.3      -  ping  ok
host     10.5.0.4      -  ping  ok
sniffer  10.5.0.3      -  ping  unreachable
sniffer  203.0.113.10  -  ping  unreachable
TABLE
  # As a DHCP client does; it is not in the way of anything.
  on sniffer ip address add 10.5.0.99/24 dev veth-sniffer
  on sniffer ip route add default via 10.5.0.1 dev veth-sniffer
  expect_ping sniffer 10.5.0.3
  expect_ping sniffer 203.0.113.10
  run -0 script check
  run -0 script up
  [[ $output == *"nothing to do"* ]]
  # What the host sends to everybody on the network is heard.
  on cell1 python3 - >"$BATS_TEST_TMPDIR/heard" <<'PY' &
import socket
listener = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0806))
listener.bind(("veth-cell1", 0))
listener.settimeout(10)
print(listener.recv(100).hex())
PY
  sleep 0.5
  on host ping -c 1 -W 1 10.7.0.77 || true
  wait $!
  [[ $(<"$BATS_TEST_TMPDIR/heard") == *0a07004d* ]]
  # And with an address again.
  prepare "$(variant tests/topologies/bare.yaml 's/front: {address: false}, back/front: 10.5.0.98, back/')"
  script up
  run -0 script check
  expect_ping host 10.5.0.98
  script down
  expect_snapshot "$before"
}
