#!/usr/bin/env bats
# The steps of the article, climbed on one machine: the script of each runs over what the one before has built, and at
# each it is asked who reaches whom. Connections of earlier steps go on all the way up.

bats_require_minimum_version 1.5.0
load lab/lab

setup_file() {
  lab_start
  BEFORE=$(snapshot)
  export BEFORE
  : >"$LAB/climbed"
  : >"$LAB/talkers"
}

teardown_file() {
  lab_stop
}

# Climb to a step, from wherever the machine is.
climb() { # NUMBER
  local file
  for file in "$REPOSITORY"/examples/steps/[1-"$1"]-*.yaml; do
    ! grep -qxF "${file##*/}" "$LAB/climbed" || continue
    up "${file#"$REPOSITORY"/}"
    run -0 script check
    [[ -z $output ]]
    printf '%s\n' "${file##*/}" >>"$LAB/climbed"
  done
  # One topology all along: it has never been removed.
  [[ $(on host bash -c 'echo /run/nsgen/*/made') == /run/nsgen/article/made ]]
  still_talking
}

# A connection that is opened here, and has to go on at every step from now on.
talk() { # NAME CLIENT TO PORT SERVER PORT_OF_SERVER
  lab_tool talk "${@:2}" "$LAB/talk.$1" >>"$LAB/talkers"
}

still_talking() {
  local file earlier _
  for file in "$LAB"/talk.*; do
    [[ $file != *.new && -e $file ]] || continue
    earlier=$(<"$file")
    for _ in {1..100}; do
      [[ $(<"$file") == "$earlier" ]] || break
      sleep 0.05
    done
    [[ $(<"$file") != "$earlier" && $(<"$file") != broken* ]] || fail "${file##*/}: $(<"$file")"
  done
}

# What the article has in PREROUTING, in the place of our rule, which knows who is meant.
article_translates() { # -I|-D
  on host iptables -w -t nat "$1" PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 192.168.15.2:80
}

@test "step 1: red and blue are on one switch, and have no addresses by which to ask" {
  climb 1
  run -0 on host ip -o link show master bridge0
  [[ $output == *veth-red-br*LOWER_UP* && $output == *veth-blue-br*LOWER_UP* ]]
  expect <<'TABLE'
red   192.168.15.3  -  ping  unreachable
blue  192.168.15.2  -  ping  unreachable
host  192.168.15.2  -  ping  unreachable|timeout
TABLE
}

@test "step 2: red and blue reach each other; not the host, which is not on their subnet" {
  climb 2
  expect <<'TABLE'
red   192.168.15.3  -     ping  ok
blue  192.168.15.2  -     ping  ok
red   192.168.15.1  -     ping  unreachable|timeout
host  192.168.15.2  -     ping  unreachable|timeout
red   8.8.8.8       -     ping  unreachable
TABLE
  # The route that came with the address is all that red knows.
  run -0 on red ip route
  [[ $output == "192.168.15.0/24 dev veth-red proto kernel scope link src 192.168.15.2"* ]]
  [[ ${#lines[@]} == 1 ]]
  talk siblings red 192.168.15.3 7101 blue 7101
}

@test "step 3: host and namespaces reach each other; the internet is beyond red's only route" {
  climb 3
  expect <<'TABLE'
red   192.168.15.3  -     ping  ok
host  192.168.15.2  -     ping  ok
host  192.168.15.3  -     ping  ok
red   192.168.15.1  -     ping  ok
blue  192.168.15.1  -     ping  ok
red   8.8.8.8       -     ping  unreachable
TABLE
  talk host host 192.168.15.2 7102 red 7102
  # With the route alone the packet gets to the host, which is no router.
  on red ip route add default via 192.168.15.1
  requests_forget
  expect_timeout red 8.8.8.8 80 udp
  [[ -z $(requests) ]]
  on red ip route del default via 192.168.15.1
}

@test "step 4: red and blue reach the internet as the host; nobody reaches a port of theirs from outside" {
  climb 4
  expect <<'TABLE'
red      192.168.15.3  -     ping  ok
host     192.168.15.2  -     ping  ok
red      192.168.15.1  -     ping  ok
red      8.8.8.8       -     ping  ok
red      203.0.113.10  80    tcp   ok internet 172.16.1.4
blue     203.0.113.10  80    tcp   ok internet 172.16.1.4
outside  172.16.1.4    8080  tcp   refused
host     192.168.15.1  8080  tcp   refused
host     127.0.0.1     8080  tcp   refused
blue     192.168.15.1  8080  tcp   refused
red      192.168.15.1  8080  tcp   refused
TABLE
  talk internet red 203.0.113.10 7103 internet 7103
}

@test "step 5: other machines and the host reach red's port; blue would be answered past the host" {
  climb 5
  await red 80
  expect <<'TABLE'
red      192.168.15.3  -     ping  ok
host     192.168.15.2  -     ping  ok
red      203.0.113.10  80    tcp   ok internet 172.16.1.4
outside  172.16.1.4    8080  tcp   ok http
host     192.168.15.1  8080  tcp   ok http
host     172.16.1.4    8080  tcp   ok http
host     127.0.0.1     8080  tcp   ok http
blue     192.168.15.1  8080  tcp   refused
red      192.168.15.1  8080  tcp   refused
TABLE
  # Our rule leaves namespaces out for the reason that the article has: with its rule, red answers blue directly, from
  # an address that blue did not ask.
  article_translates -I
  run -0 packets blue veth-blue probe blue 192.168.15.1 8080 tcp
  [[ $output == *"out tcp 192.168.15.3 > 192.168.15.1 8080 S"* ]]
  [[ $output == *"in tcp 192.168.15.2 80 > 192.168.15.3 SA"* ]]
  expect_timeout blue 192.168.15.1 8080 tcp
  article_translates -D
  take_over red
  talk published outside 172.16.1.4 8080 red 80
}

@test "step 6: blue reaches red's port, and is seen there as blue; red's own packet does not come back to it" {
  climb 6
  await red 80
  expect <<'TABLE'
red      192.168.15.3  -     ping  ok
red      203.0.113.10  80    tcp   ok internet 172.16.1.4
outside  172.16.1.4    8080  tcp   ok http
host     127.0.0.1     8080  tcp   ok http
blue     192.168.15.1  8080  tcp   ok http
blue     172.16.1.4    8080  tcp   ok http
red      192.168.15.1  8080  tcp   refused
TABLE
  article_translates -I
  run -0 packets red veth-red probe red 192.168.15.1 8080 tcp
  [[ $output == *"out tcp 192.168.15.2 > 192.168.15.1 8080 S"* ]]
  [[ $output != *"in tcp 192.168.15.2 > 192.168.15.2 80"* ]]
  expect_timeout red 192.168.15.1 8080 tcp
  article_translates -D
  take_over red 80
  expect_ok blue 192.168.15.1 8080 tcp red 192.168.15.3
  serve_stop
  talk sibling-published blue 192.168.15.1 8080 red 80
}

@test "step 7: everybody reaches red's port, red itself too" {
  climb 7
  await red 80
  expect <<'TABLE'
red      192.168.15.3  -     ping  ok
blue     192.168.15.2  -     ping  ok
host     192.168.15.2  -     ping  ok
red      192.168.15.1  -     ping  ok
red      203.0.113.10  80    tcp   ok internet 172.16.1.4
outside  172.16.1.4    8080  tcp   ok http
host     192.168.15.1  8080  tcp   ok http
host     172.16.1.4    8080  tcp   ok http
host     127.0.0.1     8080  tcp   ok http
blue     192.168.15.1  8080  tcp   ok http
red      192.168.15.1  8080  tcp   ok http
TABLE
  # (What one of them says next is in a file with `.new` for a moment.)
  [[ $(cd "$LAB" && printf '%s\n' talk.* | grep -v '\.new$') == $'talk.host\ntalk.internet\ntalk.published\ntalk.sibling-published\ntalk.siblings' ]]
}

@test "at the top it is what step 7 alone, and the article as a whole, build; down leaves the machine as before" {
  local climbed pids
  climb 7
  climbed=$(snapshot --stateless)
  prepare examples/article.yaml
  run -0 script check
  [[ -z $output ]]
  mapfile -t pids <"$LAB/talkers"
  on host kill "${pids[@]}"
  down
  expect_snapshot "$BEFORE"
  up examples/article.yaml
  expect_snapshot "$climbed" --stateless
  down
  expect_snapshot "$BEFORE"
}
