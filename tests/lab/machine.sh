#!/usr/bin/env bash
# Make the lab, and keep it until its owner is gone. Runs as process 1 of new network, mount and PID namespaces.
#
#   machine.sh FOLDER OWNER_PID OPTION=VALUE...
#
#                   lan (a switch)
#   host .4 ─────────┼───────── router .1 ───────── internet
#   outside .5 ──────┘          203.0.113.1         203.0.113.10, 8.8.8.8
#   172.16.1.0/24, fd00:1::/64  2001:db8::1         2001:db8::10
#
# No machine knows of any network but these: what leaves the host with another source address is not answered.

set -euo pipefail

lab=$1 owner=$2
shift 2

# The machine under test; a file of the tests may say otherwise.
declare -A machine=(
  [forward]=ACCEPT    # policy of the FORWARD chains
  [input]=ACCEPT      # policy of the INPUT chains (DROP still lets in what belongs to a connection, and pings)
  [brnf]=0            # net.bridge.bridge-nf-call-*
  [backend]=nft       # of iptables: nft, legacy
  [ip_forward]=0      # IPv4 and IPv6
  [rp_filter]=0
  [redirects]=1       # net.ipv4.conf.all.accept_redirects, which a change of ip_forward resets
  [mtu]=1500          # of the LAN
)
for option; do
  [[ -v machine[${option%%=*}] ]] || { printf 'lab: no such option: %s\n' "$option" >&2; exit 2; }
  machine[${option%%=*}]=${option#*=}
done

private=$lab/private # a tmpfs: gone with the lab
nodes=$private/nodes # the lab's own namespaces, where the script under test does not look

# Our own process number as the world outside knows it: /proc is still the outer one.
read -r pid _ </proc/self/stat

# The tests that need this machine are skipped, with the reason.
cannot() { # REASON
  printf '%s\n' "$*" >"$lab/cannot"
  exit 1
}

make_private_folders() {
  mkdir -p "$private"
  mount -t tmpfs tmpfs "$private"
  # Folders of the upper layer are ours, and so writable where the machine's root is a stranger.
  mkdir -p "$nodes" "$private/outer-proc" "$private/etc/work" \
    "$private/etc/upper/"{netns,sysctl.d,modules-load.d,systemd/system/multi-user.target.wants}
  mount --rbind /proc "$private/outer-proc"
  mount -t proc proc /proc
  mount -t sysfs sysfs /sys
  mount -t tmpfs -o mode=755 tmpfs /run
  mkdir -p /run/lock
  mount -t overlay overlay \
    -o "lowerdir=/etc,upperdir=$private/etc/upper,workdir=$private/etc/work" /etc
  # Not a link to what /run no longer has: `ip netns exec` mounts over it.
  rm -f /etc/resolv.conf
  printf 'nameserver 0.0.0.0\n' >/etc/resolv.conf # whoever asks is refused at once, in namespaces, too
}

choose_backend() {
  local command family
  mkdir -p "$lab/bin"
  command -v "iptables-${machine[backend]}" >/dev/null || cannot "iptables-${machine[backend]} is not installed"
  for family in iptables ip6tables; do
    for command in "$family" "$family-save" "$family-restore"; do
      ln -s "$(command -v "$family-${machine[backend]}${command#"$family"}")" "$lab/bin/$command"
    done
  done
  PATH=$lab/bin:$PATH
  iptables -w -t nat -S >/dev/null 2>&1 || cannot "the kernel has no tables for iptables-${machine[backend]}"
}

# In a user namespace that has no users but root, services run as that, as they do in a rehearsal of nsgen.
make_everybody_root() {
  ! runuser -u nobody -- true 2>/dev/null || return 0
  cat >"$lab/bin/runuser" <<'SH'
#!/bin/sh
while [ "$1" != -- ]; do shift; done
shift
exec "$@"
SH
  chmod +x "$lab/bin/runuser"
}

inside() { # NODE COMMAND...
  nsenter --net="$nodes/$1" "${@:2}"
}

make_node() { # NODE
  touch "$nodes/$1"
  unshare --net="$nodes/$1" true
  calm_down "$1"
}

# A new namespace inherits some sysctls from the machine that runs the tests, whatever they are there.
calm_down() { # NODE
  local scope
  for scope in all default; do
    inside "$1" sysctl -qw "net.ipv4.conf.$scope.forwarding=0" "net.ipv4.conf.$scope.rp_filter=0" \
      "net.ipv4.conf.$scope.send_redirects=0" "net.ipv4.conf.$scope.accept_redirects=0" \
      "net.ipv4.conf.$scope.route_localnet=0" "net.ipv4.conf.$scope.log_martians=0" \
      "net.ipv6.conf.$scope.forwarding=0"
  done
  inside "$1" sysctl -qw net.ipv4.ip_forward=0 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
  # A link of the lab's own machines can be used at once, without duplicate address detection.
  [[ $1 == host ]] || inside "$1" sysctl -qw net.ipv6.conf.default.accept_dad=0
  set_bridge_netfilter "$1" 0
}

set_bridge_netfilter() { # NODE VALUE
  local sysctl
  for sysctl in iptables ip6tables arptables; do
    # Absent where br_netfilter is not loaded, which is the same as 0.
    if [[ -e /proc/sys/net/bridge/bridge-nf-call-$sysctl ]]; then
      inside "$1" sysctl -qw "net.bridge.bridge-nf-call-$sysctl=$2"
    elif (($2)); then
      cannot "br_netfilter is not loaded"
    fi
  done
}

make_network() {
  local mtu=${machine[mtu]}
  ip link set lo up
  inside lan ip -batch - <<IP
link add lan type bridge stp_state 0 mcast_snooping 0
link add host mtu $mtu type veth peer name eth0 address 02:00:ac:10:01:04 mtu $mtu netns $nodes/host
link add outside mtu $mtu type veth peer name eth0 address 02:00:ac:10:01:05 mtu $mtu netns $nodes/outside
link add router mtu $mtu type veth peer name eth0 address 02:00:ac:10:01:01 mtu $mtu netns $nodes/router
link set host master lan up
link set outside master lan up
link set router master lan up
link set lan up
IP
  inside router ip -batch - <<IP
link set lo up
link set eth0 up
address add 172.16.1.1/24 dev eth0
address add fd00:1::1/64 dev eth0 nodad
link add eth1 type veth peer name eth0 netns $nodes/internet
link set eth1 up
address add 203.0.113.1/24 dev eth1
address add 2001:db8::1/64 dev eth1 nodad
route add 8.8.8.8 via 203.0.113.10
IP
  inside internet ip -batch - <<IP
link set lo up
link set eth0 up
address add 203.0.113.10/24 dev eth0
address add 2001:db8::10/64 dev eth0 nodad
address add 8.8.8.8/32 dev lo
route add 172.16.1.0/24 via 203.0.113.1
route add fd00:1::/64 via 2001:db8::1
IP
  inside router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
  join_lan outside 5
  join_lan host 4
}

join_lan() { # NODE LAST_PART_OF_ITS_ADDRESS
  inside "$1" sysctl -qw net.ipv6.conf.eth0.accept_dad=0
  inside "$1" ip -batch - <<IP
link set lo up
link set eth0 up
address add 172.16.1.$2/24 dev eth0
address add fd00:1::$2/64 dev eth0 nodad
route add default via 172.16.1.1
route add default via fd00:1::1
IP
}

configure_host() {
  sysctl -qw "net.ipv4.ip_forward=${machine[ip_forward]}" \
    "net.ipv6.conf.all.forwarding=${machine[ip_forward]}" \
    "net.ipv4.conf.all.accept_redirects=${machine[redirects]}" \
    "net.ipv4.conf.all.rp_filter=${machine[rp_filter]}" \
    "net.ipv4.conf.default.rp_filter=${machine[rp_filter]}" \
    "net.ipv4.conf.eth0.rp_filter=${machine[rp_filter]}"
  local iptables
  for iptables in iptables ip6tables; do
    "$iptables" -w -P FORWARD "${machine[forward]}"
    [[ ${machine[input]} == ACCEPT ]] || close_input "$iptables"
  done
  set_bridge_netfilter host "${machine[brnf]}"
}

close_input() { # iptables|ip6tables
  "$1" -w -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
  "$1" -w -A INPUT -i lo -j ACCEPT
  "$1" -w -A INPUT -p "$([[ $1 == iptables ]] && echo icmp || echo ipv6-icmp)" -j ACCEPT
  "$1" -w -P INPUT DROP
}

# As root, the script under test loads br_netfilter itself, unless the machine is to have it from the start. In a user
# namespace nobody can.
if [[ ! -e /proc/sys/net/bridge ]]; then
  ((machine[brnf] == 0)) || modprobe br_netfilter 2>/dev/null || cannot "br_netfilter cannot be loaded"
  [[ $(</proc/self/uid_map) == *4294967295* ]] || cannot "br_netfilter is not loaded, and only root can load it"
fi

make_private_folders
choose_backend
make_everybody_root
touch "$nodes/host"
mount --bind /proc/self/ns/net "$nodes/host"
calm_down host
for node in lan outside router internet; do
  make_node "$node"
done
make_network
configure_host

printf '%s\n' "$pid" >"$lab/pid.new"
mv "$lab/pid.new" "$lab/pid"

# Process 1 inherits the orphans, and bash reaps them while it waits for sleep.
while [[ -d $private/outer-proc/$owner ]]; do
  sleep 1
done
