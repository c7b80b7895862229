#!/usr/bin/env bash
# uplinks: 6 network namespaces (gate, server … client2).
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Namespaces ----

ip netns del client2
ip netns del client1
ip netns del isp2
ip netns del isp1
ip netns del server
ip netns del gate
