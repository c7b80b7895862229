#!/usr/bin/env bash
# chain: 3 network namespaces (rt0, rt1, host1).
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Routes of this host ----

ip route del 192.168.1.0/24 via 192.168.2.1
ip route del 192.168.0.0/24 via 192.168.2.1

# ---- Interfaces of this host ----

ip link del dev veth0

# ---- Namespaces ----

ip netns del host1
ip netns del rt1
ip netns del rt0

# ---- What it kept ----

rm -r /run/nsgen/chain
rmdir --ignore-fail-on-non-empty /run/nsgen
