#!/usr/bin/env bats
# Services that are waited for, started in order and started again; what `status` and `logs` say of them.
# shellcheck disable=SC2016 # what is run elsewhere expands there

load lab/lab.bash
bats_require_minimum_version 1.5.0

setup_file() {
  lab_start
  # Listens late: after half a second.
  cat >"$LAB/bin/late" <<LATE
#!$LAB_PYTHON
import socket, sys, time
time.sleep(0.5)
protocol, port = sys.argv[1:]
end = socket.socket(type=socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
end.bind(("127.0.0.1", int(port)))
protocol == "udp" or end.listen()
print("listening", flush=True)
time.sleep(1000)
LATE
  # Tells who listens in a namespace, and goes on.
  printf '#!/bin/sh\nnsenter --net="/run/netns/$1" ss -Hlntu | tr -s " "\necho told\nexec sleep 1000\n' >"$LAB/bin/tells"
  printf '#!/bin/sh\necho once >>"$1"\nexit "$2"\n' >"$LAB/bin/ends"
  chmod +x "$LAB/bin/"{late,tells,ends}
}
teardown_file() { lab_stop; }
teardown() { [[ ! -e $LAB/setup.sh ]] || script down; }

process() { on host cat "/run/nsgen/$1"; } # FILE of a service
within() { local _ && for _ in {1..40}; do "$@" && return 0; sleep 0.1; done; } # four seconds: COMMAND…

@test "up waits until a service is ready, by a port or a command, and starts what is after it then" {
  local before
  before=$(snapshot)
  up "$(topology <<'YAML'
name: order
namespaces:
  red:
    services:
      first: {command: [tells, blue], after: [blue.tcp, blue.udp]}
      second: {command: [tells, blue], after: first}
  blue:
    services:
      tcp: {command: [late, tcp, "80"], ready: 80}
      udp: {command: [late, udp, "53"], ready: {port: 53/udp, within: 5s}}
      asks: {command: [sleep, "1000"], environment: {WORD: here}, user: root, ready: [sh, -c, '[ "$WORD" = here ]']}
      never: {command: [late, tcp, "81"], after: unknown}
      unknown: {command: [late, tcp, "82"]}
YAML
)"
  [[ $(script logs red.first) == *"127.0.0.1:53 "*"127.0.0.1:80 "*told ]]
  run -0 script check
  run -0 script up
  [[ $output == *"nothing to do" ]]
  run -0 script status
  [[ $output == *"service blue.tcp: process "*", ready"$'\n'*"service blue.asks: process "*", ready"$'\n'*"no drift" ]]
  [[ $output =~ "service blue.never: process "[0-9]+", since "20[-0-9]+' '[:0-9]+$'\n' ]]
  # Without `ready`, nobody waits.
  down
  up "$(topology <<'YAML'
name: order
namespaces:
  red: {services: {first: {command: [tells, blue], after: blue.tcp}}}
  blue: {services: {tcp: {command: [late, tcp, "80"]}}}
YAML
)"
  [[ $(script logs red) == told ]]
  down
  expect_snapshot "$before"
}

@test "one that is late is named, with the reason, and up is undone" {
  local before name time ready said
  before=$(snapshot)
  while IFS='|' read -r name time ready said; do
    prepare "$(topology <<YAML
name: late
namespaces:
  red:
    services:
      other: {command: [late, tcp, "81"]}
      $name: {command: [sh, -c, "echo no luck; exec sleep $time"], ready: $ready}
      next: {command: [tells, red], after: $name}
YAML
)"
    run -1 script up
    [[ $output == *"nsgen: late: the service red.$name $said"*"it failed; undoing what was done"* && $output != *"+ red: service next"* ]]
  done <<'TABLE'
udp|1000|{port: 81/udp, within: 1s}|is not ready after 1 s: nobody listens on 81/udp; it wrote: no luck
no|1002|{command: [sh, -c, "echo not; echo yet; exit 3"], within: 1s}|is not ready after 1 s: its command says no: yet; it wrote: no luck
slow|1003|{command: [sleep, "1003"], within: 1s}|is not ready after 1 s: its command says no; it wrote: no luck
ended|0.3|80|is not ready: it has ended; it wrote: no luck
TABLE
  expect_snapshot "$before"
}

@test "an interrupt ends a command that is waited for, and all is undone" {
  local before began=$SECONDS
  prepare "$(topology <<'YAML'
name: hangs
namespaces:
  red: {services: {web: {command: [sleep, "1000"], ready: {command: [sh, -c, "sleep 1001; true"], within: 100s}}}}
YAML
)"
  before=$(snapshot)
  run -124 on host timeout -s INT 4 bash "$LAB/setup.sh" up
  [[ $output == *interrupted* ]] || fail "$output"
  ((SECONDS - began < 40))
  expect_snapshot "$before"
}

@test "check and status tell who is not ready any more; up waits for it again" {
  prepare "$(topology <<'YAML'
name: ready
namespaces:
  red:
    services: {web: {command: [late, tcp, "80"], ready: [test, -e, /run/open]}, idle: {command: [sleep, "1000"]}}
YAML
)"
  on host touch /run/open
  script up
  on host rm /run/open
  run -1 script check
  [[ $output == "red: missing: service web is not ready: its command says no" ]]
  run -1 script status
  [[ $output == *"service red.web: process "*", not ready: its command says no"*"drift"*"$(script check)" ]]
  on host bash -c '(sleep 0.5; touch /run/open) </dev/null >/dev/null 2>&1 &'
  run -0 script up
  [[ $output == *"~ red: missing: service web is not ready"*"brought up to date"* ]]
  on host rm /run/open
}

@test "a service is started again, whoever ended it; not one that ended well, where that is a failure's" {
  local process before
  before=$(snapshot)
  prepare "$(topology <<'YAML'
name: again
namespaces:
  red:
    services:
      always: {command: [late, tcp, "80"], restart: always, ready: 80}
      well: {command: [ends, /run/well, "0"], restart: on-failure, ready: [test, -e, /run/go]}
      failing: {command: [ends, /run/failing, "3"], restart: on-failure, ready: {command: ["true"], within: 1s}}
      gentle: {command: [sh, -c, 'trap "sleep 0.3; echo gone >/run/gentle; exit" TERM; while :; do sleep 0.1; done'], restart: always}
YAML
)"
  # One that ends is waited for where it is started again, and else is a failure.
  run -1 script up
  [[ $output == *"the service red.well is not ready: it has ended"* ]]
  on host rm -f /run/failing
  sed -i '/ red well /d' "$LAB/setup.sh"
  run -1 script up
  [[ $output == *"the service red.failing is not ready after 1 s: it does not run; it wrote: nsgen: red.failing ended with status 3, and is started again in "* ]]
  [[ $(on host cat /run/failing) == once$'\n'once* ]]
  sed -i '/ red failing /d' "$LAB/setup.sh"
  script up
  process=$(process again/red.always.main)
  run -0 script status
  [[ $output == *"service red.always: process $process, since "*", ready"* ]]
  on host kill -KILL "$process"
  within eval '[[ $(script check) == "red: missing: service always does not run" ]]'
  within eval '[[ $(process again/red.always.main) == [0-9]* && $(process again/red.always.main) != "$process" ]]'
  within script check
  [[ $(script logs red.always) == "listening
nsgen: red.always ended with status 137, and is started again in 1 s
listening" ]]
  # Where it is being started again, `up` does so at once.
  on host kill "$(process again/red.always.main)"
  run -0 script up
  [[ $output == *"~ red: missing: service always does not run"* ]]
  run -0 script check
  script down
  [[ $(on host cat /run/gentle) == gone ]]
  expect_snapshot "$before"
}

@test "what is left of a service, because who starts it again was killed, ends with it" {
  local leader
  up "$(topology <<'YAML'
name: orphans
namespaces: {red: {services: {sleeps: {command: [sleep, "4321"], restart: always}}}}
YAML
)"
  read -r leader _ < <(process orphans/red.sleeps.pid)
  on host kill -KILL "$leader"
  within on host test ! -e "/proc/$leader"
  [[ $(on host pgrep -cf '^sleep 4321$') == 1 ]]
  run -1 script check
  [[ $output == "red: missing: service sleeps does not run" ]]
  script up
  [[ $(on host pgrep -cf '^sleep 4321$') == 1 ]]
  read -r leader _ < <(process orphans/red.sleeps.pid)
  on host kill -KILL "$leader"
  within on host test ! -e "/proc/$leader"
  script down
  run -1 on host pgrep -f '^sleep 4321$'
}

@test "logs prints what services wrote, of all, of a node or of one" {
  run -1 script logs
  [[ $output == *': it is not up' ]]
  up "$(topology <<'YAML'
name: written
namespaces:
  red: {services: {one: {command: [sh, -c, "echo 1; exec sleep 1000"]}, two: {command: [sh, -c, "echo 2; exec sleep 1000"]}}}
  red.one: {services: {one: {command: [sh, -c, "echo 3; sleep 1; echo 4; exec sleep 1000"]}}}
YAML
)"
  [[ $(script logs red.two) == 2 && $(script logs red.one.one) == 3* ]]
  [[ $(script logs) == *1*2*3* ]]
  [[ $(script logs red) == *1*2* ]]
  run -1 script logs blue
  [[ $output == 'nsgen: written: there is no service blue' ]]
  run -2 script logs red blue
  run -2 script logs -x
  run -124 on host timeout 1.5 bash "$LAB/setup.sh" logs -f red.one.one
  [[ $output == 3$'\n'4 ]]
  run -124 on host timeout 0.5 bash "$LAB/setup.sh" logs red.two -f
  down
  run -1 script status
  [[ $output == "written is not up" ]]
  prepare "$(topology <<<'{name: none, namespaces: {red: }}')"
  run -1 script logs
  [[ $output == *"there are no services" ]]
}

@test "status: since when, the ports, and what differs" {
  local since
  up examples/article.yaml
  since=$(on host date -r /run/nsgen/article/up '+%F %T')
  run -0 script status
  [[ $output == "article: up since $since: 2 namespaces, 1 network, 1 published port
published: 8080/tcp
service red.web: process "*"
no drift" ]]
  sleep 1.1
  on host ip -n red link set lo down
  on host ip -n blue route add 10.77.0.0/16 dev lo
  run -1 script status
  [[ $output == "article: up since $since: "*"drift, as check tells it:"*"lo"* ]]
  script up
  run -0 script status
  [[ $output == "article: up since $since: "*"besides: "* ]]
}

@test "the plain script waits, and starts again, too" {
  local file process
  file=$(topology <<'YAML'
name: again
namespaces:
  red:
    services:
      always: {command: [late, tcp, "80"], restart: always, ready: 80}
      next: {command: [tells, red], after: always, restart: on-failure, ready: [test, -e, /run/nsgen]}
YAML
)
  render "$file" --style plain >"$LAB/plain.sh"
  on host bash "$LAB/plain.sh"
  within eval '[[ $(process again/red.next.log) == *"127.0.0.1:80 "* ]]'
  on host pkill -f "bin/late tcp 80"
  sleep 0.1
  [[ -z $(on red ss -Hlnt) ]]
  await red 80
  render "$file" --style plain --teardown >"$LAB/plain.sh"
  on host bash "$LAB/plain.sh"
  render <(sed 's/ready: 80/ready: {port: 81, within: 1s}/' "$file") --style plain >"$LAB/plain.sh"
  run -1 on host bash "$LAB/plain.sh"
  [[ $output == *"red.always is not ready after 1 s" ]]
  on host bash -c 'kill -- "-$(cat /run/nsgen/again/red.always.pid)"; rm -r /run/nsgen; ip netns del red'
}

@test "a program, and a script, may have blanks and newlines in their names" {
  local odd=$'an\nodd) name'
  cp "$(type -P sleep)" "$LAB/$odd"
  prepare "$(topology <<'YAML'
name: odd
namespaces:
  red: {services: {odd: {command: ["LAB/an\nodd) name", "1000"]}}}
YAML
)"
  sed -i "s|LAB/an|$LAB/an|" "$LAB/setup.sh"
  cp "$LAB/setup.sh" "$LAB/a setup) of mine.sh"
  chmod +x "$LAB/a setup) of mine.sh"
  on host "$LAB/a setup) of mine.sh" up
  on host "$LAB/a setup) of mine.sh" check
  script check
  script down
}
