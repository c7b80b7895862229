#!/usr/bin/env bats
# `published_ports: own`: who is answered by the ports of his own network alone; and a network of which nothing is
# masqueraded, and which nothing enters but answers and published ports.

bats_require_minimum_version 1.5.0
load lab/lab

teardown() {
  lab_stop
}

# A port of web's, and one of its own network, for the members of one, at every address of the host that they know of.
closed_to() { # ASKER PORT PROTOCOL OUTCOME ADDRESS...
  local address
  for address in "${@:5}"; do
    printf '%s %s %s %s %s\n' "$1" "$address" "$2" "$3" "$4"
  done
}

@test "ports of other networks do not answer, by any address, IP version or protocol" {
  lab_start
  up tests/topologies/own-ports.yaml
  serve "web * 80 tcp" "web * 90 tcp" "web * 53 udp" "both * 80 tcp" "vault * 80 tcp" "far * 80 tcp" "far * 53 udp" "half * 80 tcp" "known * 80 tcp"
  on clerk ip route add default via 10.2.0.1
  on clerk ip route add default via fd00:92::1
  requests_forget
  {
    for port in "8080 tcp" "8081 tcp" "5353 udp" "8086 tcp"; do
      # shellcheck disable=SC2086 # a port and its protocol
      closed_to clerk $port timeout 10.2.0.1 10.1.0.1 10.3.0.1 172.16.1.4
      # shellcheck disable=SC2086
      closed_to near $port timeout 10.3.0.1 10.1.0.1 172.16.1.4
      [[ $port == 8086* ]] || {
        # shellcheck disable=SC2086
        closed_to clerk $port timeout fd00:92::1 fd00:91::1 fd00:1::4
        # shellcheck disable=SC2086
        closed_to near $port timeout fd00:93::1 fd00:91::1 fd00:1::4
      }
    done
    closed_to both 8081 tcp timeout 10.2.0.1 fd00:92::1
    closed_to both 8083 tcp timeout 10.2.0.1 fd00:92::1
    closed_to near 8082 tcp timeout 10.3.0.1 fd00:93::1
    # The own address of a routed network's member is a way to its published port; not from here.
    closed_to near 80 tcp timeout 10.5.0.2 fd00:95::2
  } | expect
  [[ -z $(requests) ]]
}

@test "ports of one's own network answer, and those who may use all go on" {
  lab_start
  up tests/topologies/own-ports.yaml
  serve "web * 80 tcp" "web * 90 tcp" "web * 53 udp" "both * 80 tcp" "vault * 80 tcp" "far * 80 tcp" "far * 53 udp" "half * 80 tcp" "known * 80 tcp"
  expect <<'TABLE'
clerk    10.2.0.1    8082  tcp  ok vault 10.2.0.5
clerk    fd00:92::1  8082  tcp  ok vault fd00:92::5
vault    10.2.0.1    8082  tcp  ok vault 10.2.0.1
near     10.3.0.1    8083  tcp  ok far 10.3.0.3
near     172.16.1.4  8083  tcp  ok far 10.3.0.3
near     fd00:1::4   8083  tcp  ok far fd00:93::3
near     10.3.0.1    5354  udp  ok far 10.3.0.3
far      10.3.0.1    8083  tcp  ok far 10.3.0.1
both     10.1.0.1    8080  tcp  ok web 10.1.0.3
both     172.16.1.4  8083  tcp  ok far
web      10.2.0.1    8082  tcp  ok vault
web      10.3.0.1    8083  tcp  ok far
half     fd00:1::4   8080  tcp  ok web
known    10.1.0.1    8086  tcp  ok web
half     10.5.0.2    80    tcp  ok known
outside  172.16.1.4  8080  tcp  ok web 172.16.1.5
outside  172.16.1.4  8083  tcp  ok far 172.16.1.5
outside  fd00:1::4   5354  udp  ok far fd00:1::5
host     127.0.0.1   8082  tcp  ok vault 10.2.0.1
host     10.1.0.1    8081  tcp  ok both
TABLE
}

@test "ports that a process serves are refused to those of another network" {
  lab_start
  up "$(variant tests/topologies/own-ports.yaml \
    's/"8080:80", "5353:53\/udp"/{published: 8200, target: 80, via: proxy}, {published: 5400, target: 53, protocol: udp, via: proxy}/' \
    's/"5354:53\/udp"/{published: 5401, target: 53, protocol: udp, via: proxy}/' '/^host:/d' '/^  nat:/d' '/port: 8086/d')"
  serve "web * 80 tcp" "web * 53 udp" "both * 80 tcp" "vault * 80 tcp" "far * 80 tcp" "far * 53 udp" "half * 80 tcp"
  {
    closed_to clerk 8200 tcp refused 10.2.0.1 fd00:92::1
    closed_to clerk 5400 udp refused 10.2.0.1 fd00:92::1
    closed_to near 8200 tcp refused 10.3.0.1 172.16.1.4 fd00:93::1 fd00:1::4
    closed_to near 5400 udp refused 10.3.0.1 172.16.1.4 fd00:93::1 fd00:1::4
    closed_to both 8200 tcp refused 10.2.0.1 fd00:92::1
    closed_to clerk 5401 udp refused 10.2.0.1 fd00:92::1
  } | expect
  expect <<'TABLE'
near     10.3.0.1    5401  udp  ok far 10.3.0.1
near     fd00:1::4   5401  udp  ok far fd00:93::1
both     10.1.0.1    8200  tcp  ok web 10.1.0.1
half     10.4.0.1    5400  udp  ok web 10.1.0.1
outside  172.16.1.4  8200  tcp  ok web 172.16.1.5
host     127.0.0.1   8200  tcp  ok web 10.1.0.1
TABLE
}

@test "without masquerading sources are kept, and nothing comes in but answers and published ports" {
  lab_start
  up tests/topologies/own-ports.yaml
  serve "far * 80 tcp" "far * 81 tcp" "half * 80 tcp"
  for node in outside router; do
    on "$node" ip route add 10.3.0.0/24 via 172.16.1.4
    on "$node" ip route add fd00:93::/64 via fd00:1::4
    on "$node" ip route add fd00:94::/64 via fd00:1::4
  done
  on internet ip route add 10.3.0.0/24 via 203.0.113.1
  on internet ip route add fd00:93::/64 via 2001:db8::1
  on internet ip route add fd00:94::/64 via 2001:db8::1
  expect <<'TABLE'
far       203.0.113.10  80    tcp   ok internet 10.3.0.2
far       2001:db8::10  80    tcp   ok internet fd00:93::2
far       203.0.113.10  53    udp   ok internet 10.3.0.2
far       172.16.1.5    7000  tcp   ok outside 10.3.0.2
half      203.0.113.10  80    tcp   ok internet 172.16.1.4
half      2001:db8::10  80    tcp   ok internet fd00:94::2
outside   172.16.1.4    8083  tcp   ok far 172.16.1.5
outside   10.3.0.2      80    tcp   timeout
outside   10.3.0.2      81    tcp   timeout
outside   10.3.0.2      -     ping  timeout
outside   fd00:93::2    80    tcp   timeout
outside   fd00:93::2    -     ping  timeout
outside   fd00:94::2    80    tcp   timeout
internet  10.3.0.2      80    tcp   timeout
internet  10.3.0.2      -     ping  timeout
web       10.3.0.2      80    tcp   timeout
web       10.3.0.2      -     ping  timeout
host      10.3.0.2      81    tcp   ok far 10.3.0.1
TABLE
}
