# ---- kernel parameters -----------------------------------------------------------------------------------------------
#
# /run/nsgen/sysctl/NODE@KEY is shared by all topologies: `was`, what it was, and for each topology that needs it what that
# sets. The last one out puts it back, unless somebody else has changed it since.

parameters() { # NODE <LINES, with the reason for them
  local line
  local text
  local -a read
  mapfile -t read
  printf -v text '\n%s' "${read[@]}"
  [[ $WALK,$1 != read,host ]] || BOOT_PARAMETERS+=$'\n'${text#$'\n'}$'\n'
  [[ $WALK,$1 != make,host ]] || each flush
  for line in "${read[@]}"; do
    case $WALK,$1,$line in
      *,'#'*) ;;
      read,*) LINES+=("$1 sysctl $line") ;;
      make,host,*) set_parameter host "${line%% = *}" "${line#* = }" ;;
      *) INSIDE_PARAMETERS+=("$1 $line") ;;
    esac
  done
}

# In namespaces, once their devices are there.
flush_parameters() {
  local line node key value
  for line in "${INSIDE_PARAMETERS[@]}"; do
    read -r node key _ value <<<"$line"
    set_parameter "$node" "$key" "$value"
  done
  INSIDE_PARAMETERS=()
}

# A dot separates the parts of a key, unless a device's name has one; then it is a slash.
path_of() { if [[ $1 == */* ]]; then printf '/proc/sys/%s' "$1"; else printf '/proc/sys/%s' "${1//.//}"; fi; }

get_parameter() { # NODE KEY
  local text
  if [[ $1 == host ]]; then text=$(<"$(path_of "$2")"); else text=$(nsenter --net="/run/netns/$1" sysctl -n "$2"); fi 2>/dev/null || return 1
  printf '%s' "${text//$'\t'/ }" # the kernel prints tabs between words
}

put_parameter() { # NODE KEY VALUE
  if [[ $1 != host ]]; then
    run nsenter --net="/run/netns/$1" sysctl -q -w "$2=$3"
  else
    [[ ! $VERBOSE ]] || printf '[#] sysctl -w %s="%s"\n' "$2" "$3" >&2
    printf '%s\n' "$3" >"$(path_of "$2")"
  fi
}

survey_parameters() {
  local line key
  for line in "${LINES[@]}"; do
    # The device or the module of some may come with this run.
    [[ $line == 'host sysctl '* && ! $line =~ ^'host sysctl net'[./](ipv[46][./]conf|bridge)[./] ]] || continue
    key=${line#host sysctl } key=${key%% = *}
    [[ -e $(path_of "$key") ]] || PROBLEMS+=("this kernel has no parameter $key")
  done
}

set_parameter() { # NODE KEY VALUE
  local record=/run/nsgen/sysctl/$1@${2//\//%} now users
  if [[ $1 == host && ! -e $(path_of "$2") ]]; then
    [[ $2 == net?ipv6?* ]] || die "this kernel has no parameter $2"
    return 0 # a kernel without IPv6 has nothing to switch off
  fi
  now=$(get_parameter "$1" "$2") || die "$1: the parameter $2 cannot be read"
  users=("$record"/for-*)
  ((${#users[@]})) || { mkdir -p "$record" && what_was "$1" "$2" "$now" >"$record/was"; }
  printf '%s\n' "$3" >"$record/for-$NAME"
  [[ $now == "$3" ]] || put_parameter "$@" || die "$1: $2 cannot be set to $3"
}

# PATH VALUE of it, and of what the kernel changes along with it: forwarding, switched, is switched on every device, and
# decides whether redirects are accepted (linux/net/ipv4/devinet.c, inet_forward_change). And who has chains by now.
what_was() { # NODE KEY NOW
  local path was along=()
  path=$(path_of "$2") path=${path#/proc/sys/}
  was=$(sed -n "s#^$path ##p" /run/nsgen/sysctl/host@*/was /dev/null) was=${was%%$'\n'*}
  ! set_at_boot "$2" "$3" || was=0
  printf '%s %s\n' "$path" "${was:-$3}"
  [[ $1 == host && ${was:-$3} == 0 ]] || return 0
  case $2 in
    net.ipv4.ip_forward) along=(/proc/sys/net/ipv4/conf/{all/accept_redirects,*/forwarding}) ;;
    net.ipv6.conf.all.forwarding) along=(/proc/sys/net/ipv6/conf/*/forwarding) ;;
    *) return 0 ;;
  esac
  if [[ $3 == 0 ]]; then
    for path in "${along[@]}"; do [[ $path == */all/forwarding ]] || printf '%s %s\n' "${path#/proc/sys/}" "$(<"$path")"; done
  elif [[ $2 == net.ipv4.* ]] && asked_for net.ipv4.conf.all.accept_redirects 0; then
    printf 'net/ipv4/conf/all/accept_redirects 0\n'
  fi
  other_chains "$2"
}

# Other programs' chains for what is forwarded.
other_chains() { # KEY
  local tool=iptables
  [[ $1 == net.ipv4.* ]] || tool=ip6tables
  { "$tool" -w -S 2>/dev/null || true; } | sed -n '/^-N NSGEN-/d; s/^-N /chain /p'
}

# Whether one of these files, as sysctl.d(5) has them, sets a parameter to this value.
sets() { # KEY VALUE FILE…
  [[ $'\n'$(sed -E 's/[[:space:]]//g; s/^-//; y#/#.#' /dev/null "${@:3}")$'\n' == *$'\n'"${1//\//.}=$2"$'\n'* ]]
}

# Whether an administrator's file asks for it.
asked_for() {
  local files=({/etc,/run,/usr/local/lib,/usr/lib}/sysctl.d/*.conf /etc/sysctl.con[f])
  sets "$1" "$2" "${files[@]/#*99-nsgen-*//dev/null}"
}

# Whether it was our own file that switched it on at boot; then it counts as off. But once it has been put back, whoever
# switches it on again has reasons of their own.
set_at_boot() { # KEY NOW
  local file
  [[ $2 == 1 && $1 =~ forward|nf-call ]] && ! grep -qxF "$1" /run/nsgen.boot 2>/dev/null && ! asked_for "$1" 1 || return 1
  for file in /etc/sysctl.d/99-nsgen-*.conf; do
    [[ $(stat -c %Z "$file") -lt $(sed -n 's/^btime //p' /proc/stat) ]] && sets "$1" 1 "$file" || continue
    printf '%s\n' "$1" >>/run/nsgen.boot
    return 0
  done
  return 1
}

undo_sysctl() { # NODE KEY = VALUE
  local node=$1 key=${2%% = *} ours=${2#* = } record other value='' path was now
  record=/run/nsgen/sysctl/$node@${key//\//%}
  [[ -d $record && " ${!NEW[*]} " != *" $node sysctl $key = "* ]] || return 0 # it is to have another value
  for other in "$record"/for-*; do [[ $other == */for-"$NAME" ]] || value=$(<"$other"); done
  if [[ -e $record/for-$NAME ]] && stays "$node" "$key" && now=$(get_parameter "$node" "$key"); then
    read -r _ was <"$record/was"
    if [[ $value ]]; then # what another topology sets
      [[ $now != "$ours" || $now == "$value" ]] || put_parameter "$node" "$key" "$value" || left "$node: $key cannot be set to $value"
    elif [[ $now == "$ours" && $now != "$was" ]] && relied_on "$key" "$ours" "$record/was"; then
      say "$key stays $ours: others rely on it by now"
    elif [[ $now == "$ours" || $now == "$was" ]]; then
      put_back "$node" "$key" "$record/was"
    fi
  fi
  [[ ! $LEFT ]] || return 0
  rm -f "$record/for-$NAME" && { [[ $value ]] || rm -rf "$record"; } && { rmdir /run/nsgen/sysctl 2>/dev/null || true; } || left "$record cannot be removed"
}

# Those of a namespace that goes, or of a device of ours that goes, go with it.
stays() { # NODE KEY
  [[ $1 == host || ${NEW["host ip netns add $1"]:-} ]] || return 1
  [[ ! $2 =~ [./]conf[./](.*)[./] || " ${OLD[*]} " != *" $1 ip link add name ${BASH_REMATCH[1]} "* ]] ||
    [[ " ${!NEW[*]} " == *" $1 ip link add name ${BASH_REMATCH[1]} "* ]]
}

# Whether an administrator's file asks for the value, too; or, of forwarding, whether another program has made itself chains
# since, as Docker and libvirt do, which find it on and leave it at that.
relied_on() { # KEY VALUE FILE
  ! asked_for "$1" "$2" || return 0
  [[ $1 == @(net.ipv4.ip_forward|net.ipv6.conf.all.forwarding) ]] || return 1
  [[ $(other_chains "$1" | grep -vxFf "$3") ]]
}

put_back() { # NODE KEY FILE
  local path was now default
  while read -r path was; do
    [[ $path != chain && ( $1 != host || -e /proc/sys/$path ) ]] || continue
    now=$(get_parameter "$1" "$path")
    [[ $now == "$was" ]] || put_parameter "$1" "$path" "$was" || left "$1: $path cannot be set to $was"
  done <"$3"
  [[ $2 =~ ^net\.(ipv[46])\..*forward ]] || return 0
  default=$(<"/proc/sys/net/${BASH_REMATCH[1]}/conf/default/forwarding") # what devices have that have come since
  for path in "/proc/sys/net/${BASH_REMATCH[1]}/conf/"*/forwarding; do
    path=${path#/proc/sys/}
    grep -q "^$path " "$3" || [[ $path == */all/* ]] || put_parameter host "$path" "$default" || true
  done
}

check_parameters() {
  local line node key value now
  for line in "${LINES[@]}"; do
    [[ $line == +([!\ ])' sysctl '* ]] || continue
    node=${line%% *} key=${line#* sysctl } value=${key#* = } key=${key%% = *}
    [[ $node != host || -e $(path_of "$key") || $key != net?ipv6?* ]] || continue
    now=$(get_parameter "$node" "$key") || now=missing
    [[ $now == "$value" ]] || printf '%s: changed: %s is %s, not %s\n' "$node" "$key" "$now" "$value"
  done
}
