#!/usr/bin/env bats
# Tap devices: a program opens one, and is on the network as whoever has a cable.

bats_require_minimum_version 1.5.0
load lab/lab

setup() {
  lab_start
  on host ip tuntap add dev tap0 mode tap 2>/dev/null || skip 'no tap device can be made here'
  on host ip link del dev tap0
}

teardown() {
  lab_stop
}

taps() { # KEYS_OF_VM0 [KEYS_OF_VM1]
  topology <<YAML
name: taps
networks:
  br0: {subnet: 10.1.0.0/24, internet: true, ports: [vm0]}
host:
  interfaces:
    vm0: {type: tap$1}
    vm1: {type: tap, address: [10.2.0.1/24, "fd00:2::1/64"]${2-}}
  sysctls: {net.ipv4.conf.vm1.proxy_arp: 1}
namespaces:
  red: {networks: {br0: 10.1.0.2}}
  blue:
    interfaces:
      sw0: {type: bridge, ports: [vm0], address: 10.3.0.1/24}
      vm0: {type: tap}
YAML
}

# It ends with its device, or with the lab.
guest() { # NODE DEVICE ADDRESS [UID]
  local tries
  on "$1" "$LAB_PYTHON" "$LAB_SOURCE/guest.py" "${@:2}" >"$LAB/guest.$1.$2" 2>&1 3>&- 4>&- &
  disown
  for ((tries = 0; tries < 100; tries++)); do
    [[ ! -s $LAB/guest.$1.$2 ]] || break
    sleep 0.05
  done
  [[ $(<"$LAB/guest.$1.$2") == open ]] || { cat "$LAB/guest.$1.$2"; return 1; }
}

@test "programs that open taps are reached on a network, on the host alone, and on a namespace's bridge" {
  local before
  settle
  before=$(snapshot)
  up "$(taps '')"
  [[ $(on host ip -d -o link show vm0) == *' master br0 '*'tun type tap '*' persist on '* ]]
  printf 'red 10.1.0.77 - ping unreachable|timeout\n' | expect
  guest host vm0 10.1.0.77
  guest host vm1 10.2.0.77
  guest blue vm0 10.3.0.77
  expect <<'TABLE'
red   10.1.0.77  -  ping  ok
host  10.1.0.77  -  ping  ok
host  10.2.0.77  -  ping  ok
blue  10.3.0.77  -  ping  ok
TABLE
  # That somebody has them open, and how, is no difference; nor is it one any more.
  run -0 script check --strict
  [[ ! $output ]] || fail "$output"
  run -0 script up
  [[ $output == *'nothing to do'* ]]
  script down
  expect_snapshot "$before"
}

@test "QEMU opens one, and its guest is on the network" {
  local mac=52:54:00:12:34:56 pid _
  type -P qemu-system-x86_64 >/dev/null || skip 'qemu-system-x86_64 is not installed'
  up "$(taps '')"
  # A machine without a disk: its firmware looks for one to boot from on the network.
  on host timeout 60 qemu-system-x86_64 -accel tcg -m 64 -display none -nodefaults \
    -netdev tap,id=lan,ifname=vm0,script=no,downscript=no -device "virtio-net-pci,netdev=lan,mac=$mac" >"$LAB/qemu" 2>&1 3>&- 4>&- &
  pid=$!
  for _ in {1..300}; do
    [[ $(on host bridge fdb show br br0) != *"$mac dev vm0"* ]] || break
    sleep 0.1
  done
  [[ $(on host bridge fdb show br br0) == *"$mac dev vm0"* ]] || { cat "$LAB/qemu"; fail 'nothing is heard of the guest'; }
  run -0 script check
  kill "$pid"
  wait "$pid" || true
}

@test "a tap that is gone, unplugged or otherwise set is put right, and goes with its topology" {
  expect_repaired "$(taps '' ', mac: "02:00:00:00:00:01", mtu: 1400')" <<'COMMANDS'
ip link del dev vm0
ip tuntap del dev vm1 mode tap
ip link set vm0 nomaster
ip link set vm1 down mtu 1500
ip link set vm1 address 02:00:00:00:00:02
ip -n blue link del dev vm0
ip -n blue link del dev sw0
ip netns del blue
COMMANDS
}

@test "a tap changes its MTU, its user and its kind, also while it is open" {
  local before other
  settle
  before=$(snapshot)
  up "$(taps '' ', mtu: 1400')"
  guest host vm0 10.1.0.77
  guest host vm1 10.2.0.77
  prepare "$(taps '')"
  run -2 script plan
  script up
  [[ $(on host cat /sys/class/net/vm1/mtu) == 1500 ]]
  expect_ping host 10.2.0.77 # it is the same device
  script check
  if [[ ! -e $LAB/bin/runuser ]]; then # there are other users than root
    prepare "$(taps ', user: 12345')"
    script up
    [[ $(on host cat /sys/class/net/vm0/owner) == 12345 ]]
    script check
  fi
  other=$(taps '')
  sed -i '0,/{type: tap}/s//{type: vxlan, id: 7, remote: 172.16.1.5}/' "$other"
  prepare "$other"
  script up
  [[ $(on host ip -d -o link show vm0) == *' vxlan id 7 '* ]]
  script check
  script down
  expect_snapshot "$before"
}

@test "who may open a tap is its user, who has to be there" {
  [[ ! -e $LAB/bin/runuser ]] || skip "this user namespace has no users but root"
  up "$(taps ', user: nobody')"
  guest host vm0 10.1.0.77 "$(id -u nobody)"
  expect_ping red 10.1.0.77
  run -1 guest host vm1 10.2.0.77 "$(id -u nobody)"
  [[ $output == *'not permitted'* ]]
  script down
  prepare "$(taps ', user: nobody-else')"
  run -1 script up
  [[ $output == *'nothing was changed, because'*'invalid user "nobody-else"'* ]]
}

@test "where no tap can be made, or one of the name is there, nothing is changed" {
  local before
  prepare "$(taps '')"
  before=$(snapshot)
  on host mount --bind /dev/null /dev/net/tun
  run -1 script up
  [[ $output == *'nothing was changed, because'*'ip tuntap add name '*' mode tap user root: '* ]] || fail "$output"
  on host umount /dev/net/tun
  expect_snapshot "$before"
  on host ip tuntap add dev vm1 mode tap
  run -1 script up
  [[ $output == *'link vm1 exists already, and it is not of this topology'* ]]
  on host ip link del dev vm1
  script up
  script down
  expect_snapshot "$before"
}
