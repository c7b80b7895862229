#!/usr/bin/env bash
# overlay: 3 network namespaces (zone1, zone2, br).
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add zone1
ip netns add zone2
ip netns add br

# ---- Inside the namespaces ----

# zone1
ip -n zone1 link set dev lo up

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip -n zone1 link add name eth0 type veth peer name eth1 netns br

# VXLAN puts whole Ethernet frames into UDP: machines that are only routed to each other share a network all the same.
# Its own header leaves less room: 50 bytes of every packet, 70 over IPv6.
ip -n zone1 link add name vxlan1 type vxlan id 1 remote 198.51.100.2 local 198.51.100.1 dev eth0 dstport 4789
ip -n zone1 link set dev eth0 addrgenmode none
ip -n zone1 address replace 198.51.100.1/25 dev eth0
ip -n zone1 link set dev eth0 up
ip -n zone1 link set dev vxlan1 addrgenmode none
ip -n zone1 address replace 10.0.0.1/24 dev vxlan1
ip -n zone1 link set dev vxlan1 up

# A namespace that is made on a host that forwards forwards too, and would connect the networks that it is on.
ip netns exec zone1 sysctl -q -w net.ipv4.ip_forward=0

# zone2
ip -n zone2 link set dev lo up
ip -n zone2 link add name eth0 type veth peer name eth2 netns br
ip -n zone2 link add name vxlan2 type vxlan id 2 remote 198.51.100.130 local 198.51.100.129 dev eth0 dstport 4789
ip -n zone2 link set dev eth0 addrgenmode none
ip -n zone2 address replace 198.51.100.129/25 dev eth0
ip -n zone2 link set dev eth0 up
ip -n zone2 link set dev vxlan2 addrgenmode none
ip -n zone2 address replace 10.0.0.2/24 dev vxlan2
ip -n zone2 link set dev vxlan2 up

# A namespace that is made on a host that forwards forwards too, and would connect the networks that it is on.
ip netns exec zone2 sysctl -q -w net.ipv4.ip_forward=0

# br
ip -n br link set dev lo up
ip -n br link add name vxlan1 type vxlan id 1 remote 198.51.100.1 local 198.51.100.2 dev eth1 dstport 4789
ip -n br link add name vxlan2 type vxlan id 2 remote 198.51.100.129 local 198.51.100.130 dev eth2 dstport 4789

# A switch inside the node: whatever has this bridge as its master is plugged into it.
ip -n br link add name br0 address 02:63:c2:ae:d9:6a type bridge stp_state 0
ip -n br link set dev eth1 addrgenmode none
ip -n br address replace 198.51.100.2/25 dev eth1
ip -n br link set dev eth1 up
ip -n br link set dev eth2 addrgenmode none
ip -n br address replace 198.51.100.130/25 dev eth2
ip -n br link set dev eth2 up
ip -n br link set dev vxlan1 addrgenmode none
ip -n br link set dev vxlan1 master br0
ip -n br link set dev vxlan1 up
ip -n br link set dev vxlan2 addrgenmode none
ip -n br link set dev vxlan2 master br0
ip -n br link set dev vxlan2 up
ip -n br link set dev br0 addrgenmode none
ip -n br address replace 10.0.0.3/24 dev br0
ip -n br link set dev br0 up

# A namespace that is made on a host that forwards forwards too, and would connect the networks that it is on.
ip netns exec br sysctl -q -w net.ipv4.ip_forward=0
