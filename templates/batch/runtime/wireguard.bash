# ---- WireGuard -------------------------------------------------------------------------------------------------------

wireguard() { KINDS["$1 wg"]=1 && LINES+=("$1 wg ${*:2}"); } # NODE DEVICE KEY_FILE [listen-port PORT]
wireguard_peer() { LINES+=("$1 peer ${*:2}"); } # NODE DEVICE key|key-of KEY|KEY_FILE WORDS…

survey_wg() { # NODE DEVICE KEY_FILE …
  local file
  read -r _ file _ <<<"$2"
  [[ ! -e $file || -r $file && -s $file ]] || PROBLEMS+=("the key file $file cannot be read, or is empty")
}

make_wg() { # NODE LINES
  local device file
  local -a port
  while read -r device file port; do
    read -ra port <<<"$port"
    make_key "$file"
    run in_node "$1" wg set "$device" private-key "$file" "${port[@]}" || die "$1: wg set $device failed"
  done < <(printf '%s' "$2")
}

make_peer() { # NODE LINES
  local -a words
  while read -ra words; do
    [[ ${words[1]} == key ]] || { make_key "${words[2]}" && words[2]=$(wg pubkey <"${words[2]}"); } || die "the key ${words[2]} cannot be read"
    run in_node "$1" wg set "${words[0]}" peer "${words[@]:2}" || die "$1: wg set ${words[0]} peer failed"
  done < <(printf '%s' "$2")
}

# For its owner alone, and never shown.
make_key() { [[ -s $1 ]] || (umask 077 && mkdir -p "${1%/*}" && wg genkey >"$1.new" && mv "$1.new" "$1") || die "the key $1 cannot be made"; }

undo_wg() { :; } # goes with its device

undo_peer() { # NODE DEVICE key|key-of KEY …
  local device how key
  read -r device how key _ <<<"$2"
  [[ $1 == host || ${NEW["host ip netns add $1"]:-} ]] || return 0
  [[ $how == key ]] || key=$(wg pubkey <"$key" 2>/dev/null) || return 0
  in_node "$1" wg set "$device" peer "$key" remove 2>/dev/null || true
}
