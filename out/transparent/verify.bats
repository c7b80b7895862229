#!/usr/bin/env bats
# transparent: 6 network namespaces (client, gate … blue) on 1 network (inner), with internet access.
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(client gate server app red blue)

# Without these nobody is reached, and that would prove nothing.
setup_file() {
  local word
  ((EUID == 0)) || cannot 'only root can ask from inside a namespace: sudo bats verify.bats'
  for word in ip ping ss timeout; do
    [[ -x $(type -P "$word") ]] || cannot "a program is missing: $word"
  done
  for word in "${namespaces[@]}"; do
    ip netns exec "$word" bash -c : || cannot "there is no namespace $word, setup.sh comes first"
  done
}

cannot() { # MESSAGE
  printf '%s\n' "$1" >&2
  return 1
}

in_node() { # NODE COMMAND...
  if [[ $1 == host ]]; then
    "${@:2}"
  else
    ip netns exec "$@"
  fi
}

pings() { # NODE ADDRESS
  in_node "$1" ping -q -c 1 -w 2 "$2"
}

# ---- a namespace reaches itself by 127.0.0.1 ----

@test "client reaches itself by a ping to 127.0.0.1" {
  pings client 127.0.0.1
}

@test "gate reaches itself by a ping to 127.0.0.1" {
  pings gate 127.0.0.1
}

@test "server reaches itself by a ping to 127.0.0.1" {
  pings server 127.0.0.1
}

@test "app reaches itself by a ping to 127.0.0.1" {
  pings app 127.0.0.1
}

@test "red reaches itself by a ping to 127.0.0.1" {
  pings red 127.0.0.1
}

@test "blue reaches itself by a ping to 127.0.0.1" {
  pings blue 127.0.0.1
}

# ---- a cable leads from client to gate ----

@test "client reaches by a ping 10.1.0.1" {
  pings client 10.1.0.1
}

@test "client reaches by a ping fd00:1::1" {
  pings client fd00:1::1
}

# ---- a cable leads from gate to client ----

@test "gate reaches by a ping 10.1.0.2" {
  pings gate 10.1.0.2
}

@test "gate reaches by a ping fd00:1::2" {
  pings gate fd00:1::2
}

# ---- a cable leads from gate to server ----

@test "gate reaches by a ping 10.2.0.2" {
  pings gate 10.2.0.2
}

@test "gate reaches by a ping fd00:2::2" {
  pings gate fd00:2::2
}

# ---- a cable leads from server to gate ----

@test "server reaches by a ping 10.2.0.1" {
  pings server 10.2.0.1
}

@test "server reaches by a ping fd00:2::1" {
  pings server fd00:2::1
}

# ---- a cable leads from gate to app ----

@test "gate reaches by a ping 10.3.0.2" {
  pings gate 10.3.0.2
}

@test "gate reaches by a ping fd00:3::2" {
  pings gate fd00:3::2
}

# ---- a cable leads from app to gate ----

@test "app reaches by a ping 10.3.0.1" {
  pings app 10.3.0.1
}

@test "app reaches by a ping fd00:3::1" {
  pings app fd00:3::1
}

# ---- client is connected with server by links and routes ----

@test "client reaches by a ping 10.2.0.2" {
  pings client 10.2.0.2
}

@test "client reaches by a ping fd00:2::2" {
  pings client fd00:2::2
}

# ---- client is connected with app by links and routes ----

@test "client reaches by a ping 10.3.0.2" {
  pings client 10.3.0.2
}

@test "client reaches by a ping fd00:3::2" {
  pings client fd00:3::2
}

# ---- server is connected with client by links and routes ----

@test "server reaches by a ping 10.1.0.2" {
  pings server 10.1.0.2
}

@test "server reaches by a ping fd00:1::2" {
  pings server fd00:1::2
}

# ---- server is connected with gate by links and routes ----

@test "server reaches by a ping 10.1.0.1" {
  pings server 10.1.0.1
}

@test "server reaches by a ping fd00:1::1" {
  pings server fd00:1::1
}

# ---- server is connected with app by links and routes ----

@test "server reaches by a ping 10.3.0.2" {
  pings server 10.3.0.2
}

@test "server reaches by a ping fd00:3::2" {
  pings server fd00:3::2
}

# ---- app is connected with client by links and routes ----

@test "app reaches by a ping 10.1.0.2" {
  pings app 10.1.0.2
}

@test "app reaches by a ping fd00:1::2" {
  pings app fd00:1::2
}

# ---- app is connected with gate by links and routes ----

@test "app reaches by a ping 10.1.0.1" {
  pings app 10.1.0.1
}

@test "app reaches by a ping fd00:1::1" {
  pings app fd00:1::1
}

# ---- app is connected with server by links and routes ----

@test "app reaches by a ping 10.2.0.2" {
  pings app 10.2.0.2
}

@test "app reaches by a ping fd00:2::2" {
  pings app fd00:2::2
}

# ---- members of inner reach each other ----

@test "red reaches blue by a ping to 10.4.0.3" {
  pings red 10.4.0.3
}

@test "red reaches blue by a ping to fd00:4::3" {
  pings red fd00:4::3
}

@test "blue reaches red by a ping to 10.4.0.2" {
  pings blue 10.4.0.2
}

@test "blue reaches red by a ping to fd00:4::2" {
  pings blue fd00:4::2
}

# ---- inner connects its members with the host ----

@test "red reaches the host by a ping to 10.4.0.1" {
  pings red 10.4.0.1
}

@test "the host reaches red by a ping to 10.4.0.2" {
  pings host 10.4.0.2
}

@test "red reaches the host by a ping to fd00:4::1" {
  pings red fd00:4::1
}

@test "the host reaches red by a ping to fd00:4::2" {
  pings host fd00:4::2
}

@test "blue reaches the host by a ping to 10.4.0.1" {
  pings blue 10.4.0.1
}

@test "the host reaches blue by a ping to 10.4.0.3" {
  pings host 10.4.0.3
}

@test "blue reaches the host by a ping to fd00:4::1" {
  pings blue fd00:4::1
}

@test "the host reaches blue by a ping to fd00:4::3" {
  pings host fd00:4::3
}
