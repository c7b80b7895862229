#!/usr/bin/env bash
# The article's own commands, in its order, for red and blue; and the same for green on a second bridge.

ip netns add red
ip netns add blue
ip link add bridge0 type bridge
ip link add veth-red type veth peer name veth-red-br
ip link set veth-red netns red
ip link set veth-red-br master bridge0
ip -n red link set veth-red up
ip link set veth-red-br up
ip link add veth-blue type veth peer name veth-blue-br
ip link set veth-blue netns blue
ip link set veth-blue-br master bridge0
ip -n blue link set veth-blue up
ip link set veth-blue-br up
ip link set bridge0 up

ip -n red addr add 192.168.15.2/24 dev veth-red
ip -n blue addr add 192.168.15.3/24 dev veth-blue
ip addr add 192.168.15.1/24 dev bridge0

ip -n red route add default via 192.168.15.1 dev veth-red
ip -n blue route add default via 192.168.15.1 dev veth-blue
iptables -t nat -A POSTROUTING -s 192.168.15.0/24 ! -o bridge0 -j MASQUERADE
sysctl -w net.ipv4.ip_forward=1

iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 192.168.15.2:80
iptables -t nat -A OUTPUT -p tcp --dport 8080 -j DNAT --to-destination 192.168.15.2:80
iptables -t nat -A POSTROUTING -m addrtype --src-type LOCAL -o bridge0 -j MASQUERADE
sysctl -w net.ipv4.conf.bridge0.route_localnet=1

modprobe br_netfilter
sysctl -w net.bridge.bridge-nf-call-iptables=1

iptables -t nat -A POSTROUTING -s 192.168.15.2 -d 192.168.15.2 -p tcp --dport 80 -j MASQUERADE
ip link set veth-red-br type bridge_slave hairpin on

ip netns add green
ip link add bridge1 type bridge
ip link add veth-green type veth peer name veth-green-br
ip link set veth-green netns green
ip link set veth-green-br master bridge1
ip -n green link set veth-green up
ip link set veth-green-br up
ip link set bridge1 up
ip -n green addr add 192.168.16.2/24 dev veth-green
ip addr add 192.168.16.1/24 dev bridge1
ip -n green route add default via 192.168.16.1 dev veth-green
iptables -t nat -A POSTROUTING -s 192.168.16.0/24 ! -o bridge1 -j MASQUERADE
