#!/usr/bin/env bash
# mesh: 8 network namespaces (r1, r2 … pc4).
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add r1
ip netns add r2
ip netns add r3
ip netns add r4
ip netns add pc1
ip netns add pc2
ip netns add pc3
ip netns add pc4

# ---- Inside the namespaces ----

# r1
ip -n r1 link set dev lo up

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip -n r1 link add name to-r2 type veth peer name to-r1 netns r2
ip -n r1 link add name to-r3 type veth peer name to-r1 netns r3
ip -n r1 link add name to-r4 type veth peer name to-r1 netns r4
ip -n r1 link add name lan type veth peer name eth0 netns pc1
ip -n r1 link set dev to-r2 addrgenmode none
ip -n r1 address replace 10.0.0.0/31 dev to-r2
ip -n r1 link set dev to-r2 up
ip -n r1 link set dev to-r3 addrgenmode none
ip -n r1 address replace 10.0.0.2/31 dev to-r3
ip -n r1 link set dev to-r3 up
ip -n r1 link set dev to-r4 addrgenmode none
ip -n r1 address replace 10.0.0.4/31 dev to-r4
ip -n r1 link set dev to-r4 up
ip -n r1 link set dev lan addrgenmode none
ip -n r1 address replace 192.168.1.1/24 dev lan
ip -n r1 link set dev lan up

# Worked out, not written: `routing: auto` leads every node to every subnet by the fewest hops. Where all of them have
# the same next hop, a default route says it once.
ip -n r1 route replace 10.0.0.6/31 via 10.0.0.1 dev to-r2
ip -n r1 route replace 10.0.0.8/31 via 10.0.0.1 dev to-r2
ip -n r1 route replace 192.168.2.0/24 via 10.0.0.1 dev to-r2
ip -n r1 route replace 10.0.0.10/31 via 10.0.0.3 dev to-r3
ip -n r1 route replace 192.168.3.0/24 via 10.0.0.3 dev to-r3
ip -n r1 route replace 192.168.4.0/24 via 10.0.0.5 dev to-r4

# This node routes between its interfaces.
ip netns exec r1 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec r1 sysctl -q -w net.ipv6.conf.all.forwarding=1

# r2
ip -n r2 link set dev lo up
ip -n r2 link add name to-r3 type veth peer name to-r2 netns r3
ip -n r2 link add name to-r4 type veth peer name to-r2 netns r4
ip -n r2 link add name lan type veth peer name eth0 netns pc2
ip -n r2 link set dev to-r1 addrgenmode none
ip -n r2 address replace 10.0.0.1/31 dev to-r1
ip -n r2 link set dev to-r1 up
ip -n r2 link set dev to-r3 addrgenmode none
ip -n r2 address replace 10.0.0.6/31 dev to-r3
ip -n r2 link set dev to-r3 up
ip -n r2 link set dev to-r4 addrgenmode none
ip -n r2 address replace 10.0.0.8/31 dev to-r4
ip -n r2 link set dev to-r4 up
ip -n r2 link set dev lan addrgenmode none
ip -n r2 address replace 192.168.2.1/24 dev lan
ip -n r2 link set dev lan up

ip -n r2 route replace 10.0.0.2/31 via 10.0.0.0 dev to-r1
ip -n r2 route replace 10.0.0.4/31 via 10.0.0.0 dev to-r1
ip -n r2 route replace 192.168.1.0/24 via 10.0.0.0 dev to-r1
ip -n r2 route replace 10.0.0.10/31 via 10.0.0.7 dev to-r3
ip -n r2 route replace 192.168.3.0/24 via 10.0.0.7 dev to-r3
ip -n r2 route replace 192.168.4.0/24 via 10.0.0.9 dev to-r4

# This node routes between its interfaces.
ip netns exec r2 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec r2 sysctl -q -w net.ipv6.conf.all.forwarding=1

# r3
ip -n r3 link set dev lo up
ip -n r3 link add name to-r4 type veth peer name to-r3 netns r4
ip -n r3 link add name lan type veth peer name eth0 netns pc3
ip -n r3 link set dev to-r1 addrgenmode none
ip -n r3 address replace 10.0.0.3/31 dev to-r1
ip -n r3 link set dev to-r1 up
ip -n r3 link set dev to-r2 addrgenmode none
ip -n r3 address replace 10.0.0.7/31 dev to-r2
ip -n r3 link set dev to-r2 up
ip -n r3 link set dev to-r4 addrgenmode none
ip -n r3 address replace 10.0.0.10/31 dev to-r4
ip -n r3 link set dev to-r4 up
ip -n r3 link set dev lan addrgenmode none
ip -n r3 address replace 192.168.3.1/24 dev lan
ip -n r3 link set dev lan up

ip -n r3 route replace 10.0.0.0/31 via 10.0.0.2 dev to-r1
ip -n r3 route replace 10.0.0.4/31 via 10.0.0.2 dev to-r1
ip -n r3 route replace 192.168.1.0/24 via 10.0.0.2 dev to-r1
ip -n r3 route replace 10.0.0.8/31 via 10.0.0.6 dev to-r2
ip -n r3 route replace 192.168.2.0/24 via 10.0.0.6 dev to-r2
ip -n r3 route replace 192.168.4.0/24 via 10.0.0.11 dev to-r4

# This node routes between its interfaces.
ip netns exec r3 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec r3 sysctl -q -w net.ipv6.conf.all.forwarding=1

# r4
ip -n r4 link set dev lo up
ip -n r4 link add name lan type veth peer name eth0 netns pc4
ip -n r4 link set dev to-r1 addrgenmode none
ip -n r4 address replace 10.0.0.5/31 dev to-r1
ip -n r4 link set dev to-r1 up
ip -n r4 link set dev to-r2 addrgenmode none
ip -n r4 address replace 10.0.0.9/31 dev to-r2
ip -n r4 link set dev to-r2 up
ip -n r4 link set dev to-r3 addrgenmode none
ip -n r4 address replace 10.0.0.11/31 dev to-r3
ip -n r4 link set dev to-r3 up
ip -n r4 link set dev lan addrgenmode none
ip -n r4 address replace 192.168.4.1/24 dev lan
ip -n r4 link set dev lan up

ip -n r4 route replace 10.0.0.0/31 via 10.0.0.4 dev to-r1
ip -n r4 route replace 10.0.0.2/31 via 10.0.0.4 dev to-r1
ip -n r4 route replace 192.168.1.0/24 via 10.0.0.4 dev to-r1
ip -n r4 route replace 10.0.0.6/31 via 10.0.0.8 dev to-r2
ip -n r4 route replace 192.168.2.0/24 via 10.0.0.8 dev to-r2
ip -n r4 route replace 192.168.3.0/24 via 10.0.0.10 dev to-r3

# This node routes between its interfaces.
ip netns exec r4 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec r4 sysctl -q -w net.ipv6.conf.all.forwarding=1

# pc1
ip -n pc1 link set dev lo up
ip -n pc1 link set dev eth0 addrgenmode none
ip -n pc1 address replace 192.168.1.2/24 dev eth0
ip -n pc1 link set dev eth0 up

ip -n pc1 route replace default via 192.168.1.1 dev eth0

# pc2
ip -n pc2 link set dev lo up
ip -n pc2 link set dev eth0 addrgenmode none
ip -n pc2 address replace 192.168.2.2/24 dev eth0
ip -n pc2 link set dev eth0 up

ip -n pc2 route replace default via 192.168.2.1 dev eth0

# pc3
ip -n pc3 link set dev lo up
ip -n pc3 link set dev eth0 addrgenmode none
ip -n pc3 address replace 192.168.3.2/24 dev eth0
ip -n pc3 link set dev eth0 up

ip -n pc3 route replace default via 192.168.3.1 dev eth0

# pc4
ip -n pc4 link set dev lo up
ip -n pc4 link set dev eth0 addrgenmode none
ip -n pc4 address replace 192.168.4.2/24 dev eth0
ip -n pc4 link set dev eth0 up

ip -n pc4 route replace default via 192.168.4.1 dev eth0
