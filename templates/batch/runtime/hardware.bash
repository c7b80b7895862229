# ---- devices of this host that move into a namespace, or become ports of ours ----

take_device() { add "$1" device "$2"; } # NODE DEVICE

has_device() { in_node "$1" ip link show dev "$2" &>/dev/null; }
is_taken() { if [[ $1 == host ]]; then is_our_port "$2"; else has_device "$1" "$2"; fi; }

# One in use stays: this host may be reached by it.
survey_device() { # NODE DEVICE
  if is_taken "$1" "$2"; then return 0; fi
  has_device host "$2" || { PROBLEMS+=("this host has no device $2") && return 0; }
  [[ ! $(ip -o address show dev "$2" scope global) ]] || PROBLEMS+=("the device $2 of this host is in use: it has an address")
  [[ $(ip -o link show dev "$2") != *' master '* ]] || PROBLEMS+=("the device $2 of this host is in use: it is a port")
}

make_device() { # NODE DEVICE
  if is_taken "$1" "$2"; then return; fi
  [[ $(ip -o link show dev "$2") != *[\<,]UP[,\>]* ]] || : >"$STATE/up.$2"
  if [[ $1 == host ]]; then set -- host "$2" down; else set -- "$1" "$2" netns "$1"; fi
  run ip link set dev "$2" "${@:3}" || die "the device $2 cannot move to $1"
}

undo_device() { # NODE DEVICE
  know_devices
  if [[ $1 == host ]]; then set -- "$@" nomaster down; else set -- "$@" netns "$$"; fi
  ! is_taken "$1" "$2" || in_node "$1" ip link set dev "$2" "${@:3}" || left "the device $2 cannot come back from $1"
  [[ ! -e $STATE/up.$2 ]] || ip link set dev "$2" up || left "the device $2 cannot be switched on"
}
