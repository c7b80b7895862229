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
      'netns add') : >"/run/netns/$third" ;;
      'netns del') /bin/rm -f "/run/netns/$third" ;;
      'link add') /bin/mkdir -p "/sys/class/net/$fourth" ;;
      'link del') /bin/rm -rf "/sys/class/net/$fourth" ;;
    esac
  done
}

case $name in
  env) exec /usr/bin/env "$@" ;;
  setsid)
    export SANDBOX_STAY=yes
    exec /usr/bin/setsid "$@"
    ;;
  nsenter)
    case $1 in
      --net=/run/netns/* | --net=/run/nsgen/*/netns/*) ;;
      *) exit 64 ;;
    esac
    export SANDBOX_NODE="${1##*/}"
    shift
    go_on "$@"
    ;;
  xargs) exec /usr/bin/xargs "$@" ;;
  bash) exec /bin/bash "$@" ;;
  unshare)
    record "$@"
    [ "$1" = --mount ] || exec /bin/cat >/dev/null # what it tries is gone at once
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
      '-batch -' | '-force -batch')
        record_input "$@"
        [ -n "${SANDBOX_NODE-}" ] || pretend_ip <"/mnt/log/stdin.$$"
        ;;
      '-batch /run/nsgen/'*) record_input "$@" <"$2" ;;
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
    /bin/cat "/mnt/log/stdin.$$" >>"/run/sandbox/${name%-restore}"
    ;;
  *tables-save)
    record "$@"
    [ ! -e "/run/sandbox/${name%-save}" ] || /bin/cat "/run/sandbox/${name%-save}"
    ;;
  sysctl)
    case "$*" in
      *'-p -') record_input "$@" ;;
      '-n '*)
        record "$@"
        echo before
        ;;
      *' net.bridge.bridge-nf-call-'*=0)
        record "$@"
        for call in iptables ip6tables; do
          printf '0\n' >"/proc/sys/net/bridge/bridge-nf-call-$call"
        done
        ;;
      *) record "$@" ;;
    esac
    ;;
  modprobe)
    record "$@"
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
    exit 1
    ;;
  flock | mount | ss | systemctl) record "$@" ;;
  sleep) exec /bin/sleep 0.02 ;;
  cat | chmod | ln | mkdir | mv | rm | rmdir | tail)
    record "$@"
    exec "/bin/$name" "$@"
    ;;
  *) # a program of the topology's own
    [ ! -e "/proc/$$/environ" ] || /bin/cat "/proc/$$/environ" >"/mnt/log/environ.$$"
    record "$@"
    [ -z "${SANDBOX_STAY-}" ] || exec /bin/sleep 60
    ;;
esac
