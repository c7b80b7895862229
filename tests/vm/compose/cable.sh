# What the machine and the one outside have besides, for tests/vm/compose: IPv6, and ways to the networks' own addresses.
# shellcheck shell=bash

add_ways() {
  ip address add fd00:a::4/64 dev eth0 nodad
  ip -n outside address add fd00:a::5/64 dev eth1 nodad
  ip -6 route add default via fd00:a::5
  ip -n outside route add 172.16.0.0/12 via 172.16.1.4
  ip -n outside route add 10.0.0.0/8 via 172.16.1.4
  ip -n outside route add fd00::/16 via fd00:a::4
}
