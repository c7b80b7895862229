#!/usr/bin/env bats
# source-routing: 5 network namespaces (R1, R2 … R5).
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(R1 R2 R3 R4 R5)

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

@test "R1 reaches itself by a ping to 127.0.0.1" {
  pings R1 127.0.0.1
}

@test "R2 reaches itself by a ping to 127.0.0.1" {
  pings R2 127.0.0.1
}

@test "R3 reaches itself by a ping to 127.0.0.1" {
  pings R3 127.0.0.1
}

@test "R4 reaches itself by a ping to 127.0.0.1" {
  pings R4 127.0.0.1
}

@test "R5 reaches itself by a ping to 127.0.0.1" {
  pings R5 127.0.0.1
}

# ---- a cable leads from R1 to R2 ----

@test "R1 reaches by a ping 10.0.0.2" {
  pings R1 10.0.0.2
}

# ---- a cable leads from R2 to R1 ----

@test "R2 reaches by a ping 10.0.0.1" {
  pings R2 10.0.0.1
}

# ---- a cable leads from R1 to R3 ----

@test "R1 reaches by a ping 10.0.0.6" {
  pings R1 10.0.0.6
}

# ---- a cable leads from R3 to R1 ----

@test "R3 reaches by a ping 10.0.0.5" {
  pings R3 10.0.0.5
}

# ---- a cable leads from R2 to R3 ----

@test "R2 reaches by a ping 10.0.0.10" {
  pings R2 10.0.0.10
}

# ---- a cable leads from R3 to R2 ----

@test "R3 reaches by a ping 10.0.0.9" {
  pings R3 10.0.0.9
}

# ---- a cable leads from R1 to R4 ----

@test "R1 reaches by a ping 192.168.1.2" {
  pings R1 192.168.1.2
}

# ---- a cable leads from R4 to R1 ----

@test "R4 reaches by a ping 192.168.1.1" {
  pings R4 192.168.1.1
}

# ---- a cable leads from R2 to R5 ----

@test "R2 reaches by a ping 192.168.2.2" {
  pings R2 192.168.2.2
}

# ---- a cable leads from R5 to R2 ----

@test "R5 reaches by a ping 192.168.2.1" {
  pings R5 192.168.2.1
}

# ---- R2 is connected with R4 by links and routes ----

@test "R2 reaches by a ping 192.168.1.2" {
  pings R2 192.168.1.2
}

# ---- R3 is connected with R4 by links and routes ----

@test "R3 reaches by a ping 192.168.1.2" {
  pings R3 192.168.1.2
}

# ---- R3 is connected with R5 by links and routes ----

@test "R3 reaches by a ping 192.168.2.2" {
  pings R3 192.168.2.2
}

# ---- R4 is connected with R1 by links and routes ----

@test "R4 reaches by a ping 10.0.0.1" {
  pings R4 10.0.0.1
}

# ---- R4 is connected with R2 by links and routes ----

@test "R4 reaches by a ping 10.0.0.2" {
  pings R4 10.0.0.2
}

# ---- R4 is connected with R3 by links and routes ----

@test "R4 reaches by a ping 10.0.0.6" {
  pings R4 10.0.0.6
}

# ---- what the topology expects ----

@test "R4 reaches by a ping 192.168.2.2" {
  pings R4 192.168.2.2
}

# ---- R5 is connected with R1 by links and routes ----

@test "R5 reaches by a ping 10.0.0.1" {
  pings R5 10.0.0.1
}

# ---- R5 is connected with R2 by links and routes ----

@test "R5 reaches by a ping 10.0.0.2" {
  pings R5 10.0.0.2
}

# ---- R5 is connected with R3 by links and routes ----

@test "R5 reaches by a ping 10.0.0.10" {
  pings R5 10.0.0.10
}

# ---- R5 is connected with R4 by links and routes ----

@test "R5 reaches by a ping 192.168.1.2" {
  pings R5 192.168.1.2
}

# ---- what the topology expects ----

@test "R4 reaches by a ping 192.168.2.4" {
  pings R4 192.168.2.4
}

@test "R5 reaches by a ping 192.168.1.3" {
  pings R5 192.168.1.3
}
