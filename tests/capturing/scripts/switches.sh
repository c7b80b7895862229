#!/usr/bin/env bash
# A host that routes between two bridges, with nothing that keeps them apart, and a switch without an address.
sysctl -qw net.ipv4.ip_forward=1
for i in 1 2; do
  ip link add sw$i type bridge; ip addr add 10.5.$i.1/24 dev sw$i; ip link set sw$i up
  ip netns add n$i; ip -n n$i link set lo up
  ip link add p$i type veth peer name eth0 netns n$i
  ip link set p$i master sw$i up
  ip -n n$i addr add 10.5.$i.2/24 dev eth0; ip -n n$i link set eth0 up
  ip -n n$i route add default via 10.5.$i.1
done
iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE
ip netns add inner; ip -n inner link set lo up
ip -n inner link add br0 type bridge ageing_time 1000; ip -n inner link set br0 up
ip -n inner link add v0 type veth peer name eth1 netns n1
ip -n inner link set v0 master br0 up
ip -n n1 link set eth1 up
ip -n inner link add vx9 type vxlan id 9 local 10.9.0.1 remote 10.9.0.2 dstport 8472
ip -n inner link set vx9 master br0 up
ip -n inner link add mv0 link v0 type macvlan mode private 2>/dev/null || :
