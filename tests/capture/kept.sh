#!/bin/bash
# Names that nsgen keeps for itself: a namespace is none of the machines that it has around the host.
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
mkdir -p /etc/netns/host
echo "nameserver 10.43.0.1" > /etc/netns/host/resolv.conf
ip netns exec internet python3 -m http.server 80 &
sleep 1
