#!/usr/bin/env bats
# two-homes: 6 network namespaces (pc1, home1 … pc2).
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(pc1 home1 isp server home2 pc2)

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

@test "pc1 reaches itself by a ping to 127.0.0.1" {
  pings pc1 127.0.0.1
}

@test "home1 reaches itself by a ping to 127.0.0.1" {
  pings home1 127.0.0.1
}

@test "isp reaches itself by a ping to 127.0.0.1" {
  pings isp 127.0.0.1
}

@test "server reaches itself by a ping to 127.0.0.1" {
  pings server 127.0.0.1
}

@test "home2 reaches itself by a ping to 127.0.0.1" {
  pings home2 127.0.0.1
}

@test "pc2 reaches itself by a ping to 127.0.0.1" {
  pings pc2 127.0.0.1
}

# ---- a cable leads from home1 to pc1 ----

@test "home1 reaches by a ping 192.168.1.2" {
  pings home1 192.168.1.2
}

# ---- a cable leads from pc1 to home1 ----

@test "pc1 reaches by a ping 192.168.1.1" {
  pings pc1 192.168.1.1
}

# ---- a cable leads from home2 to pc2 ----

@test "home2 reaches by a ping 192.168.1.2" {
  pings home2 192.168.1.2
}

# ---- a cable leads from pc2 to home2 ----

@test "pc2 reaches by a ping 192.168.1.1" {
  pings pc2 192.168.1.1
}

# ---- a cable leads from isp to home1 ----

@test "isp reaches by a ping 203.0.113.2" {
  pings isp 203.0.113.2
}

# ---- a cable leads from home1 to isp ----

@test "home1 reaches by a ping 203.0.113.1" {
  pings home1 203.0.113.1
}

# ---- a cable leads from isp to home2 ----

@test "isp reaches by a ping 203.0.114.2" {
  pings isp 203.0.114.2
}

# ---- a cable leads from home2 to isp ----

@test "home2 reaches by a ping 203.0.114.1" {
  pings home2 203.0.114.1
}

# ---- a cable leads from isp to server ----

@test "isp reaches by a ping 198.51.100.2" {
  pings isp 198.51.100.2
}

# ---- a cable leads from server to isp ----

@test "server reaches by a ping 198.51.100.1" {
  pings server 198.51.100.1
}

# ---- pc1 is connected with isp by links and routes ----

@test "pc1 reaches by a ping 203.0.113.1" {
  pings pc1 203.0.113.1
}

# ---- what the topology expects ----

@test "pc1 reaches by a ping 198.51.100.2" {
  pings pc1 198.51.100.2
}

@test "pc1 reaches by a ping 203.0.114.2" {
  pings pc1 203.0.114.2
}

# ---- home1 is connected with server by links and routes ----

@test "home1 reaches by a ping 198.51.100.2" {
  pings home1 198.51.100.2
}

# ---- home1 is connected with home2 by links and routes ----

@test "home1 reaches by a ping 203.0.114.2" {
  pings home1 203.0.114.2
}

# ---- server is connected with home1 by links and routes ----

@test "server reaches by a ping 203.0.113.2" {
  pings server 203.0.113.2
}

# ---- server is connected with isp by links and routes ----

@test "server reaches by a ping 203.0.113.1" {
  pings server 203.0.113.1
}

# ---- server is connected with home2 by links and routes ----

@test "server reaches by a ping 203.0.114.2" {
  pings server 203.0.114.2
}

# ---- home2 is connected with home1 by links and routes ----

@test "home2 reaches by a ping 203.0.113.2" {
  pings home2 203.0.113.2
}

# ---- home2 is connected with isp by links and routes ----

@test "home2 reaches by a ping 203.0.113.1" {
  pings home2 203.0.113.1
}

# ---- home2 is connected with server by links and routes ----

@test "home2 reaches by a ping 198.51.100.2" {
  pings home2 198.51.100.2
}

# ---- pc2 is connected with home1 by links and routes ----

@test "pc2 reaches by a ping 203.0.113.2" {
  pings pc2 203.0.113.2
}

# ---- pc2 is connected with isp by links and routes ----

@test "pc2 reaches by a ping 203.0.113.1" {
  pings pc2 203.0.113.1
}

# ---- pc2 is connected with server by links and routes ----

@test "pc2 reaches by a ping 198.51.100.2" {
  pings pc2 198.51.100.2
}

# ---- what the topology expects ----

@test "server does not reach by a ping 192.168.1.2" {
  run ! pings server 192.168.1.2
}
