#!/usr/bin/env bash
# marks: 4 network namespaces (client, gate, left, right).
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add client
ip netns add gate
ip netns add left
ip netns add right

# ---- Inside the namespaces ----

# client
ip -n client link set dev lo up

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip -n client link add name eth0 type veth peer name lan netns gate
ip -n client address replace 10.1.0.2/24 dev eth0
ip -n client address replace fd00:71::2/64 dev eth0 nodad
ip -n client link set dev eth0 up
ip -n client route replace default via 10.1.0.1
ip -n client route replace default via fd00:71::1

# gate
ip -n gate link set dev lo up
ip -n gate link add name left type veth peer name gate netns left
ip -n gate link add name right type veth peer name gate netns right
ip -n gate address replace 10.1.0.1/24 dev lan
ip -n gate address replace fd00:71::1/64 dev lan nodad
ip -n gate link set dev lan up
ip -n gate address replace 10.2.0.1/24 dev left
ip -n gate address replace fd00:72::1/64 dev left nodad
ip -n gate link set dev left up
ip -n gate address replace 10.3.0.1/24 dev right
ip -n gate address replace fd00:73::1/64 dev right nodad
ip -n gate link set dev right up
ip -n gate route replace 198.51.100.0/24 via 10.2.0.2
ip -n gate route replace 198.51.100.0/24 via 10.3.0.2 table 100
ip -n gate route replace fd00:79::/64 via fd00:72::2
ip -n gate route replace fd00:79::/64 via fd00:73::2 table 100

# Where the source of a packet is checked by the way back to it (rp_filter), its mark has to count: by the way back
# without it, what comes by the second uplink is thrown away.
ip netns exec gate sysctl -q -w net.ipv4.conf.right.src_valid_mark=1

# Which table is asked for a route depends on where a packet comes from; the first rule that fits decides, and main is
# the last one asked.
ip -n gate rule add priority 1000 from all fwmark 0x10/0xf0 lookup 100
ip -n gate -6 rule add priority 1000 from all fwmark 0x10/0xf0 lookup 100
ip -n gate rule add priority 1001 from all fwmark 0x1/0xf lookup 100
ip -n gate -6 rule add priority 1001 from all fwmark 0x1/0xf lookup 100

# This node routes between its interfaces.
ip netns exec gate sysctl -q -w net.ipv4.ip_forward=1
ip netns exec gate sysctl -q -w net.ipv6.conf.all.forwarding=1

# left
ip -n left link set dev lo up
ip -n left address replace 10.2.0.2/24 dev gate
ip -n left address replace fd00:72::2/64 dev gate nodad
ip -n left link set dev gate up
ip -n left route replace local 198.51.100.0/24 dev lo
ip -n left route replace local fd00:79::/64 dev lo
ip -n left route replace 10.0.0.0/8 via 10.2.0.1
ip -n left route replace fd00:70::/28 via fd00:72::1

# right
ip -n right link set dev lo up
ip -n right address replace 10.3.0.2/24 dev gate
ip -n right address replace fd00:73::2/64 dev gate nodad
ip -n right link set dev gate up
ip -n right route replace local 198.51.100.0/24 dev lo
ip -n right route replace local fd00:79::/64 dev lo
ip -n right route replace 10.0.0.0/8 via 10.3.0.1
ip -n right route replace fd00:70::/28 via fd00:73::1

# ---- Marks ----

# Marks tell packets apart for the rules of policy routing: of a connection, connection tracking keeps the mark that its
# first packet got, for answers too.

# gate, IPv4
ip netns exec gate iptables -w -t mangle -N NSGEN-marks-MARK
# Of a new connection: every packet of it, both ways, gets the mark below.
ip netns exec gate iptables -w -t mangle -A NSGEN-marks-MARK -i right -m conntrack --ctstate NEW -j CONNMARK --set-xmark 0x1/0xf
# Every packet of a connection that has a mark gets it, answers too, and before its route is looked up: it is what the
# rules of policy routing see.
ip netns exec gate iptables -w -t mangle -A NSGEN-marks-MARK -m connmark ! --mark 0x0/0xf -j CONNMARK --restore-mark --nfmask 0xf --ctmask 0xf
# Packets, one by one.
ip netns exec gate iptables -w -t mangle -A NSGEN-marks-MARK -i lan -p tcp -m tcp --dport 80:81 -j MARK --set-xmark 0x10/0xf0
ip netns exec gate iptables -w -t mangle -A NSGEN-marks-MARK -d 198.51.100.128/25 -i lan -p tcp -m tcp --dport 81 -j MARK --set-xmark 0x20/0xf0
ip netns exec gate iptables -w -t mangle -A NSGEN-marks-MARK -s 10.1.0.0/24 -p udp -m udp --sport 53 -j MARK --set-xmark 0x10/0xf0
ip netns exec gate iptables -w -t mangle -N NSGEN-marks-OWN
# What the node itself sends does not pass PREROUTING: its answers get the mark here.
ip netns exec gate iptables -w -t mangle -A NSGEN-marks-OWN -m connmark ! --mark 0x0/0xf -j CONNMARK --restore-mark --nfmask 0xf --ctmask 0xf
# Packets, one by one.
ip netns exec gate iptables -w -t mangle -A NSGEN-marks-OWN -d 198.51.100.9/32 -j MARK --set-xmark 0x10/0xf0
ip netns exec gate iptables -w -t mangle -A NSGEN-marks-OWN -s 10.1.0.0/24 -p udp -m udp --sport 53 -j MARK --set-xmark 0x10/0xf0

ip netns exec gate iptables -w -t mangle -I PREROUTING -m comment --comment nsgen:marks -j NSGEN-marks-MARK
ip netns exec gate iptables -w -t mangle -I OUTPUT -m comment --comment nsgen:marks -j NSGEN-marks-OWN

# UDP has no connections: an entry from before these rules would send a client's packets where they went until now.
ip netns exec gate conntrack -D -f ipv4 -p udp || true

# gate, IPv6
ip netns exec gate ip6tables -w -t mangle -N NSGEN-marks-MARK
# Of a new connection: every packet of it, both ways, gets the mark below.
ip netns exec gate ip6tables -w -t mangle -A NSGEN-marks-MARK -i right -m conntrack --ctstate NEW -j CONNMARK --set-xmark 0x1/0xf
# Every packet of a connection that has a mark gets it, answers too, and before its route is looked up: it is what the
# rules of policy routing see.
ip netns exec gate ip6tables -w -t mangle -A NSGEN-marks-MARK -m connmark ! --mark 0x0/0xf -j CONNMARK --restore-mark --nfmask 0xf --ctmask 0xf
# Packets, one by one.
ip netns exec gate ip6tables -w -t mangle -A NSGEN-marks-MARK -i lan -p tcp -m tcp --dport 80:81 -j MARK --set-xmark 0x10/0xf0
ip netns exec gate ip6tables -w -t mangle -A NSGEN-marks-MARK -s fd00:71::/64 -p tcp -m tcp --sport 5300:5309 -j MARK --set-xmark 0x10/0xf0
ip netns exec gate ip6tables -w -t mangle -N NSGEN-marks-OWN
# What the node itself sends does not pass PREROUTING: its answers get the mark here.
ip netns exec gate ip6tables -w -t mangle -A NSGEN-marks-OWN -m connmark ! --mark 0x0/0xf -j CONNMARK --restore-mark --nfmask 0xf --ctmask 0xf
# Packets, one by one.
ip netns exec gate ip6tables -w -t mangle -A NSGEN-marks-OWN -s fd00:71::/64 -p tcp -m tcp --sport 5300:5309 -j MARK --set-xmark 0x10/0xf0

ip netns exec gate ip6tables -w -t mangle -I PREROUTING -m comment --comment nsgen:marks -j NSGEN-marks-MARK
ip netns exec gate ip6tables -w -t mangle -I OUTPUT -m comment --comment nsgen:marks -j NSGEN-marks-OWN

ip netns exec gate conntrack -D -f ipv6 -p udp || true

# ---- Rules, IPv4 ----

iptables -w -t mangle -N NSGEN-marks-MARK
# Packets, one by one.
iptables -w -t mangle -A NSGEN-marks-MARK -d 192.0.2.0/24 -j MARK --set-xmark 0x7/0xffffffff
iptables -w -t mangle -N NSGEN-marks-OWN
# Packets, one by one.
iptables -w -t mangle -A NSGEN-marks-OWN -d 192.0.2.0/24 -j MARK --set-xmark 0x7/0xffffffff

# A built-in chain gets one rule, the jump to a chain of ours. It goes first, but for the way out (FROM), which goes
# behind what other programs' rules say of their own networks.
iptables -w -t mangle -I PREROUTING -m comment --comment nsgen:marks -j NSGEN-marks-MARK
iptables -w -t mangle -I OUTPUT -m comment --comment nsgen:marks -j NSGEN-marks-OWN
