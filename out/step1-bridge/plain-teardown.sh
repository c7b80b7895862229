#!/usr/bin/env bash
# step1-bridge: 2 network namespaces (red, blue) on 1 network (bridge0).
#
# Undoes plain.sh, the last thing first.

set -e

# ---- Rules, IPv6 ----

ip6tables -w -t filter -D FORWARD -m comment --comment nsgen:step1-bridge -j NSGEN-step1-bridge-INTO
ip6tables -w -t filter -F NSGEN-step1-bridge-INTO
ip6tables -w -t filter -X NSGEN-step1-bridge-INTO

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:step1-bridge -j NSGEN-step1-bridge-INTO
iptables -w -t filter -F NSGEN-step1-bridge-INTO
iptables -w -t filter -X NSGEN-step1-bridge-INTO

# ---- Network bridge0 ----

ip link del dev veth-blue-br
ip link del dev veth-red-br
ip link del dev bridge0

# ---- Namespaces ----

ip netns del blue
ip netns del red
