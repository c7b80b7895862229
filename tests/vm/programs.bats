# Programs of others in namespaces of ours: units of systemd, and containers of podman.
bats_require_minimum_version 1.5.0
load lab

readonly SCRIPT=/root/kinds/programs/setup.sh OURS=nsgen-programs.service

setup_file() {
  make_outside
  cat >/etc/systemd/system/web.service <<'UNIT'
[Service]
ExecStart=/usr/bin/python3 -m http.server 80 --directory /etc
DynamicUser=yes
AmbientCapabilities=CAP_NET_BIND_SERVICE
PrivateTmp=yes
UNIT
  echo "# $(. /etc/os-release && echo "$PRETTY_NAME"), $(systemctl --version | head -n 1), $(podman --version)" >&3
}

@test "up does not touch the unit, and install puts it into its namespace, with what it builds there" {
  bash "$SCRIPT" up
  [[ ! -e /etc/systemd/system/web.service.d ]]
  bash "$SCRIPT" down
  bash "$SCRIPT" install
  systemctl start web.service
  systemctl is-active "$OURS"
  answers outside "$HOST"
  answers blue "$RED" 80
  is_closed host 127.0.0.1 80
}

@test "the unit resolves names as its namespace does" {
  local pid
  pid=$(systemctl show --property MainPID --value web.service)
  [[ $(ip netns identify "$pid") == red ]]
  nsenter --target "$pid" --mount cat /etc/resolv.conf >/tmp/seen
  cmp /tmp/seen /etc/netns/red/resolv.conf
  nsenter --target "$pid" --mount cat /etc/hosts >/tmp/seen
  cmp /tmp/seen /etc/netns/red/hosts
}

@test "the unit stops with the topology, and does not start outside when that cannot be built" {
  systemctl stop "$OURS"
  run -3 systemctl is-active web.service
  ip link add bridge0 type bridge # somebody else's
  run ! systemctl start web.service
  is_closed host 127.0.0.1 80
  ip link del bridge0
}

@test "after uninstall the unit runs on the host again, as before" {
  bash "$SCRIPT" uninstall
  [[ ! -e /etc/systemd/system/web.service.d ]]
  systemctl start web.service
  answers host 127.0.0.1 80
  systemctl stop web.service
  nothing_left
}

@test "a container of podman's runs in a namespace" {
  local found
  bash "$SCRIPT" up
  mkdir -p /tmp/image/bin
  cp /bin/busybox /tmp/image/bin/
  tar -C /tmp/image -c . | podman import - tools
  found=$(podman run --rm --cap-add NET_RAW --network ns:/run/netns/blue --volume /etc/netns/blue/resolv.conf:/etc/resolv.conf:ro tools \
    /bin/busybox sh -c '/bin/busybox ip -o address show; /bin/busybox cat /etc/resolv.conf; /bin/busybox ping -c 1 192.168.15.2')
  [[ $found == *'192.168.15.3/24'*'nameserver 203.0.113.10'*'1 packets received'* ]] || fail "$found"
  bash "$SCRIPT" check
  bash "$SCRIPT" down
  nothing_left
}

@test "a change is on trial when the machine goes down: see tried.bats" {
  local _
  bash "$SCRIPT" install
  systemctl start "$OURS"
  sed 's/192\.168\.15\.3\b/192.168.15.33/' "$SCRIPT" >/root/changed.sh
  setsid bash /root/changed.sh try 1000 >/root/trial 2>&1 </dev/null 3>&- 4>&- &
  disown
  for _ in {1..600}; do
    ! grep -q 'on trial for' /root/trial || break
    sleep 0.1
  done
  [[ $(ip -n blue -o address show dev veth-blue) == *' 192.168.15.33/24 '* ]] || fail "$(</root/trial)"
}
