#!/usr/bin/env bats
# What a topology calls things: a name that is more than a name is refused, and nothing that it says is ever done; text
# that may be anything (a command's arguments, a directory) stays text.

bats_require_minimum_version 1.5.0
load lab/lab

setup_file() {
  lab_start
}

teardown_file() {
  lab_stop
}

# A topology in which one thing has a bad name; JSON is YAML, and needs no thought about quotes.
named() { # PLACE NAME
  "$LAB_PYTHON" - "$1" "$2" <<'PYTHON'
import json, sys
place, name = sys.argv[1:]
pick = lambda wanted, default: name if place == wanted else default
red = {
    "networks": {pick("network", "bridge0"): {
        "interface": pick("interface", "veth-red"), "peer": pick("peer", "veth-red-br")}},
    "services": {pick("service", "web"): {"command": ["sleep", "77"], "user": pick("user", "root")}},
    "dns": {"nameservers": ["8.8.8.8"], "search": [pick("search", "example.org")]},
    "hosts": {pick("host name", "db"): "192.168.15.9"},
    "sysctls": {pick("sysctl", "net.ipv4.ip_forward"): pick("sysctl value", "0")},
}
print(json.dumps({
    "name": pick("topology", "names"),
    "networks": {pick("network", "bridge0"): {"subnet": "192.168.15.0/24", "mac": pick("mac", "02:00:00:00:00:01")}},
    "namespaces": {pick("namespace", "red"): red},
    "host": {"modules": [pick("module", "br_netfilter")]},
}))
PYTHON
}

@test "the topology of these tests is a good one, but for the name" {
  named nothing nothing >"$BATS_TEST_TMPDIR/topology.yaml"
  render "$BATS_TEST_TMPDIR/topology.yaml" >/dev/null
}

# Each of them would leave a mark, if it were run or taken for a path.
worst_names() {
  cat <<'NAMES'
a; touch MARK
$(touch MARK)
a\n\nnetns add evil
../../MARK
-rf
a'b
NAMES
}

bad_names() {
  worst_names
  cat <<'NAMES'
`touch MARK`
a b
a"b
a\b
a|touch MARK
a&touch MARK&
a>MARK
/MARK
..
.
--help
a*
a?
[a]
{a,b}
~root
a#b
a!b
é
NAMES
}

refused() { # PLACE LIST
  local name before
  before=$(snapshot)
  while read -r name; do
    name=${name//MARK/"$BATS_TEST_TMPDIR/mark"}
    printf -v name '%b' "${name//\\b/\\\\b}"
    named "$1" "$name" >"$BATS_TEST_TMPDIR/topology.yaml"
    if render "$BATS_TEST_TMPDIR/topology.yaml" >"$LAB/out" 2>"$LAB/err"; then
      fail "taken for a name: $name"
    fi
    [[ ! -s $LAB/out ]] || fail "printed a script for: $name"
    [[ $(<"$LAB/err") == *error* && $(<"$LAB/err") != *Traceback* ]] || fail "$name: $(<"$LAB/err")"
    on host bash <"$LAB/out"
  done < <("$2")
  [[ ! -e $BATS_TEST_TMPDIR/mark ]]
  expect_snapshot "$before"
}

bats_test_function --description "a bad name is refused, and does nothing: namespace" -- refused namespace bad_names
for place in topology network interface peer service user search "host name" sysctl mac module; do
  bats_test_function --description "a bad name is refused, and does nothing: $place" -- refused "$place" worst_names
done

@test "a bad name is refused, and does nothing: the value of a sysctl, unless it is text that a sysctl takes" {
  local name before
  before=$(snapshot)
  while read -r name; do
    name=${name//MARK/"$BATS_TEST_TMPDIR/mark"}
    named "sysctl value" "$name" >"$BATS_TEST_TMPDIR/topology.yaml"
    if render "$BATS_TEST_TMPDIR/topology.yaml" >"$LAB/setup.sh" 2>/dev/null; then
      script up 2>/dev/null || true
      script down 2>/dev/null || true
    fi
  done < <(worst_names)
  [[ ! -e $BATS_TEST_TMPDIR/mark ]]
  expect_snapshot "$before"
}

@test "odd names that the kernel takes are names" {
  local before
  before=$(snapshot)
  up - <<'YAML'
name: odd
networks:
  br.0: {subnet: 192.168.15.0/24, internet: true}
  "123": {subnet: 192.168.16.0/24, internet: true}
namespaces:
  no: {networks: [br.0], publish: ["8080:80"]}
  "1": {networks: ["123"], publish: ["8081:80"]}
  a.b_c-d: {networks: {br.0: {interface: eth0.7, peer: p.7}}}
  a-namespace-with-a-name-that-is-longer-than-a-device-can-have:
    networks: [br.0, "123"]
YAML
  serve "no * 80 tcp" "1 * 80 tcp" "a.b_c-d * 80 tcp"
  expect <<'TABLE'
outside  172.16.1.4    8080  tcp   ok no 172.16.1.5
host     127.0.0.1     8080  tcp   ok no 192.168.15.1
host     127.0.0.1     8081  tcp   ok 1 192.168.16.1
a.b_c-d  192.168.15.1  8080  tcp   ok no
no       203.0.113.10  80    tcp   ok internet
1        203.0.113.10  80    tcp   ok internet
TABLE
  run -0 script check
  down
  expect_snapshot "$before"
}

@test "text that may be anything arrives as it was written, and is not run" {
  local text before
  before=$(snapshot)
  cd "$BATS_TEST_TMPDIR"
  text=$'two  spaces; touch mark $(touch mark) `touch mark` \'single\' "double" \\ * ~ $HOME | & > mark\nsecond line\n\ttab é #'
  "$LAB_PYTHON" - "$text" "$BATS_TEST_TMPDIR/got" >topology.yaml <<'PYTHON'
import json, sys
text, got = sys.argv[1:]
write = 'printf "%s|%s|" "$1" "$TEXT" >>"$0"'
print(json.dumps({
    "name": "text",
    "networks": {"bridge0": {"subnet": "192.168.15.0/24"}},
    "namespaces": {"red": {
        "networks": ["bridge0"],
        "services": {"web": {"command": ["sh", "-c", write + "; sleep 77", got, text], "environment": {"TEXT": text}}},
        "exec": [{"up": ["sh", "-c", write, got + "-exec", text], "down": ["rm", got + "-exec"]}],
    }},
    "host": {"exec": [{"up": ["touch", got + " $(touch mark)"], "down": ["rm", got + " $(touch mark)"]}]},
}))
PYTHON
  up "$PWD/topology.yaml"
  until [[ -s got ]]; do sleep 0.05; done
  [[ $(<got) == "$text|$text|" ]]
  [[ $(<got-exec) == "$text||" ]]
  [[ -e "got \$(touch mark)" && ! -e mark ]]
  down
  [[ ! -e got-exec && ! -e "got \$(touch mark)" && ! -e mark ]]
  expect_snapshot "$before"
}
