#!/usr/bin/env bats
# article: 2 network namespaces (red, blue) on 1 network (bridge0).
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(red blue)

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

@test "red reaches itself by a ping to 127.0.0.1" {
  pings red 127.0.0.1
}

@test "blue reaches itself by a ping to 127.0.0.1" {
  pings blue 127.0.0.1
}

# ---- members of bridge0 reach each other ----

@test "red reaches blue by a ping to 192.168.15.3" {
  pings red 192.168.15.3
}

@test "blue reaches red by a ping to 192.168.15.2" {
  pings blue 192.168.15.2
}

# ---- bridge0 connects its members with the host ----

@test "red reaches the host by a ping to 192.168.15.1" {
  pings red 192.168.15.1
}

@test "the host reaches red by a ping to 192.168.15.2" {
  pings host 192.168.15.2
}

@test "blue reaches the host by a ping to 192.168.15.1" {
  pings blue 192.168.15.1
}

@test "the host reaches blue by a ping to 192.168.15.3" {
  pings host 192.168.15.3
}
