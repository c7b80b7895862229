#!/usr/bin/env bash
# dual-stack: 2 network namespaces (red, blue) on 1 network (bridge0), with internet access, 1 published port.
#
#   8080/tcp -> red, 192.168.15.2 port 80
#   8080/tcp -> red, fd00:15::2 port 80
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Services ----

kill -- "-$(cat /run/nsgen/dual-stack/red.web.pid)"

# ---- Kernel parameters ----

sysctl -q -p /run/nsgen/dual-stack/before.conf

# ---- Rules, IPv6 ----

ip6tables -w -t filter -D FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-GUARD 2> /dev/null || true
ip6tables -w -t filter -D FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-OTHERS 2> /dev/null || true
ip6tables -w -t filter -D FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-FROM
ip6tables -w -t filter -D FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-INTO
ip6tables -w -t nat -D POSTROUTING -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-POST
ip6tables -w -t nat -D OUTPUT ! -d ::1/128 -m addrtype --dst-type LOCAL -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-OUTPUT
ip6tables -w -t nat -D PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-PRE
ip6tables -w -t raw -D PREROUTING -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-RAW
ip6tables -w -t filter -F NSGEN-dual-stack-GUARD
ip6tables -w -t filter -X NSGEN-dual-stack-GUARD
ip6tables -w -t filter -F NSGEN-dual-stack-OTHERS
ip6tables -w -t filter -X NSGEN-dual-stack-OTHERS
ip6tables -w -t filter -F NSGEN-dual-stack-FROM
ip6tables -w -t filter -X NSGEN-dual-stack-FROM
ip6tables -w -t filter -F NSGEN-dual-stack-INTO
ip6tables -w -t filter -X NSGEN-dual-stack-INTO
ip6tables -w -t nat -F NSGEN-dual-stack-POST
ip6tables -w -t nat -X NSGEN-dual-stack-POST
ip6tables -w -t nat -F NSGEN-dual-stack-OUTPUT
ip6tables -w -t nat -X NSGEN-dual-stack-OUTPUT
ip6tables -w -t nat -F NSGEN-dual-stack-PRE
ip6tables -w -t nat -X NSGEN-dual-stack-PRE
ip6tables -w -t raw -F NSGEN-dual-stack-RAW
ip6tables -w -t raw -X NSGEN-dual-stack-RAW

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-GUARD 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-OTHERS 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-FROM
iptables -w -t filter -D FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-INTO
iptables -w -t nat -D POSTROUTING -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-POST
iptables -w -t nat -D OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-OUTPUT
iptables -w -t nat -D PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-PRE
iptables -w -t raw -D PREROUTING -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-RAW
iptables -w -t filter -F NSGEN-dual-stack-GUARD
iptables -w -t filter -X NSGEN-dual-stack-GUARD
iptables -w -t filter -F NSGEN-dual-stack-OTHERS
iptables -w -t filter -X NSGEN-dual-stack-OTHERS
iptables -w -t filter -F NSGEN-dual-stack-FROM
iptables -w -t filter -X NSGEN-dual-stack-FROM
iptables -w -t filter -F NSGEN-dual-stack-INTO
iptables -w -t filter -X NSGEN-dual-stack-INTO
iptables -w -t nat -F NSGEN-dual-stack-POST
iptables -w -t nat -X NSGEN-dual-stack-POST
iptables -w -t nat -F NSGEN-dual-stack-OUTPUT
iptables -w -t nat -X NSGEN-dual-stack-OUTPUT
iptables -w -t nat -F NSGEN-dual-stack-PRE
iptables -w -t nat -X NSGEN-dual-stack-PRE
iptables -w -t raw -F NSGEN-dual-stack-RAW
iptables -w -t raw -X NSGEN-dual-stack-RAW

# ---- Network bridge0 ----

ip link del dev veth-blue-br
ip link del dev veth-red-br
ip link del dev bridge0

# ---- Namespaces ----

ip netns del blue
ip netns del red

# ---- What it kept ----

rm -r /run/nsgen/dual-stack
rmdir --ignore-fail-on-non-empty /run/nsgen
