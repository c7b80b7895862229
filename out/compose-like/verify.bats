#!/usr/bin/env bats
# compose-like: 3 network namespaces (proxy, app, db) on 2 networks (front, back), internet access from front, 2
# published ports.
#
#   8080/tcp -> proxy, 10.30.0.2 port 80
#   127.0.0.1:9090/tcp -> proxy, 10.30.0.2 port 9090
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(proxy app db)

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

@test "proxy reaches itself by a ping to 127.0.0.1" {
  pings proxy 127.0.0.1
}

@test "app reaches itself by a ping to 127.0.0.1" {
  pings app 127.0.0.1
}

@test "db reaches itself by a ping to 127.0.0.1" {
  pings db 127.0.0.1
}

# ---- members of front reach each other ----

@test "proxy reaches app by a ping to 10.30.0.3" {
  pings proxy 10.30.0.3
}

@test "app reaches proxy by a ping to 10.30.0.2" {
  pings app 10.30.0.2
}

# ---- members of back reach each other ----

@test "app reaches db by a ping to 10.30.1.3" {
  pings app 10.30.1.3
}

@test "db reaches app by a ping to 10.30.1.2" {
  pings db 10.30.1.2
}

# ---- front connects its members with the host ----

@test "proxy reaches the host by a ping to 10.30.0.1" {
  pings proxy 10.30.0.1
}

@test "the host reaches proxy by a ping to 10.30.0.2" {
  pings host 10.30.0.2
}

@test "app reaches the host by a ping to 10.30.0.1" {
  pings app 10.30.0.1
}

@test "the host reaches app by a ping to 10.30.0.3" {
  pings host 10.30.0.3
}

# ---- back connects its members with the host ----

@test "app reaches the host by a ping to 10.30.1.1" {
  pings app 10.30.1.1
}

@test "the host reaches app by a ping to 10.30.1.2" {
  pings host 10.30.1.2
}

@test "db reaches the host by a ping to 10.30.1.1" {
  pings db 10.30.1.1
}

@test "the host reaches db by a ping to 10.30.1.3" {
  pings host 10.30.1.3
}

# ---- proxy publishes 8080 for outside, host, loopback, network, self ----

@test "the host reaches proxy's published port 8080 by 10.30.0.1" {
  listens proxy 10.30.0.2 80
  connects host 10.30.0.1 8080
}

@test "the host reaches proxy's published port 8080 by 127.0.0.1" {
  listens proxy 10.30.0.2 80
  connects host 127.0.0.1 8080
}

@test "proxy reaches its own published port 8080 by 10.30.0.1" {
  listens proxy 10.30.0.2 80
  connects proxy 10.30.0.1 8080
}

@test "app reaches proxy's published port 8080 by 10.30.0.1" {
  listens proxy 10.30.0.2 80
  connects app 10.30.0.1 8080
}

@test "app reaches proxy's published port 8080 by 10.30.1.1" {
  listens proxy 10.30.0.2 80
  connects app 10.30.1.1 8080
}

@test "db reaches proxy's published port 8080 by 10.30.1.1" {
  listens proxy 10.30.0.2 80
  connects db 10.30.1.1 8080
}

# ---- proxy publishes 9090 on 127.0.0.1 for loopback ----

@test "the host does not reach published port 9090 by 10.30.0.1" {
  run ! connects host 10.30.0.1 9090
}

@test "the host reaches proxy's published port 9090 by 127.0.0.1" {
  listens proxy 10.30.0.2 9090
  connects host 127.0.0.1 9090
}

@test "proxy does not reach published port 9090 by 10.30.0.1" {
  run ! connects proxy 10.30.0.1 9090
}

@test "app does not reach published port 9090 by 10.30.0.1" {
  run ! connects app 10.30.0.1 9090
}

@test "app does not reach published port 9090 by 10.30.1.1" {
  run ! connects app 10.30.1.1 9090
}

@test "db does not reach published port 9090 by 10.30.1.1" {
  run ! connects db 10.30.1.1 9090
}

# ---- proxy and db are on no network together ----

@test "proxy does not reach db by a ping to 10.30.1.3" {
  run ! pings proxy 10.30.1.3
}

# ---- db and proxy are on no network together ----

@test "db does not reach proxy by a ping to 10.30.0.2" {
  run ! pings db 10.30.0.2
}
