# ---- files -----------------------------------------------------------------------------------------------------------

# PATH [SERVICE] <LINES: where that service is, which reads it. The file's first line says whose it is.
file() {
  local folder
  [[ ! ${2:-} || -d /run/systemd/system ]] || return 0
  for folder in "${1%/*/*}" "${1%/*}"; do
    [[ -d $folder ]] && ! grep -qxF "host folder $folder" "$STATE/made" 2>/dev/null || LINES+=("host folder $folder")
  done
  LINES+=("host file $1${2:+@$2}")
  mapfile -t -O "${#LINES[@]}" LINES < <(sed "s#^#host text $1 #")
}

is_our_file() {
  local line=''
  { read -r line <"$1"; } 2>/dev/null || true
  [[ $line == *" nsgen:$NAME" ]]
}

survey_file() { [[ ! -e ${2%@*} ]] || is_our_file "${2%@*}" || PROBLEMS+=("${2%@*} exists already, and it is not of this topology"); }

text_of() { printf '%s\n' "${LINES[@]}" | sed -n "s#^host text $1 ##p"; }

make_folder() { :; } # with the file
make_text() { :; }

make_file() { # host PATHS
  local path text
  for path in $2; do
    if cmp -s <(text_of "${path%@*}") "${path%@*}"; then continue; fi
    mkdir -p "${path%/*}"
    text=$(text_of "${path%@*}") || die "$path cannot be written"
    printf '%s\n' "$text" >"${path%@*}"
    [[ $path != *@* ]] || reload "${path#*@}"
  done
}

check_file() { cmp -s <(text_of "${2%@*}") "${2%@*}" || printf 'host: changed: %s is not as it was written\n' "${2%@*}"; }

undo_file() { # host PATH
  is_our_file "${2%@*}" || return 0
  rm -f "${2%@*}" || left "${2%@*} cannot be removed"
  [[ $2 != *@* ]] || reload "${2#*@}"
  [[ -e $STATE/made || $2 != /etc/netns/* ]] || undo_folder host "${2%/*}" # where nothing is kept, it is taken for ours
}

undo_text() { :; }

undo_folder() { [[ ! -d $2 ]] || rmdir --ignore-fail-on-non-empty "$2" || left "$2 cannot be removed"; }

reload() { # SERVICE
  local -a command=(networkctl reload)
  [[ $1 != NetworkManager ]] || command=(nmcli general reload conf)
  ! systemctl --quiet is-active "$1.service" || run "${command[@]}" || say "$1 could not be told to read its files again"
}
