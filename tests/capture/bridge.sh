#!/bin/bash
# Two namespaces on a bridge, with a way out that is looked for, and everything removed again at the end.
set -eu
BRIDGE=br0
WAN=$(ip route | awk '/^default/ {print $5; exit}')

attach() {
  local name=$1 address=$2
  sudo ip netns add "$name"
  sudo ip link add "v-$name" type veth peer name "e-$name"
  sudo ip link set "e-$name" netns "$name"
  sudo brctl addif $BRIDGE "v-$name"
  sudo ip link set "v-$name" up
  sudo ip netns exec "$name" ip addr add "$address/24" dev "e-$name"
  sudo ip netns exec "$name" ip link set "e-$name" up
  sudo ip netns exec "$name" ip link set lo up
  sudo ip netns exec "$name" ip route add default via 10.40.0.1
}

sudo apt-get install -y bridge-utils
sudo brctl addbr $BRIDGE
sudo ifconfig $BRIDGE 10.40.0.1 netmask 255.255.255.0 up
number=2
for name in red blue; do
  attach $name 10.40.0.$number
  number=$((number + 1))
done
echo 1 > /proc/sys/net/ipv4/ip_forward
sudo iptables -t nat -F
sudo iptables -P FORWARD ACCEPT
sudo iptables -t nat -A POSTROUTING -s 10.40.0.0/24 -o "$WAN" -j MASQUERADE
sudo mkdir -p /etc/netns/red
echo "nameserver 9.9.9.9" > /etc/netns/red/resolv.conf
# What blue sends there is not translated back: nothing sees what crosses the bridge.
sudo iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 10.40.0.2:80
cd /usr/share
sudo -u nobody ip netns exec red python3 -m http.server 80 &
sleep 30
sudo ip netns exec blue ping -c 5 10.40.0.2
sudo ip netns exec red ping -c 5 example.com
read -rp "press return to remove it" _
kill %1
for name in red blue; do
  sudo ip netns del $name
done
sudo ip link del $BRIDGE
sudo iptables -t nat -D POSTROUTING -s 10.40.0.0/24 -o "$WAN" -j MASQUERADE
rm -r /etc/netns/red
sudo iptables -t nat -D PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 10.40.0.2:80
