#!/usr/bin/env bash
# Runs in the machine, once it is up: the bats files that the kernel's command line names. What comes of it goes out by the
# second serial port; the first one is the console.

set -uo pipefail

read -ra words </proc/cmdline
for word in "${words[@]}"; do
  case $word in
    nsgen.tests=*) IFS=, read -ra tests <<<"${word#*=}" ;;
  esac
done
stty -F /dev/ttyS1 raw
cp -a /mnt/out /root/
for folder in kinds compose; do
  [[ ! -e /mnt/$folder ]] || cp -a "/mnt/$folder" /root/
done
tests=("${tests[@]/#//mnt/tests/vm/}")
bash /mnt/bats/bin/bats --tap --timing "${tests[@]/%/.bats}" >/dev/ttyS1 2>&1
journalctl --no-pager --quiet --boot --priority warning --output cat | tail -n 20
# A reboot is what the next test begins with.
systemctl --no-block poweroff
