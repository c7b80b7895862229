#!/usr/bin/env bash
# router: 3 network namespaces (ns1, ns2, router-ns) on 2 networks (br0, br1).
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add ns1
ip netns add ns2
ip netns add router-ns

# ---- Network br0 ----

# "Bridge" is another word for switch. br0 is both: the switch that the namespaces are plugged into, and this host's own
# interface on that switch.
ip link add name br0 type bridge

# Nobody on br0 is a router for this host: a namespace could announce itself as one.
sysctl -q -w net.ipv6.conf.br0.accept_ra=0

# A veth pair is a cable with two ends: one in the namespace, the other a port of br0.
ip link add name veth-ns1-br type veth peer name veth-ns1 netns ns1
ip link set dev veth-ns1-br addrgenmode none master br0
ip link set dev veth-ns1-br up
ip link add name veth-br0-router type veth peer name veth-router0 netns router-ns
ip link set dev veth-br0-router addrgenmode none master br0
ip link set dev veth-br0-router up

ip link set dev br0 up

# ---- Network br1 ----

# The switch, and the host's interface on it.
ip link add name br1 type bridge

# Nobody on br1 is a router for this host: a namespace could announce itself as one.
sysctl -q -w net.ipv6.conf.br1.accept_ra=0

# The cables.
ip link add name veth-ns2-br type veth peer name veth-ns2 netns ns2
ip link set dev veth-ns2-br addrgenmode none master br1
ip link set dev veth-ns2-br up
ip link add name veth-br1-router type veth peer name veth-router1 netns router-ns
ip link set dev veth-br1-router addrgenmode none master br1
ip link set dev veth-br1-router up

ip link set dev br1 up

# ---- Inside the namespaces ----

# The prefix of an address adds a route: the whole subnet is reached directly, without a router.

# ns1
ip -n ns1 link set dev lo up
ip -n ns1 address replace 192.168.1.2/24 dev veth-ns1
ip -n ns1 link set dev veth-ns1 up
ip -n ns1 route replace default via 192.168.1.1

# ns2
ip -n ns2 link set dev lo up
ip -n ns2 address replace 192.168.2.2/24 dev veth-ns2
ip -n ns2 link set dev veth-ns2 up
ip -n ns2 route replace default via 192.168.2.1

# router-ns
ip -n router-ns link set dev lo up
ip -n router-ns address replace 192.168.1.1/24 dev veth-router0
ip -n router-ns link set dev veth-router0 up
ip -n router-ns address replace 192.168.2.1/24 dev veth-router1
ip -n router-ns link set dev veth-router1 up

# This node routes between its interfaces.
ip netns exec router-ns sysctl -q -w net.ipv4.ip_forward=1
ip netns exec router-ns sysctl -q -w net.ipv6.conf.all.forwarding=1

# ---- Rules, IPv4 ----

iptables -w -t filter -N NSGEN-router-INTO
# Members of a network talk to each other. With br_netfilter their packets come by here, and a policy of DROP would stop
# them.
iptables -w -t filter -A NSGEN-router-INTO -i br0 -o br0 -j ACCEPT
iptables -w -t filter -A NSGEN-router-INTO -i br1 -o br1 -j ACCEPT
# Nothing else enters, from outside or from another network.
iptables -w -t filter -A NSGEN-router-INTO ! -i br0 -o br0 -j DROP
# Nothing else leaves either: this network is not connected to any other.
iptables -w -t filter -A NSGEN-router-INTO -i br0 ! -o br0 -j DROP
# Nothing else enters, from outside or from another network.
iptables -w -t filter -A NSGEN-router-INTO ! -i br1 -o br1 -j DROP
# Nothing else leaves either: this network is not connected to any other.
iptables -w -t filter -A NSGEN-router-INTO -i br1 ! -o br1 -j DROP

# A built-in chain gets one rule, the jump to a chain of ours. It goes first, but for the way out (FROM), which goes
# behind what other programs' rules say of their own networks.
iptables -w -t filter -I FORWARD -m comment --comment nsgen:router -j NSGEN-router-INTO

# ---- Rules, IPv6 ----

# Rule for rule as for IPv4, where the reasons stand.

ip6tables -w -t filter -N NSGEN-router-INTO
ip6tables -w -t filter -A NSGEN-router-INTO -i br0 -o br0 -j ACCEPT
ip6tables -w -t filter -A NSGEN-router-INTO -i br1 -o br1 -j ACCEPT
ip6tables -w -t filter -A NSGEN-router-INTO ! -i br0 -o br0 -j DROP
ip6tables -w -t filter -A NSGEN-router-INTO -i br0 ! -o br0 -j DROP
ip6tables -w -t filter -A NSGEN-router-INTO ! -i br1 -o br1 -j DROP
ip6tables -w -t filter -A NSGEN-router-INTO -i br1 ! -o br1 -j DROP

ip6tables -w -t filter -I FORWARD -m comment --comment nsgen:router -j NSGEN-router-INTO
