# ---- files ----
# A file is one line: PATH READER TEXT. The beginning of the text says whose it is.

# Where there is a service that reads it, or none is named.
file() { # PATH [SERVICE] <TEXT
  local folder made=''
  [[ ! ${2:-} || -d /run/systemd/system ]] || return 0
  [[ ! -e $STATE/made ]] || made=$(<"$STATE/made")
  for folder in "${1%/*/*}" "${1%/*}"; do
    [[ -d $folder && $'\n'$made$'\n' != *$'\n'"host folder $folder"$'\n'* ]] || add host folder "$folder"
  done
  add host file "$1 ${2:--} $(in_one_line)"
}

in_one_line() { # <TEXT; by this shell alone: that a program failed would go unseen here
  local text && IFS= read -rN 99999999 text || true
  text=${text//\\/\\\\}
  printf '%s' "${text//$'\n'/\\n}"
}

is_written() { [[ -e ${1%% *} && $(in_one_line <"${1%% *}") == "${1#* * }" ]]; } # PATH READER TEXT

is_our_file() { local line='' && { read -r line <"$1" || true; } 2>/dev/null && [[ ${line##* } == "nsgen:$NAME" ]]; } # PATH

survey_file() { # host PATH READER TEXT
  [[ ! -e ${2%% *} ]] || is_our_file "${2%% *}" || PROBLEMS+=("${2%% *} exists already, and it is not of this topology")
}

make_folder() { :; } # with its file
undo_folder() { [[ ! -d $2 ]] || rmdir --ignore-fail-on-non-empty "$2" || left "$2 cannot be removed"; }
check_file() { is_written "$2" || printf 'host: changed: %s is not as it was written\n' "${2%% *}"; }

make_file() { # host PATH READER TEXT
  local path=${2%% *} reader=${2#* }
  if is_written "$2"; then return; fi
  mkdir -p "${path%/*}"
  printf '%b' "${reader#* }" >"$path"
  reload "${reader%% *}"
}

undo_file() { # host PATH READER TEXT
  local path=${2%% *} reader=${2#* }
  [[ " ${!NEW[*]} " != *" host file $path "* ]] && is_our_file "$path" || return 0 # or it is written anew
  remove "$path"
  reload "${reader%% *}"
  [[ -e $STATE/made || $path != /etc/netns/* ]] || undo_folder host "${path%/*}" # where nothing is kept, it is taken for ours
}

reload() { # SERVICE
  if [[ $1 == - ]] || ! systemctl --quiet is-active "$1.service" 2>/dev/null; then return 0; fi
  if [[ $1 == NetworkManager ]]; then run nmcli general reload conf; else run networkctl reload; fi ||
    say "$1 could not be told to read its files again"
}
