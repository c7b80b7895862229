# ---- kernel modules ----

modules() { take host module; } # <NAMES

# Built in or loaded: then there is its name among the modules, or what it brings.
has_module() { [[ -e /sys/module/${1//-/_} || $1 == br_netfilter && -e /proc/sys/net/bridge ]]; }
check_module() { has_module "$2" || printf 'host: missing: the module %s\n' "$2"; }

survey_module() { # host NAME; an administrator forbids it in one of two ways, modprobe.d(5)
  if has_module "$2"; then return 0; fi
  command -v modprobe >/dev/null || { PROBLEMS+=('the program modprobe is missing: install the package kmod') && return 0; }
  modprobe -n -q "$2" 2>/dev/null || lacks "modprobe finds no $2" "$2"
  ! grep -qE "^(blacklist ${2//-/_}$|install ${2//-/_} .*/(true|false))" < <(modprobe -c 2>/dev/null) ||
    PROBLEMS+=("the kernel module $2 is blacklisted under modprobe.d")
}

make_module() { # host NAME
  if ! has_module "$2"; then
    [[ $2 != br_netfilter ]] || : >"$STATE/loading"
    run modprobe "$2" || die "the kernel module $2 cannot be loaded"
  fi
  undo_module
}

# It stays loaded: others may use it by now. But br_netfilter switches itself on for every bridge of this host; what is
# asked for is switched on below. (A run that is killed in between leaves a mark.)
undo_module() {
  local switch
  [[ -e $STATE/loading ]] || return 0
  for switch in /proc/sys/net/bridge/bridge-nf-call-*; do printf '0\n' >"$switch"; done
  rm "$STATE/loading"
}
