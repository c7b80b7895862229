#!/usr/bin/env bash
# joined: 1 network namespace (client) and 1 joined namespace (app) on 1 network (lab), with internet access, 1
# published port.
#
#   8080/tcp -> app, 10.60.0.2 port 80
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Services ----

kill -- "-$(cat /run/nsgen/joined/app.web.pid)"

# ---- Kernel parameters ----

sysctl -q -p /run/nsgen/joined/before.conf

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:joined -j NSGEN-joined-GUARD 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:joined -j NSGEN-joined-OTHERS 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:joined -j NSGEN-joined-FROM
iptables -w -t filter -D FORWARD -m comment --comment nsgen:joined -j NSGEN-joined-INTO
iptables -w -t nat -D POSTROUTING -m comment --comment nsgen:joined -j NSGEN-joined-POST
iptables -w -t nat -D OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:joined -j NSGEN-joined-OUTPUT
iptables -w -t nat -D PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:joined -j NSGEN-joined-PRE
iptables -w -t raw -D PREROUTING -m comment --comment nsgen:joined -j NSGEN-joined-RAW
iptables -w -t filter -F NSGEN-joined-GUARD
iptables -w -t filter -X NSGEN-joined-GUARD
iptables -w -t filter -F NSGEN-joined-OTHERS
iptables -w -t filter -X NSGEN-joined-OTHERS
iptables -w -t filter -F NSGEN-joined-FROM
iptables -w -t filter -X NSGEN-joined-FROM
iptables -w -t filter -F NSGEN-joined-INTO
iptables -w -t filter -X NSGEN-joined-INTO
iptables -w -t nat -F NSGEN-joined-POST
iptables -w -t nat -X NSGEN-joined-POST
iptables -w -t nat -F NSGEN-joined-OUTPUT
iptables -w -t nat -X NSGEN-joined-OUTPUT
iptables -w -t nat -F NSGEN-joined-PRE
iptables -w -t nat -X NSGEN-joined-PRE
iptables -w -t raw -F NSGEN-joined-RAW
iptables -w -t raw -X NSGEN-joined-RAW

# ---- Inside the namespaces ----

ip -n app route del default via 10.60.0.1 dev veth-app

# ---- Network lab ----

ip link del dev veth-client-br
ip link del dev veth-app-br
ip link del dev lab

# ---- Namespaces ----

ip netns del client

# ---- Joined namespaces ----

ip netns exec app sysctl -q -p - < /run/nsgen/joined/before.app.conf

# ---- What it kept ----

rm -r /run/nsgen/joined
rmdir --ignore-fail-on-non-empty /run/nsgen
