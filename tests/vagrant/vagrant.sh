#!/usr/bin/env bash
# Starts the Vagrantfiles, and prints what comes of it, as TAP. libvirt and all else run in namespaces of their own; it takes
# root, for libvirt's bridges and dnsmasq there.
set -euo pipefail
cd "${0%/*}/../.."

readonly PATIENCE=1800

main() {
  local box scratch status=0
  [[ $EUID -eq 0 ]] || { echo '1..0 # skip libvirt takes root for its networks' && return 0; }
  ruby_finds vagrant-libvirt || { echo '1..0 # skip there is no vagrant-libvirt' && return 0; }
  box=$(bash tests/vagrant/box.sh)
  scratch=$(mktemp -d)
  mkdir "$scratch/checkout"
  cp -R Vagrantfile out "$scratch/checkout/"
  timeout --kill-after=10 "$PATIENCE" unshare --net --mount --pid --fork --kill-child \
    bash tests/vagrant/inside.sh "$scratch" "$box" 3>&1 >"$scratch/output" 2>&1 || status=$?
  [[ $status -eq 0 ]] || tail -n 60 "$scratch/output"
  rm -rf "$scratch"
  return "$status"
}

ruby_finds() { # GEM
  vagrant plugin list 2>/dev/null | grep -q "^$1 "
}

main
