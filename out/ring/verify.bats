#!/usr/bin/env bats
# ring: 5 network namespaces (r1, r2 … r5).
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(r1 r2 r3 r4 r5)

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

@test "r5 reaches itself by a ping to 127.0.0.1" {
  pings r5 127.0.0.1
}

# ---- a cable leads from r1 to r2 ----

@test "r1 reaches by a ping 10.0.1.2" {
  pings r1 10.0.1.2
}

# ---- a cable leads from r2 to r1 ----

@test "r2 reaches by a ping 10.0.1.1" {
  pings r2 10.0.1.1
}

# ---- a cable leads from r2 to r3 ----

@test "r2 reaches by a ping 10.0.2.2" {
  pings r2 10.0.2.2
}

# ---- a cable leads from r3 to r2 ----

@test "r3 reaches by a ping 10.0.2.1" {
  pings r3 10.0.2.1
}

# ---- a cable leads from r3 to r4 ----

@test "r3 reaches by a ping 10.0.3.2" {
  pings r3 10.0.3.2
}

# ---- a cable leads from r4 to r3 ----

@test "r4 reaches by a ping 10.0.3.1" {
  pings r4 10.0.3.1
}

# ---- a cable leads from r4 to r5 ----

@test "r4 reaches by a ping 10.0.4.2" {
  pings r4 10.0.4.2
}

# ---- a cable leads from r5 to r4 ----

@test "r5 reaches by a ping 10.0.4.1" {
  pings r5 10.0.4.1
}

# ---- a cable leads from r5 to r1 ----

@test "r5 reaches by a ping 10.0.5.2" {
  pings r5 10.0.5.2
}

# ---- a cable leads from r1 to r5 ----

@test "r1 reaches by a ping 10.0.5.1" {
  pings r1 10.0.5.1
}

# ---- r1 is connected with r2 by links and routes ----

@test "r1 reaches by a ping 10.255.0.2" {
  pings r1 10.255.0.2
}

# ---- r1 is connected with r3 by links and routes ----

@test "r1 reaches by a ping 10.0.2.2" {
  pings r1 10.0.2.2
}

@test "r1 reaches by a ping 10.255.0.3" {
  pings r1 10.255.0.3
}

# ---- r1 is connected with r4 by links and routes ----

@test "r1 reaches by a ping 10.0.3.2" {
  pings r1 10.0.3.2
}

@test "r1 reaches by a ping 10.255.0.4" {
  pings r1 10.255.0.4
}

# ---- r1 is connected with r5 by links and routes ----

@test "r1 reaches by a ping 10.0.4.2" {
  pings r1 10.0.4.2
}

@test "r1 reaches by a ping 10.255.0.5" {
  pings r1 10.255.0.5
}

# ---- r2 is connected with r1 by links and routes ----

@test "r2 reaches by a ping 10.255.0.1" {
  pings r2 10.255.0.1
}

# ---- r2 is connected with r3 by links and routes ----

@test "r2 reaches by a ping 10.255.0.3" {
  pings r2 10.255.0.3
}

# ---- r2 is connected with r4 by links and routes ----

@test "r2 reaches by a ping 10.0.3.2" {
  pings r2 10.0.3.2
}

@test "r2 reaches by a ping 10.255.0.4" {
  pings r2 10.255.0.4
}

# ---- r2 is connected with r5 by links and routes ----

@test "r2 reaches by a ping 10.0.4.2" {
  pings r2 10.0.4.2
}

@test "r2 reaches by a ping 10.255.0.5" {
  pings r2 10.255.0.5
}

# ---- r3 is connected with r1 by links and routes ----

@test "r3 reaches by a ping 10.0.1.1" {
  pings r3 10.0.1.1
}

@test "r3 reaches by a ping 10.255.0.1" {
  pings r3 10.255.0.1
}

# ---- r3 is connected with r2 by links and routes ----

@test "r3 reaches by a ping 10.0.1.2" {
  pings r3 10.0.1.2
}

@test "r3 reaches by a ping 10.255.0.2" {
  pings r3 10.255.0.2
}

# ---- r3 is connected with r4 by links and routes ----

@test "r3 reaches by a ping 10.255.0.4" {
  pings r3 10.255.0.4
}

# ---- r3 is connected with r5 by links and routes ----

@test "r3 reaches by a ping 10.0.4.2" {
  pings r3 10.0.4.2
}

@test "r3 reaches by a ping 10.255.0.5" {
  pings r3 10.255.0.5
}

# ---- r4 is connected with r1 by links and routes ----

@test "r4 reaches by a ping 10.0.1.1" {
  pings r4 10.0.1.1
}

@test "r4 reaches by a ping 10.255.0.1" {
  pings r4 10.255.0.1
}

# ---- r4 is connected with r2 by links and routes ----

@test "r4 reaches by a ping 10.0.1.2" {
  pings r4 10.0.1.2
}

@test "r4 reaches by a ping 10.255.0.2" {
  pings r4 10.255.0.2
}

# ---- r4 is connected with r3 by links and routes ----

@test "r4 reaches by a ping 10.0.2.2" {
  pings r4 10.0.2.2
}

@test "r4 reaches by a ping 10.255.0.3" {
  pings r4 10.255.0.3
}

# ---- r4 is connected with r5 by links and routes ----

@test "r4 reaches by a ping 10.255.0.5" {
  pings r4 10.255.0.5
}

# ---- r5 is connected with r1 by links and routes ----

@test "r5 reaches by a ping 10.0.1.1" {
  pings r5 10.0.1.1
}

@test "r5 reaches by a ping 10.255.0.1" {
  pings r5 10.255.0.1
}

# ---- r5 is connected with r2 by links and routes ----

@test "r5 reaches by a ping 10.0.1.2" {
  pings r5 10.0.1.2
}

@test "r5 reaches by a ping 10.255.0.2" {
  pings r5 10.255.0.2
}

# ---- r5 is connected with r3 by links and routes ----

@test "r5 reaches by a ping 10.0.2.2" {
  pings r5 10.0.2.2
}

@test "r5 reaches by a ping 10.255.0.3" {
  pings r5 10.255.0.3
}

# ---- r5 is connected with r4 by links and routes ----

@test "r5 reaches by a ping 10.0.3.2" {
  pings r5 10.0.3.2
}

@test "r5 reaches by a ping 10.255.0.4" {
  pings r5 10.255.0.4
}

# ---- what the topology expects ----

@test "r1 reaches port 80 of 10.255.0.3" {
  connects r1 10.255.0.3 80
}

@test "r2 reaches port 80 of 10.255.0.4" {
  connects r2 10.255.0.4 80
}

@test "r3 reaches port 80 of 10.255.0.5" {
  connects r3 10.255.0.5 80
}

@test "r4 reaches port 80 of 10.255.0.1" {
  connects r4 10.255.0.1 80
}

@test "r5 reaches port 80 of 10.255.0.2" {
  connects r5 10.255.0.2 80
}
