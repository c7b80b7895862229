#!/usr/bin/env bats
# napt: 3 network namespaces (S1, R1, C1).
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(S1 R1 C1)

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

@test "S1 reaches itself by a ping to 127.0.0.1" {
  pings S1 127.0.0.1
}

@test "R1 reaches itself by a ping to 127.0.0.1" {
  pings R1 127.0.0.1
}

@test "C1 reaches itself by a ping to 127.0.0.1" {
  pings C1 127.0.0.1
}

# ---- a cable leads from S1 to R1 ----

@test "S1 reaches by a ping 20.0.0.1" {
  pings S1 20.0.0.1
}

# ---- a cable leads from R1 to S1 ----

@test "R1 reaches by a ping 20.0.0.2" {
  pings R1 20.0.0.2
}

# ---- a cable leads from R1 to C1 ----

@test "R1 reaches by a ping 10.0.0.2" {
  pings R1 10.0.0.2
}

# ---- a cable leads from C1 to R1 ----

@test "C1 reaches by a ping 10.0.0.1" {
  pings C1 10.0.0.1
}

# ---- S1 is connected with C1 by links and routes ----

@test "S1 reaches by a ping 10.0.0.2" {
  pings S1 10.0.0.2
}

# ---- what the topology expects ----

@test "C1 reaches by a ping 20.0.0.2" {
  pings C1 20.0.0.2
}

# ---- C1 is connected with R1 by links and routes ----

@test "C1 reaches by a ping 20.0.0.1" {
  pings C1 20.0.0.1
}

# ---- what the topology expects ----

@test "C1 reaches port 80 of 20.0.0.2" {
  connects C1 20.0.0.2 80
}
