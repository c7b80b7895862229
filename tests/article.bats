#!/usr/bin/env bats
# "Network Namespaces and Docker", section by section: what each step gives, and that without it the article's
# reason holds.

bats_require_minimum_version 1.5.0
load lab/lab

setup() {
  lab_start
}

teardown() {
  lab_stop
}

# Answer on red's port 80 in the place of the example's web server, to learn from whom it was asked.
serve_red() {
  take_over red 80
}

@test "step 1: red and blue are on one switch, and have no addresses" {
  up examples/steps/1-bridge.yaml
  expect_unreachable red 192.168.15.3 - ping
  # All that is missing is addresses.
  on red ip address add 192.168.15.2/24 dev veth-red
  on blue ip address add 192.168.15.3/24 dev veth-blue
  expect_ping red 192.168.15.3
}

@test "step 1: the switch is what connects them" {
  up examples/steps/2-addresses.yaml
  on host ip link set veth-blue-br nomaster
  expect_timeout red 192.168.15.3 - ping
}

@test "step 2: red and blue reach each other, by the route that comes with the address" {
  up examples/steps/2-addresses.yaml
  take_over red 80
  take_over blue 80
  expect <<'TABLE'
red   192.168.15.3  -   ping  ok
blue  192.168.15.2  -   ping  ok
red   192.168.15.3  80  tcp   ok blue 192.168.15.2
blue  192.168.15.2  80  tcp   ok red 192.168.15.3
TABLE
  run -0 on red ip route
  [[ $output == "192.168.15.0/24 dev veth-red proto kernel scope link src 192.168.15.2"* ]]
  on red ip route del 192.168.15.0/24
  expect_unreachable red 192.168.15.3 - ping
}

@test "step 2: the host, which has no address there, does not reach red" {
  up examples/steps/2-addresses.yaml
  expect_unreachable host 192.168.15.2 - ping
  # An address on bridge0 is all that is missing.
  on host ip address add 192.168.15.1/24 dev bridge0
  expect_ping host 192.168.15.2
}

@test "step 3: host and red reach each other by the bridge's address" {
  up examples/steps/3-host.yaml
  take_over red 80
  serve "host 192.168.15.1 9100 tcp"
  expect <<'TABLE'
host  192.168.15.2  -     ping  ok
red   192.168.15.1  -     ping  ok
host  192.168.15.2  80    tcp   ok red 192.168.15.1
red   192.168.15.1  9100  tcp   ok host 192.168.15.2
TABLE
}

@test "step 3: red, which has no default route, does not reach the internet" {
  up examples/steps/3-host.yaml
  expect_unreachable red 8.8.8.8 - ping
  # With the route alone it does not either: the host is no router.
  on red ip route add default via 192.168.15.1
  requests_forget
  expect_timeout red 8.8.8.8 80 udp
  [[ -z $(requests) ]]
}

@test "step 4: red reaches the internet, where it has the host's address" {
  up examples/steps/4-internet.yaml
  expect <<'TABLE'
red   8.8.8.8       -   ping  ok ping 62
red   203.0.113.10  80  tcp   ok internet 172.16.1.4
red   8.8.8.8       53  udp   ok internet 172.16.1.4
blue  203.0.113.10  80  tcp   ok internet 172.16.1.4
TABLE
}

@test "step 4: without the default route red does not know the way" {
  up examples/steps/4-internet.yaml
  on red ip route del default
  expect_unreachable red 8.8.8.8 - ping
}

@test "step 4: without masquerading the request arrives, and the answer finds no way back" {
  up examples/steps/4-internet.yaml
  without_rule iptables nat "-s 192.168.15.0/24 .*! -o bridge0 -j MASQUERADE"
  requests_forget
  expect_timeout red 8.8.8.8 80 udp
  [[ $(requests) == "internet udp 192.168.15.2"* ]]
}

@test "step 4: without ip_forward the host passes nothing on" {
  up examples/steps/4-internet.yaml
  on host sysctl -qw net.ipv4.ip_forward=0
  requests_forget
  expect_timeout red 8.8.8.8 80 udp
  [[ -z $(requests) ]]
}

@test "step 4: nothing is published yet" {
  up examples/steps/4-internet.yaml
  expect <<'TABLE'
outside  172.16.1.4    8080  tcp  refused
host     127.0.0.1     8080  tcp  refused
blue     192.168.15.1  8080  tcp  refused
TABLE
}

@test "step 5: port 8080 answers other machines, and the host by each of its addresses" {
  up examples/steps/5-publish.yaml
  await red 80
  expect_ok outside 172.16.1.4 8080 tcp http
  serve_red
  expect <<'TABLE'
outside  172.16.1.4    8080  tcp  ok red 172.16.1.5
host     192.168.15.1  8080  tcp  ok red 192.168.15.1
host     172.16.1.4    8080  tcp  ok red 172.16.1.4
host     127.0.0.1     8080  tcp  ok red 192.168.15.1
TABLE
}

@test "step 5: red serves as nobody, who may do so on port 80 there alone, and has something to show" {
  up examples/steps/5-publish.yaml
  await red 80
  run -0 on outside "$LAB_PYTHON" -c 'import urllib.request as u; print(u.urlopen("http://172.16.1.4:8080").read().decode())'
  run -0 grep -c '<li><a href=' <<<"$output"
  ((output > 10))
  [[ ! -e $LAB/bin/runuser ]] || skip "this user namespace has no users but root"
  run -0 on host stat -c %U "/proc/$(on red ss -Hltnp 'sport = :80' | grep -o 'pid=[0-9]*' | cut -d= -f2)"
  [[ $output == nobody ]]
  local listen='import socket; socket.create_server(("", 81))'
  on red runuser -u nobody -- python3 -c "$listen"
  run -1 on blue runuser -u nobody -- python3 -c "$listen"
  [[ $output == *"Permission denied"* ]]
  on red sysctl -qw net.ipv4.ip_unprivileged_port_start=1024
  run -1 on red runuser -u nobody -- python3 -c "$listen"
}

@test "step 5: blue and red are not answered yet" {
  up examples/steps/5-publish.yaml
  expect <<'TABLE'
blue  192.168.15.1  8080  tcp  refused|timeout
red   192.168.15.1  8080  tcp  refused|timeout
TABLE
}

@test "step 5: without the rule in PREROUTING the host itself is asked, where nobody listens" {
  up examples/steps/5-publish.yaml
  serve_red
  without_rule iptables nat "PRE .*--dport 8080 -j DNAT"
  expect <<'TABLE'
outside  172.16.1.4    8080  tcp  refused
host     192.168.15.1  8080  tcp  ok red
TABLE
}

@test "step 5: without the rule in OUTPUT the host asks itself, and other machines are answered" {
  up examples/steps/5-publish.yaml
  serve_red
  without_rule iptables nat "OUTPUT .*--dport 8080 -j DNAT"
  expect <<'TABLE'
host     192.168.15.1  8080  tcp  refused
host     172.16.1.4    8080  tcp  refused
host     127.0.0.1     8080  tcp  refused
outside  172.16.1.4    8080  tcp  ok red
TABLE
}

@test "step 5: without route_localnet a packet from 127.0.0.1 does not leave the host" {
  up examples/steps/5-publish.yaml
  serve_red
  on host sysctl -qw net.ipv4.conf.bridge0.route_localnet=0
  run -0 packets host bridge0 probe host 127.0.0.1 8080 tcp
  [[ $output != *" > 192.168.15.2 80"* ]]
  expect <<'TABLE'
host  127.0.0.1     8080  tcp  unreachable|timeout
host  192.168.15.1  8080  tcp  ok red
TABLE
}

@test "step 5: without another source red is asked from 127.0.0.1, to which it cannot reply" {
  up examples/steps/5-publish.yaml
  serve_red
  without_rule iptables nat "-s 127.0.0.0/8 -o bridge0 -j MASQUERADE"
  # The host asks for red's MAC address as 127.0.0.1 too, unless it knows it already.
  expect_ping host 192.168.15.2
  run -0 packets red veth-red probe host 127.0.0.1 8080 tcp
  [[ $output == *"in tcp 127.0.0.1 > 192.168.15.2 80 S"* && $output != *"out tcp"* ]]
  expect_timeout host 127.0.0.1 8080 tcp
}

@test "step 6: blue is answered, and red sees that it is blue" {
  up examples/steps/6-sibling.yaml
  await red 80
  expect_ok blue 192.168.15.1 8080 tcp http
  serve_red
  expect <<'TABLE'
blue  192.168.15.1  8080  tcp  ok red 192.168.15.3
blue  172.16.1.4    8080  tcp  ok red 192.168.15.3
red   192.168.15.1  8080  tcp  refused|timeout
TABLE
}

@test "step 6: without bridge-nf-call-iptables blue gets an answer from an address that it did not ask" {
  up examples/steps/6-sibling.yaml
  serve_red
  on host sysctl -qw net.bridge.bridge-nf-call-iptables=0
  run -0 packets blue veth-blue probe blue 192.168.15.1 8080 tcp
  [[ $output == *"out tcp 192.168.15.3 > 192.168.15.1 8080 S"* ]]
  [[ $output == *"in tcp 192.168.15.2 80 > 192.168.15.3 SA"* ]]
  expect_timeout blue 192.168.15.1 8080 tcp
  # The LAN does not depend on it.
  expect_ok outside 172.16.1.4 8080 tcp red
}

@test "step 7: red is answered by itself, as the host" {
  up examples/steps/7-hairpin.yaml
  await red 80
  expect_ok red 192.168.15.1 8080 tcp http
  serve_red
  expect <<'TABLE'
red  192.168.15.1  8080  tcp  ok red 192.168.15.1
red  172.16.1.4    8080  tcp  ok red 192.168.15.1
TABLE
}

@test "step 7: without hairpin mode the bridge does not send red's packet back to it" {
  up examples/steps/7-hairpin.yaml
  serve_red
  on host ip link set veth-red-br type bridge_slave hairpin off
  run -0 packets red veth-red probe red 192.168.15.1 8080 tcp
  [[ $output == *"out tcp 192.168.15.2 > 192.168.15.1 8080 S"* && $output != *"in tcp"* ]]
  expect_timeout red 192.168.15.1 8080 tcp
  expect_ok blue 192.168.15.1 8080 tcp red
}

@test "step 7: without masquerading red is asked from its own address, and throws that away" {
  up examples/steps/7-hairpin.yaml
  serve_red
  without_rule iptables nat "-s 192.168.15.2/32 -d 192.168.15.2/32 .*-j MASQUERADE"
  run -0 packets red veth-red probe red 192.168.15.1 8080 tcp
  [[ $output == *"in tcp 192.168.15.2 > 192.168.15.2 80 S"* ]]
  expect_timeout red 192.168.15.1 8080 tcp
}

@test "everything in the article at once" {
  up examples/article.yaml
  await red 80
  expect <<'TABLE'
outside  172.16.1.4    8080  tcp   ok http
host     127.0.0.1     8080  tcp   ok http
host     192.168.15.1  8080  tcp   ok http
host     172.16.1.4    8080  tcp   ok http
blue     192.168.15.1  8080  tcp   ok http
red      192.168.15.1  8080  tcp   ok http
TABLE
  serve_red
  take_over blue 80
  expect <<'TABLE'
red      192.168.15.3  80    tcp   ok blue 192.168.15.2
blue     192.168.15.2  80    tcp   ok red 192.168.15.3
red      192.168.15.3  -     ping  ok
host     192.168.15.2  80    tcp   ok red 192.168.15.1
red      192.168.15.1  -     ping  ok
red      8.8.8.8       -     ping  ok
red      8.8.8.8       80    tcp   ok internet 172.16.1.4
blue     8.8.8.8       80    tcp   ok internet 172.16.1.4
outside  172.16.1.4    8080  tcp   ok red 172.16.1.5
host     127.0.0.1     8080  tcp   ok red 192.168.15.1
host     192.168.15.1  8080  tcp   ok red 192.168.15.1
host     172.16.1.4    8080  tcp   ok red 172.16.1.4
blue     192.168.15.1  8080  tcp   ok red 192.168.15.3
blue     172.16.1.4    8080  tcp   ok red 192.168.15.3
red      192.168.15.1  8080  tcp   ok red 192.168.15.1
red      172.16.1.4    8080  tcp   ok red 192.168.15.1
TABLE
}

@test "what the article gets wrong: nothing but the host's own port is redirected (rules 24, 25)" {
  up examples/article.yaml
  on outside ip route add 203.0.113.10 via 172.16.1.4
  on router ip route add 172.16.1.5 via 172.16.1.4
  expect <<'TABLE'
red      203.0.113.10  8080  tcp  ok internet 172.16.1.4
blue     203.0.113.10  8080  tcp  ok internet 172.16.1.4
host     203.0.113.10  8080  tcp  ok internet 172.16.1.4
host     172.16.1.5    8080  tcp  ok outside 172.16.1.4
outside  203.0.113.10  8080  tcp  timeout
TABLE
}

@test "a host that was a router before stays one, and redirects nothing that crosses it (rules 25, 38)" {
  lab_stop
  lab_start ip_forward=1
  up examples/article.yaml
  on outside ip route add 203.0.113.10 via 172.16.1.4
  on router ip route add 172.16.1.5 via 172.16.1.4
  expect_ok outside 203.0.113.10 8080 tcp internet 172.16.1.5
}
