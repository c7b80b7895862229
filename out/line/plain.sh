#!/usr/bin/env bash
# line: 5 network namespaces (node1, node2 … node5).
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add node1
ip netns add node2
ip netns add node3
ip netns add node4
ip netns add node5

# ---- Inside the namespaces ----

# node1
ip -n node1 link set dev lo up

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip -n node1 link add name right type veth peer name left netns node2
ip -n node1 address replace 10.0.1.1/24 dev right
ip -n node1 address replace fd00:1::1/64 dev right nodad
ip -n node1 link set dev right up

# Worked out, not written: `routing: auto` leads every node to every subnet by the fewest hops. Where all of them have
# the same next hop, a default route says it once.
ip -n node1 route replace default via 10.0.1.2 dev right
ip -n node1 route replace default via fd00:1::2 dev right

# This node routes between its interfaces.
ip netns exec node1 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec node1 sysctl -q -w net.ipv6.conf.all.forwarding=1

# node2
ip -n node2 link set dev lo up
ip -n node2 link add name right type veth peer name left netns node3
ip -n node2 address replace 10.0.1.2/24 dev left
ip -n node2 address replace fd00:1::2/64 dev left nodad
ip -n node2 link set dev left up
ip -n node2 address replace 10.0.2.1/24 dev right
ip -n node2 address replace fd00:2::1/64 dev right nodad
ip -n node2 link set dev right up

ip -n node2 route replace default via 10.0.2.2 dev right
ip -n node2 route replace default via fd00:2::2 dev right

# This node routes between its interfaces.
ip netns exec node2 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec node2 sysctl -q -w net.ipv6.conf.all.forwarding=1

# node3
ip -n node3 link set dev lo up
ip -n node3 link add name right type veth peer name left netns node4
ip -n node3 address replace 10.0.2.2/24 dev left
ip -n node3 address replace fd00:2::2/64 dev left nodad
ip -n node3 link set dev left up
ip -n node3 address replace 10.0.3.1/24 dev right
ip -n node3 address replace fd00:3::1/64 dev right nodad
ip -n node3 link set dev right up

ip -n node3 route replace 10.0.1.0/24 via 10.0.2.1 dev left
ip -n node3 route replace 10.0.4.0/24 via 10.0.3.2 dev right
ip -n node3 route replace fd00:1::/64 via fd00:2::1 dev left
ip -n node3 route replace fd00:4::/64 via fd00:3::2 dev right

# This node routes between its interfaces.
ip netns exec node3 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec node3 sysctl -q -w net.ipv6.conf.all.forwarding=1

# node4
ip -n node4 link set dev lo up
ip -n node4 link add name right type veth peer name left netns node5
ip -n node4 address replace 10.0.3.2/24 dev left
ip -n node4 address replace fd00:3::2/64 dev left nodad
ip -n node4 link set dev left up
ip -n node4 address replace 10.0.4.1/24 dev right
ip -n node4 address replace fd00:4::1/64 dev right nodad
ip -n node4 link set dev right up

ip -n node4 route replace default via 10.0.3.1 dev left
ip -n node4 route replace default via fd00:3::1 dev left

# This node routes between its interfaces.
ip netns exec node4 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec node4 sysctl -q -w net.ipv6.conf.all.forwarding=1

# node5
ip -n node5 link set dev lo up
ip -n node5 address replace 10.0.4.2/24 dev left
ip -n node5 address replace fd00:4::2/64 dev left nodad
ip -n node5 link set dev left up

ip -n node5 route replace default via 10.0.4.1 dev left
ip -n node5 route replace default via fd00:4::1 dev left

# This node routes between its interfaces.
ip netns exec node5 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec node5 sysctl -q -w net.ipv6.conf.all.forwarding=1
