#!/usr/bin/env bats
# marks: 4 network namespaces (client, gate, left, right).
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(client gate left right)

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

@test "left reaches itself by a ping to 127.0.0.1" {
  pings left 127.0.0.1
}

@test "right reaches itself by a ping to 127.0.0.1" {
  pings right 127.0.0.1
}

# ---- a cable leads from client to gate ----

@test "client reaches by a ping 10.1.0.1" {
  pings client 10.1.0.1
}

@test "client reaches by a ping fd00:71::1" {
  pings client fd00:71::1
}

# ---- a cable leads from gate to client ----

@test "gate reaches by a ping 10.1.0.2" {
  pings gate 10.1.0.2
}

@test "gate reaches by a ping fd00:71::2" {
  pings gate fd00:71::2
}

# ---- a cable leads from left to gate ----

@test "left reaches by a ping 10.2.0.1" {
  pings left 10.2.0.1
}

@test "left reaches by a ping fd00:72::1" {
  pings left fd00:72::1
}

# ---- a cable leads from gate to left ----

@test "gate reaches by a ping 10.2.0.2" {
  pings gate 10.2.0.2
}

@test "gate reaches by a ping fd00:72::2" {
  pings gate fd00:72::2
}

# ---- a cable leads from right to gate ----

@test "right reaches by a ping 10.3.0.1" {
  pings right 10.3.0.1
}

@test "right reaches by a ping fd00:73::1" {
  pings right fd00:73::1
}

# ---- a cable leads from gate to right ----

@test "gate reaches by a ping 10.3.0.2" {
  pings gate 10.3.0.2
}

@test "gate reaches by a ping fd00:73::2" {
  pings gate fd00:73::2
}

# ---- client is connected with left by links and routes ----

@test "client reaches by a ping 10.2.0.2" {
  pings client 10.2.0.2
}

@test "client reaches by a ping fd00:72::2" {
  pings client fd00:72::2
}

# ---- client is connected with right by links and routes ----

@test "client reaches by a ping 10.3.0.2" {
  pings client 10.3.0.2
}

@test "client reaches by a ping fd00:73::2" {
  pings client fd00:73::2
}

# ---- left is connected with client by links and routes ----

@test "left reaches by a ping 10.1.0.2" {
  pings left 10.1.0.2
}

@test "left reaches by a ping fd00:71::2" {
  pings left fd00:71::2
}

# ---- left is connected with gate by links and routes ----

@test "left reaches by a ping 10.1.0.1" {
  pings left 10.1.0.1
}

@test "left reaches by a ping fd00:71::1" {
  pings left fd00:71::1
}

# ---- left is connected with right by links and routes ----

@test "left reaches by a ping 10.3.0.2" {
  pings left 10.3.0.2
}

@test "left reaches by a ping fd00:73::2" {
  pings left fd00:73::2
}

# ---- right is connected with client by links and routes ----

@test "right reaches by a ping 10.1.0.2" {
  pings right 10.1.0.2
}

@test "right reaches by a ping fd00:71::2" {
  pings right fd00:71::2
}

# ---- right is connected with gate by links and routes ----

@test "right reaches by a ping 10.1.0.1" {
  pings right 10.1.0.1
}

@test "right reaches by a ping fd00:71::1" {
  pings right fd00:71::1
}

# ---- right is connected with left by links and routes ----

@test "right reaches by a ping 10.2.0.2" {
  pings right 10.2.0.2
}

@test "right reaches by a ping fd00:72::2" {
  pings right fd00:72::2
}
