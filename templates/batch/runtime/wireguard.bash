# ---- WireGuard -------------------------------------------------------------------------------------------------------

wireguard() { # NODE DEVICE KEY_FILE [listen-port PORT]
  if [[ $WALK == read ]]; then
    LINES+=("$1 wireguard $2 $3 ${*:4}")
    WIREGUARD+=("$1 $2 $3")
    return
  fi
  each flush
  make_key "$3"
  run in_node "$1" wg set "$2" private-key "$3" "${@:4}" || die "$1: wg set $2 failed"
}

wireguard_peer() { # NODE DEVICE key|key-of KEY|KEY_FILE WORDS…
  local key=$4
  if [[ $WALK == read ]]; then
    LINES+=("$1 peer $2 $3 $4 ${*:5}")
    return
  fi
  if [[ $3 == key-of ]]; then
    make_key "$4"
    key=$(wg pubkey <"$4") || die "the key $4 cannot be read"
  fi
  run in_node "$1" wg set "$2" peer "$key" "${@:5}" || die "$1: wg set $2 peer failed"
}

# For its owner alone, and never shown.
make_key() {
  [[ -s $1 ]] || (umask 077 && mkdir -p "${1%/*}" && wg genkey >"$1.new" && mv "$1.new" "$1") || die "the key $1 cannot be made"
}

survey_wireguard() {
  local line file
  for line in "${WIREGUARD[@]}"; do
    file=${line##* }
    [[ ! -e $file || -r $file && -s $file ]] || PROBLEMS+=("the key file $file cannot be read, or is empty")
  done
}

undo_wireguard() { :; } # goes with its device

undo_peer() { # NODE DEVICE key|key-of KEY …
  local device how key rest
  read -r device how key rest <<<"$2"
  [[ $1 == host || ${NEW["host ip netns add $1"]:-} ]] || return 0
  [[ $how != key-of ]] || key=$(wg pubkey <"$key" 2>/dev/null) || return 0
  in_node "$1" wg set "$device" peer "$key" remove 2>/dev/null || true
}
