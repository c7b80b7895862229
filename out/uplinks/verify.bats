#!/usr/bin/env bats
# uplinks: 6 network namespaces (gate, server … client2).
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(gate server isp1 isp2 client1 client2)

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

# Nothing is said, and so it is not told who answers: only that somebody does.
connects() { # NODE ADDRESS PORT
  in_node "$1" timeout 2 bash -s "$2" "$3" <<'BASH'
exec 3<>"/dev/tcp/$1/$2"
BASH
}

# ---- a namespace reaches itself by 127.0.0.1 ----

@test "gate reaches itself by a ping to 127.0.0.1" {
  pings gate 127.0.0.1
}

@test "server reaches itself by a ping to 127.0.0.1" {
  pings server 127.0.0.1
}

@test "isp1 reaches itself by a ping to 127.0.0.1" {
  pings isp1 127.0.0.1
}

@test "isp2 reaches itself by a ping to 127.0.0.1" {
  pings isp2 127.0.0.1
}

@test "client1 reaches itself by a ping to 127.0.0.1" {
  pings client1 127.0.0.1
}

@test "client2 reaches itself by a ping to 127.0.0.1" {
  pings client2 127.0.0.1
}

# ---- a cable leads from isp1 to gate ----

@test "isp1 reaches by a ping 172.20.1.2" {
  pings isp1 172.20.1.2
}

# ---- a cable leads from gate to isp1 ----

@test "gate reaches by a ping 172.20.1.1" {
  pings gate 172.20.1.1
}

# ---- a cable leads from isp2 to gate ----

@test "isp2 reaches by a ping 172.20.2.2" {
  pings isp2 172.20.2.2
}

@test "isp2 reaches by a ping fd00:2::2" {
  pings isp2 fd00:2::2
}

# ---- a cable leads from gate to isp2 ----

@test "gate reaches by a ping 172.20.2.1" {
  pings gate 172.20.2.1
}

@test "gate reaches by a ping fd00:2::1" {
  pings gate fd00:2::1
}

# ---- a cable leads from isp1 to isp2 ----

@test "isp1 reaches by a ping 10.0.12.2" {
  pings isp1 10.0.12.2
}

# ---- a cable leads from isp2 to isp1 ----

@test "isp2 reaches by a ping 10.0.12.1" {
  pings isp2 10.0.12.1
}

# ---- a cable leads from gate to server ----

@test "gate reaches by a ping 192.168.0.10" {
  pings gate 192.168.0.10
}

# ---- a cable leads from server to gate ----

@test "server reaches by a ping 192.168.0.1" {
  pings server 192.168.0.1
}

# ---- a cable leads from isp1 to client1 ----

@test "isp1 reaches by a ping 10.1.0.2" {
  pings isp1 10.1.0.2
}

# ---- a cable leads from client1 to isp1 ----

@test "client1 reaches by a ping 10.1.0.1" {
  pings client1 10.1.0.1
}

# ---- a cable leads from isp2 to client2 ----

@test "isp2 reaches by a ping 10.2.0.2" {
  pings isp2 10.2.0.2
}

@test "isp2 reaches by a ping fd00:22::2" {
  pings isp2 fd00:22::2
}

# ---- a cable leads from client2 to isp2 ----

@test "client2 reaches by a ping 10.2.0.1" {
  pings client2 10.2.0.1
}

@test "client2 reaches by a ping fd00:22::1" {
  pings client2 fd00:22::1
}

# ---- gate is connected with client1 by links and routes ----

@test "gate reaches by a ping 10.1.0.2" {
  pings gate 10.1.0.2
}

# ---- gate is connected with client2 by links and routes ----

@test "gate reaches by a ping 10.2.0.2" {
  pings gate 10.2.0.2
}

@test "gate reaches by a ping fd00:22::2" {
  pings gate fd00:22::2
}

# ---- server is connected with gate by links and routes ----

@test "server reaches by a ping 172.20.1.2" {
  pings server 172.20.1.2
}

# ---- server is connected with isp1 by links and routes ----

@test "server reaches by a ping 172.20.1.1" {
  pings server 172.20.1.1
}

# ---- server is connected with isp2 by links and routes ----

@test "server reaches by a ping 172.20.2.1" {
  pings server 172.20.2.1
}

# ---- server is connected with client1 by links and routes ----

@test "server reaches by a ping 10.1.0.2" {
  pings server 10.1.0.2
}

# ---- server is connected with client2 by links and routes ----

@test "server reaches by a ping 10.2.0.2" {
  pings server 10.2.0.2
}

# ---- isp1 is connected with isp2 by links and routes ----

@test "isp1 reaches by a ping 172.20.2.1" {
  pings isp1 172.20.2.1
}

# ---- isp1 is connected with client2 by links and routes ----

@test "isp1 reaches by a ping 10.2.0.2" {
  pings isp1 10.2.0.2
}

# ---- isp2 is connected with gate by links and routes ----

@test "isp2 reaches by a ping 172.20.1.2" {
  pings isp2 172.20.1.2
}

# ---- isp2 is connected with isp1 by links and routes ----

@test "isp2 reaches by a ping 172.20.1.1" {
  pings isp2 172.20.1.1
}

# ---- isp2 is connected with client1 by links and routes ----

@test "isp2 reaches by a ping 10.1.0.2" {
  pings isp2 10.1.0.2
}

# ---- client1 is connected with gate by links and routes ----

@test "client1 reaches by a ping 172.20.1.2" {
  pings client1 172.20.1.2
}

# ---- client1 is connected with isp1 by links and routes ----

@test "client1 reaches by a ping 172.20.1.1" {
  pings client1 172.20.1.1
}

# ---- client1 is connected with isp2 by links and routes ----

@test "client1 reaches by a ping 172.20.2.1" {
  pings client1 172.20.2.1
}

# ---- client1 is connected with client2 by links and routes ----

@test "client1 reaches by a ping 10.2.0.2" {
  pings client1 10.2.0.2
}

# ---- client2 is connected with gate by links and routes ----

@test "client2 reaches by a ping 172.20.1.2" {
  pings client2 172.20.1.2
}

# ---- what the topology expects ----

@test "client2 reaches by a ping fd00:2::2" {
  pings client2 fd00:2::2
}

# ---- client2 is connected with isp1 by links and routes ----

@test "client2 reaches by a ping 172.20.1.1" {
  pings client2 172.20.1.1
}

# ---- client2 is connected with isp2 by links and routes ----

@test "client2 reaches by a ping 172.20.2.1" {
  pings client2 172.20.2.1
}

@test "client2 reaches by a ping fd00:2::1" {
  pings client2 fd00:2::1
}

# ---- client2 is connected with client1 by links and routes ----

@test "client2 reaches by a ping 10.1.0.2" {
  pings client2 10.1.0.2
}

# ---- wan2 is an uplink of gate: who asks by it is answered by it ----

@test "server reaches by a ping 172.20.2.2" {
  pings server 172.20.2.2
}

@test "isp1 reaches by a ping 172.20.2.2" {
  pings isp1 172.20.2.2
}

@test "client1 reaches by a ping 172.20.2.2" {
  pings client1 172.20.2.2
}

@test "client2 reaches by a ping 172.20.2.2" {
  pings client2 172.20.2.2
}

# ---- what the topology expects ----

@test "client1 reaches port 8080 of 172.20.1.2" {
  connects client1 172.20.1.2 8080
}

@test "client2 reaches port 8080 of 172.20.2.2" {
  connects client2 172.20.2.2 8080
}
