#!/usr/bin/env bash
# compose-like: 3 network namespaces (proxy, app, db) on 2 networks (front, back), internet access from front, 2
# published ports.
#
#   8080/tcp -> proxy, 10.30.0.2 port 80
#   127.0.0.1:9090/tcp -> proxy, 10.30.0.2 port 9090
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Services ----

kill -- "-$(cat /run/nsgen/compose-like/proxy.http.pid)"
kill -- "-$(cat /run/nsgen/compose-like/app.http.pid)"
kill -- "-$(cat /run/nsgen/compose-like/db.sql.pid)"
kill -- "-$(cat /run/nsgen/compose-like/proxy.admin.pid)"

# ---- Kernel parameters ----

sysctl -q -p /run/nsgen/compose-like/before.conf

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:compose-like -j NSGEN-compose-like-GUARD 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:compose-like -j NSGEN-compose-like-OTHERS 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:compose-like -j NSGEN-compose-like-FROM
iptables -w -t filter -D FORWARD -m comment --comment nsgen:compose-like -j NSGEN-compose-like-INTO
iptables -w -t nat -D POSTROUTING -m comment --comment nsgen:compose-like -j NSGEN-compose-like-POST
iptables -w -t nat -D OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:compose-like -j NSGEN-compose-like-OUTPUT
iptables -w -t nat -D PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:compose-like -j NSGEN-compose-like-PRE
iptables -w -t raw -D PREROUTING -m comment --comment nsgen:compose-like -j NSGEN-compose-like-RAW
iptables -w -t filter -F NSGEN-compose-like-GUARD
iptables -w -t filter -X NSGEN-compose-like-GUARD
iptables -w -t filter -F NSGEN-compose-like-OTHERS
iptables -w -t filter -X NSGEN-compose-like-OTHERS
iptables -w -t filter -F NSGEN-compose-like-FROM
iptables -w -t filter -X NSGEN-compose-like-FROM
iptables -w -t filter -F NSGEN-compose-like-INTO
iptables -w -t filter -X NSGEN-compose-like-INTO
iptables -w -t nat -F NSGEN-compose-like-POST
iptables -w -t nat -X NSGEN-compose-like-POST
iptables -w -t nat -F NSGEN-compose-like-OUTPUT
iptables -w -t nat -X NSGEN-compose-like-OUTPUT
iptables -w -t nat -F NSGEN-compose-like-PRE
iptables -w -t nat -X NSGEN-compose-like-PRE
iptables -w -t raw -F NSGEN-compose-like-RAW
iptables -w -t raw -X NSGEN-compose-like-RAW

# ---- Inside the namespaces ----

rm /etc/netns/db/hosts
rmdir --ignore-fail-on-non-empty /etc/netns/db
rm /etc/netns/app/hosts
rmdir --ignore-fail-on-non-empty /etc/netns/app
rm /etc/netns/app/resolv.conf
rmdir --ignore-fail-on-non-empty /etc/netns/app
rm /etc/netns/proxy/hosts
rmdir --ignore-fail-on-non-empty /etc/netns/proxy

# ---- Network back ----

ip link del dev veth-db-br
ip link del dev veth-app-bac-br
ip link del dev back

# ---- Network front ----

ip link del dev veth-app-br
ip link del dev veth-proxy-br
ip link del dev front

# ---- Namespaces ----

ip netns del db
ip netns del app
ip netns del proxy

# ---- What it kept ----

rm -r /run/nsgen/compose-like
rmdir --ignore-fail-on-non-empty /run/nsgen
