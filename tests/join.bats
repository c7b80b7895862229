#!/usr/bin/env bats
# Namespaces that somebody else made, known by a process in them or by their file: a topology is put into them and taken
# out again, and whatever else is in them stays as it was.

bats_require_minimum_version 1.5.0
load lab/lab
load campaign/lifecycle/campaign

setup() {
  lab_start
  PID=$(foreign kept)
  on kept ip link set lo up # but not that of box
  BOX=$(foreign box)
}

teardown() {
  lab_stop
}

# A namespace with a process, a device, an address and a default route of its own, and its process's number. NAME is how
# the tests look into it, and none of the topology's business.
foreign() { # NAME
  local pid own net=''
  own=$(on host readlink /proc/self/ns/net)
  pid=$(on host bash -c 'unshare --net sleep 100000 </dev/null >/dev/null 2>&1 & echo "$!"')
  until [[ $net && $net != "$own" ]]; do net=$(on host readlink "/proc/$pid/ns/net" || true); done
  on host ip netns attach "$1" "$pid"
  furnish "$1"
  printf '%s\n' "$pid"
}

furnish() { # NAME
  on host ip -n "$1" -batch - <<'IP'
link add eth0 type veth peer name eth1
link set eth0 up
link set eth1 up
address add 172.20.0.2/24 dev eth0
route add default via 172.20.0.1
rule add priority 50 to 192.0.2.1 lookup 50
IP
  on "$1" sysctl -qw net.ipv4.tcp_fin_timeout=33
  on "$1" iptables -w -A INPUT -s 192.0.2.9 -j DROP
}

# web is the process's namespace, and box that of the name.
joining() { # [SED_EXPRESSION...]
  sed -e '' "${@/#/-e}" <<YAML | topology
name: joining
networks:
  br0: {subnet: 10.1.0.0/24, internet: true}
namespaces:
  web:
    join: $PID
    networks: {br0: {default_route: false}}
    publish: ["8080:80"]
    forwarding: true
    sysctls: {net.ipv4.tcp_fin_timeout: 7}
    interfaces: {lo: {address: 10.99.0.1/32}, inner: {type: bridge, address: 10.98.0.1/24}}
    routes: [{to: default, via: 10.1.0.1, table: 100}, {to: 10.77.0.0/16, via: 10.1.0.1}]
    rules: [{from: 10.1.0.0/24, table: 100}]
    nat: [{masquerade: inner}]
    services: {sleeper: {command: [sleep, "3333"]}}
    exec: [{up: [sysctl, -qw, net.ipv4.tcp_retries1=5], down: [sysctl, -qw, net.ipv4.tcp_retries1=3]}]
  box:
    join: /run/netns/box
    networks: {br0: {default_route: false, interface: in0}}
  own: {networks: [br0]}
YAML
}

is_alive() { on host kill -0 "$1"; }

@test "joined by a process and by a name: reached both ways, published, and left as it was" {
  local before built
  serve "kept * 80 tcp web" "box * 81 tcp box" "kept 172.20.0.2 82 tcp inside"
  before=$(state)
  prepare "$(joining)"
  run -0 script up
  [[ $output == *"built 1 namespace, 1 network, 1 published port" ]]
  serve "own * 80 tcp"
  expect <<'TABLE'
own      10.1.0.2    80    tcp   ok web 10.1.0.4
own      10.1.0.3    81    tcp   ok box 10.1.0.4
web      10.1.0.4    80    tcp   ok own 10.1.0.2
box      10.1.0.4    80    tcp   ok own 10.1.0.3
host     10.1.0.2    80    tcp   ok web 10.1.0.1
outside  172.16.1.4  8080  tcp   ok web 10.1.0.1
own      10.1.0.1    8080  tcp   ok web 10.1.0.4
kept     172.20.0.2  82    tcp   ok inside 172.20.0.2
TABLE
  [[ $(on kept ip route show default) == "default via 172.20.0.1 dev eth0 " ]]
  built=$(state)
  run -0 script check
  [[ ! $output ]]
  run -0 script up
  [[ $output == *"nothing to do" ]]
  run -0 script plan
  expect_state "$built"
  script down
  on host ip netns pids own >/dev/null 2>&1 || true
  expect_state "$before"
  is_alive "$PID"
}

@test "joined: what is ours and changed is told and put right, what else is there is nobody's business" {
  local commands before
  before=$(state)
  prepare "$(joining)"
  script up
  run -0 script check
  while read -r commands; do
    on host bash -c "$commands"
    run -1 script check
    [[ $output ]]
    script up
    run -0 script check
    [[ ! $output ]] || fail "not put right: $commands: $output"
  done <<'COMMANDS'
ip -n kept link set veth-web mtu 1300
ip -n kept address del 10.1.0.2/24 dev veth-web
ip -n kept link set veth-web down
ip -n kept link del veth-web
ip -n kept link del inner
ip -n kept address del 10.99.0.1/32 dev lo
ip -n kept route del 10.77.0.0/16
ip -n kept route flush table 100
ip -n kept rule del priority 1000
ip netns exec kept sysctl -qw net.ipv4.tcp_fin_timeout=9
ip netns exec kept sysctl -qw net.ipv4.ip_forward=0
ip netns exec kept iptables -w -t nat -F POSTROUTING
kill $(pgrep -x -f "sleep 3333")
ip netns del web
ip -n box link del in0
COMMANDS
  # Others put what they want there, and take it away.
  on host bash -ec 'ip -n kept address add 172.20.0.9/24 dev eth0; ip -n kept route add 10.55.0.0/16 via 172.20.0.1
    ip -n kept link add more type bridge; ip netns exec kept iptables -w -A INPUT -s 192.0.2.8 -j DROP; ip -n kept rule add priority 60 lookup 60
    ip -n box link set eth0 down; ip netns exec box sysctl -qw net.ipv4.tcp_retries1=9'
  run -0 script check --strict
  [[ ! $output ]]
  run -0 script up
  [[ $output == *"nothing to do" ]]
  on host bash -ec 'ip -n kept address del 172.20.0.9/24 dev eth0; ip -n kept route del 10.55.0.0/16
    ip -n kept link del more; ip netns exec kept iptables -w -D INPUT -s 192.0.2.8 -j DROP; ip -n kept rule del priority 60
    ip -n box link set eth0 up; ip -n box route add default via 172.20.0.1; ip netns exec box sysctl -qw net.ipv4.tcp_retries1=3'
  # But on what is ours it is beside.
  on kept ip address add 10.1.0.99/24 dev veth-web
  run -1 script check --strict
  [[ $output == "web: besides: inet 10.1.0.99/24 "* ]]
  script down
  expect_state "$before"
}

@test "joined: what is not there, or not free, is told before anything is changed" {
  local before
  prepare "$(joining "s/join: $PID/join: 999999/" 's#join: /run/netns/box#join: /run/netns/none#')"
  before=$(state)
  expect_refusal 'there is no network namespace /proc/999999/ns/net, which web is to be' \
    'there is no network namespace /run/netns/none, which box is to be'
  expect_state "$before"

  prepare "$(joining 's#join: /run/netns/box#join: /run/netns/kept#')"
  expect_refusal "/proc/$PID/ns/net, which web is to be, is that of box /run/netns/kept" 'netns box exists already' \
    "/run/netns/kept, which box is to be, is that of web /proc/$PID/ns/net"
  on host ip netns add web
  prepare "$(joining)"
  expect_refusal 'netns web exists already, and it is not of this topology'
  on host ip netns del web

  local pid
  pid=$(on host bash -c 'sleep 100000 </dev/null >/dev/null 2>&1 & echo "$!"')
  prepare "$(joining "s/join: $PID/join: $pid/")"
  expect_refusal "/proc/$pid/ns/net, which web is to be, is that of host /proc/self/ns/net"
  on host kill "$pid"

  prepare "$(joining 's/default_route: false/default_route: true/')"
  expect_refusal 'web has this already, and it is not of this topology: default via 172.20.0.1 dev eth0' \
    'box has this already, and it is not of this topology: default via 172.20.0.1 dev eth0'
  prepare "$(joining 's/interface: in0/interface: eth0/' 's/10.99.0.1.32/172.20.0.2\/32/' 's/inner/eth1/' 's/^    rules: .*/    rules: [{from: 10.1.0.0\/24, table: 100, priority: 50}]/')"
  expect_refusal 'box has this already, and it is not of this topology: ' 'web has this already, and it is not of this topology: 2: eth1' \
    'web has this already, and it is not of this topology: 3: eth0    inet 172.20.0.2/24' 'web has this already, and it is not of this topology: 50:'
  expect_state "$before"
  run -0 script down
  expect_state "$before"
}

@test "joined: another namespace behind the same name, or another process, is told, and the next up is in that one" {
  local before pid
  before=$(state)
  prepare "$(joining)"
  script up
  # box is made anew: what was in it went with it.
  on host ip netns del box
  on host kill "$BOX"
  pid=$(foreign box)
  run -1 script check
  [[ $output == "box: changed: it is not the namespace /run/netns/box" ]]
  run -0 script up
  run -0 script check
  [[ ! $output ]]
  expect_ping box 10.1.0.1
  # Another process: the topology says so.
  pid=$(foreign new)
  PID=$pid
  prepare "$(joining)"
  run -0 script up
  run -0 script check
  [[ ! $output ]]
  expect_ping web 10.1.0.1
  [[ $(on new sysctl -n net.ipv4.tcp_fin_timeout) == 7 ]]
  [[ $(on kept sysctl -n net.ipv4.tcp_fin_timeout net.ipv4.tcp_retries1 net.ipv4.ip_forward) == $'33\n3\n0' ]]
  [[ ! $(on kept ip -o link show type bridge)$(on kept ip -o address show to 10.0.0.0/8)$(on kept ip rule show priority 1000) ]]
  # It ends: nobody can be put there, and what is there can be taken away.
  on host kill "$pid"
  on host ip netns del new
  run -1 script check
  [[ $output == "web: changed: it is not the namespace /proc/$pid/ns/net" ]]
  run -1 script up
  [[ $output == *"there is no network namespace /proc/$pid/ns/net, which web is to be" ]]
  script down
  expect_state "$before"
}

@test "joined: a topology that does without one leaves it" {
  local before
  prepare "$(topology <<'YAML'
name: joining
networks: {br0: {subnet: 10.1.0.0/24}}
namespaces: {own: {networks: [br0]}}
YAML
  )"
  before=$(state)
  prepare "$(joining)"
  script up
  prepare "$(topology <<'YAML'
name: joining
networks: {br0: {subnet: 10.1.0.0/24}}
namespaces: {own: {networks: {br0: 10.1.0.4}}}
YAML
  )"
  script up
  run -0 script check
  on host test ! -e /run/netns/web
  [[ ! $(on kept ip -o address show to 10.0.0.0/8)$(on box ip -o address show to 10.0.0.0/8)$(on kept ip rule show priority 1000) ]]
  [[ $(on kept sysctl -n net.ipv4.tcp_fin_timeout) == 33 ]]
  script down
  expect_state "$before"
}

@test "joined: down without what is kept takes nothing that is not ours" {
  local before
  prepare "$(joining)"
  before=$(state)
  on host ip -n box link add in0 type bridge
  run -0 script down
  [[ $output == *"nothing to do" ]]
  on host ip -n box link del in0
  expect_state "$before"
  script up
  on host rm -rf /run/nsgen/joining /run/nsgen/sysctl 2>/dev/null || true
  on host kill "$(on host pgrep -x -f 'sleep 3333')"
  run -0 script down
  on host test ! -e /run/netns/web
  [[ ! $(on kept ip -o link show type bridge)$(on kept ip -o address show to 10.0.0.0/8)$(on box ip -o address show to 10.0.0.0/8) ]]
}

@test "joined: a process is not there after a reboot, and install says so" {
  prepare "$(joining)"
  run -1 script install
  [[ $output == *"nothing was changed, because"*"web is that of a process"* ]]
}

@test "joined: killed at any command, up finishes what was begun, and down leaves the namespaces as they were" {
  wrap_programs
  local file
  file=$(joining)
  kill_at_commands up KILL "$file" "${STEP:-30}" 5
  kill_at_commands up TERM "$file" "${STEP:-45}" 9
  kill_at_commands down KILL "$file" "${STEP:-30}" 3
}

@test "joined: killed before a namespace is held, and whatever is run next ends" {
  wrap_programs
  local script before at mounts
  script=$(render_to setup "$(joining)")
  before=$(state)
  run_at fail '' "$script" up
  mapfile -t mounts < <(calls | grep ' mount --bind .*/join\.')
  ((${#mounts[@]} == 2))
  run_script "$script" down
  for at in "${mounts[@]}"; do
    run_at KILL "$at" "$script" up 2>/dev/null || true
    [[ $(on host find /run/nsgen -type p) ]] || fail "not between the two: $at"
    run on host timeout 60 bash "$script" check
    ((status == 1)) || fail "check: $status: $output"
    on host timeout 60 bash "$script" down
    expect_state "$before"
  done
  expect_reached
}

@test "joined: a command that fails is undone" {
  wrap_programs
  fail_at_commands "$(joining)" "${STEP:-12}" 2
}
