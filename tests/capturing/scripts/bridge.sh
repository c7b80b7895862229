#!/usr/bin/env bash
ip netns add red
ip netns add blue
ip link add br0 type bridge
ip link set br0 up
ip addr add 10.10.0.1/24 dev br0
for n in red blue; do
  ip link add veth-$n type veth peer name br-$n
  ip link set veth-$n netns $n
  ip netns exec $n ip link set veth-$n name eth0
  ip link set br-$n master br0
  ip link set br-$n up
  ip -n $n link set lo up
  ip -n $n link set eth0 up
done
ip -n red addr add 10.10.0.10/24 dev eth0
ip -n blue addr add 10.10.0.20/24 dev eth0
ip -n red route add default via 10.10.0.1
ip -n blue route add default via 10.10.0.1
sysctl -qw net.ipv4.ip_forward=1
iptables -t nat -A POSTROUTING -s 10.10.0.0/24 ! -o br0 -j MASQUERADE
iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 10.10.0.10:80
iptables -A FORWARD -i br0 -j ACCEPT
cd / && ip netns exec red sleep 1000 &
