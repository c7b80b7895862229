#!/usr/bin/env bash
# macvlan: 5 network namespaces (a, b … e).
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Namespaces ----

ip netns del e
ip netns del d
ip netns del c
ip netns del b
ip netns del a
