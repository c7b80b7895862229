#!/bin/sh
# run.sh WORK BASH SERVICES: run the scripts in WORK, one after the other, where they can change nothing.
#
# It runs in namespaces of its own, with empty folders over those that the scripts write to. WORK/bin is all there is on
# PATH, WORK/sysctls and WORK/folders list what exists before. What each script called is left in WORK/NAME.
set -eu
work=$1 bash=$2 services=$3

mount --bind "$work" /mnt
cp -L "$(command -v awk)" "$work/awk"
cp -r --parents /proc/sys/net/ipv[46]/conf/all /proc/sys/net/ipv[46]/conf/default "$work" 2>/dev/null || true # some can only be written
for folder in /run /etc /sys /proc/sys /usr/local/sbin; do
  mount -t tmpfs sandbox "$folder"
done
cp -r "$work/proc/sys/net" /proc/sys
mkdir -p /run/netns /sys/class/net /run/sandbox /run/elsewhere /run/systemd/system
while read -r key; do
  mkdir -p "/proc/sys/${key%/*}"
  printf '0\n' >"/proc/sys/$key"
done <"$work/sysctls"
xargs -0 -r mkdir -p -- <"$work/folders"

# The programs that a script has started have to get as far as their record.
await_services() {
  tries=0
  while [ "$(grep -lz '^yes$' "$work"/log/argv.* 2>/dev/null | wc -l)" -lt "$services" ] && [ $tries -lt 100 ]; do
    sleep 0.02
    tries=$((tries + 1))
  done
}

# play NAME SCRIPT WORD…: its records, output, exit status, and what is in the folders then.
play() {
  name=$1
  shift
  mkdir "$work/log"
  status=0
  (cd /run/elsewhere && PATH=$work/bin exec "$bash" "$@") >"$work/output" 2>&1 </dev/null || status=$?
  case $name$status in
    up0 | plain0) await_services ;;
  esac
  printf '%s\n' "$status" >"$work/status"
  mkdir "$work/left"
  cp -r --parents /etc "$work/left"
  for folder in /run/nsgen /run/systemd /run/NetworkManager /proc/sys/net/bridge; do
    [ ! -e $folder ] || cp -r --parents $folder "$work/left"
  done
  while read -r key; do
    cp --parents "/proc/sys/$key" "$work/left"
  done <"$work/sysctls"
  mkdir "$work/$name"
  mv "$work/log" "$work/output" "$work/status" "$work/left" "$work/$name"
}

play up "$work/setup.sh"
play check "$work/setup.sh" check
play again "$work/setup.sh"
for script in /run/nsgen/*/script; do
  printf '. %s && main up\n' "$script" >"$work/kept.sh"
done
play kept "$work/kept.sh"
play down "$work/setup.sh" down
rm -rf /run/sandbox/* /proc/sys/net/bridge /sys/module
play plain "$work/plain.sh"
play teardown "$work/plain-teardown.sh"
