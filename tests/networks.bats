#!/usr/bin/env bats
# Networks of every kind: who is together, who is apart, and who gets out. Numbers are those of the design's rules,
# chapter 4.

bats_require_minimum_version 1.5.0
load lab/lab

setup_file() {
  lab_start
  up tests/topologies/networks.yaml
  local node listeners=()
  for node in red blue green ada bob rita sam tim una vic; do
    listeners+=("$node * 80 tcp" "$node * 81 tcp")
  done
  serve "${listeners[@]}" "host 172.16.1.4 9100 tcp"
}

teardown_file() {
  lab_stop
}

@test "rules 1 to 4, 7: members reach each other, the host and the internet" {
  expect <<'TABLE'
red   192.168.15.3  80    tcp   ok blue 192.168.15.2
blue  192.168.15.2  -     ping  ok
host  192.168.15.2  80    tcp   ok red 192.168.15.1
host  192.168.15.2  81    tcp   ok red 192.168.15.1
red   192.168.15.1  -     ping  ok
red   203.0.113.10  80    tcp   ok internet 172.16.1.4
red   203.0.113.10  -     ping  ok
red   172.16.1.5    7000  tcp   ok outside 172.16.1.4
red   172.16.1.4    9100  tcp   ok host 192.168.15.2
TABLE
}

@test "rules 35, 36, 67: networks are apart" {
  expect <<'TABLE'
green  192.168.15.2  80  tcp   timeout
green  192.168.15.2  81  tcp   timeout
green  192.168.15.2  -   ping  timeout
red    192.168.16.2  80  tcp   timeout
red    192.168.17.2  80  tcp   timeout
green  192.168.17.2  -   ping  timeout
rita   192.168.15.2  80  tcp   timeout
rita   192.168.17.2  80  tcp   timeout
TABLE
}

@test "rules 64 to 66, 68: internet: false" {
  on outside ip route add 192.168.17.0/24 via 172.16.1.4
  expect <<'TABLE'
ada      203.0.113.10  80  tcp   unreachable
ada      172.16.1.5    80  tcp   unreachable
bob      192.168.17.2  80  tcp   ok ada 192.168.17.3
host     192.168.17.2  80  tcp   ok ada 192.168.17.1
ada      192.168.17.1  -   ping  ok
outside  192.168.17.2  80  tcp   timeout
outside  192.168.17.2  -   ping  timeout
TABLE
  # Not for want of a route alone.
  on ada ip route add default via 192.168.17.1
  requests_forget
  expect <<'TABLE'
ada      203.0.113.10  80    tcp   timeout
ada      203.0.113.10  53    udp   timeout
ada      172.16.1.5    7000  tcp   timeout
ada      192.168.15.2  80    tcp   timeout
TABLE
  [[ -z $(requests) ]]
  on ada ip route del default
  on outside ip route del 192.168.17.0/24
}

@test "a port of a network without internet is published on this machine" {
  expect <<'TABLE'
outside  172.16.1.4    8082  tcp  refused
host     127.0.0.1     8082  tcp  ok bob 192.168.17.1
host     172.16.1.4    8082  tcp  ok bob
ada      192.168.17.1  8082  tcp  ok bob 192.168.17.2
bob      192.168.17.1  8082  tcp  ok bob 192.168.17.1
red      172.16.1.4    8082  tcp  ok bob
TABLE
}

@test "rules 37: masquerade: false is a routed network: published ports and pings come in, nothing else" {
  on outside ip route add 192.168.18.0/24 via 172.16.1.4
  on router ip route add 192.168.18.0/24 via 172.16.1.4
  on internet ip route add 192.168.18.0/24 via 203.0.113.1
  expect <<'TABLE'
rita      203.0.113.10  80    tcp   ok internet 192.168.18.2
rita      203.0.113.10  53    udp   ok internet 192.168.18.2
rita      172.16.1.5    7000  tcp   ok outside 192.168.18.2
outside   172.16.1.4    8083  tcp   ok rita 172.16.1.5
outside   192.168.18.2  80    tcp   ok rita 172.16.1.5
outside   192.168.18.2  81    tcp   timeout
outside   192.168.18.2  -     ping  ok
internet  192.168.18.2  80    tcp   ok rita 203.0.113.10
internet  192.168.18.2  81    tcp   timeout
host      192.168.18.2  81    tcp   ok rita 192.168.18.1
rita      192.168.15.2  80    tcp   timeout
TABLE
  on outside ip route del 192.168.18.0/24
  on router ip route del 192.168.18.0/24
  on internet ip route del 192.168.18.0/24
}

@test "rules 69: from a network without internet nothing can be published to other machines" {
  run ! render - <<'YAML'
name: x
networks: {inner: {subnet: 192.168.17.0/24}}
namespaces: {bob: {networks: [inner], publish: ["8082:80"]}}
YAML
  [[ $output == *"bob"* && $output == *"outside"* || $output == *"other machines"* ]]
}

@test "without masquerading, and without a route back, there is no answer" {
  requests_forget
  expect_timeout rita 203.0.113.10 53 udp
  [[ $(requests) == "internet udp 192.168.18.2"* ]]
}

@test "a switch without addressing connects whoever has addresses, and nobody else" {
  expect <<'TABLE'
sam   10.9.0.2  80  tcp   ok tim 10.9.0.1
sam   10.9.0.2  -   ping  ok
host  10.9.0.2  -   ping  timeout|unreachable
sam   8.8.8.8   -   ping  unreachable
TABLE
  [[ -z $(on host ip -4 address show dev bare) ]]
}

@test "gateway: false: members reach each other, and the host has no address there" {
  expect <<'TABLE'
una   192.168.19.3  80  tcp   ok vic 192.168.19.2
una   192.168.19.1  -   ping  timeout|unreachable
host  192.168.19.2  -   ping  timeout|unreachable
una   8.8.8.8       -   ping  unreachable
TABLE
  [[ -z $(on host ip -4 address show dev detached) ]]
}

@test "rules 38: a host that becomes a router for its namespaces does not become one for the LAN" {
  on outside ip route add 203.0.113.10 via 172.16.1.4
  requests_forget
  expect <<'TABLE'
outside  203.0.113.10  80  tcp  timeout
outside  203.0.113.10  53  udp  timeout
TABLE
  [[ -z $(requests) ]]
  on outside ip route del 203.0.113.10
}

@test "a namespace cannot send with somebody else's address" {
  on blue ip address add 198.51.100.7/32 dev lo
  requests_forget
  expect_timeout blue@198.51.100.7 203.0.113.10 53 udp
  [[ -z $(requests) ]]
  on blue ip address del 198.51.100.7/32 dev lo
}

@test "rules 88: much data passes an uplink with a smaller MTU" {
  MACHINE=narrow lab_start
  up examples/steps/4-internet.yaml
  on internet socat -u TCP-LISTEN:7777 "CREATE:$LAB/received" 3>&- &
  until [[ -n $(on internet ss -Hlnt "sport = :7777") ]]; do sleep 0.05; done
  head -c 1000000 /dev/zero | on red timeout 10 socat -u - TCP:203.0.113.10:7777
  wait $!
  [[ $(stat -c %s "$LAB/received") == 1000000 ]]
  lab_stop
}

isolated() { # MACHINE BRIDGE_NETFILTER
  # Rules 60: where br_netfilter translates on the bridge, whoever switched it on, the isolated port is in the way of a
  # sibling.
  local options sibling=timeout
  options=$(machine_options "$1")
  [[ $2 != off || $options == *brnf=1* ]] || sibling="ok red 192.168.15.1"
  MACHINE=$1 lab_start
  up "$(variant tests/topologies/isolate.yaml "s/bridge_netfilter: host/bridge_netfilter: $2/")"
  serve "red * 80 tcp" "blue * 80 tcp" "ada * 80 tcp" "bob * 80 tcp"
  expect <<TABLE
blue     192.168.15.2  80    tcp   timeout|unreachable
blue     192.168.15.2  -     ping  timeout|unreachable
red      192.168.15.3  80    tcp   timeout|unreachable
blue     fd00:15::2    80    tcp   timeout|unreachable
blue     fd00:15::2    -     ping  timeout|unreachable
ada      192.168.17.3  80    tcp   timeout|unreachable
blue     203.0.113.10  80    tcp   ok internet 172.16.1.4
blue     2001:db8::10  80    tcp   ok internet fd00:1::4
host     192.168.15.2  80    tcp   ok red 192.168.15.1
host     fd00:15::2    80    tcp   ok red fd00:15::1
host     192.168.17.3  80    tcp   ok bob 192.168.17.1
outside  172.16.1.4    8080  tcp   ok red 172.16.1.5
outside  fd00:1::4     8080  tcp   ok red fd00:1::5
host     127.0.0.1     8080  tcp   ok red 192.168.15.1
blue     192.168.15.1  8080  tcp   $sibling
blue     192.168.15.1  8200  tcp   ok red 192.168.15.1
TABLE
  # Rules 63: whatever somebody does to br_netfilter.
  if [[ -e /proc/sys/net/bridge ]]; then
    on host sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0
    expect <<'TABLE'
blue     192.168.15.2  80    tcp   timeout|unreachable
blue     fd00:15::2    80    tcp   timeout|unreachable
ada      192.168.17.3  -     ping  timeout|unreachable
TABLE
  fi
  lab_stop
}

for machine in plain drop drop-brnf; do
  for mode in host bridge off; do
    bats_test_function --description "rules 56 to 63: isolate, bridge_netfilter: $mode, on a machine '$machine'" \
      -- isolated "$machine" "$mode"
  done
done
