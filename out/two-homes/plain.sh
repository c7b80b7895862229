#!/usr/bin/env bash
# two-homes: 6 network namespaces (pc1, home1 … pc2).
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add pc1
ip netns add home1
ip netns add isp
ip netns add server
ip netns add home2
ip netns add pc2

# ---- Inside the namespaces ----

# pc1
ip -n pc1 link set dev lo up

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip -n pc1 link add name eth0 type veth peer name lan netns home1
ip -n pc1 link set dev eth0 addrgenmode none
ip -n pc1 address replace 192.168.1.2/24 dev eth0
ip -n pc1 link set dev eth0 up

# Worked out, not written: `routing: auto` leads every node to every subnet by the fewest hops. Where all of them have
# the same next hop, a default route says it once.
ip -n pc1 route replace default via 192.168.1.1 dev eth0

# home1
ip -n home1 link set dev lo up
ip -n home1 link add name wan type veth peer name to-home1 netns isp
ip -n home1 link set dev lan addrgenmode none
ip -n home1 address replace 192.168.1.1/24 dev lan
ip -n home1 link set dev lan up
ip -n home1 link set dev wan addrgenmode none
ip -n home1 address replace 203.0.113.2/30 dev wan
ip -n home1 link set dev wan up

ip -n home1 route replace default via 203.0.113.1 dev wan

# This node routes between its interfaces.
ip netns exec home1 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec home1 sysctl -q -w net.ipv6.conf.all.forwarding=1

# isp
ip -n isp link set dev lo up
ip -n isp link add name to-home2 type veth peer name wan netns home2
ip -n isp link add name to-server type veth peer name eth0 netns server
ip -n isp link set dev to-home1 addrgenmode none
ip -n isp address replace 203.0.113.1/30 dev to-home1
ip -n isp link set dev to-home1 up
ip -n isp link set dev to-home2 addrgenmode none
ip -n isp address replace 203.0.114.1/30 dev to-home2
ip -n isp link set dev to-home2 up
ip -n isp link set dev to-server addrgenmode none
ip -n isp address replace 198.51.100.1/24 dev to-server
ip -n isp link set dev to-server up

# This node routes between its interfaces.
ip netns exec isp sysctl -q -w net.ipv4.ip_forward=1
ip netns exec isp sysctl -q -w net.ipv6.conf.all.forwarding=1

# server
ip -n server link set dev lo up
ip -n server link set dev eth0 addrgenmode none
ip -n server address replace 198.51.100.2/24 dev eth0
ip -n server link set dev eth0 up

ip -n server route replace default via 198.51.100.1 dev eth0

# home2
ip -n home2 link set dev lo up
ip -n home2 link add name lan type veth peer name eth0 netns pc2
ip -n home2 link set dev lan addrgenmode none
ip -n home2 address replace 192.168.1.1/24 dev lan
ip -n home2 link set dev lan up
ip -n home2 link set dev wan addrgenmode none
ip -n home2 address replace 203.0.114.2/30 dev wan
ip -n home2 link set dev wan up

ip -n home2 route replace default via 203.0.114.1 dev wan

# This node routes between its interfaces.
ip netns exec home2 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec home2 sysctl -q -w net.ipv6.conf.all.forwarding=1

# pc2
ip -n pc2 link set dev lo up
ip -n pc2 link set dev eth0 addrgenmode none
ip -n pc2 address replace 192.168.1.2/24 dev eth0
ip -n pc2 link set dev eth0 up

ip -n pc2 route replace default via 192.168.1.1 dev eth0

# ---- Address translation ----

# Nodes that put one address in place of another, on what they pass on. Replies are translated back by connection
# tracking, without a rule.

# home1, IPv4
ip netns exec home1 iptables -w -t nat -N NSGEN-two-homes-SNAT
# What leaves gets the address of the device that it leaves by.
ip netns exec home1 iptables -w -t nat -A NSGEN-two-homes-SNAT -o wan -j MASQUERADE

ip netns exec home1 iptables -w -t nat -A POSTROUTING -m comment --comment nsgen:two-homes -j NSGEN-two-homes-SNAT

# UDP has no connections: an entry from before these rules would send a client's packets where they went until now.
ip netns exec home1 conntrack -D -f ipv4 -p udp || true

# home2, IPv4
ip netns exec home2 iptables -w -t nat -N NSGEN-two-homes-SNAT
# What leaves gets the address of the device that it leaves by.
ip netns exec home2 iptables -w -t nat -A NSGEN-two-homes-SNAT -o wan -j MASQUERADE

ip netns exec home2 iptables -w -t nat -A POSTROUTING -m comment --comment nsgen:two-homes -j NSGEN-two-homes-SNAT

ip netns exec home2 conntrack -D -f ipv4 -p udp || true
