#!/usr/bin/env bats
# router: 3 network namespaces (ns1, ns2, router-ns) on 2 networks (br0, br1).
#
#   sudo bash setup.sh       build it
#   sudo bats verify.bats    ask who reaches whom; bats is 1.7 or newer
#
# Made by nsgen from a topology: change that and render again. It asks by pings and TCP connections, from this host and
# from its namespaces, and changes nothing. What takes another machine, and other protocols, it leaves out: `nsgen
# verify` tries those too, in a rehearsal.

bats_require_minimum_version 1.5.0

namespaces=(ns1 ns2 router-ns)

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

@test "ns1 reaches itself by a ping to 127.0.0.1" {
  pings ns1 127.0.0.1
}

@test "ns2 reaches itself by a ping to 127.0.0.1" {
  pings ns2 127.0.0.1
}

@test "router-ns reaches itself by a ping to 127.0.0.1" {
  pings router-ns 127.0.0.1
}

# ---- what the topology expects ----

@test "ns1 reaches ns2 by a ping to 192.168.2.2" {
  pings ns1 192.168.2.2
}

@test "ns2 reaches ns1 by a ping to 192.168.1.2" {
  pings ns2 192.168.1.2
}

@test "ns1 reaches router-ns by a ping to 192.168.1.1" {
  pings ns1 192.168.1.1
}

@test "the host does not reach ns1 by a ping to 192.168.1.2" {
  run ! pings host 192.168.1.2
}
