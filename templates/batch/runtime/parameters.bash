# ---- kernel parameters ----
# In /run/nsgen/sysctl, shared by all topologies, NODE@KEY is what it was, and NODE@KEY:TOPOLOGY what each that needs it
# sets. The last one out puts it back, unless somebody else has changed it since.

begin_parameters() { RECORDS=(); }

parameters() { take "$1" sysctl; } # NODE <LINES

# A dot separates the parts of a key, unless a device's name has one; then it is a slash.
path_of() { if [[ $1 == */* ]]; then printf '/proc/sys/%s' "$1"; else printf '/proc/sys/%s' "${1//.//}"; fi; }

get_parameter() { # NODE KEY
  local text='' path=$2
  [[ $path == */* ]] || path=${path//.//} # as `path_of`, which is slower
  if [[ $1 == host ]]; then { IFS= read -r text || [[ $text ]]; } <"/proc/sys/$path"; else text=$(in_node "$1" sysctl -n "$2"); fi 2>/dev/null || return 1
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

# A kernel without IPv6, and a device whose MTU is too small for it, has nothing to switch off.
is_void() { [[ $1 == host && $2 == net?ipv6?* && ! -e $(path_of "$2") ]]; } # NODE KEY

check_sysctl() { # NODE KEY = VALUE
  local now
  if is_void "$1" "${2%% = *}"; then return 0; fi
  now=$(get_parameter "$1" "${2%% = *}") || now=missing
  [[ $now == "${2#* = }" ]] || printf '%s: changed: %s is %s, not %s\n' "$1" "${2%% = *}" "$now" "${2#* = }"
}

make_sysctl() { # NODE LINES
  local key value now record users
  [[ -d /run/nsgen/sysctl ]] || mkdir /run/nsgen/sysctl
  while read -r key _ value; do
    record=/run/nsgen/sysctl/$1@${key//\//%}
    if is_void "$1" "$key"; then continue; fi
    now=$(get_parameter "$1" "$key") || die "$1: this kernel has no parameter $key"
    users=("$record":*)
    ((${#users[@]})) || what_was "$1" "$key" "$now" >"$record" # which counts as soon as it has a user
    printf '%s = %s\n' "$key" "$value" >"$record:$NAME"
    [[ $now == "$value" ]] || put_parameter "$1" "$key" "$value" || die "$1: $key cannot be set to $value"
  done <<<"${2%$'\n'}"
}

# As lines, it and what goes along with it.
what_was() { # NODE KEY NOW
  local was='' only='' along line records=("/run/nsgen/sysctl/$1"@*forward*)
  ((${#records[@]} == 0)) || was=$(sed -n "s#^${2//\//.} = ##p" "${records[@]}")
  if set_at_boot "$@"; then
    was=0 only=^chain
    ! asked_for net.ipv4.conf.all.accept_redirects 0 || only='^chain|redirects'
    printf '%s\n' "$2" >>/run/nsgen.boot
  fi
  printf '%s = %s\n' "$2" "${was:-$3}"
  along=$(along_with "$1" "$2" others)
  while IFS= read -r line; do [[ ! $line || ! $line =~ $only ]] || printf '%s\n' "$line"; done <<<"$along"
}

# Forwarding, switched, is switched on every device, and decides whether redirects are accepted (linux/net/ipv4/devinet.c,
# inet_forward_change). Other programs rely on it, too: those that have chains. What cannot be asked counts as nobody's.
along_with() { # NODE KEY [others]: less devices that come and go with us
  local where=ipv6 line text tool=ip6tables
  local -A ours=()
  [[ $1 == host || -f $STATE/join.$1 ]] || return 0
  [[ $2 != net.ipv4.ip_forward ]] || { where=ipv4 && tool=iptables; }
  [[ $2 =~ ^net.(ipv4.ip|ipv6.conf.all)[._]forward(ing)?$ ]] || return 0
  [[ ! ${3:-} ]] || for line in "${MAKERS[@]}"; do
    [[ $line != 'host '* ]] || { line=${line#host ip * add name } && ours[${line%% *}/forwarding]=1; }
  done
  if [[ $1 == host ]]; then forwardings "$where"; else in_node "$1" bash -c "$(declare -p ours; declare -f forwardings); forwardings $where"; fi
  [[ $1 == host ]] && command -v "$tool" >/dev/null || return 0
  text=$("$tool" -w -S 2>/dev/null) || text=$("$tool" -w -S 2>/dev/null) || text='-N *'
  while read -r line; do [[ $line != '-N '* || $line == '-N NSGEN-'* ]] || printf 'chain = %s\n' "${line#-N }"; done <<<"${text%%$'\n-A '*}"
}

forwardings() { # ipv4|ipv6
  local path line
  for path in /proc/sys/net/"$1"/conf/{all/accept_redirects,*/forwarding}; do
    if [[ $path != */ipv6/*redirects && ! ${ours[${path#*/conf/}]:-} ]] && read -r line <"$path"; then printf '%s = %s\n' "${path#/proc/sys/}" "$line"; fi
  done 2>/dev/null # it may have gone
}

# Whether one of these files, sysctl.d(5), sets a parameter to this value; whether an administrator's does.
sets() { [[ $'\n'$(sed -E 's/[[:space:]]//g; s/^-//; y#/#.#' /dev/null "${@:3}")$'\n' == *$'\n'"${1//\//.}=$2"$'\n'* ]]; } # KEY VALUE FILE…

asked_for() { # KEY VALUE
  local files=({/etc,/run,/usr/local/lib,/usr/lib}/sysctl.d/*.conf /etc/sysctl.con[f])
  sets "$1" "$2" "${files[@]/#*99-nsgen-*//dev/null}"
}

# Whether our own file switched it on at boot, so that it counts as off; not once it has been put back.
set_at_boot() { # NODE KEY NOW
  local file booted files=(/etc/sysctl.d/99-nsgen-*.conf)
  [[ $1$3 == host1 && $2 =~ forward|nf-call ]] && ((${#files[@]})) && ! grep -qsxF "$2" /run/nsgen.boot && ! asked_for "$2" 1 || return 1
  booted=$(sed -n 's/^btime //p' /proc/stat)
  for file in "${files[@]}"; do (($(stat -c %Z "$file") >= booted)) || ! sets "$2" 1 "$file" || return 0; done
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
  RECORDS+=("$record:$NAME")
  [[ $file != "$record" ]] || RECORDS+=("$record")
}

settle_parameters() { # unless something has gone wrong: then it is known what it was
  [[ $LEFT || ${#RECORDS[@]} -eq 0 ]] || remove "${RECORDS[@]}"
  RECORDS=()
}

# With a namespace that goes, or a device of ours.
goes() { # NODE KEY
  local maker
  lives "$1" || return 0
  [[ $2 =~ [./]conf[./](.*)[./] ]] && maker=" $1 ip @(link|tuntap) add name ${BASH_REMATCH[1]} " &&
    [[ " ${MAKERS[*]}" == *$maker* && " ${!NEW[*]}" != *$maker* ]]
}

# To what it was, or another topology sets. A device that has come since has what `default` had then.
put_back() { # NODE KEY OURS FILE
  local key was now along text others=others
  ((${#NEW[@]} == 0)) || others=''
  text=$(<"$4")
  was=${text%%$'\n'*} was=${was#* = }
  now=$(get_parameter "$1" "$2") && [[ $was != "$3" && ( $now == "$3" || $now == "$was" ) ]] || return 0
  along=$(along_with "$1" "$2" "$others")
  if [[ $1$now == "host$3" ]] && relied_on "$2" "$3" "$(<"${4%:*}")" "$along"; then say "$2 stays $3: others rely on it by now" && return 0; fi
  [[ ! $along ]] || text=$(awk 'NR == FNR { was[$1] = $3; print; next } { key = $1; sub("[^/]*/forwarding$", "default/forwarding", key) }
    !($1 in was) && key in was { print $1, "=", was[key] }' "$4" - <<<"$along") || { left 'awk failed' && return 0; }
  while read -r key _ was; do
    now=$(get_parameter "$1" "$key") && [[ $now != "$was" ]] || continue
    put_parameter "$1" "$key" "$was" || left "$1: $key cannot be set to $was"
  done <<<"$text"
}

# By an administrator's file, or chains of another program, as Docker and libvirt, which find it on and leave it at that.
relied_on() { # KEY VALUE RECORD ALONG
  local line
  ! asked_for "$1" "$2" || return 0
  while IFS= read -r line; do
    if [[ $line == 'chain = '[!*]* && $'\n'$3$'\n' != *$'\n'@("$line"|'chain = *')$'\n'* ]]; then return 0; fi
  done <<<"$4"
  return 1
}
