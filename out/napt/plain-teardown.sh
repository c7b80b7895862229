#!/usr/bin/env bash
# napt: 3 network namespaces (S1, R1, C1).
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Namespaces ----

ip netns del C1
ip netns del R1
ip netns del S1
