#!/usr/bin/env bash
# The commands of the article "Network Namespaces and Docker", section by section, as it prints them: what a
# reader types, to hold against what nsgen generates. The tests know what is wrong with them (design rules 3.1
# and others): this is a reference, not an example.
#
#   article.sh SECTION...      one of the functions below; `everything`; `undo`

set -euo pipefail

bridge() {
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
}

addresses() {
  ip -n red addr add 192.168.15.2/24 dev veth-red
  ip -n blue addr add 192.168.15.3/24 dev veth-blue
}

host() {
  ip addr add 192.168.15.1/24 dev bridge0
}

default_route() {
  ip -n red route add default via 192.168.15.1 dev veth-red
}

masquerade() {
  iptables -t nat -A POSTROUTING -s 192.168.15.0/24 ! -o bridge0 -j MASQUERADE
}

forwarding() {
  sysctl -w net.ipv4.ip_forward=1
}

internet() {
  default_route
  masquerade
  forwarding
}

publish_outside() {
  iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 192.168.15.2:80
}

publish_host() {
  iptables -t nat -A OUTPUT -p tcp --dport 8080 -j DNAT --to-destination 192.168.15.2:80
}

# What lets the host use its other addresses than the bridge's.
publish_host_source() {
  iptables -t nat -A POSTROUTING -m addrtype --src-type LOCAL -o bridge0 -j MASQUERADE
}

publish_loopback() {
  sysctl -w net.ipv4.conf.bridge0.route_localnet=1
}

publish() {
  publish_outside
  publish_host
  publish_host_source
  publish_loopback
}

# Where br_netfilter is built in, or loaded, there is nothing for modprobe to do.
sibling() {
  sysctl -w net.bridge.bridge-nf-call-iptables=1 ||
    { modprobe br_netfilter && sysctl -w net.bridge.bridge-nf-call-iptables=1; }
}

self_masquerade() {
  iptables -t nat -A POSTROUTING -s 192.168.15.2 -d 192.168.15.2 -p tcp --dport 80 -j MASQUERADE
}

hairpin() {
  ip link set veth-red-br type bridge_slave hairpin on
}

self() {
  self_masquerade
  hairpin
}

everything() {
  bridge
  addresses
  host
  internet
  publish
  sibling
  self
}

undo() {
  local each
  for each in /run/netns/*; do
    [[ ! -e $each ]] || ip netns del "${each##*/}"
  done
  for each in bridge0 veth-red-br veth-blue-br; do
    # One whose other end was in a namespace may be gone by now.
    [[ ! -e /sys/class/net/$each ]] || ip link del "$each" 2>/dev/null || true
  done
  iptables -w -t nat -F
  sysctl -qw net.ipv4.ip_forward=0
  [[ ! -d /proc/sys/net/bridge ]] || sysctl -qw net.bridge.bridge-nf-call-iptables=0
}

for section; do
  "$section"
done
