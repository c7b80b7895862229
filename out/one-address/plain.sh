#!/usr/bin/env bash
# one-address: 4 network namespaces (hub, a, b, c).
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add hub
ip netns add a
ip netns add b
ip netns add c

# ---- Inside the namespaces ----

# hub
ip -n hub link set dev lo up

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip -n hub link add name a type veth peer name up netns a
ip -n hub link add name b type veth peer name up netns b
ip -n hub link add name c type veth peer name up netns c

# An address with a peer has no subnet: the route is to the peer alone, or to the subnet that is written with it, so
# that both ends may have any addresses. For IPv4 it comes with the address.
ip -n hub link set dev a addrgenmode none
ip -n hub address replace 10.255.0.1/32 peer 10.255.0.2/32 dev a
ip -n hub link set dev a up
ip -n hub link set dev b addrgenmode none
ip -n hub address replace 10.255.0.1/32 peer 10.255.0.3/32 dev b
ip -n hub link set dev b up
ip -n hub link set dev c addrgenmode none
ip -n hub address replace 10.255.0.1/32 peer 10.9.0.0/24 dev c
ip -n hub link set dev c up

# This node routes between its interfaces.
ip netns exec hub sysctl -q -w net.ipv4.ip_forward=1
ip netns exec hub sysctl -q -w net.ipv6.conf.all.forwarding=1

# a
ip -n a link set dev lo up
ip -n a link set dev up addrgenmode none
ip -n a address replace 10.255.0.2/32 peer 10.255.0.1/32 dev up
ip -n a link set dev up up

# Worked out, not written: `routing: auto` leads every node to every subnet by the fewest hops. Where all of them have
# the same next hop, a default route says it once.
ip -n a route replace default via 10.255.0.1 dev up

# b
ip -n b link set dev lo up
ip -n b link set dev up addrgenmode none
ip -n b address replace 10.255.0.3/32 peer 10.255.0.1/32 dev up
ip -n b link set dev up up

ip -n b route replace default via 10.255.0.1 dev up

# c
ip -n c link set dev lo up
ip -n c link set dev up addrgenmode none
ip -n c address replace 10.9.0.7/32 peer 10.255.0.1/32 dev up
ip -n c link set dev up up

ip -n c route replace default via 10.255.0.1 dev up
