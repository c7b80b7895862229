#!/usr/bin/env bash
# bridges: 5 network namespaces (host1, rt … host4).
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- For plain-teardown.sh ----

# Where it keeps what the parameters were, and the numbers of the processes that it starts.
mkdir -p /run/nsgen/bridges

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add host1
ip netns add rt
ip netns add host2
ip netns add host3
ip netns add host4

# ---- Interfaces of this host ----

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip link add name veth0-br0 type veth peer name veth0
ip link add name veth1-br0 type veth peer name veth1 netns host1
ip link add name rt-br0 type veth peer name router0 netns rt

# Nobody at the other end of a cable is a router for this host; and where a cable has no IPv6 address, IPv6 would be a
# way in that no rule covers.
sysctl -q -w net.ipv6.conf.veth0-br0.disable_ipv6=1
sysctl -q -w net.ipv6.conf.veth0.disable_ipv6=1
sysctl -q -w net.ipv6.conf.veth1-br0.disable_ipv6=1
sysctl -q -w net.ipv6.conf.rt-br0.disable_ipv6=1

# A switch inside the node: whatever has this bridge as its master is plugged into it.
ip link add name br0 address 02:93:e0:b3:ff:e6 type bridge stp_state 0
ip link set dev veth0-br0 addrgenmode none
ip link set dev veth0-br0 master br0
ip link set dev veth0-br0 up
ip link set dev veth0 addrgenmode none
ip address replace 10.0.0.3/24 dev veth0
ip link set dev veth0 up
ip link set dev veth1-br0 addrgenmode none
ip link set dev veth1-br0 master br0
ip link set dev veth1-br0 up
ip link set dev rt-br0 addrgenmode none
ip link set dev rt-br0 master br0
ip link set dev rt-br0 up
ip link set dev br0 addrgenmode none
ip address replace 10.0.0.2/24 dev br0
ip link set dev br0 up

# ---- Inside the namespaces ----

# host1
ip -n host1 link set dev lo up
ip -n host1 link set dev veth1 addrgenmode none
ip -n host1 address replace 10.0.0.4/24 dev veth1
ip -n host1 link set dev veth1 up
ip -n host1 route replace 10.0.1.0/24 via 10.0.0.1

# rt
ip -n rt link set dev lo up

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip -n rt link add name router1 type veth peer name rt-br1 netns host2
ip -n rt link set dev router0 addrgenmode none
ip -n rt address replace 10.0.0.1/24 dev router0
ip -n rt link set dev router0 up
ip -n rt link set dev router1 addrgenmode none
ip -n rt address replace 10.0.1.1/24 dev router1
ip -n rt link set dev router1 up

# This node routes between its interfaces.
ip netns exec rt sysctl -q -w net.ipv4.ip_forward=1
ip netns exec rt sysctl -q -w net.ipv6.conf.all.forwarding=1

# host2
ip -n host2 link set dev lo up
ip -n host2 link add name veth2-br1 type veth peer name veth2 netns host3
ip -n host2 link add name veth3-br1 type veth peer name veth3 netns host4

# A switch inside the node: whatever has this bridge as its master is plugged into it.
ip -n host2 link add name br1 address 02:d4:12:12:69:9f type bridge stp_state 0
ip -n host2 link set dev rt-br1 addrgenmode none
ip -n host2 link set dev rt-br1 master br1
ip -n host2 link set dev rt-br1 up
ip -n host2 link set dev veth2-br1 addrgenmode none
ip -n host2 link set dev veth2-br1 master br1
ip -n host2 link set dev veth2-br1 up
ip -n host2 link set dev veth3-br1 addrgenmode none
ip -n host2 link set dev veth3-br1 master br1
ip -n host2 link set dev veth3-br1 up
ip -n host2 link set dev br1 addrgenmode none
ip -n host2 address replace 10.0.1.2/24 dev br1
ip -n host2 link set dev br1 up
ip -n host2 route replace 10.0.0.0/24 via 10.0.1.1

# A namespace that is made on a host that forwards forwards too, and would connect the networks that it is on.
ip netns exec host2 sysctl -q -w net.ipv4.ip_forward=0

# host3
ip -n host3 link set dev lo up
ip -n host3 link set dev veth2 addrgenmode none
ip -n host3 address replace 10.0.1.3/24 dev veth2
ip -n host3 link set dev veth2 up
ip -n host3 route replace 10.0.0.0/24 via 10.0.1.1

# host4
ip -n host4 link set dev lo up
ip -n host4 link set dev veth3 addrgenmode none
ip -n host4 address replace 10.0.1.4/24 dev veth3
ip -n host4 link set dev veth3 up
ip -n host4 route replace 10.0.0.0/24 via 10.0.1.1

# ---- Routes of this host ----

# Routes that the topology asks for.
ip route replace 10.0.1.0/24 via 10.0.0.1 dev br0
