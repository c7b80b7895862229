#!/usr/bin/env bats
# mesh: 8 network namespaces (r1, r2 … pc4).
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(r1 r2 r3 r4 pc1 pc2 pc3 pc4)

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

@test "r1 reaches itself by a ping to 127.0.0.1" {
  pings r1 127.0.0.1
}

@test "r2 reaches itself by a ping to 127.0.0.1" {
  pings r2 127.0.0.1
}

@test "r3 reaches itself by a ping to 127.0.0.1" {
  pings r3 127.0.0.1
}

@test "r4 reaches itself by a ping to 127.0.0.1" {
  pings r4 127.0.0.1
}

@test "pc1 reaches itself by a ping to 127.0.0.1" {
  pings pc1 127.0.0.1
}

@test "pc2 reaches itself by a ping to 127.0.0.1" {
  pings pc2 127.0.0.1
}

@test "pc3 reaches itself by a ping to 127.0.0.1" {
  pings pc3 127.0.0.1
}

@test "pc4 reaches itself by a ping to 127.0.0.1" {
  pings pc4 127.0.0.1
}

# ---- a cable leads from r1 to r2 ----

@test "r1 reaches by a ping 10.0.0.1" {
  pings r1 10.0.0.1
}

# ---- a cable leads from r2 to r1 ----

@test "r2 reaches by a ping 10.0.0.0" {
  pings r2 10.0.0.0
}

# ---- a cable leads from r1 to r3 ----

@test "r1 reaches by a ping 10.0.0.3" {
  pings r1 10.0.0.3
}

# ---- a cable leads from r3 to r1 ----

@test "r3 reaches by a ping 10.0.0.2" {
  pings r3 10.0.0.2
}

# ---- a cable leads from r1 to r4 ----

@test "r1 reaches by a ping 10.0.0.5" {
  pings r1 10.0.0.5
}

# ---- a cable leads from r4 to r1 ----

@test "r4 reaches by a ping 10.0.0.4" {
  pings r4 10.0.0.4
}

# ---- a cable leads from r2 to r3 ----

@test "r2 reaches by a ping 10.0.0.7" {
  pings r2 10.0.0.7
}

# ---- a cable leads from r3 to r2 ----

@test "r3 reaches by a ping 10.0.0.6" {
  pings r3 10.0.0.6
}

# ---- a cable leads from r2 to r4 ----

@test "r2 reaches by a ping 10.0.0.9" {
  pings r2 10.0.0.9
}

# ---- a cable leads from r4 to r2 ----

@test "r4 reaches by a ping 10.0.0.8" {
  pings r4 10.0.0.8
}

# ---- a cable leads from r3 to r4 ----

@test "r3 reaches by a ping 10.0.0.11" {
  pings r3 10.0.0.11
}

# ---- a cable leads from r4 to r3 ----

@test "r4 reaches by a ping 10.0.0.10" {
  pings r4 10.0.0.10
}

# ---- a cable leads from r1 to pc1 ----

@test "r1 reaches by a ping 192.168.1.2" {
  pings r1 192.168.1.2
}

# ---- a cable leads from pc1 to r1 ----

@test "pc1 reaches by a ping 192.168.1.1" {
  pings pc1 192.168.1.1
}

# ---- a cable leads from r2 to pc2 ----

@test "r2 reaches by a ping 192.168.2.2" {
  pings r2 192.168.2.2
}

# ---- a cable leads from pc2 to r2 ----

@test "pc2 reaches by a ping 192.168.2.1" {
  pings pc2 192.168.2.1
}

# ---- a cable leads from r3 to pc3 ----

@test "r3 reaches by a ping 192.168.3.2" {
  pings r3 192.168.3.2
}

# ---- a cable leads from pc3 to r3 ----

@test "pc3 reaches by a ping 192.168.3.1" {
  pings pc3 192.168.3.1
}

# ---- a cable leads from r4 to pc4 ----

@test "r4 reaches by a ping 192.168.4.2" {
  pings r4 192.168.4.2
}

# ---- a cable leads from pc4 to r4 ----

@test "pc4 reaches by a ping 192.168.4.1" {
  pings pc4 192.168.4.1
}

# ---- r1 is connected with pc2 by links and routes ----

@test "r1 reaches by a ping 192.168.2.2" {
  pings r1 192.168.2.2
}

# ---- r1 is connected with pc3 by links and routes ----

@test "r1 reaches by a ping 192.168.3.2" {
  pings r1 192.168.3.2
}

# ---- r1 is connected with pc4 by links and routes ----

@test "r1 reaches by a ping 192.168.4.2" {
  pings r1 192.168.4.2
}

# ---- r2 is connected with r3 by links and routes ----

@test "r2 reaches by a ping 10.0.0.3" {
  pings r2 10.0.0.3
}

# ---- r2 is connected with r4 by links and routes ----

@test "r2 reaches by a ping 10.0.0.5" {
  pings r2 10.0.0.5
}

# ---- r2 is connected with pc1 by links and routes ----

@test "r2 reaches by a ping 192.168.1.2" {
  pings r2 192.168.1.2
}

# ---- r2 is connected with pc3 by links and routes ----

@test "r2 reaches by a ping 192.168.3.2" {
  pings r2 192.168.3.2
}

# ---- r2 is connected with pc4 by links and routes ----

@test "r2 reaches by a ping 192.168.4.2" {
  pings r2 192.168.4.2
}

# ---- r3 is connected with r1 by links and routes ----

@test "r3 reaches by a ping 10.0.0.0" {
  pings r3 10.0.0.0
}

# ---- r3 is connected with r2 by links and routes ----

@test "r3 reaches by a ping 10.0.0.1" {
  pings r3 10.0.0.1
}

# ---- r3 is connected with r4 by links and routes ----

@test "r3 reaches by a ping 10.0.0.5" {
  pings r3 10.0.0.5
}

# ---- r3 is connected with pc1 by links and routes ----

@test "r3 reaches by a ping 192.168.1.2" {
  pings r3 192.168.1.2
}

# ---- r3 is connected with pc2 by links and routes ----

@test "r3 reaches by a ping 192.168.2.2" {
  pings r3 192.168.2.2
}

# ---- r3 is connected with pc4 by links and routes ----

@test "r3 reaches by a ping 192.168.4.2" {
  pings r3 192.168.4.2
}

# ---- r4 is connected with r1 by links and routes ----

@test "r4 reaches by a ping 10.0.0.0" {
  pings r4 10.0.0.0
}

# ---- r4 is connected with r2 by links and routes ----

@test "r4 reaches by a ping 10.0.0.1" {
  pings r4 10.0.0.1
}

# ---- r4 is connected with r3 by links and routes ----

@test "r4 reaches by a ping 10.0.0.3" {
  pings r4 10.0.0.3
}

# ---- r4 is connected with pc1 by links and routes ----

@test "r4 reaches by a ping 192.168.1.2" {
  pings r4 192.168.1.2
}

# ---- r4 is connected with pc2 by links and routes ----

@test "r4 reaches by a ping 192.168.2.2" {
  pings r4 192.168.2.2
}

# ---- r4 is connected with pc3 by links and routes ----

@test "r4 reaches by a ping 192.168.3.2" {
  pings r4 192.168.3.2
}

# ---- pc1 is connected with r1 by links and routes ----

@test "pc1 reaches by a ping 10.0.0.0" {
  pings pc1 10.0.0.0
}

# ---- pc1 is connected with r2 by links and routes ----

@test "pc1 reaches by a ping 10.0.0.1" {
  pings pc1 10.0.0.1
}

# ---- pc1 is connected with r3 by links and routes ----

@test "pc1 reaches by a ping 10.0.0.3" {
  pings pc1 10.0.0.3
}

# ---- pc1 is connected with r4 by links and routes ----

@test "pc1 reaches by a ping 10.0.0.5" {
  pings pc1 10.0.0.5
}

# ---- pc1 is connected with pc2 by links and routes ----

@test "pc1 reaches by a ping 192.168.2.2" {
  pings pc1 192.168.2.2
}

# ---- pc1 is connected with pc3 by links and routes ----

@test "pc1 reaches by a ping 192.168.3.2" {
  pings pc1 192.168.3.2
}

# ---- pc1 is connected with pc4 by links and routes ----

@test "pc1 reaches by a ping 192.168.4.2" {
  pings pc1 192.168.4.2
}

# ---- pc2 is connected with r1 by links and routes ----

@test "pc2 reaches by a ping 10.0.0.0" {
  pings pc2 10.0.0.0
}

# ---- pc2 is connected with r2 by links and routes ----

@test "pc2 reaches by a ping 10.0.0.1" {
  pings pc2 10.0.0.1
}

# ---- pc2 is connected with r3 by links and routes ----

@test "pc2 reaches by a ping 10.0.0.7" {
  pings pc2 10.0.0.7
}

# ---- pc2 is connected with r4 by links and routes ----

@test "pc2 reaches by a ping 10.0.0.9" {
  pings pc2 10.0.0.9
}

# ---- pc2 is connected with pc1 by links and routes ----

@test "pc2 reaches by a ping 192.168.1.2" {
  pings pc2 192.168.1.2
}

# ---- pc2 is connected with pc3 by links and routes ----

@test "pc2 reaches by a ping 192.168.3.2" {
  pings pc2 192.168.3.2
}

# ---- pc2 is connected with pc4 by links and routes ----

@test "pc2 reaches by a ping 192.168.4.2" {
  pings pc2 192.168.4.2
}

# ---- pc3 is connected with r1 by links and routes ----

@test "pc3 reaches by a ping 10.0.0.0" {
  pings pc3 10.0.0.0
}

# ---- pc3 is connected with r2 by links and routes ----

@test "pc3 reaches by a ping 10.0.0.6" {
  pings pc3 10.0.0.6
}

# ---- pc3 is connected with r3 by links and routes ----

@test "pc3 reaches by a ping 10.0.0.3" {
  pings pc3 10.0.0.3
}

# ---- pc3 is connected with r4 by links and routes ----

@test "pc3 reaches by a ping 10.0.0.11" {
  pings pc3 10.0.0.11
}

# ---- pc3 is connected with pc1 by links and routes ----

@test "pc3 reaches by a ping 192.168.1.2" {
  pings pc3 192.168.1.2
}

# ---- pc3 is connected with pc2 by links and routes ----

@test "pc3 reaches by a ping 192.168.2.2" {
  pings pc3 192.168.2.2
}

# ---- pc3 is connected with pc4 by links and routes ----

@test "pc3 reaches by a ping 192.168.4.2" {
  pings pc3 192.168.4.2
}

# ---- pc4 is connected with r1 by links and routes ----

@test "pc4 reaches by a ping 10.0.0.0" {
  pings pc4 10.0.0.0
}

# ---- pc4 is connected with r2 by links and routes ----

@test "pc4 reaches by a ping 10.0.0.6" {
  pings pc4 10.0.0.6
}

# ---- pc4 is connected with r3 by links and routes ----

@test "pc4 reaches by a ping 10.0.0.10" {
  pings pc4 10.0.0.10
}

# ---- pc4 is connected with r4 by links and routes ----

@test "pc4 reaches by a ping 10.0.0.5" {
  pings pc4 10.0.0.5
}

# ---- pc4 is connected with pc1 by links and routes ----

@test "pc4 reaches by a ping 192.168.1.2" {
  pings pc4 192.168.1.2
}

# ---- pc4 is connected with pc2 by links and routes ----

@test "pc4 reaches by a ping 192.168.2.2" {
  pings pc4 192.168.2.2
}

# ---- pc4 is connected with pc3 by links and routes ----

@test "pc4 reaches by a ping 192.168.3.2" {
  pings pc4 192.168.3.2
}
