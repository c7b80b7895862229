#!/bin/bash
set -e
ip netns add red
ip link add v0 type veth peer name v1
ip link set v1 netns nobody
ip link set v0 up
