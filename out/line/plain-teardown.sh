#!/usr/bin/env bash
# line: 5 network namespaces (node1, node2 … node5).
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Namespaces ----

ip netns del node5
ip netns del node4
ip netns del node3
ip netns del node2
ip netns del node1
