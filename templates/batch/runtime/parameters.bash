# ---- kernel parameters ----
# In /run/nsgen/sysctl, shared by all topologies, NODE@KEY is what it was, and NODE@KEY:TOPOLOGY what each that needs it
# sets. The last one out puts it back, unless somebody else has changed it since.

begin_parameters() { RECORDS=(); }

parameters() { take "$1" sysctl; } # NODE <LINES

# A dot separates the parts of a key, unless a device's name has one; then it is a slash.
get_parameter() { # NODE KEY
  local text='' path=$2
  [[ $path == */* ]] || path=${path//.//}
  if [[ $1 == host ]]; then { IFS= read -r text || [[ $text ]]; } <"/proc/sys/$path"; else text=$(in_node "$1" sysctl -n "$2"); fi 2>/dev/null || return 1
  printf '%s' "${text//$'\t'/ }" # the kernel prints tabs between words
}

put_parameter() { # NODE KEY VALUE
  local path=$2
  [[ $path == */* ]] || path=${path//.//}
  [[ ! $VERBOSE ]] || printf '[#] %s: sysctl -w %s="%s"\n' "$@" >&2
  if [[ $1 == host ]]; then printf '%s\n' "$3" >"/proc/sys/$path"; else in_node "$1" sysctl -q -w "$2=$3"; fi
}

# A kernel without IPv6, and a device whose MTU is too small for it, has nothing to switch off.
may_lack() { [[ "$1 $2" == 'host net'?ipv6?* ]]; } # NODE KEY

survey_sysctl() { # host KEY = VALUE; the device or the module of some may come with this run
  [[ $2 =~ ^net[./](ipv[46][./]conf|bridge)[./] ]] || get_parameter host "${2%% = *}" >/dev/null ||
    PROBLEMS+=("this kernel has no parameter ${2%% = *}")
}

check_sysctl() { # NODE KEY = VALUE
  local now
  now=$(get_parameter "$1" "${2%% = *}") || { ! may_lack "$@" || return 0; now=missing; }
  [[ $now == "${2#* = }" ]] || printf '%s: changed: %s is %s, not %s\n' "$1" "${2%% = *}" "$now" "${2#* = }"
}

make_sysctl() { # NODE KEY = VALUE
  local key=${2%% = *} value=${2#* = } now record users
  now=$(get_parameter "$1" "$key") || { may_lack "$1" "$key" && return; die "$1: this kernel has no parameter $key"; }
  record=/run/nsgen/sysctl/$1@${key//\//%} users=("$record":*)
  ((${#users[@]})) || what_was "$1" "$key" "$now" >"$record" # which counts as soon as it has a user
  printf '%s\n' "$value" >"$record:$NAME"
  [[ $now == "$value" ]] || put_parameter "$1" "$key" "$value" || die "$1: $key cannot be set to $value"
}

what_was() { # NODE KEY NOW
  local along usual was=$3
  along=$(along_with "$1" "$2" chains)
  if set_at_boot "$@"; then # and so was what goes along with it
    was=0 along=${along//forwarding:1/forwarding:0}
    asked_for net.ipv4.conf.all.accept_redirects 0 || along=${along/redirects:0/redirects:1}
    printf '%s\n' "$2" >>/run/nsgen.boot
  fi
  printf '%s\n' "$was"
  usual=${along%%$'\n'*} # what `default` has: of devices, those are kept that have something else
  [[ ! $along ]] || sed "1! { /${usual##*/}\$/d; }" <<<"$along"
}

# Forwarding, switched, is switched on every device, and decides whether redirects are accepted (linux/net/ipv4/devinet.c,
# inet_forward_change). Other programs rely on it, too: those that have chains. What cannot be asked counts as nobody's.
along_with() { # NODE KEY [chains]
  local files tool=ip6tables
  [[ $2 == net.@(ipv4.ip_forward|ipv6.conf.all.forwarding) && ( $1 == host || -f $STATE/join.$1 ) ]] || return 0
  files="net/${2:4:4}/conf/default/forwarding net/${2:4:4}/conf/*/forwarding"
  [[ $2 == *ipv6* ]] || files+=' net/ipv4/conf/all/accept_redirects' tool=iptables
  in_node "$1" sh -c "cd /proc/sys && { grep -s '' $files || [ \$? = 2 ]; }" || return 1 # 2: a device has gone meanwhile
  [[ $1${3:-} != hostchains ]] || { "$tool" -w -S || "$tool" -w -S; } 2>/dev/null | sed '/^-N/!d; /^-N NSGEN-/d' || true
}

# By an administrator, in a file that sets parameters, sysctl.d(5).
asked_for() { # KEY VALUE
  grep -qsE --exclude='99-nsgen-*' "^\s*-?${1//[.\/]/[.\/]}\s*=\s*${2//[^0-9a-z]/.}\s*$" /dev/null \
    {/etc,/run,/usr/local/lib,/usr/lib}/sysctl.d/*.conf /etc/sysctl.con[f]
}

# Whether our own file, from before this boot, switched it on then, so that it counts as off; not once it has been put back.
set_at_boot() { # NODE KEY NOW
  local files=(/etc/sysctl.d/99-nsgen-*.conf)
  [[ $1$3 == host1 && ${files[*]} && $2 =~ forward|nf-call ]] && ! grep -qsxF "$2" /run/nsgen.boot && ! asked_for "$2" 1 &&
    [[ $(find "${files[@]}" ! -newerct "@$(sed -n 's/^btime //p' /proc/stat)" -exec grep -lxF "$2 = 1" {} +) ]]
}

# where_off KEY COMMAND…: only if that parameter was 0 before a topology of ours asked for more.
where_off() {
  local was
  { read -r was <"/run/nsgen/sysctl/host@$1" || read -r was <"/proc/sys/${1//.//}"; } 2>/dev/null || was=0
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
  local line
  lives "$1" || return 0
  [[ $2 =~ [./]conf[./](.*)[./] ]] || return 1
  for line in "${OLD[@]}"; do
    [[ $line != "$1 ip "*" add name ${BASH_REMATCH[1]} "* ]] || return "${NEW[$line]:-0}"
  done
  return 1
}

# To what it was, or another topology sets. A device that has come since has what `default` had then.
put_back() { # NODE KEY OURS FILE
  local key value now along
  local -A was=()
  { read -r value && while IFS=: read -r key now; do was[$key]=$now; done; } <"$4"
  now=$(get_parameter "$1" "$2") && [[ $value != "$3" && ( $now == "$3" || $now == "$value" ) ]] || return 0
  along=$(along_with "$1" "$2" chains) || { left "$1: what goes along with $2 cannot be asked" && return 0; }
  # Docker and libvirt find it on, and leave it at that.
  if [[ $1$now == "host$3" ]] && { asked_for "$2" "$3" || [[ $'\n'$(grep -vxFf "$4" <<<"$along") == *$'\n-N '* ]]; }; then
    say "$2 stays $3: others rely on it by now" && return 0
  fi
  put_parameter "$1" "$2" "$value" || left "$1: $2 cannot be set to $value"
  along=$(along_with "$1" "$2") || left "$1: what goes along with $2 cannot be put back" # which has changed with it
  [[ ! $along ]] || while IFS=: read -r key now; do
    value=${was[$key]:-${was[${key%/*/*}/default/forwarding]:-$now}}
    [[ $now == "$value" ]] || put_parameter "$1" "$key" "$value" || left "$1: $key cannot be set to $value"
  done <<<"$along"
}
