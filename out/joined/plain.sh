#!/usr/bin/env bash
# joined: 1 network namespace (client) and 1 joined namespace (app) on 1 network (lab), with internet access, 1
# published port.
#
#   8080/tcp -> app, 10.60.0.2 port 80
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- For plain-teardown.sh ----

# Where it keeps what the parameters were, and the numbers of the processes that it starts.
mkdir -p /run/nsgen/joined

# ---- Joined namespaces ----

# Somebody else made this one, a container's runtime say: it has interfaces, addresses and processes of its own. It is
# known by a name from here on, and what is ours is put beside that, unless it has something of this kind already; it is
# taken out again, and the namespace left as it was.

# What they are now, to be put back.
ip netns exec app sysctl net.ipv4.ip_unprivileged_port_start > /run/nsgen/joined/before.app.conf

# ---- Kernel modules ----

# br_netfilter lets iptables see the packets that cross a bridge without leaving it. It is needed because a reply from
# one namespace to another would otherwise go straight through the bridge, past the rule that has to translate it back.
[ -e /proc/sys/net/bridge ] || { modprobe br_netfilter && sysctl -q -w net.bridge.bridge-nf-call-arptables=0 net.bridge.bridge-nf-call-ip6tables=0 net.bridge.bridge-nf-call-iptables=0; }

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add client

# ---- Network lab ----

# "Bridge" is another word for switch. lab is both: the switch that the namespaces are plugged into, and this host's own
# interface on that switch. Its MAC address is fixed here; left alone, it would change with every port.
ip link add name lab address 02:1b:78:7f:b9:ba type bridge

# lab is an IPv4 network: without this, IPv6 would be a way in that no rule below covers.
sysctl -q -w net.ipv6.conf.lab.disable_ipv6=1

# A veth pair is a cable with two ends: one in the namespace, the other a port of lab.
ip link add name veth-app-br type veth peer name veth-app netns app
ip link set dev veth-app-br addrgenmode none master lab
ip link set dev veth-app-br up
ip link add name veth-client-br type veth peer name veth-client netns client
ip link set dev veth-client-br addrgenmode none master lab
ip link set dev veth-client-br up

# A bridge never sends a frame back through the port it came from. For a namespace that asks for its own published port
# that is just what has to happen: its packet goes to the host and is translated to the namespace itself.
ip link set dev veth-app-br type bridge_slave hairpin on

# With an address on lab the host is a neighbour of the namespaces: it reaches them, they reach it. Setting the address
# also adds the route to 10.60.0.0/24.
ip address replace 10.60.0.1/24 dev lab
ip link set dev lab up

# ---- Inside the namespaces ----

# The prefix of an address adds a route: the whole subnet is reached directly, without a router. For all else there is
# the default route: to this host, which passes it on as a router does.

# app
ip -n app link set dev veth-app addrgenmode none
ip -n app address replace 10.60.0.2/24 dev veth-app
ip -n app link set dev veth-app up
ip -n app route replace default via 10.60.0.1 dev veth-app

# A port below 1024 is root's. Here it need not be: whoever serves on one as somebody else has this namespace for
# himself. (Docker sets this in every container.)
ip netns exec app sysctl -q -w net.ipv4.ip_unprivileged_port_start=0

# client
ip -n client link set dev lo up
ip -n client link set dev veth-client addrgenmode none
ip -n client address replace 10.60.0.3/24 dev veth-client
ip -n client link set dev veth-client up
ip -n client route replace default via 10.60.0.1 dev veth-client

# ---- Rules, IPv4 ----

iptables -w -t raw -N NSGEN-joined-RAW
# route_localnet, below, would also let a namespace or a neighbour reach what listens on this host's 127.0.0.1 only. A
# packet with such an address that did not come from lo is forged.
iptables -w -t raw -A NSGEN-joined-RAW -d 127.0.0.0/8 ! -i lo -j DROP
iptables -w -t raw -A NSGEN-joined-RAW -s 127.0.0.0/8 ! -i lo -j DROP
# Other machines may use what is published, and nothing by a namespace's own address, whatever route they set up. Here
# and not in FORWARD, so that no other program's rule can accept it first.
iptables -w -t raw -A NSGEN-joined-RAW -d 10.60.0.0/24 ! -i lab -m addrtype ! --dst-type LOCAL -j DROP
iptables -w -t nat -N NSGEN-joined-PRE
# To a published port of this host (the jump takes only packets to the host's own addresses, so a connection to somebody
# else's port of that number stays theirs): on to the namespace. Other machines come this way, and so do namespaces,
# which are other machines to the host.
iptables -w -t nat -A NSGEN-joined-PRE -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.60.0.2:80
iptables -w -t nat -N NSGEN-joined-OUTPUT
# The host's own packets do not pass PREROUTING; they need the same rule in OUTPUT.
iptables -w -t nat -A NSGEN-joined-OUTPUT -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.60.0.2:80
iptables -w -t nat -N NSGEN-joined-POST
# What leaves for anywhere but lab gets this host's address as its source: nobody outside knows a route to the
# namespaces. Any way out will do, so none is named.
iptables -w -t nat -A NSGEN-joined-POST -s 10.60.0.0/24 ! -d 224.0.0.0/4 ! -o lab -j MASQUERADE
# A request to 127.0.0.1 comes from 127.0.0.1, an address to which no namespace can reply: give it the host's address on
# the bridge.
iptables -w -t nat -A NSGEN-joined-POST -s 127.0.0.0/8 -o lab -j MASQUERADE
# A namespace asking for its own published port would get a request from itself, and answer itself without the host.
# Asked from the host's address, it answers the host, which translates back.
iptables -w -t nat -A NSGEN-joined-POST -s 10.60.0.2/32 -d 10.60.0.2/32 -o lab -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j MASQUERADE
iptables -w -t filter -N NSGEN-joined-INTO
# What connection tracking cannot place would leave untranslated, with a source that nobody outside can answer.
iptables -w -t filter -A NSGEN-joined-INTO -i lab ! -o lab -m conntrack --ctstate INVALID -j DROP
# Both directions of what was let through once.
iptables -w -t filter -A NSGEN-joined-INTO -o lab -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -w -t filter -A NSGEN-joined-INTO -i lab -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
# Published ports: only what was translated on its way in, never a packet sent to the namespace's own address.
iptables -w -t filter -A NSGEN-joined-INTO -d 10.60.0.2/32 -o lab -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j ACCEPT
# Members of a network talk to each other. With br_netfilter their packets come by here, and a policy of DROP would stop
# them.
iptables -w -t filter -A NSGEN-joined-INTO -i lab -o lab -j ACCEPT
# Nothing else enters, from outside or from another network.
iptables -w -t filter -A NSGEN-joined-INTO ! -i lab -o lab -j DROP
iptables -w -t filter -N NSGEN-joined-FROM
# To the internet, from the network's own addresses.
iptables -w -t filter -A NSGEN-joined-FROM -s 10.60.0.0/24 -i lab ! -o lab -j ACCEPT
# From any other address it is forged.
iptables -w -t filter -A NSGEN-joined-FROM -i lab ! -o lab -j DROP
iptables -w -t filter -N NSGEN-joined-OTHERS
# From here on iptables sees what crosses any bridge of this host (bridge-nf-call-iptables, below). Where it did not
# before, a policy of DROP would cut other programs' virtual machines and containers off from each other: what none of
# their rules has dropped goes on.
iptables -w -t filter -A NSGEN-joined-OTHERS -m physdev --physdev-is-bridged -j ACCEPT
iptables -w -t filter -N NSGEN-joined-GUARD
# A host that forwards is a router for whoever sends it packets. If it was none before, it is one for our networks
# alone: what got here is neither from them nor to them. (Frames that only cross some bridge are not routed, and go on.)
iptables -w -t filter -A NSGEN-joined-GUARD -m physdev --physdev-is-bridged -j RETURN
iptables -w -t filter -A NSGEN-joined-GUARD -j DROP

# A built-in chain gets one rule, the jump to a chain of ours. It goes first, but for the way out (FROM), which goes
# behind what other programs' rules say of their own networks. Last come those that are needed only where a parameter
# was 0 before a topology set it.
iptables -w -t raw -I PREROUTING -m comment --comment nsgen:joined -j NSGEN-joined-RAW
iptables -w -t nat -I PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:joined -j NSGEN-joined-PRE
iptables -w -t nat -I OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:joined -j NSGEN-joined-OUTPUT
iptables -w -t nat -I POSTROUTING -m comment --comment nsgen:joined -j NSGEN-joined-POST
iptables -w -t filter -I FORWARD -m comment --comment nsgen:joined -j NSGEN-joined-INTO
iptables -w -t filter -A FORWARD -m comment --comment nsgen:joined -j NSGEN-joined-FROM
[ "$(cat /proc/sys/net/bridge/bridge-nf-call-iptables)" = 1 ] || iptables -w -t filter -A FORWARD -m comment --comment nsgen:joined -j NSGEN-joined-OTHERS
[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] || iptables -w -t filter -A FORWARD -m comment --comment nsgen:joined -j NSGEN-joined-GUARD

# ---- Kernel parameters ----

# What they are now, to be put back.
sysctl net.bridge.bridge-nf-call-iptables net.ipv4.ip_forward net.ipv4.conf.all.accept_redirects > /run/nsgen/joined/before.conf

# Without this the kernel drops a packet from 127.0.0.1 that is routed to another interface, as a request to 127.0.0.1
# is once it is translated.
sysctl -q -w net.ipv4.conf.lab.route_localnet=1

# A namespace that uses a port published by a sibling is answered through the bridge, without any routing. With this,
# iptables sees the answer there, and translates its source back to the address that was asked; without it, an answer
# comes from an address that nobody asked, and is thrown away.
sysctl -q -w net.bridge.bridge-nf-call-iptables=1

# Packets of the namespaces come neither from this host nor are they for it: to pass them on, the host has to act as a
# router. This comes last, when every rule is in place.
sysctl -q -w net.ipv4.ip_forward=1

# ---- Services ----

# Started in app, with its output under /run/nsgen/joined/.
setsid ip netns exec app env -C /usr/share/doc runuser -u nobody -- python3 -m http.server 80 > /run/nsgen/joined/app.web.log 2>&1 < /dev/null &
echo "$!" > /run/nsgen/joined/app.web.pid
