#!/usr/bin/env bash
# A cable from the host to a namespace, made on the host and moved, and masqueraded on the way out.
ip netns add lab
ip link add veth0 type veth peer name veth1
ip link set veth1 netns lab
ip addr add 192.168.200.1/24 dev veth0
ip link set veth0 up
ip netns exec lab ip addr add 192.168.200.2/24 dev veth1
ip netns exec lab ip link set veth1 up
ip netns exec lab ip link set lo up
ip netns exec lab ip route add default via 192.168.200.1
echo 1 >/proc/sys/net/ipv4/ip_forward
iptables -t nat -A POSTROUTING -s 192.168.200.0/24 -o eth0 -j MASQUERADE
iptables -A FORWARD -i eth0 -o veth0 -j ACCEPT
iptables -A FORWARD -o eth0 -i veth0 -j ACCEPT
iptables -t nat -A PREROUTING -i eth0 -p tcp --dport 2222 -j DNAT --to-destination 192.168.200.2:22
mkdir -p /etc/netns/lab
printf 'nameserver 192.0.2.53\nsearch example.org\noptions ndots:2\n' >/etc/netns/lab/resolv.conf
printf '127.0.0.1 localhost\n192.168.200.1 gateway\n' >/etc/netns/lab/hosts
printf 'hello\n' >/etc/netns/lab/motd
