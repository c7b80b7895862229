#!/usr/bin/env bash
# ring: 5 network namespaces (r1, r2 … r5).
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- For plain-teardown.sh ----

# Where it keeps what the parameters were, and the numbers of the processes that it starts.
mkdir -p /run/nsgen/ring

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add r1
ip netns add r2
ip netns add r3
ip netns add r4
ip netns add r5

# ---- Inside the namespaces ----

# r1
ip -n r1 link set dev lo up

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip -n r1 link add name right type veth peer name left netns r2
ip -n r1 link add name left type veth peer name right netns r5
ip -n r1 link set dev right addrgenmode none
ip -n r1 address replace 10.0.1.1/24 dev right
ip -n r1 link set dev right up
ip -n r1 link set dev left addrgenmode none
ip -n r1 address replace 10.0.5.2/24 dev left
ip -n r1 link set dev left up
ip -n r1 address replace 10.255.0.1/32 dev lo

# Worked out, not written: `routing: auto` leads every node to every subnet by the fewest hops. Where all of them have
# the same next hop, a default route says it once.
ip -n r1 route replace 10.0.2.0/24 via 10.0.1.2 dev right
ip -n r1 route replace 10.255.0.2/32 via 10.0.1.2 dev right
ip -n r1 route replace 10.0.3.0/24 via 10.0.1.2 dev right
ip -n r1 route replace 10.255.0.3/32 via 10.0.1.2 dev right
ip -n r1 route replace 10.0.4.0/24 via 10.0.5.1 dev left
ip -n r1 route replace 10.255.0.4/32 via 10.0.5.1 dev left
ip -n r1 route replace 10.255.0.5/32 via 10.0.5.1 dev left

# This node routes between its interfaces.
ip netns exec r1 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec r1 sysctl -q -w net.ipv6.conf.all.forwarding=1

# A port below 1024 is root's. Here it need not be: whoever serves on one as somebody else has this namespace for
# himself. (Docker sets this in every container.)
ip netns exec r1 sysctl -q -w net.ipv4.ip_unprivileged_port_start=0

# r2
ip -n r2 link set dev lo up
ip -n r2 link add name right type veth peer name left netns r3
ip -n r2 link set dev left addrgenmode none
ip -n r2 address replace 10.0.1.2/24 dev left
ip -n r2 link set dev left up
ip -n r2 link set dev right addrgenmode none
ip -n r2 address replace 10.0.2.1/24 dev right
ip -n r2 link set dev right up
ip -n r2 address replace 10.255.0.2/32 dev lo

ip -n r2 route replace 10.0.5.0/24 via 10.0.1.1 dev left
ip -n r2 route replace 10.255.0.1/32 via 10.0.1.1 dev left
ip -n r2 route replace 10.0.3.0/24 via 10.0.2.2 dev right
ip -n r2 route replace 10.255.0.3/32 via 10.0.2.2 dev right
ip -n r2 route replace 10.0.4.0/24 via 10.0.1.1 dev left
ip -n r2 route replace 10.255.0.4/32 via 10.0.2.2 dev right
ip -n r2 route replace 10.255.0.5/32 via 10.0.1.1 dev left

# This node routes between its interfaces.
ip netns exec r2 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec r2 sysctl -q -w net.ipv6.conf.all.forwarding=1

# A port below 1024 is root's. Here it need not be: whoever serves on one as somebody else has this namespace for
# himself. (Docker sets this in every container.)
ip netns exec r2 sysctl -q -w net.ipv4.ip_unprivileged_port_start=0

# r3
ip -n r3 link set dev lo up
ip -n r3 link add name right type veth peer name left netns r4
ip -n r3 link set dev left addrgenmode none
ip -n r3 address replace 10.0.2.2/24 dev left
ip -n r3 link set dev left up
ip -n r3 link set dev right addrgenmode none
ip -n r3 address replace 10.0.3.1/24 dev right
ip -n r3 link set dev right up
ip -n r3 address replace 10.255.0.3/32 dev lo

ip -n r3 route replace 10.0.1.0/24 via 10.0.2.1 dev left
ip -n r3 route replace 10.0.5.0/24 via 10.0.2.1 dev left
ip -n r3 route replace 10.255.0.1/32 via 10.0.2.1 dev left
ip -n r3 route replace 10.255.0.2/32 via 10.0.2.1 dev left
ip -n r3 route replace 10.0.4.0/24 via 10.0.3.2 dev right
ip -n r3 route replace 10.255.0.4/32 via 10.0.3.2 dev right
ip -n r3 route replace 10.255.0.5/32 via 10.0.3.2 dev right

# This node routes between its interfaces.
ip netns exec r3 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec r3 sysctl -q -w net.ipv6.conf.all.forwarding=1

# A port below 1024 is root's. Here it need not be: whoever serves on one as somebody else has this namespace for
# himself. (Docker sets this in every container.)
ip netns exec r3 sysctl -q -w net.ipv4.ip_unprivileged_port_start=0

# r4
ip -n r4 link set dev lo up
ip -n r4 link add name right type veth peer name left netns r5
ip -n r4 link set dev left addrgenmode none
ip -n r4 address replace 10.0.3.2/24 dev left
ip -n r4 link set dev left up
ip -n r4 link set dev right addrgenmode none
ip -n r4 address replace 10.0.4.1/24 dev right
ip -n r4 link set dev right up
ip -n r4 address replace 10.255.0.4/32 dev lo

ip -n r4 route replace 10.0.1.0/24 via 10.0.3.1 dev left
ip -n r4 route replace 10.0.5.0/24 via 10.0.4.2 dev right
ip -n r4 route replace 10.255.0.1/32 via 10.0.4.2 dev right
ip -n r4 route replace 10.0.2.0/24 via 10.0.3.1 dev left
ip -n r4 route replace 10.255.0.2/32 via 10.0.3.1 dev left
ip -n r4 route replace 10.255.0.3/32 via 10.0.3.1 dev left
ip -n r4 route replace 10.255.0.5/32 via 10.0.4.2 dev right

# This node routes between its interfaces.
ip netns exec r4 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec r4 sysctl -q -w net.ipv6.conf.all.forwarding=1

# A port below 1024 is root's. Here it need not be: whoever serves on one as somebody else has this namespace for
# himself. (Docker sets this in every container.)
ip netns exec r4 sysctl -q -w net.ipv4.ip_unprivileged_port_start=0

# r5
ip -n r5 link set dev lo up
ip -n r5 link set dev left addrgenmode none
ip -n r5 address replace 10.0.4.2/24 dev left
ip -n r5 link set dev left up
ip -n r5 link set dev right addrgenmode none
ip -n r5 address replace 10.0.5.1/24 dev right
ip -n r5 link set dev right up
ip -n r5 address replace 10.255.0.5/32 dev lo

ip -n r5 route replace 10.0.1.0/24 via 10.0.5.2 dev right
ip -n r5 route replace 10.255.0.1/32 via 10.0.5.2 dev right
ip -n r5 route replace 10.0.2.0/24 via 10.0.5.2 dev right
ip -n r5 route replace 10.255.0.2/32 via 10.0.5.2 dev right
ip -n r5 route replace 10.0.3.0/24 via 10.0.4.1 dev left
ip -n r5 route replace 10.255.0.3/32 via 10.0.4.1 dev left
ip -n r5 route replace 10.255.0.4/32 via 10.0.4.1 dev left

# This node routes between its interfaces.
ip netns exec r5 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec r5 sysctl -q -w net.ipv6.conf.all.forwarding=1

# A port below 1024 is root's. Here it need not be: whoever serves on one as somebody else has this namespace for
# himself. (Docker sets this in every container.)
ip netns exec r5 sysctl -q -w net.ipv4.ip_unprivileged_port_start=0

# ---- Services ----

# Started in r1, with its output under /run/nsgen/ring/.
setsid ip netns exec r1 env -C /usr/share/doc runuser -u nobody -- python3 -m http.server --bind 10.255.0.1 80 > /run/nsgen/ring/r1.web.log 2>&1 < /dev/null &
echo "$!" > /run/nsgen/ring/r1.web.pid

# Started in r2, with its output under /run/nsgen/ring/.
setsid ip netns exec r2 env -C /usr/share/doc runuser -u nobody -- python3 -m http.server --bind 10.255.0.2 80 > /run/nsgen/ring/r2.web.log 2>&1 < /dev/null &
echo "$!" > /run/nsgen/ring/r2.web.pid

# Started in r3, with its output under /run/nsgen/ring/.
setsid ip netns exec r3 env -C /usr/share/doc runuser -u nobody -- python3 -m http.server --bind 10.255.0.3 80 > /run/nsgen/ring/r3.web.log 2>&1 < /dev/null &
echo "$!" > /run/nsgen/ring/r3.web.pid

# Started in r4, with its output under /run/nsgen/ring/.
setsid ip netns exec r4 env -C /usr/share/doc runuser -u nobody -- python3 -m http.server --bind 10.255.0.4 80 > /run/nsgen/ring/r4.web.log 2>&1 < /dev/null &
echo "$!" > /run/nsgen/ring/r4.web.pid

# Started in r5, with its output under /run/nsgen/ring/.
setsid ip netns exec r5 env -C /usr/share/doc runuser -u nobody -- python3 -m http.server --bind 10.255.0.5 80 > /run/nsgen/ring/r5.web.log 2>&1 < /dev/null &
echo "$!" > /run/nsgen/ring/r5.web.pid
