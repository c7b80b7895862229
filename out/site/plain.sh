#!/usr/bin/env bash
# site: 3 network namespaces (web, office, desk) on 1 network (apps), with internet access, 1 published port.
#
#   8080/tcp -> web, 10.1.0.10 port 80
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- For plain-teardown.sh ----

# Where it keeps what the parameters were, and the numbers of the processes that it starts.
mkdir -p /run/nsgen/site

# ---- Kernel modules ----

# br_netfilter lets iptables see the packets that cross a bridge without leaving it. It is needed because a reply from
# one namespace to another would otherwise go straight through the bridge, past the rule that has to translate it back.
[ -e /proc/sys/net/bridge ] || { modprobe br_netfilter && sysctl -q -w net.bridge.bridge-nf-call-arptables=0 net.bridge.bridge-nf-call-ip6tables=0 net.bridge.bridge-nf-call-iptables=0; }

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add web
ip netns add office
ip netns add desk

# ---- Network apps ----

# "Bridge" is another word for switch. apps is both: the switch that the namespaces are plugged into, and this host's
# own interface on that switch. Its MAC address is fixed here; left alone, it would change with every port.
ip link add name apps address 02:b2:34:cc:9f:68 type bridge

# apps is an IPv4 network: without this, IPv6 would be a way in that no rule below covers.
sysctl -q -w net.ipv6.conf.apps.disable_ipv6=1

# A veth pair is a cable with two ends: one in the namespace, the other a port of apps.
ip link add name veth-web-br type veth peer name veth-web netns web
ip link set dev veth-web-br addrgenmode none master apps
ip link set dev veth-web-br up

# A bridge never sends a frame back through the port it came from. For a namespace that asks for its own published port
# that is just what has to happen: its packet goes to the host and is translated to the namespace itself.
ip link set dev veth-web-br type bridge_slave hairpin on

# With an address on apps the host is a neighbour of the namespaces: it reaches them, they reach it. Setting the address
# also adds the route to 10.1.0.0/24.
ip address replace 10.1.0.1/24 dev apps
ip link set dev apps up

# ---- Interfaces of this host ----

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip link add name tunnel type veth peer name tunnel netns office

# Nobody at the other end of a cable is a router for this host; and where a cable has no IPv6 address, IPv6 would be a
# way in that no rule covers.
sysctl -q -w net.ipv6.conf.tunnel.disable_ipv6=1

# This host's own: its ends of cables, and what else it has.
ip link set dev tunnel addrgenmode none
ip address replace 10.2.255.1/30 dev tunnel
ip link set dev tunnel up

# ---- Inside the namespaces ----

# The prefix of an address adds a route: the whole subnet is reached directly, without a router. For all else there is
# the default route: to this host, which passes it on as a router does.

# web
ip -n web link set dev lo up
ip -n web link set dev veth-web addrgenmode none
ip -n web address replace 10.1.0.10/24 dev veth-web
ip -n web link set dev veth-web up
ip -n web route replace default via 10.1.0.1 dev veth-web

# office
ip -n office link set dev lo up

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip -n office link add name lan type veth peer name eth0 netns desk
ip -n office link set dev tunnel addrgenmode none
ip -n office address replace 10.2.255.2/30 dev tunnel
ip -n office link set dev tunnel up
ip -n office link set dev lan addrgenmode none
ip -n office address replace 10.2.1.1/24 dev lan
ip -n office link set dev lan up
ip -n office route replace 10.1.0.0/24 via 10.2.255.1

# This node routes between its interfaces.
ip netns exec office sysctl -q -w net.ipv4.ip_forward=1
ip netns exec office sysctl -q -w net.ipv6.conf.all.forwarding=1

# desk
ip -n desk link set dev lo up
ip -n desk link set dev eth0 addrgenmode none
ip -n desk address replace 10.2.1.2/24 dev eth0
ip -n desk link set dev eth0 up
ip -n desk route replace default via 10.2.1.1

# ---- Rules, IPv4 ----

iptables -w -t raw -N NSGEN-site-RAW
# route_localnet, below, would also let a namespace or a neighbour reach what listens on this host's 127.0.0.1 only. A
# packet with such an address that did not come from lo is forged.
iptables -w -t raw -A NSGEN-site-RAW -d 127.0.0.0/8 ! -i lo -j DROP
iptables -w -t raw -A NSGEN-site-RAW -s 127.0.0.0/8 ! -i lo -j DROP
# Answers come from where the source is kept, to a namespace's own address. Connection tracking, in FORWARD, lets
# nothing else of it through.
iptables -w -t raw -A NSGEN-site-RAW -s 10.2.0.0/16 -d 10.1.0.0/24 ! -i apps -j RETURN
# Other machines may use what is published, and nothing by a namespace's own address, whatever route they set up. Here
# and not in FORWARD, so that no other program's rule can accept it first.
iptables -w -t raw -A NSGEN-site-RAW -d 10.1.0.0/24 ! -i apps -m addrtype ! --dst-type LOCAL -j DROP
iptables -w -t nat -N NSGEN-site-PRE
# To a published port of this host (the jump takes only packets to the host's own addresses, so a connection to somebody
# else's port of that number stays theirs): on to the namespace. Other machines come this way, and so do namespaces,
# which are other machines to the host.
iptables -w -t nat -A NSGEN-site-PRE -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.1.0.10:80
iptables -w -t nat -N NSGEN-site-OUTPUT
# The host's own packets do not pass PREROUTING; they need the same rule in OUTPUT.
iptables -w -t nat -A NSGEN-site-OUTPUT -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.1.0.10:80
iptables -w -t nat -N NSGEN-site-POST
# A request to 127.0.0.1 comes from 127.0.0.1, an address to which no namespace can reply: give it the host's address on
# the bridge.
iptables -w -t nat -A NSGEN-site-POST -s 127.0.0.0/8 -o apps -j MASQUERADE
# A namespace asking for its own published port would get a request from itself, and answer itself without the host.
# Asked from the host's address, it answers the host, which translates back.
iptables -w -t nat -A NSGEN-site-POST -s 10.1.0.10/32 -d 10.1.0.10/32 -o apps -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j MASQUERADE
# There the namespaces are known by their own addresses, and whoever is asked has a route back to them: the source is
# kept.
iptables -w -t nat -A NSGEN-site-POST -s 10.1.0.0/24 -d 10.2.0.0/16 ! -o apps -j RETURN
# What leaves for anywhere but apps gets this host's address as its source: nobody outside knows a route to the
# namespaces. Any way out will do, so none is named.
iptables -w -t nat -A NSGEN-site-POST -s 10.1.0.0/24 ! -d 224.0.0.0/4 ! -o apps -j MASQUERADE
iptables -w -t filter -N NSGEN-site-INTO
# What connection tracking cannot place would leave untranslated, with a source that nobody outside can answer.
iptables -w -t filter -A NSGEN-site-INTO -i apps ! -o apps -m conntrack --ctstate INVALID -j DROP
# Both directions of what was let through once.
iptables -w -t filter -A NSGEN-site-INTO -o apps -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -w -t filter -A NSGEN-site-INTO -i apps -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
# Published ports: only what was translated on its way in, never a packet sent to the namespace's own address.
iptables -w -t filter -A NSGEN-site-INTO -d 10.1.0.10/32 -o apps -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j ACCEPT
# Members of a network talk to each other. With br_netfilter their packets come by here, and a policy of DROP would stop
# them.
iptables -w -t filter -A NSGEN-site-INTO -i apps -o apps -j ACCEPT
# Nothing else enters, from outside or from another network.
iptables -w -t filter -A NSGEN-site-INTO ! -i apps -o apps -j DROP
iptables -w -t filter -N NSGEN-site-FROM
# To the internet, from the network's own addresses.
iptables -w -t filter -A NSGEN-site-FROM -s 10.1.0.0/24 -i apps ! -o apps -j ACCEPT
# From any other address it is forged.
iptables -w -t filter -A NSGEN-site-FROM -i apps ! -o apps -j DROP
iptables -w -t filter -N NSGEN-site-OTHERS
# From here on iptables sees what crosses any bridge of this host (bridge-nf-call-iptables, below). Where it did not
# before, a policy of DROP would cut other programs' virtual machines and containers off from each other: what none of
# their rules has dropped goes on.
iptables -w -t filter -A NSGEN-site-OTHERS -m physdev --physdev-is-bridged -j ACCEPT
iptables -w -t filter -N NSGEN-site-GUARD
# A host that forwards is a router for whoever sends it packets. If it was none before, it is one for our networks
# alone: what got here is neither from them nor to them. (Frames that only cross some bridge are not routed, and go on.)
iptables -w -t filter -A NSGEN-site-GUARD -m physdev --physdev-is-bridged -j RETURN
iptables -w -t filter -A NSGEN-site-GUARD -j DROP

# A built-in chain gets one rule, the jump to a chain of ours. It goes first, but for the way out (FROM), which goes
# behind what other programs' rules say of their own networks. Last come those that are needed only where a parameter
# was 0 before a topology set it.
iptables -w -t raw -I PREROUTING -m comment --comment nsgen:site -j NSGEN-site-RAW
iptables -w -t nat -I PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:site -j NSGEN-site-PRE
iptables -w -t nat -I OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:site -j NSGEN-site-OUTPUT
iptables -w -t nat -I POSTROUTING -m comment --comment nsgen:site -j NSGEN-site-POST
iptables -w -t filter -I FORWARD -m comment --comment nsgen:site -j NSGEN-site-INTO
iptables -w -t filter -A FORWARD -m comment --comment nsgen:site -j NSGEN-site-FROM
[ "$(cat /proc/sys/net/bridge/bridge-nf-call-iptables)" = 1 ] || iptables -w -t filter -A FORWARD -m comment --comment nsgen:site -j NSGEN-site-OTHERS
[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] || iptables -w -t filter -A FORWARD -m comment --comment nsgen:site -j NSGEN-site-GUARD

# ---- Kernel parameters ----

# What they are now, to be put back.
sysctl net.ipv6.conf.tunnel.disable_ipv6 net.bridge.bridge-nf-call-iptables net.ipv4.ip_forward net.ipv4.conf.all.accept_redirects > /run/nsgen/site/before.conf

# Without this the kernel drops a packet from 127.0.0.1 that is routed to another interface, as a request to 127.0.0.1
# is once it is translated.
sysctl -q -w net.ipv4.conf.apps.route_localnet=1

# A namespace that uses a port published by a sibling is answered through the bridge, without any routing. With this,
# iptables sees the answer there, and translates its source back to the address that was asked; without it, an answer
# comes from an address that nobody asked, and is thrown away.
sysctl -q -w net.bridge.bridge-nf-call-iptables=1

# Packets of the namespaces come neither from this host nor are they for it: to pass them on, the host has to act as a
# router. This comes last, when every rule is in place.
sysctl -q -w net.ipv4.ip_forward=1

# ---- Routes of this host ----

# Routes that the topology asks for.
ip route replace 10.2.0.0/16 via 10.2.255.2
