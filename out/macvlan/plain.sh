#!/usr/bin/env bash
# macvlan: 5 network namespaces (a, b … e).
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add a
ip netns add b
ip netns add c
ip netns add d
ip netns add e

# ---- Inside the namespaces ----

# a
ip -n a link set dev lo up

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip -n a link add name eth0 type veth peer name eth0 netns b
ip -n a link set dev eth0 addrgenmode none
ip -n a address replace 198.51.100.1/24 dev eth0
ip -n a link set dev eth0 up

# b
ip -n b link set dev lo up
ip -n b link set dev eth0 addrgenmode none
ip -n b link set dev eth0 up

# A macvlan is one more interface on a device, with a MAC address of its own: on the network there it is a machine like
# any other. With the node that has the device itself it exchanges nothing.
ip -n b link add name macvlan0 link eth0 netns c type macvlan mode bridge

ip -n b link add name macvlan0 link eth0 netns d type macvlan mode bridge

ip -n b link add name macvlan0 link eth0 netns e type macvlan mode bridge

# c
ip -n c link set dev lo up
ip -n c link set dev macvlan0 addrgenmode none
ip -n c address replace 198.51.100.2/24 dev macvlan0
ip -n c link set dev macvlan0 up

# d
ip -n d link set dev lo up
ip -n d link set dev macvlan0 addrgenmode none
ip -n d address replace 198.51.100.3/24 dev macvlan0
ip -n d link set dev macvlan0 up

# e
ip -n e link set dev lo up
ip -n e link set dev macvlan0 addrgenmode none
ip -n e address replace 198.51.100.4/24 dev macvlan0
ip -n e link set dev macvlan0 up
