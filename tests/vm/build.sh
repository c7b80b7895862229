#!/usr/bin/env bash
# Makes the disk of a virtual machine, and prints its folder: disk.raw, vmlinuz, initrd. It takes no root. What was made
# once is kept under build/vm for as long as nothing changes that goes into it.
#
#   build.sh bookworm

set -euo pipefail
cd "${0%/*}/../.."

readonly RELEASE=$1 SOURCE=tests/vm
readonly INGREDIENTS=(build.sh pack.sh packages hooks etc)

main() {
  local key folder
  key=$(find "${INGREDIENTS[@]/#/$SOURCE/}" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c 1-16)
  folder=build/vm/$RELEASE-$key
  if [[ ! -e $folder/disk.raw ]]; then
    echo "building a machine: Debian $RELEASE" >&2
    rm -rf "build/vm/$RELEASE-"*
    mkdir -p "$folder"
    install_packages "$folder" >"$folder/log" 2>&1 || {
      tail -n 20 "$folder/log" >&2
      return 1
    }
    fakeroot bash "$SOURCE/pack.sh" "$folder" >>"$folder/log"
  fi
  printf '%s\n' "$folder"
}

# From the mirror, and by the proxy, that apt has on this machine.
install_packages() { # FOLDER
  local packages mirror name options
  apt-config dump --format '%f "%v";%n' Acquire | grep -E '^Acquire::(https?|ftp|Check-)' >"$1/apt.conf" || true
  mirror=$(apt-get indextargets --format "\$(ORIGIN) \$(LABEL) \$(REPO_URI)" | awk '$1 == "Debian" && $2 == "Debian" { print $3; exit }')
  packages=$(awk -v release="$RELEASE" '!/^#/ && (NF == 1 || $2 == release) { print $1 }' "$SOURCE/packages" | paste -s -d ,)
  options=("--include=$packages" "--aptopt=$1/apt.conf" '--aptopt=Acquire::Retries "3"' "--hook-dir=$SOURCE/hooks")
  for name in doc man locale; do options+=("--dpkgopt=path-exclude=/usr/share/$name/*"); done
  mmdebstrap --variant=minbase "${options[@]}" "$RELEASE" "$1/disk.tar" ${mirror:+"$mirror"}
}

main
