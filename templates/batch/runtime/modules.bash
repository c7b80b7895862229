# ---- kernel modules --------------------------------------------------------------------------------------------------

modules() { take host module; } # <NAMES

# Built in or loaded: then there is its name among the modules, or what it brings.
has_module() { [[ -e /sys/module/${1//-/_} || $1 == br_netfilter && -e /proc/sys/net/bridge ]]; }

survey_module() { # host NAME
  local file word module command
  if has_module "$2"; then return 0; fi
  command -v modprobe >/dev/null || { PROBLEMS+=('the program modprobe is missing: install the package kmod') && return 0; }
  modprobe -n -q "$2" 2>/dev/null || PROBLEMS+=("this kernel has no module $2")
  for file in {/etc,/run,/usr/local/lib,/usr/lib,/lib}/modprobe.d/*.conf; do
    while read -r word module command || [[ $word ]]; do # an administrator forbids it in one of two ways, modprobe.d(5)
      [[ ${module//-/_} != "${2//-/_}" || ! "$word $command" =~ ^(blacklist|install\ .*/(true|false)) ]] ||
        PROBLEMS+=("the kernel module $2 is blacklisted in $file")
    done <"$file"
  done
}

make_module() { # host NAMES
  local name switch loading
  for name in $2; do
    loading=$STATE/loading.$name # is left by a run that was killed meanwhile
    if has_module "$name" && [[ ! -e $loading ]]; then continue; fi
    : >"$loading"
    run modprobe "$name" || die "the kernel module $name cannot be loaded"
    # br_netfilter switches itself on for every bridge of this host; what is asked for is switched on below.
    [[ $name != br_netfilter ]] || for switch in /proc/sys/net/bridge/bridge-nf-call-*; do printf '0\n' >"$switch"; done
    rm -f "$loading"
  done
}

undo_module() { :; } # it stays loaded: others may use it by now

check_module() { has_module "$2" || printf 'host: missing: the module %s\n' "$2"; }
