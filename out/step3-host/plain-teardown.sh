#!/usr/bin/env bash
# step3-host: 2 network namespaces (red, blue) on 1 network (bridge0).
#
# Undoes plain.sh, the last thing first.

set -e

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:step3-host -j NSGEN-step3-host-INTO
iptables -w -t filter -F NSGEN-step3-host-INTO
iptables -w -t filter -X NSGEN-step3-host-INTO

# ---- Network bridge0 ----

ip link del dev veth-blue-br
ip link del dev veth-red-br
ip link del dev bridge0

# ---- Namespaces ----

ip netns del blue
ip netns del red
