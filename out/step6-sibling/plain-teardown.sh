#!/usr/bin/env bash
# step6-sibling: 2 network namespaces (red, blue) on 1 network (bridge0), with internet access, 1 published port.
#
#   8080/tcp -> red, 192.168.15.2 port 80
#
# Undoes plain.sh, the last thing first.

set -e

# ---- Services ----

kill -- "-$(cat /run/nsgen/step6-sibling/red.web.pid)"

# ---- Kernel parameters ----

sysctl -q -p /run/nsgen/step6-sibling/before.conf

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:step6-sibling -j NSGEN-step6-sibling-GUARD 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:step6-sibling -j NSGEN-step6-sibling-OTHERS 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:step6-sibling -j NSGEN-step6-sibling-FROM
iptables -w -t filter -D FORWARD -m comment --comment nsgen:step6-sibling -j NSGEN-step6-sibling-INTO
iptables -w -t nat -D POSTROUTING -m comment --comment nsgen:step6-sibling -j NSGEN-step6-sibling-POST
iptables -w -t nat -D OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:step6-sibling -j NSGEN-step6-sibling-OUTPUT
iptables -w -t nat -D PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:step6-sibling -j NSGEN-step6-sibling-PRE
iptables -w -t raw -D PREROUTING -m comment --comment nsgen:step6-sibling -j NSGEN-step6-sibling-RAW
iptables -w -t filter -F NSGEN-step6-sibling-GUARD
iptables -w -t filter -X NSGEN-step6-sibling-GUARD
iptables -w -t filter -F NSGEN-step6-sibling-OTHERS
iptables -w -t filter -X NSGEN-step6-sibling-OTHERS
iptables -w -t filter -F NSGEN-step6-sibling-FROM
iptables -w -t filter -X NSGEN-step6-sibling-FROM
iptables -w -t filter -F NSGEN-step6-sibling-INTO
iptables -w -t filter -X NSGEN-step6-sibling-INTO
iptables -w -t nat -F NSGEN-step6-sibling-POST
iptables -w -t nat -X NSGEN-step6-sibling-POST
iptables -w -t nat -F NSGEN-step6-sibling-OUTPUT
iptables -w -t nat -X NSGEN-step6-sibling-OUTPUT
iptables -w -t nat -F NSGEN-step6-sibling-PRE
iptables -w -t nat -X NSGEN-step6-sibling-PRE
iptables -w -t raw -F NSGEN-step6-sibling-RAW
iptables -w -t raw -X NSGEN-step6-sibling-RAW

# ---- Network bridge0 ----

ip link del dev veth-blue-br
ip link del dev veth-red-br
ip link del dev bridge0

# ---- Namespaces ----

ip netns del blue
ip netns del red

# ---- What it kept ----

rm -r /run/nsgen/step6-sibling
rmdir --ignore-fail-on-non-empty /run/nsgen
