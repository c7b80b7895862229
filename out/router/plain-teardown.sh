#!/usr/bin/env bash
# router: 3 network namespaces (ns1, ns2, router-ns) on 2 networks (br0, br1).
#
# Undoes plain.sh, the last thing first. Made by nsgen from a topology.

set -e

# ---- Rules, IPv6 ----

ip6tables -w -t filter -D FORWARD -m comment --comment nsgen:router -j NSGEN-router-INTO
ip6tables -w -t filter -F NSGEN-router-INTO
ip6tables -w -t filter -X NSGEN-router-INTO

# ---- Rules, IPv4 ----

iptables -w -t filter -D FORWARD -m comment --comment nsgen:router -j NSGEN-router-INTO
iptables -w -t filter -F NSGEN-router-INTO
iptables -w -t filter -X NSGEN-router-INTO

# ---- Network br1 ----

ip link del dev veth-br1-router
ip link del dev veth-ns2-br
ip link del dev br1

# ---- Network br0 ----

ip link del dev veth-br0-router
ip link del dev veth-ns1-br
ip link del dev br0

# ---- Namespaces ----

ip netns del router-ns
ip netns del ns2
ip netns del ns1
