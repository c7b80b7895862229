#!/usr/bin/env bats
# stretched: 4 network namespaces (red, sniffer, other, green) on 1 network (lan), with internet access, 1 published
# port.
#
#   8090/tcp -> red, 10.90.0.2 port 80
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(red sniffer other green)

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

@test "red reaches itself by a ping to 127.0.0.1" {
  pings red 127.0.0.1
}

@test "sniffer reaches itself by a ping to 127.0.0.1" {
  pings sniffer 127.0.0.1
}

@test "other reaches itself by a ping to 127.0.0.1" {
  pings other 127.0.0.1
}

@test "green reaches itself by a ping to 127.0.0.1" {
  pings green 127.0.0.1
}

# ---- a cable leads from host to other ----

@test "the host reaches by a ping 198.51.100.2" {
  pings host 198.51.100.2
}

# ---- a cable leads from other to host ----

@test "other reaches by a ping 198.51.100.1" {
  pings other 198.51.100.1
}

# ---- host is connected with red by links and routes ----

@test "the host reaches red by a ping to 10.90.0.2" {
  pings host 10.90.0.2
}

# ---- host is connected with green by links and routes ----

@test "the host reaches by a ping 10.90.0.3" {
  pings host 10.90.0.3
}

# ---- red is connected with host by links and routes ----

@test "red reaches the host by a ping to 10.90.0.1" {
  pings red 10.90.0.1
}

# ---- red is connected with other by links and routes ----

@test "red reaches by a ping 198.51.100.2" {
  pings red 198.51.100.2
}

# ---- what the topology expects ----

@test "red reaches by a ping 10.90.0.3" {
  pings red 10.90.0.3
}

# ---- green is connected with host by links and routes ----

@test "green reaches the host by a ping to 10.90.0.1" {
  pings green 10.90.0.1
}

# ---- green is connected with red by links and routes ----

@test "green reaches red by a ping to 10.90.0.2" {
  pings green 10.90.0.2
}

# ---- green is connected with other by links and routes ----

@test "green reaches by a ping 198.51.100.2" {
  pings green 198.51.100.2
}

# ---- red publishes 8090 for outside, host, loopback, network, self ----

@test "the host reaches red's published port 8090 by 10.90.0.1" {
  listens red 10.90.0.2 80
  connects host 10.90.0.1 8090
}

@test "the host reaches red's published port 8090 by 127.0.0.1" {
  listens red 10.90.0.2 80
  connects host 127.0.0.1 8090
}

@test "red reaches its own published port 8090 by 10.90.0.1" {
  listens red 10.90.0.2 80
  connects red 10.90.0.1 8090
}
