#!/usr/bin/env bats
# one-address: 4 network namespaces (hub, a, b, c).
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(hub a b c)

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

@test "hub reaches itself by a ping to 127.0.0.1" {
  pings hub 127.0.0.1
}

@test "a reaches itself by a ping to 127.0.0.1" {
  pings a 127.0.0.1
}

@test "b reaches itself by a ping to 127.0.0.1" {
  pings b 127.0.0.1
}

@test "c reaches itself by a ping to 127.0.0.1" {
  pings c 127.0.0.1
}

# ---- a cable leads from hub to a ----

@test "hub reaches by a ping 10.255.0.2" {
  pings hub 10.255.0.2
}

# ---- a cable leads from a to hub ----

@test "a reaches by a ping 10.255.0.1" {
  pings a 10.255.0.1
}

# ---- a cable leads from hub to b ----

@test "hub reaches by a ping 10.255.0.3" {
  pings hub 10.255.0.3
}

# ---- a cable leads from b to hub ----

@test "b reaches by a ping 10.255.0.1" {
  pings b 10.255.0.1
}

# ---- a cable leads from hub to c ----

@test "hub reaches by a ping 10.9.0.7" {
  pings hub 10.9.0.7
}

# ---- a cable leads from c to hub ----

@test "c reaches by a ping 10.255.0.1" {
  pings c 10.255.0.1
}

# ---- what the topology expects ----

@test "a reaches by a ping 10.255.0.3" {
  pings a 10.255.0.3
}

# ---- a is connected with c by links and routes ----

@test "a reaches by a ping 10.9.0.7" {
  pings a 10.9.0.7
}

# ---- b is connected with a by links and routes ----

@test "b reaches by a ping 10.255.0.2" {
  pings b 10.255.0.2
}

# ---- b is connected with c by links and routes ----

@test "b reaches by a ping 10.9.0.7" {
  pings b 10.9.0.7
}

# ---- c is connected with a by links and routes ----

@test "c reaches by a ping 10.255.0.2" {
  pings c 10.255.0.2
}

# ---- what the topology expects ----

@test "c reaches by a ping 10.255.0.3" {
  pings c 10.255.0.3
}
