#!/bin/sh
# As many namespaces as are asked for, around one that routes.
[ $# = 1 ] || { echo "usage: $0 NUMBER"; exit 0; }
ip netns add middle
ip netns exec middle sysctl -w net.ipv4.ip_forward=1 > /dev/null
for i in $(seq "$1"); do
  ip netns add "n$i"
  ip link add "m$i" netns middle type veth peer name "eth$i" netns "n$i"
  ip netns exec middle ifconfig "m$i" "10.41.$i.1" netmask 255.255.255.0 up
  ip netns exec "n$i" ifconfig "eth$i" "10.41.$i.2/24" up
  ip netns exec "n$i" ifconfig lo up
  ip netns exec "n$i" route add default gw "10.41.$i.1"
done
ip netns exec middle ip link set lo up
