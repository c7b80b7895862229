#!/usr/bin/env bash
# sidecar: 3 network namespaces (client, gate, app).
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Namespaces ----

ip netns del app
ip netns del gate
ip netns del client
