#!/usr/bin/env bash
# overlay: 3 network namespaces (zone1, zone2, br).
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Namespaces ----

ip netns del br
ip netns del zone2
ip netns del zone1
