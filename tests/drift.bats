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
  set -a
  NAME=$1 C=NSGEN-$1 NS=red END=veth-red PORT=veth-red-br NS2=blue END2=veth-blue PORT2=veth-blue-br
  BR=bridge0 NET=192.168.15.0/24 GW=192.168.15.1 A=192.168.15.2/24 ALT=192.168.15.77
  NET6=fd00:15::/64 GW6=fd00:15::1 A6=fd00:15::2/64 ALT6=fd00:15::77
  case $1 in
    two-networks) NS2=green END2=veth-green PORT2=veth-green-br ;;
    router)
      NS=ns1 END=veth-ns1 PORT=veth-ns1-br NS2=ns2 END2=veth-ns2 PORT2=veth-ns2-br
      BR=br0 NET=192.168.1.0/24 GW=192.168.1.1 A=192.168.1.2/24 ALT=192.168.1.77
      ;;
  esac
  set +a
}

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
adtr|$NS2|ip netns del $NS2|namespace
adtr|$NS2|ip netns del $NS2; : >/run/netns/$NS2|namespace
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

# The state, as it is with another MAC address dealt to a cable. Setting it back makes it one that was set.
built() {
  local file
  file=$(state)
  sed -i -E -e '/ (link|address) (veth|lo)/s/([0-9a-f]{2}:){5}[0-9a-f]{2}/RANDOM-MAC/g' \
    -e 's/fe80:[0-9a-f:]*ff:fe[0-9a-f:]*/RANDOM-LINK-LOCAL/g' "$file"
  printf '%s\n' "$file"
}

is_built() { # FILE
  local now _
  for _ in {1..6}; do
    now=$(built)
    cmp -s "$1" "$now" && { rm "$now"; return 0; }
    sleep 0.3
  done
  diff -U0 --label built --label now "$1" "$now" | grep -v '^@@' | head -n 12 >&2
  return 1
}

# One breakage: seen, set right, and as built.
is_seen_and_set_right() { # BUILT NODE DONE SAID AFTERWARDS
  local output status=0
  on host bash -c "$3" || { echo "it cannot be done" >&2; return 1; }
  output=$(script check 2>&1) || status=$?
  ((status == 1)) || { echo "check exits $status: $output" >&2; return 1; }
  grep -qE -- "^$2: .*$4" <<<"$output" || { echo "check does not say of $2: $4: $output" >&2; return 1; }
  output=$(script up 2>&1) || { echo "up fails: $output" >&2; return 1; }
  output=$(script check 2>&1) && [[ ! $output ]] || { echo "after up, check says: $output" >&2; return 1; }
  if [[ $5 ]]; then
    on host bash -c "$5"
    output=$(script check 2>&1) && [[ ! $output ]] || { echo "after \`$5\`, check says: $output" >&2; return 1; }
  fi
  is_built "$1"
}

everything_is_seen() { # INITIAL TOPOLOGY_FILE
  local built where node broken said afterwards failures=0 tried=0
  lab_start redirects=0 rp_filter=1
  # Somebody else's bridge: its address is set, or it would change with each port.
  on host ip link add other address 02:00:00:00:00:01 type bridge
  prepare "$2"
  name_things "$(sed -n 's/^NAME=//p' "$LAB/setup.sh")"
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
    on host bash -c 'for pid in $(cat /run/nsgen/*/*.pid | cut -d" " -f1); do kill $pid; done; ip link del renamed0; script=$1; bash $script down; rm -rf /run/nsgen; for netns in /run/netns/*; do ip netns del ${netns##*/} || rm -f $netns; done' - "$LAB/setup.sh" &>/dev/null || true
    script up || { complain "$NAME: it cannot be built anew"; break; }
    is_built "$built" || { complain "$NAME: it cannot be built anew as it was"; break; }
  done < <(breakages)
  ((tried > 10 && failures == 0))
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
