#!/usr/bin/env bats
# The script on a machine that matters: what it looks at before it begins, what is left when it fails or is killed, how
# it repairs, changes and removes. (campaign/lifecycle does the same at every command, and for every kind of change.)

bats_require_minimum_version 1.5.0
load lab/lab
load campaign/lifecycle/campaign

setup() {
  lab_start redirects=0 rp_filter=1
}

teardown() {
  lab_stop
}

# --- before anything is touched ---

@test "who is not root is told so, and what else is missing" {
  prepare examples/article.yaml
  local before
  before=$(state)
  run -1 on host setpriv --bounding-set -all --inh-caps -all bash -s up <"$LAB/setup.sh"
  [[ $output == *"run this as root (sudo)"* ]]
  programs_without iptables
  run -1 on host env "PATH=$LAB/some" "$(type -P setpriv)" --bounding-set -all --inh-caps -all bash -s up <"$LAB/setup.sh"
  [[ $output == *"run this as root (sudo)"*"the program iptables is missing"* ]]
  if ((EUID == 0)); then
    run -1 on host setpriv --reuid 65534 --clear-groups bash -s up <"$LAB/setup.sh"
    [[ $output == *"nothing was changed, because"*"run this as root (sudo)"* ]]
  fi
  expect_state "$before"
}

@test "who is root in a user namespace may do it, unless a service is to be somebody who is not there" {
  prepare examples/article.yaml
  if [[ ! -e $LAB/bin/runuser ]]; then
    run -1 on host unshare --user --map-root-user --net --mount bash -eu -s "$LAB/setup.sh" <<'INSIDE'
      mount -t tmpfs tmpfs /run
      mount -t sysfs sysfs /sys
      bash "$1" up </dev/null
INSIDE
    [[ $output == *"the service red.web ended at once: runuser: "*"it failed; undoing what was done"* ]]
  fi
  prepare "$(variant examples/article.yaml 's/^        user: nobody$//')"
  run -0 on host unshare --user --map-root-user --net --mount bash -eu -s "$LAB/setup.sh" <<'INSIDE'
    mount -t tmpfs tmpfs /run
    mount -t sysfs sysfs /sys
    bash "$1" up </dev/null
    bash "$1" check </dev/null
    bash "$1" down </dev/null
    [[ ! -e /run/nsgen && -z $(ls -A /run/netns) ]]
INSIDE
}

# Every program but these, in a folder to be the whole PATH.
programs_without() { # PROGRAM...
  link_programs "$LAB/some"
  (cd "$LAB/some" && rm "$@")
}

@test "every missing program is named with its Debian package" {
  local before file
  file=$(topology <<'YAML'
name: programs
networks: {bridge0: {subnet: [10.1.0.0/24, "fd00:1:2::/64"], internet: true}}
namespaces:
  red:
    networks: [bridge0]
    publish: ["53:53/udp", {published: 8080, target: 80, via: proxy}, {published: 8081, target: 81, via: proxy}]
    sysctls: {net.ipv4.tcp_fin_timeout: 7}
    services: {web: {command: [no-such-server]}}
host:
  modules: [no_such_module]
YAML
  )
  prepare "$file"
  programs_without ip ss nsenter flock iptables ip6tables sysctl conntrack setsid socat modprobe
  before=$(state)
  run -1 on host env "PATH=$LAB/some" bash "$LAB/setup.sh" up
  sort >"$LAB/expected" <<'SAID'
nsgen: programs: nothing was changed, because
  the program ip is missing: install the package iproute2
  the program ss is missing: install the package iproute2
  the program nsenter is missing: install the package util-linux
  the program flock is missing: install the package util-linux
  the program iptables is missing: install the package iptables
  the program ip6tables is missing: install the package iptables
  the program sysctl is missing: install the package procps
  the program conntrack is missing: install the package conntrack
  the program setsid is missing: install the package util-linux
  the program socat is missing: install the package socat
  the program modprobe is missing: install the package kmod
  there is no program no-such-server, which a service needs
SAID
  diff <(sort <<<"$output") "$LAB/expected"
  expect_state "$before"
  [[ -z $(on host ls -A /run/nsgen 2>/dev/null) ]]
}

@test "a module that the kernel does not have is told" {
  prepare "$(topology <<<'{name: modules, host: {modules: [no_such_module]}}')"
  local before
  before=$(state)
  expect_refusal 'modprobe finds no no_such_module' \
    'this kernel has no module no_such_module: install kernel-modules-extra (EL, Fedora) or linux-modules-extra-'
  expect_state "$before"
}

@test "a kernel that makes no such devices, or takes no such rules, is told" {
  prepare examples/article.yaml
  mkdir "$LAB/broken"
  cat >"$LAB/broken/unshare" <<'SH'
#!/bin/sh
echo "unshare: unshare failed: No space left on device" >&2
exit 1
SH
  chmod 755 "$LAB/broken/unshare"
  local before
  before=$(state)
  run -1 on host env "PATH=$LAB/broken:$(inner_path)" bash "$LAB/setup.sh" up
  [[ ${lines[1]} == "  this kernel cannot make namespaces: unshare: unshare failed: No space left on device" ]]
  [[ ${#lines[@]} -eq 2 ]]
  rm "$LAB/broken/unshare"
  printf '#!/bin/sh\necho "iptables-restore: no such match" >&2; exit 1\n' >"$LAB/broken/iptables-restore"
  chmod 755 "$LAB/broken/iptables-restore"
  run -1 on host env "PATH=$LAB/broken:$(inner_path)" bash "$LAB/setup.sh" up
  [[ ${lines[1]} == "  this kernel refuses the rules: iptables-restore: no such match" ]]
  expect_state "$before"
}

@test "many namespaces are made in two halves: where one of either cannot be made, none is left" {
  local before number
  prepare "$(topology <<<'{name: many, namespaces: {"n[1-40]": {}}}')"
  mkdir "$LAB/broken"
  cat >"$LAB/broken/ip" <<SH
#!/bin/sh
case "\$*" in
  '-force -batch -') lines=\$(cat) ;;
  *) exec "$(command -v ip)" "\$@" ;;
esac
case \$lines in *"netns add n\$UNMADE"*) echo 'Cannot create it'; echo 'Command failed -:3'; exit 1 ;; esac
printf '%s\n' "\$lines" | "$(command -v ip)" "\$@"
SH
  chmod 755 "$LAB/broken/ip"
  before=$(state)
  for number in 3 37; do
    run -1 on host env UNMADE="$number" "PATH=$LAB/broken:$(inner_path)" bash "$LAB/setup.sh" up
    [[ $output == *"Cannot create it"*"undoing what was done"* ]] || fail "$output"
    expect_state "$before"
  done
  script up
  [[ $(on host ip netns list | grep -c '^n[0-9]') -eq 40 ]]
  run -0 script check
  down
  expect_state "$before"
}

# It fails as this kernel does where there is none of the two, whatever this one has; no module is a file here.
lacking() { # PROGRAM PATTERN SAID
  mkdir -p "$LAB/lacking"
  printf '#!/bin/sh\ncase "$*" in\n*"%s"*) echo "%s" >&2; exit 2 ;;\nesac\nexec "%s" "$@"\n' "$2" "$3" "$(command -v "$1")" >"$LAB/lacking/$1"
  printf '#!/bin/sh\ntrue\n' >"$LAB/lacking/find"
  chmod 755 "$LAB/lacking"/*
}

@test "a kind of device and a qdisc that the kernel lacks are told with their modules, and nothing is made" {
  local before said
  [[ ! -e /sys/module/vrf && ! -e /sys/module/sch_netem ]] || skip 'this kernel has them loaded'
  prepare "$(topology <<<'
    name: lacking
    namespaces: {a: {interfaces: {red: {type: vrf, table: 10}}}, b: {}}
    links: [{endpoints: ["a:e0", "b:e0"], impair: {delay: 5ms}}]')"
  lacking ip 'type vrf' 'Error: Unknown device type.'
  lacking tc netem 'Error: Specified qdisc kind is unknown.'
  before=$(state)
  run -1 on host env "PATH=$LAB/lacking:$(inner_path)" bash "$LAB/setup.sh" up
  said="this kernel has no module %s: install kernel-modules-extra (EL, Fedora) or linux-modules-extra-\$(uname -r) (Ubuntu), then modprobe -a %s"
  diff - <(printf '%s\n' "$output") <<SAID
nsgen: lacking: nothing was changed, because
  ip link add name t3 type vrf table 10: Error: Unknown device type.
  ${said//%s/vrf}
  tc qdisc replace dev t0 root netem delay 1ms: Error: Specified qdisc kind is unknown.
  ${said//%s/sch_netem}
SAID
  expect_state "$before"
}

@test "a match that the kernel lacks is told with its module, in namespaces too, before anything is changed" {
  local before
  prepare "$(topology <<<'
    name: lacking
    namespaces: {a: {forwarding: true, nat: [{dnat: 10.0.0.2, port: 9, protocol: tcp}]}, b: {}}
    links: [{endpoints: {"a:e0": 10.0.0.1/24, "b:e0": 10.0.0.2/24}}]')"
  mkdir "$LAB/lacking"
  printf '#!/bin/sh\ncat >/dev/null\necho "Warning: Extension addrtype revision 0 not supported, missing kernel module?" >&2; exit 4\n' >"$LAB/lacking/iptables-restore"
  printf '#!/bin/sh\nprintf "/lib/modules/x/%%s.ko.xz\\n" xt_nat xt_comment xt_tcpudp xt_conntrack xt_MASQUERADE\n' >"$LAB/lacking/find"
  chmod 755 "$LAB/lacking"/*
  before=$(state)
  run -1 on host env "PATH=$LAB/lacking:$(inner_path)" bash "$LAB/setup.sh" up
  [[ $output == 'nsgen: lacking: nothing was changed, because'*'this kernel refuses the rules: Warning: Extension addrtype'*'this kernel has no module xt_addrtype: install kernel-modules-extra '*'then modprobe -a xt_addrtype' ]]
  expect_state "$before"
}

@test "a resolver on the host's loopback is told, with the namespaces that have a way out and no dns" {
  prepare "$(topology <<<'
    name: names
    networks: {lan: {subnet: 10.1.0.0/24, internet: true}, back: {subnet: 10.2.0.0/24}}
    namespaces:
      a: {networks: [lan]}
      own: {networks: [lan], dns: {nameservers: 9.9.9.9}}
      inner: {networks: [back]}
      routed: {networks: [back], routes: [{to: default, via: 10.2.0.1}]}')"
  on host bash -c 'printf "# stub\nnameserver 127.0.0.53\noptions edns0\n" >/etc/resolv.conf'
  run -0 script up
  diff - <(grep -v '^+' <<<"$output") <<'SAID'
nsgen: names: warning: only this host reaches the resolver in /etc/resolv.conf: write 'dns' for a, routed
nsgen: names: built 4 namespaces, 2 networks
SAID
  run -2 on host ip netns exec a getent ahosts example.org
  script down
  on host bash -c 'printf "nameserver 127.0.0.1\nnameserver 10.1.0.1\n" >/etc/resolv.conf'
  run -0 script up
  [[ $(grep -v '^+' <<<"$output") == 'nsgen: names: built 4 namespaces, 2 networks' ]] || fail "$output"
}

@test "what has a name of ours and is not ours is refused, each kind, and all of them at once" {
  prepare examples/compose-like.yaml
  local before make unmake said made="" parts=()
  before=$(state)
  while IFS='|' read -r make unmake said; do
    on host bash -c "$make"
    expect_refusal "$said"
    on host bash -c "$unmake"
    made+="$make"$'\n'
    parts+=("$said")
  done <<'FOREIGN'
ip link add front type bridge|ip link del front|link front exists already, and it is not of this topology
ip link add veth-db-br type veth peer name other|ip link del veth-db-br|link veth-db-br exists already, and it is not of this topology
ip netns add app|ip netns del app|netns app exists already, and it is not of this topology
iptables -w -t nat -N NSGEN-compose-like-PRE|iptables -w -t nat -X NSGEN-compose-like-PRE|iptables has chains named NSGEN-compose-like-…, and they are not of this topology
mkdir -p /etc/netns/db; echo "1.2.3.4 mine" >/etc/netns/db/hosts|rm -r /etc/netns/db|/etc/netns/db/hosts exists already, and it is not of this topology
ip link add back type bridge; ip link set back alias nsgen:compose|ip link del back|link back exists already, and it is not of this topology
FOREIGN
  expect_state "$before"
  on host bash -c "$made"
  before=$(state)
  expect_refusal "${parts[@]}"
  expect_state "$before"
}

@test "a subnet that is routed elsewhere is refused: the same, a larger and a smaller one, IPv4 and IPv6" {
  prepare examples/dual-stack.yaml
  on host ip link add other type bridge
  on host ip link set other up
  local route before
  before=$(state)
  while read -r route; do
    # shellcheck disable=SC2086
    on host ip route add $route dev other
    expect_refusal "is routed elsewhere: ${route%% *} dev other"
    # shellcheck disable=SC2086
    on host ip route del $route dev other
  done <<'ROUTES'
192.168.15.0/24
192.168.0.0/16
192.168.15.128/25
192.168.15.7 table main
fd00:15::/64
fd00:15::/48
fd00:15::8000/113
ROUTES
  expect_state "$before"
  on host ip route add unreachable 192.168.15.0/24
  on host ip route add fd00:15::/64 dev other
  expect_refusal "192.168.15.1/24 is routed elsewhere: unreachable 192.168.15.0/24" \
    "fd00:15::1/64 is routed elsewhere: fd00:15::/64 dev other"
}

@test "a default route is no way elsewhere: by two routers, or in two halves as a VPN has it" {
  prepare examples/dual-stack.yaml
  on host ip route replace default nexthop via 172.16.1.1 nexthop via 172.16.1.5
  on host ip route add 0.0.0.0/1 via 172.16.1.1
  on host ip route add 128.0.0.0/1 via 172.16.1.1
  on host ip -6 route add 8000::/1 via fd00:1::1
  script up
  script check
}

@test "an address that adds no subnet, or one of its own link, is in nobody's way; one that somebody has is" {
  local address before
  prepare "$(topology <<'YAML'
name: alone
networks: {bridge0: {subnet: [10.1.0.0/24, "fd00:9::/64"]}}
namespaces: {red: {networks: [bridge0]}}
links: [{endpoints: {"host:lab0": "fe80::64:1/64", "red:up": "fe80::64:2/64"}}]
host:
  interfaces:
    lo: {address: [172.16.1.77/32, "fd00:1::77/128"]}
    mv0: {type: macvlan, link: eth0, address: [172.16.1.78/32, "fe80::64:3/64"]}
YAML
  )"
  before=$(state)
  while read -r address; do
    on host ip address add "$address" dev lo
    run -1 script up
    [[ $output == *"nothing was changed, because"*" routed elsewhere: local ${address%/*} dev lo"* ]]
    on host ip address del "$address" dev lo
  done <<'ADDRESSES'
172.16.1.77/32
fd00:1::77/128
10.1.0.1/32
10.1.0.2/32
fd00:9::1/128
ADDRESSES
  expect_state "$before"
  script up
  run -0 script check
  [[ ! $output ]]
  expect_ping red 10.1.0.1
  run -0 script up
  [[ $output == "nsgen: alone: nothing to do" ]]
  script down
  expect_state "$before"
}

@test "members whom a rule of policy routing leads elsewhere are told: before anything is touched, and by check" {
  prepare examples/dual-stack.yaml
  local family route before
  on host ip link add other type bridge
  on host ip link set other up
  for family in -4 -6; do
    on host ip "$family" rule add priority 5270 table 52 # as Tailscale has it
    before=$(state)
    while read -r route; do
      # shellcheck disable=SC2086
      on host ip "$family" route add $route dev other table 52
      expect_refusal "members are routed elsewhere: $route dev other table 52"
      # shellcheck disable=SC2086
      on host ip "$family" route del $route dev other table 52
    done < <(if [[ $family == -4 ]]; then printf '%s\n' 192.168.15.0/24 192.168.15.3 default; else printf '%s\n' fd00:15::/64 default; fi)
    expect_state "$before"
    # As wg-quick has it: what main knows better than by a default route comes first.
    on host ip "$family" route add default dev other table 52
    on host ip "$family" rule add priority 5000 lookup main suppress_prefixlength 0
    script up
    run -0 script check
    [[ ! $output ]]
    on host ip "$family" rule del priority 5000
    run -1 script check
    [[ $output == "host: members are routed elsewhere: default dev other table 52"* ]]
    run -1 script up
    [[ $output == *"nothing was changed, because"* ]]
    on host ip "$family" rule del priority 5270
    run -0 script check
    script down
    on host ip "$family" route flush table 52
  done
}

@test "a more exact route that comes later is told as long as it is there" {
  prepare examples/dual-stack.yaml
  script up
  on host ip link add other type bridge
  on host ip link set other up
  local route
  for route in 192.168.15.2/31 fd00:15::2/127; do
    on host ip route add "$route" dev other
    run -1 script check
    [[ $output == "host: members are routed elsewhere: $route dev other"* && ${#lines[@]} -eq 1 ]]
    expect_refusal "members are routed elsewhere: $route dev other"
    on host ip route del "$route" dev other
    run -0 script check
  done
  # One of those addresses that no member has takes nothing away.
  on host ip route add 192.168.15.128/25 dev other
  run -0 script check
}

@test "a host port in use is refused: tcp and udp, by every address and by one" {
  prepare "$(topology <<'YAML'
name: ports
networks: {bridge0: {subnet: 10.1.0.0/24, internet: true}}
namespaces:
  red: {networks: [bridge0], publish: ["8080:80", "5353:53/udp", "172.16.1.4:9001:81", "7000-7002:7000-7002"]}
YAML
  )"
  local listener said before
  before=$(state)
  while IFS='|' read -r listener said; do
    serve "$listener"
    expect_refusal "port $said of this host is in use"
    serve_stop
  done <<'PORTS'
host * 8080 tcp|8080/tcp
host 127.0.0.1 8080 tcp|8080/tcp
host :: 8080 tcp|8080/tcp
host 172.16.1.4 5353 udp|5353/udp
host 172.16.1.4 9001 tcp|9001/tcp
host 0.0.0.0 9001 tcp|9001/tcp
host * 7002 tcp|7002/tcp
PORTS
  expect_state "$before"
  # Another address, another protocol, another machine: nothing that is taken away.
  serve "host 127.0.0.1 9001 tcp" "host * 8080 udp" "host * 5353 tcp" "outside * 9001 tcp"
  script up
  script check
}

@test "a proxy of our own is not a port in use" {
  prepare examples/proxy.yaml
  script up
  local pid
  pid=$(on host cat /run/nsgen/proxy/host.proxy-tcp4-8080.pid)
  script up
  [[ $(on host cat /run/nsgen/proxy/host.proxy-tcp4-8080.pid) == "$pid" ]]
}

@test "rules of the other iptables beside ours are warned of, and only rules" {
  prepare examples/article.yaml
  on host iptables-legacy -S >/dev/null
  run -0 script up
  [[ $output != *warning:*legacy*nsgen:* && $output == *"nsgen: article: built "* ]] # iptables has a warning of its own
  on host iptables-legacy -A INPUT -p tcp --dport 9 -j DROP
  run -0 script up
  [[ $output == *"nsgen: article: warning: rules of iptables-legacy are in force beside those of iptables-nft"* ]]
  lab_stop
  lab_start backend=legacy
  prepare examples/article.yaml
  run -0 script up
  [[ $output != *warning:* && $output == *"nsgen: article: built 2 namespaces, 1 network, 1 published port" ]]
  on host iptables-nft -A INPUT -p tcp --dport 9 -j DROP
  run -0 script up
  [[ $output == "nsgen: article: warning: rules of iptables-nft are in force beside those of iptables-legacy"$'\n'"nsgen: article: nothing to do" ]]
}

@test "all that is in the way is told in one message" {
  prepare "$(variant examples/dual-stack.yaml 's/"8080:80"/"8080:80", "5353:53\/udp"/')"
  on host ip link add bridge0 type bridge
  on host ip netns add blue
  on host ip6tables -w -N NSGEN-dual-stack-INTO
  on host ip link add other type bridge
  on host ip link set other up
  on host ip route add 192.168.15.0/25 dev other
  serve "host * 8080 tcp" "host * 5353 udp"
  programs_without conntrack
  local before
  before=$(state)
  run -1 on host env "PATH=$LAB/some" bash "$LAB/setup.sh" up
  sort >"$LAB/expected" <<'SAID'
nsgen: dual-stack: nothing was changed, because
  the program conntrack is missing: install the package conntrack
  port 8080/tcp of this host is in use: another program listens on it
  port 5353/udp of this host is in use: another program listens on it
  netns blue exists already, and it is not of this topology
  link bridge0 exists already, and it is not of this topology
  the subnet of 192.168.15.1/24 is routed elsewhere: 192.168.15.0/25 dev other
  ip6tables has chains named NSGEN-dual-stack-…, and they are not of this topology
SAID
  diff <(awk '{ sub(/ scope link.*/, "") } 1' <<<"$output" | sort) "$LAB/expected"
  expect_state "$before"
}

# --- it fails, it is killed ---

@test "a step that fails is undone: the machine is as before, and the message names the step" {
  wrap_programs
  harden
  fail_at_commands examples/article.yaml 12 8
}

@test "a step that fails over a running topology tears nothing down" {
  wrap_programs
  harden
  fail_over_a_running_topology 110 80
}

@test "what fails over a topology that has none of it goes back to that: nothing of it is left" {
  local before empty whole
  empty=$(render_to empty "$(topology <<<'name: parts')")
  whole=$(render_to whole "$(topology <<'YAML'
name: parts
networks: {bridge0: {subnet: 192.168.15.0/24, internet: true}}
namespaces: {red: {networks: [bridge0], publish: ["8080:80"], services: {web: {command: [sleep, infinity]}}}}
host: {exec: [{up: ["false"]}]}
YAML
)")
  run_script "$empty" up
  before=$(state)
  run -1 run_script "$whole" up
  [[ $output == *"it failed; going back to what was up before"* ]]
  expect_state "$before"
  run_script "$empty" check
  run_script "$whole" down
}

@test "in a namespace of somebody else's that has a name of ours nothing is undone" {
  local script before
  script=$(render_to setup examples/steps/3-host.yaml)
  run_script "$script" up
  on host sh -ec 'rm -rf /run/nsgen; ip netns del red; ip netns add red; ip -n red link add veth-red type bridge
    ip -n red link set dev veth-red up; ip -n red address add 192.168.15.2/24 dev veth-red'
  before=$(on host ip -n red -o address show)
  run_script "$script" down
  [[ $(on host ip -n red -o address show) == "$before" ]]
  run -1 on host ip link show dev bridge0
  on host ip netns del red
}

@test "killed, it converges: up finishes what was begun, down removes it" {
  wrap_programs
  harden
  kill_at_commands up KILL examples/steps/4-internet.yaml 15 7
  kill_at_commands up TERM examples/steps/4-internet.yaml 30 15
  kill_at_commands down KILL examples/steps/4-internet.yaml 20 8
}

@test "a step that needs the author's command undone: it is, whether it failed, was killed or is removed" {
  local before
  before=$(state)
  wrap_programs
  prepare "$(topology <<'YAML'
name: commands
networks: {bridge0: {subnet: 10.1.0.0/24}}
namespaces:
  red:
    networks: [bridge0]
    exec: [{up: [ip, rule, add, fwmark, "7", table, "7"], down: [ip, rule, del, fwmark, "7", table, "7"]}]
host:
  exec:
    - {up: [ip, rule, add, fwmark, "8", table, "8"], down: [ip, rule, del, fwmark, "8", table, "8"]}
    - {up: [sleep, "0"]}
YAML
  )"
  run -0 script up
  run -0 script up
  [[ $output == "nsgen: commands: nothing to do" && $(on host ip rule list table 8 | wc -l) -eq 1 && $(on red ip rule list table 7 | wc -l) -eq 1 ]]
  on host ip netns del red
  run -0 script up
  [[ $output == *"nsgen: commands: brought up to date: 1 namespace, 1 network" && $(on red ip rule list table 7 | wc -l) -eq 1 ]]
  run -0 script down
  [[ $output == "nsgen: commands: removed 1 namespace, 1 network" ]]
  expect_state "$before"
  run -137 run_at KILL "1 bash -c exec -- 'sleep' '0'" "$LAB/setup.sh" up
  [[ $(on host ip rule list table 8 | wc -l) -eq 1 ]]
  script down
  expect_state "$before"
  run -1 run_at fail "1 bash -c exec -- 'sleep' '0'" "$LAB/setup.sh" up
  [[ $output == *"nsgen: commands: host: 'sleep' '0' failed"* ]]
  expect_state "$before"
}

# --- it is repeated, and repaired ---

# What must not change where nothing is to be done: processes, namespaces and devices.
identities() {
  local node
  on host bash -c 'stat -L -c "%n %i" /run/netns/*; grep . /run/nsgen/*/*.pid'
  for node in host $(on host ls /run/netns); do
    on "$node" ip -o link show | cut -d: -f1,2
  done
}

# Packets that each rule has counted, and the rule. A rule that is put anew starts from 0.
counters() {
  on host iptables-save -c | sed -nE 's/^\[([0-9]+):[0-9]+\] (-A .*)/\1 \2/p'
}

# The kernel's own multicast may be counted meanwhile.
expect_no_counter_reset() { # FILE
  counters >"$LAB/counters.now"
  diff <(cut -d' ' -f2- "$1") <(cut -d' ' -f2- "$LAB/counters.now")
  paste -d' ' <(cut -d' ' -f1 "$LAB/counters.now") "$1" | awk '
    $1 < $2 { print "fell from " $2 " to " $1 ": " $0; fell = 1 }
    $2 > 0 { counted++ }
    END { exit fell || !counted }'
}

@test "up twice is up once: same counters, processes, namespaces and devices" {
  local topology before
  for topology in compose-like proxy; do
    prepare "examples/$topology.yaml"
    script up
    state >/dev/null # what was tentative has settled
    before=$(state)
    probe host 127.0.0.1 8080 tcp >/dev/null
    identities >"$LAB/identities"
    counters >"$LAB/counters"
    run -0 script up
    [[ $output == "nsgen: $topology: nothing to do" ]]
    diff "$LAB/identities" <(identities)
    expect_no_counter_reset "$LAB/counters"
    expect_state "$before"
    script down
  done
}

# --- it is changed ---

@test "the script of a changed topology over the running one: as a fresh build, and connections go on" {
  harden
  expect_change tests/campaign/lifecycle/old.yaml tests/campaign/lifecycle/new.yaml \
    "outside 172.16.1.4 9000 red 7000" "blue 10.77.0.2 7001 red 7001"
}

# --- it is removed ---

@test "down twice, and down of what somebody half removed, leaves nothing and succeeds" {
  local before broken
  harden
  before=$(state)
  prepare examples/dual-stack.yaml
  while read -r broken; do
    script up
    on host bash -c "$broken"
    run -0 script down
    [[ $output == "nsgen: dual-stack: removed 2 namespaces, 1 network, 1 published port" ]] || fail "after \`$broken\`, down says: $output"
    run -0 script down
    [[ $output == "nsgen: dual-stack: nothing to do" ]]
    expect_state "$before" || fail "left after: $broken"
  done <<'HALF'
true
ip netns del red; ip link del veth-blue-br
ip link del bridge0
iptables -w -t nat -F NSGEN-dual-stack-POST; iptables -w -D FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-INTO
ip6tables -w -t nat -F; ip6tables -w -t nat -X; ip6tables -w -F; ip6tables -w -X
read -r pid _ </run/nsgen/dual-stack/red.web.pid; kill -9 -- -$pid
rm /run/nsgen/dual-stack/up /run/nsgen/dual-stack/seen
HALF
}

@test "down where the state directory is gone: what is ours is told by its marks" {
  local before pid
  before=$(state)
  prepare examples/compose-like.yaml
  script up
  mapfile -t pids < <(on host bash -c 'cut -d" " -f1 /run/nsgen/*/*.pid')
  on host rm -r /run/nsgen
  run -0 script down
  for pid in "${pids[@]}"; do
    # runuser waits for what it runs.
    [[ $output == *"process $pid ("@(runuser|python3|bash)") is still in namespace"* ]] || fail "it does not name $pid: $output"
    on host kill -- "-$pid"
  done
  # What the kernel's parameters were, nobody knows any more.
  on host sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.accept_redirects=0 net.bridge.bridge-nf-call-iptables=0
  expect_state "$before"
}

@test "a process inside a namespace is named, and the namespace goes all the same" {
  local before pid
  before=$(state)
  prepare examples/steps/3-host.yaml
  script up
  on red sleep 1000 </dev/null >/dev/null 2>&1 &
  until pid=$(on host ip netns pids red) && [[ $pid ]]; do sleep 0.05; done
  run -0 script down
  [[ $output == "nsgen: article: process $pid (sleep) is still in namespace red, which goes when it ends"$'\n'"nsgen: article: removed 2 namespaces, 1 network" ]]
  on host kill "$pid"
  expect_state "$before"
}

foreign_things() {
  on host bash -eu <<'FOREIGN'
    ip link add docker0 type bridge
    ip link set docker0 up
    ip address add 10.99.0.1/24 dev docker0
    ip netns add stranger
    mkdir -p /etc/netns/stranger
    echo "1.2.3.4 stranger" >/etc/netns/stranger/hosts
    for iptables in iptables ip6tables; do
      $iptables -w -N DOCKER-USER
      $iptables -w -A DOCKER-USER -j RETURN
      $iptables -w -I FORWARD 1 -j DOCKER-USER
      $iptables -w -A FORWARD -i docker0 -j ACCEPT
      $iptables -w -I FORWARD 2 -p tcp --dport 25 -j DROP
      $iptables -w -t nat -A POSTROUTING -o eth0 -p tcp --dport 26 -j ACCEPT
      $iptables -w -t raw -A PREROUTING -p tcp --dport 27 -j ACCEPT
      $iptables -w -t mangle -A PREROUTING -p tcp --dport 28 -j ACCEPT
    done
    sysctl -qw net.ipv4.ip_default_ttl=77
FOREIGN
}

@test "foreign rules, chains, namespaces, bridges and a user's rules in built-in chains are not touched" {
  local alone
  foreign_things
  alone=$(state)
  prepare examples/dual-stack.yaml
  script up
  script up
  script down
  expect_state "$alone"
  cp "$alone" "$BATS_TEST_TMPDIR/alone"
  lab_stop
  # The same, put there while the topology is up.
  lab_start redirects=0 rp_filter=1
  prepare examples/dual-stack.yaml
  script up
  foreign_things
  script up
  script check
  # Who has made himself chains meanwhile relies on forwarding: it stays, and all else goes.
  run -0 script down
  [[ $output == *"net.ipv4.ip_forward stays 1: others rely on it by now"* ]]
  [[ $output == *"net.ipv6.conf.all.forwarding stays 1: others rely on it by now"* ]]
  on host sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0 net.ipv4.conf.all.accept_redirects=0
  expect_state "$BATS_TEST_TMPDIR/alone"
}

@test "a parameter that an administrator's file asks for, too, stays as it is" {
  prepare examples/steps/6-sibling.yaml
  script up
  on host bash -c 'printf "net.ipv4.ip_forward = 0\n-net/bridge/bridge-nf-call-iptables=1" >/etc/sysctl.d/50-mine.conf'
  run -0 script down
  [[ $output == *"net.bridge.bridge-nf-call-iptables stays 1: others rely on it by now"* ]]
  [[ $(on host sysctl -n net.ipv4.ip_forward net.bridge.bridge-nf-call-iptables) == $'0\n1' ]]
}

@test "who had chains before is known where the question for them failed once, too" {
  printf '#!/bin/bash\n[[ "$*" != "-w -S" || -e %q ]] || { : >%q; exit 4; }\nexec %q "$@"\n' \
    "$LAB/failed" "$LAB/failed" "$(type -P iptables)" >"$LAB/iptables"
  chmod 755 "$LAB/iptables"
  mv "$LAB/iptables" "$LAB/bin/iptables"
  prepare examples/steps/6-sibling.yaml
  on host iptables -N OTHERS
  script up
  [[ -e $LAB/failed ]]
  run -0 script down
  [[ $output != *'others rely on it'* ]]
  [[ $(on host sysctl -n net.ipv4.ip_forward) == 0 ]]
}

@test "what our own file switched on at boot counts as off before, and is put back with what goes along" {
  local before
  on host sysctl -qw net.ipv4.conf.all.accept_redirects=1
  prepare examples/steps/6-sibling.yaml
  before=$(state)
  printf 'net.ipv4.ip_forward = 1\n' | on host tee /etc/sysctl.d/99-nsgen-article.conf >/dev/null
  on host bash -c 'sed "s/^btime .*/btime 4000000000/" /proc/stat >/run/stat && mount --bind /run/stat /proc/stat' # it is older than that
  on host sysctl -qw net.ipv4.ip_forward=1
  script up
  [[ $(on host iptables -S FORWARD) == *-GUARD* ]]
  script down
  on host bash -c 'umount /proc/stat && rm /run/stat /run/nsgen.boot /etc/sysctl.d/99-nsgen-article.conf'
  expect_state "$before"
}

@test "what somebody put in the place of ours stays: its mark is another one" {
  prepare examples/dual-stack.yaml
  script up
  on host ip link del bridge0
  on host ip link add bridge0 type bridge
  on host ip link set bridge0 alias mine
  run -1 script up
  [[ $output == *"link bridge0 exists already, and it is not of this topology"* ]]
  run -0 script down
  [[ $(on host cat /sys/class/net/bridge0/ifalias) == mine ]]
}

@test "a parameter that somebody changed since is left as it is" {
  prepare "$(topology <<<'{name: ttl, host: {sysctls: {net.ipv4.ip_default_ttl: 63, net.ipv4.tcp_fin_timeout: 30}}}')"
  script up
  on host sysctl -qw net.ipv4.ip_default_ttl=99
  script down
  [[ $(on host sysctl -n net.ipv4.ip_default_ttl net.ipv4.tcp_fin_timeout) == $'99\n60' ]]
}

# --- two topologies ---

second_topology() {
  topology <<'YAML'
name: second
networks: {bridge9: {subnet: [10.9.0.0/24, "fd00:9::/64"], internet: true}}
namespaces:
  green:
    networks: {bridge9: [10.9.0.2, "fd00:9::2"]}
    publish: ["9090:90"]
    hosts: true
  yellow: {networks: [bridge9]}
host:
  sysctls: {net.ipv4.ip_default_ttl: 63}
YAML
}

@test "two topologies share parameters: removing one, in either order, leaves the other working" {
  local before first second
  harden
  # A default route from a router advertisement, which forwarding must not cost.
  on host ip -6 route replace default via fd00:1::1 dev eth0 proto ra
  first=$(render_to first "$(variant examples/dual-stack.yaml '/^namespaces:/i\
host: {sysctls: {net.ipv4.ip_default_ttl: 62}}')")
  second=$(render_to second "$(second_topology)")
  before=$(state)

  run_script "$first" up
  run_script "$second" up
  # The later one has its value, and the earlier one says so.
  run -1 run_script "$first" check
  [[ $output == "host: changed: net.ipv4.ip_default_ttl is 63, not 62" ]]
  both_work
  run_script "$first" down
  run -0 run_script "$second" check
  [[ $(on host sysctl -n net.ipv6.conf.eth0.accept_ra) == 2 ]]
  serve "green * 90 tcp"
  second_works
  serve_stop
  run_script "$second" down
  expect_state "$before"

  run_script "$first" up
  run_script "$second" up
  run_script "$second" down
  run -0 run_script "$first" check
  [[ $(on host sysctl -n net.ipv6.conf.eth0.accept_ra) == 2 ]]
  serve "red * 81 tcp"
  expect_ok outside 172.16.1.4 8080 tcp http
  run_script "$first" down
  serve_stop
  expect_state "$before"
}

both_work() {
  serve "green * 90 tcp"
  expect_ok outside 172.16.1.4 8080 tcp http
  second_works
  # They are networks apart.
  expect_timeout blue 10.9.0.2 90 tcp
  serve_stop
}

second_works() {
  expect <<'TABLE'
outside  172.16.1.4    9090  tcp  ok green 172.16.1.5
outside  fd00:1::4     9090  tcp  ok green fd00:1::5
yellow   10.9.0.1      9090  tcp  ok green 10.9.0.3
green    203.0.113.10  80    tcp  ok internet 172.16.1.4
green    2001:db8::10  80    tcp  ok internet fd00:1::4
TABLE
}

@test "two runs at once wait for each other: of one topology, and of two" {
  local before first second pids=() pid _
  before=$(state)
  first=$(render_to first "$(variant examples/steps/3-host.yaml '/^namespaces:/i\
host: {exec: [{up: [sleep, "1"]}]}')")
  second=$(render_to second "$(second_topology)")
  run_script "$first" up &
  pid=$!
  until on host test -e /run/nsgen/article/made; do sleep 0.02; done
  run -0 run_script "$second" up
  [[ $output == "nsgen: second: another run is under way: waiting for its end"$'\n'*"nsgen: second: built "* ]]
  ! kill -0 "$pid" 2>/dev/null || wait "$pid"
  run_script "$first" check
  for _ in 1 2 3; do
    run_script "$first" up 2>/dev/null & pids+=("$!")
    run_script "$second" down 2>/dev/null & pids+=("$!")
    run_script "$first" down 2>/dev/null & pids+=("$!")
    run_script "$second" up 2>/dev/null & pids+=("$!")
  done
  for pid in "${pids[@]}"; do wait "$pid"; done
  run_script "$first" up
  run_script "$second" up
  run_script "$first" check
  run_script "$second" check
  run_script "$second" down
  run_script "$first" down
  expect_state "$before"
}

# --- check ---

@test "check says nothing and exits 0 where all is as rendered, else 1 with a line for each difference" {
  local before
  prepare examples/article.yaml
  before=$(state)
  run -1 --separate-stderr script check
  [[ $output == "article is not up" && -z $stderr ]]
  expect_state "$before"
  script up
  before=$(state)
  run -0 script check
  [[ -z $output ]]
  expect_state "$before"
  prepare "$(variant examples/article.yaml 's/8080:80/8081:80/')"
  run -1 script check
  [[ $output == *"host: only in this script: iptables -A NSGEN-article-PRE -p tcp -m tcp --dport 8081 "* ]]
  [[ $output == *"host: not in this script: iptables -A NSGEN-article-PRE -p tcp -m tcp --dport 8080 "* ]]
  [[ ${#lines[@]} -eq 4 ]]
}

@test "what is no command is answered with the usage, and exit status 2" {
  prepare examples/article.yaml
  local words before
  before=$(state)
  for words in "start" "up down" "-x" "up --strict"; do
    read -ra words <<<"$words"
    run -2 script "${words[@]}"
    [[ $output == "usage: setup.sh [-v] [up|down|check [--strict]|status|logs [-f] [NODE[.SERVICE]]|plan|try [SECONDS]|confirm|install|uninstall]" ]]
  done
  for words in -h --help; do
    run -0 script "$words"
    [[ $output == "usage: setup.sh [-v] [up|down|check [--strict]|status|logs [-f] [NODE[.SERVICE]]|plan|try [SECONDS]|confirm|install|uninstall]" ]]
  done
  expect_state "$before"
}

# --- after a reboot ---

@test "install writes the files of render -o, enables the unit, and uninstall leaves nothing" {
  local before how
  on host mount -t tmpfs tmpfs /usr/local/sbin
  harden
  before=$(state)
  render examples/article.yaml -o "$LAB/tree"
  prepare examples/article.yaml
  run -0 script install
  [[ $output == "nsgen: article: installed; it is built at every boot, and now by: systemctl start nsgen-article.service" ]]
  for how in file pipe; do
    installed_files_are_those_of "$LAB/tree/article"
    [[ $how == pipe ]] || on host cmp /usr/local/sbin/nsgen-article "$LAB/setup.sh"
    on host /usr/local/sbin/nsgen-article up
    run -0 script check
    expect_ok outside 172.16.1.4 8080 tcp http
    on host /usr/local/sbin/nsgen-article down
    on host /usr/local/sbin/nsgen-article up
    on host /usr/local/sbin/nsgen-article uninstall
    expect_state "$before"
    [[ -z $(on host ls -A /usr/local/sbin) ]]
    on host bash -s install <"$LAB/setup.sh"
  done
  run -0 on host bash -s uninstall <"$LAB/setup.sh"
  expect_state "$before"
  [[ -z $(on host ls -A /usr/local/sbin) ]]
}

installed_files_are_those_of() { # FOLDER
  local file
  for file in etc/sysctl.d/99-nsgen-article.conf etc/modules-load.d/nsgen-article.conf etc/systemd/system/nsgen-article.service; do
    on host cmp "/$file" "$1/$file"
  done
  [[ $(on host readlink /etc/systemd/system/multi-user.target.wants/nsgen-article.service) == /etc/systemd/system/nsgen-article.service ]]
  [[ $(on host stat -c '%a %U' /usr/local/sbin/nsgen-article) == "755 root" ]]
  [[ -z $(on host find /etc /usr/local/sbin -name '*nsgen-new') ]]
}

@test "install of a version that has less to say removes what the earlier one said" {
  on host mount -t tmpfs tmpfs /usr/local/sbin
  prepare examples/article.yaml
  script up
  script install
  prepare "$(topology <<<'{name: article, namespaces: {red: {}}}')"
  script install
  on host cmp /usr/local/sbin/nsgen-article "$LAB/setup.sh"
  on host test -e /etc/systemd/system/nsgen-article.service
  run -1 on host test -e /etc/sysctl.d/99-nsgen-article.conf
  run -1 on host test -e /etc/modules-load.d/nsgen-article.conf
}

@test "install tells systemd of units that run in a namespace, and no longer of those that are not named any more" {
  local folder=/etc/systemd/system before
  on host mount -t tmpfs tmpfs /usr/local/sbin
  before=$(state)
  prepare "$(topology <<'YAML'
name: units
namespaces:
  red: {dns: {nameservers: [9.9.9.9]}, units: [web.service, "mail@1.service"]}
  blue: {units: log.service}
YAML
  )"
  script up
  run -1 on host test -e "$folder/web.service.d"
  script install
  [[ $(on host cat "$folder/mail@1.service.d/nsgen-units.conf") == '# nsgen:units
[Unit]
Requires=nsgen-units.service
After=nsgen-units.service

[Service]
NetworkNamespacePath=/run/netns/red
BindReadOnlyPaths=/etc/netns/red/resolv.conf:/etc/resolv.conf' ]]
  on host cmp "$folder/web.service.d/nsgen-units.conf" "$folder/mail@1.service.d/nsgen-units.conf"
  [[ $(on host tail -n 1 "$folder/log.service.d/nsgen-units.conf") == NetworkNamespacePath=/run/netns/blue ]]
  # One that is there stays until the new one is whole: a unit without it would start outside.
  printf '#!/bin/bash\n[[ "$*" != *.service.d/* ]] && exec %q "$@"\n' "$(type -P install)" >"$LAB/bin/install"
  chmod 755 "$LAB/bin/install"
  run ! script install
  [[ $(on host bash -c "cat $folder/*.service.d/nsgen-units.conf" | grep -c NetworkNamespacePath) == 3 ]]
  rm "$LAB/bin/install"
  on host touch "$folder/web.service.d/mine.conf"
  prepare "$(topology <<<'{name: units, namespaces: {red: {}, blue: {units: log.service}}}')"
  script install
  run -1 on host test -e "$folder/mail@1.service.d"
  [[ $(on host ls "$folder/web.service.d") == mine.conf ]]
  on host test -e "$folder/log.service.d/nsgen-units.conf"
  on host rm -r "$folder/web.service.d"
  script uninstall
  expect_state "$before"
}

# --- the plain style ---

@test "plain.sh, then plain-teardown.sh, leaves nothing" {
  local before
  # It does not remember what the kernel changes by itself along with forwarding.
  on host sysctl -qw net.ipv4.conf.all.accept_redirects=1
  before=$(state)
  prepare examples/compose-like.yaml --style plain
  on host bash "$LAB/setup.sh"
  prepare examples/compose-like.yaml --style plain --teardown
  on host bash "$LAB/setup.sh"
  expect_state "$before"
}
