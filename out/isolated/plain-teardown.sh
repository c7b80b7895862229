#!/usr/bin/env bash
# isolated: 6 network namespaces (tenant1, tenant2 … cache) on 2 networks (tenants, backend), internet access from
# tenants, 1 published port.
#
#   8080/tcp -> web, 10.20.0.5 port 80
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Services ----

kill -- "-$(cat /run/nsgen/isolated/web.web.pid)"

# ---- Kernel parameters ----

sysctl -q -p /run/nsgen/isolated/before.conf

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:isolated -j NSGEN-isolated-GUARD 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:isolated -j NSGEN-isolated-FROM
iptables -w -t filter -D FORWARD -m comment --comment nsgen:isolated -j NSGEN-isolated-INTO
iptables -w -t nat -D POSTROUTING -m comment --comment nsgen:isolated -j NSGEN-isolated-POST
iptables -w -t nat -D OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:isolated -j NSGEN-isolated-OUTPUT
iptables -w -t nat -D PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:isolated -j NSGEN-isolated-PRE
iptables -w -t raw -D PREROUTING -m comment --comment nsgen:isolated -j NSGEN-isolated-RAW
iptables -w -t filter -F NSGEN-isolated-GUARD
iptables -w -t filter -X NSGEN-isolated-GUARD
iptables -w -t filter -F NSGEN-isolated-FROM
iptables -w -t filter -X NSGEN-isolated-FROM
iptables -w -t filter -F NSGEN-isolated-INTO
iptables -w -t filter -X NSGEN-isolated-INTO
iptables -w -t nat -F NSGEN-isolated-POST
iptables -w -t nat -X NSGEN-isolated-POST
iptables -w -t nat -F NSGEN-isolated-OUTPUT
iptables -w -t nat -X NSGEN-isolated-OUTPUT
iptables -w -t nat -F NSGEN-isolated-PRE
iptables -w -t nat -X NSGEN-isolated-PRE
iptables -w -t raw -F NSGEN-isolated-RAW
iptables -w -t raw -X NSGEN-isolated-RAW

# ---- Network backend ----

ip link del dev veth-cache-br
ip link del dev veth-db-br
ip link del dev backend

# ---- Network tenants ----

ip link del dev veth-web-br
ip link del dev veth-tenant3-br
ip link del dev veth-tenant2-br
ip link del dev veth-tenant1-br
ip link del dev tenants

# ---- Namespaces ----

ip netns del cache
ip netns del db
ip netns del web
ip netns del tenant3
ip netns del tenant2
ip netns del tenant1

# ---- What it kept ----

rm -r /run/nsgen/isolated
rmdir --ignore-fail-on-non-empty /run/nsgen
