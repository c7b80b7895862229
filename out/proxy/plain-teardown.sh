#!/usr/bin/env bash
# proxy: 2 network namespaces (red, blue) on 1 network (bridge0), with internet access, 1 published port.
#
#   8080/tcp -> red, 192.168.15.2 port 80
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Services ----

kill -- "-$(cat /run/nsgen/proxy/red.web.pid)"
kill -- "-$(cat /run/nsgen/proxy/host.proxy-tcp4-8080.pid)"

# ---- Kernel parameters ----

sysctl -q -p /run/nsgen/proxy/before.conf

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:proxy -j NSGEN-proxy-GUARD 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:proxy -j NSGEN-proxy-FROM
iptables -w -t filter -D FORWARD -m comment --comment nsgen:proxy -j NSGEN-proxy-INTO
iptables -w -t nat -D POSTROUTING -m comment --comment nsgen:proxy -j NSGEN-proxy-POST
iptables -w -t nat -D OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:proxy -j NSGEN-proxy-OUTPUT
iptables -w -t nat -D PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:proxy -j NSGEN-proxy-PRE
iptables -w -t raw -D PREROUTING -m comment --comment nsgen:proxy -j NSGEN-proxy-RAW
iptables -w -t filter -F NSGEN-proxy-GUARD
iptables -w -t filter -X NSGEN-proxy-GUARD
iptables -w -t filter -F NSGEN-proxy-FROM
iptables -w -t filter -X NSGEN-proxy-FROM
iptables -w -t filter -F NSGEN-proxy-INTO
iptables -w -t filter -X NSGEN-proxy-INTO
iptables -w -t nat -F NSGEN-proxy-POST
iptables -w -t nat -X NSGEN-proxy-POST
iptables -w -t nat -F NSGEN-proxy-OUTPUT
iptables -w -t nat -X NSGEN-proxy-OUTPUT
iptables -w -t nat -F NSGEN-proxy-PRE
iptables -w -t nat -X NSGEN-proxy-PRE
iptables -w -t raw -F NSGEN-proxy-RAW
iptables -w -t raw -X NSGEN-proxy-RAW

# ---- Network bridge0 ----

ip link del dev veth-blue-br
ip link del dev veth-red-br
ip link del dev bridge0

# ---- Namespaces ----

ip netns del blue
ip netns del red

# ---- What it kept ----

rm -r /run/nsgen/proxy
rmdir --ignore-fail-on-non-empty /run/nsgen
