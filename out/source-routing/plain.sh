#!/usr/bin/env bash
# source-routing: 5 network namespaces (R1, R2 … R5).
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add R1
ip netns add R2
ip netns add R3
ip netns add R4
ip netns add R5

# ---- Inside the namespaces ----

# R1
ip -n R1 link set dev lo up

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip -n R1 link add name net0 type veth peer name net0 netns R2
ip -n R1 link add name net1 type veth peer name net0 netns R3
ip -n R1 link add name net2 type veth peer name net0 netns R4
ip -n R1 link set dev net0 addrgenmode none
ip -n R1 address replace 10.0.0.1/30 dev net0
ip -n R1 link set dev net0 up
ip -n R1 link set dev net1 addrgenmode none
ip -n R1 address replace 10.0.0.5/30 dev net1
ip -n R1 link set dev net1 up
ip -n R1 link set dev net2 addrgenmode none
ip -n R1 address replace 192.168.1.1/24 dev net2
ip -n R1 link set dev net2 up
ip -n R1 route replace 192.168.2.0/24 via 10.0.0.2
ip -n R1 route replace 192.168.2.0/24 via 10.0.0.2 table 10
ip -n R1 route replace 192.168.2.0/24 via 10.0.0.6 table 20

# Which table is asked for a route depends on where a packet comes from; the first rule that fits decides, and main is
# the last one asked.
ip -n R1 rule add priority 1000 from 192.168.1.2 lookup 10
ip -n R1 rule add priority 1001 from 192.168.1.3 lookup 20

# This node routes between its interfaces.
ip netns exec R1 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec R1 sysctl -q -w net.ipv6.conf.all.forwarding=1

# Asked for by the topology.
ip netns exec R1 sysctl -q -w net.ipv4.conf.all.rp_filter=0
ip netns exec R1 sysctl -q -w net.ipv4.conf.default.rp_filter=0

# R2
ip -n R2 link set dev lo up
ip -n R2 link add name net1 type veth peer name net1 netns R3
ip -n R2 link add name net2 type veth peer name net0 netns R5
ip -n R2 link set dev net0 addrgenmode none
ip -n R2 address replace 10.0.0.2/30 dev net0
ip -n R2 link set dev net0 up
ip -n R2 link set dev net1 addrgenmode none
ip -n R2 address replace 10.0.0.9/30 dev net1
ip -n R2 link set dev net1 up
ip -n R2 link set dev net2 addrgenmode none
ip -n R2 address replace 192.168.2.1/24 dev net2
ip -n R2 link set dev net2 up
ip -n R2 route replace 192.168.1.0/24 via 10.0.0.1

# This node routes between its interfaces.
ip netns exec R2 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec R2 sysctl -q -w net.ipv6.conf.all.forwarding=1

# Asked for by the topology.
ip netns exec R2 sysctl -q -w net.ipv4.conf.all.rp_filter=0
ip netns exec R2 sysctl -q -w net.ipv4.conf.default.rp_filter=0

# R3
ip -n R3 link set dev lo up
ip -n R3 link set dev net0 addrgenmode none
ip -n R3 address replace 10.0.0.6/30 dev net0
ip -n R3 link set dev net0 up
ip -n R3 link set dev net1 addrgenmode none
ip -n R3 address replace 10.0.0.10/30 dev net1
ip -n R3 link set dev net1 up
ip -n R3 route replace 192.168.1.0/24 via 10.0.0.5
ip -n R3 route replace 192.168.2.0/24 via 10.0.0.9

# This node routes between its interfaces.
ip netns exec R3 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec R3 sysctl -q -w net.ipv6.conf.all.forwarding=1

# Asked for by the topology.
ip netns exec R3 sysctl -q -w net.ipv4.conf.all.rp_filter=0
ip netns exec R3 sysctl -q -w net.ipv4.conf.default.rp_filter=0

# R4
ip -n R4 link set dev lo up
ip -n R4 link set dev net0 addrgenmode none
ip -n R4 address replace 192.168.1.2/24 dev net0
ip -n R4 address replace 192.168.1.3/24 dev net0
ip -n R4 address replace 192.168.1.4/24 dev net0
ip -n R4 link set dev net0 up
ip -n R4 route replace default via 192.168.1.1

# R5
ip -n R5 link set dev lo up
ip -n R5 link set dev net0 addrgenmode none
ip -n R5 address replace 192.168.2.2/24 dev net0
ip -n R5 address replace 192.168.2.3/24 dev net0
ip -n R5 address replace 192.168.2.4/24 dev net0
ip -n R5 link set dev net0 up
ip -n R5 route replace default via 192.168.2.1
