#!/bin/bash
# It wants to be told what to build.
set -e
read -rp "how many namespaces? " number
for i in $(seq "$number"); do
  read -rp "name of number $i: " name
  ip netns add "${name:-n$i}"
done
read -rp "is that right? " answer
[ "$answer" = yes ] && ip -n red link set lo up
