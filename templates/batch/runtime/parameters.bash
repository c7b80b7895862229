# ---- kernel parameters -----------------------------------------------------------------------------------------------
#
# In /run/nsgen/sysctl, shared by all topologies, NODE@KEY is what it was, and NODE@KEY:TOPOLOGY what each that needs it
# sets. The last one out puts it back, unless somebody else has changed it since.

begin_parameters() { declare -gA MINE=(); } # devices of this host that are ours, or were

parameters() { take "$1" sysctl; } # NODE <LINES

recall_parameters() {
  local line
  for line in "${OLD[@]}" "${LINES[@]}"; do
    [[ $line != 'host ip link add name '* ]] || { line=${line#host ip link add name } && MINE[${line%% *}]=1; }
  done
}

# A dot separates the parts of a key, unless a device's name has one; then it is a slash.
path_of() { if [[ $1 == */* ]]; then printf '/proc/sys/%s' "$1"; else printf '/proc/sys/%s' "${1//.//}"; fi; }

get_parameter() { # NODE KEY
  local text
  if [[ $1 == host ]]; then text=$(<"$(path_of "$2")"); else text=$(in_node "$1" sysctl -n "$2"); fi 2>/dev/null || return 1
  printf '%s' "${text//$'\t'/ }" # the kernel prints tabs between words
}

put_parameter() { # NODE KEY VALUE
  if [[ $1 != host ]]; then run in_node "$1" sysctl -q -w "$2=$3" && return 0 || return 1; fi
  [[ ! $VERBOSE ]] || printf '[#] sysctl -w %s="%s"\n' "$2" "$3" >&2
  printf '%s\n' "$3" >"$(path_of "$2")"
}

survey_sysctl() { # NODE KEY = VALUE; the device or the module of some may come with this run
  [[ $1 != host || $2 =~ ^net[./](ipv[46][./]conf|bridge)[./] || -e $(path_of "${2%% = *}") ]] ||
    PROBLEMS+=("this kernel has no parameter ${2%% = *}")
}

# A kernel without IPv6 has nothing to switch off.
is_void() { [[ $1 == host && $2 == net?ipv6?* && ! -e $(path_of "$2") ]]; } # NODE KEY

make_sysctl() { # NODE LINES
  local line
  while read -r line; do set_parameter "$1" "${line%% = *}" "${line#* = }"; done < <(printf '%s' "$2")
}

set_parameter() { # NODE KEY VALUE
  local record=/run/nsgen/sysctl/$1@${2//\//%} now users
  if is_void "$1" "$2"; then return 0; fi
  now=$(get_parameter "$1" "$2") || die "$1: this kernel has no parameter $2"
  users=("$record":*)
  [[ -d ${record%/*} ]] || mkdir "${record%/*}"
  ((${#users[@]})) || what_was "$1" "$2" "$now" >"$record"
  printf '%s\n' "$3" >"$record:$NAME"
  [[ $now == "$3" ]] || put_parameter "$@" || die "$1: $2 cannot be set to $3"
}

# PATH VALUE of it, and of what the kernel changes along with it: forwarding, switched, is switched on every device, and
# decides whether redirects are accepted (linux/net/ipv4/devinet.c, inet_forward_change). And who has chains by now.
what_was() { # NODE KEY NOW
  local path device was text along=()
  path=$(path_of "$2") path=${path#/proc/sys/} was=''
  for device in /run/nsgen/sysctl/host@net.ip*forward*; do [[ $device == *:* ]] || was=$(sed -n "s#^$path ##p" "$device"); done
  ! set_at_boot "$2" "$3" || was=0
  printf '%s %s\n' "$path" "${was:-$3}"
  [[ $1 == host && ${was:-$3} == 0 ]] || return 0
  case $2 in
    net.ipv4.ip_forward) along=(/proc/sys/net/ipv4/conf/{all/accept_redirects,*/forwarding}) ;;
    net.ipv6.conf.all.forwarding) along=(/proc/sys/net/ipv6/conf/*/forwarding) ;;
    *) return 0 ;;
  esac
  if [[ $3 == 0 ]]; then
    text=$(grep . /dev/null "${along[@]}") || die 'grep /proc/sys failed'
    while IFS=: read -r path was; do
      device=${path%/forwarding} device=${device##*/}
      [[ ${MINE[$device]:-} || $device == all ]] || printf '%s %s\n' "${path#/proc/sys/}" "$was"
    done <<<"$text"
  elif [[ $2 == net.ipv4.* ]] && asked_for net.ipv4.conf.all.accept_redirects 0; then
    printf 'net/ipv4/conf/all/accept_redirects 0\n'
  fi
  other_chains "$2" || printf 'chain *\n' # what could not be asked counts as nobody's
}

# Other programs' chains for what is forwarded.
other_chains() { # KEY
  local tool=iptables text line
  [[ $1 == net.ipv4.* ]] || tool=ip6tables
  command -v "$tool" >/dev/null || return 0
  text=$("$tool" -w -S 2>/dev/null) || text=$("$tool" -w -S 2>/dev/null) || return 1
  while read -r line; do [[ $line != '-N '* || $line == '-N NSGEN-'* ]] || printf 'chain %s\n' "${line#-N }"; done <<<"$text"
}

# Whether one of these files, as sysctl.d(5) has them, sets a parameter to this value; whether an administrator's does.
sets() { [[ $'\n'$(sed -E 's/[[:space:]]//g; s/^-//; y#/#.#' /dev/null "${@:3}")$'\n' == *$'\n'"${1//\//.}=$2"$'\n'* ]]; } # KEY VALUE FILE…

asked_for() { # KEY VALUE
  local files=({/etc,/run,/usr/local/lib,/usr/lib}/sysctl.d/*.conf /etc/sysctl.con[f])
  sets "$1" "$2" "${files[@]/#*99-nsgen-*//dev/null}"
}

# Whether it was our own file that switched it on at boot; then it counts as off. But once it has been put back, whoever
# switches it on again has reasons of their own.
set_at_boot() { # KEY NOW
  local file
  [[ $2 == 1 && $1 =~ forward|nf-call ]] && ! grep -qxF "$1" /run/nsgen.boot 2>/dev/null && ! asked_for "$1" 1 || return 1
  for file in /etc/sysctl.d/99-nsgen-*.conf; do
    if (($(stat -c %Z "$file") < $(sed -n 's/^btime //p' /proc/stat))) && sets "$1" 1 "$file"; then
      printf '%s\n' "$1" >>/run/nsgen.boot
      return 0
    fi
  done
  return 1
}

# where_off KEY COMMAND…: only if that parameter was 0 before a topology of ours asked for more.
where_off() {
  local was record=/run/nsgen/sysctl/host@$1 path=/proc/sys/${1//.//}
  if [[ -e $record ]]; then read -r _ was <"$record"; else { read -r was <"$path"; } 2>/dev/null || was=0; fi
  if [[ $was == 0 ]] || set_at_boot "$1" "$was"; then "${@:2}"; fi
}

undo_sysctl() { # NODE KEY = VALUE
  local node=$1 key=${2%% = *} ours=${2#* = } record other value='' was='' now
  record=/run/nsgen/sysctl/$node@${key//\//%}
  [[ -e $record && " ${!NEW[*]} " != *" $node sysctl $key = "* ]] || return 0 # it is to have another value
  for other in "$record":*; do [[ $other == *:"$NAME" ]] || value=$(<"$other"); done
  if [[ -e $record:$NAME ]] && stays "$node" "$key" && now=$(get_parameter "$node" "$key"); then
    read -r _ was <"$record"
    if [[ $value ]]; then # what another topology sets
      [[ $now != "$ours" || $now == "$value" ]] || put_parameter "$node" "$key" "$value" || left "$node: $key cannot be set to $value"
    elif [[ $now == "$ours" && $now != "$was" ]] && relied_on "$key" "$ours" "$record"; then
      say "$key stays $ours: others rely on it by now"
    elif [[ $now == "$ours" || $now == "$was" ]]; then
      put_back "$node" "$key" "$record"
    fi
  fi
  [[ ! $LEFT ]] || return 0
  if [[ $value ]]; then rm -f "$record:$NAME"; else rm -f "$record:$NAME" "$record"; fi || left "$record cannot be removed"
}

# Those of a namespace that goes, or of a device of ours that goes, go with it.
stays() { # NODE KEY
  [[ $1 == host || ${NEW["host ip netns add $1"]:-} ]] || return 1
  [[ ! $2 =~ [./]conf[./](.*)[./] || ! ${MINE[${BASH_REMATCH[1]}]:-} || " ${!NEW[*]} " == *" $1 ip link add name ${BASH_REMATCH[1]} "* ]]
}

# Whether an administrator's file asks for the value, too; or, of forwarding, whether another program has made itself chains
# since, as Docker and libvirt do, which find it on and leave it at that.
relied_on() { # KEY VALUE FILE
  ! asked_for "$1" "$2" || return 0
  [[ $1 =~ ^net\.(ipv4\.ip_forward|ipv6\.conf\.all\.forwarding)$ ]] && ! grep -qxF 'chain *' "$3" && other_chains "$1" | grep -vxFf "$3" >/dev/null
}

put_back() { # NODE KEY FILE
  local path was now version device
  local -A recorded=()
  while read -r path was; do
    recorded[$path]=1
    if [[ $path == chain || $1 == host && ! -e /proc/sys/$path ]]; then continue; fi
    now=$(get_parameter "$1" "$path")
    [[ $now == "$was" ]] || put_parameter "$1" "$path" "$was" || left "$1: $path cannot be set to $was"
  done <"$3"
  [[ $2 =~ ^net\.(ipv[46])\..*forward ]] || return 0
  version=${BASH_REMATCH[1]} was=$(<"/proc/sys/net/$version/conf/default/forwarding") # what devices have that have come since
  for path in "/proc/sys/net/$version/conf/"*/forwarding; do
    device=${path%/*} device=${device##*/}
    [[ ${recorded[${path#/proc/sys/}]:-} || $device == all || ${#NEW[@]} -eq 0 && ${MINE[$device]:-} ]] || printf '%s\n' "$was" >"$path" || true
  done
}

check_sysctl() { # NODE KEY = VALUE
  local now
  if is_void "$1" "${2%% = *}"; then return 0; fi
  now=$(get_parameter "$1" "${2%% = *}") || now=missing
  [[ $now == "${2#* = }" ]] || printf '%s: changed: %s is %s, not %s\n' "$1" "${2%% = *}" "$now" "${2#* = }"
}
