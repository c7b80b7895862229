#!/usr/bin/env bats
# Generated topologies on every machine of the lab: built, checked, built again, removed; the machine is as it was. (The
# other half is in built-odd.bats, so that the two run side by side.)

bats_require_minimum_version 1.5.0
load ../../lab/lab
load ../lifecycle/campaign
load build

teardown() {
  lab_stop
}

build_on_every_machine 0 2 199
