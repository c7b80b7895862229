#!/usr/bin/env bash
# one-address: 4 network namespaces (hub, a, b, c).
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Namespaces ----

ip netns del c
ip netns del b
ip netns del a
ip netns del hub
