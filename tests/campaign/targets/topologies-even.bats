#!/usr/bin/env bats
# As examples.bats, for every other one of the topologies of the tests. (The others are in topologies-odd.bats, so that the
# two run side by side.)

bats_require_minimum_version 1.5.0
load ../../lab/lab
load styles

for_each_topology tests/topologies 2 0
