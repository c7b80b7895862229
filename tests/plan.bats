#!/usr/bin/env bats
# `setup.sh plan` says what `up` would do, and does nothing: `up` then prints the same lines, and after it nothing is to do.
# (drift.bats asks for the same after everything that somebody may change.)

bats_require_minimum_version 1.5.0
load lab/lab
load campaign/lifecycle/campaign

setup() {
  lab_start redirects=0 rp_filter=1
}

teardown() {
  lab_stop
}

# What is there, with the times of all files under /run and /etc: `plan` writes none.
untouched() {
  cat "$(state)"
  on host find /run /etc /usr/local -xdev -printf '%p %s %T@\n' | sort
}

# plan FILE STATUS: its lines are in $LAB/plan; nothing has changed.
plan() {
  local status=0
  untouched >"$LAB/before"
  TMPDIR=$LAB/tmp run_script "$1" plan >"$LAB/plan" 2>"$LAB/said" || status=$?
  [[ $status -eq $2 ]] || fail "plan exits $status: $(<"$LAB/said")"
  diff "$LAB/before" <(untouched) || fail "plan changes something"
  [[ -z $(ls -A "$LAB/tmp") ]] || fail "plan leaves something: $(ls "$LAB/tmp")"
  if grep -vE '^[-+~] [^ ]+: ' "$LAB/plan"; then fail "a line is no sign with a node"; fi
  ((status == 2)) || [[ ! -s $LAB/plan ]] || fail "exit status 0, and something to do"
}

# What was planned is what `up` prints, and then there is nothing to do.
plan_and_up() { # FILE
  plan "$1" 2
  run_script "$1" up >"$LAB/done" || fail "up fails"
  diff "$LAB/plan" "$LAB/done" || fail "up does otherwise"
  [[ $(sort "$LAB/done" | uniq -d) == '' ]] || fail "a line twice"
  plan "$1" 0
}

# What was planned and done last has these lines.
planned() { # LINE...
  local line
  for line; do grep -qxF -- "$line" "$LAB/done" || fail "not planned: $line
$(<"$LAB/done")"; done
}

@test "a machine where nothing is; then nothing is to do; after down all of it is to do again" {
  local script
  mkdir "$LAB/tmp"
  script=$(render_to setup examples/dual-stack.yaml)
  plan_and_up "$script"
  planned "+ host: ip netns add red" "+ red: ip address replace 192.168.15.2/24 dev veth-red" "+ host: sysctl net.ipv4.ip_forward = 1"
  if grep -v '^+' "$LAB/done"; then fail "something else than + on a new machine"; fi
  cp "$LAB/done" "$LAB/all"
  run_script "$script" down
  plan "$script" 2
  diff "$LAB/all" "$LAB/plan"
}

change() { # SED_EXPRESSION PLANNED...
  local old new base=tests/campaign/lifecycle/base.yaml
  mkdir "$LAB/tmp"
  old=$(render_to old "$base")
  new=$(render_to new "$(variant "$base" "$1")")
  run_script "$old" up >/dev/null
  plan_and_up "$new"
  run_script "$old" plan >"$LAB/back" || true
  planned "${@:2}"
  # There and back: what is undone one way is new on the other.
  diff <(sed -n 's/^- //p' "$LAB/done" | sort) <(sed -n 's/^+ //p' "$LAB/back" | sort)
  plan_and_up "$old"
}

# What is changed | how | lines of it, between semicolons
while IFS='|' read -r name expression lines; do
  IFS=';' read -ra planned <<<"$lines"
  bats_test_function --description "changed: $name" -- change "$expression" "${planned[@]}"
done <<'CHANGES'
another address|s/10.77.0.3/10.77.0.33/|- blue: ip address replace 10.77.0.3/24 dev veth-blue;+ blue: ip address replace 10.77.0.33/24 dev veth-blue
another name of a namespace|s/^  blue:/  black:/|- host: ip netns add blue;- blue: ip link set dev veth-blue up;+ host: ip netns add black
another MTU: what is made again goes along|s/    internet: true/&\n    mtu: 1400/|~ blue: ip address replace 10.77.0.3/24 dev veth-blue;~ blue: ip route replace default via 10.77.0.1 dev veth-blue
another name of a device|s/{lan0: 10.77.0.3}/{lan0: {address: 10.77.0.3, interface: eth0}}/|+ blue: ip link set dev eth0 up
another port|s/8080:80/8081:81/|+ host: iptables -A NSGEN-change-PRE -p tcp -m tcp --dport 8081 -j DNAT --to-destination 10.77.0.2:81
a service, a command, files and parameters|s/1001/1002/;s/9.9.9.9/1.1.1.1/;s/: 63}/: 62}/;s/: 7}/: 8}/|- red: service one 'env' '-C' '/' 'sleep' '1001';+ red: service one 'env' '-C' '/' 'sleep' '1002';+ host: sysctl net.ipv4.ip_default_ttl = 62;+ yellow: sysctl net.ipv4.tcp_fin_timeout = 8
dual stack|s,subnet: 10.77.0.0/24,subnet: [10.77.0.0/24\, "fd00:77::/64"],;s/10.77.0.2}/[10.77.0.2, "fd00:77::2"]}/|+ red: ip address replace fd00:77::2/64 dev veth-red nodad
CHANGES

@test "what somebody has changed is planned as it is then set right, and what is beside it is not" {
  local script broken said
  mkdir "$LAB/tmp"
  script=$(render_to setup "$(topology <<'YAML'
name: parts
networks: {bridge0: {subnet: 192.168.15.0/24, internet: true}}
namespaces:
  red:
    networks: {bridge0: 192.168.15.2}
    publish: ["8080:80"]
    sysctls: {net.ipv4.tcp_fin_timeout: 7}
    hosts: true
    services: {web: {command: [sleep, "1000"]}}
    exec: [{up: [ip, link, set, lo, up]}]
  blue:
    networks: [bridge0]
YAML
  )")
  run_script "$script" up >/dev/null
  on host ip -n blue address add 10.99.0.1/32 dev lo
  plan "$script" 0
  while IFS='|' read -r broken said; do
    on host bash -c "$broken"
    plan_and_up "$script"
    planned "$said"
    if grep -v '^~' "$LAB/done"; then fail "\`$broken\`: more than set right"; fi
  done <<'BREAKAGE'
ip -n red address del 192.168.15.2/24 dev veth-red|~ red: missing: route default via 192.168.15.1 dev veth-red
ip -n red link set veth-red mtu 1400|~ red: missing: link veth-red mtu 1500
ip link del veth-red-br|~ red: ip address replace 192.168.15.2/24 dev veth-red
ip link del bridge0|~ host: ip link set dev veth-blue-br alias nsgen:parts addrgenmode none master bridge0
ip netns del red|~ red: sysctl net.ipv4.tcp_fin_timeout = 7
iptables -w -t nat -F NSGEN-parts-PRE|~ host: missing: iptables -t nat -A NSGEN-parts-PRE -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.15.2:80
sysctl -qw net.ipv4.ip_forward=0|~ host: changed: net.ipv4.ip_forward is 0, not 1
read -r pid _ </run/nsgen/parts/red.web.pid; kill $pid; while [[ -e /proc/$pid ]]; do sleep 0.02; done|~ red: missing: service web does not run
rm /etc/netns/red/hosts|~ host: changed: /etc/netns/red/hosts is not as it was written
BREAKAGE
}

@test "what is in the way of up is in the way of plan; and who was killed is planned to the end" {
  local script at every
  mkdir "$LAB/tmp"
  wrap_programs
  script=$(render_to setup examples/steps/3-host.yaml)
  on host ip netns add red
  untouched >"$LAB/before"
  run -1 run_script "$script" plan
  [[ $output == *"nothing was changed, because"*"netns red exists already"* ]]
  diff "$LAB/before" <(untouched)
  on host ip netns del red
  run_at fail '' "$script" up >/dev/null
  sample 12 4
  run_script "$script" down
  for at in "${every[@]}"; do
    run_at KILL "$at" "$script" up >/dev/null || true
    if on host test -e /run/nsgen/article/up; then plan "$script" 0; else plan_and_up "$script"; fi # all but the last calls
    run_script "$script" down
  done
  expect_reached
}
