#!/usr/bin/env bats
# site: 3 network namespaces (web, office, desk) on 1 network (apps), with internet access, 1 published port.
#
#   8080/tcp -> web, 10.1.0.10 port 80
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(web office desk)

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

@test "web reaches itself by a ping to 127.0.0.1" {
  pings web 127.0.0.1
}

@test "office reaches itself by a ping to 127.0.0.1" {
  pings office 127.0.0.1
}

@test "desk reaches itself by a ping to 127.0.0.1" {
  pings desk 127.0.0.1
}

# ---- a cable leads from host to office ----

@test "the host reaches by a ping 10.2.255.2" {
  pings host 10.2.255.2
}

# ---- a cable leads from office to host ----

@test "office reaches by a ping 10.2.255.1" {
  pings office 10.2.255.1
}

# ---- a cable leads from office to desk ----

@test "office reaches by a ping 10.2.1.2" {
  pings office 10.2.1.2
}

# ---- a cable leads from desk to office ----

@test "desk reaches by a ping 10.2.1.1" {
  pings desk 10.2.1.1
}

# ---- host is connected with web by links and routes ----

@test "the host reaches web by a ping to 10.1.0.10" {
  pings host 10.1.0.10
}

# ---- host is connected with desk by links and routes ----

@test "the host reaches by a ping 10.2.1.2" {
  pings host 10.2.1.2
}

# ---- web is connected with host by links and routes ----

@test "web reaches the host by a ping to 10.1.0.1" {
  pings web 10.1.0.1
}

# ---- web is connected with office by links and routes ----

@test "web reaches by a ping 10.2.255.2" {
  pings web 10.2.255.2
}

# ---- what the topology expects ----

@test "web reaches by a ping 10.2.1.2" {
  pings web 10.2.1.2
}

# ---- office is connected with host by links and routes ----

@test "office reaches the host by a ping to 10.1.0.1" {
  pings office 10.1.0.1
}

# ---- desk is connected with host by links and routes ----

@test "desk reaches the host by a ping to 10.1.0.1" {
  pings desk 10.1.0.1
}

# ---- desk is connected with office by links and routes ----

@test "desk reaches by a ping 10.2.255.2" {
  pings desk 10.2.255.2
}

# ---- web publishes 8080 for outside, host, loopback, network, self ----

@test "the host reaches web's published port 8080 by 10.1.0.1" {
  listens web 10.1.0.10 80
  connects host 10.1.0.1 8080
}

@test "the host reaches web's published port 8080 by 127.0.0.1" {
  listens web 10.1.0.10 80
  connects host 127.0.0.1 8080
}

@test "web reaches its own published port 8080 by 10.1.0.1" {
  listens web 10.1.0.10 80
  connects web 10.1.0.1 8080
}

# ---- what the topology expects ----

@test "desk reaches port 8080 of 10.2.255.1" {
  connects desk 10.2.255.1 8080
}

@test "desk does not reach port 80 of web by 10.1.0.10" {
  run ! connects desk 10.1.0.10 80
}
