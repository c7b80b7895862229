#!/usr/bin/env bats
# As examples.bats, for the steps of the article; and on machines that are not as they come.

bats_require_minimum_version 1.5.0
load ../../lab/lab
load styles

for_each_topology examples/steps

for machine in legacy-hard drop-router hardened; do
  bats_test_function --description "dual-stack.yaml on a machine '$machine': up twice, check, down twice, and both styles do alike" \
    -- bring_up_and_down "$REPOSITORY/tests/topologies/dual-stack.yaml" "$machine"
done
