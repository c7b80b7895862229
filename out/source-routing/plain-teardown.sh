#!/usr/bin/env bash
# source-routing: 5 network namespaces (R1, R2 … R5).
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Namespaces ----

ip netns del R5
ip netns del R4
ip netns del R3
ip netns del R2
ip netns del R1
