# ---- kernel parameters -----------------------------------------------------------------------------------------------
#
# In /run/nsgen/sysctl, shared by all topologies, NODE@KEY is what it was, and NODE@KEY:TOPOLOGY what each that needs it
# sets. The last one out puts it back, unless somebody else has changed it since.

parameters() { # NODE <LINES; a kernel without IPv6 has nothing to switch off
  if [[ -e /proc/sys/net/ipv6/conf ]]; then take "$1" sysctl; else take "$1" sysctl < <(sed '/^net.ipv6/d'); fi
}

# A dot separates the parts of a key, unless a device's name has one; then it is a slash.
path_of() { if [[ $1 == */* ]]; then printf '/proc/sys/%s' "$1"; else printf '/proc/sys/%s' "${1//.//}"; fi; }

get_parameter() { # NODE KEY
  local text
  if [[ $1 == host ]]; then text=$(<"$(path_of "$2")"); else text=$(in_node "$1" sysctl -n "$2"); fi 2>/dev/null || return 1
  printf '%s' "${text//$'\t'/ }" # the kernel prints tabs between words
}

put_parameter() { # NODE KEY VALUE
  [[ ! $VERBOSE ]] || printf '[#] %s: sysctl -w %s="%s"\n' "$@" >&2
  if [[ $1 == host ]]; then printf '%s\n' "$3" >"$(path_of "$2")"; else in_node "$1" sysctl -q -w "$2=$3"; fi
}

survey_sysctl() { # NODE KEY = VALUE; the device or the module of some may come with this run
  [[ $1 != host || $2 =~ ^net[./](ipv[46][./]conf|bridge)[./] || -e $(path_of "${2%% = *}") ]] ||
    PROBLEMS+=("this kernel has no parameter ${2%% = *}")
}

check_sysctl() { # NODE KEY = VALUE
  local now
  now=$(get_parameter "$1" "${2%% = *}") || now=missing
  [[ $now == "${2#* = }" ]] || printf '%s: changed: %s is %s, not %s\n' "$1" "${2%% = *}" "$now" "${2#* = }"
}

make_sysctl() { # NODE LINES
  local key value now record users
  mkdir -p /run/nsgen/sysctl
  while read -r key _ value; do
    record=/run/nsgen/sysctl/$1@${key//\//%}
    now=$(get_parameter "$1" "$key") || die "$1: this kernel has no parameter $key"
    users=("$record":*)
    if ((${#users[@]} == 0)); then
      what_was "$1" "$key" "$now" >"$TMP/was"
      mv "$TMP/was" "$record"
    fi
    printf '%s = %s\n' "$key" "$value" >"$record:$NAME"
    [[ $now == "$value" ]] || put_parameter "$1" "$key" "$value" || die "$1: $key cannot be set to $value"
  done <<<"${2%$'\n'}"
}

# As lines, it and what goes along with it.
what_was() { # NODE KEY NOW
  local was along less=''
  was=$(sed -n "s#^${2//\//.} = ##p" /dev/null "/run/nsgen/sysctl/$1"@*forward*)
  if set_at_boot "$@"; then
    was=0 less='/^chain/!d'
    ! asked_for net.ipv4.conf.all.accept_redirects 0 || less='/^chain\|redirects/!d'
    printf '%s\n' "$2" >>/run/nsgen.boot
  fi
  printf '%s = %s\n' "$2" "${was:-$3}"
  along=$(along_with "$1" "$2")
  [[ ! $along ]] || sed -f <(less_ours) -e "$less" <<<"$along"
}

less_ours() { # devices that come and go with us, for sed
  printf '%s\n' "${LINES[@]}" | sed -nE 's#^host ip link add name ([^ ]+) .*#\\,/\1/forwarding,d#p'
}

# Forwarding, switched, is switched on every device, and decides whether redirects are accepted (linux/net/ipv4/devinet.c,
# inet_forward_change). Other programs rely on it, too: those that have chains. What cannot be asked counts as nobody's.
along_with() { # NODE KEY
  local tool=iptables
  local -a paths
  case "$1 $2" in
    'host net.ipv4.ip_forward') paths=(/proc/sys/net/ipv4/conf/{all/accept_redirects,*/forwarding}) ;;
    'host net.ipv6.conf.all.forwarding') paths=(/proc/sys/net/ipv6/conf/*/forwarding) tool=ip6tables ;;
    *) return 0 ;;
  esac
  grep -H '' "${paths[@]}" | sed 's#^/proc/sys/##; s/:/ = /' || return 1
  ! command -v "$tool" >/dev/null || other_chains "$tool" || other_chains "$tool" || printf 'chain = *\n'
}

other_chains() { "$1" -w -S 2>/dev/null | sed -n '/^-N NSGEN-/!s/^-N/chain =/p'; } # TOOL

# Whether one of these files, as sysctl.d(5) has them, sets a parameter to this value; whether an administrator's does.
sets() { [[ $'\n'$(sed -E 's/[[:space:]]//g; s/^-//; y#/#.#' /dev/null "${@:3}")$'\n' == *$'\n'"${1//\//.}=$2"$'\n'* ]]; } # KEY VALUE FILE…

asked_for() { # KEY VALUE
  local files=({/etc,/run,/usr/local/lib,/usr/lib}/sysctl.d/*.conf /etc/sysctl.con[f])
  sets "$1" "$2" "${files[@]/#*99-nsgen-*//dev/null}"
}

# Whether it was our own file that switched it on at boot; then it counts as off. But once it has been put back, whoever
# switches it on again has reasons of their own.
set_at_boot() { # NODE KEY NOW
  local file booted
  [[ $1$3 == host1 && $2 =~ forward|nf-call ]] && ! grep -qsxF "$2" /run/nsgen.boot && ! asked_for "$2" 1 || return 1
  booted=$(sed -n 's/^btime //p' /proc/stat)
  for file in /etc/sysctl.d/99-nsgen-*.conf; do (($(stat -c %Z "$file") >= booted)) || ! sets "$2" 1 "$file" || return 0; done
  return 1
}

# where_off KEY COMMAND…: only if that parameter was 0 before a topology of ours asked for more.
where_off() {
  local was
  { read -r _ _ was <"/run/nsgen/sysctl/host@$1" || read -r was <"/proc/sys/${1//.//}"; } 2>/dev/null || was=0
  if [[ $was == 0 ]] || set_at_boot host "$1" "$was"; then "${@:2}"; fi
}

undo_sysctl() { # NODE KEY = VALUE
  local key=${2%% = *} record file other
  record=/run/nsgen/sysctl/$1@${key//\//%} file=$record
  [[ -e $record && " ${!NEW[*]} " != *" $1 sysctl $key = "* ]] || return 0 # it is to have another value
  for other in "$record":*; do [[ $other == *:"$NAME" ]] || file=$other; done
  [[ ! -e $record:$NAME ]] || goes "$1" "$key" || put_back "$1" "$key" "${2#* = }" "$file"
  [[ ! $LEFT ]] || return 0
  [[ $file == "$record" ]] || record=$record:$NAME
  rm -f "$record:$NAME" "$record" || left "$record cannot be removed"
}

# With a namespace that goes, or a device of ours.
goes() { # NODE KEY
  local device=''
  [[ ! $2 =~ [./]conf[./](.*)[./] ]] || device=${BASH_REMATCH[1]}
  [[ "${OLD[*]} " == *" ip "@("netns add $1"|"link add name $device")" "* && "${!NEW[*]} " != *" ip "@("netns add $1"|"link add name $device")" "* ]]
}

# To what it was, or another topology sets. A device that has come since has what `default` had then.
put_back() { # NODE KEY OURS FILE
  local key was now lines
  read -r _ _ was <"$4"
  now=$(get_parameter "$1" "$2") && [[ $was != "$3" && ( $now == "$3" || $now == "$was" ) ]] || return 0
  if [[ $1$now == "host$3" ]] && relied_on "$2" "$3" "${4%:*}"; then say "$2 stays $3: others rely on it by now" && return 0; fi
  if ! lines=$(along_with "$1" "$2" | awk '
    NR == FNR { was[$1] = $3; print; next }
    { key = $1; sub("[^/]*/forwarding$", "default/forwarding", key) }
    !($1 in was) && key in was { print $1, "=", was[key] }' "$4" -); then left "$2 cannot be put back" && return 0; fi
  while read -r key _ was; do
    now=$(get_parameter "$1" "$key") && [[ $now != "$was" ]] || continue
    put_parameter "$1" "$key" "$was" || left "$1: $key cannot be set to $was"
  done <<<"$lines"
}

# By an administrator's file, too; or by another program's chains, as those of Docker and libvirt, which find forwarding on
# and leave it at that.
relied_on() { # KEY VALUE RECORD
  ! asked_for "$1" "$2" || return 0
  ! grep -qxF 'chain = *' "$3" && along_with host "$1" | grep '^chain = [^*]' | grep -vxFf "$3" >/dev/null
}
