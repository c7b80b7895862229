# What every topology has to go through, in both styles.

setup() {
  lab_start
}

teardown() {
  lab_stop
}

# Bridges on which the host has no address, by topology: the plain style leaves their MAC address to the kernel.
declare -gA SWITCHES=(
  [1-bridge]=bridge0
  [2-addresses]=bridge0
  [router]='br0 br1'
  [networks]='bare detached'
  [nodes]=right
  [ports-joined]=west
  [tinet-ecmp]=B0
  [tinet-vxlan]=BB_SW
)
# Topologies in which nobody has an address: in the plain style they have no rules, and their bridges listen to routers,
# as any new device does.
SILENT=' 1-bridge '

# What the plain style does: the same as a script, whose state is in a file, but for these, and for the marks of devices.
expected_of_plain() { # FILE TOPOLOGY
  local topology=${2##*/} bridge mac edits=()
  topology=${topology%.yaml}
  edits=(-e "/ link .* ifalias=nsgen:$(sed -n "s/^NAME='\\(.*\\)'/\\1/p" "$LAB/setup.sh")\$/d")
  for bridge in ${SWITCHES[$topology]-}; do
    mac=$(sed -n "s/^host link $bridge address=//p" "$1")
    edits+=(-e "s/$mac/RANDOM-MAC/" -e "s/$(link_local "$mac")/RANDOM-LINK-LOCAL/")
    [[ $SILENT != *" $topology "* ]] || edits+=(-e "s|^\(host sysctl net/ipv6/conf/$bridge/accept_ra=\)0\$|\11|")
  done
  # Each has a loop of its own around what is started again.
  edits+=(-e "/ bash -c again /{s/'//g;s|again [^ ]*\\.\\([^ .]*\\) always|while :; do \"\$@\"; sleep 1; done \\1|}")
  [[ $SILENT != *" $topology "* ]] || edits+=(-e '/^host ip6\?tables-save /d')
  sed "${edits[@]}" "$1" >"$1.plain"
  ! cmp -s "$1" "$1.plain" || fail "the plain style has no less than the other"
  printf '%s\n' "$1.plain"
}

# The IPv6 address that a device makes itself of its MAC address, RFC 4291, appendix A.
link_local() { # MAC
  local octets
  IFS=: read -ra octets <<<"$1"
  printf 'fe80::%x:%x:%x:%x\n' $(((0x${octets[0]} ^ 2) << 8 | 0x${octets[1]})) $((0x${octets[2]} << 8 | 0xff)) \
    $((0xfe00 | 0x${octets[3]})) $((0x${octets[4]} << 8 | 0x${octets[5]}))
}

# The namespaces that a topology joins, each with an interface of its own, and with a default route unless it takes ours.
others() { # TOPOLOGY
  local name
  sed -nE 's#^ *join: /run/netns/(.*)#\1#p' "$REPOSITORY/${1#"$REPOSITORY/"}" | while read -r name; do
    on host ip netns add "$name"
    on host ip -n "$name" -batch - <<'IP'
link add eth0 type veth peer name eth1
link set eth1 up
link set eth0 up
address add 172.20.0.2/24 dev eth0
IP
    ! grep -q 'default_route: false' "$1" || on host ip -n "$name" route add default via 172.20.0.1
  done
}

# The plain style does the same, but for what it leaves out. (That `up` twice is the same as once, and that `down` leaves
# nothing, each is tried for in tests/proof/test_verify.py.)
do_alike() { # TOPOLOGY
  local before stateless
  others "$1"
  before=$(snapshot)
  prepare "$1"
  script up
  stateless=$(expected_of_plain "$(snapshot --stateless)" "$1")
  script down
  prepare "$1" --style plain
  script
  expect_snapshot "$stateless" --stateless
  prepare "$1" --style plain --teardown
  script
  expect_snapshot "$before"
}

# Brought up twice it is the same as once, and taken down twice the machine is as it was.
bring_up_and_down() { # TOPOLOGY MACHINE
  local before batch
  lab_stop
  MACHINE=$2 lab_start
  before=$(snapshot)
  prepare "$1"
  script up
  batch=$(snapshot)
  cmp -s "$before" "$batch" && fail "up does nothing"
  script up
  expect_snapshot "$batch"
  run -0 script check
  script down
  expect_snapshot "$before"
  run -1 script check
  script down
  expect_snapshot "$before"
  do_alike "$1"
}

# A test for each topology of a folder, or for some of them.
for_each_topology() { # FOLDER [STEP OFFSET]
  local files=("$REPOSITORY/$1"/*.yaml) at
  for ((at = ${3:-0}; at < ${#files[@]}; at += ${2:-1})); do
    bats_test_function --description "${files[at]##*/}: both styles do alike" -- do_alike "${files[at]}"
  done
}
