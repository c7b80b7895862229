#!/usr/bin/env bash
# article: 2 network namespaces (red, blue) on 1 network (bridge0).
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add red
ip netns add blue

# ---- Network bridge0 ----

# "Bridge" is another word for switch. bridge0 is both: the switch that the namespaces are plugged into, and this host's
# own interface on that switch.
ip link add name bridge0 type bridge

# A veth pair is a cable with two ends: one in the namespace, the other a port of bridge0.
ip link add name veth-red-br type veth peer name veth-red netns red
ip link set dev veth-red-br addrgenmode none master bridge0
ip link set dev veth-red-br up
ip link add name veth-blue-br type veth peer name veth-blue netns blue
ip link set dev veth-blue-br addrgenmode none master bridge0
ip link set dev veth-blue-br up

ip link set dev bridge0 up

# ---- Inside the namespaces ----

# red
ip -n red link set dev lo up
ip -n red link set dev veth-red addrgenmode none
ip -n red link set dev veth-red up

# blue
ip -n blue link set dev lo up
ip -n blue link set dev veth-blue addrgenmode none
ip -n blue link set dev veth-blue up
