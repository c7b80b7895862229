#!/usr/bin/env bash
# transparent: 6 network namespaces (client, gate … blue) on 1 network (inner), with internet access.
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- For plain-teardown.sh ----

# Where it keeps what the parameters were, and the numbers of the processes that it starts.
mkdir -p /run/nsgen/transparent

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add client
ip netns add gate
ip netns add server
ip netns add app
ip netns add red
ip netns add blue

# ---- Network inner ----

# "Bridge" is another word for switch. inner is both: the switch that the namespaces are plugged into, and this host's
# own interface on that switch. Its MAC address is fixed here; left alone, it would change with every port.
ip link add name inner address 02:07:69:95:0e:c9 type bridge

# Nobody on inner is a router for this host: a namespace could announce itself as one.
sysctl -q -w net.ipv6.conf.inner.accept_ra=0

# A veth pair is a cable with two ends: one in the namespace, the other a port of inner.
ip link add name veth-red-br type veth peer name veth-red netns red
ip link set dev veth-red-br addrgenmode none master inner
ip link set dev veth-red-br up
ip link add name veth-blue-br type veth peer name veth-blue netns blue
ip link set dev veth-blue-br addrgenmode none master inner
ip link set dev veth-blue-br up

# With an address on inner the host is a neighbour of the namespaces: it reaches them, they reach it. Setting the
# address also adds the route to 10.4.0.0/24 and fd00:4::/64.
ip address replace 10.4.0.1/24 dev inner
ip address replace fd00:4::1/64 dev inner nodad
ip link set dev inner up

# ---- Inside the namespaces ----

# The prefix of an address adds a route: the whole subnet is reached directly, without a router. For all else there is
# the default route: to this host, which passes it on as a router does.

# client
ip -n client link set dev lo up

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip -n client link add name eth0 type veth peer name in0 netns gate
ip -n client address replace 10.1.0.2/24 dev eth0
ip -n client address replace fd00:1::2/64 dev eth0 nodad
ip -n client link set dev eth0 up
ip -n client route replace default via 10.1.0.1
ip -n client route replace default via fd00:1::1

# gate
ip -n gate link set dev lo up
ip -n gate link add name out0 type veth peer name eth0 netns server
ip -n gate link add name app0 type veth peer name eth0 netns app
ip -n gate address replace 10.1.0.1/24 dev in0
ip -n gate address replace fd00:1::1/64 dev in0 nodad
ip -n gate link set dev in0 up
ip -n gate address replace 10.2.0.1/24 dev out0
ip -n gate address replace fd00:2::1/64 dev out0 nodad
ip -n gate link set dev out0 up
ip -n gate address replace 10.3.0.1/24 dev app0
ip -n gate address replace fd00:3::1/64 dev app0 nodad
ip -n gate link set dev app0 up

# This node routes between its interfaces.
ip netns exec gate sysctl -q -w net.ipv4.ip_forward=1
ip netns exec gate sysctl -q -w net.ipv6.conf.all.forwarding=1

# server
ip -n server link set dev lo up
ip -n server address replace 10.2.0.2/24 dev eth0
ip -n server address replace fd00:2::2/64 dev eth0 nodad
ip -n server address replace 10.2.0.3/24 dev eth0
ip -n server address replace fd00:2::3/64 dev eth0 nodad
ip -n server link set dev eth0 up
ip -n server route replace default via 10.2.0.1
ip -n server route replace default via fd00:2::1

# app
ip -n app link set dev lo up
ip -n app address replace 10.3.0.2/24 dev eth0
ip -n app address replace fd00:3::2/64 dev eth0 nodad
ip -n app link set dev eth0 up
ip -n app route replace default via 10.3.0.1
ip -n app route replace default via fd00:3::1

# red
ip -n red link set dev lo up
ip -n red address replace 10.4.0.2/24 dev veth-red
ip -n red address replace fd00:4::2/64 dev veth-red nodad
ip -n red link set dev veth-red up
ip -n red route replace default via 10.4.0.1 dev veth-red
ip -n red route replace default via fd00:4::1 dev veth-red

# blue
ip -n blue link set dev lo up
ip -n blue address replace 10.4.0.3/24 dev veth-blue
ip -n blue address replace fd00:4::3/64 dev veth-blue nodad
ip -n blue link set dev veth-blue up
ip -n blue route replace default via 10.4.0.1 dev veth-blue
ip -n blue route replace default via fd00:4::1 dev veth-blue

# ---- Address translation ----

# Nodes that put one address in place of another, on what they pass on. Replies are translated back by connection
# tracking, without a rule.

# gate, IPv4
ip netns exec gate iptables -w -t mangle -N NSGEN-transparent-DIVERT
# Marked, a packet takes the route below, which leads to this node itself.
ip netns exec gate iptables -w -t mangle -A NSGEN-transparent-DIVERT -j MARK --set-xmark 0x2000/0x2000
ip netns exec gate iptables -w -t mangle -A NSGEN-transparent-DIVERT -j ACCEPT
ip netns exec gate iptables -w -t mangle -N NSGEN-transparent-P0
# Not to the proxy: what goes here goes on as if there were none.
ip netns exec gate iptables -w -t mangle -A NSGEN-transparent-P0 -d 10.2.0.3/32 -j RETURN
# A transparent proxy that sees who asks, and whom: the packet stays as it is, and is given to the socket that listens
# there, which is one with IP_TRANSPARENT.
ip netns exec gate iptables -w -t mangle -A NSGEN-transparent-P0 -p tcp -j TPROXY --on-port 15001 --on-ip 0.0.0.0 --tproxy-mark 0x2000/0x2000
ip netns exec gate iptables -w -t mangle -N NSGEN-transparent-TPROXY
# What a proxy's connections get already, from both sides: it asks a server under its client's address, and the answer
# comes by another device. The match finds sockets with IP_TRANSPARENT, and nobody else's.
ip netns exec gate iptables -w -t mangle -A NSGEN-transparent-TPROXY -p tcp -m socket --transparent -j NSGEN-transparent-DIVERT
ip netns exec gate iptables -w -t mangle -A NSGEN-transparent-TPROXY -p udp -m socket --transparent -j NSGEN-transparent-DIVERT
# To the proxy, with the exceptions above.
ip netns exec gate iptables -w -t mangle -A NSGEN-transparent-TPROXY -i in0 -p tcp -m tcp --dport 80:89 -m addrtype ! --dst-type LOCAL -j NSGEN-transparent-P0
# A transparent proxy that sees who asks, and whom: the packet stays as it is, and is given to the socket that listens
# there, which is one with IP_TRANSPARENT.
ip netns exec gate iptables -w -t mangle -A NSGEN-transparent-TPROXY -i in0 -p udp -m udp --dport 53 -m addrtype ! --dst-type LOCAL,BROADCAST,MULTICAST -j TPROXY --on-port 15053 --on-ip 0.0.0.0 --tproxy-mark 0x2000/0x2000
ip netns exec gate iptables -w -t mangle -A NSGEN-transparent-TPROXY -i in0 -p tcp -m tcp --dport 90 -m addrtype ! --dst-type LOCAL -j TPROXY --on-port 15002 --on-ip 127.0.0.1 --tproxy-mark 0x2000/0x2000
ip netns exec gate iptables -w -t nat -N NSGEN-transparent-DNAT
# A transparent proxy: what is for a machine elsewhere goes to a port of this node. The kernel notes where it was to go,
# and tells the proxy that asks for SO_ORIGINAL_DST.
ip netns exec gate iptables -w -t nat -A NSGEN-transparent-DNAT -i in0 -p tcp -m tcp --dport 91 -m addrtype ! --dst-type LOCAL -j REDIRECT --to-ports 15003
ip netns exec gate iptables -w -t nat -A NSGEN-transparent-DNAT -d 10.2.0.0/24 -i in0 -p udp -m udp --dport 54 -j REDIRECT --to-ports 15054
# On to another address: for one destination, or for the node's own addresses.
ip netns exec gate iptables -w -t nat -A NSGEN-transparent-DNAT -p tcp -m tcp --dport 92 -m addrtype --dst-type LOCAL -j DNAT --to-destination 10.2.0.2

ip netns exec gate iptables -w -t mangle -A PREROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-TPROXY
ip netns exec gate iptables -w -t nat -A PREROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-DNAT
ip netns exec gate iptables -w -t nat -A OUTPUT ! -d 127.0.0.0/8 -m comment --comment nsgen:transparent -j NSGEN-transparent-DNAT

# UDP has no connections: an entry from before these rules would send a client's packets where they went until now.
ip netns exec gate conntrack -D -f ipv4 -p udp -d 10.2.0.0/24 --orig-port-dst 54 || true

# gate, IPv6
ip netns exec gate ip6tables -w -t mangle -N NSGEN-transparent-DIVERT
# Marked, a packet takes the route below, which leads to this node itself.
ip netns exec gate ip6tables -w -t mangle -A NSGEN-transparent-DIVERT -j MARK --set-xmark 0x2000/0x2000
ip netns exec gate ip6tables -w -t mangle -A NSGEN-transparent-DIVERT -j ACCEPT
ip netns exec gate ip6tables -w -t mangle -N NSGEN-transparent-P0
# Not to the proxy: what goes here goes on as if there were none.
ip netns exec gate ip6tables -w -t mangle -A NSGEN-transparent-P0 -d fd00:2::3/128 -j RETURN
# A transparent proxy that sees who asks, and whom: the packet stays as it is, and is given to the socket that listens
# there, which is one with IP_TRANSPARENT.
ip netns exec gate ip6tables -w -t mangle -A NSGEN-transparent-P0 -p tcp -j TPROXY --on-port 15001 --on-ip :: --tproxy-mark 0x2000/0x2000
ip netns exec gate ip6tables -w -t mangle -N NSGEN-transparent-TPROXY
# What a proxy's connections get already, from both sides: it asks a server under its client's address, and the answer
# comes by another device. The match finds sockets with IP_TRANSPARENT, and nobody else's.
ip netns exec gate ip6tables -w -t mangle -A NSGEN-transparent-TPROXY -p tcp -m socket --transparent -j NSGEN-transparent-DIVERT
ip netns exec gate ip6tables -w -t mangle -A NSGEN-transparent-TPROXY -p udp -m socket --transparent -j NSGEN-transparent-DIVERT
# To the proxy, with the exceptions above.
ip netns exec gate ip6tables -w -t mangle -A NSGEN-transparent-TPROXY -i in0 -p tcp -m tcp --dport 80:89 -m addrtype ! --dst-type LOCAL -j NSGEN-transparent-P0
# A transparent proxy that sees who asks, and whom: the packet stays as it is, and is given to the socket that listens
# there, which is one with IP_TRANSPARENT.
ip netns exec gate ip6tables -w -t mangle -A NSGEN-transparent-TPROXY ! -d ff00::/8 -i in0 -p udp -m udp --dport 53 -m addrtype ! --dst-type LOCAL -j TPROXY --on-port 15053 --on-ip :: --tproxy-mark 0x2000/0x2000
ip netns exec gate ip6tables -w -t nat -N NSGEN-transparent-DNAT
# A transparent proxy: what is for a machine elsewhere goes to a port of this node. The kernel notes where it was to go,
# and tells the proxy that asks for SO_ORIGINAL_DST.
ip netns exec gate ip6tables -w -t nat -A NSGEN-transparent-DNAT -i in0 -p tcp -m tcp --dport 91 -m addrtype ! --dst-type LOCAL -j REDIRECT --to-ports 15003

ip netns exec gate ip6tables -w -t mangle -A PREROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-TPROXY
ip netns exec gate ip6tables -w -t nat -A PREROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-DNAT
ip netns exec gate ip6tables -w -t nat -A OUTPUT ! -d ::1/128 -m comment --comment nsgen:transparent -j NSGEN-transparent-DNAT

# app, IPv4
ip netns exec app iptables -w -t nat -N NSGEN-transparent-DNAT
# On to another address: for one destination, or for the node's own addresses.
ip netns exec app iptables -w -t nat -A NSGEN-transparent-DNAT -d 10.9.0.9/32 -p tcp -m tcp --dport 94 -j DNAT --to-destination 10.2.0.2:94
ip netns exec app iptables -w -t nat -N NSGEN-transparent-P2
# Not to the proxy: what goes here goes on as if there were none.
ip netns exec app iptables -w -t nat -A NSGEN-transparent-P2 -d 10.1.0.0/24 -j RETURN
# A proxy beside the programs of this node: what they send elsewhere goes to its port, and what it sends itself goes
# out.
ip netns exec app iptables -w -t nat -A NSGEN-transparent-P2 -p tcp -j REDIRECT --to-ports 15006
ip netns exec app iptables -w -t nat -N NSGEN-transparent-LOCAL
# On to another address: for one destination, or for the node's own addresses.
ip netns exec app iptables -w -t nat -A NSGEN-transparent-LOCAL -d 10.9.0.9/32 -p tcp -m tcp --dport 93 -j DNAT --to-destination 10.2.0.2:93
ip netns exec app iptables -w -t nat -A NSGEN-transparent-LOCAL -d 10.9.0.9/32 -p tcp -m tcp --dport 94 -j DNAT --to-destination 10.2.0.2:94
# To the proxy, with the exceptions above.
ip netns exec app iptables -w -t nat -A NSGEN-transparent-LOCAL -p tcp -m addrtype ! --dst-type LOCAL -m owner ! --uid-owner 65534 -j NSGEN-transparent-P2

ip netns exec app iptables -w -t nat -A PREROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-DNAT
ip netns exec app iptables -w -t nat -A OUTPUT ! -d 127.0.0.0/8 -m comment --comment nsgen:transparent -j NSGEN-transparent-LOCAL

# app, IPv6
ip netns exec app ip6tables -w -t nat -N NSGEN-transparent-LOCAL
# A proxy beside the programs of this node: what they send elsewhere goes to its port, and what it sends itself goes
# out.
ip netns exec app ip6tables -w -t nat -A NSGEN-transparent-LOCAL -p tcp -m addrtype ! --dst-type LOCAL -m owner ! --uid-owner 65534 -j REDIRECT --to-ports 15006

ip netns exec app ip6tables -w -t nat -A OUTPUT ! -d ::1/128 -m comment --comment nsgen:transparent -j NSGEN-transparent-LOCAL

# ---- Rules, IPv4 ----

iptables -w -t raw -N NSGEN-transparent-RAW
# Other machines may use what is published, and nothing by a namespace's own address, whatever route they set up. Here
# and not in FORWARD, so that no other program's rule can accept it first.
iptables -w -t raw -A NSGEN-transparent-RAW -d 10.4.0.0/24 ! -i inner -m addrtype ! --dst-type LOCAL -j DROP
iptables -w -t mangle -N NSGEN-transparent-DIVERT
# Marked, a packet takes the route below, which leads to this node itself.
iptables -w -t mangle -A NSGEN-transparent-DIVERT -j MARK --set-xmark 0x2000/0x2000
iptables -w -t mangle -A NSGEN-transparent-DIVERT -j ACCEPT
iptables -w -t mangle -N NSGEN-transparent-P0
# Neighbours on this bridge reach each other without this node, although iptables may see it (br_netfilter).
iptables -w -t mangle -A NSGEN-transparent-P0 -d 10.4.0.0/24 -j RETURN
# A transparent proxy that sees who asks, and whom: the packet stays as it is, and is given to the socket that listens
# there, which is one with IP_TRANSPARENT.
iptables -w -t mangle -A NSGEN-transparent-P0 -p tcp -j TPROXY --on-port 15101 --on-ip 0.0.0.0 --tproxy-mark 0x2000/0x2000
iptables -w -t mangle -N NSGEN-transparent-TPROXY
# What a proxy's connections get already, from both sides: it asks a server under its client's address, and the answer
# comes by another device. The match finds sockets with IP_TRANSPARENT, and nobody else's.
iptables -w -t mangle -A NSGEN-transparent-TPROXY -p tcp -m socket --transparent -j NSGEN-transparent-DIVERT
# To the proxy, with the exceptions above.
iptables -w -t mangle -A NSGEN-transparent-TPROXY -i inner -p tcp -m tcp --dport 80 -m addrtype ! --dst-type LOCAL -j NSGEN-transparent-P0
iptables -w -t nat -N NSGEN-transparent-POST
# What leaves for anywhere but inner gets this host's address as its source: nobody outside knows a route to the
# namespaces. Any way out will do, so none is named.
iptables -w -t nat -A NSGEN-transparent-POST -s 10.4.0.0/24 ! -d 224.0.0.0/4 ! -o inner -j MASQUERADE
iptables -w -t nat -N NSGEN-transparent-P1
# Neighbours on this bridge reach each other without this node, although iptables may see it (br_netfilter).
iptables -w -t nat -A NSGEN-transparent-P1 -d 10.4.0.0/24 -j RETURN
# A transparent proxy: what is for a machine elsewhere goes to a port of this node. The kernel notes where it was to go,
# and tells the proxy that asks for SO_ORIGINAL_DST.
iptables -w -t nat -A NSGEN-transparent-P1 -p tcp -j REDIRECT --to-ports 15102
iptables -w -t nat -N NSGEN-transparent-DNAT
# To the proxy, with the exceptions above.
iptables -w -t nat -A NSGEN-transparent-DNAT -i inner -p tcp -m tcp --dport 81 -m addrtype ! --dst-type LOCAL -j NSGEN-transparent-P1
iptables -w -t filter -N NSGEN-transparent-INTO
# What connection tracking cannot place would leave untranslated, with a source that nobody outside can answer.
iptables -w -t filter -A NSGEN-transparent-INTO -i inner ! -o inner -m conntrack --ctstate INVALID -j DROP
# Both directions of what was let through once.
iptables -w -t filter -A NSGEN-transparent-INTO -o inner -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -w -t filter -A NSGEN-transparent-INTO -i inner -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
# Members of a network talk to each other. With br_netfilter their packets come by here, and a policy of DROP would stop
# them.
iptables -w -t filter -A NSGEN-transparent-INTO -i inner -o inner -j ACCEPT
# Nothing else enters, from outside or from another network.
iptables -w -t filter -A NSGEN-transparent-INTO ! -i inner -o inner -j DROP
iptables -w -t filter -N NSGEN-transparent-FROM
# To the internet, from the network's own addresses.
iptables -w -t filter -A NSGEN-transparent-FROM -s 10.4.0.0/24 -i inner ! -o inner -j ACCEPT
# From any other address it is forged.
iptables -w -t filter -A NSGEN-transparent-FROM -i inner ! -o inner -j DROP
iptables -w -t filter -N NSGEN-transparent-GUARD
# A host that forwards is a router for whoever sends it packets. If it was none before, it is one for our networks
# alone: what got here is neither from them nor to them. (Frames that only cross some bridge are not routed, and go on.)
iptables -w -t filter -A NSGEN-transparent-GUARD -m physdev --physdev-is-bridged -j RETURN
iptables -w -t filter -A NSGEN-transparent-GUARD -j DROP

# A built-in chain gets one rule, the jump to a chain of ours. It goes first, but for the way out (FROM), which goes
# behind what other programs' rules say of their own networks. Last come those that are needed only where a parameter
# was 0 before a topology set it.
iptables -w -t raw -I PREROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-RAW
iptables -w -t nat -I POSTROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-POST
iptables -w -t filter -I FORWARD -m comment --comment nsgen:transparent -j NSGEN-transparent-INTO
iptables -w -t filter -A FORWARD -m comment --comment nsgen:transparent -j NSGEN-transparent-FROM
[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] || iptables -w -t filter -A FORWARD -m comment --comment nsgen:transparent -j NSGEN-transparent-GUARD
iptables -w -t mangle -A PREROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-TPROXY
iptables -w -t nat -A PREROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-DNAT
iptables -w -t nat -A OUTPUT ! -d 127.0.0.0/8 -m comment --comment nsgen:transparent -j NSGEN-transparent-DNAT

# ---- Rules, IPv6 ----

# Rule for rule as for IPv4, where the reasons stand.

ip6tables -w -t raw -N NSGEN-transparent-RAW
ip6tables -w -t raw -A NSGEN-transparent-RAW -d fd00:4::/64 ! -i inner -m addrtype ! --dst-type LOCAL -j DROP
ip6tables -w -t mangle -N NSGEN-transparent-DIVERT
# Marked, a packet takes the route below, which leads to this node itself.
ip6tables -w -t mangle -A NSGEN-transparent-DIVERT -j MARK --set-xmark 0x2000/0x2000
ip6tables -w -t mangle -A NSGEN-transparent-DIVERT -j ACCEPT
ip6tables -w -t mangle -N NSGEN-transparent-P0
# Neighbours on this bridge reach each other without this node, although iptables may see it (br_netfilter).
ip6tables -w -t mangle -A NSGEN-transparent-P0 -d fd00:4::/64 -j RETURN
# A transparent proxy that sees who asks, and whom: the packet stays as it is, and is given to the socket that listens
# there, which is one with IP_TRANSPARENT.
ip6tables -w -t mangle -A NSGEN-transparent-P0 -p tcp -j TPROXY --on-port 15101 --on-ip :: --tproxy-mark 0x2000/0x2000
ip6tables -w -t mangle -N NSGEN-transparent-TPROXY
# What a proxy's connections get already, from both sides: it asks a server under its client's address, and the answer
# comes by another device. The match finds sockets with IP_TRANSPARENT, and nobody else's.
ip6tables -w -t mangle -A NSGEN-transparent-TPROXY -p tcp -m socket --transparent -j NSGEN-transparent-DIVERT
# To the proxy, with the exceptions above.
ip6tables -w -t mangle -A NSGEN-transparent-TPROXY -i inner -p tcp -m tcp --dport 80 -m addrtype ! --dst-type LOCAL -j NSGEN-transparent-P0
ip6tables -w -t nat -N NSGEN-transparent-POST
ip6tables -w -t nat -A NSGEN-transparent-POST -s fd00:4::/64 ! -d ff00::/8 ! -o inner -j MASQUERADE
ip6tables -w -t nat -N NSGEN-transparent-P1
# Neighbours on this bridge reach each other without this node, although iptables may see it (br_netfilter).
ip6tables -w -t nat -A NSGEN-transparent-P1 -d fd00:4::/64 -j RETURN
# A transparent proxy: what is for a machine elsewhere goes to a port of this node. The kernel notes where it was to go,
# and tells the proxy that asks for SO_ORIGINAL_DST.
ip6tables -w -t nat -A NSGEN-transparent-P1 -p tcp -j REDIRECT --to-ports 15102
ip6tables -w -t nat -N NSGEN-transparent-DNAT
# To the proxy, with the exceptions above.
ip6tables -w -t nat -A NSGEN-transparent-DNAT -i inner -p tcp -m tcp --dport 81 -m addrtype ! --dst-type LOCAL -j NSGEN-transparent-P1
ip6tables -w -t filter -N NSGEN-transparent-INTO
ip6tables -w -t filter -A NSGEN-transparent-INTO -i inner ! -o inner -m conntrack --ctstate INVALID -j DROP
ip6tables -w -t filter -A NSGEN-transparent-INTO -o inner -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
ip6tables -w -t filter -A NSGEN-transparent-INTO -i inner -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
ip6tables -w -t filter -A NSGEN-transparent-INTO -i inner -o inner -j ACCEPT
ip6tables -w -t filter -A NSGEN-transparent-INTO ! -i inner -o inner -j DROP
ip6tables -w -t filter -N NSGEN-transparent-FROM
ip6tables -w -t filter -A NSGEN-transparent-FROM -s fd00:4::/64 -i inner ! -o inner -j ACCEPT
ip6tables -w -t filter -A NSGEN-transparent-FROM -i inner ! -o inner -j DROP
ip6tables -w -t filter -N NSGEN-transparent-GUARD
ip6tables -w -t filter -A NSGEN-transparent-GUARD -m physdev --physdev-is-bridged -j RETURN
ip6tables -w -t filter -A NSGEN-transparent-GUARD -j DROP

ip6tables -w -t raw -I PREROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-RAW
ip6tables -w -t nat -I POSTROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-POST
ip6tables -w -t filter -I FORWARD -m comment --comment nsgen:transparent -j NSGEN-transparent-INTO
ip6tables -w -t filter -A FORWARD -m comment --comment nsgen:transparent -j NSGEN-transparent-FROM
[ "$(cat /proc/sys/net/ipv6/conf/all/forwarding)" = 1 ] || ip6tables -w -t filter -A FORWARD -m comment --comment nsgen:transparent -j NSGEN-transparent-GUARD
ip6tables -w -t mangle -A PREROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-TPROXY
ip6tables -w -t nat -A PREROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-DNAT
ip6tables -w -t nat -A OUTPUT ! -d ::1/128 -m comment --comment nsgen:transparent -j NSGEN-transparent-DNAT

# ---- Kernel parameters ----

# What they are now, to be put back.
sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv4.conf.all.accept_redirects > /run/nsgen/transparent/before.conf

# Packets of the namespaces come neither from this host nor are they for it: to pass them on, the host has to act as a
# router. This comes last, when every rule is in place.
sysctl -q -w net.ipv4.ip_forward=1
sysctl -q -w net.ipv6.conf.all.forwarding=1

# ---- Transparent proxies ----

# The way back to who sent a packet, which the kernel looks up too, is not by that table. It is looked up with the mark
# where src_valid_mark is 1, as VPNs set it, and as if from lo.
ip rule add priority 1 from all fwmark 0x2000/0x2000 iif lo lookup 254

# By its destination a packet for somebody else would be sent on. Marked it is routed by a table of its own, asked
# first, where every address is one of this node's.
ip route replace local default dev lo table 8192
ip rule add priority 2 from all fwmark 0x2000/0x2000 lookup 8192

ip route replace local ::/0 dev lo table 8192
ip -6 rule add priority 2 from all fwmark 0x2000/0x2000 lookup 8192

ip -n gate rule add priority 1 from all fwmark 0x2000/0x2000 iif lo lookup 254

ip -n gate route replace local default dev lo table 8192
ip -n gate rule add priority 2 from all fwmark 0x2000/0x2000 lookup 8192

ip -n gate route replace local ::/0 dev lo table 8192
ip -n gate -6 rule add priority 2 from all fwmark 0x2000/0x2000 lookup 8192
