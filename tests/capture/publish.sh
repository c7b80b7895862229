# shellcheck shell=sh
# A port of the host leads to a namespace, by the card ens3; other ports of it are closed by a rule inside.
ip netns add web
ip link add veth0 type veth peer name veth1 netns web
ip addr add 10.42.0.1/24 dev veth0
ip link set veth0 up
ip -n web addr add 10.42.0.2/24 dev veth1
ip -n web link set veth1 up
ip -n web link set lo up
ip -n web route add default via 10.42.0.1
sysctl -w net.ipv4.ip_forward=1
iptables -t nat -A POSTROUTING -s 10.42.0.0/24 -o ens3 -j MASQUERADE
iptables -t nat -A PREROUTING -i ens3 -p tcp --dport 8080 -j DNAT --to-destination 10.42.0.2:80
iptables -A FORWARD -i ens3 -o veth0 -j ACCEPT
iptables -A FORWARD -i veth0 -o ens3 -j ACCEPT
ip netns exec web iptables -A INPUT -p tcp --dport 81 -j DROP
