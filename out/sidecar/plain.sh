#!/usr/bin/env bash
# sidecar: 3 network namespaces (client, gate, app).
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add client
ip netns add gate
ip netns add app

# ---- Inside the namespaces ----

# client
ip -n client link set dev lo up

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip -n client link add name eth0 type veth peer name inside netns gate
ip -n client address replace 10.1.0.2/24 dev eth0
ip -n client address replace fd00:1::2/64 dev eth0 nodad
ip -n client link set dev eth0 up
ip -n client route replace default via 10.1.0.1
ip -n client route replace default via fd00:1::1

# gate
ip -n gate link set dev lo up
ip -n gate link add name outside type veth peer name eth0 netns app
ip -n gate address replace 10.1.0.1/24 dev inside
ip -n gate address replace fd00:1::1/64 dev inside nodad
ip -n gate link set dev inside up
ip -n gate address replace 10.2.0.1/24 dev outside
ip -n gate address replace fd00:2::1/64 dev outside nodad
ip -n gate link set dev outside up

# This node routes between its interfaces.
ip netns exec gate sysctl -q -w net.ipv4.ip_forward=1
ip netns exec gate sysctl -q -w net.ipv6.conf.all.forwarding=1

# app
ip -n app link set dev lo up
ip -n app address replace 10.2.0.2/24 dev eth0
ip -n app address replace fd00:2::2/64 dev eth0 nodad
ip -n app link set dev eth0 up
ip -n app route replace default via 10.2.0.1
ip -n app route replace default via fd00:2::1

# ---- Address translation ----

# Nodes that put one address in place of another, on what they pass on. Replies are translated back by connection
# tracking, without a rule.

# gate, IPv4
ip netns exec gate iptables -w -t mangle -N NSGEN-sidecar-DIVERT
# Marked, a packet takes the route below, which leads to this node itself.
ip netns exec gate iptables -w -t mangle -A NSGEN-sidecar-DIVERT -j MARK --set-xmark 0x2000/0x2000
ip netns exec gate iptables -w -t mangle -A NSGEN-sidecar-DIVERT -j ACCEPT
ip netns exec gate iptables -w -t mangle -N NSGEN-sidecar-TPROXY
# What a proxy's connections get already, from both sides: it asks a server under its client's address, and the answer
# comes by another device. The match finds sockets with IP_TRANSPARENT, and nobody else's.
ip netns exec gate iptables -w -t mangle -A NSGEN-sidecar-TPROXY -p tcp -m socket --transparent -j NSGEN-sidecar-DIVERT
ip netns exec gate iptables -w -t mangle -A NSGEN-sidecar-TPROXY -p udp -m socket --transparent -j NSGEN-sidecar-DIVERT
# A transparent proxy that sees who asks, and whom: the packet stays as it is, and is given to the socket that listens
# there, which is one with IP_TRANSPARENT.
ip netns exec gate iptables -w -t mangle -A NSGEN-sidecar-TPROXY -i inside -p tcp -m tcp --dport 80 -m addrtype ! --dst-type LOCAL -j TPROXY --on-port 15001 --on-ip 0.0.0.0 --tproxy-mark 0x2000/0x2000
ip netns exec gate iptables -w -t mangle -A NSGEN-sidecar-TPROXY -i inside -p udp -m udp --dport 53 -m addrtype ! --dst-type LOCAL,BROADCAST,MULTICAST -j TPROXY --on-port 15053 --on-ip 0.0.0.0 --tproxy-mark 0x2000/0x2000
ip netns exec gate iptables -w -t nat -N NSGEN-sidecar-P2
# Not to the proxy: what goes here goes on as if there were none.
ip netns exec gate iptables -w -t nat -A NSGEN-sidecar-P2 -d 10.2.0.99/32 -j RETURN
# A transparent proxy: what is for a machine elsewhere goes to a port of this node. The kernel notes where it was to go,
# and tells the proxy that asks for SO_ORIGINAL_DST.
ip netns exec gate iptables -w -t nat -A NSGEN-sidecar-P2 -p tcp -j REDIRECT --to-ports 8080
ip netns exec gate iptables -w -t nat -N NSGEN-sidecar-DNAT
# To the proxy, with the exceptions above.
ip netns exec gate iptables -w -t nat -A NSGEN-sidecar-DNAT -i inside -p tcp -m tcp --dport 443 -m addrtype ! --dst-type LOCAL -j NSGEN-sidecar-P2

ip netns exec gate iptables -w -t mangle -A PREROUTING -m comment --comment nsgen:sidecar -j NSGEN-sidecar-TPROXY
ip netns exec gate iptables -w -t nat -A PREROUTING -m comment --comment nsgen:sidecar -j NSGEN-sidecar-DNAT
ip netns exec gate iptables -w -t nat -A OUTPUT ! -d 127.0.0.0/8 -m comment --comment nsgen:sidecar -j NSGEN-sidecar-DNAT

# gate, IPv6
ip netns exec gate ip6tables -w -t mangle -N NSGEN-sidecar-DIVERT
# Marked, a packet takes the route below, which leads to this node itself.
ip netns exec gate ip6tables -w -t mangle -A NSGEN-sidecar-DIVERT -j MARK --set-xmark 0x2000/0x2000
ip netns exec gate ip6tables -w -t mangle -A NSGEN-sidecar-DIVERT -j ACCEPT
ip netns exec gate ip6tables -w -t mangle -N NSGEN-sidecar-TPROXY
# What a proxy's connections get already, from both sides: it asks a server under its client's address, and the answer
# comes by another device. The match finds sockets with IP_TRANSPARENT, and nobody else's.
ip netns exec gate ip6tables -w -t mangle -A NSGEN-sidecar-TPROXY -p tcp -m socket --transparent -j NSGEN-sidecar-DIVERT
ip netns exec gate ip6tables -w -t mangle -A NSGEN-sidecar-TPROXY -p udp -m socket --transparent -j NSGEN-sidecar-DIVERT
# A transparent proxy that sees who asks, and whom: the packet stays as it is, and is given to the socket that listens
# there, which is one with IP_TRANSPARENT.
ip netns exec gate ip6tables -w -t mangle -A NSGEN-sidecar-TPROXY -i inside -p tcp -m tcp --dport 80 -m addrtype ! --dst-type LOCAL -j TPROXY --on-port 15001 --on-ip :: --tproxy-mark 0x2000/0x2000
ip netns exec gate ip6tables -w -t mangle -A NSGEN-sidecar-TPROXY ! -d ff00::/8 -i inside -p udp -m udp --dport 53 -m addrtype ! --dst-type LOCAL -j TPROXY --on-port 15053 --on-ip :: --tproxy-mark 0x2000/0x2000
ip netns exec gate ip6tables -w -t nat -N NSGEN-sidecar-P2
# Not to the proxy: what goes here goes on as if there were none.
ip netns exec gate ip6tables -w -t nat -A NSGEN-sidecar-P2 -d fd00:2::99/128 -j RETURN
# A transparent proxy: what is for a machine elsewhere goes to a port of this node. The kernel notes where it was to go,
# and tells the proxy that asks for SO_ORIGINAL_DST.
ip netns exec gate ip6tables -w -t nat -A NSGEN-sidecar-P2 -p tcp -j REDIRECT --to-ports 8080
ip netns exec gate ip6tables -w -t nat -N NSGEN-sidecar-DNAT
# To the proxy, with the exceptions above.
ip netns exec gate ip6tables -w -t nat -A NSGEN-sidecar-DNAT -i inside -p tcp -m tcp --dport 443 -m addrtype ! --dst-type LOCAL -j NSGEN-sidecar-P2

ip netns exec gate ip6tables -w -t mangle -A PREROUTING -m comment --comment nsgen:sidecar -j NSGEN-sidecar-TPROXY
ip netns exec gate ip6tables -w -t nat -A PREROUTING -m comment --comment nsgen:sidecar -j NSGEN-sidecar-DNAT
ip netns exec gate ip6tables -w -t nat -A OUTPUT ! -d ::1/128 -m comment --comment nsgen:sidecar -j NSGEN-sidecar-DNAT

# app, IPv4
ip netns exec app iptables -w -t nat -N NSGEN-sidecar-LOCAL
# A proxy beside the programs of this node: what they send elsewhere goes to its port, and what it sends itself goes
# out.
ip netns exec app iptables -w -t nat -A NSGEN-sidecar-LOCAL -p tcp -m addrtype ! --dst-type LOCAL -m owner ! --uid-owner 1337 -j REDIRECT --to-ports 15006

ip netns exec app iptables -w -t nat -A OUTPUT ! -d 127.0.0.0/8 -m comment --comment nsgen:sidecar -j NSGEN-sidecar-LOCAL

# app, IPv6
ip netns exec app ip6tables -w -t nat -N NSGEN-sidecar-LOCAL
# A proxy beside the programs of this node: what they send elsewhere goes to its port, and what it sends itself goes
# out.
ip netns exec app ip6tables -w -t nat -A NSGEN-sidecar-LOCAL -p tcp -m addrtype ! --dst-type LOCAL -m owner ! --uid-owner 1337 -j REDIRECT --to-ports 15006

ip netns exec app ip6tables -w -t nat -A OUTPUT ! -d ::1/128 -m comment --comment nsgen:sidecar -j NSGEN-sidecar-LOCAL

# ---- Transparent proxies ----

# The way back to who sent a packet, which the kernel looks up too, is not by that table. It is looked up with the mark
# where src_valid_mark is 1, as VPNs set it, and as if from lo.
ip -n gate rule add priority 1 from all fwmark 0x2000/0x2000 iif lo lookup 254

# By its destination a packet for somebody else would be sent on. Marked it is routed by a table of its own, asked
# first, where every address is one of this node's.
ip -n gate route replace local default dev lo table 8192
ip -n gate rule add priority 2 from all fwmark 0x2000/0x2000 lookup 8192

ip -n gate route replace local ::/0 dev lo table 8192
ip -n gate -6 rule add priority 2 from all fwmark 0x2000/0x2000 lookup 8192
