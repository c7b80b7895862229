#!/usr/bin/env bash
# The uplink becomes a port of a bridge, which gets its address; a rule that was there goes.
ip link add br0 type bridge
ip link set br0 up
ip link set eth0 master br0
ip addr del 172.16.1.4/24 dev eth0
ip addr add 172.16.1.4/24 dev br0
ip route add default via 172.16.1.1
iptables -D INPUT -s 198.51.100.9/32 -j DROP
iptables -P FORWARD DROP
ip netns add guest
ip link add tap0 type veth peer name eth0 netns guest
ip link set tap0 master br0 up
ip -n guest link set eth0 up
ip -n guest addr add 172.16.1.40/24 dev eth0
