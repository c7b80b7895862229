#!/usr/bin/env bats
# overlay: 3 network namespaces (zone1, zone2, br).
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(zone1 zone2 br)

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

@test "zone1 reaches itself by a ping to 127.0.0.1" {
  pings zone1 127.0.0.1
}

@test "zone2 reaches itself by a ping to 127.0.0.1" {
  pings zone2 127.0.0.1
}

@test "br reaches itself by a ping to 127.0.0.1" {
  pings br 127.0.0.1
}

# ---- a cable leads from zone1 to br ----

@test "zone1 reaches by a ping 198.51.100.2" {
  pings zone1 198.51.100.2
}

# ---- a cable leads from br to zone1 ----

@test "br reaches by a ping 198.51.100.1" {
  pings br 198.51.100.1
}

# ---- a cable leads from zone2 to br ----

@test "zone2 reaches by a ping 198.51.100.130" {
  pings zone2 198.51.100.130
}

# ---- a cable leads from br to zone2 ----

@test "br reaches by a ping 198.51.100.129" {
  pings br 198.51.100.129
}

# ---- what the topology expects ----

@test "zone1 reaches by a ping 10.0.0.2" {
  pings zone1 10.0.0.2
}

@test "zone1 reaches by a ping 10.0.0.3" {
  pings zone1 10.0.0.3
}

# ---- zone2 is connected with zone1 by links and routes ----

@test "zone2 reaches by a ping 10.0.0.1" {
  pings zone2 10.0.0.1
}

# ---- what the topology expects ----

@test "zone2 reaches by a ping 10.0.0.3" {
  pings zone2 10.0.0.3
}

# ---- br is connected with zone1 by links and routes ----

@test "br reaches by a ping 10.0.0.1" {
  pings br 10.0.0.1
}

# ---- br is connected with zone2 by links and routes ----

@test "br reaches by a ping 10.0.0.2" {
  pings br 10.0.0.2
}
