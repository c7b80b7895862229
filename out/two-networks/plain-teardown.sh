#!/usr/bin/env bash
# two-networks: 3 network namespaces (red, green, yellow) on 2 networks (bridge0, bridge1), with internet access, 1
# published port.
#
#   8080/tcp -> red, 192.168.15.2 port 80
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Services ----

kill -- "-$(cat /run/nsgen/two-networks/red.web.pid)"

# ---- Kernel parameters ----

sysctl -q -p /run/nsgen/two-networks/before.conf

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:two-networks -j NSGEN-two-networks-GUARD 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:two-networks -j NSGEN-two-networks-OTHERS 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:two-networks -j NSGEN-two-networks-FROM
iptables -w -t filter -D FORWARD -m comment --comment nsgen:two-networks -j NSGEN-two-networks-INTO
iptables -w -t nat -D POSTROUTING -m comment --comment nsgen:two-networks -j NSGEN-two-networks-POST
iptables -w -t nat -D OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:two-networks -j NSGEN-two-networks-OUTPUT
iptables -w -t nat -D PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:two-networks -j NSGEN-two-networks-PRE
iptables -w -t raw -D PREROUTING -m comment --comment nsgen:two-networks -j NSGEN-two-networks-RAW
iptables -w -t filter -F NSGEN-two-networks-GUARD
iptables -w -t filter -X NSGEN-two-networks-GUARD
iptables -w -t filter -F NSGEN-two-networks-OTHERS
iptables -w -t filter -X NSGEN-two-networks-OTHERS
iptables -w -t filter -F NSGEN-two-networks-FROM
iptables -w -t filter -X NSGEN-two-networks-FROM
iptables -w -t filter -F NSGEN-two-networks-INTO
iptables -w -t filter -X NSGEN-two-networks-INTO
iptables -w -t nat -F NSGEN-two-networks-POST
iptables -w -t nat -X NSGEN-two-networks-POST
iptables -w -t nat -F NSGEN-two-networks-OUTPUT
iptables -w -t nat -X NSGEN-two-networks-OUTPUT
iptables -w -t nat -F NSGEN-two-networks-PRE
iptables -w -t nat -X NSGEN-two-networks-PRE
iptables -w -t raw -F NSGEN-two-networks-RAW
iptables -w -t raw -X NSGEN-two-networks-RAW

# ---- Network bridge1 ----

ip link del dev veth-yel-br1-br
ip link del dev veth-green-br
ip link del dev bridge1

# ---- Network bridge0 ----

ip link del dev veth-yellow-br
ip link del dev veth-red-br
ip link del dev bridge0

# ---- Namespaces ----

ip netns del yellow
ip netns del green
ip netns del red

# ---- What it kept ----

rm -r /run/nsgen/two-networks
rmdir --ignore-fail-on-non-empty /run/nsgen
