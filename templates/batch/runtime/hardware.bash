# ---- devices of this host that move into a namespace -----------------------------------------------------------------

take_device() { add "$1" device "$2"; } # NODE DEVICE

has_device() { in_node "$1" ip link show dev "$2" &>/dev/null; }

# One in use stays where it is: this host may be reached by it.
survey_device() { # NODE DEVICE
  if has_device "$1" "$2"; then return 0; fi
  has_device host "$2" || { PROBLEMS+=("this host has no device $2") && return 0; }
  [[ ! $(ip -o address show dev "$2" scope global) ]] || PROBLEMS+=("the device $2 of this host is in use: it has an address")
}

make_device() { # NODE DEVICES
  local device
  for device in $2; do
    if has_device "$1" "$device"; then continue; fi
    [[ $(ip -o link show dev "$device") != *[\<,]UP[,\>]* ]] || : >"$STATE/up.$device"
    run ip link set dev "$device" netns "$1" || die "the device $device cannot move to $1"
  done
}

undo_device() { # NODE DEVICE; $$ is this script, which runs on the host
  has_device "$1" "$2" || return 0
  in_node "$1" ip link set dev "$2" netns "$$" || left "the device $2 cannot come back from $1"
  [[ ! -e $STATE/up.$2 ]] || ip link set dev "$2" up || left "the device $2 cannot be switched on"
}
