#!/usr/bin/env bats
# As styles.bats, for the topologies of the tests; and on machines that are not as they come.

bats_require_minimum_version 1.5.0
load lab/lab
load lab/styles

for_each_topology "$BATS_TEST_DIRNAME/topologies"

for machine in legacy-hard drop-router hardened; do
  bats_test_function --description "dual-stack.yaml on a machine '$machine': up twice, check, down twice, and both styles do alike" \
    -- bring_up_and_down "$BATS_TEST_DIRNAME/topologies/dual-stack.yaml" "$machine"
done
