#!/usr/bin/env bats
# The lab itself: before it can be believed about a script, it has to tell right from wrong about the
# article's own commands, typed by hand.

load lab/lab

setup_file() {
  lab_start
}

teardown_file() {
  lab_stop
}

teardown() {
  serve_stop
  # A test that has a lab of its own has ended it, or leaves it to the end of the run.
  [[ -z ${LAB-} ]] || article_undo
}

article() { # SECTION...
  on host bash "$LAB_SOURCE/article.sh" "$@" >/dev/null
}

article_undo() {
  on host bash "$LAB_SOURCE/article.sh" undo
}

# --- the tools ---

@test "the lab tells ok, refused, timeout and unreachable apart" {
  on outside iptables -w -A INPUT -p tcp --dport 7999 -j DROP
  on outside iptables -w -A INPUT -p udp --dport 7999 -j DROP
  on outside iptables -w -A INPUT -p tcp --dport 7998 -j REJECT --reject-with icmp-net-unreachable
  on outside ip6tables -w -A INPUT -p tcp --dport 7999 -j DROP
  on router ip route add unreachable 198.51.100.0/24
  on host ip route add prohibit 198.51.101.0/24
  expect <<'TABLE'
host      172.16.1.5      7000  tcp   ok outside 172.16.1.4
host      172.16.1.5      7000  udp   ok outside 172.16.1.4
host      172.16.1.5      7001  tcp   refused
host      172.16.1.5      7001  udp   refused
host      172.16.1.5      7999  tcp   timeout
host      172.16.1.5      7999  udp   timeout
host      172.16.1.5      7998  tcp   unreachable
host      198.51.100.1    80    tcp   unreachable
host      198.51.100.1    80    udp   unreachable
host      198.51.100.1    -     ping  unreachable
host      198.51.101.1    80    tcp   unreachable
host      fd00:1::5       7000  tcp   ok outside fd00:1::4
host      fd00:1::5       7000  udp   ok outside fd00:1::4
host      fd00:1::5       7001  tcp   refused
host      fd00:1::5       7001  udp   refused
host      fd00:1::5       7999  tcp   timeout
host      fd00:1::5       -     ping  ok ping 64
host      172.16.1.5      -     ping  ok ping 64
host      172.16.1.77     -     ping  timeout
host      203.0.113.10    80    tcp   ok internet 172.16.1.4
host      203.0.113.10    -     ping  ok ping 63
host      8.8.8.8         80    udp   ok internet 172.16.1.4
host      8.8.8.8         53    udp   ok internet 172.16.1.4
outside   2001:db8::10    8080  tcp   ok internet fd00:1::5
internet@8.8.8.8  172.16.1.5  7000  tcp  ok outside 8.8.8.8
TABLE
  [[ $(probe host 172.16.1.5 7001 tcp) == refused ]]
  expect_ok host 172.16.1.5 7000 tcp outside 172.16.1.4
  expect_timeout host 172.16.1.5 7999 tcp
  expect_unreachable host 198.51.100.1 80 tcp
}

@test "the lab says what was expected and what came instead" {
  run expect <<<"host 172.16.1.5 7001 tcp ok outside"
  [[ $status -eq 1 ]]
  [[ $output == *"host -> 172.16.1.5 7001 tcp: expected ok outside, got refused"* ]]
  run expect <<<"host 172.16.1.5 7000 tcp ok internet"
  [[ $status -eq 1 ]]
  run expect <<<"host 172.16.1.5 7000 tcp"
  [[ $status -eq 1 ]]
  run expect <<<"nobody 172.16.1.5 7000 tcp ok"
  [[ $status -eq 1 && $output == *"no node 'nobody'"* ]]
}

@test "the responder answers a datagram from the address it was sent to" {
  on outside ip address add 172.16.1.50/24 dev eth0
  # The prober takes no answer from anyone else.
  expect_ok host 172.16.1.50 7000 udp outside 172.16.1.4
}

@test "the requests that arrived are known, answered or not" {
  requests_forget
  expect_ok host 172.16.1.5 7000 udp outside 172.16.1.4
  [[ $(requests) == "outside udp 172.16.1.4" ]]
}

@test "the lab's names, files and processes are out of the script's sight" {
  run on host ip netns list
  [[ -z $output ]]
  [[ -z $(on host ls -A /run/nsgen /run/netns 2>/dev/null) ]]
  on host touch /etc/netns-of-the-lab /etc/sysctl.d/lab.conf
  [[ ! -e /etc/netns-of-the-lab && ! -e /etc/sysctl.d/lab.conf ]]
  on host rm /etc/netns-of-the-lab /etc/sysctl.d/lab.conf
  run on host bash -c 'echo /sys/class/net/*'
  [[ $output == "/sys/class/net/eth0 /sys/class/net/lo" ]]
}

@test "a web server is told from a responder" {
  on outside "$LAB_PYTHON" -m http.server 7080 --directory /run >/dev/null 2>&1 &
  for _ in {1..50}; do
    [[ $(probe host 172.16.1.5 7080 tcp) != refused ]] && break
    sleep 0.1
  done
  expect_ok host 172.16.1.5 7080 tcp http
  kill $!
}

@test "an injected frame is answered by who listens there, and by nobody else" {
  serve "host 172.16.1.4 9100 tcp" "host 172.16.1.4 9100 udp"
  [[ $(inject outside eth0 172.16.1.5 172.16.1.4 9100 tcp) == syn-ack ]]
  [[ $(inject outside eth0 172.16.1.5 172.16.1.4 9100 udp) == answer ]]
  [[ $(inject outside eth0 172.16.1.5 172.16.1.4 9101 tcp) == reset ]]
  [[ $(inject outside eth0 172.16.1.5 198.51.100.7 9100 tcp) == nothing ]]
  [[ $(inject outside eth0 172.16.1.5 127.0.0.1 9100 tcp) == nothing ]]
}

@test "a loopback service is open to a neighbour where route_localnet is set, and the lab sees it" {
  serve "host 127.0.0.1 9000 tcp"
  on host sysctl -qw net.ipv4.conf.eth0.route_localnet=1
  [[ $(inject outside eth0 172.16.1.5 127.0.0.1 9000 tcp) == syn-ack ]]
  on host sysctl -qw net.ipv4.conf.eth0.route_localnet=0
  [[ $(inject outside eth0 172.16.1.5 127.0.0.1 9000 tcp) == nothing ]]
}

# --- the snapshot ---

@test "two snapshots of one state are equal" {
  article everything
  local before
  before=$(snapshot)
  expect_snapshot "$before"
}

@test "a snapshot shows each kind of change" {
  article bridge addresses host
  local before now seen make unmake unmade=""
  before=$(snapshot)
  # What is done, how it is undone, and the new line that has to tell.
  while IFS='|' read -r make unmake seen; do
    on host bash -c "$make"
    printf '%s\n' "$seen" >>"$BATS_TEST_TMPDIR/expected"
    unmade+="$unmake"$'\n'
  done <<'CHANGES'
ip link set veth-red-br type bridge_slave hairpin on|ip link set veth-red-br type bridge_slave hairpin off|host link veth-red-br linkinfo.info_slave_data.hairpin=True
bridge link set dev veth-red-br isolated on|bridge link set dev veth-red-br isolated off|host link veth-red-br linkinfo.info_slave_data.isolated=True
ip link set bridge0 type bridge nf_call_iptables 1|ip link set bridge0 type bridge nf_call_iptables 0|host link bridge0 linkinfo.info_data.nf_call_iptables=1
ip link set veth-red-br alias mine|ip link set veth-red-br alias ''|host link veth-red-br ifalias=mine
ip link set veth-red-br group 7|ip link set veth-red-br group 0|host link veth-red-br group=7
ip -n red link set veth-red mtu 1400|ip -n red link set veth-red mtu 1500|red link veth-red mtu=1400
ip link set veth-blue-br down|ip link set veth-blue-br up|host link veth-blue-br flags=
ip -n red address add 10.9.9.9/32 dev veth-red|ip -n red address del 10.9.9.9/32 dev veth-red|red address veth-red family=inet label=veth-red local=10.9.9.9
ip -n red route add 10.9.0.0/16 via 192.168.15.1|ip -n red route del 10.9.0.0/16|red route -4 dev=veth-red dst=10.9.0.0/16 gateway=192.168.15.1
ip rule add from 10.9.9.9 table 7|ip rule del from 10.9.9.9 table 7|host rule -4 priority=32765 protocol=unspec src=10.9.9.9 table=7
ip netns exec red sysctl -qw net.ipv4.conf.all.arp_notify=1|ip netns exec red sysctl -qw net.ipv4.conf.all.arp_notify=0|red sysctl net/ipv4/conf/all/arp_notify=1
sysctl -qw net.ipv4.conf.bridge0.route_localnet=1|sysctl -qw net.ipv4.conf.bridge0.route_localnet=0|host sysctl net/ipv4/conf/bridge0/route_localnet=1
iptables -w -t nat -A OUTPUT -p tcp -j ACCEPT|iptables -w -t nat -D OUTPUT -p tcp -j ACCEPT|host iptables-save *nat -A OUTPUT -p tcp -j ACCEPT
ip6tables -w -P FORWARD DROP|ip6tables -w -P FORWARD ACCEPT|host ip6tables-save *filter :FORWARD DROP
iptables -w -t raw -N MINE|iptables -w -t raw -X MINE|host iptables-save *raw :MINE -
ip netns exec blue iptables -w -A INPUT -j ACCEPT|ip netns exec blue iptables -w -D INPUT -j ACCEPT|blue iptables-save *filter -A INPUT -j ACCEPT
ip netns add green|ip netns del green|green link lo flags=
echo x >/etc/sysctl.d/x.conf|rm /etc/sysctl.d/x.conf|host file /etc/sysctl.d/x.conf: x
mkdir -p /run/nsgen; echo y >/run/nsgen/x|rm -r /run/nsgen|host file /run/nsgen/x: y
ip netns exec red setsid sleep 77 </dev/null >/dev/null 2>&1 & echo $! >/run/pid|kill $(cat /run/pid)|process red uid=0 sleep 77
CHANGES
  now=$(snapshot)
  diff "$before" "$now" >"$BATS_TEST_TMPDIR/changes" || true
  while read -r seen; do
    grep -qF -- "$seen" "$BATS_TEST_TMPDIR/changes" || fail "not in the snapshot: $seen"
  done <"$BATS_TEST_TMPDIR/expected"
  on host bash -c "$unmade"
  expect_snapshot "$before"
}

# --- the article by hand ---

serve_red() {
  serve "red * 80 tcp" "red * 80 udp" "blue * 80 tcp"
}

@test "by hand: red and blue are machines on one switch" {
  article bridge
  serve_red
  expect_unreachable red 192.168.15.3 80 tcp
  article addresses
  expect <<'TABLE'
red   192.168.15.3  80  tcp   ok blue 192.168.15.2
red   192.168.15.3  -   ping  ok ping 64
blue  192.168.15.2  80  tcp   ok red 192.168.15.3
host  192.168.15.2  80  tcp   unreachable
TABLE
  # Nobody has the gateway's address yet.
  expect <<<"red 192.168.15.1 80 tcp timeout|unreachable"
  article host
  expect <<'TABLE'
host  192.168.15.2  -   ping  ok
host  192.168.15.2  80  tcp   ok red 192.168.15.1
red   192.168.15.1  -   ping  ok
TABLE
}

@test "by hand: red reaches the internet by a default route, masquerading and forwarding, and by no two of them" {
  article bridge addresses host
  serve_red
  expect_unreachable red 8.8.8.8 80 tcp
  article default_route
  requests_forget
  expect_timeout red 8.8.8.8 80 udp
  # The host is not a router: nothing of it arrives.
  [[ -z $(requests) ]]
  article forwarding
  expect_timeout red 8.8.8.8 80 udp
  # It arrives, and the internet knows no way back to 192.168.15.2.
  [[ $(requests) == "internet udp 192.168.15.2"* ]]
  article masquerade
  expect <<'TABLE'
red   8.8.8.8       80  tcp   ok internet 172.16.1.4
red   8.8.8.8       80  udp   ok internet 172.16.1.4
red   8.8.8.8       -   ping  ok ping 62
blue  8.8.8.8       80  tcp   unreachable
TABLE
}

@test "by hand: the published port answers each of the five, from the step on that is for it" {
  article bridge addresses host internet
  serve_red
  on blue ip route add default via 192.168.15.1
  expect_refused outside 172.16.1.4 8080 tcp
  article publish_outside
  expect <<'TABLE'
outside  172.16.1.4    8080  tcp  ok red 172.16.1.5
host     192.168.15.1  8080  tcp  refused
host     172.16.1.4    8080  tcp  refused
host     127.0.0.1     8080  tcp  refused
TABLE
  article publish_host
  expect <<'TABLE'
host     192.168.15.1  8080  tcp  ok red 192.168.15.1
host     127.0.0.1     8080  tcp  timeout|unreachable
TABLE
  article publish_host_source
  expect <<'TABLE'
host     172.16.1.4    8080  tcp  ok red 192.168.15.1
host     127.0.0.1     8080  tcp  timeout|unreachable
TABLE
  article publish_loopback
  expect <<'TABLE'
host     127.0.0.1     8080  tcp  ok red 192.168.15.1
blue     192.168.15.1  8080  tcp  timeout
red      192.168.15.1  8080  tcp  timeout
TABLE
  article sibling
  expect <<'TABLE'
blue     192.168.15.1  8080  tcp  ok red 192.168.15.3
blue     172.16.1.4    8080  tcp  ok red 192.168.15.3
red      192.168.15.1  8080  tcp  timeout
TABLE
  article self_masquerade
  expect_timeout red 192.168.15.1 8080 tcp
  article hairpin
  expect <<'TABLE'
outside  172.16.1.4    8080  tcp  ok red 172.16.1.5
host     192.168.15.1  8080  tcp  ok red 192.168.15.1
host     172.16.1.4    8080  tcp  ok red 192.168.15.1
host     127.0.0.1     8080  tcp  ok red 192.168.15.1
blue     192.168.15.1  8080  tcp  ok red 192.168.15.3
red      192.168.15.1  8080  tcp  ok red 192.168.15.1
TABLE
}

@test "by hand: hairpin mode alone does not help red, whose own address comes back to it" {
  article bridge addresses host internet publish sibling hairpin
  serve_red
  expect_timeout red 192.168.15.1 8080 tcp
  article self_masquerade
  expect_ok red 192.168.15.1 8080 tcp red 192.168.15.1
}

@test "by hand: the article's rules are wrong, and the lab sees it (rules 3.1, 3.2, 3.7)" {
  article everything
  serve_red
  on outside ip route add 192.168.15.0/24 via 172.16.1.4
  serve "host 127.0.0.1 9000 tcp"
  expect <<'TABLE'
red      203.0.113.10  8080  tcp  ok red
host     172.16.1.5    8080  tcp  ok red
outside  192.168.15.2  80    tcp  ok red 172.16.1.5
TABLE
  [[ $(inject outside eth0 172.16.1.5 127.0.0.1 8080 tcp) == syn-ack ]]
  [[ $(inject red veth-red 192.168.15.2 127.0.0.1 9000 tcp) == syn-ack ]]
  on outside ip route del 192.168.15.0/24 via 172.16.1.4
}

# --- the switches ---

@test "a machine that forwards nothing keeps the article from the internet and from its published port" {
  lab_start forward=DROP
  article everything
  serve_red
  expect <<'TABLE'
red      8.8.8.8       80    tcp  timeout
outside  172.16.1.4    8080  tcp  timeout
blue     192.168.15.2  80    tcp  timeout
TABLE
  lab_stop
}

@test "every machine of the matrix starts, and is what its options say" {
  local name options
  while read -r name options; do
    MACHINE=$name lab_start
    [[ $(on host cat /proc/sys/net/ipv4/ip_forward) == $([[ $options == *ip_forward=1* ]] && echo 1 || echo 0) ]]
    [[ $(on host iptables -S FORWARD) == "-P FORWARD $([[ $options == *forward=DROP* ]] && echo DROP || echo ACCEPT)" ]]
    [[ $(on host ip6tables -S FORWARD) == "-P FORWARD $([[ $options == *forward=DROP* ]] && echo DROP || echo ACCEPT)" ]]
    [[ $(on host iptables --version) == *"$([[ $options == *legacy* ]] && echo legacy || echo nf_tables)"* ]]
    [[ $(on host cat /proc/sys/net/ipv4/conf/eth0/rp_filter) == $([[ $options == *rp_filter=1* ]] && echo 1 || echo 0) ]]
    [[ ! -e /proc/sys/net/bridge || $(on host cat /proc/sys/net/bridge/bridge-nf-call-iptables) == $([[ $options == *brnf=1* ]] && echo 1 || echo 0) ]]
    expect_ok host 203.0.113.10 80 tcp internet 172.16.1.4
    expect_ok host 2001:db8::10 80 tcp internet fd00:1::4
    expect_ping outside 172.16.1.4
    lab_stop
  done < <(grep "^[^#]" "$LAB_SOURCE/matrix")
}

@test "a lab is gone with all its processes" {
  lab_start
  on host setsid sleep 600 </dev/null >/dev/null 2>&1 3>&- &
  local pid=$LAB_PID folder=$LAB
  sleep 0.2
  run pgrep -f "$folder"
  [[ -n $output ]]
  lab_stop
  [[ ! -e /proc/$pid && ! -e $folder ]]
  run pgrep -f "$folder"
  [[ -z $output ]]
}
