#!/usr/bin/env bats
# Every example, in both styles: the same state of the machine, and nothing left of the plain style when it is taken down.

bats_require_minimum_version 1.5.0
load ../../lab/lab
load styles

for_each_topology examples
