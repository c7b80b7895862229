#!/usr/bin/env bash
# step5-publish: 2 network namespaces (red, blue) on 1 network (bridge0), with internet access, 1 published port.
#
#   8080/tcp -> red, 192.168.15.2 port 80
#
# Undoes plain.sh, the last thing first.

set -e

# ---- Services ----

kill -- "-$(cat /run/nsgen/step5-publish/red.web.pid)"

# ---- Kernel parameters ----

sysctl -q -p /run/nsgen/step5-publish/before.conf

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:step5-publish -j NSGEN-step5-publish-GUARD 2> /dev/null || true
iptables -w -t filter -D FORWARD -m comment --comment nsgen:step5-publish -j NSGEN-step5-publish-FROM
iptables -w -t filter -D FORWARD -m comment --comment nsgen:step5-publish -j NSGEN-step5-publish-INTO
iptables -w -t nat -D POSTROUTING -m comment --comment nsgen:step5-publish -j NSGEN-step5-publish-POST
iptables -w -t nat -D OUTPUT -m addrtype --dst-type LOCAL -m comment --comment nsgen:step5-publish -j NSGEN-step5-publish-OUTPUT
iptables -w -t nat -D PREROUTING -m addrtype --dst-type LOCAL -m comment --comment nsgen:step5-publish -j NSGEN-step5-publish-PRE
iptables -w -t raw -D PREROUTING -m comment --comment nsgen:step5-publish -j NSGEN-step5-publish-RAW
iptables -w -t filter -F NSGEN-step5-publish-GUARD
iptables -w -t filter -X NSGEN-step5-publish-GUARD
iptables -w -t filter -F NSGEN-step5-publish-FROM
iptables -w -t filter -X NSGEN-step5-publish-FROM
iptables -w -t filter -F NSGEN-step5-publish-INTO
iptables -w -t filter -X NSGEN-step5-publish-INTO
iptables -w -t nat -F NSGEN-step5-publish-POST
iptables -w -t nat -X NSGEN-step5-publish-POST
iptables -w -t nat -F NSGEN-step5-publish-OUTPUT
iptables -w -t nat -X NSGEN-step5-publish-OUTPUT
iptables -w -t nat -F NSGEN-step5-publish-PRE
iptables -w -t nat -X NSGEN-step5-publish-PRE
iptables -w -t raw -F NSGEN-step5-publish-RAW
iptables -w -t raw -X NSGEN-step5-publish-RAW

# ---- Network bridge0 ----

ip link del dev veth-blue-br
ip link del dev veth-red-br
ip link del dev bridge0

# ---- Namespaces ----

ip netns del blue
ip netns del red

# ---- What it kept ----

rm -r /run/nsgen/step5-publish
rmdir --ignore-fail-on-non-empty /run/nsgen
