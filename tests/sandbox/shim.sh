#!/bin/sh
# Stands in for every program that a rendered script can find: writes down how it was called, and pretends that it worked.
#
# A record is a file of its process, /mnt/log/argv.PID, of texts that end in NUL: the node, the user, the folder, whether it
# was started by setsid, and the words. What leads to another program (env, nsenter) goes on to that.

name=${0##*/}
bin=${0%/*}

record() {
  printf '%s\0' "${SANDBOX_NODE-host}" "${SANDBOX_USER-root}" "$PWD" "${SANDBOX_STAY-no}" "$name" "$@" >"/mnt/log/argv.$$"
}

record_input() {
  record "$@"
  /bin/cat >"/mnt/log/stdin.$$"
}

# As execvp(3) finds it: no shell's builtin, no option.
go_on() {
  case $1 in
    */*) program=$1 ;;
    *) program=$bin/$1 ;;
  esac
  shift
  exec "$program" "$@"
}

# What the ip commands of the host leave behind, as far as a script looks at it.
pretend_ip() {
  while read -r first second third fourth _; do
    case "$first $second" in
      'netns add') /bin/ln -s /proc/self/ns/net "/run/netns/$third" ;; # there is only one
      'netns del') /bin/rm -f "/run/netns/$third" ;;
      'link add') /bin/mkdir -p "/sys/class/net/$fourth" ;;
      'link del') /bin/rm -rf "/sys/class/net/$fourth" ;;
    esac
  done
}

# Where the value of a kernel parameter is kept.
kept() {
  printf '/run/sandbox/sysctl@%s@%s' "${SANDBOX_NODE-host}" "$1" | /bin/tr / %
  printf '\n'
}

case $name in
  env) exec /usr/bin/env "$@" ;;
  setsid)
    export SANDBOX_STAY=yes
    exec /usr/bin/setsid "$@"
    ;;
  nsenter)
    case $1 in
      --net=/run/netns/* | --net=/run/nsgen/tmp/netns.*/*) ;;
      --net=/proc/*/ns/net) record "$@" && exec /bin/cat >/dev/null ;; # what it tries goes with the script
      *) exit 64 ;;
    esac
    export SANDBOX_NODE="${1##*/}"
    shift
    go_on "$@"
    ;;
  xargs) exec /usr/bin/xargs "$@" ;;
  sed)
    record "$@"
    exec /bin/sed --sandbox "$@" # it neither writes files nor runs programs
    ;;
  bash) exec /bin/bash "$@" ;;
  sh)
    record "$@"
    exec /bin/sh "$@"
    ;;
  unshare)
    record "$@"
    [ "$1" = --mount ] || { echo && exec /bin/cat >/dev/null; } # where things are tried
    shift
    go_on "$@"
    ;;
  runuser)
    [ "$1 $3" = '-u --' ] || exit 64
    export SANDBOX_USER="$2"
    shift 3
    go_on "$@"
    ;;
  ip)
    case "$1 ${2-}" in
      'netns exec')
        export SANDBOX_NODE="$3"
        shift 3
        go_on "$@"
        ;;
      '-n '*)
        export SANDBOX_NODE="$2"
        shift 2
        record "$@"
        ;;
      '-force -batch' | '-batch '* | '-6 -force')
        for file; do :; done
        if [ "$file" = - ]; then record_input "$@"; else record_input "$@" <"$file"; fi
        [ -n "${SANDBOX_NODE-}" ] || pretend_ip <"/mnt/log/stdin.$$"
        ;;
      '-o link')
        record "$@"
        echo '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN'
        ;;
      '-d -o')
        if [ "$4" = - ]; then record_input "$@"; else record_input "$@" <"$4"; fi
        ;;
      *)
        record "$@"
        [ -n "${SANDBOX_NODE-}" ] || printf '%s ' "$@" | pretend_ip
        ;;
    esac
    ;;
  iptables | ip6tables)
    record "$@"
    case $* in
      *' -C '*) exit 1 ;;
      *' -I '* | *' -A '*)
        shift 4
        printf '*%s\n-A %s\nCOMMIT\n' "$3" "$*" >>"/run/sandbox/$name"
        ;;
      '-V') printf '%s v1.8.9 (nf_tables)\n' "$name" ;;
    esac
    ;;
  *tables-restore)
    record_input "$@"
    /bin/sed -E 's/^-I ([^ ]*)( [0-9]+)? /-A \1 /' "/mnt/log/stdin.$$" >>"/run/sandbox/${name%-restore}"
    ;;
  *tables-save)
    record "$@"
    [ ! -e "/run/sandbox/${name%-save}" ] || /bin/cat "/run/sandbox/${name%-save}"
    ;;
  sysctl)
    case "$1 ${2-}" in
      '-q -p')
        if [ "$3" = - ]; then record_input "$@"; else record_input "$@" <"$3"; fi
        ;;
      '-q -w')
        record "$@"
        case "$*" in
          *' net.bridge.bridge-nf-call-'*=0) printf '0\n' | /bin/tee /proc/sys/net/bridge/bridge-nf-call-* >/dev/null ;;
        esac
        printf '%s\n' "${3#*=}" >"$(kept "${3%%=*}")"
        ;;
      '-n '*)
        record "$@"
        /bin/cat "$(kept "$2")" 2>/dev/null || echo before
        ;;
      *) record "$@" ;;
    esac
    ;;
  modprobe)
    record "$@"
    case $1 in
      -n | -c) ;;
      *) /bin/mkdir -p "/sys/module/$(printf '%s' "$1" | /bin/tr - _)" ;;
    esac
    if [ "$1" = br_netfilter ]; then
      /bin/mkdir -p /proc/sys/net/bridge
      for call in iptables ip6tables; do
        printf '1\n' >"/proc/sys/net/bridge/bridge-nf-call-$call"
      done
    fi
    ;;
  stat)
    record "$@"
    case "$1 $3" in
      '-f %T %n')
        shift 3
        printf 'nsfs %s\n' "$@"
        ;;
    esac
    ;;
  conntrack)
    record "$@"
    [ "$1" != -L ] || { echo "udp 17 9 src=192.0.2.1 dst=192.0.2.2 sport=9 dport=53 src=192.0.2.2 dst=192.0.2.1 sport=53 dport=9" && exit 0; }
    exit 1
    ;;
  flock | mount | networkctl | nft | nmcli | ss | systemctl) record "$@" ;;
  sleep) exec /bin/sleep 0.02 ;;
  awk)
    record "$@"
    exec /mnt/awk "$@" # in /usr/bin it is a link to /etc
    ;;
  cat | chmod | cmp | cp | diff | grep | ln | mkdir | mktemp | mv | rm | rmdir | sort | tail | tr)
    record "$@"
    exec "/bin/$name" "$@"
    ;;
  *) # a program of the topology's own
    [ ! -e "/proc/$$/environ" ] || /bin/cat "/proc/$$/environ" >"/mnt/log/environ.$$"
    record "$@"
    [ -z "${SANDBOX_STAY-}" ] || exec /bin/sleep 60
    ;;
esac
