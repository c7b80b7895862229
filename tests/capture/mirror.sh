#!/bin/bash
# What two namespaces say to each other is mirrored to a third one, and what a fourth one sends has its share.
for name in red tap blue; do
  ip netns add $name
done
for name in red blue; do
  ip link add eth0 netns $name type veth peer name $name netns tap
  ip -n $name link set eth0 up
  ip -n tap link set $name up
done
ip -n red addr add 10.44.0.1/24 dev eth0
ip -n blue addr add 10.44.0.2/24 dev eth0
ip link add mon netns tap type veth peer name mon0
ip link set mon0 up
ip -n tap link set mon up
IN="ip netns exec tap tc"
$IN qdisc add dev red ingress
$IN filter add dev red parent ffff: protocol all u32 match u8 0 0 \
  action mirred egress mirror dev blue action mirred egress mirror dev mon
$IN qdisc add dev blue clsact
$IN filter add dev blue ingress protocol all u32 match u8 0 0 action mirred egress redirect dev red
$IN filter add dev blue egress protocol ip prio 3 u32 match ip dst 10.44.0.0/24 match ip protocol 1 0xff flowid 1:1
ip netns exec red tc qdisc add dev eth0 root handle 1: htb default 10
ip netns exec red tc class add dev eth0 parent 1: classid 1:1 htb rate 10mbit
ip netns exec red tc class add dev eth0 parent 1:1 classid 1:10 htb rate 5mbit ceil 10mbit burst 15k
ip netns exec red tc qdisc add dev eth0 parent 1:10 handle 10: pfifo limit 50
ip netns exec red tc filter add dev eth0 parent 1: protocol ip prio 1 u32 match ip dst 10.44.0.2 flowid 1:10
ip netns exec blue tc qdisc add dev eth0 root tbf rate 1mbit burst 32kbit latency 400ms
