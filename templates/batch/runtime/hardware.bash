# ---- devices of this host that move into a namespace -----------------------------------------------------------------

take_device() { # NODE DEVICE
  if [[ $WALK == read ]]; then
    LINES+=("$1 device $2")
    return
  fi
  each flush
  ! has_device "$1" "$2" || return 0
  # Whether it was up: bit 0 of its flags (IFF_UP).
  printf '%s\n' "$(($(<"/sys/class/net/$2/flags") & 1))" >"$STATE/device.$2"
  run ip link set dev "$2" netns "$1" || die "the device $2 cannot move to $1"
}

has_device() { in_node "$1" ip link show dev "$2" &>/dev/null; }

# One in use stays where it is: this host may be reached by it.
survey_hardware() {
  local line node device
  for line in "${LINES[@]}"; do
    read -r node _ device <<<"$line"
    [[ $line == "$node device "* ]] && ! has_device "$node" "$device" || continue
    has_device host "$device" || { PROBLEMS+=("this host has no device $device") && continue; }
    [[ ! $(ip -o address show dev "$device" scope global) ]] || PROBLEMS+=("the device $device of this host is in use: it has an address")
  done
}

undo_device() { # NODE DEVICE; $$ is this script, which runs on the host
  local was=0
  if has_device "$1" "$2"; then
    in_node "$1" ip link set dev "$2" netns "$$" || left "the device $2 cannot come back from $1"
    [[ ! -s $STATE/device.$2 ]] || read -r was <"$STATE/device.$2"
    ((was == 0)) || ip link set dev "$2" up || left "the device $2 cannot be switched on"
  fi
  rm -f "$STATE/device.$2" || left "$STATE/device.$2 cannot be removed"
}
