#!/bin/bash
# What a topology refuses and the kernel does not: names that mean something else, and the address of a network itself.
for name in host internet; do
  ip netns add $name
  ip -n $name link set lo up
done
ip link add eth0 netns host type veth peer name up0 netns internet
ip -n host addr add 10.43.0.2/24 dev eth0
ip -n host link set eth0 up
ip netns exec internet ip addr add 10.43.0.1/24 dev up0
ip netns exec internet ip link set up0 up
ip -n host route add default via 10.43.0.1
ip -n host neigh add 10.43.0.1 dev eth0 lladdr "$(ip netns exec internet cat /sys/class/net/up0/address)"
mkdir -p /etc/netns/host
echo "nameserver 10.43.0.1" > /etc/netns/host/resolv.conf
ip link add br0 type bridge
ip addr add 10.45.0.0/16 dev br0
ip link set br0 up
ip netns add red
ip link add red0 type veth peer name eth0 netns red
ip link set red0 master br0 up
ip -n red addr add 10.45.1.0/24 dev eth0
ip -n red link set eth0 up
ip netns exec internet python3 -m http.server 80 &
sleep 1
