#!/usr/bin/env bats
# joined: 1 network namespace (client) and 1 joined namespace (app) on 1 network (lab), with internet access, 1
# published port.
#
#   8080/tcp -> app, 10.60.0.2 port 80
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(app client)

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

# Skip a test where nobody listens: that is no fault of the network's.
listens() { # NODE ADDRESS PORT
  local _ at
  while read -r _ _ _ at _; do
    [[ $at == *:"$3" ]] || continue
    at=${at%:"$3"}
    at=${at%"%"*} # a device
    case $at in
      '*' | '::' | "$2" | "[$2]" | "[::ffff:$2]") return 0 ;;
      0.0.0.0) [[ $2 == *:* ]] || return 0 ;;
      '[::]') [[ $2 != *:* ]] || return 0 ;;
    esac
  done < <(in_node "$1" ss -lnt)
  skip "nobody listens in $1 on $2 port $3"
}

# ---- a namespace reaches itself by 127.0.0.1 ----

@test "app reaches itself by a ping to 127.0.0.1" {
  pings app 127.0.0.1
}

@test "client reaches itself by a ping to 127.0.0.1" {
  pings client 127.0.0.1
}

# ---- members of lab reach each other ----

@test "app reaches client by a ping to 10.60.0.3" {
  pings app 10.60.0.3
}

@test "client reaches app by a ping to 10.60.0.2" {
  pings client 10.60.0.2
}

# ---- lab connects its members with the host ----

@test "app reaches the host by a ping to 10.60.0.1" {
  pings app 10.60.0.1
}

@test "the host reaches app by a ping to 10.60.0.2" {
  pings host 10.60.0.2
}

@test "client reaches the host by a ping to 10.60.0.1" {
  pings client 10.60.0.1
}

@test "the host reaches client by a ping to 10.60.0.3" {
  pings host 10.60.0.3
}

# ---- app publishes 8080 for outside, host, loopback, network, self ----

@test "the host reaches app's published port 8080 by 10.60.0.1" {
  listens app 10.60.0.2 80
  connects host 10.60.0.1 8080
}

@test "the host reaches app's published port 8080 by 127.0.0.1" {
  listens app 10.60.0.2 80
  connects host 127.0.0.1 8080
}

@test "app reaches its own published port 8080 by 10.60.0.1" {
  listens app 10.60.0.2 80
  connects app 10.60.0.1 8080
}

@test "client reaches app's published port 8080 by 10.60.0.1" {
  listens app 10.60.0.2 80
  connects client 10.60.0.1 8080
}
