#!/usr/bin/env bash
# uplinks: 6 network namespaces (gate, server … client2).
#
# One command a line, for learning and for pasting. It stops at the first error, undoes nothing by itself and can be run
# once; setup.sh does the same with checks, repeatably, and removes it again. To undo: plain-teardown.sh. Made by nsgen
# from a topology: change that and render again.

set -e

# ---- Namespaces ----

# A network namespace is like a machine of its own: it has interfaces, addresses, a route table and iptables rules of
# its own, and shares none of them with this host.
ip netns add gate
ip netns add server
ip netns add isp1
ip netns add isp2
ip netns add client1
ip netns add client2

# ---- Inside the namespaces ----

# gate
ip -n gate link set dev lo up

# A veth pair is a cable: what goes in at one end comes out at the other, wherever the two ends are.
ip -n gate link add name wan1 type veth peer name gate netns isp1
ip -n gate link add name wan2 type veth peer name gate netns isp2
ip -n gate link add name lan type veth peer name eth0 netns server
ip -n gate link set dev wan1 addrgenmode none
ip -n gate address replace 172.20.1.2/24 dev wan1
ip -n gate link set dev wan1 up
ip -n gate address replace 172.20.2.2/24 dev wan2
ip -n gate address replace fd00:2::2/64 dev wan2 nodad
ip -n gate link set dev wan2 up
ip -n gate link set dev lan addrgenmode none
ip -n gate address replace 192.168.0.1/24 dev lan
ip -n gate link set dev lan up
ip -n gate route replace default via 172.20.1.1 dev wan1
ip -n gate route replace default via fd00:2::1 dev wan2

# Several ways out: what is more exact than a default route is where it always was, in the main table; beyond that, what
# has an uplink's mark leaves by the uplink. Without this, an answer would leave by the default route whatever way the
# question came, and with an address that nobody knows there.
ip -n gate route replace default via 172.20.1.1 dev wan1 table 1001
ip -n gate route replace default via 172.20.2.1 dev wan2 table 1002
ip -n gate route replace default via fd00:2::1 dev wan2 table 1002
ip -n gate rule add priority 900 from all fwmark 0x1000000/0xff000000 lookup 254 suppress_prefixlength 0
ip -n gate rule add priority 901 from all fwmark 0x1000000/0xff000000 lookup 1001
ip -n gate rule add priority 902 from all fwmark 0x2000000/0xff000000 lookup 254 suppress_prefixlength 0
ip -n gate rule add priority 903 from all fwmark 0x2000000/0xff000000 lookup 1002
ip -n gate -6 rule add priority 902 from all fwmark 0x2000000/0xff000000 lookup 254 suppress_prefixlength 0
ip -n gate -6 rule add priority 903 from all fwmark 0x2000000/0xff000000 lookup 1002

# Where the source of a packet is checked by the way back to it (rp_filter), its mark has to count: by the way back
# without it, what comes by the second uplink is thrown away.
ip netns exec gate sysctl -q -w net.ipv4.conf.wan1.src_valid_mark=1
ip netns exec gate sysctl -q -w net.ipv4.conf.wan2.src_valid_mark=1

# This node routes between its interfaces.
ip netns exec gate sysctl -q -w net.ipv4.ip_forward=1
ip netns exec gate sysctl -q -w net.ipv6.conf.all.forwarding=1

# server
ip -n server link set dev lo up
ip -n server link set dev eth0 addrgenmode none
ip -n server address replace 192.168.0.10/24 dev eth0
ip -n server link set dev eth0 up
ip -n server route replace default via 192.168.0.1

# isp1
ip -n isp1 link set dev lo up
ip -n isp1 link add name isp2 type veth peer name isp1 netns isp2
ip -n isp1 link add name lan type veth peer name eth0 netns client1
ip -n isp1 link set dev gate addrgenmode none
ip -n isp1 address replace 172.20.1.1/24 dev gate
ip -n isp1 link set dev gate up
ip -n isp1 link set dev isp2 addrgenmode none
ip -n isp1 address replace 10.0.12.1/30 dev isp2
ip -n isp1 link set dev isp2 up
ip -n isp1 link set dev lan addrgenmode none
ip -n isp1 address replace 10.1.0.1/24 dev lan
ip -n isp1 link set dev lan up
ip -n isp1 route replace 172.20.2.0/24 via 10.0.12.2
ip -n isp1 route replace 10.2.0.0/24 via 10.0.12.2

# This node routes between its interfaces.
ip netns exec isp1 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec isp1 sysctl -q -w net.ipv6.conf.all.forwarding=1

# Asked for by the topology.
ip netns exec isp1 sysctl -q -w net.ipv4.conf.all.rp_filter=1

# isp2
ip -n isp2 link set dev lo up
ip -n isp2 link add name lan type veth peer name eth0 netns client2
ip -n isp2 address replace 172.20.2.1/24 dev gate
ip -n isp2 address replace fd00:2::1/64 dev gate nodad
ip -n isp2 link set dev gate up
ip -n isp2 link set dev isp1 addrgenmode none
ip -n isp2 address replace 10.0.12.2/30 dev isp1
ip -n isp2 link set dev isp1 up
ip -n isp2 address replace 10.2.0.1/24 dev lan
ip -n isp2 address replace fd00:22::1/64 dev lan nodad
ip -n isp2 link set dev lan up
ip -n isp2 route replace 172.20.1.0/24 via 10.0.12.1
ip -n isp2 route replace 10.1.0.0/24 via 10.0.12.1

# This node routes between its interfaces.
ip netns exec isp2 sysctl -q -w net.ipv4.ip_forward=1
ip netns exec isp2 sysctl -q -w net.ipv6.conf.all.forwarding=1

# Asked for by the topology.
ip netns exec isp2 sysctl -q -w net.ipv4.conf.all.rp_filter=1

# client1
ip -n client1 link set dev lo up
ip -n client1 link set dev eth0 addrgenmode none
ip -n client1 address replace 10.1.0.2/24 dev eth0
ip -n client1 link set dev eth0 up
ip -n client1 route replace default via 10.1.0.1

# client2
ip -n client2 link set dev lo up
ip -n client2 address replace 10.2.0.2/24 dev eth0
ip -n client2 address replace fd00:22::2/64 dev eth0 nodad
ip -n client2 link set dev eth0 up
ip -n client2 route replace default via 10.2.0.1
ip -n client2 route replace default via fd00:22::1

# ---- Address translation and marks ----

# Nodes that put one address in place of another, on what they pass on. Replies are translated back by connection
# tracking, without a rule. Marks tell packets apart for the rules of policy routing: of a connection, connection
# tracking keeps the mark that its first packet got, for answers too.

# gate, IPv4
ip netns exec gate iptables -w -t mangle -N NSGEN-uplinks-MARK
# A new connection by an uplink gets the uplink's mark. (Only what begins it: an answer to somebody whom we asked may
# come by any of them.)
ip netns exec gate iptables -w -t mangle -A NSGEN-uplinks-MARK -i wan1 -m conntrack --ctstate NEW -j CONNMARK --set-xmark 0x1000000/0xff000000
ip netns exec gate iptables -w -t mangle -A NSGEN-uplinks-MARK -i wan2 -m conntrack --ctstate NEW -j CONNMARK --set-xmark 0x2000000/0xff000000
# Every packet of a connection that has a mark gets it, answers too, and before its route is looked up: it is what the
# rules of policy routing see.
ip netns exec gate iptables -w -t mangle -A NSGEN-uplinks-MARK -m connmark ! --mark 0x0/0xff000000 -j CONNMARK --restore-mark --nfmask 0xff000000 --ctmask 0xff000000
ip netns exec gate iptables -w -t mangle -N NSGEN-uplinks-OWN
# What the node itself sends does not pass PREROUTING: its answers get the mark here.
ip netns exec gate iptables -w -t mangle -A NSGEN-uplinks-OWN -m connmark ! --mark 0x0/0xff000000 -j CONNMARK --restore-mark --nfmask 0xff000000 --ctmask 0xff000000
ip netns exec gate iptables -w -t nat -N NSGEN-uplinks-DNAT
# On to another address: for one destination, or for the node's own addresses.
ip netns exec gate iptables -w -t nat -A NSGEN-uplinks-DNAT -p tcp -m tcp --dport 8080 -m addrtype --dst-type LOCAL -j DNAT --to-destination 192.168.0.10:80
ip netns exec gate iptables -w -t nat -N NSGEN-uplinks-SNAT
# What leaves gets the address of the device that it leaves by.
ip netns exec gate iptables -w -t nat -A NSGEN-uplinks-SNAT -s 192.168.0.0/24 -o wan1 -j MASQUERADE
ip netns exec gate iptables -w -t nat -A NSGEN-uplinks-SNAT -s 192.168.0.0/24 -o wan2 -j MASQUERADE

ip netns exec gate iptables -w -t mangle -I PREROUTING -m comment --comment nsgen:uplinks -j NSGEN-uplinks-MARK
ip netns exec gate iptables -w -t mangle -I OUTPUT -m comment --comment nsgen:uplinks -j NSGEN-uplinks-OWN
ip netns exec gate iptables -w -t nat -A PREROUTING -m comment --comment nsgen:uplinks -j NSGEN-uplinks-DNAT
ip netns exec gate iptables -w -t nat -A OUTPUT ! -d 127.0.0.0/8 -m comment --comment nsgen:uplinks -j NSGEN-uplinks-DNAT
ip netns exec gate iptables -w -t nat -A POSTROUTING -m comment --comment nsgen:uplinks -j NSGEN-uplinks-SNAT

# UDP has no connections: an entry from before these rules would send a client's packets where they went until now.
ip netns exec gate conntrack -D -f ipv4 -p udp -s 192.168.0.0/24 || true
ip netns exec gate conntrack -D -f ipv4 -p udp -s 192.168.0.0/24 || true

# gate, IPv6
ip netns exec gate ip6tables -w -t mangle -N NSGEN-uplinks-MARK
# A new connection by an uplink gets the uplink's mark. (Only what begins it: an answer to somebody whom we asked may
# come by any of them.)
ip netns exec gate ip6tables -w -t mangle -A NSGEN-uplinks-MARK -i wan2 -m conntrack --ctstate NEW -j CONNMARK --set-xmark 0x2000000/0xff000000
# Every packet of a connection that has a mark gets it, answers too, and before its route is looked up: it is what the
# rules of policy routing see.
ip netns exec gate ip6tables -w -t mangle -A NSGEN-uplinks-MARK -m connmark ! --mark 0x0/0xff000000 -j CONNMARK --restore-mark --nfmask 0xff000000 --ctmask 0xff000000
ip netns exec gate ip6tables -w -t mangle -N NSGEN-uplinks-OWN
# What the node itself sends does not pass PREROUTING: its answers get the mark here.
ip netns exec gate ip6tables -w -t mangle -A NSGEN-uplinks-OWN -m connmark ! --mark 0x0/0xff000000 -j CONNMARK --restore-mark --nfmask 0xff000000 --ctmask 0xff000000

ip netns exec gate ip6tables -w -t mangle -I PREROUTING -m comment --comment nsgen:uplinks -j NSGEN-uplinks-MARK
ip netns exec gate ip6tables -w -t mangle -I OUTPUT -m comment --comment nsgen:uplinks -j NSGEN-uplinks-OWN
