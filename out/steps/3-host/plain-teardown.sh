#!/usr/bin/env bash
# article: 2 network namespaces (red, blue) on 1 network (bridge0).
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:article -j NSGEN-article-INTO
iptables -w -t filter -F NSGEN-article-INTO
iptables -w -t filter -X NSGEN-article-INTO

# ---- Network bridge0 ----

ip link del dev veth-blue-br
ip link del dev veth-red-br
ip link del dev bridge0

# ---- Namespaces ----

ip netns del blue
ip netns del red
