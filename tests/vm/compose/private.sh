#!/usr/bin/env bash
# Makes a machine of a private world, with another one on its cable as in tests/vm/lab.bash, and runs a command there:
#
#   unshare --user --map-root-user --net --mount --pid --fork --mount-proc bash private.sh FOLDER COMMAND...
#
# FOLDER is an empty one, for what is written to /etc.
set -euo pipefail
. "${0%/*}/cable.sh"

main() { # FOLDER COMMAND...
  local folder=$1
  mount --make-rprivate /
  mount -t tmpfs tmpfs "$folder"
  mkdir "$folder/upper" "$folder/work"
  mount -t overlay overlay -o "lowerdir=/etc,upperdir=$folder/upper,workdir=$folder/work" /etc
  mount -t tmpfs tmpfs /run
  mount -t sysfs sysfs /sys
  mkdir /run/netns
  rm -f /etc/resolv.conf
  echo 'nameserver 203.0.113.10' >/etc/resolv.conf
  make_cable
  add_ways
  shift
  "$@" # and not exec: somebody has to take in what ends
}

make_cable() {
  ip link set lo up
  ip netns add outside
  ip link add eth0 type veth peer name eth1 netns outside
  ip address add 172.16.1.4/24 dev eth0
  ip link set eth0 up
  ip -n outside link set lo up
  ip -n outside link set eth1 up
  ip -n outside address add 172.16.1.5/24 dev eth1
  ip -n outside address add 203.0.113.10/32 dev lo
  ip route add default via 172.16.1.5
  # br_netfilter is off until somebody needs it, as on a machine that has not loaded it yet.
  local key
  for key in iptables ip6tables; do sysctl -qw "net.bridge.bridge-nf-call-$key=0" 2>/dev/null || true; done
}

main "$@"
