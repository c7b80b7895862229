#!/usr/bin/env bash
# transparent: 6 network namespaces (client, gate … blue) on 1 network (inner), with internet access.
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Transparent proxies ----

ip -6 rule del priority 2 from all fwmark 0x2000/0x2000 lookup 8192
ip route del local ::/0 dev lo table 8192
ip rule del priority 2 from all fwmark 0x2000/0x2000 lookup 8192
ip route del local default dev lo table 8192
ip rule del priority 1 from all fwmark 0x2000/0x2000 iif lo lookup 254

# ---- Kernel parameters ----

sysctl -q -p /run/nsgen/transparent/before.conf

# ---- Rules, IPv6 ----

ip6tables -w -t nat -D OUTPUT ! -d ::1/128 -m comment --comment nsgen:transparent -j NSGEN-transparent-DNAT
ip6tables -w -t nat -D PREROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-DNAT
ip6tables -w -t mangle -D PREROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-TPROXY
ip6tables -w -t filter -D FORWARD -m comment --comment nsgen:transparent -j NSGEN-transparent-GUARD 2> /dev/null || true
ip6tables -w -t filter -D FORWARD -m comment --comment nsgen:transparent -j NSGEN-transparent-FROM
ip6tables -w -t filter -D FORWARD -m comment --comment nsgen:transparent -j NSGEN-transparent-INTO
ip6tables -w -t nat -D POSTROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-POST
ip6tables -w -t raw -D PREROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-RAW
ip6tables -w -t filter -F NSGEN-transparent-GUARD
ip6tables -w -t filter -X NSGEN-transparent-GUARD
ip6tables -w -t filter -F NSGEN-transparent-FROM
ip6tables -w -t filter -X NSGEN-transparent-FROM
ip6tables -w -t filter -F NSGEN-transparent-INTO
ip6tables -w -t filter -X NSGEN-transparent-INTO
ip6tables -w -t nat -F NSGEN-transparent-DNAT
ip6tables -w -t nat -X NSGEN-transparent-DNAT
ip6tables -w -t nat -F NSGEN-transparent-P1
ip6tables -w -t nat -X NSGEN-transparent-P1
ip6tables -w -t nat -F NSGEN-transparent-POST
ip6tables -w -t nat -X NSGEN-transparent-POST
ip6tables -w -t mangle -F NSGEN-transparent-TPROXY
ip6tables -w -t mangle -X NSGEN-transparent-TPROXY
ip6tables -w -t mangle -F NSGEN-transparent-P0
ip6tables -w -t mangle -X NSGEN-transparent-P0
ip6tables -w -t mangle -F NSGEN-transparent-DIVERT
ip6tables -w -t mangle -X NSGEN-transparent-DIVERT
ip6tables -w -t raw -F NSGEN-transparent-RAW
ip6tables -w -t raw -X NSGEN-transparent-RAW

# ---- Rules, IPv4 ----

iptables -w -t nat -D OUTPUT ! -d 127.0.0.0/8 -m comment --comment nsgen:transparent -j NSGEN-transparent-DNAT
iptables -w -t nat -D PREROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-DNAT
iptables -w -t mangle -D PREROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-TPROXY
iptables -w -t filter -D FORWARD -m comment --comment nsgen:transparent -j NSGEN-transparent-GUARD 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:transparent -j NSGEN-transparent-FROM
iptables -w -t filter -D FORWARD -m comment --comment nsgen:transparent -j NSGEN-transparent-INTO
iptables -w -t nat -D POSTROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-POST
iptables -w -t raw -D PREROUTING -m comment --comment nsgen:transparent -j NSGEN-transparent-RAW
iptables -w -t filter -F NSGEN-transparent-GUARD
iptables -w -t filter -X NSGEN-transparent-GUARD
iptables -w -t filter -F NSGEN-transparent-FROM
iptables -w -t filter -X NSGEN-transparent-FROM
iptables -w -t filter -F NSGEN-transparent-INTO
iptables -w -t filter -X NSGEN-transparent-INTO
iptables -w -t nat -F NSGEN-transparent-DNAT
iptables -w -t nat -X NSGEN-transparent-DNAT
iptables -w -t nat -F NSGEN-transparent-P1
iptables -w -t nat -X NSGEN-transparent-P1
iptables -w -t nat -F NSGEN-transparent-POST
iptables -w -t nat -X NSGEN-transparent-POST
iptables -w -t mangle -F NSGEN-transparent-TPROXY
iptables -w -t mangle -X NSGEN-transparent-TPROXY
iptables -w -t mangle -F NSGEN-transparent-P0
iptables -w -t mangle -X NSGEN-transparent-P0
iptables -w -t mangle -F NSGEN-transparent-DIVERT
iptables -w -t mangle -X NSGEN-transparent-DIVERT
iptables -w -t raw -F NSGEN-transparent-RAW
iptables -w -t raw -X NSGEN-transparent-RAW

# ---- Network inner ----

ip link del dev veth-blue-br
ip link del dev veth-red-br
ip link del dev inner

# ---- Namespaces ----

ip netns del blue
ip netns del red
ip netns del app
ip netns del server
ip netns del gate
ip netns del client

# ---- What it kept ----

rm -r /run/nsgen/transparent
rmdir --ignore-fail-on-non-empty /run/nsgen
