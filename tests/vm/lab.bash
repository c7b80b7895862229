# Helpers of the bats files that run in a virtual machine. It has two network cards on one cable: eth0 is its own,
# eth1 goes to the namespace `outside`, which so is another machine of its network.

export UNIT=nsgen-article.service SETUP=/root/out/article/setup.sh
export RED=192.168.15.2 BLUE=192.168.15.3 GATEWAY=192.168.15.1 HOST=172.16.1.4

fail() {
  printf '%s\n' "$*" >&2
  return 1
}

make_outside() {
  # Whoever manages the machine's network may not manage this one.
  ip netns add outside
  ip link set eth1 netns outside
  ip -n outside link set lo up
  ip -n outside link set eth1 up
  ip -n outside address add 172.16.1.5/24 dev eth1
  # An address that is reached by way of the gateway: the internet.
  ip -n outside address add 203.0.113.10/32 dev lo
}

on() { # NODE COMMAND...
  if [[ $1 == host ]]; then "${@:2}"; else ip netns exec "$@"; fi
}

# What a web server answers first, or nothing.
ask() { # NODE ADDRESS PORT [SECONDS]
  on "$1" timeout "${4:-20}" bash "$BATS_TEST_DIRNAME/ask.sh" "$2" "$3" 2>&1
}

# The published port, from everywhere; the internet, from the namespaces; and what is to stay closed.
works() {
  local node address
  while read -r node address; do
    answers "$node" "$address"
  done <<QUESTIONS
outside $HOST
host $HOST
host $GATEWAY
host 127.0.0.1
blue $GATEWAY
blue $HOST
red $GATEWAY
red $HOST
QUESTIONS
  on red ping -q -c 1 -W 10 "$BLUE" >/dev/null || fail 'red does not reach blue'
  on blue ping -q -c 1 -W 10 203.0.113.10 >/dev/null || fail 'blue does not reach the internet'
  is_closed outside "$HOST" 80
  on outside ip route replace 192.168.15.0/24 via "$HOST"
  is_closed outside "$RED" 80
}

# A server that was started just now may take its time.
answers() { # NODE ADDRESS [PORT]
  local answer tries
  for ((tries = 0; tries < 20; tries++)); do
    answer=$(ask "$1" "$2" "${3:-8080}" </dev/null) || true
    [[ $answer != 'HTTP/1.'?' 200'* ]] || return 0
    [[ $answer == *refused* ]] || break
    sleep 1
  done
  fail "$1, asking $2: '$answer'"
}

is_closed() { # NODE ADDRESS PORT
  local answer
  ! answer=$(ask "$1" "$2" "$3" 3) || fail "$1, asking $2 port $3, was answered: $answer"
}

# All that is ours, wherever it may be.
nothing_left() {
  local found
  found=$(
    ls -d /run/nsgen* /run/systemd/network/*nsgen* /run/NetworkManager/conf.d/*nsgen* /run/netns/red /run/netns/blue /sys/class/net/bridge0 /etc/*/*nsgen-article* /usr/local/sbin/nsgen-* \
      /etc/systemd/system/nsgen-article* /etc/systemd/system/*/nsgen-article* 2>/dev/null
    iptables-save | grep -i nsgen
    ip -br link | grep veth
    pgrep -a -f http.server
  ) || true
  [[ ! $found ]] || fail "left: $found"
}

sysctl_is() { # KEY VALUE
  local now
  now=$(sysctl -n "$1") || return 1
  [[ $now == "$2" ]] || fail "$1 is $now, not $2"
}

# What the journal has of our unit that is an error or a warning of ours. (runuser opens a session for a service's user.)
no_complaints() {
  local found
  found=$(journalctl --no-pager --quiet --output cat --unit "$UNIT" | grep -vE '^(Starting|Started|Stopping|Stopped|Finished) |Deactivated successfully|Consumed .* CPU time|^pam_unix\(runuser:session\): session (opened|closed) for user nobody|^nsgen: [^ ]+: (built|removed|brought up to date: |nothing to do)|^[-+~] (host|red|blue): |^nsgen: [^ ]+: warning: only this host reaches the resolver ' || true)
  [[ ! $found ]] || fail "$found"
}
