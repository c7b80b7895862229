#!/usr/bin/env bash
# article: 2 network namespaces (red, blue) on 1 network (bridge0).
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Network bridge0 ----

ip link del dev veth-blue-br
ip link del dev veth-red-br
ip link del dev bridge0

# ---- Namespaces ----

ip netns del blue
ip netns del red
