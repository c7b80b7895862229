#!/usr/bin/env bash
# marks: 4 network namespaces (client, gate, left, right).
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Rules, IPv4 ----

iptables -w -t mangle -D OUTPUT -m comment --comment nsgen:marks -j NSGEN-marks-OWN
iptables -w -t mangle -D PREROUTING -m comment --comment nsgen:marks -j NSGEN-marks-MARK
iptables -w -t mangle -F NSGEN-marks-OWN
iptables -w -t mangle -X NSGEN-marks-OWN
iptables -w -t mangle -F NSGEN-marks-MARK
iptables -w -t mangle -X NSGEN-marks-MARK

# ---- Namespaces ----

ip netns del right
ip netns del left
ip netns del gate
ip netns del client
