#!/usr/bin/env bats
# Every example, in both styles: the same state of the machine, the same state when it is brought up again, and nothing
# left when it is taken down.

bats_require_minimum_version 1.5.0
load lab/lab
load lab/styles

for_each_topology "$BATS_TEST_DIRNAME/../examples"
for_each_topology "$BATS_TEST_DIRNAME/../examples/steps"
