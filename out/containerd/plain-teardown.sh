#!/usr/bin/env bash
# containerd: kernel settings of this host.
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Kernel parameters ----

sysctl -q -p /run/nsgen/containerd/before.conf

# ---- What it kept ----

rm -r /run/nsgen/containerd
rmdir --ignore-fail-on-non-empty /run/nsgen
