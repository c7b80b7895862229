#!/usr/bin/env bash
# article: 2 network namespaces (red, blue) on 1 network (bridge0), with internet access, 1 published port.
#
#   8080/tcp -> red, 192.168.15.2 port 80
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Services ----

kill -- "-$(cat /run/nsgen/article/red.web.pid)"

# ---- Kernel parameters ----

sysctl -q -p /run/nsgen/article/before.conf

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:article -j NSGEN-article-GUARD 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:article -j NSGEN-article-FROM
iptables -w -t filter -D FORWARD -m comment --comment nsgen:article -j NSGEN-article-INTO
iptables -w -t nat -D POSTROUTING -m comment --comment nsgen:article -j NSGEN-article-POST
iptables -w -t nat -D OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:article -j NSGEN-article-OUTPUT
iptables -w -t nat -D PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:article -j NSGEN-article-PRE
iptables -w -t raw -D PREROUTING -m comment --comment nsgen:article -j NSGEN-article-RAW
iptables -w -t filter -F NSGEN-article-GUARD
iptables -w -t filter -X NSGEN-article-GUARD
iptables -w -t filter -F NSGEN-article-FROM
iptables -w -t filter -X NSGEN-article-FROM
iptables -w -t filter -F NSGEN-article-INTO
iptables -w -t filter -X NSGEN-article-INTO
iptables -w -t nat -F NSGEN-article-POST
iptables -w -t nat -X NSGEN-article-POST
iptables -w -t nat -F NSGEN-article-OUTPUT
iptables -w -t nat -X NSGEN-article-OUTPUT
iptables -w -t nat -F NSGEN-article-PRE
iptables -w -t nat -X NSGEN-article-PRE
iptables -w -t raw -F NSGEN-article-RAW
iptables -w -t raw -X NSGEN-article-RAW

# ---- Network bridge0 ----

ip link del dev veth-blue-br
ip link del dev veth-red-br
ip link del dev bridge0

# ---- Namespaces ----

ip netns del blue
ip netns del red

# ---- What it kept ----

rm -r /run/nsgen/article
rmdir --ignore-fail-on-non-empty /run/nsgen
