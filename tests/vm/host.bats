# The host of the Vagrantfile: a second machine, on the same cable, asks for the published port.
bats_require_minimum_version 1.5.0
load lab

@test "the topology is up, and the other machine is told so" {
  /usr/local/sbin/nsgen-article check
  # What the other machine is not to reach: all that listens, here and in red, but for one port that says it may begin.
  python3 -m http.server --bind 127.0.0.1 9000 >/dev/null 2>&1 3>&- &
  ip netns exec red python3 -m http.server 81 >/dev/null 2>&1 3>&- &
  answers host "$HOST"
}

@test "the other machine has asked all it wanted to ask" {
  timeout 360 python3 "$BATS_TEST_DIRNAME/await.py" "$HOST" 9999
}
