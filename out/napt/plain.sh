#!/usr/bin/env bash
# napt: 3 network namespaces (S1, R1, C1).
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add S1
ip netns add R1
ip netns add C1

# ---- Inside the namespaces ----

# S1
ip -n S1 link set dev lo up

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip -n S1 link add name net0 type veth peer name net0 netns R1
ip -n S1 link set dev net0 addrgenmode none
ip -n S1 address replace 20.0.0.2/24 dev net0
ip -n S1 link set dev net0 up
ip -n S1 route replace default via 20.0.0.1

# R1
ip -n R1 link set dev lo up
ip -n R1 link add name net1 type veth peer name net0 netns C1
ip -n R1 link set dev net0 addrgenmode none
ip -n R1 address replace 20.0.0.1/24 dev net0
ip -n R1 address replace 20.0.0.100/24 dev net0
ip -n R1 address replace 20.0.0.101/24 dev net0
ip -n R1 link set dev net0 up
ip -n R1 link set dev net1 addrgenmode none
ip -n R1 address replace 10.0.0.1/24 dev net1
ip -n R1 link set dev net1 up

# This node routes between its interfaces.
ip netns exec R1 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec R1 sysctl -q -w net.ipv6.conf.all.forwarding=1

# C1
ip -n C1 link set dev lo up
ip -n C1 link set dev net0 addrgenmode none
ip -n C1 address replace 10.0.0.2/24 dev net0
ip -n C1 address replace 10.0.0.3/24 dev net0
ip -n C1 address replace 10.0.0.4/24 dev net0
ip -n C1 link set dev net0 up
ip -n C1 route replace default via 10.0.0.1

# ---- Address translation ----

# Nodes that put one address in place of another, on what they pass on. Replies are translated back by connection
# tracking, without a rule.

# R1, IPv4
ip netns exec R1 iptables -w -t nat -N NSGEN-napt-SNAT
# What leaves gets another source, that those outside can answer.
ip netns exec R1 iptables -w -t nat -A NSGEN-napt-SNAT -s 10.0.0.2/32 -p tcp -j SNAT --to-source 20.0.0.100:10000-10008
ip netns exec R1 iptables -w -t nat -A NSGEN-napt-SNAT -s 10.0.0.3/32 -p tcp -j SNAT --to-source 20.0.0.100:20000-20008
ip netns exec R1 iptables -w -t nat -A NSGEN-napt-SNAT -s 10.0.0.4/32 -p tcp -j SNAT --to-source 20.0.0.101:30000-30008

ip netns exec R1 iptables -w -t nat -A POSTROUTING -m comment --comment nsgen:napt -j NSGEN-napt-SNAT
