#!/usr/bin/env bash
# FORWARD is closed but for what is let through, rules in a chain of its own, a hairpin, and a port of the host.
ip link add lan0 type bridge; ip addr add 10.6.0.1/24 dev lan0; ip link set lan0 up
for n in web db; do
  ip netns add $n; ip -n $n link set lo up
  ip link add lan-$n type veth peer name eth0 netns $n; ip link set lan-$n master lan0 up
  ip -n $n link set eth0 up
done
ip -n web addr add 10.6.0.2/24 dev eth0; ip -n db addr add 10.6.0.3/24 dev eth0
ip -n web route add default via 10.6.0.1; ip -n db route add default via 10.6.0.1
ip link set lan-web type bridge_slave hairpin on
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.lan0.route_localnet=1
iptables -P FORWARD DROP
iptables -A FORWARD -i lan0 -o eth0 -j ACCEPT
iptables -A FORWARD -i eth0 -o lan0 -m state --state ESTABLISHED,RELATED -j ACCEPT
iptables -A FORWARD -d 10.6.0.2 -p tcp --dport 80 -j ACCEPT
iptables -N GUARD
iptables -A GUARD -s 198.51.100.0/24 -j DROP
iptables -A INPUT -j GUARD
iptables -t nat -A POSTROUTING -s 10.6.0.0/24 ! -d 10.6.0.0/24 -j MASQUERADE
iptables -t nat -A POSTROUTING -s 10.6.0.2 -d 10.6.0.2 -p tcp --dport 80 -j MASQUERADE
iptables -t nat -A POSTROUTING -s 127.0.0.0/8 -o lan0 -j MASQUERADE
for c in PREROUTING OUTPUT; do
  iptables -t nat -A $c -m addrtype --dst-type LOCAL -p tcp --dport 8080 -j DNAT --to-destination 10.6.0.2:80
done
