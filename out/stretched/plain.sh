#!/usr/bin/env bash
# stretched: 4 network namespaces (red, sniffer, other, green) on 1 network (lan), with internet access, 1 published
# port.
#
#   8090/tcp -> red, 10.90.0.2 port 80
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- For plain-teardown.sh ----

# Where it keeps what the parameters were, and the numbers of the processes that it starts.
mkdir -p /run/nsgen/stretched

# ---- Kernel modules ----

# br_netfilter lets iptables see the packets that cross a bridge without leaving it. It is needed because a reply from
# one namespace to another would otherwise go straight through the bridge, past the rule that has to translate it back.
[ -e /proc/sys/net/bridge ] || { modprobe br_netfilter && sysctl -q -w net.bridge.bridge-nf-call-arptables=0 net.bridge.bridge-nf-call-ip6tables=0 net.bridge.bridge-nf-call-iptables=0; }

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add red
ip netns add sniffer
ip netns add other
ip netns add green

# ---- Network lan ----

# "Bridge" is another word for switch. lan is both: the switch that the namespaces are plugged into, and this host's own
# interface on that switch. Its MAC address is fixed here; left alone, it would change with every port.
ip link add name lan address 02:ce:b3:9e:00:82 mtu 1450 type bridge

# lan is an IPv4 network: without this, IPv6 would be a way in that no rule below covers.
sysctl -q -w net.ipv6.conf.lan.disable_ipv6=1

# A veth pair is a cable with two ends: one in the namespace, the other a port of lan.
ip link add name veth-red-br mtu 1450 type veth peer name veth-red mtu 1450 netns red
ip link set dev veth-red-br addrgenmode none master lan
ip link set dev veth-red-br up
ip link add name veth-sniffer-br mtu 1450 type veth peer name veth-sniffer mtu 1450 netns sniffer
ip link set dev veth-sniffer-br addrgenmode none master lan
ip link set dev veth-sniffer-br up

# A bridge never sends a frame back through the port it came from. For a namespace that asks for its own published port
# that is just what has to happen: its packet goes to the host and is translated to the namespace itself.
ip link set dev veth-red-br type bridge_slave hairpin on

# With an address on lan the host is a neighbour of the namespaces: it reaches them, they reach it. Setting the address
# also adds the route to 10.90.0.0/24.
ip address replace 10.90.0.1/24 dev lan
ip link set dev lan up

# ---- Interfaces of this host ----

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip link add name wire0 type veth peer name wire0 netns other

# Nobody at the other end of a cable is a router for this host; and where a cable has no IPv6 address, IPv6 would be a
# way in that no rule covers.
sysctl -q -w net.ipv6.conf.wire0.disable_ipv6=1

# VXLAN puts whole Ethernet frames into UDP: machines that are only routed to each other share a network all the same.
# Its own header leaves less room: 50 bytes of every packet, 70 over IPv6.
ip link add name vx0 mtu 1450 type vxlan id 90 local 198.51.100.1 dstport 4789
ip link set dev wire0 addrgenmode none
ip address replace 198.51.100.1/30 dev wire0
ip link set dev wire0 up

# A port of a network's bridge: whoever is behind it is on that network as the namespaces are, and the rules below,
# which know the bridge alone, take him for one of them.
ip link set dev vx0 addrgenmode none
ip link set dev vx0 master lan
ip link set dev vx0 up

# Which VLANs a port is in, which number each has on a VXLAN, and whom a frame for everybody is sent to.
bridge fdb append 00:00:00:00:00:00 dev vx0 dst 198.51.100.2

# Left to itself, a bridge has the smallest MTU of its ports.
ip link set dev lan mtu 1450

# ---- Inside the namespaces ----

# The prefix of an address adds a route: the whole subnet is reached directly, without a router. For all else there is
# the default route: to this host, which passes it on as a router does. Who is plugged in without an address gets and
# sends frames all the same: what runs inside asks for an address, bridges, or listens.

# Who is behind a port of the network may announce himself as a router: nobody here takes an address or a route of IPv6
# from him.
ip netns exec red sysctl -q -w net.ipv6.conf.veth-red.disable_ipv6=1

# red
ip -n red link set dev lo up
ip -n red link set dev veth-red addrgenmode none
ip -n red address replace 10.90.0.2/24 dev veth-red
ip -n red link set dev veth-red up
ip -n red route replace default via 10.90.0.1 dev veth-red

ip netns exec sniffer sysctl -q -w net.ipv6.conf.veth-sniffer.disable_ipv6=1

# sniffer
ip -n sniffer link set dev lo up
ip -n sniffer link set dev veth-sniffer addrgenmode none
ip -n sniffer link set dev veth-sniffer up

# other
ip -n other link set dev lo up

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip -n other link add name port1 mtu 1450 type veth peer name eth0 mtu 1450 netns green

# VXLAN puts whole Ethernet frames into UDP: machines that are only routed to each other share a network all the same.
# Its own header leaves less room: 50 bytes of every packet, 70 over IPv6.
ip -n other link add name vx0 mtu 1450 type vxlan id 90 local 198.51.100.2 dstport 4789

# A switch inside the node: whatever has this bridge as its master is plugged into it.
ip -n other link add name br0 address 02:d6:25:1e:28:d0 type bridge stp_state 0
ip -n other link set dev wire0 addrgenmode none
ip -n other address replace 198.51.100.2/30 dev wire0
ip -n other link set dev wire0 up
ip -n other link set dev port1 addrgenmode none
ip -n other link set dev port1 master br0
ip -n other link set dev port1 up
ip -n other link set dev vx0 addrgenmode none
ip -n other link set dev vx0 master br0
ip -n other link set dev vx0 up
ip -n other link set dev br0 addrgenmode none
ip -n other link set dev br0 up

# Which VLANs a port is in, which number each has on a VXLAN, and whom a frame for everybody is sent to.
bridge -n other fdb append 00:00:00:00:00:00 dev vx0 dst 198.51.100.1

# A namespace that is made on a host that forwards forwards too, and would connect the networks that it is on.
ip netns exec other sysctl -q -w net.ipv4.ip_forward=0

# green
ip -n green link set dev lo up
ip -n green link set dev eth0 addrgenmode none
ip -n green address replace 10.90.0.3/24 dev eth0
ip -n green link set dev eth0 up
ip -n green route replace default via 10.90.0.1

# ---- Rules, IPv4 ----

iptables -w -t raw -N NSGEN-stretched-RAW
# route_localnet, below, would also let a namespace or a neighbour reach what listens on this host's 127.0.0.1 only. A
# packet with such an address that did not come from lo is forged.
iptables -w -t raw -A NSGEN-stretched-RAW -d 127.0.0.0/8 ! -i lo -j DROP
iptables -w -t raw -A NSGEN-stretched-RAW -s 127.0.0.0/8 ! -i lo -j DROP
# Other machines may use what is published, and nothing by a namespace's own address, whatever route they set up. Here
# and not in FORWARD, so that no other program's rule can accept it first.
iptables -w -t raw -A NSGEN-stretched-RAW -d 10.90.0.0/24 ! -i lan -m addrtype ! --dst-type LOCAL -j DROP
iptables -w -t nat -N NSGEN-stretched-PRE
# To a published port of this host (the jump takes only packets to the host's own addresses, so a connection to somebody
# else's port of that number stays theirs): on to the namespace. Other machines come this way, and so do namespaces,
# which are other machines to the host.
iptables -w -t nat -A NSGEN-stretched-PRE -p tcp -m tcp --dport 8090 -j DNAT --to-destination 10.90.0.2:80
iptables -w -t nat -N NSGEN-stretched-OUTPUT
# The host's own packets do not pass PREROUTING; they need the same rule in OUTPUT.
iptables -w -t nat -A NSGEN-stretched-OUTPUT -p tcp -m tcp --dport 8090 -j DNAT --to-destination 10.90.0.2:80
iptables -w -t nat -N NSGEN-stretched-POST
# What leaves for anywhere but lan gets this host's address as its source: nobody outside knows a route to the
# namespaces. Any way out will do, so none is named.
iptables -w -t nat -A NSGEN-stretched-POST -s 10.90.0.0/24 ! -d 224.0.0.0/4 ! -o lan -j MASQUERADE
# A request to 127.0.0.1 comes from 127.0.0.1, an address to which no namespace can reply: give it the host's address on
# the bridge.
iptables -w -t nat -A NSGEN-stretched-POST -s 127.0.0.0/8 -o lan -j MASQUERADE
# A namespace asking for its own published port would get a request from itself, and answer itself without the host.
# Asked from the host's address, it answers the host, which translates back.
iptables -w -t nat -A NSGEN-stretched-POST -s 10.90.0.2/32 -d 10.90.0.2/32 -o lan -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j MASQUERADE
iptables -w -t filter -N NSGEN-stretched-INTO
# What connection tracking cannot place would leave untranslated, with a source that nobody outside can answer.
iptables -w -t filter -A NSGEN-stretched-INTO -i lan ! -o lan -m conntrack --ctstate INVALID -j DROP
# Both directions of what was let through once.
iptables -w -t filter -A NSGEN-stretched-INTO -o lan -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -w -t filter -A NSGEN-stretched-INTO -i lan -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
# Published ports: only what was translated on its way in, never a packet sent to the namespace's own address.
iptables -w -t filter -A NSGEN-stretched-INTO -d 10.90.0.2/32 -o lan -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j ACCEPT
# Members of a network talk to each other. With br_netfilter their packets come by here, and a policy of DROP would stop
# them.
iptables -w -t filter -A NSGEN-stretched-INTO -i lan -o lan -j ACCEPT
# Nothing else enters, from outside or from another network.
iptables -w -t filter -A NSGEN-stretched-INTO ! -i lan -o lan -j DROP
iptables -w -t filter -N NSGEN-stretched-FROM
# To the internet, from the network's own addresses.
iptables -w -t filter -A NSGEN-stretched-FROM -s 10.90.0.0/24 -i lan ! -o lan -j ACCEPT
# From any other address it is forged.
iptables -w -t filter -A NSGEN-stretched-FROM -i lan ! -o lan -j DROP
iptables -w -t filter -N NSGEN-stretched-OTHERS
# From here on iptables sees what crosses any bridge of this host (bridge-nf-call-iptables, below). Where it did not
# before, a policy of DROP would cut other programs' virtual machines and containers off from each other: what none of
# their rules has dropped goes on.
iptables -w -t filter -A NSGEN-stretched-OTHERS -m physdev --physdev-is-bridged -j ACCEPT
iptables -w -t filter -N NSGEN-stretched-GUARD
# A host that forwards is a router for whoever sends it packets. If it was none before, it is one for our networks
# alone: what got here is neither from them nor to them. (Frames that only cross some bridge are not routed, and go on.)
iptables -w -t filter -A NSGEN-stretched-GUARD -m physdev --physdev-is-bridged -j RETURN
iptables -w -t filter -A NSGEN-stretched-GUARD -j DROP

# A built-in chain gets one rule, the jump to a chain of ours. It goes first, but for the way out (FROM), which goes
# behind what other programs' rules say of their own networks. Last come those that are needed only where a parameter
# was 0 before a topology set it.
iptables -w -t raw -I PREROUTING -m comment --comment nsgen:stretched -j NSGEN-stretched-RAW
iptables -w -t nat -I PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:stretched -j NSGEN-stretched-PRE
iptables -w -t nat -I OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:stretched -j NSGEN-stretched-OUTPUT
iptables -w -t nat -I POSTROUTING -m comment --comment nsgen:stretched -j NSGEN-stretched-POST
iptables -w -t filter -I FORWARD -m comment --comment nsgen:stretched -j NSGEN-stretched-INTO
iptables -w -t filter -A FORWARD -m comment --comment nsgen:stretched -j NSGEN-stretched-FROM
[ "$(cat /proc/sys/net/bridge/bridge-nf-call-iptables)" = 1 ] || iptables -w -t filter -A FORWARD -m comment --comment nsgen:stretched -j NSGEN-stretched-OTHERS
[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] || iptables -w -t filter -A FORWARD -m comment --comment nsgen:stretched -j NSGEN-stretched-GUARD

# ---- Kernel parameters ----

# What they are now, to be put back.
sysctl net.ipv6.conf.wire0.disable_ipv6 net.bridge.bridge-nf-call-iptables net.ipv4.ip_forward net.ipv4.conf.all.accept_redirects > /run/nsgen/stretched/before.conf

# Without this the kernel drops a packet from 127.0.0.1 that is routed to another interface, as a request to 127.0.0.1
# is once it is translated.
sysctl -q -w net.ipv4.conf.lan.route_localnet=1

# A namespace that uses a port published by a sibling is answered through the bridge, without any routing. With this,
# iptables sees the answer there, and translates its source back to the address that was asked; without it, an answer
# comes from an address that nobody asked, and is thrown away.
sysctl -q -w net.bridge.bridge-nf-call-iptables=1

# Packets of the namespaces come neither from this host nor are they for it: to pass them on, the host has to act as a
# router. This comes last, when every rule is in place.
sysctl -q -w net.ipv4.ip_forward=1
