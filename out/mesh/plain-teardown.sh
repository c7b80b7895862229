#!/usr/bin/env bash
# mesh: 8 network namespaces (r1, r2 … pc4).
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Namespaces ----

ip netns del pc4
ip netns del pc3
ip netns del pc2
ip netns del pc1
ip netns del r4
ip netns del r3
ip netns del r2
ip netns del r1
