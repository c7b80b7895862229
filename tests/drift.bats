#!/usr/bin/env bats
# What somebody changes while a topology is up: what is ours is named by `check`, and set right by `up`; what is beside it
# is told, and stays; and what belongs to the kernel or to a daemon is not even told.

bats_require_minimum_version 1.5.0
load lab/lab
load campaign/lifecycle/campaign

teardown() {
  lab_stop
}

# --- what is ours ---

# The names in the table below, in each topology. $ALT is nobody's address, $C what our chains are called.
name_things() { # TOPOLOGY
  export NAME=$1 C=NSGEN-$1 NS=red END=veth-red PORT=veth-red-br NS2=blue PORT2=veth-blue-br
  export BR=bridge0 NET=192.168.15.0/24 GW=192.168.15.1 A=192.168.15.2/24 ALT=192.168.15.77
  export NET6=fd00:15::/64 GW6=fd00:15::1 A6=fd00:15::2/64 ALT6=fd00:15::77
  case $1 in
    two-networks) export NS2=green PORT2=veth-green-br ;;
    router)
      export NS=ns1 END=veth-ns1 PORT=veth-ns1-br NS2=ns2 PORT2=veth-ns2-br
      export BR=br0 NET=192.168.1.0/24 GW=192.168.1.1 A=192.168.1.2/24 ALT=192.168.1.77
      ;;
  esac
}

# (A namespace that was deleted takes its cables along a moment later.)
# Topologies, by their initials | the node that is named | what is done | what is said of it, as an extended regular
# expression | what is to be undone, because it is somebody else's.
breakages() {
  cat <<'BREAKAGES'
adtr|host|ip link set $BR type bridge stp_state 1|$BR .*stp_state
adtr|host|ip link set $BR type bridge ageing_time 10000|$BR .*ageing_time
adtr|host|ip link set $BR type bridge mcast_snooping 0|$BR .*mcast_snooping
adtr|host|ip link set $BR type bridge nf_call_iptables 1|$BR .*nf_call_iptables
adtr|host|ip link set $BR address 02:00:00:00:00:77|$BR .*address
adtr|host|ip link set $BR mtu 1400|$BR .*mtu
adtr|host|ip link set $BR arp off|$BR .*arp
adtr|host|ip link set $BR down|$BR .*up
adtr|host|ip link set $BR down; ip link set $BR name renamed0|$BR
adtr|host|ip link del $BR|$BR
adtr|host|ip link set $PORT mtu 1400|$PORT .*mtu
adtr|host|ip link set $PORT address 02:00:00:00:00:88|$PORT .*address
adtr|host|ip link set $PORT arp off|$PORT .*arp
adtr|host|ip link set $PORT down|$PORT .*up
adtr|host|ip link set $PORT down; ip link set $PORT name renamed0|$PORT
adtr|host|ip link del $PORT|$PORT
adtr|host|ip link set $PORT nomaster|$PORT .*master
adtr|host|ip link set $PORT2 master other|$PORT2 .*master
adtr|host|ip link set $PORT type bridge_slave learning off|$PORT .*learning
adtr|host|ip link set $PORT type bridge_slave cost 50|$PORT .*cost
adtr|host|ip link set $PORT type bridge_slave flood off|$PORT .*flood
adtp|host|ip link set $PORT type bridge_slave hairpin off|$PORT .*hairpin
adtr|host|ip link set $PORT2 type bridge_slave hairpin on|$PORT2 .*hairpin
adtr|host|ip link set $PORT2 type bridge_slave isolated on|$PORT2 .*isolated
p|host|ip link set $PORT2 type bridge_slave isolated off|$PORT2 .*isolated
adtr|$NS|ip -n $NS link set $END mtu 1400|$END .*mtu
adtr|$NS|ip -n $NS link set $END address 02:00:00:00:00:99|$END .*address
adtr|$NS|ip -n $NS link set $END arp off|$END .*arp
adtr|$NS|ip -n $NS link set $END down|$END .*up
adtr|$NS|ip -n $NS link set $END down; ip -n $NS link set $END name renamed0|$END
adtr|$NS|ip -n $NS link del $END|$END
adtr|$NS|ip -n $NS link set lo down|lo .*up
adtr|$NS|ip -n $NS address del $A dev $END|$A
d|$NS|ip -n $NS address del $A6 dev $END|$A6
adt|host|ip address del $GW/24 dev $BR|$GW/24
d|host|ip address del $GW6/64 dev $BR|$GW6/64
adtr|$NS|ip -n $NS route del default|route default via $GW
d|$NS|ip -n $NS -6 route del default|route default via $GW6
adtr|$NS|ip -n $NS route replace default via $ALT|route default via $GW
d|$NS|ip -n $NS -6 route replace default via $ALT6|route default via $GW6
adt|host|ip route flush dev $BR|route $NET
d|host|ip -6 route flush dev $BR|route $NET6
adtr|$NS|ip -n $NS route flush table main|route $NET
d|$NS|ip -n $NS -6 route flush table main|route $NET6
adtr|$NS|ip -n $NS route flush table all|route $NET
d|$NS|ip -n $NS -6 route flush table all|route $NET6
adtr|$NS2|ip netns del $NS2; timeout 5 sh -c "while ip link show dev $PORT2; do sleep 0.02; done" >/dev/null 2>&1|namespace
adtr|$NS2|ip netns del $NS2; timeout 5 sh -c "while ip link show dev $PORT2; do sleep 0.02; done" >/dev/null 2>&1; : >/run/netns/$NS2|namespace
adtr|host|iptables -w -D $C-INTO 1|iptables .*$C-INTO
adtr|host|iptables -w -R $C-INTO 1 -s 10.1.2.3 -j ACCEPT|iptables .*$C-INTO
adtr|host|iptables -w -I $C-INTO 2 -j ACCEPT|iptables .*$C-INTO -j ACCEPT
adtr|host|iptables -w -A $C-INTO -p tcp --dport 7 -j ACCEPT|iptables .*$C-INTO .*--dport 7
adtr|host|rule=$(iptables -S $C-INTO 1); iptables -w -D $C-INTO 1; iptables -w $rule|iptables .*$C-INTO
adtr|host|iptables -w -D FORWARD -m comment --comment nsgen:$NAME -j $C-INTO|iptables .*FORWARD .*$C-INTO
adtr|host|iptables -w -A FORWARD -m comment --comment nsgen:$NAME -j $C-INTO|iptables .*FORWARD .*$C-INTO
adtr|host|iptables -w -I FORWARD -j DROP|iptables .*FORWARD .*$C-INTO|iptables -w -D FORWARD -j DROP
adt|host|iptables -w -F; iptables -w -X|iptables .*$C-INTO
adt|host|iptables -w -t nat -F; iptables -w -t nat -X|iptables .*$C-PRE
adt|host|iptables -w -t nat -D $C-POST 1|iptables .*$C-POST
adt|host|iptables -w -t nat -I $C-POST 2 -j ACCEPT|iptables .*$C-POST -j ACCEPT
adt|host|iptables -w -t nat -I PREROUTING -j ACCEPT|iptables .*$C-PRE|iptables -w -t nat -D PREROUTING -j ACCEPT
adt|host|iptables -w -t nat -I POSTROUTING -j RETURN|iptables .*$C-POST|iptables -w -t nat -D POSTROUTING -j RETURN
adt|host|iptables -w -t raw -I PREROUTING -m comment --comment mine -j ACCEPT|iptables .*$C-RAW|iptables -w -t raw -D PREROUTING -m comment --comment mine -j ACCEPT
dr|host|ip6tables -w -D $C-INTO 1|ip6tables .*$C-INTO
dr|host|ip6tables -w -R $C-INTO 1 -s fd00:99::1 -j ACCEPT|ip6tables .*$C-INTO
dr|host|ip6tables -w -A $C-INTO -j ACCEPT|ip6tables .*$C-INTO -j ACCEPT
dr|host|rule=$(ip6tables -S $C-INTO 1); ip6tables -w -D $C-INTO 1; ip6tables -w $rule|ip6tables .*$C-INTO
dr|host|ip6tables -w -D FORWARD -m comment --comment nsgen:$NAME -j $C-INTO|ip6tables .*FORWARD .*$C-INTO
dr|host|ip6tables -w -I FORWARD -j DROP|ip6tables .*FORWARD .*$C-INTO|ip6tables -w -D FORWARD -j DROP
d|host|ip6tables -w -t nat -F; ip6tables -w -t nat -X|ip6tables .*$C-PRE
adt|host|sysctl -qw net.ipv4.ip_forward=0|net.ipv4.ip_forward is 0, not 1
adt|host|sysctl -qw net.bridge.bridge-nf-call-iptables=0|net.bridge.bridge-nf-call-iptables is 0, not 1
adt|host|sysctl -qw net.ipv4.conf.$BR.route_localnet=0|net.ipv4.conf.$BR.route_localnet is 0, not 1
at|host|sysctl -qw net.ipv6.conf.$BR.disable_ipv6=0|net.ipv6.conf.$BR.disable_ipv6 is 0, not 1
dr|host|sysctl -qw net.ipv6.conf.$BR.accept_ra=1|net.ipv6.conf.$BR.accept_ra is 1, not 0
d|host|sysctl -qw net.ipv6.conf.all.forwarding=0|net.ipv6.conf.all.forwarding is 0, not 1
d|host|sysctl -qw net.bridge.bridge-nf-call-ip6tables=0|net.bridge.bridge-nf-call-ip6tables is 0, not 1
p|host|sysctl -qw net.ipv4.ip_default_ttl=64|net.ipv4.ip_default_ttl is 64, not 63
t|yellow|ip netns exec yellow sysctl -qw net.ipv4.ip_forward=1|net.ipv4.ip_forward is 1, not 0
r|router-ns|ip netns exec router-ns sysctl -qw net.ipv4.ip_forward=0|net.ipv4.ip_forward is 0, not 1
r|router-ns|ip netns exec router-ns sysctl -qw net.ipv6.conf.all.forwarding=0|net.ipv6.conf.all.forwarding is 0, not 1
p|$NS|ip netns exec $NS sysctl -qw net.ipv4.tcp_fin_timeout=60|net.ipv4.tcp_fin_timeout is 60, not 7
adtp|$NS|read -r pid _ </run/nsgen/$NAME/$NS.web.pid; kill $pid; while [[ -e /proc/$pid ]]; do sleep 0.02; done|service web
p|host|sed -i s/192.168/192.169/ /etc/netns/$NS/hosts|/etc/netns/$NS/hosts
p|host|rm /etc/netns/$NS/hosts|/etc/netns/$NS/hosts
p|host|rm -r /etc/netns/$NS|/etc/netns/$NS/hosts
BREAKAGES
}

# The state, as it is with another MAC address dealt to a cable: setting it back makes it one that was set. And without the
# kernel's anycast routes: after `arp off` and `arp on` it counts them wrongly, and has none once a device was down.
built() {
  local file
  file=$(state)
  sed -i -E -e '/ (link|address) (veth|lo)/s/([0-9a-f]{2}:){5}[0-9a-f]{2}/RANDOM-MAC/g' \
    -e 's/fe80:[0-9a-f:]*ff:fe[0-9a-f:]*/RANDOM-LINK-LOCAL/g' -e '/ route -6 .* type=anycast/d' "$file"
  printf '%s\n' "$file"
}

is_built() { # FILE
  local now _
  for _ in {1..12}; do
    now=$(built)
    cmp -s "$1" "$now" && { rm "$now"; return 0; }
    sleep 0.3
  done
  diff -U0 --label built --label now "$1" "$now" | grep -v '^@@' | head -n 12 >&2
  return 1
}

# One breakage: seen, planned, set right, and as built. (What is planned differs by what is broken, hardly by the topology:
# it is tried for two of them.)
is_seen_and_set_right() { # BUILT NODE DONE SAID AFTERWARDS
  local output planned status=0
  on host bash -c "$3" || { echo "it cannot be done" >&2; return 1; }
  output=$(script check 2>&1) || status=$?
  ((status == 1)) || { echo "check exits $status: $output" >&2; return 1; }
  grep -qE -- "^$2: .*$4" <<<"$output" || { echo "check does not say of $2: $4: $output" >&2; return 1; }
  if [[ $PLANNED ]]; then
    status=0
    planned=$(script plan 2>"$LAB/said") || status=$?
    ((status == 2)) || { echo "plan exits $status: $(<"$LAB/said")" >&2; return 1; }
  fi
  output=$(script up 2>"$LAB/said") || { echo "up fails: $output$(<"$LAB/said")" >&2; return 1; }
  [[ ! $PLANNED ]] || diff <(printf '%s\n' "$planned") <(printf '%s\n' "$output") >&2 || { echo "up does otherwise than planned" >&2; return 1; }
  output=$(script check 2>&1) && [[ ! $output ]] || { echo "after up, check says: $output" >&2; return 1; }
  if [[ $5 ]]; then
    on host bash -c "$5"
    output=$(script check 2>&1) && [[ ! $output ]] || { echo "after \`$5\`, check says: $output" >&2; return 1; }
  fi
  is_built "$1"
}

# Whatever state it is in, nothing is left of it.
raze() {
  on host bash -s "$LAB/setup.sh" >/dev/null 2>&1 <<'RAZE' || true
    cat /run/nsgen/*/*.pid | while read -r pid _; do kill "$pid"; done
    ip link del renamed0
    bash "$1" down
    rm -rf /run/nsgen
    for netns in /run/netns/*; do ip netns del "${netns##*/}" || rm -f "$netns"; done
RAZE
}

everything_is_seen() { # INITIAL TOPOLOGY_FILE
  local built where node broken said afterwards failures=0 tried=0 PLANNED=''
  [[ $1 != [ap] ]] || PLANNED=yes
  lab_start redirects=0 rp_filter=1
  # Addresses are used at once, without a second for duplicate address detection.
  on host sysctl -qw net.ipv6.conf.default.accept_dad=0
  # Somebody else's bridge: its address is set, or it would change with each port.
  on host ip link add other address 02:00:00:00:00:01 type bridge
  prepare "$2"
  name_things "$(sed -n "s/^NAME='\\(.*\\)'/\\1/p" "$LAB/setup.sh")"
  script up
  built=$(built)
  while IFS='|' read -r where node broken said afterwards; do
    [[ $where == *"$1"* ]] || continue
    ((++tried))
    eval "node=\"$node\" said=\"$said\"" # the names of this topology
    is_seen_and_set_right "$built" "$node" "$broken" "$said" "$afterwards" && continue
    complain "$NAME: $broken"
    # The others are to have their chance.
    [[ ! $afterwards ]] || on host bash -c "$afterwards" 2>/dev/null || true
    raze
    script up || { complain "$NAME: it cannot be built anew"; break; }
    is_built "$built" || { complain "$NAME: it cannot be built anew as it was"; break; }
  done < <(breakages)
  ((tried > 5 && failures == 0))
}

parts() {
  cat <<'YAML'
name: parts
networks: {bridge0: {subnet: 192.168.15.0/24, internet: true, isolate: true}}
namespaces:
  red:
    networks: {bridge0: 192.168.15.2}
    publish: ["8080:80"]
    sysctls: {net.ipv4.tcp_fin_timeout: 7}
    hosts: true
    services: {web: {command: [sleep, "1000"]}}
  blue:
    networks: [bridge0]
host:
  sysctls: {net.ipv4.ip_default_ttl: 63}
YAML
}

@test "article: whatever of ours is changed is named by check, and set right by up" {
  everything_is_seen a examples/article.yaml
}

@test "dual-stack: whatever of ours is changed is named by check, and set right by up" {
  everything_is_seen d examples/dual-stack.yaml
}

@test "two-networks: whatever of ours is changed is named by check, and set right by up" {
  everything_is_seen t examples/two-networks.yaml
}

@test "router: whatever of ours is changed is named by check, and set right by up" {
  everything_is_seen r examples/router.yaml
}

@test "parts: whatever of ours is changed is named by check, and set right by up" {
  parts >"$BATS_TEST_TMPDIR/parts.yaml"
  everything_is_seen p "$BATS_TEST_TMPDIR/parts.yaml"
}

# --- what is beside ours ---

# The node | what somebody puts there; with `del` for `add`, and -D for -A, it is removed again | what `check` says of it,
# as an extended regular expression | what prints something as long as it is there
beside() {
  cat <<'BESIDE'
red|ip -n red address add 10.99.0.1/32 dev veth-red|10.99.0.1/32|ip -n red -o address show to 10.99.0.1
red|ip -n red address add 10.99.0.2/32 dev lo|10.99.0.2/32|ip -n red -o address show to 10.99.0.2
red|ip -n red address add fd00:99::1/128 dev veth-red|fd00:99::1/128|ip -n red -o address show to fd00:99::1
red|ip -n red address add fd00:99::2/128 dev lo|fd00:99::2/128|ip -n red -o address show to fd00:99::2
host|ip address add 10.99.0.3/32 dev bridge0|10.99.0.3/32|ip -o address show to 10.99.0.3
host|ip address add fd00:99::3/128 dev bridge0|fd00:99::3/128|ip -o address show to fd00:99::3
red|ip -n red route add 10.98.0.0/16 via 192.168.15.9|route 10.98.0.0/16|ip -n red route show 10.98.0.0/16
red|ip -n red route add default via 192.168.15.9 metric 7|route default via 192.168.15.9|ip -n red route show default metric 7
red|ip -n red route add 10.98.0.0/16 via 192.168.15.9 table 7|route 10.98.0.0/16 .*table 7|ip -n red route show table 7
red|ip -n red -6 route add fd00:98::/64 via fd00:15::9|route fd00:98::/64|ip -n red -6 route show fd00:98::/64
host|ip route add 10.98.0.0/16 via 192.168.15.9|route 10.98.0.0/16|ip route show 10.98.0.0/16
host|ip -6 route add fd00:98::/64 via fd00:15::9|route fd00:98::/64|ip -6 route show fd00:98::/64
red|ip -n red route add blackhole 10.97.0.0/16|route blackhole 10.97.0.0/16|ip -n red route show type blackhole 10.97.0.0/16
red|ip -n red -6 route add blackhole fd00:97::/64|route blackhole fd00:97::/64|ip -n red -6 route show type blackhole fd00:97::/64
red|ip -n red neighbour add 192.168.15.9 lladdr 02:00:00:00:00:09 nud permanent dev veth-red|neighbour 192.168.15.9 |ip -n red neighbour show to 192.168.15.9 nud permanent
red|ip -n red neighbour add fd00:15::9 lladdr 02:00:00:00:00:09 nud permanent dev veth-red|neighbour fd00:15::9 |ip -n red neighbour show to fd00:15::9 nud permanent
red|ip -n red link add extra0 type bridge|device extra0|ip -n red -o link show extra0
red|ip -n red rule add priority 5 to 10.96.0.0/16 blackhole|rule .*10.96.0.0/16|ip -n red rule show priority 5
red|ip -n red -6 rule add priority 5 to fd00:96::/64 blackhole|rule .*fd00:96::/64|ip -n red -6 rule show priority 5
red|ip netns exec red iptables -w -A INPUT -p tcp --dport 25 -j DROP|dport 25|ip netns exec red iptables -S INPUT 1
red|ip netns exec red ip6tables -w -A INPUT -p tcp --dport 26 -j DROP|dport 26|ip netns exec red ip6tables -S INPUT 1
red|ip netns exec red iptables-nft -w -t nat -A OUTPUT -p tcp --dport 27 -j ACCEPT|dport 27|ip netns exec red iptables-nft -t nat -S OUTPUT 1
BESIDE
}

# The same of what is not told: it is there, and goes on.
untold() {
  cat <<'UNTOLD'
red|ip -n red address add 10.95.0.1/24 dev veth-red valid_lft 1000 preferred_lft 1000|-|ip -n red -o address show to 10.95.0.1
red|ip -n red address add fd00:95::1/128 dev veth-red valid_lft 1000 preferred_lft 1000 noprefixroute|-|ip -n red -o address show to fd00:95::1
host|ip address add 10.94.0.1/24 dev bridge0 valid_lft 1000 preferred_lft 1000|-|ip -o address show to 10.94.0.1
red|ip -n red route add default via 192.168.15.9 metric 100 proto dhcp|-|ip -n red route show default metric 100
red|ip -n red route add 10.93.1.0/24 via 192.168.15.9 proto zebra|-|ip -n red route show 10.93.1.0/24
red|ip -n red route add 10.93.2.0/24 via 192.168.15.9 proto ospf|-|ip -n red route show 10.93.2.0/24
red|ip -n red route add 10.93.3.0/24 via 192.168.15.9 proto bgp|-|ip -n red route show 10.93.3.0/24
red|ip -n red -6 route add fd00:93:1::/64 via fd00:15::9 proto zebra|-|ip -n red -6 route show fd00:93:1::/64
red|ip -n red -6 route add fd00:93:2::/64 via fd00:15::9 proto ospf|-|ip -n red -6 route show fd00:93:2::/64
red|ip -n red -6 route add fd00:93:3::/64 via fd00:15::9 proto bgp|-|ip -n red -6 route show fd00:93:3::/64
red|ip -n red -6 route add default via fd00:15::9 metric 512 proto ra expires 1000|-|ip -n red -6 route show default proto ra
red|ip -n red -6 route add fd00:93:4::/64 dev veth-red proto ra|-|ip -n red -6 route show fd00:93:4::/64
host|ip route add 10.92.0.0/16 via 192.168.15.2 proto bgp|-|ip route show 10.92.0.0/16
host|ip -6 route add fd00:92::/64 via fd00:15::2 proto ospf|-|ip -6 route show fd00:92::/64
UNTOLD
}

# Each on its own: told, or not, with the exit status; and it outlasts an `up`.
each_alone() { # TABLE
  local node put said there output
  while IFS='|' read -r node put said there; do
    on host bash -c "$put" || { complain "it cannot be done: $put"; continue; }
    is_told_right "$node" "$said" || complain "check: $put"
    output=$(script up 2>&1) || complain "up fails: $put"
    [[ $output == "nsgen: dual-stack: nothing to do" ]] || complain "up says: $output: $put"
    is_told_right "$node" "$said" || complain "check after up: $put"
    [[ $(on host bash -c "$there") ]] || complain "it is gone: $put"
    put=${put/ add / del }
    on host bash -c "${put/ -A / -D }" || complain "it cannot be removed: $put"
    output=$(script check --strict 2>&1) || complain "removed, it is told: $output: $put"
  done < <("$1")
}

is_told_right() { # NODE SAID
  local output
  output=$(script check 2>&1) || { printf '%s\n' "check fails: $output" >&2; return 1; }
  if [[ $2 == - ]]; then
    [[ ! $output ]] || { printf '%s\n' "told: $output" >&2; return 1; }
    script check --strict >/dev/null
  else
    grep -qE -- "^$1: besides: .*$2" <<<"$output" || { printf '%s\n' "not told: $2: $output" >&2; return 1; }
    [[ $(grep -cv ': besides: ' <<<"$output") -eq 0 ]] || { printf '%s\n' "told otherwise: $output" >&2; return 1; }
    output=$(script check --strict) && { echo "check --strict exits 0" >&2; return 1; }
    return 0
  fi
}

put_all() { # TABLE
  local put
  while IFS='|' read -r _ put _; do on host bash -c "$put"; done < <("$1")
}

# All of it at once is still there, and told as before.
expect_all_there() { # TABLE WHEN
  local node put said there
  while IFS='|' read -r node put said there; do
    [[ $(on host bash -c "$there" 2>&1) ]] || complain "gone, $2: $put"
    [[ $said == - ]] || grep -qE -- "^$node: besides: .*$said" <<<"$output" || complain "no longer told, $2: $put"
  done < <("$1")
}

survives() { # TABLE
  local changed output failures=0 built
  lab_start redirects=0 rp_filter=1
  changed=$(render_to changed "$(variant examples/dual-stack.yaml 's/"8080:80"/"8081:80"/' 's/"fd00:15::2"\]/"fd00:15::2", 192.168.15.22]/' \
    's/^  blue:/  green: {networks: [bridge0]}\n  blue:/')")
  prepare examples/dual-stack.yaml
  script up
  built=$(built)
  each_alone "$1"
  is_built "$built" || complain "something is left"
  put_all "$1"
  # An `up` that has something to set right in the same places.
  on host ip -n red route del default via 192.168.15.1
  on host ip -n red -6 route del default via fd00:15::1
  on host ip -n red link set veth-red mtu 1400
  on host ip link set bridge0 mtu 1400
  on host iptables -w -t nat -F NSGEN-dual-stack-PRE
  script up || complain "up fails where it has to set something right"
  output=$(script check) || complain "check after up: $output"
  expect_all_there "$1" "after an up that set something right"
  run_script "$changed" up || complain "up of a changed topology fails"
  output=$(run_script "$changed" check) || complain "check of a changed topology: $output"
  expect_all_there "$1" "after an up of a changed topology"
  script up || complain "up of the first topology fails"
  output=$(script check) || complain "check of the first topology: $output"
  expect_all_there "$1" "after an up of the first topology"
  ((failures == 0))
}

@test "what somebody puts beside ours is told as besides, is no failure but of check --strict, and stays" {
  survives beside
}

@test "what a DHCP client, a routing daemon or a router advertisement puts beside ours is not told, and stays" {
  survives untold
}

@test "the times of a bridge that speaks the spanning tree protocol are set by the protocol, and not told" {
  lab_start
  prepare "$(topology <<<'{name: tree, networks: {bridge0: {subnet: 10.1.0.0/24, stp: true}}, namespaces: {red: {networks: [bridge0]}}}')"
  script up
  on host ip link set bridge0 type bridge ageing_time 3000 # as for a while after each change of the tree
  run script check
  [[ $status -eq 0 && ! $output ]]
  run script up
  [[ $output == *'nothing to do' ]]
}
