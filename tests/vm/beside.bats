# A machine that was booted with the topology installed, and beside it what looks after rules and devices there: one or two
# programs, which the kernel's command line names. They were started by systemd, in its order.
bats_require_minimum_version 1.5.0
load lab

setup_file() {
  make_outside
  read -r line </proc/cmdline
  line=${line##*nsgen.beside=} line=${line%% *}
  export PROGRAMS=${line//,/ }
  for_each settle >&2
}

# What is to be done of each of them, where there is something.
for_each() { # VERB
  local program
  for program in $PROGRAMS; do
    ! declare -F "$program.$1" >/dev/null || "$program.$1"
  done
}

# --- what shows that each of them lives, and how it starts anew ---

ufw.lives() { [[ $(ufw status) == 'Status: active'* && $(iptables -S INPUT) == *'-P INPUT DROP'*ufw-before-input* ]]; }
ufw.again() { ufw reload; }

firewalld.lives() { [[ $(firewall-cmd --state) == running && $(nft list tables) == *'inet firewalld'* ]]; }
# The reload of firewalld 1, which Debian 12 has, removes the rules of all others.
firewalld.again() {
  firewall-cmd --reload
  if [[ $(firewall-cmd --version) == 1.* ]]; then
    run -1 /usr/local/sbin/nsgen-article check
    [[ $output == *': missing: iptables '* ]]
  fi
  systemctl reload "$UNIT"
}
# What was said when the topology came up, and what then helps.
firewalld.prepare() {
  [[ $(journalctl --boot --output cat --unit "$UNIT") == *'warning: firewalld is running'* ]]
  run ! ip netns exec red ping -q -c 1 -W 3 "$BLUE"
  firewall-cmd --permanent --zone=trusted --add-interface=bridge0
  firewalld.again
}

# A base chain that drops drops also what is accepted elsewhere: its administrator has to let the networks pass.
nftables.lives() { [[ $(nft list chain inet filter input) == *'policy drop'* ]]; }
nftables.again() {
  # Debian's unit flushes every rule of the machine, those of iptables-nft too.
  systemctl restart nftables
  run -1 /usr/local/sbin/nsgen-article check
  [[ $output == *': missing: iptables '* ]]
  run -0 /usr/local/sbin/nsgen-article
  [[ $output == *'warning: the nftables chain inet filter forward drops'* ]]
  works
  # What the warning is about.
  nft flush chain inet filter forward
  is_closed outside "$HOST" 8080
  nft -f - <<'NFT'
add rule inet filter forward iifname bridge0 accept
add rule inet filter forward oifname bridge0 ct state established,related accept
add rule inet filter forward oifname bridge0 ct status dnat accept
NFT
}

systemd-networkd.lives() {
  local tries
  for ((tries = 0; tries < 30; tries++)); do
    [[ $(networkctl --no-legend list eth0) != *' configured'* ]] || break
    sleep 1
  done
  ((tries < 30)) || fail "$(networkctl --no-legend list)"
  [[ ! -e /sys/class/net/bridge0 || $(networkctl --no-legend list bridge0) == *' unmanaged'* ]]
}
systemd-networkd.again() { networkctl reload && systemctl restart systemd-networkd; }

NetworkManager.settle() {
  nmcli connection add type ethernet ifname eth0 con-name lan ip4 172.16.1.4/24 gw4 172.16.1.5
  nmcli --wait 60 connection up lan
}
NetworkManager.lives() {
  nm-online --quiet --timeout=60
  [[ $(nmcli -t -f DEVICE,STATE device) == *'eth0:connected'* ]]
  [[ ! -e /sys/class/net/bridge0 || $(nmcli -t -f DEVICE,STATE device) == *'bridge0:unmanaged'* ]]
}
# When it starts, it takes addrgenmode none for a mark of its own, and removes it.
NetworkManager.again() {
  systemctl restart NetworkManager
  run -1 /usr/local/sbin/nsgen-article check
  [[ $(grep -vE ': (missing|instead): link veth-[a-z]+-br addrgenmode |: besides: inet6 fe80:' <<<"$output") == '' ]] || fail "$output"
  works
  systemctl reload "$UNIT"
}

docker.lives() { systemctl --quiet is-active docker.service && [[ $(iptables -S FORWARD) == *DOCKER* ]]; }
docker.again() { systemctl restart docker; }

# --- the tests ---

@test "after the boot, all are there, and the five places reach the published port" {
  local program tries
  for program in $PROGRAMS; do
    for ((tries = 0; tries < 120; tries++)); do
      ! systemctl --quiet is-active "$program.service" || break
      sleep 1
    done
    systemctl is-active "$program.service"
  done
  systemctl is-active "$UNIT"
  for_each lives
  /usr/local/sbin/nsgen-article check
  for_each prepare
  works
}

@test "they are restarted or reloaded, and all goes on working" {
  for_each again
  for_each lives
  /usr/local/sbin/nsgen-article check
  works
}

@test "the topology goes, and the others live" {
  systemctl stop "$UNIT"
  [[ ! -e /run/netns/red && ! -e /sys/class/net/bridge0 ]]
  [[ $(iptables-save) != *NSGEN* ]]
  for_each lives
}

@test "the topology comes up beside the others, and works" {
  systemctl start "$UNIT"
  /usr/local/sbin/nsgen-article check
  works
  for_each lives
}
