#!/usr/bin/env bats
# The script and a machine that is not as it left it, or not as it needs it.

bats_require_minimum_version 1.5.0
load lab/lab

setup() {
  lab_start
}

teardown() {
  lab_stop
}

@test "what somebody removes by hand is named by check, and put back by up" {
  expect_repaired examples/article.yaml <<'BREAKAGE'
ip netns del blue
ip link del veth-red-br
ip link del bridge0
ip link set bridge0 down
ip link set veth-red-br nomaster
ip link set veth-red-br type bridge_slave hairpin off
ip address del 192.168.15.1/24 dev bridge0
ip -n red address del 192.168.15.2/24 dev veth-red
ip -n red route del default
ip -n blue link set veth-blue down
iptables -w -t nat -F
iptables -w -t nat -F; iptables -w -t nat -X
iptables -w -F FORWARD
sysctl -qw net.ipv4.ip_forward=0
sysctl -qw net.ipv4.conf.bridge0.route_localnet=0
kill $(ip netns pids red); timeout 10 sh -c 'while [ "$(ip netns pids red)" ]; do sleep 0.1; done'
BREAKAGE
}

@test "somebody else's rules, devices, namespaces and sysctls are left alone" {
  local before
  on host ip netns add other
  on host ip link add otherbr type bridge
  on host ip link set otherbr up
  on host iptables -w -A FORWARD -i otherbr -j ACCEPT
  on host iptables -w -t nat -A PREROUTING -p tcp --dport 9999 -j REDIRECT --to-ports 80
  on host iptables -w -N OTHER
  on host ip6tables -w -A INPUT -p tcp --dport 9999 -j DROP
  on host sysctl -qw net.ipv4.conf.all.log_martians=1
  before=$(snapshot)
  prepare examples/article.yaml
  script up
  script down
  expect_snapshot "$before"
}

@test "a name that is taken is refused before anything is touched" {
  local before taken
  while read -r taken; do
    on host bash -c "${taken%%|*}"
    before=$(snapshot)
    prepare examples/article.yaml
    run ! script up
    [[ $output == *"${taken##*|}"* ]] || fail "$output"
    expect_snapshot "$before"
    lab_stop
    lab_start
  done <<'TAKEN'
ip netns add red|red
ip link add bridge0 type bridge|bridge0
ip link add veth-red-br type veth peer name x|veth-red-br
TAKEN
}

@test "a script says how it is used, and fails, for anything but up, down and check" {
  prepare examples/article.yaml
  run ! script sideways
  [[ $output == *"usage"* ]]
  run ! script up down
}

@test "a script works from a pipe, and a truncated one does nothing" {
  local before lines
  before=$(snapshot)
  prepare examples/steps/7-hairpin.yaml
  on host bash <"$LAB/setup.sh"
  expect_ping red 192.168.15.3
  on host bash -s down <"$LAB/setup.sh"
  expect_snapshot "$before"
  lines=$(wc -l <"$LAB/setup.sh")
  for part in 3 2; do
    head -n $((lines - lines / part)) "$LAB/setup.sh" | on host bash || true
    expect_snapshot "$before"
  done
}
