# ---- kernel modules --------------------------------------------------------------------------------------------------

modules() { # <NAMES, with the reason for them
  local name
  local text
  local -a read
  mapfile -t read
  printf -v text '\n%s' "${read[@]}"
  [[ $WALK == make ]] || BOOT_MODULES+=$'\n'${text#$'\n'}$'\n'
  for name in "${read[@]}"; do
    case $WALK,$name in
      *,'#'*) ;;
      read,*) LINES+=("host module $name") ;;
      *) load_module "$name" ;;
    esac
  done
}

# Built in or loaded: then there is its name among the modules, or what it brings.
has_module() { [[ -e /sys/module/${1//-/_} || $1 == br_netfilter && -e /proc/sys/net/bridge ]]; }

survey_modules() {
  local line name file word module command
  for line in "${LINES[@]}"; do
    name=${line#host module }
    [[ $line == 'host module '* ]] && ! has_module "$name" || continue
    modprobe -n -q "$name" 2>/dev/null || PROBLEMS+=("this kernel has no module $name")
    for file in {/etc,/run,/usr/local/lib,/usr/lib,/lib}/modprobe.d/*.conf; do
      while read -r word module command || [[ $word ]]; do
        [[ ${module//-/_} == "${name//-/_}" && "$word ${command%% *}" =~ ^(blacklist|install .*/(true|false)) ]] || continue
        PROBLEMS+=("the kernel module $name is blacklisted in $file") # by an administrator, modprobe.d(5)
      done <"$file"
    done
  done
}

load_module() {
  local switch loading=$STATE/loading.$1 # is left by a run that was killed meanwhile
  ! has_module "$1" || [[ -e $loading ]] || return 0
  : >"$loading"
  run modprobe "$1" || die "the kernel module $1 cannot be loaded"
  if [[ $1 == br_netfilter ]]; then
    # Loaded, it switches itself on for every bridge of this host; what is asked for is switched on below.
    for switch in /proc/sys/net/bridge/bridge-nf-call-*; do printf '0\n' >"$switch"; done
  fi
  rm -f "$loading"
}

undo_module() { :; } # a loaded module stays loaded: others may use it by now

check_modules() {
  local line
  for line in "${LINES[@]}"; do
    [[ $line != 'host module '* ]] || has_module "${line#host module }" || printf 'host: missing: the %s\n' "${line#host }"
  done
}
