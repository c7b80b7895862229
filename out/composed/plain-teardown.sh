#!/usr/bin/env bash
# composed: 2 network namespaces (db, web) on 2 networks (front, back), internet access from front, 1 published port.
#
#   8080/tcp -> web, 10.60.0.2 port 80
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Services ----

kill -- "-$(cat /run/nsgen/composed/web.web.pid)"
kill -- "-$(cat /run/nsgen/composed/db.sql.pid)"

# ---- Kernel parameters ----

sysctl -q -p /run/nsgen/composed/before.conf

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:composed -j NSGEN-composed-GUARD 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:composed -j NSGEN-composed-OTHERS 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:composed -j NSGEN-composed-FROM
iptables -w -t filter -D FORWARD -m comment --comment nsgen:composed -j NSGEN-composed-INTO
iptables -w -t nat -D POSTROUTING -m comment --comment nsgen:composed -j NSGEN-composed-POST
iptables -w -t nat -D OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:composed -j NSGEN-composed-OUTPUT
iptables -w -t nat -D PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:composed -j NSGEN-composed-PRE
iptables -w -t raw -D PREROUTING -m comment --comment nsgen:composed -j NSGEN-composed-RAW
iptables -w -t filter -F NSGEN-composed-GUARD
iptables -w -t filter -X NSGEN-composed-GUARD
iptables -w -t filter -F NSGEN-composed-OTHERS
iptables -w -t filter -X NSGEN-composed-OTHERS
iptables -w -t filter -F NSGEN-composed-FROM
iptables -w -t filter -X NSGEN-composed-FROM
iptables -w -t filter -F NSGEN-composed-INTO
iptables -w -t filter -X NSGEN-composed-INTO
iptables -w -t nat -F NSGEN-composed-POST
iptables -w -t nat -X NSGEN-composed-POST
iptables -w -t nat -F NSGEN-composed-OUTPUT
iptables -w -t nat -X NSGEN-composed-OUTPUT
iptables -w -t nat -F NSGEN-composed-PRE
iptables -w -t nat -X NSGEN-composed-PRE
iptables -w -t raw -F NSGEN-composed-RAW
iptables -w -t raw -X NSGEN-composed-RAW

# ---- Network back ----

ip link del dev veth-web-bac-br
ip link del dev veth-db-br
ip link del dev back

# ---- Network front ----

ip link del dev veth-web-br
ip link del dev front

# ---- Namespaces ----

ip netns del web
ip netns del db

# ---- What it kept ----

rm -r /run/nsgen/composed
rmdir --ignore-fail-on-non-empty /run/nsgen
