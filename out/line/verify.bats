#!/usr/bin/env bats
# line: 5 network namespaces (node1, node2 … node5).
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(node1 node2 node3 node4 node5)

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

@test "node1 reaches itself by a ping to 127.0.0.1" {
  pings node1 127.0.0.1
}

@test "node2 reaches itself by a ping to 127.0.0.1" {
  pings node2 127.0.0.1
}

@test "node3 reaches itself by a ping to 127.0.0.1" {
  pings node3 127.0.0.1
}

@test "node4 reaches itself by a ping to 127.0.0.1" {
  pings node4 127.0.0.1
}

@test "node5 reaches itself by a ping to 127.0.0.1" {
  pings node5 127.0.0.1
}

# ---- a cable leads from node1 to node2 ----

@test "node1 reaches by a ping 10.0.1.2" {
  pings node1 10.0.1.2
}

@test "node1 reaches by a ping fd00:1::2" {
  pings node1 fd00:1::2
}

# ---- a cable leads from node2 to node1 ----

@test "node2 reaches by a ping 10.0.1.1" {
  pings node2 10.0.1.1
}

@test "node2 reaches by a ping fd00:1::1" {
  pings node2 fd00:1::1
}

# ---- a cable leads from node2 to node3 ----

@test "node2 reaches by a ping 10.0.2.2" {
  pings node2 10.0.2.2
}

@test "node2 reaches by a ping fd00:2::2" {
  pings node2 fd00:2::2
}

# ---- a cable leads from node3 to node2 ----

@test "node3 reaches by a ping 10.0.2.1" {
  pings node3 10.0.2.1
}

@test "node3 reaches by a ping fd00:2::1" {
  pings node3 fd00:2::1
}

# ---- a cable leads from node3 to node4 ----

@test "node3 reaches by a ping 10.0.3.2" {
  pings node3 10.0.3.2
}

@test "node3 reaches by a ping fd00:3::2" {
  pings node3 fd00:3::2
}

# ---- a cable leads from node4 to node3 ----

@test "node4 reaches by a ping 10.0.3.1" {
  pings node4 10.0.3.1
}

@test "node4 reaches by a ping fd00:3::1" {
  pings node4 fd00:3::1
}

# ---- a cable leads from node4 to node5 ----

@test "node4 reaches by a ping 10.0.4.2" {
  pings node4 10.0.4.2
}

@test "node4 reaches by a ping fd00:4::2" {
  pings node4 fd00:4::2
}

# ---- a cable leads from node5 to node4 ----

@test "node5 reaches by a ping 10.0.4.1" {
  pings node5 10.0.4.1
}

@test "node5 reaches by a ping fd00:4::1" {
  pings node5 fd00:4::1
}

# ---- node1 is connected with node3 by links and routes ----

@test "node1 reaches by a ping 10.0.2.2" {
  pings node1 10.0.2.2
}

@test "node1 reaches by a ping fd00:2::2" {
  pings node1 fd00:2::2
}

# ---- node1 is connected with node4 by links and routes ----

@test "node1 reaches by a ping 10.0.3.2" {
  pings node1 10.0.3.2
}

@test "node1 reaches by a ping fd00:3::2" {
  pings node1 fd00:3::2
}

# ---- node1 is connected with node5 by links and routes ----

@test "node1 reaches by a ping 10.0.4.2" {
  pings node1 10.0.4.2
}

@test "node1 reaches by a ping fd00:4::2" {
  pings node1 fd00:4::2
}

# ---- node2 is connected with node4 by links and routes ----

@test "node2 reaches by a ping 10.0.3.2" {
  pings node2 10.0.3.2
}

@test "node2 reaches by a ping fd00:3::2" {
  pings node2 fd00:3::2
}

# ---- node2 is connected with node5 by links and routes ----

@test "node2 reaches by a ping 10.0.4.2" {
  pings node2 10.0.4.2
}

@test "node2 reaches by a ping fd00:4::2" {
  pings node2 fd00:4::2
}

# ---- node3 is connected with node1 by links and routes ----

@test "node3 reaches by a ping 10.0.1.1" {
  pings node3 10.0.1.1
}

@test "node3 reaches by a ping fd00:1::1" {
  pings node3 fd00:1::1
}

# ---- node3 is connected with node2 by links and routes ----

@test "node3 reaches by a ping 10.0.1.2" {
  pings node3 10.0.1.2
}

@test "node3 reaches by a ping fd00:1::2" {
  pings node3 fd00:1::2
}

# ---- node3 is connected with node5 by links and routes ----

@test "node3 reaches by a ping 10.0.4.2" {
  pings node3 10.0.4.2
}

@test "node3 reaches by a ping fd00:4::2" {
  pings node3 fd00:4::2
}

# ---- node4 is connected with node1 by links and routes ----

@test "node4 reaches by a ping 10.0.1.1" {
  pings node4 10.0.1.1
}

@test "node4 reaches by a ping fd00:1::1" {
  pings node4 fd00:1::1
}

# ---- node4 is connected with node2 by links and routes ----

@test "node4 reaches by a ping 10.0.1.2" {
  pings node4 10.0.1.2
}

@test "node4 reaches by a ping fd00:1::2" {
  pings node4 fd00:1::2
}

# ---- node4 is connected with node3 by links and routes ----

@test "node4 reaches by a ping 10.0.2.2" {
  pings node4 10.0.2.2
}

@test "node4 reaches by a ping fd00:2::2" {
  pings node4 fd00:2::2
}

# ---- node5 is connected with node1 by links and routes ----

@test "node5 reaches by a ping 10.0.1.1" {
  pings node5 10.0.1.1
}

@test "node5 reaches by a ping fd00:1::1" {
  pings node5 fd00:1::1
}

# ---- node5 is connected with node2 by links and routes ----

@test "node5 reaches by a ping 10.0.1.2" {
  pings node5 10.0.1.2
}

@test "node5 reaches by a ping fd00:1::2" {
  pings node5 fd00:1::2
}

# ---- node5 is connected with node3 by links and routes ----

@test "node5 reaches by a ping 10.0.2.2" {
  pings node5 10.0.2.2
}

@test "node5 reaches by a ping fd00:2::2" {
  pings node5 fd00:2::2
}

# ---- node5 is connected with node4 by links and routes ----

@test "node5 reaches by a ping 10.0.3.2" {
  pings node5 10.0.3.2
}

@test "node5 reaches by a ping fd00:3::2" {
  pings node5 fd00:3::2
}
