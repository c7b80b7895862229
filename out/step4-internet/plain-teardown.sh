#!/usr/bin/env bash
# step4-internet: 2 network namespaces (red, blue) on 1 network (bridge0), with internet access.
#
# Undoes plain.sh, the last thing first.

set -e

# ---- Kernel parameters ----

sysctl -q -p /run/nsgen/step4-internet/before.conf

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:step4-internet -j NSGEN-step4-internet-GUARD 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:step4-internet -j NSGEN-step4-internet-FROM
iptables -w -t filter -D FORWARD -m comment --comment nsgen:step4-internet -j NSGEN-step4-internet-INTO
iptables -w -t nat -D POSTROUTING -m comment --comment nsgen:step4-internet -j NSGEN-step4-internet-POST
iptables -w -t raw -D PREROUTING -m comment --comment nsgen:step4-internet -j NSGEN-step4-internet-RAW
iptables -w -t filter -F NSGEN-step4-internet-GUARD
iptables -w -t filter -X NSGEN-step4-internet-GUARD
iptables -w -t filter -F NSGEN-step4-internet-FROM
iptables -w -t filter -X NSGEN-step4-internet-FROM
iptables -w -t filter -F NSGEN-step4-internet-INTO
iptables -w -t filter -X NSGEN-step4-internet-INTO
iptables -w -t nat -F NSGEN-step4-internet-POST
iptables -w -t nat -X NSGEN-step4-internet-POST
iptables -w -t raw -F NSGEN-step4-internet-RAW
iptables -w -t raw -X NSGEN-step4-internet-RAW

# ---- Network bridge0 ----

ip link del dev veth-blue-br
ip link del dev veth-red-br
ip link del dev bridge0

# ---- Namespaces ----

ip netns del blue
ip netns del red

# ---- What it kept ----

rm -r /run/nsgen/step4-internet
rmdir --ignore-fail-on-non-empty /run/nsgen
