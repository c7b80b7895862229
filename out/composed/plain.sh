#!/usr/bin/env bash
# composed: 2 network namespaces (db, web) on 2 networks (front, back), internet access from front, 1 published port.
#
#   8080/tcp -> web, 10.60.0.2 port 80
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- For plain-teardown.sh ----

# Where it keeps what the parameters were, and the numbers of the processes that it starts.
mkdir -p /run/nsgen/composed

# ---- Kernel modules ----

# br_netfilter lets iptables see the packets that cross a bridge without leaving it. It is needed because a reply from
# one namespace to another would otherwise go straight through the bridge, past the rule that has to translate it back.
[ -e /proc/sys/net/bridge ] || { modprobe br_netfilter && sysctl -q -w net.bridge.bridge-nf-call-arptables=0 net.bridge.bridge-nf-call-ip6tables=0 net.bridge.bridge-nf-call-iptables=0; }

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add db
ip netns add web

# ---- Network front ----

# "Bridge" is another word for switch. front is both: the switch that the namespaces are plugged into, and this host's
# own interface on that switch. Its MAC address is fixed here; left alone, it would change with every port.
ip link add name front address 02:d9:18:36:1e:08 type bridge

# front is an IPv4 network: without this, IPv6 would be a way in that no rule below covers.
sysctl -q -w net.ipv6.conf.front.disable_ipv6=1

# A veth pair is a cable with two ends: one in the namespace, the other a port of front.
ip link add name veth-web-br type veth peer name veth-web netns web
ip link set dev veth-web-br addrgenmode none master front
ip link set dev veth-web-br up

# A bridge never sends a frame back through the port it came from. For a namespace that asks for its own published port
# that is just what has to happen: its packet goes to the host and is translated to the namespace itself.
ip link set dev veth-web-br type bridge_slave hairpin on

# With an address on front the host is a neighbour of the namespaces: it reaches them, they reach it. Setting the
# address also adds the route to 10.60.0.0/24.
ip address replace 10.60.0.1/24 dev front
ip link set dev front up

# ---- Network back ----

# The switch, and the host's interface on it.
ip link add name back address 02:ef:fc:4c:03:21 type bridge

# back is an IPv4 network: without this, IPv6 would be a way in that no rule below covers.
sysctl -q -w net.ipv6.conf.back.disable_ipv6=1

# The cables.
ip link add name veth-db-br type veth peer name veth-db netns db
ip link set dev veth-db-br addrgenmode none master back
ip link set dev veth-db-br up
ip link add name veth-web-bac-br type veth peer name veth-web-back netns web
ip link set dev veth-web-bac-br alias nsgen:composed:veth-web-back-br addrgenmode none master back
ip link set dev veth-web-bac-br up

# The host's address.
ip address replace 10.60.1.1/24 dev back
ip link set dev back up

# ---- Inside the namespaces ----

# The prefix of an address adds a route: the whole subnet is reached directly, without a router. For all else there is
# the default route: to this host, which passes it on as a router does.

# db
ip -n db link set dev lo up
ip -n db link set dev veth-db addrgenmode none
ip -n db address replace 10.60.1.2/24 dev veth-db
ip -n db link set dev veth-db up

# A port below 1024 is root's. Here it need not be: whoever serves on one as somebody else has this namespace for
# himself. (Docker sets this in every container.)
ip netns exec db sysctl -q -w net.ipv4.ip_unprivileged_port_start=0

# web
ip -n web link set dev lo up
ip -n web link set dev veth-web addrgenmode none
ip -n web address replace 10.60.0.2/24 dev veth-web
ip -n web link set dev veth-web up
ip -n web link set dev veth-web-back addrgenmode none
ip -n web address replace 10.60.1.3/24 dev veth-web-back
ip -n web link set dev veth-web-back up
ip -n web route replace default via 10.60.0.1 dev veth-web

# A namespace that is made on a host that forwards forwards too, and would connect the networks that it is on.
ip netns exec web sysctl -q -w net.ipv4.ip_forward=0

# A port below 1024 is root's. Here it need not be: whoever serves on one as somebody else has this namespace for
# himself. (Docker sets this in every container.)
ip netns exec web sysctl -q -w net.ipv4.ip_unprivileged_port_start=0

# ---- Rules, IPv4 ----

iptables -w -t raw -N NSGEN-composed-RAW
# route_localnet, below, would also let a namespace or a neighbour reach what listens on this host's 127.0.0.1 only. A
# packet with such an address that did not come from lo is forged.
iptables -w -t raw -A NSGEN-composed-RAW -d 127.0.0.0/8 ! -i lo -j DROP
iptables -w -t raw -A NSGEN-composed-RAW -s 127.0.0.0/8 ! -i lo -j DROP
# Other machines may use what is published, and nothing by a namespace's own address, whatever route they set up. Here
# and not in FORWARD, so that no other program's rule can accept it first.
iptables -w -t raw -A NSGEN-composed-RAW -d 10.60.0.0/24 ! -i front -m addrtype ! --dst-type LOCAL -j DROP
iptables -w -t nat -N NSGEN-composed-PRE
# Members of another network that the namespace is on reach it there, as siblings: they are sent to its address on their
# own network, and it sees who asks. (Not the namespace itself, to which its own address would come back.)
iptables -w -t nat -A NSGEN-composed-PRE -s 10.60.1.3/32 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.60.0.2:80
iptables -w -t nat -A NSGEN-composed-PRE -i back -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.60.1.3:80
# To a published port of this host (the jump takes only packets to the host's own addresses, so a connection to somebody
# else's port of that number stays theirs): on to the namespace. Other machines come this way, and so do namespaces,
# which are other machines to the host.
iptables -w -t nat -A NSGEN-composed-PRE -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.60.0.2:80
iptables -w -t nat -N NSGEN-composed-OUTPUT
# The host's own packets do not pass PREROUTING; they need the same rule in OUTPUT.
iptables -w -t nat -A NSGEN-composed-OUTPUT -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.60.0.2:80
iptables -w -t nat -N NSGEN-composed-POST
# What leaves for anywhere but front gets this host's address as its source: nobody outside knows a route to the
# namespaces. Any way out will do, so none is named.
iptables -w -t nat -A NSGEN-composed-POST -s 10.60.0.0/24 ! -d 224.0.0.0/4 ! -o front -j MASQUERADE
# A request to 127.0.0.1 comes from 127.0.0.1, an address to which no namespace can reply: give it the host's address on
# the bridge.
iptables -w -t nat -A NSGEN-composed-POST -s 127.0.0.0/8 -o front -j MASQUERADE
# The publishing namespace is on the network of these clients too, and would answer there directly, from an address that
# they never asked: it is asked from the host's address instead.
iptables -w -t nat -A NSGEN-composed-POST -s 10.60.1.3/32 -d 10.60.0.2/32 -o front -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j MASQUERADE
# A namespace asking for its own published port would get a request from itself, and answer itself without the host.
# Asked from the host's address, it answers the host, which translates back.
iptables -w -t nat -A NSGEN-composed-POST -s 10.60.0.2/32 -d 10.60.0.2/32 -o front -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j MASQUERADE
iptables -w -t filter -N NSGEN-composed-INTO
# What connection tracking cannot place would leave untranslated, with a source that nobody outside can answer.
iptables -w -t filter -A NSGEN-composed-INTO -i front ! -o front -m conntrack --ctstate INVALID -j DROP
# Both directions of what was let through once.
iptables -w -t filter -A NSGEN-composed-INTO -o front -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -w -t filter -A NSGEN-composed-INTO -i front -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
# Published ports: only what was translated on its way in, never a packet sent to the namespace's own address.
iptables -w -t filter -A NSGEN-composed-INTO -d 10.60.0.2/32 -o front -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j ACCEPT
# Members of a network talk to each other. With br_netfilter their packets come by here, and a policy of DROP would stop
# them.
iptables -w -t filter -A NSGEN-composed-INTO -i front -o front -j ACCEPT
iptables -w -t filter -A NSGEN-composed-INTO -i back -o back -j ACCEPT
# Nothing else enters, from outside or from another network.
iptables -w -t filter -A NSGEN-composed-INTO ! -i front -o front -j DROP
iptables -w -t filter -A NSGEN-composed-INTO ! -i back -o back -j DROP
# Nothing else leaves either: this network is not connected to any other.
iptables -w -t filter -A NSGEN-composed-INTO -i back ! -o back -j DROP
iptables -w -t filter -N NSGEN-composed-FROM
# To the internet, from the network's own addresses.
iptables -w -t filter -A NSGEN-composed-FROM -s 10.60.0.0/24 -i front ! -o front -j ACCEPT
# From any other address it is forged.
iptables -w -t filter -A NSGEN-composed-FROM -i front ! -o front -j DROP
iptables -w -t filter -N NSGEN-composed-OTHERS
# From here on iptables sees what crosses any bridge of this host (bridge-nf-call-iptables, below). Where it did not
# before, a policy of DROP would cut other programs' virtual machines and containers off from each other: what none of
# their rules has dropped goes on.
iptables -w -t filter -A NSGEN-composed-OTHERS -m physdev --physdev-is-bridged -j ACCEPT
iptables -w -t filter -N NSGEN-composed-GUARD
# A host that forwards is a router for whoever sends it packets. If it was none before, it is one for our networks
# alone: what got here is neither from them nor to them. (Frames that only cross some bridge are not routed, and go on.)
iptables -w -t filter -A NSGEN-composed-GUARD -m physdev --physdev-is-bridged -j RETURN
iptables -w -t filter -A NSGEN-composed-GUARD -j DROP

# A built-in chain gets one rule, the jump to a chain of ours. It goes first, but for the way out (FROM), which goes
# behind what other programs' rules say of their own networks. Last come those that are needed only where a parameter
# was 0 before a topology set it.
iptables -w -t raw -I PREROUTING -m comment --comment nsgen:composed -j NSGEN-composed-RAW
iptables -w -t nat -I PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:composed -j NSGEN-composed-PRE
iptables -w -t nat -I OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:composed -j NSGEN-composed-OUTPUT
iptables -w -t nat -I POSTROUTING -m comment --comment nsgen:composed -j NSGEN-composed-POST
iptables -w -t filter -I FORWARD -m comment --comment nsgen:composed -j NSGEN-composed-INTO
iptables -w -t filter -A FORWARD -m comment --comment nsgen:composed -j NSGEN-composed-FROM
[ "$(cat /proc/sys/net/bridge/bridge-nf-call-iptables)" = 1 ] || iptables -w -t filter -A FORWARD -m comment --comment nsgen:composed -j NSGEN-composed-OTHERS
[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] || iptables -w -t filter -A FORWARD -m comment --comment nsgen:composed -j NSGEN-composed-GUARD

# ---- Kernel parameters ----

# What they are now, to be put back.
sysctl net.bridge.bridge-nf-call-iptables net.ipv4.ip_forward net.ipv4.conf.all.accept_redirects > /run/nsgen/composed/before.conf

# Without this the kernel drops a packet from 127.0.0.1 that is routed to another interface, as a request to 127.0.0.1
# is once it is translated.
sysctl -q -w net.ipv4.conf.front.route_localnet=1

# A namespace that uses a port published by a sibling is answered through the bridge, without any routing. With this,
# iptables sees the answer there, and translates its source back to the address that was asked; without it, an answer
# comes from an address that nobody asked, and is thrown away.
sysctl -q -w net.bridge.bridge-nf-call-iptables=1

# Packets of the namespaces come neither from this host nor are they for it: to pass them on, the host has to act as a
# router. This comes last, when every rule is in place.
sysctl -q -w net.ipv4.ip_forward=1

# ---- Services ----

# Started in db, with its output under /run/nsgen/composed/.
setsid ip netns exec db env -C /usr/share/doc runuser -u nobody -- python3 -m http.server 5432 > /run/nsgen/composed/db.sql.log 2>&1 < /dev/null &
echo "$!" > /run/nsgen/composed/db.sql.pid

# Started in web, with its output under /run/nsgen/composed/.
setsid ip netns exec web env -C /usr/share/doc runuser -u nobody -- python3 -m http.server 80 > /run/nsgen/composed/web.web.log 2>&1 < /dev/null &
echo "$!" > /run/nsgen/composed/web.web.pid
