#!/usr/bin/env bash
# stretched: 4 network namespaces (red, sniffer, other, green) on 1 network (lan), with internet access, 1 published
# port.
#
#   8090/tcp -> red, 10.90.0.2 port 80
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Kernel parameters ----

sysctl -q -p /run/nsgen/stretched/before.conf

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:stretched -j NSGEN-stretched-GUARD 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:stretched -j NSGEN-stretched-OTHERS 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:stretched -j NSGEN-stretched-FROM
iptables -w -t filter -D FORWARD -m comment --comment nsgen:stretched -j NSGEN-stretched-INTO
iptables -w -t nat -D POSTROUTING -m comment --comment nsgen:stretched -j NSGEN-stretched-POST
iptables -w -t nat -D OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:stretched -j NSGEN-stretched-OUTPUT
iptables -w -t nat -D PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:stretched -j NSGEN-stretched-PRE
iptables -w -t raw -D PREROUTING -m comment --comment nsgen:stretched -j NSGEN-stretched-RAW
iptables -w -t filter -F NSGEN-stretched-GUARD
iptables -w -t filter -X NSGEN-stretched-GUARD
iptables -w -t filter -F NSGEN-stretched-OTHERS
iptables -w -t filter -X NSGEN-stretched-OTHERS
iptables -w -t filter -F NSGEN-stretched-FROM
iptables -w -t filter -X NSGEN-stretched-FROM
iptables -w -t filter -F NSGEN-stretched-INTO
iptables -w -t filter -X NSGEN-stretched-INTO
iptables -w -t nat -F NSGEN-stretched-POST
iptables -w -t nat -X NSGEN-stretched-POST
iptables -w -t nat -F NSGEN-stretched-OUTPUT
iptables -w -t nat -X NSGEN-stretched-OUTPUT
iptables -w -t nat -F NSGEN-stretched-PRE
iptables -w -t nat -X NSGEN-stretched-PRE
iptables -w -t raw -F NSGEN-stretched-RAW
iptables -w -t raw -X NSGEN-stretched-RAW

# ---- Interfaces of this host ----

ip link del dev vx0
ip link del dev wire0

# ---- Network lan ----

ip link del dev veth-sniffer-br
ip link del dev veth-red-br
ip link del dev lan

# ---- Namespaces ----

ip netns del green
ip netns del other
ip netns del sniffer
ip netns del red

# ---- What it kept ----

rm -r /run/nsgen/stretched
rmdir --ignore-fail-on-non-empty /run/nsgen
