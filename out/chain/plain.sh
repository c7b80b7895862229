#!/usr/bin/env bash
# chain: 3 network namespaces (rt0, rt1, host1).
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- For plain-teardown.sh ----

# Where it keeps what the parameters were, and the numbers of the processes that it starts.
mkdir -p /run/nsgen/chain

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add rt0
ip netns add rt1
ip netns add host1

# ---- Interfaces of this host ----

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip link add name veth0 type veth peer name rt0-veth0 netns rt0

# Nobody at the other end of a cable is a router for this host; and where a cable has no IPv6 address, IPv6 would be a
# way in that no rule covers.
sysctl -q -w net.ipv6.conf.veth0.disable_ipv6=1

# This host's own: its ends of cables, and what else it has.
ip link set dev veth0 addrgenmode none
ip address replace 192.168.2.254/24 dev veth0
ip link set dev veth0 up

# ---- Inside the namespaces ----

# rt0
ip -n rt0 link set dev lo up

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip -n rt0 link add name rt0-veth1 type veth peer name rt1-veth0 netns rt1
ip -n rt0 link set dev rt0-veth0 addrgenmode none
ip -n rt0 address replace 192.168.2.1/24 dev rt0-veth0
ip -n rt0 link set dev rt0-veth0 up
ip -n rt0 link set dev rt0-veth1 addrgenmode none
ip -n rt0 address replace 192.168.1.254/24 dev rt0-veth1
ip -n rt0 link set dev rt0-veth1 up
ip -n rt0 route replace default via 192.168.2.254
ip -n rt0 route replace 192.168.0.0/24 via 192.168.1.1

# This node routes between its interfaces.
ip netns exec rt0 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec rt0 sysctl -q -w net.ipv6.conf.all.forwarding=1

# rt1
ip -n rt1 link set dev lo up
ip -n rt1 link add name rt1-veth1 type veth peer name veth1 netns host1
ip -n rt1 link set dev rt1-veth0 addrgenmode none
ip -n rt1 address replace 192.168.1.1/24 dev rt1-veth0
ip -n rt1 link set dev rt1-veth0 up
ip -n rt1 link set dev rt1-veth1 addrgenmode none
ip -n rt1 address replace 192.168.0.254/24 dev rt1-veth1
ip -n rt1 link set dev rt1-veth1 up
ip -n rt1 route replace default via 192.168.1.254

# This node routes between its interfaces.
ip netns exec rt1 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec rt1 sysctl -q -w net.ipv6.conf.all.forwarding=1

# host1
ip -n host1 link set dev lo up
ip -n host1 link set dev veth1 addrgenmode none
ip -n host1 address replace 192.168.0.1/24 dev veth1
ip -n host1 link set dev veth1 up
ip -n host1 route replace default via 192.168.0.254

# ---- Routes of this host ----

# Routes that the topology asks for.
ip route replace 192.168.0.0/24 via 192.168.2.1
ip route replace 192.168.1.0/24 via 192.168.2.1
