#!/usr/bin/env bash
{ # up to the last line: a copy of this that is not whole runs nothing
# containerd: kernel settings of this host.
#
#   sudo ./setup.sh          build it; if it is there, repair it or bring it up to date
#   sudo ./setup.sh check    name every difference between this script and the machine
#   sudo ./setup.sh down     remove it, and put back what it changed
#
# Made by nsgen from a topology: change that and render again. To review it, read topology(): every change to the
# machine is there, with its reason. What follows is the runtime 244ca3199bfe, the same in every script, less the parts
# that this one does not need; `nsgen runtime` prints it.

set -euo pipefail
shopt -s nullglob
export LC_ALL=C

readonly NAME=containerd
readonly WHAT='kernel settings of this host'
readonly PARTS='modules parameters install'
readonly PROGRAMS='ip:iproute2 nsenter:util-linux unshare:util-linux mount:mount flock:util-linux xargs:findutils'
readonly PORTS=''
readonly TRIAL=''

# What is built, in order, and why.
topology() {
  # ---- Kernel modules ----

  modules <<'MODULES'
# Asked for by the topology, now and after every boot.
overlay
br_netfilter
MODULES

  # ---- Kernel parameters ----

  parameters host <<'PARAMETERS'
# Asked for by the topology.
net.bridge.bridge-nf-call-iptables = 1
net.bridge.bridge-nf-call-ip6tables = 1
net.ipv4.ip_forward = 1
PARAMETERS
}

# ======================================================================================================================
# topology() is read twice: to learn what is to be there, a line for each thing (NODE KIND WORDS…), and to make it. The
# lines are kept in /run/nsgen/NAME, gone after a reboot like all of it, and are written down before anything is done.
# What is kept and no longer wanted is undone, the last thing first; `down` wants nothing.

main() {
  readonly STATE=/run/nsgen/$NAME TMP=/run/nsgen/tmp
  declare -ga LINES=() OLD=() PROBLEMS=()
  declare -gA NEW=() KEPT=() CHANGED=()
  WALK=read VERBOSE='' STRICT='' WAS_UP='' LEFT='' LOCK='' DRIFT=''
  [[ ${1:-} != -v ]] || { VERBOSE=yes && shift; }
  case $* in
    '' | up | down | check | install | uninstall) ;;
    'check --strict') STRICT=yes ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
  esac
  topology
  require "${1:-up}"
  lock
  recall
  "${1:-up}"
}

usage() { printf 'usage: %s [-v] [up|down|check [--strict]|install|uninstall]\n' "${0##*/}"; }

say() { printf 'nsgen: %s: %s\n' "$NAME" "$*" >&2; }

die() { say "$@" && exit 1; }

# What could not be removed: the rest is removed all the same, and what is kept of this stays kept.
left() { say "$@" && LEFT=yes; }

# With -v, each command as it is run.
run() {
  [[ ! $VERBOSE ]] || printf '[#] %s\n' "$*" >&2
  "$@"
}

# each STEP: what every part of this script has to do at that step.
each() {
  local part
  for part in $PARTS; do
    ! declare -F "$1_$part" >/dev/null || "$1_$part"
  done
}

# Without rights and programs nothing is begun, not even the lock is taken; all else that is in the way is told too.
require() {
  local entry key value rights=0
  while read -r key value; do [[ $key != CapEff: ]] || rights=0x$value; done </proc/self/status
  # Root has them, and so has root of a user namespace: CAP_NET_ADMIN is bit 12, CAP_SYS_ADMIN bit 21.
  ((rights >> 12 & rights >> 21 & 1)) || PROBLEMS+=('run this as root (sudo): it changes what only root may')
  for entry in $PROGRAMS; do
    command -v "${entry%:*}" >/dev/null || PROBLEMS+=("the program ${entry%:*} is missing: install the package ${entry#*:}")
  done
  ((${#PROBLEMS[@]})) || return 0
  [[ $1 != up || ${PROBLEMS[0]} == 'run this '* ]] || { recall && each survey; }
  refuse
}

refuse() {
  ((${#PROBLEMS[@]})) || return 0
  say 'nothing was changed, because'
  printf '  %s\n' "${PROBLEMS[@]}" >&2
  exit 1
}

# One run at a time on this machine, because topologies share kernel parameters. The folder itself is the lock.
lock() {
  until [[ $LOCK && /run/nsgen -ef /proc/self/fd/$LOCK ]]; do
    [[ ! $LOCK ]] || exec {LOCK}<&- # whoever had it removed the folder at its end
    mkdir -p /run/nsgen || die '/run/nsgen cannot be made'
    { exec {LOCK}</run/nsgen; } 2>/dev/null || continue
    flock -n "$LOCK" || { say 'another run is under way: waiting for its end' && flock "$LOCK"; } || die 'flock failed'
  done
  trap unlock EXIT
  { rm -rf "$TMP" && mkdir "$TMP"; } || die "$TMP cannot be made"
}

unlock() {
  rm -rf "$TMP" || say "$TMP cannot be removed"
  rmdir /run/nsgen 2>/dev/null || true
}

# What earlier runs made (OLD), and of what kinds there is more or less to be now (CHANGED).
recall() {
  local line
  NEW=() KEPT=() OLD=() CHANGED=()
  [[ ! -e $STATE/made ]] || mapfile -t OLD <"$STATE/made"
  for line in "${LINES[@]}"; do NEW[$line]=1; done
  for line in "${OLD[@]}"; do KEPT[$line]=1 && [[ ${NEW[$line]:-} ]] || changes "$line"; done
  for line in "${LINES[@]}"; do [[ ${KEPT[$line]:-} ]] || changes "$line"; done
}

changes() {
  local rest=${1#* }
  CHANGED["${1%% *} ${rest%% *}"]=1
}

keep() {
  mkdir -p "$STATE" && printf '%s\n' "$@" >"$STATE/made.new" && mv "$STATE/made.new" "$STATE/made"
}

up() {
  [[ ! -e $STATE/up ]] || WAS_UP=yes
  each survey
  refuse
  if [[ $WAS_UP ]]; then
    DRIFT=$(each check) || die 'the machine could not be looked at'
    DRIFT=$(grep -v '^[^ ]*: besides' <<<"$DRIFT") || [[ ${#CHANGED[@]} -gt 0 ]] || { say 'nothing to do' && return 0; }
  fi
  trap failed EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  [[ $WAS_UP || ! ${OLD[*]} ]] || { clear_away && recall; } # of a run that was killed
  keep "${OLD[@]}" "${LINES[@]}"
  undo
  [[ ! $LEFT ]] || die 'what is no longer wanted cannot be removed'
  each prepare
  WALK='make' topology
  each finish
  keep "${LINES[@]}"
  print_self >"$STATE/script"
  : >"$STATE/up"
  trap - INT TERM HUP
  trap unlock EXIT
  say "${WAS_UP:+up to date: }$WHAT"
}

# What worked before works again, by the script that made it; what did not exist before this run is removed. (In a trap a
# bare `return` would give the status from before it: every return here says which.)
failed() {
  local status=$? at=$BASH_COMMAND
  trap '' INT TERM HUP
  trap unlock EXIT
  case $at in
    'exit 1') ;; # `die` has said why
    'exit '*) say 'interrupted' ;;
    *) say "failed at: $at" ;;
  esac
  if [[ ! $WAS_UP ]]; then
    say 'it failed; undoing what was done'
    recall
    clear_away || true
  elif [[ ${NSGEN_BACK:-} || ${OLD[*]} == "${LINES[*]}" || ! -e $STATE/script ]]; then
    say 'it failed; what was up before is still up'
  else
    say 'it failed; going back to what was up before'
    exec {LOCK}<&-
    NSGEN_BACK=yes bash "$STATE/script" up || true
  fi
  unlock
  exit "$((status ? status : 1))"
}

down() {
  [[ -e $STATE/made ]] || OLD=("${LINES[@]}") # what is ours is then told by its marks
  clear_away
  [[ ! $LEFT ]] || die 'not everything could be removed; run down again'
}

# From its first line on the topology is not up any more: should the next `up` fail, it undoes what is left.
clear_away() {
  LEFT='' NEW=()
  rm -f "$STATE/up" || left "$STATE/up cannot be removed"
  undo
  [[ $LEFT ]] || rm -rf "$STATE" || left "$STATE cannot be removed"
}

undo() {
  local index node kind rest
  for ((index = ${#OLD[@]} - 1; index >= 0; index--)); do
    [[ ! ${NEW[${OLD[index]}]:-} ]] || continue
    read -r node kind rest <<<"${OLD[index]}"
    "undo_$kind" "$node" "$rest"
  done
  each settle
}

check() {
  local line found
  [[ -e $STATE/up ]] || { printf '%s is not up\n' "$NAME" && exit 1; }
  found=$(each check) || die 'the machine could not be looked at'
  for line in "${OLD[@]}"; do [[ ${NEW[$line]:-} ]] || found+=$'\n'"${line%% *}: not in this script: ${line#* }"; done
  for line in "${LINES[@]}"; do [[ ${KEPT[$line]:-} ]] || found+=$'\n'"${line%% *}: only in this script: ${line#* }"; done
  [[ $found ]] || return 0
  printf '%s\n' "${found#$'\n'}"
  [[ ! $STRICT ]] && ! grep -vq '^[^ ]*: besides' <<<"${found#$'\n'}" || exit 1
}

# This script: the file it is read from, or, where that is a pipe, what bash has read, without its comments.
print_self() {
  if [[ -f ${BASH_SOURCE[0]:-} ]]; then cat "${BASH_SOURCE[0]}" && return 0; fi
  printf '%s\n' '#!/usr/bin/env bash' '{' 'set -euo pipefail' 'shopt -s nullglob' 'export LC_ALL=C'
  declare -p NAME WHAT PARTS PROGRAMS PORTS TRIAL
  declare -f
  printf '%s\n' 'main "$@"' '}'
}

# ---- kernel modules --------------------------------------------------------------------------------------------------

BOOT_MODULES=''

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

# ---- kernel parameters -----------------------------------------------------------------------------------------------
#
# /run/nsgen/sysctl/NODE@KEY is shared by all topologies: `was`, what it was, and for each topology that needs it what that
# sets. The last one out puts it back, unless somebody else has changed it since.

BOOT_PARAMETERS=''
INSIDE_PARAMETERS=()

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

# ---- after a reboot --------------------------------------------------------------------------------------------------

install() {
  local unit=nsgen-$NAME.service
  print_self | write_file "/usr/local/sbin/nsgen-$NAME" 755
  boot_file "/etc/sysctl.d/99-nsgen-$NAME.conf" "$BOOT_PARAMETERS" <<FILE
# Kernel parameters of the nsgen topology $NAME, for every boot: sysctl.d(5).
# $unit sets them too; this file says so to whoever looks here first.
FILE
  boot_file "/etc/modules-load.d/nsgen-$NAME.conf" "$BOOT_MODULES" <<FILE
# Kernel modules of the nsgen topology $NAME, for every boot: modules-load.d(5).
FILE
  print_unit | write_file "/etc/systemd/system/$unit" 644
  mkdir -p /etc/systemd/system/multi-user.target.wants
  ln -sfn "/etc/systemd/system/$unit" "/etc/systemd/system/multi-user.target.wants/$unit" # systemctl enable
  [[ ! -d /run/systemd/system ]] || run systemctl daemon-reload
  say "installed; it is built at every boot, and now by: systemctl start $unit"
}

uninstall() {
  local unit=nsgen-$NAME.service file others
  if [[ -d /run/systemd/system ]] && systemctl is-active --quiet "$unit"; then
    exec {LOCK}<&- # its `down` takes the lock
    run systemctl stop "$unit"
    LOCK=''
    lock
    recall
  fi
  down
  rm -f "/etc/systemd/system/multi-user.target.wants/$unit"
  for file in "/etc/systemd/system/$unit" "/usr/local/sbin/nsgen-$NAME" "/etc/sysctl.d/99-nsgen-$NAME.conf" "/etc/modules-load.d/nsgen-$NAME.conf"; do
    rm -f "$file" "$file.nsgen-new"
  done
  others=(/etc/sysctl.d/99-nsgen-*.conf)
  ((${#others[@]})) || rm -f /run/nsgen.boot # what those files switched on at boot
  [[ ! -d /run/systemd/system ]] || run systemctl daemon-reload
}

# A file of nothing but its head is one that an earlier version had something to say in.
boot_file() { # FILE TEXT <HEAD
  if [[ $2 ]]; then { cat && printf '%s' "$2"; } | write_file "$1" 644; else rm -f "$1"; fi
}

# Whole or not at all.
write_file() { # FILE MODE
  mkdir -p "${1%/*}"
  cat >"$1.nsgen-new"
  chmod "$2" "$1.nsgen-new"
  mv "$1.nsgen-new" "$1"
}

print_unit() {
  cat <<UNIT
# Builds the nsgen topology $NAME at boot. It runs a copy of setup.sh:
#   install -m 755 setup.sh /usr/local/sbin/nsgen-$NAME
[Unit]
Description=nsgen topology $NAME
After=systemd-modules-load.service systemd-sysctl.service network.target
# Firewalls that replace all rules when they start come before; Docker, which is to find forwarding as it will be, after.
After=nftables.service netfilter-persistent.service ufw.service firewalld.service
Before=docker.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/nsgen-$NAME up
ExecReload=/usr/local/sbin/nsgen-$NAME up
ExecStop=/usr/local/sbin/nsgen-$NAME down

[Install]
WantedBy=multi-user.target
UNIT
}

main "$@"
}
