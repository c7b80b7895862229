# What every topology has to go through, in both styles.

setup() {
  lab_start
}

teardown() {
  lab_stop
}

# Brought up twice it is the same as once, taken down twice the machine is as it was; and the plain style does the same.
bring_up_and_down() { # TOPOLOGY [MACHINE]
  local before batch stateless
  if [[ ${2-} ]]; then
    lab_stop
    MACHINE=$2 lab_start
  fi
  before=$(snapshot)
  prepare "$1"
  script up
  batch=$(snapshot)
  stateless=$(snapshot --stateless)
  cmp -s "$before" "$batch" && fail "up does nothing"
  script up
  expect_snapshot "$batch"
  run -0 script check
  script down
  expect_snapshot "$before"
  run -1 script check
  script down
  expect_snapshot "$before"

  prepare "$1" --style plain
  script
  expect_snapshot "$stateless" --stateless
  prepare "$1" --style plain --teardown
  script
  expect_snapshot "$before"
}

# A test for each topology of a folder.
for_each_topology() { # FOLDER
  local file
  for file in "$1"/*.yaml; do
    bats_test_function --description "${file##*/}: up twice, check, down twice, and the plain style alike" \
      -- bring_up_and_down "$file"
  done
}
