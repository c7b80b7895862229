#!/usr/bin/env bash
# isolated: 6 network namespaces (tenant1, tenant2 … cache) on 2 networks (tenants, backend), internet access from
# tenants, 1 published port.
#
#   8080/tcp -> web, 10.20.0.5 port 80
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- For plain-teardown.sh ----

# Where it keeps what the parameters were, and the numbers of the processes that it starts.
mkdir -p /run/nsgen/isolated

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add tenant1
ip netns add tenant2
ip netns add tenant3
ip netns add web
ip netns add db
ip netns add cache

# ---- Network tenants ----

# "Bridge" is another word for switch. tenants is both: the switch that the namespaces are plugged into, and this host's
# own interface on that switch. Its MAC address is fixed here; left alone, it would change with every port.
ip link add name tenants address 02:aa:a9:19:44:cd type bridge

# tenants is an IPv4 network: without this, IPv6 would be a way in that no rule below covers.
sysctl -q -w net.ipv6.conf.tenants.disable_ipv6=1

# A veth pair is a cable with two ends: one in the namespace, the other a port of tenants.
ip link add name veth-tenant1-br type veth peer name veth-tenant1 netns tenant1
ip link set dev veth-tenant1-br addrgenmode none master tenants
ip link set dev veth-tenant1-br up
ip link add name veth-tenant2-br type veth peer name veth-tenant2 netns tenant2
ip link set dev veth-tenant2-br addrgenmode none master tenants
ip link set dev veth-tenant2-br up
ip link add name veth-tenant3-br type veth peer name veth-tenant3 netns tenant3
ip link set dev veth-tenant3-br addrgenmode none master tenants
ip link set dev veth-tenant3-br up
ip link add name veth-web-br type veth peer name veth-web netns web
ip link set dev veth-web-br addrgenmode none master tenants
ip link set dev veth-web-br up

# A bridge never sends a frame back through the port it came from. For a namespace that asks for its own published port
# that is just what has to happen: its packet goes to the host and is translated to the namespace itself.
ip link set dev veth-web-br type bridge_slave hairpin on

# Ports that are isolated exchange frames with the host alone, never with each other.
ip link set dev veth-tenant1-br type bridge_slave isolated on
ip link set dev veth-tenant2-br type bridge_slave isolated on
ip link set dev veth-tenant3-br type bridge_slave isolated on
ip link set dev veth-web-br type bridge_slave isolated on

# With an address on tenants the host is a neighbour of the namespaces: it reaches them, they reach it. Setting the
# address also adds the route to 10.20.0.0/24.
ip address replace 10.20.0.1/24 dev tenants
ip link set dev tenants up

# ---- Network backend ----

# The switch, and the host's interface on it.
ip link add name backend address 02:13:45:72:1d:f3 type bridge

# backend is an IPv4 network: without this, IPv6 would be a way in that no rule below covers.
sysctl -q -w net.ipv6.conf.backend.disable_ipv6=1

# The cables.
ip link add name veth-db-br type veth peer name veth-db netns db
ip link set dev veth-db-br addrgenmode none master backend
ip link set dev veth-db-br up
ip link add name veth-cache-br type veth peer name veth-cache netns cache
ip link set dev veth-cache-br addrgenmode none master backend
ip link set dev veth-cache-br up

# The host's address.
ip address replace 10.20.1.1/24 dev backend
ip link set dev backend up

# ---- Inside the namespaces ----

# The prefix of an address adds a route: the whole subnet is reached directly, without a router. For all else there is
# the default route: to this host, which passes it on as a router does.

# tenant1
ip -n tenant1 link set dev lo up
ip -n tenant1 link set dev veth-tenant1 addrgenmode none
ip -n tenant1 address replace 10.20.0.2/24 dev veth-tenant1
ip -n tenant1 link set dev veth-tenant1 up
ip -n tenant1 route replace default via 10.20.0.1 dev veth-tenant1

# tenant2
ip -n tenant2 link set dev lo up
ip -n tenant2 link set dev veth-tenant2 addrgenmode none
ip -n tenant2 address replace 10.20.0.3/24 dev veth-tenant2
ip -n tenant2 link set dev veth-tenant2 up
ip -n tenant2 route replace default via 10.20.0.1 dev veth-tenant2

# tenant3
ip -n tenant3 link set dev lo up
ip -n tenant3 link set dev veth-tenant3 addrgenmode none
ip -n tenant3 address replace 10.20.0.4/24 dev veth-tenant3
ip -n tenant3 link set dev veth-tenant3 up
ip -n tenant3 route replace default via 10.20.0.1 dev veth-tenant3

# web
ip -n web link set dev lo up
ip -n web link set dev veth-web addrgenmode none
ip -n web address replace 10.20.0.5/24 dev veth-web
ip -n web link set dev veth-web up
ip -n web route replace default via 10.20.0.1 dev veth-web

# A port below 1024 is root's. Here it need not be: whoever serves on one as somebody else has this namespace for
# himself. (Docker sets this in every container.)
ip netns exec web sysctl -q -w net.ipv4.ip_unprivileged_port_start=0

# db
ip -n db link set dev lo up
ip -n db link set dev veth-db addrgenmode none
ip -n db address replace 10.20.1.2/24 dev veth-db
ip -n db link set dev veth-db up

# cache
ip -n cache link set dev lo up
ip -n cache link set dev veth-cache addrgenmode none
ip -n cache address replace 10.20.1.3/24 dev veth-cache
ip -n cache link set dev veth-cache up

# ---- Rules, IPv4 ----

iptables -w -t raw -N NSGEN-isolated-RAW
# route_localnet, below, would also let a namespace or a neighbour reach what listens on this host's 127.0.0.1 only. A
# packet with such an address that did not come from lo is forged.
iptables -w -t raw -A NSGEN-isolated-RAW -d 127.0.0.0/8 ! -i lo -j DROP
iptables -w -t raw -A NSGEN-isolated-RAW -s 127.0.0.0/8 ! -i lo -j DROP
# Other machines may use what is published, and nothing by a namespace's own address, whatever route they set up. Here
# and not in FORWARD, so that no other program's rule can accept it first.
iptables -w -t raw -A NSGEN-isolated-RAW -d 10.20.0.0/24 ! -i tenants -m addrtype ! --dst-type LOCAL -j DROP
iptables -w -t nat -N NSGEN-isolated-PRE
# To a published port of this host (the jump takes only packets to the host's own addresses, so a connection to somebody
# else's port of that number stays theirs): on to the namespace. Other machines come this way, and so do namespaces,
# which are other machines to the host.
iptables -w -t nat -A NSGEN-isolated-PRE -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.20.0.5:80
iptables -w -t nat -N NSGEN-isolated-OUTPUT
# The host's own packets do not pass PREROUTING; they need the same rule in OUTPUT.
iptables -w -t nat -A NSGEN-isolated-OUTPUT -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.20.0.5:80
iptables -w -t nat -N NSGEN-isolated-POST
# What leaves for anywhere but tenants gets this host's address as its source: nobody outside knows a route to the
# namespaces. Any way out will do, so none is named.
iptables -w -t nat -A NSGEN-isolated-POST -s 10.20.0.0/24 ! -d 224.0.0.0/4 ! -o tenants -j MASQUERADE
# A request to 127.0.0.1 comes from 127.0.0.1, an address to which no namespace can reply: give it the host's address on
# the bridge.
iptables -w -t nat -A NSGEN-isolated-POST -s 127.0.0.0/8 -o tenants -j MASQUERADE
# A sibling's request would be answered straight through the bridge, from an address that the sibling never asked. Asked
# from the host's address, a namespace answers the host, which translates back. (The price: it sees the host, not who
# asked.)
iptables -w -t nat -A NSGEN-isolated-POST -s 10.20.0.0/24 -d 10.20.0.5/32 -o tenants -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j MASQUERADE
iptables -w -t filter -N NSGEN-isolated-INTO
# What connection tracking cannot place would leave untranslated, with a source that nobody outside can answer.
iptables -w -t filter -A NSGEN-isolated-INTO -i tenants ! -o tenants -m conntrack --ctstate INVALID -j DROP
# Both directions of what was let through once.
iptables -w -t filter -A NSGEN-isolated-INTO -o tenants -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -w -t filter -A NSGEN-isolated-INTO -i tenants -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
# Published ports: only what was translated on its way in, never a packet sent to the namespace's own address.
iptables -w -t filter -A NSGEN-isolated-INTO -d 10.20.0.5/32 -o tenants -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j ACCEPT
# Members of an isolated network do not, not even by way of the host.
iptables -w -t filter -A NSGEN-isolated-INTO -i tenants -o tenants -j DROP
# Members of a network talk to each other. With br_netfilter their packets come by here, and a policy of DROP would stop
# them.
iptables -w -t filter -A NSGEN-isolated-INTO -i backend -o backend -j ACCEPT
# Nothing else enters, from outside or from another network.
iptables -w -t filter -A NSGEN-isolated-INTO ! -i tenants -o tenants -j DROP
iptables -w -t filter -A NSGEN-isolated-INTO ! -i backend -o backend -j DROP
# Nothing else leaves either: this network is not connected to any other.
iptables -w -t filter -A NSGEN-isolated-INTO -i backend ! -o backend -j DROP
iptables -w -t filter -N NSGEN-isolated-FROM
# To the internet, from the network's own addresses.
iptables -w -t filter -A NSGEN-isolated-FROM -s 10.20.0.0/24 -i tenants ! -o tenants -j ACCEPT
# From any other address it is forged.
iptables -w -t filter -A NSGEN-isolated-FROM -i tenants ! -o tenants -j DROP
iptables -w -t filter -N NSGEN-isolated-GUARD
# A host that forwards is a router for whoever sends it packets. If it was none before, it is one for our networks
# alone: what got here is neither from them nor to them. (Frames that only cross some bridge are not routed, and go on.)
iptables -w -t filter -A NSGEN-isolated-GUARD -m physdev --physdev-is-bridged -j RETURN
iptables -w -t filter -A NSGEN-isolated-GUARD -j DROP

# A built-in chain gets one rule, the jump to a chain of ours. It goes first, but for the way out (FROM), which goes
# behind what other programs' rules say of their own networks. Last come those that are needed only where a parameter
# was 0 before a topology set it.
iptables -w -t raw -I PREROUTING -m comment --comment nsgen:isolated -j NSGEN-isolated-RAW
iptables -w -t nat -I PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:isolated -j NSGEN-isolated-PRE
iptables -w -t nat -I OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:isolated -j NSGEN-isolated-OUTPUT
iptables -w -t nat -I POSTROUTING -m comment --comment nsgen:isolated -j NSGEN-isolated-POST
iptables -w -t filter -I FORWARD -m comment --comment nsgen:isolated -j NSGEN-isolated-INTO
iptables -w -t filter -A FORWARD -m comment --comment nsgen:isolated -j NSGEN-isolated-FROM
[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] || iptables -w -t filter -A FORWARD -m comment --comment nsgen:isolated -j NSGEN-isolated-GUARD

# ---- Kernel parameters ----

# What they are now, to be put back.
sysctl net.ipv4.ip_forward net.ipv4.conf.all.accept_redirects > /run/nsgen/isolated/before.conf

# Without this the kernel drops a packet from 127.0.0.1 that is routed to another interface, as a request to 127.0.0.1
# is once it is translated.
sysctl -q -w net.ipv4.conf.tenants.route_localnet=1

# Packets of the namespaces come neither from this host nor are they for it: to pass them on, the host has to act as a
# router. This comes last, when every rule is in place.
sysctl -q -w net.ipv4.ip_forward=1

# ---- Services ----

# Started in web, with its output under /run/nsgen/isolated/.
setsid ip netns exec web env -C /usr/share/doc runuser -u nobody -- python3 -m http.server 80 > /run/nsgen/isolated/web.web.log 2>&1 < /dev/null &
echo "$!" > /run/nsgen/isolated/web.web.pid
