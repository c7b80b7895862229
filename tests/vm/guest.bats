# The guest of the Vagrantfile: another machine on the cable of the host.
bats_require_minimum_version 1.5.0
load lab

setup_file() {
  ip address flush dev eth0
  ip address add 172.16.1.5/24 dev eth0
}

@test "the guest reaches the published port" {
  local tries
  for ((tries = 0; tries < 240; tries++)); do
    ! answers host "$HOST" || return 0
    sleep 1
  done 2>/dev/null
  fail 'no answer in four minutes'
}

@test "and no other port of the host" {
  run python3 "$BATS_TEST_DIRNAME/scan.py" "$HOST"
  # 9999 is where the host of the test waits for us.
  [[ ${output//$'\n'9999/} == 8080 ]] || fail "open: $output"
}

@test "and nothing by a namespace's own address" {
  ip route add 192.168.15.0/24 via "$HOST"
  for port in 80 81 8080; do is_closed host "$RED" "$port"; done
  run ! ping -q -c 1 -W 3 "$BLUE"
  answers host "$HOST" # it was not that the host is gone
}

@test "nor the internet, or anybody else, by way of the host" {
  ip route add 203.0.113.0/24 via "$HOST"
  run ! ping -q -c 1 -W 3 203.0.113.10
  answers host "$HOST"
}

@test "the host is told that this was all" {
  exec 4<>"/dev/tcp/$HOST/9999"
  echo asked >&4
}
