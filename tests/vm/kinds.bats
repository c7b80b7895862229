# Kinds of interfaces that take modules of a real kernel: each topology of tests/vm/kinds goes up twice, is checked and used,
# is repaired, and goes down twice, with nothing left.
bats_require_minimum_version 1.5.0
load lab

readonly KINDS=/root/kinds

# A module that makes a device of its own in every namespace does so before anything is compared: it stays loaded.
setup_file() {
  modprobe -a dummy tun 8021q ipvlan ip_gre ip6_gre ipip ip6_tunnel sit wireguard bonding vrf sch_netem
  ip link add wan7 address 02:00:00:00:00:07 type dummy # one that is set is not changed by udev a moment later
  ip link set wan7 up
  echo "# $(. /etc/os-release && echo "$PRETTY_NAME"), kernel $(uname -r), $(ip -V)" >&3
}

# What failed is not in the way of the next.
teardown() {
  local script
  for script in "$KINDS"/*/setup.sh; do
    [[ ! -e /run/nsgen/$(sed -n "s/^NAME='\\(.*\\)'/\\1/p" "$script") ]] || bash "$script" down
  done
}

state() {
  ip -d -o link | sed 's/ *\\ */ /g; s/ hoplimit [0-9]*//'
  ip -o address show scope global
  ip route show table all | grep -v 'expires'
  ip rule
  ip -6 rule
  ip netns
  tc qdisc
  ls -d /run/nsgen* 2>/dev/null
  iptables-save | sed -n '/^-A/p' # an empty table stays
  sysctl -n net.ipv4.ip_forward net.ipv6.conf.all.forwarding
}

# What the kernel removes a moment later has some seconds to go.
is_as_before() {
  local tries
  for ((tries = 0; tries < 20; tries++)); do
    [[ $(state) != "$BEFORE" ]] || return 0
    sleep 0.5
  done
  diff <(printf '%s\n' "$BEFORE") <(printf '%s\n' "$(state)")
  return 1
}

script() {
  bash "$KINDS/$TOPOLOGY/setup.sh" "$@"
}

goes_up_and_down() { # TOPOLOGY
  local BEFORE TOPOLOGY=$1 complete
  BEFORE=$(state)
  script up
  complete=$(inside)
  script up
  script check
  [[ $(inside) == "$complete" ]] || fail "the second up changes: $(diff <(printf '%s\n' "$complete") <(inside))"
  pings_of "$TOPOLOGY"
  run -0 claims
  [[ $(type -t "look_at_$TOPOLOGY") != function ]] || "look_at_$TOPOLOGY"
  script check
  is_repaired
  script down
  is_as_before
  run -1 script check
  script down
  is_as_before
}

# Devices, addresses and routes of every namespace.
inside() {
  local node
  for node in /run/netns/*; do
    node=${node##*/}
    ip -n "$node" -o address show scope global
    ip -n "$node" -o link | sed 's/ state [A-Z]*//; s/,M-DOWN//; s/<NO-CARRIER,/</; s/,LOWER_UP//' | cut -d ' ' -f 2,3
    ip -n "$node" route show table all | grep -v ' metric 256\|fe80\|^multicast\|ff00'
  done
}

# What `nsgen verify` tries in a rehearsal, asked on this machine: verify.bats of `render -o`.
claims() {
  [[ ! -e $KINDS/$TOPOLOGY/verify.bats ]] || /mnt/bats/bin/bats --tap "$KINDS/$TOPOLOGY/verify.bats"
}

pings_of() { # TOPOLOGY
  local topology from to answer
  while read -r topology from to answer; do
    [[ $topology == "$1" ]] || continue
    if [[ $answer == yes ]]; then
      on "$from" ping -q -c 1 -w 10 "$to" >/dev/null </dev/null || fail "$from does not reach $to"
    else
      ! on "$from" ping -q -c 1 -W 1 "$to" >/dev/null </dev/null || fail "$from reaches $to"
    fi
  done <"$BATS_TEST_DIRNAME/kinds/pings"
}

# Whatever device of a namespace is gone is told, and put back.
is_repaired() {
  local node device
  node=$(printf '%s\n' /run/netns/* | head -n 1) node=${node##*/}
  device=$(ip -n "$node" -o link | sed -n 's/^[0-9]*: \([^:@]*\).*/\1/p' | grep -vxE 'lo|gre0|gretap0|erspan0|tunl0|sit0|ip6tnl0|ip6gre0|wan7' | tail -n 1)
  [[ $device ]] || return 0
  ip -n "$node" link del dev "$device"
  run -1 script check
  [[ $output == *"$device"* ]] || fail "check does not name $device of $node: $output"
  script up
  script check
  pings_of "$TOPOLOGY"
}

# What somebody has changed is told, set right, and told no more.
is_set_right() { # SAID
  run -1 script check
  [[ $output == *"$1"* ]] || fail "check does not say: $1: $output"
  script up
  run -0 script check
  [[ ! $output ]] || fail "after up, check says: $output"
}

look_at_trunk() {
  [[ $(bridge -n sw vlan show dev p1) == *'10 PVID Egress Untagged'* ]]
  bridge -n sw vlan del dev p0 vid 20
  is_set_right 'sw: missing: vlan p0 20'
  bridge -n sw vlan add dev p1 vid 10 # it is tagged from now on
  is_set_right 'sw: missing: vlan p1 10 PVID Egress Untagged'
  ip -n sw link set br0 type bridge vlan_filtering 0
  is_set_right 'sw: missing: link br0 type bridge vlan_filtering 1'
  [[ $(bridge -n sw vlan show dev p1) == *'10 PVID Egress Untagged'* ]]
}

look_at_vnis() {
  local other=$BATS_TEST_TMPDIR/other.sh
  [[ $(bridge -n sw1 vni show) == *vx0*100*200* ]]
  bridge -n sw1 vni delete dev vx0 vni 200
  is_set_right 'sw1: missing: vlan vx0 200'
  bridge -n sw1 vlan del dev vx0 vid 10 tunnel_info id 100
  is_set_right 'sw1: missing: vlan vx0 10 100'
  ip -n sw2 link set dev vx0 type bridge_slave vlan_tunnel off
  is_set_right 'sw2: missing: link vx0 type bridge_slave vlan_tunnel on'
  bridge -n sw2 vni add dev vx0 vni 400
  run -0 script check
  [[ $output == *'sw2: besides: vlan vx0 400'* ]]
  bridge -n sw2 vni delete dev vx0 vni 400
  # A number that changes: nothing of the old one is left.
  sed -E 's/(vni|id) 200$/\1 300/' "$KINDS/vnis/setup.sh" >"$other"
  bash "$other" up
  bash "$other" check
  [[ $(bridge -n sw1 vni show; bridge -n sw1 vlan tunnelshow; bridge -n sw1 fdb show dev vx0) != *200* ]]
  on blue1 ping -q -c 1 -w 10 10.7.0.3 >/dev/null </dev/null
  script up
  script check
}

# One cable down is noticed, and nobody else has to.
look_at_tinet-bond() {
  local port
  port=$(on R1 cat /sys/class/net/bond0/bonding/active_slave)
  ip -n R2 link set "$port" down
  sleep 1
  pings_of tinet-bond
  [[ $(on R1 cat /sys/class/net/bond0/bonding/active_slave) != "$port" ]] || fail "$port is still in use"
  run -1 script check
  [[ $'\n'$output$'\n' == *$'\n'"R2: missing: link $port up"$'\n'* ]] || fail "$output"
  script up
}

look_at_netpen-vrf() {
  ip -n d link set eth0 down
  ! on c ping -q -c 1 -W 1 198.51.100.130 >/dev/null || fail 'c reaches what is not in its VRF'
  on a ping -q -c 1 -w 10 198.51.100.130 >/dev/null
  script up
}

look_at_tinet-vrf2() {
  ip -n C4 link set net0 down
  ! on C3 ping -q -c 1 -W 1 10.2.0.2 >/dev/null || fail 'C3 reaches what is not in its VRF'
  on C1 ping -q -c 1 -w 10 10.2.0.2 >/dev/null
  script up
}

look_at_impair() {
  local time
  [[ $(tc -n a qdisc show dev slow) == *'netem '*'delay 200ms'*'rate 500Mbit'* ]]
  [[ $(tc -n b qdisc show dev bad) == *'delay 10ms  2ms'*'loss 0.1%'* ]]
  time=$(on a ping -c 3 -i 1 192.0.2.2 | sed -n 's|^rtt [^=]*= \([0-9]*\).*|\1|p')
  ((time >= 400 && time < 1000)) || fail "a ping there and back takes $time ms, not 400"
  tc -n a qdisc del dev slow root
  is_set_right 'a: missing: qdisc netem dev slow '
  tc -n b qdisc change dev bad root netem delay 50ms
  is_set_right 'b: missing: qdisc netem dev bad '
  tc qdisc replace dev lab0 root pfifo
  is_set_right 'host: missing: qdisc netem dev lab0 '
  [[ $(tc -n a qdisc show dev slow) == *'netem '*'delay 200ms'*'rate 500Mbit'* ]]
  [[ $(tc -n b qdisc show dev bad) == *'delay 10ms  2ms'*'loss 0.1%'* ]]
}

look_at_physical() {
  ip -n red -o link show wan7
  [[ ! -e /sys/class/net/wan7 ]]
}

look_at_tap() {
  [[ $(ip -d -o link show vm0) == *' tun type tap '*' persist on user nobody '* ]]
  [[ $(ip -d -o link show vm1) == *' persist on user root '* ]]
  ip tuntap del dev vm1 mode tap
  is_set_right 'host: missing: device vm1'
  ip -n sw link del dev vm2
  is_set_right 'sw: missing: device vm2'
}

look_at_netpen-wg() {
  local before after file
  before=$(cat /etc/wireguard/*.key)
  for file in /etc/wireguard/{alice,bob}.key; do
    [[ $(stat -c '%a %U' "$file") == '600 root' ]]
    ! grep -r -F -f "$file" /run/nsgen* || fail "a key is in /run"
  done
  [[ $(on alice wg show safe latest-handshakes) != *$'\t0' ]]
  on alice wg set safe peer "$(wg pubkey </etc/wireguard/bob.key)" remove
  run -1 script check
  [[ $output == *'alice: missing: wireguard safe '* ]] || fail "$output"
  run -0 script up
  for file in /etc/wireguard/{alice,bob}.key; do
    [[ $output != *"$(<"$file")"* ]] || fail 'up shows a key'
  done
  script check
  on alice wg set safe peer "$(wg pubkey </etc/wireguard/bob.key)" allowed-ips 10.9.9.9/32
  is_set_right 'alice: missing: wireguard safe '
  [[ $(on alice wg show safe allowed-ips) == *10.0.0.2/32* ]]
  after=$(cat /etc/wireguard/*.key)
  [[ $before == "$after" ]] || fail 'another up makes other keys'
}

for topology in "$KINDS"/*/; do
  topology=${topology%/} topology=${topology##*/}
  bats_test_function --description "$topology: up twice, check, pings, repair, down twice, and nothing left" \
    -- goes_up_and_down "$topology"
done

hides_its_keys() {
  local TOPOLOGY=netpen-wg file
  rm -f /etc/wireguard/*.key
  run -0 script up
  printf '%s\n' "$output" >"$BATS_TEST_TMPDIR/said"
  script check >>"$BATS_TEST_TMPDIR/said" 2>&1
  script down >>"$BATS_TEST_TMPDIR/said" 2>&1
  for file in /etc/wireguard/{alice,bob}.key; do
    [[ $(stat -c '%a %U' "$file") == '600 root' ]]
    ! grep -q -F -f "$file" "$BATS_TEST_TMPDIR/said" || fail "$file was shown"
    ! grep -q -F -f "$file" "$KINDS/netpen-wg/setup.sh"
  done
}

[[ ! -e $KINDS/netpen-wg ]] || bats_test_function --description \
  'the keys of WireGuard are made for root alone, and nothing that the script says has them' -- hides_its_keys
