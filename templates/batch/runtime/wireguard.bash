# ---- WireGuard ----

# In the words of wg(8), but for a peer whose private key is in a file here.
wireguard() { add "$1" wg "${*:2}"; } # NODE DEVICE private-key FILE|peer KEY|peer-of FILE WORDS…

make_wg() { # NODE DEVICE private-key FILE|peer KEY|peer-of FILE WORDS…
  local device how key
  local -a words
  read -ra words <<<"$2"
  device=${words[0]} how=${words[1]} key=${words[2]}
  [[ $how == peer || -s $key ]] || make_key "$key" || die "the key $key cannot be made"
  [[ $how != peer-of ]] || key=$(wg pubkey <"$key") || die "the key $key cannot be read"
  run in_node "$1" wg set "$device" "${how%-of}" "$key" "${words[@]:3}" || die "$1: wg set $device failed"
}

# For its owner alone, and never shown.
make_key() { (umask 077 && mkdir -p "${1%/*}" && wg genkey >"$1.new" && mv "$1.new" "$1"); }

undo_wg() { # NODE DEVICE private-key|peer|peer-of KEY …; what else there is goes with the device
  local device how key
  read -r device how key _ <<<"$2"
  [[ $how == peer* ]] && lives "$1" || return 0
  [[ $how == peer ]] || key=$(wg pubkey 2>/dev/null <"$key") || return 0
  in_node "$1" wg set "$device" peer "$key" remove 2>/dev/null || true
}
