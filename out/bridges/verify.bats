#!/usr/bin/env bats
# bridges: 5 network namespaces (host1, rt … host4).
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(host1 rt host2 host3 host4)

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

@test "host1 reaches itself by a ping to 127.0.0.1" {
  pings host1 127.0.0.1
}

@test "rt reaches itself by a ping to 127.0.0.1" {
  pings rt 127.0.0.1
}

@test "host2 reaches itself by a ping to 127.0.0.1" {
  pings host2 127.0.0.1
}

@test "host3 reaches itself by a ping to 127.0.0.1" {
  pings host3 127.0.0.1
}

@test "host4 reaches itself by a ping to 127.0.0.1" {
  pings host4 127.0.0.1
}

# ---- host is connected with host1 by links and routes ----

@test "the host reaches by a ping 10.0.0.4" {
  pings host 10.0.0.4
}

# ---- host is connected with rt by links and routes ----

@test "the host reaches by a ping 10.0.0.1" {
  pings host 10.0.0.1
}

# ---- host is connected with host2 by links and routes ----

@test "the host reaches by a ping 10.0.1.2" {
  pings host 10.0.1.2
}

# ---- what the topology expects ----

@test "the host reaches by a ping 10.0.1.3" {
  pings host 10.0.1.3
}

# ---- host is connected with host4 by links and routes ----

@test "the host reaches by a ping 10.0.1.4" {
  pings host 10.0.1.4
}

# ---- host1 is connected with host by links and routes ----

@test "host1 reaches by a ping 10.0.0.3" {
  pings host1 10.0.0.3
}

# ---- host1 is connected with rt by links and routes ----

@test "host1 reaches by a ping 10.0.0.1" {
  pings host1 10.0.0.1
}

# ---- what the topology expects ----

@test "host1 reaches by a ping 10.0.1.2" {
  pings host1 10.0.1.2
}

# ---- host1 is connected with host3 by links and routes ----

@test "host1 reaches by a ping 10.0.1.3" {
  pings host1 10.0.1.3
}

# ---- what the topology expects ----

@test "host1 reaches by a ping 10.0.1.4" {
  pings host1 10.0.1.4
}

# ---- rt is connected with host by links and routes ----

@test "rt reaches by a ping 10.0.0.3" {
  pings rt 10.0.0.3
}

# ---- rt is connected with host1 by links and routes ----

@test "rt reaches by a ping 10.0.0.4" {
  pings rt 10.0.0.4
}

# ---- rt is connected with host2 by links and routes ----

@test "rt reaches by a ping 10.0.1.2" {
  pings rt 10.0.1.2
}

# ---- rt is connected with host3 by links and routes ----

@test "rt reaches by a ping 10.0.1.3" {
  pings rt 10.0.1.3
}

# ---- rt is connected with host4 by links and routes ----

@test "rt reaches by a ping 10.0.1.4" {
  pings rt 10.0.1.4
}

# ---- host2 is connected with host by links and routes ----

@test "host2 reaches by a ping 10.0.0.2" {
  pings host2 10.0.0.2
}

# ---- what the topology expects ----

@test "host2 reaches by a ping 10.0.0.4" {
  pings host2 10.0.0.4
}

# ---- host2 is connected with rt by links and routes ----

@test "host2 reaches by a ping 10.0.0.1" {
  pings host2 10.0.0.1
}

# ---- host2 is connected with host3 by links and routes ----

@test "host2 reaches by a ping 10.0.1.3" {
  pings host2 10.0.1.3
}

# ---- host2 is connected with host4 by links and routes ----

@test "host2 reaches by a ping 10.0.1.4" {
  pings host2 10.0.1.4
}

# ---- host3 is connected with host by links and routes ----

@test "host3 reaches by a ping 10.0.0.2" {
  pings host3 10.0.0.2
}

# ---- what the topology expects ----

@test "host3 reaches by a ping 10.0.0.4" {
  pings host3 10.0.0.4
}

# ---- host3 is connected with rt by links and routes ----

@test "host3 reaches by a ping 10.0.0.1" {
  pings host3 10.0.0.1
}

# ---- host3 is connected with host2 by links and routes ----

@test "host3 reaches by a ping 10.0.1.2" {
  pings host3 10.0.1.2
}

# ---- host3 is connected with host4 by links and routes ----

@test "host3 reaches by a ping 10.0.1.4" {
  pings host3 10.0.1.4
}

# ---- what the topology expects ----

@test "host4 reaches by a ping 10.0.0.2" {
  pings host4 10.0.0.2
}

# ---- host4 is connected with host1 by links and routes ----

@test "host4 reaches by a ping 10.0.0.4" {
  pings host4 10.0.0.4
}

# ---- host4 is connected with rt by links and routes ----

@test "host4 reaches by a ping 10.0.0.1" {
  pings host4 10.0.0.1
}

# ---- host4 is connected with host2 by links and routes ----

@test "host4 reaches by a ping 10.0.1.2" {
  pings host4 10.0.1.2
}

# ---- host4 is connected with host3 by links and routes ----

@test "host4 reaches by a ping 10.0.1.3" {
  pings host4 10.0.1.3
}
