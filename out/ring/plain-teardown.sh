#!/usr/bin/env bash
# ring: 5 network namespaces (r1, r2 … r5).
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Services ----

kill -- "-$(cat /run/nsgen/ring/r5.web.pid)"
kill -- "-$(cat /run/nsgen/ring/r4.web.pid)"
kill -- "-$(cat /run/nsgen/ring/r3.web.pid)"
kill -- "-$(cat /run/nsgen/ring/r2.web.pid)"
kill -- "-$(cat /run/nsgen/ring/r1.web.pid)"

# ---- Namespaces ----

ip netns del r5
ip netns del r4
ip netns del r3
ip netns del r2
ip netns del r1

# ---- What it kept ----

rm -r /run/nsgen/ring
rmdir --ignore-fail-on-non-empty /run/nsgen
