#!/usr/bin/env bats
# Whatever else lives on the machine goes on as before: other bridges, other programs' rules, routes that are not
# symmetric. Numbers are those of the design's rules, chapters 3 and 4.

bats_require_minimum_version 1.5.0
load lab/lab

teardown() {
  lab_stop
}

# Two virtual machines on a bridge that is none of ours.
make_strangers() {
  local name
  on host ip -batch - <<'IP'
link add virbr7 type bridge
link set dev virbr7 up
IP
  for name in una vic; do
    on host ip netns add "$name"
    on host ip link add "vnet-$name" type veth peer name eth0 netns "$name"
    on host ip link set dev "vnet-$name" master virbr7 up
    on "$name" ip link set dev eth0 up
  done
  on una ip address add 10.9.9.2/24 dev eth0
  on vic ip address add 10.9.9.3/24 dev eth0
  on una ip address add fd00:9::2/64 dev eth0 nodad
  on vic ip address add fd00:9::3/64 dev eth0 nodad
  serve "vic * 80 tcp"
}

strangers_talk() {
  expect <<'TABLE'
una  10.9.9.3  80  tcp   ok vic 10.9.9.2
una  10.9.9.3  -   ping  ok
una  fd00:9::3  80  tcp   ok vic fd00:9::2
vic  10.9.9.2  -   ping  ok
TABLE
}

bridges_beside() { # MACHINE BRIDGE_NETFILTER
  MACHINE=$1 lab_start
  make_strangers
  strangers_talk
  up "$(variant examples/dual-stack.yaml "s/^ *internet: true/&\n    bridge_netfilter: $2/")"
  strangers_talk
  script check
  script down
  strangers_talk
}

for machine in plain drop legacy-drop router drop-router; do
  for mode in host bridge off; do
    bats_test_function --description "rules 3.11: what crosses another bridge goes on, bridge_netfilter: $mode, on a machine '$machine'" \
      -- bridges_beside "$machine" "$mode"
  done
done

@test "rules 3.11: where another program has iptables see its bridge, its rules decide, not ours" {
  MACHINE=drop-brnf lab_start
  make_strangers
  up examples/article.yaml
  expect <<'TABLE'
una  10.9.9.3  80  tcp   timeout
una  10.9.9.3  -   ping  timeout
TABLE
  on host iptables -w -A FORWARD -i virbr7 -o virbr7 -j ACCEPT
  expect_ping una 10.9.9.3
}

@test "rules 3.11: with two topologies other bridges go on until the last one is gone, and then too" {
  local article
  MACHINE=drop lab_start
  make_strangers
  article=$(render_article)
  up - <<'YAML'
name: second
networks: {bridge2: {subnet: 10.2.0.0/24, internet: true}}
namespaces: {ada: {networks: [bridge2], publish: ["9090:90"]}}
YAML
  on host bash "$article" up
  strangers_talk
  script down
  strangers_talk
  on host bash "$article" check
  script up
  on host bash "$article" down
  strangers_talk
  script check
  script down
  strangers_talk
}

render_article() {
  render examples/steps/6-sibling.yaml >"$LAB/article.sh"
  printf '%s\n' "$LAB/article.sh"
}

switched() { # MACHINE
  MACHINE=$1 lab_start
  up - <<'YAML'
name: switched
networks: {plug: {}, bridge0: {subnet: 10.2.0.0/24, internet: true}}
namespaces:
  una:
    networks: {plug: {interface: eth0}, bridge0: {}}
    publish: ["9090:90"]
    exec: [{up: [ip, address, add, 10.9.9.2/24, dev, eth0]}]
  vic:
    networks: {plug: {interface: eth0}}
    exec: [{up: [ip, address, add, 10.9.9.3/24, dev, eth0]}]
YAML
  serve "vic * 80 tcp"
  expect_ok una 10.9.9.3 80 tcp vic 10.9.9.2
}

for machine in plain drop drop-brnf; do
  bats_test_function --description "a switch of ours without addressing carries what it is given, on a machine '$machine'" \
    -- switched "$machine"
done

# The rules that dockerd 29 leaves for one container on docker0 with a published port.
start_docker() {
  on host ip netns add container
  on host ip link add docker0 type bridge
  on host ip address add 172.17.0.1/16 dev docker0
  on host ip link set dev docker0 up
  on host ip link add vethd type veth peer name eth0 netns container
  on host ip link set dev vethd master docker0 up
  on container ip address add 172.17.0.2/16 dev eth0
  on container ip link set dev eth0 up
  on container ip link set dev lo up
  on container ip route add default via 172.17.0.1
  on host sysctl -qw net.ipv4.ip_forward=1
  on host iptables -w -P FORWARD DROP
  on host iptables-restore -w --noflush <<'RULES'
*raw
-I PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP
COMMIT
*nat
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 9090 -j DNAT --to-destination 172.17.0.2:80
COMMIT
*filter
:DOCKER - [0:0]
:DOCKER-BRIDGE - [0:0]
:DOCKER-CT - [0:0]
:DOCKER-FORWARD - [0:0]
:DOCKER-INTERNAL - [0:0]
:DOCKER-USER - [0:0]
-I FORWARD -j DOCKER-FORWARD
-I FORWARD -j DOCKER-USER
-A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
-A DOCKER ! -i docker0 -o docker0 -j DROP
-A DOCKER-BRIDGE -o docker0 -j DOCKER
-A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-FORWARD -j DOCKER-CT
-A DOCKER-FORWARD -j DOCKER-INTERNAL
-A DOCKER-FORWARD -j DOCKER-BRIDGE
-A DOCKER-FORWARD -i docker0 -j ACCEPT
COMMIT
RULES
}

beside_docker() { # MACHINE before|after
  MACHINE=$1 lab_start
  [[ $2 != before ]] || start_docker
  up - <<'YAML'
name: ours
networks: {bridge0: {subnet: 192.168.15.0/24, internet: true}}
namespaces:
  red: {networks: {bridge0: 192.168.15.2}, publish: ["8080:80"]}
  blue: {networks: {bridge0: 192.168.15.3}}
YAML
  serve "red * 80 tcp" "red * 81 tcp"
  [[ $2 != after ]] || start_docker
  serve "container * 80 tcp" "container * 81 tcp"
  docker_and_ours
  script check
  script up
  docker_and_ours
  down
  serve "container * 80 tcp"
  expect_ok outside 172.16.1.4 9090 tcp container 172.16.1.5
  expect_ok container 203.0.113.10 80 tcp internet 172.16.1.4
}

docker_and_ours() {
  on outside ip route replace 192.168.15.0/24 via 172.16.1.4
  on outside ip route replace 172.17.0.0/16 via 172.16.1.4
  expect <<'TABLE'
outside    172.16.1.4    8080  tcp   ok red 172.16.1.5
outside    172.16.1.4    9090  tcp   ok container 172.16.1.5
host       127.0.0.1     8080  tcp   ok red
red        172.16.1.4    9090  tcp   ok container
container  172.16.1.4    8080  tcp   ok red
blue       192.168.15.1  8080  tcp   ok red 192.168.15.3
red        203.0.113.10  80    tcp   ok internet 172.16.1.4
container  203.0.113.10  80    tcp   ok internet 172.16.1.4
red        192.168.15.3  -     ping  ok
# unpublished, and each other's own addresses
red        172.17.0.2    80    tcp   timeout
red        172.17.0.2    81    tcp   timeout
red        172.17.0.2    -     ping  timeout
container  192.168.15.2  80    tcp   timeout
container  192.168.15.2  81    tcp   timeout
container  192.168.15.2  -     ping  timeout
outside    192.168.15.2  81    tcp   timeout
outside    172.17.0.2    81    tcp   timeout
TABLE
}

for machine in plain drop brnf legacy-hard; do
  for order in before after; do
    bats_test_function --description "rules 86: Docker's rules put up $order ours, on a machine '$machine'" \
      -- beside_docker "$machine" "$order"
  done
done

@test "rules 3.15: on a router, traffic that comes back another way goes on" {
  MACHINE=router lab_start
  on outside ip route add 203.0.113.10 via 172.16.1.4
  on internet socat -u TCP-LISTEN:7777,fork "OPEN:$LAB/received,creat,append" 3>&- &
  until [[ -n $(on internet ss -Hlnt "sport = :7777") ]]; do sleep 0.05; done
  up examples/article.yaml
  expect_ok outside 203.0.113.10 80 tcp internet 172.16.1.5
  head -c 500000 /dev/zero | on outside timeout 10 socat -u - TCP:203.0.113.10:7777
  for _ in {1..50}; do
    [[ $(stat -c %s "$LAB/received") != 500000 ]] || break
    sleep 0.1
  done
  [[ $(stat -c %s "$LAB/received") == 500000 ]]
}

@test "rules 8: multicast keeps the source that it has" {
  local seen
  lab_start
  up examples/article.yaml
  # 192.168.15.1 is an address of the masqueraded subnet.
  multicast_and_unicast() {
    on host "$LAB_PYTHON" -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.168.15.1", 0))
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("172.16.1.4"))
s.sendto(b"x", ("239.1.2.3", 7001))
s.sendto(b"x", ("172.16.1.5", 7002))'
    sleep 0.3
  }
  seen=$(packets outside eth0 multicast_and_unicast)
  [[ $seen == *"udp 192.168.15.1 > 239.1.2.3 7001"* ]]
  [[ $seen == *"udp 172.16.1.4 > 172.16.1.5 7002"* ]]
}
