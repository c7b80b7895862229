#!/usr/bin/env bats
# chain: 3 network namespaces (rt0, rt1, host1).
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(rt0 rt1 host1)

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

@test "rt0 reaches itself by a ping to 127.0.0.1" {
  pings rt0 127.0.0.1
}

@test "rt1 reaches itself by a ping to 127.0.0.1" {
  pings rt1 127.0.0.1
}

@test "host1 reaches itself by a ping to 127.0.0.1" {
  pings host1 127.0.0.1
}

# ---- a cable leads from host to rt0 ----

@test "the host reaches by a ping 192.168.2.1" {
  pings host 192.168.2.1
}

# ---- a cable leads from rt0 to host ----

@test "rt0 reaches by a ping 192.168.2.254" {
  pings rt0 192.168.2.254
}

# ---- a cable leads from rt0 to rt1 ----

@test "rt0 reaches by a ping 192.168.1.1" {
  pings rt0 192.168.1.1
}

# ---- a cable leads from rt1 to rt0 ----

@test "rt1 reaches by a ping 192.168.1.254" {
  pings rt1 192.168.1.254
}

# ---- a cable leads from rt1 to host1 ----

@test "rt1 reaches by a ping 192.168.0.1" {
  pings rt1 192.168.0.1
}

# ---- a cable leads from host1 to rt1 ----

@test "host1 reaches by a ping 192.168.0.254" {
  pings host1 192.168.0.254
}

# ---- host is connected with rt1 by links and routes ----

@test "the host reaches by a ping 192.168.1.1" {
  pings host 192.168.1.1
}

# ---- what the topology expects ----

@test "the host reaches by a ping 192.168.0.1" {
  pings host 192.168.0.1
}

# ---- rt0 is connected with host1 by links and routes ----

@test "rt0 reaches by a ping 192.168.0.1" {
  pings rt0 192.168.0.1
}

# ---- rt1 is connected with host by links and routes ----

@test "rt1 reaches by a ping 192.168.2.254" {
  pings rt1 192.168.2.254
}

# ---- rt1 is connected with rt0 by links and routes ----

@test "rt1 reaches by a ping 192.168.2.1" {
  pings rt1 192.168.2.1
}

# ---- what the topology expects ----

@test "host1 reaches by a ping 192.168.2.254" {
  pings host1 192.168.2.254
}

# ---- host1 is connected with rt0 by links and routes ----

@test "host1 reaches by a ping 192.168.2.1" {
  pings host1 192.168.2.1
}

# ---- host1 is connected with rt1 by links and routes ----

@test "host1 reaches by a ping 192.168.1.1" {
  pings host1 192.168.1.1
}
