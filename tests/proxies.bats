#!/usr/bin/env bats
# `redirect` and `tproxy` of `nat`: what a transparent proxy gets, what it learns of it, and what passes it by.

bats_require_minimum_version 1.5.0
load lab/lab

setup() {
  lab_start
}

teardown() {
  lab_stop
}

proxy() { # NODE PORT tcp|udp redirect|tproxy [UID]
  lab_tool transparent "$@" >>"$LAB/responders" || fail "no proxy"
}

proxies() {
  proxy gate 15001 tcp tproxy
  proxy gate 15053 udp tproxy
  proxy gate 15002 tcp tproxy
  proxy gate 15003 tcp redirect
}

@test "a transparent proxy sees who asks and whom, and asks on as its client or as itself" {
  up examples/transparent.yaml
  proxies
  serve "server * 80 tcp" "server * 90 tcp" "server * 91 tcp" "server * 92 tcp" "server * 53 udp" "gate * 80 tcp" \
    "gate * 15054 udp" "server * 54 udp"
  expect <<'TABLE'
client  10.2.0.2   80  tcp   ok gate=10.2.0.2:80=server 10.1.0.2=10.1.0.2
client  fd00:2::2  80  tcp   ok gate=[fd00:2::2]:80=server fd00:1::2=fd00:1::2
client  10.2.0.9   89  tcp   ok gate=10.2.0.9:89=- 10.1.0.2=-
client  10.2.0.2   53  udp   ok gate=10.2.0.2:53=server 10.1.0.2=10.1.0.2
client  fd00:2::2  53  udp   ok gate=[fd00:2::2]:53=server fd00:1::2=fd00:1::2
client  10.2.0.2   90  tcp   ok gate=10.2.0.2:90=server 10.1.0.2=10.1.0.2
client  10.2.0.2   91  tcp   ok gate=10.2.0.2:91=server 10.1.0.2=10.2.0.1
client  fd00:2::2  91  tcp   ok gate=[fd00:2::2]:91=server fd00:1::2=fd00:2::1
client  10.2.0.2   54  udp   ok gate 10.1.0.2
client  fd00:2::2  54  udp   ok server fd00:1::2
TABLE
  # With the mark in the way back, as VPNs have it, and with a strict look at that.
  on gate sysctl -qw net.ipv4.conf.all.src_valid_mark=1 net.ipv4.conf.all.rp_filter=1
  expect <<<'client  10.2.0.2  80  tcp  ok gate=10.2.0.2:80=server 10.1.0.2=10.1.0.2'
  # The rest goes where it always went: to the node itself, what is excepted, other ports, other devices, pings.
  expect <<'TABLE'
client  10.1.0.1   80  tcp   ok gate 10.1.0.2
client  10.2.0.1   80  tcp   ok gate 10.1.0.2
client  10.2.0.3   80  tcp   ok server 10.1.0.2
client  fd00:2::3  80  tcp   ok server fd00:1::2
client  10.1.0.1   92  tcp   ok server 10.1.0.2
client  10.2.0.2   92  tcp   ok server 10.1.0.2
client  10.2.0.2   95  tcp   refused
client  fd00:2::2  90  tcp   ok server fd00:1::2
client  10.2.0.2   -   ping  ok
gate    10.2.0.2   80  tcp   ok server 10.2.0.1
TABLE
}

@test "what a node sends itself is translated by entries for that alone, beside those for all" {
  up - <<'YAML'
name: own
links: [{endpoints: {red:eth0: 10.0.0.1/30, blue:eth0: 10.0.0.2/30}}]
namespaces:
  red:
    nat:
      - {dnat: "10.0.0.2:90", port: 91, to: 10.9.0.9}
      - {dnat: "10.0.0.2:90", port: 92, to: 10.9.0.9, in: lo}
      - {redirect: 93, in: lo, port: 94, to: 10.9.0.9}
      - {redirect: 93, in: eth0, port: 95, to: 10.0.0.1}
    routes: [{to: 10.9.0.9, via: 10.0.0.2}]
  blue: {routes: [{to: 10.9.0.9, via: 10.0.0.1}]}
YAML
  serve "blue * 90 tcp" "red * 93 tcp"
  expect <<'TABLE'
red   10.9.0.9  91  tcp  ok blue 10.0.0.1
red   10.9.0.9  92  tcp  ok blue 10.0.0.1
red   10.9.0.9  94  tcp  ok red 10.0.0.1
red   10.9.0.9  95  tcp  timeout
blue  10.0.0.1  95  tcp  ok red 10.0.0.2
blue  10.0.0.1  94  tcp  refused
TABLE
}

@test "a proxy beside a node's programs gets what they send elsewhere, and what it sends itself goes out" {
  [[ $(</proc/self/uid_map) == *4294967295* ]] || skip "there is nobody but root"
  up examples/transparent.yaml
  proxy app 15006 tcp redirect 65534
  serve "server * 80 tcp" "server * 93 tcp" "server * 94 tcp" "client * 80 tcp" "app * 81 tcp" "app * 70 tcp" "server * 80 udp"
  expect <<'TABLE'
app     10.2.0.2   80  tcp   ok app=10.2.0.2:80=server 10.3.0.2=10.3.0.2
app     fd00:2::2  80  tcp   ok app=[fd00:2::2]:80=server fd00:3::2=fd00:3::2
app     10.2.0.2   99  tcp   ok app=10.2.0.2:99=- 10.3.0.2=-
app     10.9.0.9   93  tcp   ok server 10.3.0.2
app     10.9.0.9   94  tcp   ok server 10.3.0.2
app     10.1.0.2   80  tcp   ok client 10.3.0.2
app     127.0.0.1  81  tcp   ok app 127.0.0.1
app     10.3.0.2   81  tcp   ok app 10.3.0.2
app     ::1        81  tcp   ok app ::1
app     10.2.0.2   80  udp   ok server 10.3.0.2
client  10.3.0.2   70  tcp   ok app 10.1.0.2
TABLE
}

@test "a proxy of the host gets what a network sends beyond it, and not what its members send each other" {
  up examples/transparent.yaml
  proxy host 15101 tcp tproxy
  proxy host 15102 tcp redirect
  serve "blue * 80 tcp" "blue * 81 tcp" "host * 80 tcp" "internet * 81 tcp"
  expect <<'TABLE'
red   203.0.113.10  80    tcp  ok host=203.0.113.10:80=internet 10.4.0.2=172.16.1.4
red   2001:db8::10  80    tcp  ok host=[2001:db8::10]:80=internet fd00:4::2=fd00:1::4
red   203.0.113.10  81    tcp  ok host=203.0.113.10:81=internet 10.4.0.2=172.16.1.4
red   2001:db8::10  81    tcp  ok host=[2001:db8::10]:81=internet fd00:4::2=fd00:1::4
red   203.0.113.10  8080  tcp  ok internet 172.16.1.4
red   10.4.0.1      80    tcp  ok host 10.4.0.2
red   10.4.0.3      80    tcp  ok blue 10.4.0.2
red   10.4.0.3      81    tcp  ok blue 10.4.0.2
red   fd00:4::3     80    tcp  ok blue fd00:4::2
host  203.0.113.10  80    tcp  ok internet 172.16.1.4
TABLE
  # And without the exception for neighbours, where iptables sees bridges, the proxy would get that too.
  if on host test -e /proc/sys/net/bridge/bridge-nf-call-iptables; then
    on host sysctl -qw net.bridge.bridge-nf-call-iptables=1
    expect <<<'red 10.4.0.3 81 tcp ok blue 10.4.0.2'
    without_rule iptables nat 'P1 -d 10.4.0.0/24 .*RETURN'
    expect <<<'red 10.4.0.3 81 tcp ok host=10.4.0.3:81=blue 10.4.0.2=10.4.0.1'
  fi
}

@test "what is gone of a proxy is named and put back, up again changes nothing, and down leaves nothing" {
  prepare examples/transparent.yaml
  script up
  run -0 script up
  [[ $output == *"nothing to do"* ]]
  script down
  expect_repaired examples/transparent.yaml <<'BROKEN'
ip netns exec gate iptables -w -t mangle -F NSGEN-transparent-TPROXY
ip netns exec gate iptables -w -t mangle -D NSGEN-transparent-DIVERT 1
ip netns exec gate iptables -w -t mangle -F PREROUTING
ip netns exec gate ip6tables -w -t mangle -F PREROUTING
ip netns exec gate iptables -w -t nat -D NSGEN-transparent-DNAT 1
ip netns exec app iptables -w -t nat -F OUTPUT
ip -n gate rule del priority 1
ip -n gate rule del priority 2
ip -n gate -6 rule del priority 2
ip -n gate route flush table 8192
ip -n gate -6 route flush table 8192
ip rule del priority 1
ip route flush table 8192
iptables -w -t mangle -F
iptables -w -t nat -F NSGEN-transparent-P1
BROKEN
}
