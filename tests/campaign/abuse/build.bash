# Topologies of topologies.py, built on the machines of the lab.

# A test for each machine, with its share of some topologies: every so many of them, by their seeds.
build_on_every_machine() { # FIRST STEP LAST
  local machines number=0 machine seeds
  mapfile -t machines < <(awk '/^[^#]/ { print $1 }' "$LAB_SOURCE/matrix")
  for machine in "${machines[@]}"; do
    mapfile -t seeds < <(seq "$(($1 + number * $2))" "$((${#machines[@]} * $2))" "$3")
    bats_test_function --description "topologies are built on a machine '$machine', and nothing is left: ${seeds[*]}" \
      -- build "$machine" "${seeds[@]}"
    ((++number))
  done
}

# One after the other, each on a machine that is as it was at first.
build() { # MACHINE SEED...
  local machine=$1 seed before='' failures=0
  shift
  PYTHONPATH=$REPOSITORY/gen:$REPOSITORY/tests "$LAB_PYTHON" -B "$REPOSITORY/tests/campaign/abuse/topologies.py" "$BATS_TEST_TMPDIR" "$@"
  for seed; do
    if [[ ! $before ]]; then
      MACHINE=$machine lab_start
      before=$(state)
    fi
    if ! build_one "$BATS_TEST_TMPDIR/$seed.sh" "$before"; then
      complain "topologies.py FOLDER $seed, on a machine '$machine'"
      cat "$BATS_TEST_TMPDIR/$seed.yaml" >&2
      lab_stop
      before=''
    fi
  done
  ((failures == 0))
}

# Up, check, up, check, down: `up` and `down` end with a line that says what was done; nothing else has anything to say.
build_one() { # SCRIPT STATE_BEFORE
  local step output expected
  for step in up:built check: up:'nothing to do' check: down:removed; do
    expected=${step#*:} step=${step%%:*}
    output=$(run_script "$1" "$step" 2>&1) || { fail "$step fails: $output" || return; }
    [[ $expected != built ]] || output=$(sed '/^+ /d' <<<"$output") # what is new, line by line
    if [[ $expected ]]; then [[ $output == "nsgen: "*": $expected"* && $output != *$'\n'* ]]; else [[ ! $output ]]; fi ||
      { fail "$step says: $output" || return; }
  done
  expect_state "$2"
}
