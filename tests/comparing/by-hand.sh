#!/usr/bin/env bash
# Two namespaces on a bridge, with a way out and a published port, as somebody writes it by hand.
set -e

ip netns add red
ip netns add blue
ip link add br0 type bridge
ip address add 10.7.0.1/24 dev br0
ip link set br0 up
for name in red blue; do
  ip link add "v-$name" type veth peer name eth0 netns "$name"
  ip link set "v-$name" master br0 up
  ip -n "$name" link set lo up
  ip -n "$name" link set eth0 up
done
ip -n red address add 10.7.0.2/24 dev eth0
ip -n blue address add 10.7.0.3/24 dev eth0
ip -n red route add default via 10.7.0.1
ip -n blue route add default via 10.7.0.1

sudo sysctl -q -w net.ipv4.ip_forward=1
iptables -t nat -A POSTROUTING -s 10.7.0.0/24 ! -o br0 -j MASQUERADE
iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -p tcp --dport 8080 -j DNAT --to-destination 10.7.0.2:80
# It listens a moment after this script has ended.
ip netns exec red sh -c 'sleep 2.5; exec python3 -m http.server 80' >/dev/null 2>&1 &
