#!/usr/bin/env bash
# Boots one of the machines of tests/vm/machines, and prints what comes of its tests, as TAP.
#
#   machine.sh two-machines

set -euo pipefail
cd "${0%/*}/../.."

readonly NAME=$1 DISKS=build/vm/disks PATIENCE=1500
readonly KERNEL='console=ttyS0 root=/dev/vda rw net.ifnames=0 mitigations=off quiet systemd.show_status=0'

main() {
  local name release from tests parameters image folder
  while read -r name release from tests parameters; do
    [[ $name != "$NAME" ]] || break
  done < <(grep -v '^#' tests/vm/machines)
  [[ $name == "$NAME" ]] || { echo "no machine called $NAME in tests/vm/machines" >&2 && return 1; }
  image=$(bash tests/vm/build.sh "$release")
  folder=$DISKS/$NAME
  rm -rf "$folder"
  mkdir -p "$folder"
  make_disks "$image" "$from" "$folder"
  boot "$image" "$folder" "nsgen.tests=$tests $parameters"
  report "$folder"
}

# A disk over the image's, or over the one that another machine left; and one with the tests.
make_disks() { # IMAGE FROM FOLDER
  local below=$PWD/$1/disk.raw format=raw
  [[ $2 == - ]] || below=$PWD/$DISKS/$2/disk.qcow2 format=qcow2
  qemu-img create -q -f qcow2 -F "$format" -b "$below" "$3/disk.qcow2"
  mkdir -p "$3/stage/tests/vm"
  cp tests/vm/*.bash tests/vm/*.bats tests/vm/inside.sh tests/vm/ask.sh tests/vm/*.py "$3/stage/tests/vm/"
  cp -R node_modules/bats "$3/stage/bats"
  mkdir "$3/stage/out"
  cp -R out/article out/steps "$3/stage/out/"
  cp -R tests/vm/kinds "$3/stage/tests/vm/kinds"
  render_topologies "$3/stage/kinds" 2>"$3/render" || {
    cat "$3/render" >&2
    return 1
  }
  [[ $NAME != compose-* ]] || prepare_compose "$3/stage/compose"
  mke2fs -q -t ext4 -d "$3/stage" "$3/tests.raw" 24M >/dev/null
  rm -rf "$3/stage"
}

# Of the kinds every other one: two machines try them, on a core each.
render_topologies() { # FOLDER
  local topologies=(tests/vm/kinds/*.yaml) at=1
  case $NAME in
    kinds-even) at=0 ;;
    kinds-odd) ;;
    *-programs) topologies=('' tests/vm/programs.yaml) ;;
    *) return 0 ;;
  esac
  for ((; at < ${#topologies[@]}; at += 2)); do python3 -m nsgen render -o "$1" -- "${topologies[at]}" || return 1; done
}

# Of the Compose files, too, every other one, in CI every fourth: it takes half a minute each. Or those that CASES names.
prepare_compose() { # FOLDER
  local files=(tests/vm/compose/*/compose.yaml) at=1 step=2 cases=()
  [[ $NAME != *-even ]] || at=0
  [[ ! ${HALF:-} ]] || at=$((at + 2 * (RANDOM % 2))) step=4
  for ((; at < ${#files[@]}; at += step)); do cases+=("$(basename "${files[at]%/*}")"); done
  [[ ! ${CASES:-} ]] || read -ra cases <<<"$CASES"
  mkdir "$1"
  cp tests/vm/compose/*.py tests/vm/compose/cable.sh tests/vm/compose/differences.json "$1/"
  python3 tests/vm/compose/prepare.py "$1/cases" "${cases[@]}" 2>"${1%/stage/*}/render" || {
    cat "${1%/stage/*}/render" >&2
    return 1
  }
}

boot() { # IMAGE FOLDER PARAMETERS
  local accelerator=(-accel "tcg,tb-size=256" -cpu Nehalem) network
  ! has_kvm "$1" || accelerator=(-accel kvm -cpu host)
  # Two cards on one cable; or each machine has one, and the cable is a pair of sockets.
  network=(-netdev "hubport,id=lan0,hubid=0" -netdev "hubport,id=lan1,hubid=0"
    -device "virtio-net-pci,netdev=lan0" -device "virtio-net-pci,netdev=lan1")
  case $NAME in
    two-machines) mapfile -t network < <(cable host guest) ;;
    two-machines-guest) mapfile -t network < <(cable guest host) ;;
  esac
  timeout --foreground --kill-after=5 "$PATIENCE" qemu-system-x86_64 "${accelerator[@]}" -m 1024 -display none -nodefaults -no-reboot \
    -kernel "$1/vmlinuz" -initrd "$1/initrd" -append "$KERNEL $3" \
    -drive "file=$2/disk.qcow2,if=virtio,cache=unsafe" -drive "file=$2/tests.raw,if=virtio,format=raw,readonly=on" \
    -nic none "${network[@]}" -serial "file:$2/console" -serial "file:$2/tap" </dev/null >"$2/qemu" 2>&1 ||
    echo "# qemu ended with status $?"
}

cable() { # THIS OTHER
  printf '%s\n' -netdev "dgram,id=lan,local.type=unix,local.path=$DISKS/$1.sock,remote.type=unix,remote.path=$DISKS/$2.sock" \
    -device "virtio-net-pci,netdev=lan,mac=52:54:00:00:00:$([[ $1 == host ]] && echo 04 || echo 05)"
}

# Some machines have the device, and cannot run anything with it. Asked once.
has_kvm() { # IMAGE
  local answer=build/vm/kvm output
  [[ -w /dev/kvm ]] || return 1
  if [[ ! -e $answer ]]; then
    output=$(timeout --kill-after=1 10 qemu-system-x86_64 -accel kvm -cpu host -m 256 -display none -nodefaults -no-reboot \
      -kernel "$1/vmlinuz" -append 'console=ttyS0 panic=-1' -serial stdio </dev/null 2>/dev/null | tr -d '\0') || true
    [[ $output == *'Linux version'* ]] && echo yes >"$answer" || echo no >"$answer"
  fi
  [[ $(<"$answer") == yes ]]
}

# A machine that did not come as far as its tests has failed.
report() { # FOLDER
  tr -d '\r' <"$1/tap"
  grep -q '^1\.\.' "$1/tap" || {
    tail -n 40 "$1/console" "$1/qemu"
    return 1
  }
}

main
