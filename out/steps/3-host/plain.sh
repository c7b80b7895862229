#!/usr/bin/env bash
# article: 2 network namespaces (red, blue) on 1 network (bridge0).
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add red
ip netns add blue

# ---- Network bridge0 ----

# "Bridge" is another word for switch. bridge0 is both: the switch that the namespaces are plugged into, and this host's
# own interface on that switch. Its MAC address is fixed here; left alone, it would change with every port.
ip link add name bridge0 address 02:cc:75:e1:10:7b type bridge

# bridge0 is an IPv4 network: without this, IPv6 would be a way in that no rule below covers.
sysctl -q -w net.ipv6.conf.bridge0.disable_ipv6=1

# A veth pair is a cable with two ends: one in the namespace, the other a port of bridge0.
ip link add name veth-red-br type veth peer name veth-red netns red
ip link set dev veth-red-br addrgenmode none master bridge0
ip link set dev veth-red-br up
ip link add name veth-blue-br type veth peer name veth-blue netns blue
ip link set dev veth-blue-br addrgenmode none master bridge0
ip link set dev veth-blue-br up

# With an address on bridge0 the host is a neighbour of the namespaces: it reaches them, they reach it. Setting the
# address also adds the route to 192.168.15.0/24.
ip address replace 192.168.15.1/24 dev bridge0
ip link set dev bridge0 up

# ---- Inside the namespaces ----

# The prefix of an address adds a route: the whole subnet is reached directly, without a router.

# red
ip -n red link set dev lo up
ip -n red link set dev veth-red addrgenmode none
ip -n red address replace 192.168.15.2/24 dev veth-red
ip -n red link set dev veth-red up

# blue
ip -n blue link set dev lo up
ip -n blue link set dev veth-blue addrgenmode none
ip -n blue address replace 192.168.15.3/24 dev veth-blue
ip -n blue link set dev veth-blue up

# ---- Rules, IPv4 ----

iptables -w -t filter -N NSGEN-article-INTO
# Members of a network talk to each other. With br_netfilter their packets come by here, and a policy of DROP would stop
# them.
iptables -w -t filter -A NSGEN-article-INTO -i bridge0 -o bridge0 -j ACCEPT
# Nothing else enters, from outside or from another network.
iptables -w -t filter -A NSGEN-article-INTO ! -i bridge0 -o bridge0 -j DROP
# Nothing else leaves either: this network is not connected to any other.
iptables -w -t filter -A NSGEN-article-INTO -i bridge0 ! -o bridge0 -j DROP

# A built-in chain gets one rule, the jump to a chain of ours. It goes first, but for the way out (FROM), which goes
# behind what other programs' rules say of their own networks.
iptables -w -t filter -I FORWARD -m comment --comment nsgen:article -j NSGEN-article-INTO
