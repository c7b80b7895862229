#!/usr/bin/env bats
# macvlan: 5 network namespaces (a, b … e).
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(a b c d e)

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

@test "a reaches itself by a ping to 127.0.0.1" {
  pings a 127.0.0.1
}

@test "b reaches itself by a ping to 127.0.0.1" {
  pings b 127.0.0.1
}

@test "c reaches itself by a ping to 127.0.0.1" {
  pings c 127.0.0.1
}

@test "d reaches itself by a ping to 127.0.0.1" {
  pings d 127.0.0.1
}

@test "e reaches itself by a ping to 127.0.0.1" {
  pings e 127.0.0.1
}

# ---- what the topology expects ----

@test "a reaches by a ping 198.51.100.2" {
  pings a 198.51.100.2
}

# ---- a is connected with d by links and routes ----

@test "a reaches by a ping 198.51.100.3" {
  pings a 198.51.100.3
}

# ---- what the topology expects ----

@test "a reaches by a ping 198.51.100.4" {
  pings a 198.51.100.4
}

@test "c reaches by a ping 198.51.100.1" {
  pings c 198.51.100.1
}

@test "c reaches by a ping 198.51.100.3" {
  pings c 198.51.100.3
}

# ---- c is connected with e by links and routes ----

@test "c reaches by a ping 198.51.100.4" {
  pings c 198.51.100.4
}

# ---- d is connected with a by links and routes ----

@test "d reaches by a ping 198.51.100.1" {
  pings d 198.51.100.1
}

# ---- d is connected with c by links and routes ----

@test "d reaches by a ping 198.51.100.2" {
  pings d 198.51.100.2
}

# ---- d is connected with e by links and routes ----

@test "d reaches by a ping 198.51.100.4" {
  pings d 198.51.100.4
}

# ---- e is connected with a by links and routes ----

@test "e reaches by a ping 198.51.100.1" {
  pings e 198.51.100.1
}

# ---- what the topology expects ----

@test "e reaches by a ping 198.51.100.2" {
  pings e 198.51.100.2
}

# ---- e is connected with d by links and routes ----

@test "e reaches by a ping 198.51.100.3" {
  pings e 198.51.100.3
}
