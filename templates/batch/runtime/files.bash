# ---- files -----------------------------------------------------------------------------------------------------------

begin_files() { declare -gA FILES=(); }

# Where there is a service that reads it, or none is named. The first line of a file says whose it is.
file() { # PATH [SERVICE] <TEXT
  local folder
  [[ ! ${2:-} || -d /run/systemd/system ]] || return 0
  for folder in "${1%/*/*}" "${1%/*}"; do
    if [[ ! -d $folder ]] || grep -qxF "host folder $folder" "$STATE/made" 2>/dev/null; then LINES+=("host folder $folder"); fi
  done
  FILES[$1@${2:-}]=$(cat)
  take host file < <(printf '%s\n' "${FILES[$1@${2:-}]}" | sed "s#^#$1@${2:-} #")
}

is_written() { [[ -e ${1%@*} && $(<"${1%@*}") == "${FILES[$1]}" ]]; } # PATH@SERVICE

is_our_file() { # PATH
  local line=''
  { read -r line <"$1"; } 2>/dev/null || true
  [[ $line == *" nsgen:$NAME" ]]
}

survey_files() {
  local key
  for key in "${!FILES[@]}"; do
    [[ ! -e ${key%@*} ]] || is_our_file "${key%@*}" || PROBLEMS+=("${key%@*} exists already, and it is not of this topology")
  done
}

make_folder() { :; } # with its file

make_file() {
  local key
  for key in "${!FILES[@]}"; do
    if is_written "$key"; then continue; fi
    mkdir -p "${key%/*}"
    printf '%s\n' "${FILES[$key]}" >"${key%@*}"
    reload "${key#*@}"
  done
}

check_files() {
  local key
  for key in "${!FILES[@]}"; do is_written "$key" || printf 'host: changed: %s is not as it was written\n' "${key%@*}"; done
}

undo_file() { # host PATH@SERVICE LINE
  local key=${2%% *}
  [[ ! ${FILES[$key]+x} || ${#NEW[@]} -eq 0 ]] && is_our_file "${key%@*}" || return 0 # or it is written anew
  rm -f "${key%@*}" || left "${key%@*} cannot be removed"
  reload "${key#*@}"
  [[ -e $STATE/made || $key != /etc/netns/* ]] || undo_folder host "${key%/*}" # where nothing is kept, it is taken for ours
}

undo_folder() { [[ ! -d $2 ]] || rmdir --ignore-fail-on-non-empty "$2" || left "$2 cannot be removed"; }

reload() { # [SERVICE]
  local -a command=(networkctl reload)
  [[ $1 != NetworkManager ]] || command=(nmcli general reload conf)
  if [[ ! $1 ]] || ! systemctl --quiet is-active "$1.service" 2>/dev/null; then return 0; fi
  run "${command[@]}" || say "$1 could not be told to read its files again"
}
