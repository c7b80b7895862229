# ---- files -----------------------------------------------------------------------------------------------------------

file() { # PATH [SERVICE THAT READS IT] <TEXT
  local text folder
  IFS= read -r -d '' text || true
  [[ ! ${2:-} || -d /run/systemd/system ]] || return 0
  if [[ $WALK == read ]]; then
    for folder in "${1%/*/*}" "${1%/*}"; do
      [[ -d $folder ]] && ! grep -qxF "host folder $folder" "$STATE/made" 2>/dev/null || LINES+=("host folder $folder")
    done
    LINES+=("host file $1${2:+ $2}")
    FILES[$1]=$text
  elif ! is_written "$1"; then
    mkdir -p "${1%/*}"
    printf '%s' "$text" >"$1"
    [[ ! ${2:-} ]] || reload "$2"
  fi
}

is_written() { [[ -e $1 && $(<"$1")$'\n' == "${FILES[$1]}" ]]; }

# Its first line says whose it is.
is_our_file() { [[ $(head -n 1 "$1") == *" nsgen:$NAME" ]]; }

survey_files() {
  local path
  for path in "${!FILES[@]}"; do
    [[ ! -e $path ]] || is_our_file "$path" || PROBLEMS+=("$path exists already, and it is not of this topology")
  done
}

check_files() {
  local path
  for path in "${!FILES[@]}"; do
    is_written "$path" || printf 'host: changed: %s is not as it was written\n' "$path"
  done
}

undo_file() { # host PATH [SERVICE]
  local path=${2%% *}
  [[ -e $path ]] && is_our_file "$path" || return 0
  rm -f "$path" || left "$path cannot be removed"
  [[ $2 != *' '* ]] || reload "${2#* }"
}

undo_folder() { [[ ! -d $2 ]] || rmdir --ignore-fail-on-non-empty "$2" || left "$2 cannot be removed"; }

reload() { # systemd-networkd|NetworkManager
  case $(systemctl is-active "$1.service" 2>/dev/null || true),$1 in
    active,NetworkManager) run nmcli general reload conf ;;
    active,*) run networkctl reload ;;
  esac || say "$1 could not be told to read its files again"
}
