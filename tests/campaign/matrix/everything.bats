#!/usr/bin/env bats
# What has to work and what must not, on every machine of tests/lab/matrix and with every bridge_netfilter. Numbers
# are those of the design's rules, chapter 4.

bats_require_minimum_version 1.5.0
load ../../lab/lab

teardown() {
  lab_stop
}

everything() { # MACHINE BRIDGE_NETFILTER
  local options sibling=192.168.15.3 proxy="ok red 192.168.15.1" through=timeout
  options=$(machine_options "$1")
  # Without br_netfilter a sibling is answered through the host, and looks like it.
  [[ $2 != off ]] || sibling=192.168.15.1
  # A proxy is a process of the host: who closes the host, closes it (rules 82).
  [[ $options != *input=DROP* ]] || proxy=timeout
  # What was a router before stays one (rules 25, 38).
  [[ $options != *ip_forward=1* || $options == *forward=DROP* ]] || through="ok internet 172.16.1.5"
  MACHINE=$1 lab_start
  up "$(variant tests/topologies/published.yaml "s/bridge_netfilter: host/bridge_netfilter: $2/")"
  serve "red * 80 tcp" "red * 53 udp" "blue * 80 tcp" "green * 80 tcp" "host 127.0.0.1 9000 tcp"
  on outside ip route add 192.168.15.0/24 via 172.16.1.4
  on outside ip route add 203.0.113.10 via 172.16.1.4
  on router ip route add 172.16.1.5 via 172.16.1.4
  expect <<TABLE
# 1 to 7
red      192.168.15.3  80    tcp   ok blue 192.168.15.2
red      192.168.15.3  -     ping  ok
host     192.168.15.2  80    tcp   ok red 192.168.15.1
red      192.168.15.1  -     ping  ok
red      203.0.113.10  80    tcp   ok internet 172.16.1.4
red      8.8.8.8       -     ping  ok
red      172.16.1.5    7000  tcp   ok outside 172.16.1.4
# 9 to 23
outside  172.16.1.4    8080  tcp   ok red 172.16.1.5
outside  172.16.1.4    5353  udp   ok red 172.16.1.5
host     127.0.0.1     8080  tcp   ok red 192.168.15.1
host     172.16.1.4    8080  tcp   ok red 172.16.1.4
host     192.168.15.1  8080  tcp   ok red 192.168.15.1
blue     192.168.15.1  8080  tcp   ok red $sibling
blue     172.16.1.4    8080  tcp   ok red $sibling
blue     192.168.15.1  5353  udp   ok red $sibling
red      192.168.15.1  8080  tcp   ok red 192.168.15.1
red      172.16.1.4    8080  tcp   ok red 192.168.15.1
green    172.16.1.4    8080  tcp   ok red
green    192.168.16.1  8080  tcp   ok red
# 24
red      203.0.113.10  8080  tcp   ok internet 172.16.1.4
blue     203.0.113.10  8080  tcp   ok internet 172.16.1.4
host     203.0.113.10  8080  tcp   ok internet 172.16.1.4
# by a proxy
outside  172.16.1.4    8200  tcp   ok red 172.16.1.5
host     127.0.0.1     8200  tcp   ok red 192.168.15.1
blue     192.168.15.1  8200  tcp   $proxy
red      192.168.15.1  8200  tcp   $proxy
# 31 to 36
outside  192.168.15.2  80    tcp   timeout
outside  192.168.15.2  -     ping  timeout
green    192.168.15.2  80    tcp   timeout
green    192.168.15.2  -     ping  timeout
red      192.168.16.2  80    tcp   timeout
# 25, 38
outside  203.0.113.10  8080  tcp   $through
TABLE
  # 41 to 43
  [[ $(inject outside eth0 172.16.1.5 127.0.0.1 8080 tcp) == nothing ]]
  [[ $(inject blue veth-blue 192.168.15.3 127.0.0.1 9000 tcp) == nothing ]]
}

while read -r machine _; do
  for mode in host bridge off; do
    # `bridge` differs from `host` in one sysctl.
    [[ $mode != bridge || $machine =~ ^(plain|legacy-hard)$ ]] || continue
    bats_test_function --description "a machine '$machine', bridge_netfilter: $mode" -- everything "$machine" "$mode"
  done
done < <(grep '^[^#]' "$LAB_SOURCE/matrix")
