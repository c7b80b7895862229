#!/usr/bin/env bash
# Time the steps of one way on a host of its own: host.sh FOLDER, in new network, mount and PID namespaces.
#
# FOLDER holds the steps to take, in order, one a line in `steps`: a name, and the file to run. Each is printed with its
# microseconds and exit status. Then `proof`, what shows that it was built, is run after the first step.
set -euo pipefail

folder=$1

mount --make-rprivate /
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir -p /run/lock /run/netns
ip link set lo up
ip link add wan type veth peer name elsewhere
ip address add 172.16.1.4/24 dev wan
ip link set wan up
ip link set elsewhere up
[[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]] || modprobe br_netfilter

first=yes
while read -r name file; do
  begin=$EPOCHREALTIME
  status=0
  bash "$folder/$file" >"$folder/$name.log" 2>&1 </dev/null || status=$?
  end=$EPOCHREALTIME
  printf '%s %d %d\n' "$name" "$((${end/./} - ${begin/./}))" "$status"
  [[ ! $first ]] || bash "$folder/proof" >"$folder/proof.log" 2>&1 </dev/null || printf 'proof 0 1\n'
  first=
done <"$folder/steps"
