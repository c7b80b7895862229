#!/usr/bin/env bash
# Two routers in a row, with static routes, a rule, a host that is no part of it.
for n in a r1 r2 b; do ip netns add $n; ip -n $n link set lo up; done
join() { # NS DEV ADDRESS NS DEV ADDRESS
  ip link add "$2" netns "$1" type veth peer name "$5" netns "$4"
  ip -n "$1" addr add "$3" dev "$2"; ip -n "$4" addr add "$6" dev "$5"
  ip -n "$1" link set "$2" up; ip -n "$4" link set "$5" up
}
join a eth0 10.0.1.2/24 r1 left 10.0.1.1/24
join r1 right 10.0.12.1/30 r2 left 10.0.12.2/30
join r2 right 10.0.2.1/24 b eth0 10.0.2.2/24
ip -n a route add default via 10.0.1.1
ip -n b route add default via 10.0.2.1 metric 50
ip -n r1 route add 10.0.2.0/24 via 10.0.12.2
ip -n r2 route add 10.0.1.0/24 via 10.0.12.1
ip -n r2 route add blackhole 10.66.0.0/16
ip -n r1 rule add from 10.0.1.0/24 table 100 priority 500
ip -n r1 route add 10.0.2.0/24 via 10.0.12.2 table 100
ip netns exec r1 sysctl -qw net.ipv4.ip_forward=1
ip netns exec r2 sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=2
ip netns exec r2 iptables -t nat -A POSTROUTING -o right -j MASQUERADE
ip netns exec r2 iptables -A INPUT -p tcp --dport 22 -j DROP
ip -n a link set eth0 mtu 1400
ip -n r1 link set left mtu 1400
ip -n a neigh add 10.0.1.9 lladdr 02:00:00:00:00:09 dev eth0 nud permanent
