#!/usr/bin/env bash
# bridges: 5 network namespaces (host1, rt … host4).
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Routes of this host ----

ip route del 10.0.1.0/24 via 10.0.0.1 dev br0

# ---- Interfaces of this host ----

ip link del dev br0
ip link del dev rt-br0
ip link del dev veth1-br0
ip link del dev veth0-br0

# ---- Namespaces ----

ip netns del host4
ip netns del host3
ip netns del host2
ip netns del rt
ip netns del host1

# ---- What it kept ----

rm -r /run/nsgen/bridges
rmdir --ignore-fail-on-non-empty /run/nsgen
