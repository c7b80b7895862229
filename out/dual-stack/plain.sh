#!/usr/bin/env bash
# dual-stack: 2 network namespaces (red, blue) on 1 network (bridge0), with internet access, 1 published port.
#
#   8080/tcp -> red, 192.168.15.2 port 80
#   8080/tcp -> red, fd00:15::2 port 80
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- For plain-teardown.sh ----

# Where it keeps what the parameters were, and the numbers of the processes that it starts.
mkdir -p /run/nsgen/dual-stack

# ---- Kernel modules ----

# br_netfilter lets iptables see the packets that cross a bridge without leaving it. It is needed because a reply from
# one namespace to another would otherwise go straight through the bridge, past the rule that has to translate it back.
[ -e /proc/sys/net/bridge ] || { modprobe br_netfilter && sysctl -q -w net.bridge.bridge-nf-call-arptables=0 net.bridge.bridge-nf-call-ip6tables=0 net.bridge.bridge-nf-call-iptables=0; }

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add red
ip netns add blue

# ---- Network bridge0 ----

# "Bridge" is another word for switch. bridge0 is both: the switch that the namespaces are plugged into, and this host's
# own interface on that switch. Its MAC address is fixed here; left alone, it would change with every port.
ip link add name bridge0 address 02:73:0c:e2:21:ed type bridge

# Nobody on bridge0 is a router for this host: a namespace could announce itself as one.
sysctl -q -w net.ipv6.conf.bridge0.accept_ra=0

# A veth pair is a cable with two ends: one in the namespace, the other a port of bridge0.
ip link add name veth-red-br type veth peer name veth-red netns red
ip link set dev veth-red-br addrgenmode none master bridge0
ip link set dev veth-red-br up
ip link add name veth-blue-br type veth peer name veth-blue netns blue
ip link set dev veth-blue-br addrgenmode none master bridge0
ip link set dev veth-blue-br up

# A bridge never sends a frame back through the port it came from. For a namespace that asks for its own published port
# that is just what has to happen: its packet goes to the host and is translated to the namespace itself.
ip link set dev veth-red-br type bridge_slave hairpin on

# With an address on bridge0 the host is a neighbour of the namespaces: it reaches them, they reach it. Setting the
# address also adds the route to 192.168.15.0/24 and fd00:15::/64.
ip address replace 192.168.15.1/24 dev bridge0
ip address replace fd00:15::1/64 dev bridge0 nodad
ip link set dev bridge0 up

# ---- Inside the namespaces ----

# The prefix of an address adds a route: the whole subnet is reached directly, without a router. For all else there is
# the default route: to this host, which passes it on as a router does.

# red
ip -n red link set dev lo up
ip -n red address replace 192.168.15.2/24 dev veth-red
ip -n red address replace fd00:15::2/64 dev veth-red nodad
ip -n red link set dev veth-red up
ip -n red route replace default via 192.168.15.1 dev veth-red
ip -n red route replace default via fd00:15::1 dev veth-red

# A port below 1024 is root's. Here it need not be: whoever serves on one as somebody else has this namespace for
# himself. (Docker sets this in every container.)
ip netns exec red sysctl -q -w net.ipv4.ip_unprivileged_port_start=0

# blue
ip -n blue link set dev lo up
ip -n blue address replace 192.168.15.3/24 dev veth-blue
ip -n blue address replace fd00:15::3/64 dev veth-blue nodad
ip -n blue link set dev veth-blue up
ip -n blue route replace default via 192.168.15.1 dev veth-blue
ip -n blue route replace default via fd00:15::1 dev veth-blue

# ---- Rules, IPv4 ----

iptables -w -t raw -N NSGEN-dual-stack-RAW
# route_localnet, below, would also let a namespace or a neighbour reach what listens on this host's 127.0.0.1 only. A
# packet with such an address that did not come from lo is forged.
iptables -w -t raw -A NSGEN-dual-stack-RAW -d 127.0.0.0/8 ! -i lo -j DROP
iptables -w -t raw -A NSGEN-dual-stack-RAW -s 127.0.0.0/8 ! -i lo -j DROP
# Other machines may use what is published, and nothing by a namespace's own address, whatever route they set up. Here
# and not in FORWARD, so that no other program's rule can accept it first.
iptables -w -t raw -A NSGEN-dual-stack-RAW -d 192.168.15.0/24 ! -i bridge0 -m addrtype ! --dst-type LOCAL -j DROP
iptables -w -t nat -N NSGEN-dual-stack-PRE
# To a published port of this host (the jump takes only packets to the host's own addresses, so a connection to somebody
# else's port of that number stays theirs): on to the namespace. Other machines come this way, and so do namespaces,
# which are other machines to the host.
iptables -w -t nat -A NSGEN-dual-stack-PRE -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.15.2:80
iptables -w -t nat -N NSGEN-dual-stack-OUTPUT
# The host's own packets do not pass PREROUTING; they need the same rule in OUTPUT.
iptables -w -t nat -A NSGEN-dual-stack-OUTPUT -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.15.2:80
iptables -w -t nat -N NSGEN-dual-stack-POST
# What leaves for anywhere but bridge0 gets this host's address as its source: nobody outside knows a route to the
# namespaces. Any way out will do, so none is named.
iptables -w -t nat -A NSGEN-dual-stack-POST -s 192.168.15.0/24 ! -d 224.0.0.0/4 ! -o bridge0 -j MASQUERADE
# A request to 127.0.0.1 comes from 127.0.0.1, an address to which no namespace can reply: give it the host's address on
# the bridge.
iptables -w -t nat -A NSGEN-dual-stack-POST -s 127.0.0.0/8 -o bridge0 -j MASQUERADE
# A namespace asking for its own published port would get a request from itself, and answer itself without the host.
# Asked from the host's address, it answers the host, which translates back.
iptables -w -t nat -A NSGEN-dual-stack-POST -s 192.168.15.2/32 -d 192.168.15.2/32 -o bridge0 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j MASQUERADE
iptables -w -t filter -N NSGEN-dual-stack-INTO
# What connection tracking cannot place would leave untranslated, with a source that nobody outside can answer.
iptables -w -t filter -A NSGEN-dual-stack-INTO -i bridge0 ! -o bridge0 -m conntrack --ctstate INVALID -j DROP
# Both directions of what was let through once.
iptables -w -t filter -A NSGEN-dual-stack-INTO -o bridge0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -w -t filter -A NSGEN-dual-stack-INTO -i bridge0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
# Published ports: only what was translated on its way in, never a packet sent to the namespace's own address.
iptables -w -t filter -A NSGEN-dual-stack-INTO -d 192.168.15.2/32 -o bridge0 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j ACCEPT
# Members of a network talk to each other. With br_netfilter their packets come by here, and a policy of DROP would stop
# them.
iptables -w -t filter -A NSGEN-dual-stack-INTO -i bridge0 -o bridge0 -j ACCEPT
# Nothing else enters, from outside or from another network.
iptables -w -t filter -A NSGEN-dual-stack-INTO ! -i bridge0 -o bridge0 -j DROP
iptables -w -t filter -N NSGEN-dual-stack-FROM
# To the internet, from the network's own addresses.
iptables -w -t filter -A NSGEN-dual-stack-FROM -s 192.168.15.0/24 -i bridge0 ! -o bridge0 -j ACCEPT
# From any other address it is forged.
iptables -w -t filter -A NSGEN-dual-stack-FROM -i bridge0 ! -o bridge0 -j DROP
iptables -w -t filter -N NSGEN-dual-stack-OTHERS
# From here on iptables sees what crosses any bridge of this host (bridge-nf-call-iptables, below). Where it did not
# before, a policy of DROP would cut other programs' virtual machines and containers off from each other: what none of
# their rules has dropped goes on.
iptables -w -t filter -A NSGEN-dual-stack-OTHERS -m physdev --physdev-is-bridged -j ACCEPT
iptables -w -t filter -N NSGEN-dual-stack-GUARD
# A host that forwards is a router for whoever sends it packets. If it was none before, it is one for our networks
# alone: what got here is neither from them nor to them. (Frames that only cross some bridge are not routed, and go on.)
iptables -w -t filter -A NSGEN-dual-stack-GUARD -m physdev --physdev-is-bridged -j RETURN
iptables -w -t filter -A NSGEN-dual-stack-GUARD -j DROP

# A built-in chain gets one rule, the jump to a chain of ours. It goes first, but for the way out (FROM), which goes
# behind what other programs' rules say of their own networks. Last come those that are needed only where a parameter
# was 0 before a topology set it.
iptables -w -t raw -I PREROUTING -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-RAW
iptables -w -t nat -I PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-PRE
iptables -w -t nat -I OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-OUTPUT
iptables -w -t nat -I POSTROUTING -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-POST
iptables -w -t filter -I FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-INTO
iptables -w -t filter -A FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-FROM
[ "$(cat /proc/sys/net/bridge/bridge-nf-call-iptables)" = 1 ] || iptables -w -t filter -A FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-OTHERS
[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] || iptables -w -t filter -A FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-GUARD

# ---- Rules, IPv6 ----

# Rule for rule as for IPv4, where the reasons stand.

ip6tables -w -t raw -N NSGEN-dual-stack-RAW
ip6tables -w -t raw -A NSGEN-dual-stack-RAW -d fd00:15::/64 ! -i bridge0 -m addrtype ! --dst-type LOCAL -j DROP
ip6tables -w -t nat -N NSGEN-dual-stack-PRE
ip6tables -w -t nat -A NSGEN-dual-stack-PRE -p tcp -m tcp --dport 8080 -j DNAT --to-destination '[fd00:15::2]:80'
ip6tables -w -t nat -N NSGEN-dual-stack-OUTPUT
ip6tables -w -t nat -A NSGEN-dual-stack-OUTPUT -p tcp -m tcp --dport 8080 -j DNAT --to-destination '[fd00:15::2]:80'
ip6tables -w -t nat -N NSGEN-dual-stack-POST
ip6tables -w -t nat -A NSGEN-dual-stack-POST -s fd00:15::/64 ! -d ff00::/8 ! -o bridge0 -j MASQUERADE
ip6tables -w -t nat -A NSGEN-dual-stack-POST -s fd00:15::2/128 -d fd00:15::2/128 -o bridge0 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j MASQUERADE
ip6tables -w -t filter -N NSGEN-dual-stack-INTO
ip6tables -w -t filter -A NSGEN-dual-stack-INTO -i bridge0 ! -o bridge0 -m conntrack --ctstate INVALID -j DROP
ip6tables -w -t filter -A NSGEN-dual-stack-INTO -o bridge0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
ip6tables -w -t filter -A NSGEN-dual-stack-INTO -i bridge0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
ip6tables -w -t filter -A NSGEN-dual-stack-INTO -d fd00:15::2/128 -o bridge0 -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j ACCEPT
ip6tables -w -t filter -A NSGEN-dual-stack-INTO -i bridge0 -o bridge0 -j ACCEPT
ip6tables -w -t filter -A NSGEN-dual-stack-INTO ! -i bridge0 -o bridge0 -j DROP
ip6tables -w -t filter -N NSGEN-dual-stack-FROM
ip6tables -w -t filter -A NSGEN-dual-stack-FROM -s fd00:15::/64 -i bridge0 ! -o bridge0 -j ACCEPT
ip6tables -w -t filter -A NSGEN-dual-stack-FROM -i bridge0 ! -o bridge0 -j DROP
ip6tables -w -t filter -N NSGEN-dual-stack-OTHERS
ip6tables -w -t filter -A NSGEN-dual-stack-OTHERS -m physdev --physdev-is-bridged -j ACCEPT
ip6tables -w -t filter -N NSGEN-dual-stack-GUARD
ip6tables -w -t filter -A NSGEN-dual-stack-GUARD -m physdev --physdev-is-bridged -j RETURN
ip6tables -w -t filter -A NSGEN-dual-stack-GUARD -j DROP

ip6tables -w -t raw -I PREROUTING -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-RAW
ip6tables -w -t nat -I PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-PRE
ip6tables -w -t nat -I OUTPUT ! -d ::1/128 -m addrtype --dst-type LOCAL -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-OUTPUT
ip6tables -w -t nat -I POSTROUTING -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-POST
ip6tables -w -t filter -I FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-INTO
ip6tables -w -t filter -A FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-FROM
[ "$(cat /proc/sys/net/bridge/bridge-nf-call-ip6tables)" = 1 ] || ip6tables -w -t filter -A FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-OTHERS
[ "$(cat /proc/sys/net/ipv6/conf/all/forwarding)" = 1 ] || ip6tables -w -t filter -A FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-GUARD

# ---- Kernel parameters ----

# What they are now, to be put back.
sysctl net.bridge.bridge-nf-call-iptables net.bridge.bridge-nf-call-ip6tables net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv4.conf.all.accept_redirects > /run/nsgen/dual-stack/before.conf

# Without this the kernel drops a packet from 127.0.0.1 that is routed to another interface, as a request to 127.0.0.1
# is once it is translated.
sysctl -q -w net.ipv4.conf.bridge0.route_localnet=1

# A namespace that uses a port published by a sibling is answered through the bridge, without any routing. With this,
# iptables sees the answer there, and translates its source back to the address that was asked; without it, an answer
# comes from an address that nobody asked, and is thrown away.
sysctl -q -w net.bridge.bridge-nf-call-iptables=1
sysctl -q -w net.bridge.bridge-nf-call-ip6tables=1

# Packets of the namespaces come neither from this host nor are they for it: to pass them on, the host has to act as a
# router. This comes last, when every rule is in place.
sysctl -q -w net.ipv4.ip_forward=1
sysctl -q -w net.ipv6.conf.all.forwarding=1

# ---- Services ----

# Started in red, with its output under /run/nsgen/dual-stack/.
setsid ip netns exec red env -C /usr/share/doc runuser -u nobody -- python3 -m http.server 80 --bind :: > /run/nsgen/dual-stack/red.web.log 2>&1 < /dev/null &
echo "$!" > /run/nsgen/dual-stack/red.web.pid
