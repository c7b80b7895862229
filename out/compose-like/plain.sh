#!/usr/bin/env bash
# compose-like: 3 network namespaces (proxy, app, db) on 2 networks (front, back), internet access from front, 2
# published ports.
#
#   8080/tcp -> proxy, 10.30.0.2 port 80
#   127.0.0.1:9090/tcp -> proxy, 10.30.0.2 port 9090
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- For plain-teardown.sh ----

# Where it keeps what the parameters were, and the numbers of the processes that it starts.
mkdir -p /run/nsgen/compose-like

# ---- Kernel modules ----

# br_netfilter lets iptables see the packets that cross a bridge without leaving it. It is needed because a reply from
# one namespace to another would otherwise go straight through the bridge, past the rule that has to translate it back.
[ -e /proc/sys/net/bridge ] || { modprobe br_netfilter && sysctl -q -w net.bridge.bridge-nf-call-arptables=0 net.bridge.bridge-nf-call-ip6tables=0 net.bridge.bridge-nf-call-iptables=0; }

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add proxy
ip netns add app
ip netns add db

# ---- Network front ----

# "Bridge" is another word for switch. front is both: the switch that the namespaces are plugged into, and this host's
# own interface on that switch. Its MAC address is fixed here; left alone, it would change with every port.
ip link add name front address 02:39:94:dd:17:c9 type bridge

# front is an IPv4 network: without this, IPv6 would be a way in that no rule below covers.
sysctl -q -w net.ipv6.conf.front.disable_ipv6=1

# A veth pair is a cable with two ends: one in the namespace, the other a port of front.
ip link add name veth-proxy-br type veth peer name veth-proxy netns proxy
ip link set dev veth-proxy-br addrgenmode none master front
ip link set dev veth-proxy-br up
ip link add name veth-app-br type veth peer name veth-app netns app
ip link set dev veth-app-br addrgenmode none master front
ip link set dev veth-app-br up

# A bridge never sends a frame back through the port it came from. For a namespace that asks for its own published port
# that is just what has to happen: its packet goes to the host and is translated to the namespace itself.
ip link set dev veth-proxy-br type bridge_slave hairpin on

# With an address on front the host is a neighbour of the namespaces: it reaches them, they reach it. Setting the
# address also adds the route to 10.30.0.0/24.
ip address replace 10.30.0.1/24 dev front
ip link set dev front up

# ---- Network back ----

# The switch, and the host's interface on it.
ip link add name back address 02:e9:71:9b:ca:9c type bridge

# back is an IPv4 network: without this, IPv6 would be a way in that no rule below covers.
sysctl -q -w net.ipv6.conf.back.disable_ipv6=1

# The cables.
ip link add name veth-app-bac-br type veth peer name veth-app-back netns app
ip link set dev veth-app-bac-br alias nsgen:compose-like:veth-app-back-br addrgenmode none master back
ip link set dev veth-app-bac-br up
ip link add name veth-db-br type veth peer name veth-db netns db
ip link set dev veth-db-br addrgenmode none master back
ip link set dev veth-db-br up

# The host's address.
ip address replace 10.30.1.1/24 dev back
ip link set dev back up

# ---- Inside the namespaces ----

# The prefix of an address adds a route: the whole subnet is reached directly, without a router. For all else there is
# the default route: to this host, which passes it on as a router does.

# proxy
ip -n proxy link set dev lo up
ip -n proxy link set dev veth-proxy addrgenmode none
ip -n proxy address replace 10.30.0.2/24 dev veth-proxy
ip -n proxy link set dev veth-proxy up
ip -n proxy route replace default via 10.30.0.1 dev veth-proxy

# `ip netns exec proxy` shows these as /etc/resolv.conf and /etc/hosts.
mkdir -p /etc/netns/proxy
cat > /etc/netns/proxy/hosts <<'FILE'
# nsgen:compose-like
127.0.0.1 localhost
::1 localhost
10.30.0.2 proxy
10.30.0.3 app
10.30.1.2 app
10.30.1.3 db
FILE

# A port below 1024 is root's. Here it need not be: whoever serves on one as somebody else has this namespace for
# himself. (Docker sets this in every container.)
ip netns exec proxy sysctl -q -w net.ipv4.ip_unprivileged_port_start=0

# app
ip -n app link set dev lo up
ip -n app link set dev veth-app addrgenmode none
ip -n app address replace 10.30.0.3/24 dev veth-app
ip -n app link set dev veth-app up
ip -n app link set dev veth-app-back addrgenmode none
ip -n app address replace 10.30.1.2/24 dev veth-app-back
ip -n app link set dev veth-app-back up
ip -n app route replace default via 10.30.0.1 dev veth-app

# `ip netns exec app` shows these as /etc/resolv.conf and /etc/hosts.
mkdir -p /etc/netns/app
cat > /etc/netns/app/resolv.conf <<'FILE'
# nsgen:compose-like
nameserver 9.9.9.9
options timeout:1
FILE
mkdir -p /etc/netns/app
cat > /etc/netns/app/hosts <<'FILE'
# nsgen:compose-like
127.0.0.1 localhost
::1 localhost
10.30.0.2 proxy
10.30.0.3 app
10.30.1.2 app
10.30.1.3 db
FILE

# A namespace that is made on a host that forwards forwards too, and would connect the networks that it is on.
ip netns exec app sysctl -q -w net.ipv4.ip_forward=0

# A port below 1024 is root's. Here it need not be: whoever serves on one as somebody else has this namespace for
# himself. (Docker sets this in every container.)
ip netns exec app sysctl -q -w net.ipv4.ip_unprivileged_port_start=0

# db
ip -n db link set dev lo up
ip -n db link set dev veth-db addrgenmode none
ip -n db address replace 10.30.1.3/24 dev veth-db
ip -n db link set dev veth-db up

# `ip netns exec db` shows these as /etc/resolv.conf and /etc/hosts.
mkdir -p /etc/netns/db
cat > /etc/netns/db/hosts <<'FILE'
# nsgen:compose-like
127.0.0.1 localhost
::1 localhost
10.30.1.2 app
FILE

# A port below 1024 is root's. Here it need not be: whoever serves on one as somebody else has this namespace for
# himself. (Docker sets this in every container.)
ip netns exec db sysctl -q -w net.ipv4.ip_unprivileged_port_start=0

# Asked for by the topology.
ip netns exec db sysctl -q -w net.ipv4.tcp_keepalive_time=60

# ---- Rules, IPv4 ----

iptables -w -t raw -N NSGEN-compose-like-RAW
# route_localnet, below, would also let a namespace or a neighbour reach what listens on this host's 127.0.0.1 only. A
# packet with such an address that did not come from lo is forged.
iptables -w -t raw -A NSGEN-compose-like-RAW -d 127.0.0.0/8 ! -i lo -j DROP
iptables -w -t raw -A NSGEN-compose-like-RAW -s 127.0.0.0/8 ! -i lo -j DROP
# Other machines may use what is published, and nothing by a namespace's own address, whatever route they set up. Here
# and not in FORWARD, so that no other program's rule can accept it first.
iptables -w -t raw -A NSGEN-compose-like-RAW -d 10.30.0.0/24 ! -i front -m addrtype ! --dst-type LOCAL -j DROP
iptables -w -t nat -N NSGEN-compose-like-PRE
# To a published port of this host (the jump takes only packets to the host's own addresses, so a connection to somebody
# else's port of that number stays theirs): on to the namespace. Other machines come this way, and so do namespaces,
# which are other machines to the host.
iptables -w -t nat -A NSGEN-compose-like-PRE -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.30.0.2:80
iptables -w -t nat -N NSGEN-compose-like-OUTPUT
# The host's own packets do not pass PREROUTING; they need the same rule in OUTPUT.
iptables -w -t nat -A NSGEN-compose-like-OUTPUT -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.30.0.2:80
iptables -w -t nat -A NSGEN-compose-like-OUTPUT -d 127.0.0.1/32 -p tcp -m tcp --dport 9090 -j DNAT --to-destination 10.30.0.2:9090
iptables -w -t nat -N NSGEN-compose-like-POST
# What leaves for anywhere but front gets this host's address as its source: nobody outside knows a route to the
# namespaces. Any way out will do, so none is named.
iptables -w -t nat -A NSGEN-compose-like-POST -s 10.30.0.0/24 ! -d 224.0.0.0/4 ! -o front -j MASQUERADE
# A request to 127.0.0.1 comes from 127.0.0.1, an address to which no namespace can reply: give it the host's address on
# the bridge.
iptables -w -t nat -A NSGEN-compose-like-POST -s 127.0.0.0/8 -o front -j MASQUERADE
# A namespace asking for its own published port would get a request from itself, and answer itself without the host.
# Asked from the host's address, it answers the host, which translates back.
iptables -w -t nat -A NSGEN-compose-like-POST -s 10.30.0.2/32 -d 10.30.0.2/32 -o front -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j MASQUERADE
iptables -w -t filter -N NSGEN-compose-like-INTO
# What connection tracking cannot place would leave untranslated, with a source that nobody outside can answer.
iptables -w -t filter -A NSGEN-compose-like-INTO -i front ! -o front -m conntrack --ctstate INVALID -j DROP
# Both directions of what was let through once.
iptables -w -t filter -A NSGEN-compose-like-INTO -o front -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -w -t filter -A NSGEN-compose-like-INTO -i front -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
# Published ports: only what was translated on its way in, never a packet sent to the namespace's own address.
iptables -w -t filter -A NSGEN-compose-like-INTO -d 10.30.0.2/32 -o front -p tcp -m tcp --dport 80 -m conntrack --ctstate DNAT -j ACCEPT
# Members of a network talk to each other. With br_netfilter their packets come by here, and a policy of DROP would stop
# them.
iptables -w -t filter -A NSGEN-compose-like-INTO -i front -o front -j ACCEPT
iptables -w -t filter -A NSGEN-compose-like-INTO -i back -o back -j ACCEPT
# Nothing else enters, from outside or from another network.
iptables -w -t filter -A NSGEN-compose-like-INTO ! -i front -o front -j DROP
iptables -w -t filter -A NSGEN-compose-like-INTO ! -i back -o back -j DROP
# Nothing else leaves either: this network is not connected to any other.
iptables -w -t filter -A NSGEN-compose-like-INTO -i back ! -o back -j DROP
iptables -w -t filter -N NSGEN-compose-like-FROM
# To the internet, from the network's own addresses.
iptables -w -t filter -A NSGEN-compose-like-FROM -s 10.30.0.0/24 -i front ! -o front -j ACCEPT
# From any other address it is forged.
iptables -w -t filter -A NSGEN-compose-like-FROM -i front ! -o front -j DROP
iptables -w -t filter -N NSGEN-compose-like-OTHERS
# From here on iptables sees what crosses any bridge of this host (bridge-nf-call-iptables, below). Where it did not
# before, a policy of DROP would cut other programs' virtual machines and containers off from each other: what none of
# their rules has dropped goes on.
iptables -w -t filter -A NSGEN-compose-like-OTHERS -m physdev --physdev-is-bridged -j ACCEPT
iptables -w -t filter -N NSGEN-compose-like-GUARD
# A host that forwards is a router for whoever sends it packets. If it was none before, it is one for our networks
# alone: what got here is neither from them nor to them. (Frames that only cross some bridge are not routed, and go on.)
iptables -w -t filter -A NSGEN-compose-like-GUARD -m physdev --physdev-is-bridged -j RETURN
iptables -w -t filter -A NSGEN-compose-like-GUARD -j DROP

# A built-in chain gets one rule, the jump to a chain of ours. It goes first, but for the way out (FROM), which goes
# behind what other programs' rules say of their own networks. Last come those that are needed only where a parameter
# was 0 before a topology set it.
iptables -w -t raw -I PREROUTING -m comment --comment nsgen:compose-like -j NSGEN-compose-like-RAW
iptables -w -t nat -I PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:compose-like -j NSGEN-compose-like-PRE
iptables -w -t nat -I OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:compose-like -j NSGEN-compose-like-OUTPUT
iptables -w -t nat -I POSTROUTING -m comment --comment nsgen:compose-like -j NSGEN-compose-like-POST
iptables -w -t filter -I FORWARD -m comment --comment nsgen:compose-like -j NSGEN-compose-like-INTO
iptables -w -t filter -A FORWARD -m comment --comment nsgen:compose-like -j NSGEN-compose-like-FROM
[ "$(cat /proc/sys/net/bridge/bridge-nf-call-iptables)" = 1 ] || iptables -w -t filter -A FORWARD -m comment --comment nsgen:compose-like -j NSGEN-compose-like-OTHERS
[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] || iptables -w -t filter -A FORWARD -m comment --comment nsgen:compose-like -j NSGEN-compose-like-GUARD

# ---- Kernel parameters ----

# What they are now, to be put back.
sysctl net.bridge.bridge-nf-call-iptables net.ipv4.ip_forward net.ipv4.conf.all.accept_redirects > /run/nsgen/compose-like/before.conf

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

# Started in proxy, with its output under /run/nsgen/compose-like/.
setsid ip netns exec proxy env -C /usr/share/doc runuser -u nobody -- python3 -m http.server 9090 > /run/nsgen/compose-like/proxy.admin.log 2>&1 < /dev/null &
echo "$!" > /run/nsgen/compose-like/proxy.admin.pid

# Started in db, with its output under /run/nsgen/compose-like/.
setsid ip netns exec db bash -c $'while :; do "$@"; sleep 1; done' sql env -C /usr/share/doc runuser -u nobody -- python3 -m http.server 5432 > /run/nsgen/compose-like/db.sql.log 2>&1 < /dev/null &
echo "$!" > /run/nsgen/compose-like/db.sql.pid

# They are waited for until they are ready, so many seconds at most.
ip netns exec db timeout 20 bash -c $'until [ "$("$@")" ]; do sleep 0.2; done' sql ss -Hln --tcp 'sport = :5432' || { echo 'db.sql is not ready after 20 s' >&2; exit 1; }

# Started in app, with its output under /run/nsgen/compose-like/.
setsid ip netns exec app env -C /usr/share/doc PYTHONUNBUFFERED=1 runuser -u nobody -- python3 -m http.server 8000 > /run/nsgen/compose-like/app.http.log 2>&1 < /dev/null &
echo "$!" > /run/nsgen/compose-like/app.http.pid

# They are waited for until they are ready, so many seconds at most.
ip netns exec app timeout 30 bash -c $'until [ "$("$@")" ]; do sleep 0.2; done' http ss -Hln --tcp 'sport = :8000' || { echo 'app.http is not ready after 30 s' >&2; exit 1; }

# Started in proxy, with its output under /run/nsgen/compose-like/.
setsid ip netns exec proxy env -C /usr/share/doc runuser -u nobody -- python3 -m http.server 80 > /run/nsgen/compose-like/proxy.http.log 2>&1 < /dev/null &
echo "$!" > /run/nsgen/compose-like/proxy.http.pid
