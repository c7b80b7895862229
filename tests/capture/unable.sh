#!/bin/bash
ip netns add red
ip link add q0 type quantum
ovs-vsctl add-br br0
brctl sing br0
