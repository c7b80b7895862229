#!/usr/bin/env bash
# step2-addresses: 2 network namespaces (red, blue) on 1 network (bridge0).
#
# Undoes plain.sh, the last thing first.

set -e

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:step2-addresses -j NSGEN-step2-addresses-INTO
iptables -w -t filter -F NSGEN-step2-addresses-INTO
iptables -w -t filter -X NSGEN-step2-addresses-INTO

# ---- Network bridge0 ----

ip link del dev veth-blue-br
ip link del dev veth-red-br
ip link del dev bridge0

# ---- Namespaces ----

ip netns del blue
ip netns del red
