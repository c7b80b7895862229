#!/usr/bin/env bats
# verify.bats, one of the files of `nsgen render -o`: it asks on the machine itself what the topology claims, which is
# here the lab's host. It passes, it changes nothing, and it fails where something is wrong.

bats_require_minimum_version 1.5.0
load ../../lab/lab

setup() {
  lab_start
}

teardown() {
  lab_stop
}

# Bring a topology up, and write its verify.bats.
up_with_questions() { # TOPOLOGY
  up "$1"
  render "$1" -o "$LAB/out"
  QUESTIONS=("$LAB"/out/*/verify.bats)
}

# Run verify.bats on the host; this bats' own variables are none of its business.
ask() {
  on host env -i PATH="$PATH:/usr/sbin:/sbin" LC_ALL=C TMPDIR="$LAB" \
    "$REPOSITORY/node_modules/bats/bin/bats" --tap "${QUESTIONS[0]}"
}

# Nothing but these tests fail, a line each.
expect_failures() { # with the names on standard input
  local wanted
  wanted=$(cat)
  run -1 ask
  diff -U0 --label wanted --label failed <(sort <<<"$wanted") \
    <(grep '^not ok' <<<"$output" | cut -d' ' -f4- | sort) || fail "$output"
}

# All pass, and none is skipped.
passes() { # TOPOLOGY NODE:PORT...
  local before listener
  up_with_questions "$1"
  for listener in "${@:2}"; do await "${listener%:*}" "${listener#*:}"; done
  before=$(snapshot)
  run -0 ask
  [[ $output != *"# skip"* && $output == *"ok 1 "* ]] || fail "$output"
  expect_snapshot "$before"
}

for words in "article red:80" "two-networks red:80" "isolated web:80" "dual-stack red:80" "proxy red:80" \
  "compose-like proxy:80 proxy:9090" "steps/2-addresses" "steps/5-publish red:80"; do
  read -ra words <<<"$words"
  bats_test_function --description "${words[0]}: everything that can be asked is as claimed" \
    -- passes "examples/${words[0]}.yaml" "${words[@]:1}"
done

@test "every reach, both ways of publishing, ranges and addresses: as claimed; what nobody answers is skipped" {
  local before
  up_with_questions tests/topologies/published.yaml
  serve "red * 80 tcp" "red * 8000 tcp" "red * 8002 tcp" "red * 9000 tcp" "red * 9002 tcp"
  before=$(snapshot)
  run -0 ask
  # Each of the two is asked by the host twice, by red and blue, and by green twice.
  run -0 grep -c 'published port 840[01] by .* # skip nobody listens in red on 192.168.15.2 port 4000$' <<<"$output"
  [[ $output == 12 ]]
  run -0 ask
  run -0 grep -c '# skip' <<<"$output"
  [[ $output == 12 ]]
  expect_snapshot "$before"
}

@test "a topology with nothing to ask gets no file" {
  render examples/containerd.yaml -o "$LAB/out"
  [[ -e $LAB/out/containerd/setup.sh && ! -e $LAB/out/containerd/verify.bats ]]
}

# --- who listens ---

@test "where nobody listens, the tests of a port are skipped, and say so" {
  up_with_questions examples/article.yaml
  take_over red
  run -0 ask
  run -0 grep '# skip' <<<"$output"
  [[ $output == *"blue reaches red's published port 8080 by 192.168.15.1 # skip nobody listens in red on 192.168.15.2"* ]]
  ((${#lines[@]} == 4))
}

# Which of red's two addresses somebody listens on, as the tests of its port 80 see it.
listened() { # SOCAT_ADDRESS WANTED
  local found=() said
  on red socat "$1,fork,reuseaddr" EXEC:true 3>&- 4>&- &
  disown
  await red 80
  said=$(ask)
  [[ $said == *"# skip nobody listens in red on 192.168.15.2 port 80"* ]] || found+=(4)
  [[ $said == *"# skip nobody listens in red on fd00:15::2 port 80"* ]] || found+=(6)
  [[ ${found[*]} == "$2" ]] || fail "$1: ${found[*]} instead of $2; $said"
  take_over red
}

@test "a listener counts on the addresses that it has" {
  up_with_questions examples/dual-stack.yaml
  take_over red
  listened TCP4-LISTEN:80 "4"
  listened TCP4-LISTEN:80,bind=127.0.0.1 ""
  listened TCP4-LISTEN:80,bind=192.168.15.2 "4"
  listened TCP4-LISTEN:80,so-bindtodevice=veth-red "4"
  listened TCP6-LISTEN:80,ipv6only=1 "6"
  listened TCP6-LISTEN:80,ipv6only=0 "4 6"
  listened "TCP6-LISTEN:80,bind=[fd00:15::2]" "6"
  listened "TCP6-LISTEN:80,ipv6only=0,bind=[::ffff:192.168.15.2]" "4"
}

# --- what is wrong ---

@test "without hairpin mode the namespace itself is not answered" {
  up_with_questions examples/article.yaml
  await red 80
  on host ip link set veth-red-br type bridge_slave hairpin off
  expect_failures <<<"red reaches its own published port 8080 by 192.168.15.1"
}

@test "without bridge-nf-call-iptables a sibling is not answered" {
  up_with_questions examples/article.yaml
  await red 80
  on host sysctl -qw net.bridge.bridge-nf-call-iptables=0
  expect_failures <<<"blue reaches red's published port 8080 by 192.168.15.1"
}

@test "without the rule in PREROUTING no namespace is answered" {
  up_with_questions examples/article.yaml
  await red 80
  without_rule iptables nat "PRE .*--dport 8080 -j DNAT"
  expect_failures <<'NAMES'
red reaches its own published port 8080 by 192.168.15.1
blue reaches red's published port 8080 by 192.168.15.1
NAMES
}

@test "without the rule in OUTPUT the host is not answered" {
  up_with_questions examples/article.yaml
  await red 80
  without_rule iptables nat "OUTPUT .*--dport 8080 -j DNAT"
  expect_failures <<'NAMES'
the host reaches red's published port 8080 by 192.168.15.1
the host reaches red's published port 8080 by 127.0.0.1
NAMES
}

@test "a cable that is pulled" {
  up_with_questions examples/steps/2-addresses.yaml
  on host ip link set veth-blue-br nomaster
  expect_failures <<'NAMES'
red reaches blue by a ping to 192.168.15.3
blue reaches red by a ping to 192.168.15.2
NAMES
}

@test "networks that are apart no longer" {
  up_with_questions examples/two-networks.yaml
  await red 80
  on host iptables -w -t raw -F NSGEN-two-networks-RAW
  on host iptables -w -I FORWARD -i bridge1 -o bridge0 -j ACCEPT
  on host iptables -w -I FORWARD -i bridge0 -o bridge1 -j ACCEPT
  expect_failures <<'NAMES'
red does not reach green by a ping to 192.168.16.2
green does not reach red by a ping to 192.168.15.2
NAMES
}

@test "tenants that are isolated no longer" {
  up_with_questions examples/isolated.yaml
  await web 80
  on host ip link set veth-tenant1-br type bridge_slave isolated off
  expect_failures <<'NAMES'
tenant1 does not reach tenant2 by a ping to 10.20.0.3
tenant1 does not reach tenant3 by a ping to 10.20.0.4
tenant1 does not reach web by a ping to 10.20.0.5
tenant2 does not reach tenant1 by a ping to 10.20.0.2
tenant3 does not reach tenant1 by a ping to 10.20.0.2
web does not reach tenant1 by a ping to 10.20.0.2
NAMES
}

@test "a port that answers whom its reach leaves out" {
  up_with_questions examples/steps/5-publish.yaml
  await red 80
  on host iptables -w -t nat -I PREROUTING -i bridge0 -p tcp --dport 8080 -j REDIRECT --to-ports 8081
  serve "host * 8081 tcp"
  expect_failures <<'NAMES'
red does not reach published port 8080 by 192.168.15.1
blue does not reach published port 8080 by 192.168.15.1
NAMES
}

# --- where it cannot ask ---

@test "where the topology is not up, nothing passes" {
  up_with_questions examples/isolated.yaml
  script down
  run -1 ask
  [[ $output == *"there is no namespace tenant1, setup.sh comes first"* ]]
  run ! grep '^ok' <<<"$output"
}

@test "where a program is missing, nothing passes" {
  up_with_questions examples/isolated.yaml
  # For the lab alone.
  on host mount --bind /dev/null "$(readlink -f "$(command -v ping)")"
  run -1 ask
  [[ $output == *"a program is missing: ping"* ]]
  run ! grep '^ok' <<<"$output"
}
