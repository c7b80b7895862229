#!/usr/bin/env bash
# site: 3 network namespaces (web, office, desk) on 1 network (apps), with internet access, 1 published port.
#
#   8080/tcp -> web, 10.1.0.10 port 80
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Routes of this host ----

ip route del 10.2.0.0/16 via 10.2.255.2

# ---- Kernel parameters ----

sysctl -q -p /run/nsgen/site/before.conf

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:site -j NSGEN-site-GUARD 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:site -j NSGEN-site-OTHERS 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:site -j NSGEN-site-FROM
iptables -w -t filter -D FORWARD -m comment --comment nsgen:site -j NSGEN-site-INTO
iptables -w -t nat -D POSTROUTING -m comment --comment nsgen:site -j NSGEN-site-POST
iptables -w -t nat -D OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:site -j NSGEN-site-OUTPUT
iptables -w -t nat -D PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:site -j NSGEN-site-PRE
iptables -w -t raw -D PREROUTING -m comment --comment nsgen:site -j NSGEN-site-RAW
iptables -w -t filter -F NSGEN-site-GUARD
iptables -w -t filter -X NSGEN-site-GUARD
iptables -w -t filter -F NSGEN-site-OTHERS
iptables -w -t filter -X NSGEN-site-OTHERS
iptables -w -t filter -F NSGEN-site-FROM
iptables -w -t filter -X NSGEN-site-FROM
iptables -w -t filter -F NSGEN-site-INTO
iptables -w -t filter -X NSGEN-site-INTO
iptables -w -t nat -F NSGEN-site-POST
iptables -w -t nat -X NSGEN-site-POST
iptables -w -t nat -F NSGEN-site-OUTPUT
iptables -w -t nat -X NSGEN-site-OUTPUT
iptables -w -t nat -F NSGEN-site-PRE
iptables -w -t nat -X NSGEN-site-PRE
iptables -w -t raw -F NSGEN-site-RAW
iptables -w -t raw -X NSGEN-site-RAW

# ---- Interfaces of this host ----

ip link del dev tunnel

# ---- Network apps ----

ip link del dev veth-web-br
ip link del dev apps

# ---- Namespaces ----

ip netns del desk
ip netns del office
ip netns del web

# ---- What it kept ----

rm -r /run/nsgen/site
rmdir --ignore-fail-on-non-empty /run/nsgen
