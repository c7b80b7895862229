#!/usr/bin/env bats
# isolated: 6 network namespaces (tenant1, tenant2 … cache) on 2 networks (tenants, backend), internet access from
# tenants, 1 published port.
#
#   8080/tcp -> web, 10.20.0.5 port 80
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(tenant1 tenant2 tenant3 web db cache)

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

@test "tenant1 reaches itself by a ping to 127.0.0.1" {
  pings tenant1 127.0.0.1
}

@test "tenant2 reaches itself by a ping to 127.0.0.1" {
  pings tenant2 127.0.0.1
}

@test "tenant3 reaches itself by a ping to 127.0.0.1" {
  pings tenant3 127.0.0.1
}

@test "web reaches itself by a ping to 127.0.0.1" {
  pings web 127.0.0.1
}

@test "db reaches itself by a ping to 127.0.0.1" {
  pings db 127.0.0.1
}

@test "cache reaches itself by a ping to 127.0.0.1" {
  pings cache 127.0.0.1
}

# ---- tenants isolates its members ----

@test "tenant1 does not reach tenant2 by a ping to 10.20.0.3" {
  run ! pings tenant1 10.20.0.3
}

@test "tenant1 does not reach tenant3 by a ping to 10.20.0.4" {
  run ! pings tenant1 10.20.0.4
}

@test "tenant1 does not reach web by a ping to 10.20.0.5" {
  run ! pings tenant1 10.20.0.5
}

@test "tenant2 does not reach tenant1 by a ping to 10.20.0.2" {
  run ! pings tenant2 10.20.0.2
}

@test "tenant2 does not reach tenant3 by a ping to 10.20.0.4" {
  run ! pings tenant2 10.20.0.4
}

@test "tenant2 does not reach web by a ping to 10.20.0.5" {
  run ! pings tenant2 10.20.0.5
}

@test "tenant3 does not reach tenant1 by a ping to 10.20.0.2" {
  run ! pings tenant3 10.20.0.2
}

@test "tenant3 does not reach tenant2 by a ping to 10.20.0.3" {
  run ! pings tenant3 10.20.0.3
}

@test "tenant3 does not reach web by a ping to 10.20.0.5" {
  run ! pings tenant3 10.20.0.5
}

@test "web does not reach tenant1 by a ping to 10.20.0.2" {
  run ! pings web 10.20.0.2
}

@test "web does not reach tenant2 by a ping to 10.20.0.3" {
  run ! pings web 10.20.0.3
}

@test "web does not reach tenant3 by a ping to 10.20.0.4" {
  run ! pings web 10.20.0.4
}

# ---- members of backend reach each other ----

@test "db reaches cache by a ping to 10.20.1.3" {
  pings db 10.20.1.3
}

@test "cache reaches db by a ping to 10.20.1.2" {
  pings cache 10.20.1.2
}

# ---- tenants connects its members with the host ----

@test "tenant1 reaches the host by a ping to 10.20.0.1" {
  pings tenant1 10.20.0.1
}

@test "the host reaches tenant1 by a ping to 10.20.0.2" {
  pings host 10.20.0.2
}

@test "tenant2 reaches the host by a ping to 10.20.0.1" {
  pings tenant2 10.20.0.1
}

@test "the host reaches tenant2 by a ping to 10.20.0.3" {
  pings host 10.20.0.3
}

@test "tenant3 reaches the host by a ping to 10.20.0.1" {
  pings tenant3 10.20.0.1
}

@test "the host reaches tenant3 by a ping to 10.20.0.4" {
  pings host 10.20.0.4
}

@test "web reaches the host by a ping to 10.20.0.1" {
  pings web 10.20.0.1
}

@test "the host reaches web by a ping to 10.20.0.5" {
  pings host 10.20.0.5
}

# ---- backend connects its members with the host ----

@test "db reaches the host by a ping to 10.20.1.1" {
  pings db 10.20.1.1
}

@test "the host reaches db by a ping to 10.20.1.2" {
  pings host 10.20.1.2
}

@test "cache reaches the host by a ping to 10.20.1.1" {
  pings cache 10.20.1.1
}

@test "the host reaches cache by a ping to 10.20.1.3" {
  pings host 10.20.1.3
}

# ---- web publishes 8080 for outside, host, loopback, network, self ----

@test "the host reaches web's published port 8080 by 10.20.0.1" {
  listens web 10.20.0.5 80
  connects host 10.20.0.1 8080
}

@test "the host reaches web's published port 8080 by 127.0.0.1" {
  listens web 10.20.0.5 80
  connects host 127.0.0.1 8080
}

@test "web reaches its own published port 8080 by 10.20.0.1" {
  listens web 10.20.0.5 80
  connects web 10.20.0.1 8080
}

@test "tenant1 reaches web's published port 8080 by 10.20.0.1" {
  listens web 10.20.0.5 80
  connects tenant1 10.20.0.1 8080
}

@test "tenant2 reaches web's published port 8080 by 10.20.0.1" {
  listens web 10.20.0.5 80
  connects tenant2 10.20.0.1 8080
}

@test "tenant3 reaches web's published port 8080 by 10.20.0.1" {
  listens web 10.20.0.5 80
  connects tenant3 10.20.0.1 8080
}

@test "db reaches web's published port 8080 by 10.20.1.1" {
  listens web 10.20.0.5 80
  connects db 10.20.1.1 8080
}

@test "cache reaches web's published port 8080 by 10.20.1.1" {
  listens web 10.20.0.5 80
  connects cache 10.20.1.1 8080
}

# ---- tenant1 and db are on no network together ----

@test "tenant1 does not reach db by a ping to 10.20.1.2" {
  run ! pings tenant1 10.20.1.2
}

# ---- tenant1 and cache are on no network together ----

@test "tenant1 does not reach cache by a ping to 10.20.1.3" {
  run ! pings tenant1 10.20.1.3
}

# ---- tenant2 and db are on no network together ----

@test "tenant2 does not reach db by a ping to 10.20.1.2" {
  run ! pings tenant2 10.20.1.2
}

# ---- tenant2 and cache are on no network together ----

@test "tenant2 does not reach cache by a ping to 10.20.1.3" {
  run ! pings tenant2 10.20.1.3
}

# ---- tenant3 and db are on no network together ----

@test "tenant3 does not reach db by a ping to 10.20.1.2" {
  run ! pings tenant3 10.20.1.2
}

# ---- tenant3 and cache are on no network together ----

@test "tenant3 does not reach cache by a ping to 10.20.1.3" {
  run ! pings tenant3 10.20.1.3
}

# ---- web and db are on no network together ----

@test "web does not reach db by a ping to 10.20.1.2" {
  run ! pings web 10.20.1.2
}

# ---- web and cache are on no network together ----

@test "web does not reach cache by a ping to 10.20.1.3" {
  run ! pings web 10.20.1.3
}

# ---- db and tenant1 are on no network together ----

@test "db does not reach tenant1 by a ping to 10.20.0.2" {
  run ! pings db 10.20.0.2
}

# ---- db and tenant2 are on no network together ----

@test "db does not reach tenant2 by a ping to 10.20.0.3" {
  run ! pings db 10.20.0.3
}

# ---- db and tenant3 are on no network together ----

@test "db does not reach tenant3 by a ping to 10.20.0.4" {
  run ! pings db 10.20.0.4
}

# ---- db and web are on no network together ----

@test "db does not reach web by a ping to 10.20.0.5" {
  run ! pings db 10.20.0.5
}

# ---- cache and tenant1 are on no network together ----

@test "cache does not reach tenant1 by a ping to 10.20.0.2" {
  run ! pings cache 10.20.0.2
}

# ---- cache and tenant2 are on no network together ----

@test "cache does not reach tenant2 by a ping to 10.20.0.3" {
  run ! pings cache 10.20.0.3
}

# ---- cache and tenant3 are on no network together ----

@test "cache does not reach tenant3 by a ping to 10.20.0.4" {
  run ! pings cache 10.20.0.4
}

# ---- cache and web are on no network together ----

@test "cache does not reach web by a ping to 10.20.0.5" {
  run ! pings cache 10.20.0.5
}
