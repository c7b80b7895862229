#!/usr/bin/env bats
# Every change to the machine is in topology(), as a script says at its top: what `up` touches is listed before and after,
# and each file, device, address, namespace, chain, rule, parameter and process has to stand there.

bats_require_minimum_version 1.5.0
load lab/lab

setup() {
  lab_start
  # Whatever is in it is in every namespace.
  on host ip netns add blank
  on host ip -n blank link set lo up
}

teardown() {
  lab_stop
}

# What is there, in a folder: the lab's own places, and those of the machine where a script might leave something.
look() { # FOLDER
  local snapshot
  mkdir -p "$LAB/$1"
  snapshot=$(snapshot)
  mv "$snapshot" "$LAB/$1/snapshot"
  # A file with another size or time is another one.
  on host find /etc /run /usr/local /srv "$LAB/tmp" -xdev \( -type f -o -type l \) -printf '%p=%s,%T@\n' -o -printf '%p\n' \
    2>/dev/null | sort >"$LAB/$1/files"
}

touches_what_it_says() { # TOPOLOGY
  mkdir -p "$LAB/tmp"
  prepare "$1"
  look before
  HOME=$LAB/tmp TMPDIR=$LAB/tmp script up
  look after
  "$LAB_PYTHON" "$LAB_SOURCE/touched.py" "$LAB/setup.sh" "$LAB/before" "$LAB/after"
  # It is not that nothing is seen: without its files, rules, parameters and devices, topology() names none of them.
  sed '/^topology() {$/,/^}$/{/^topology/b;/^}$/b;d}' "$LAB/setup.sh" >"$LAB/nothing.sh"
  run -1 "$LAB_PYTHON" "$LAB_SOURCE/touched.py" "$LAB/nothing.sh" "$LAB/before" "$LAB/after"
}

# Programs of network managers that run, and write down what they are told.
with_managers() {
  local program
  on host mkdir -p /run/systemd/system
  for program in systemctl networkctl nmcli; do
    cat >"$LAB/bin/$program" <<MANAGER
#!/bin/bash
printf '%s\n' "\${0##*/} \$*" >>${LAB@Q}/told
[[ "\$*" != *firewalld* ]]
MANAGER
    chmod 755 "$LAB/bin/$program"
  done
}

for topology in article dual-stack compose-like router; do
  bats_test_function --description "$topology: whatever up touches is in topology()" -- touches_what_it_says "examples/$topology.yaml"
done

beside_managers() { # TOPOLOGY
  local name=$1
  with_managers
  touches_what_it_says "examples/$name.yaml"
  on host test -s "/run/systemd/network/00-nsgen-$name.network"
  on host test -s "/run/NetworkManager/conf.d/nsgen-$name.conf"
  # They are told to read what was written for them, each once, and nothing else.
  diff - <(grep -v is-active "$LAB/told" | sort) <<'TOLD'
networkctl reload
nmcli general reload conf
TOLD
}

for topology in article dual-stack compose-like router; do
  bats_test_function --description "$topology: whatever up touches is in topology(), where systemd-networkd and NetworkManager run" \
    -- beside_managers "$topology"
done
