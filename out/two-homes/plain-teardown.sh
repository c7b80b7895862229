#!/usr/bin/env bash
# two-homes: 6 network namespaces (pc1, home1 … pc2).
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Namespaces ----

ip netns del pc2
ip netns del home2
ip netns del server
ip netns del isp
ip netns del home1
ip netns del pc1
