# Helpers of the lifecycle tests: the state of the machine, a script that fails or is killed at a command of one's
# choice, and connections that have to survive.

# --- the machine ---

# An administrator's settings that the kernel overwrites when forwarding is switched on or off; accept_redirects is
# another one, an option of the lab.
harden() {
  on host sysctl -qw net.ipv4.conf.eth0.forwarding=1 net.ipv4.conf.default.forwarding=1 \
    net.ipv6.conf.eth0.forwarding=1 net.ipv6.conf.default.forwarding=1
}

# The state of the machine, with all that a script remembers but process numbers, and addresses of cables, which the kernel
# has dealt; in a file whose name is printed.
state() {
  local file
  file=$(snapshot)
  sed -i -e '/^host file [^ ]*\.\(pid\|main\): /d' -e '/^host file [^ ]*\/seen: .* link [^ ]* address /d' "$file"
  printf '%s\n' "$file"
}

# The machine is as it was: what the kernel removes a moment later has 6 s to go.
expect_state() { # FILE
  local now _
  for _ in {1..20}; do
    now=$(state)
    cmp -s "$1" "$now" && { rm "$now"; return 0; }
    rm "$now"
    sleep 0.3
  done
  now=$(state)
  diff -U0 --label before --label now "$1" "$now" | grep -v '^@@' | head -n 20 >&2
  fail "the state of the machine is not what it was"
}

# --- scripts ---

# Render a topology to a script of its own, whose name is printed.
render_to() { # NAME TOPOLOGY [ARGUMENT...]
  render "${@:2}" >"$LAB/$1.sh" || fail "nsgen render ${*:2} fails"
  printf '%s\n' "$LAB/$1.sh"
}

run_script() { # FILE [up|down|check|install|uninstall]
  on host bash "$@"
}

# The script begins nothing, and says all of this, in one message. (That it touches nothing is for the test to see.)
expect_refusal() { # PART_OF_A_LINE...
  local part said
  run -1 script up
  mapfile -t said <<<"$output"
  [[ $(grep -c 'nothing was changed, because' <<<"$output") -eq 1 ]] || fail "not one message: $output"
  for part; do
    [[ $output == *"$part"* ]] || fail "it does not say: $part
$output"
  done
  [[ ${#said[@]} -eq $(($# + 1)) ]] || fail "it says more than $#: $output"
}

# --- what somebody breaks ---

# Each line: what is done by hand, and what `check` says of it; then `up` puts it back. The state is compared with that of
# a fresh build at the end, or after each.
expect_repair() { # [each]
  local complete broken said output
  script up
  complete=$(state)
  while IFS='|' read -r broken said; do
    on host bash -c "$broken"
    output=$(script check) && fail "after \`$broken\`, check sees nothing"
    [[ $output == *"$said"* ]] || fail "after \`$broken\`, check does not say: $said
$output"
    script up || fail "up fails after: $broken"
    script check || fail "not repaired: $broken"
    [[ ! ${1-} ]] || expect_state "$complete" || fail "not as a fresh build: $broken"
  done
  expect_state "$complete"
}

repair_devices() { # [each]
  prepare examples/article.yaml
  expect_repair "$@" <<'BREAKAGE'
ip -n red address del 192.168.15.2/24 dev veth-red|red: missing: inet 192.168.15.2/24
ip -n blue route del default|blue: missing: route default via 192.168.15.1 dev veth-blue
ip -n blue route flush table main|blue: missing: route default via 192.168.15.1 dev veth-blue
ip address del 192.168.15.1/24 dev bridge0|host: missing: inet 192.168.15.1/24
ip -n red link set veth-red down|red: missing: link veth-red up
ip link set veth-blue-br down|host: missing: link veth-blue-br up
ip link set bridge0 down|host: missing: link bridge0 up
ip netns del blue|blue: missing: the namespace
ip netns del red|red: missing: the namespace
ip link del veth-red-br|host: missing: device veth-red-br
ip link del bridge0|host: missing: device bridge0
ip link set veth-red-br type bridge_slave hairpin off|host: missing: link veth-red-br type bridge_slave hairpin on
ip link set veth-red-br nomaster|host: missing: link veth-red-br master bridge0
BREAKAGE
}

repair_parts() { # [each]
  prepare "$(topology <<'YAML'
name: parts
networks: {bridge0: {subnet: [10.1.0.0/24, "fd00:1:2::/64"], internet: true}}
namespaces:
  red:
    networks: [bridge0]
    publish: ["8080:80"]
    sysctls: {net.ipv4.tcp_fin_timeout: 7}
    hosts: true
    services: {web: {command: [sleep, "1000"]}}
    exec: [{up: [ip, link, set, lo, up]}]
host:
  sysctls: {net.ipv4.ip_default_ttl: 63}
YAML
  )"
  expect_repair "$@" <<'BREAKAGE'
sysctl -qw net.ipv4.ip_forward=0|host: changed: net.ipv4.ip_forward is 0, not 1
sysctl -qw net.ipv6.conf.all.forwarding=0|host: changed: net.ipv6.conf.all.forwarding is 0, not 1
sysctl -qw net.ipv4.conf.bridge0.route_localnet=0|host: changed: net.ipv4.conf.bridge0.route_localnet is 0, not 1
sysctl -qw net.bridge.bridge-nf-call-iptables=0|host: changed: net.bridge.bridge-nf-call-iptables is 0, not 1
sysctl -qw net.ipv4.ip_default_ttl=64|host: changed: net.ipv4.ip_default_ttl is 64, not 63
ip netns exec red sysctl -qw net.ipv4.tcp_fin_timeout=60|red: changed: net.ipv4.tcp_fin_timeout is 60, not 7
read -r pid _ </run/nsgen/parts/red.web.pid; kill $pid; sleep 0.2|red: missing: service web does not run
rm /etc/netns/red/hosts|host: changed: /etc/netns/red/hosts is not as it was written
sed -i s/10.1/10.2/ /etc/netns/red/hosts|host: changed: /etc/netns/red/hosts is not as it was written
rm /run/nsgen/parts/once.red.1|red: missing: not run: 'ip' 'link' 'set' 'lo' 'up'
ip -n red -6 address flush dev veth-red scope global|red: missing: inet6 fd00:1:2::2/64
ip -n red -6 route del default|red: missing: route default via fd00:1:2::1 dev veth-red
BREAKAGE
}

repair_rules() { # [each]
  local tool table rule
  prepare examples/dual-stack.yaml
  script up
  state >"$LAB/complete"
  # The first rule of each chain of ours, and then every jump to one: each is named, and nothing else.
  while read -r tool table rule; do
    on host bash -c "$tool -w -t $table -D $rule"
    printf 'host: missing: %s -t %s -A %s\n' "$tool" "$table" "$rule"
  done < <(saved_rules 1) >"$LAB/expected"
  expect_drift_and_repair
  while read -r tool table rule; do
    on host bash -c "$tool -w -t $table -D $rule"
    printf 'host: missing: %s -t %s -A %s\n' "$tool" "$table" "$rule"
  done < <(saved_rules 0) >"$LAB/expected"
  expect_drift_and_repair
  expect_repair "$@" <<'BREAKAGE'
ip6tables -w -t nat -F NSGEN-dual-stack-POST|host: missing: ip6tables -t nat -A NSGEN-dual-stack-POST -s
iptables -w -t nat -I NSGEN-dual-stack-POST 2 -j ACCEPT|host: added: iptables -t nat -A NSGEN-dual-stack-POST -j ACCEPT
iptables -w -D FORWARD -m comment --comment nsgen:dual-stack -j NSGEN-dual-stack-INTO|host: missing: iptables -t filter -A FORWARD -m comment --comment "nsgen:dual-stack" -j NSGEN-dual-stack-INTO
rules=$(iptables -S NSGEN-dual-stack-INTO); rule=${rules##*$'\n'}; iptables -w ${rule/-A/-D}; iptables -w ${rule/-A/-I}|host: added: iptables -t filter -A NSGEN-dual-stack-INTO
BREAKAGE
}

# The first rule of each chain of ours, or those that lead to one.
saved_rules() { # 1|0
  local tool
  for tool in iptables ip6tables; do
    on host "$tool-save" | awk -v tool="$tool" -v ours="$1" '
      /^\*/ { table = substr($0, 2) }
      ours ? /^-A NSGEN-/ && !seen[$2]++ : /^-A [A-Z]+ .* -j NSGEN-/ { sub(/^-A /, ""); print tool, table, $0 }'
  done
}

expect_drift_and_repair() {
  [[ $(wc -l <"$LAB/expected") -ge 10 ]]
  script check >"$LAB/drift" && fail "check sees nothing"
  diff <(sort "$LAB/expected") <(sort "$LAB/drift")
  script up
  script check
  expect_state "$(<"$LAB/complete")"
}

# --- failing and killing ---

# Put something in front of every program on PATH that counts its calls, and at one of them fails or kills the script.
wrap_programs() {
  link_programs "$LAB/wrapped" "$LAB/wrapper"
  cat >"$LAB/wrapper" <<'WRAPPER'
#!/bin/bash
PATH=$INNER_PATH
call="${0##*/} $*"
call=${call//$'\n'/ }
# Process numbers are not the same each time, and further on are more of them.
shopt -s extglob
call=${call//'/proc/'+([0-9])/'/proc/PID'}
call=${call:0:60}
exec 9>>"$CALLS"
flock 9
nth=1
while IFS= read -r before; do
  [[ $before != "$call" ]] || ((++nth))
done <"$CALLS"
printf '%s\n' "$call" >&9
exec 9>&-
if [[ "$nth $call" == "$AT" ]]; then
  : >"$CALLS.reached"
  read -r stat </proc/self/stat
  read -r _ _ _ session _ <<<"${stat##*) }"
  case $DO in
    fail) exit 1 ;;
    # The script alone, as `kill` does it; then this command still runs.
    *-alone) kill "-${DO%-alone}" "$session" ;;
    # All of them, as Ctrl-C and systemd do it.
    *) kill "-$DO" -- "-$session" && sleep 0.3 ;;
  esac
fi
exec "${0##*/}" "$@"
WRAPPER
  chmod 755 "$LAB/wrapper"
}

# Make a folder to be the whole PATH: every program that is on it now, or what is to be run in its place.
link_programs() { # FOLDER [INSTEAD]
  "$LAB_PYTHON" - "$(inner_path)" "$@" <<'PYTHON'
import pathlib, sys
path, folder, *instead = sys.argv[1:]
programs = {file.name: file for part in reversed(path.split(":")) if part for file in pathlib.Path(part).glob("*")}
pathlib.Path(folder).mkdir()
for name, file in programs.items():
    pathlib.Path(folder, name).symlink_to(instead[0] if instead else file)
PYTHON
}

inner_path() {
  printf '%s\n' "$LAB/bin:/usr/local/sbin:/usr/sbin:/sbin:$PATH"
}

# Run a script, and at one of its calls let that fail, or send a signal to the script. Without AT nothing happens, and
# the calls are in $LAB/calls.
run_at() { # fail|SIGNAL|SIGNAL-alone AT FILE up|down
  local status=0
  : >"$LAB/calls"
  rm -f "$LAB/calls.reached"
  on host env "INNER_PATH=$(inner_path)" "CALLS=$LAB/calls" "DO=$1" "AT=$2" "PATH=$LAB/wrapped:$(inner_path)" \
    "$(type -P setsid)" --wait "$(type -P bash)" "${@:3}" || status=$?
  # A disturbance that never happened shows nothing. (How often a script waits for the end of a process, it cannot say.)
  [[ ! $2 || $2 == *' sleep '* || -e $LAB/calls.reached ]] || printf '%s\n' "$2" >>"$LAB/unreached"
  return "$status"
}

# Every disturbance since the machine was made has happened.
expect_reached() {
  [[ ! -e $LAB/unreached ]] || fail "never reached, and so not disturbed: $(<"$LAB/unreached")"
}

# The calls of the last run, each once, as run_at takes them: `2 ip -batch -` is the second one of these.
calls() {
  awk '{ print ++seen[$0] " " $0 }' "$LAB/calls"
}

# --- connections ---

# Start a connection that talks all the time: FROM ADDRESS PORT, and who listens there.
talk() { # FROM ADDRESS PORT SERVER SERVER_PORT
  local file
  file=$(mktemp "$LAB/talk.XXXXXX")
  lab_tool talk "$@" "$file" >>"$LAB/talkers" || fail "no connection: $*"
}

# All of them still talk.
expect_talk() {
  local file said _
  for file in "$LAB"/talk.??????; do
    [[ -e $file ]] || continue
    said=$(<"$file")
    for _ in {1..200}; do
      [[ $(<"$file") == "$said" ]] || break
      sleep 0.1
    done
    [[ $(<"$file") != "$said" && $(<"$file") != broken* ]] || fail "a connection did not survive: $(<"$file")"
  done
}

talk_stop() {
  local pids
  [[ -s $LAB/talkers ]] || return 0
  mapfile -t pids <"$LAB/talkers"
  on host kill "${pids[@]}" 2>/dev/null || true
  rm -f "$LAB"/talk.?????? "$LAB/talkers"
}

# --- campaigns ---

# What went wrong, once more: a campaign goes on to its end, and names every place that is wrong.
complain() {
  printf 'FAILED: %s\n' "$*" >&2
  ((++failures))
}

# The calls of the last run that are to be tried: every one, or every STEP-th, in the array `every`.
sample() { # [STEP [OFFSET]]
  local all at
  mapfile -t all < <(calls)
  every=()
  for ((at = ${2:-0}; at < ${#all[@]}; at += ${1:-1})); do
    every+=("${all[at]}")
  done
  printf '# %d of %d commands\n' "${#every[@]}" "${#all[@]}" >&3
}

# The machine was clean: it is as before, byte for byte. Or the script did without what failed: then it is built.
fail_at_commands() { # TOPOLOGY [STEP [OFFSET]]
  local script before complete at every status output failures=0
  script=$(render_to setup "$1")
  before=$(state)
  run_at fail '' "$script" up
  sample "${@:2}"
  complete=$(state)
  run_script "$script" down
  expect_state "$before"
  for at in "${every[@]}"; do
    status=0
    output=$(run_at fail "$at" "$script" up 2>&1) || status=$?
    if ((status == 0)); then
      expect_state "$complete" || complain "built, but not whole: $at"
      run_script "$script" down || complain "down fails: $at"
    elif [[ $output != *"nsgen: "* ]]; then
      complain "it does not say what failed: $at: $output"
    fi
    expect_state "$before" || { complain "not as before: $at: $output"; run_script "$script" down || true; }
  done
  expect_reached
  ((failures == 0))
}

# What fails in `down` is told, and the next `down` removes it.
fail_at_commands_of_down() { # TOPOLOGY [STEP [OFFSET]]
  local script before at every status output failures=0
  script=$(render_to setup "$1")
  before=$(state)
  run_script "$script" up
  run_at fail '' "$script" down
  sample "${@:2}"
  expect_state "$before"
  for at in "${every[@]}"; do
    run_script "$script" up
    status=0
    output=$(run_at fail "$at" "$script" down 2>&1) || status=$?
    ((status)) || expect_state "$before" || complain "exit status 0, and something is left: $at"
    ((status == 0)) || [[ $output == *"nsgen: "* ]] || complain "it does not say what failed: $at: $output"
    run_script "$script" down || complain "the next down fails: $at"
    expect_state "$before" || complain "the next down leaves something: $at"
  done
  expect_reached
  ((failures == 0))
}

# Somebody has removed an address. A `check` that fails at what it looks with does not say that all is well; an `up` that
# fails says so, and the next one puts it right.
fail_over_what_differs() { # check|up TOPOLOGY NODE ADDRESS DEVICE
  local script before complete at every status output failures=0
  script=$(render_to setup "$2")
  before=$(state)
  run_script "$script" up
  complete=$(state)
  on "$3" ip address del "$4" dev "$5"
  run_at fail '' "$script" "$1" || [[ $1 == check ]]
  sample
  for at in "${every[@]}"; do
    on "$3" ip address del "$4" dev "$5" 2>/dev/null || [[ $1 == check ]]
    status=0
    output=$(run_at fail "$at" "$script" "$1" 2>&1) || status=$?
    [[ $output == *"nsgen: "* || $output == *"$3: missing: inet $4"* ]] || complain "it says nothing: $at: $output"
    if [[ $1 == check ]]; then
      ((status)) || complain "check sees nothing: $at"
      continue
    fi
    ((status == 0)) || run_script "$script" up || complain "the next up fails: $at"
    expect_state "$complete" || complain "not put right: $at: $output"
  done
  run_script "$script" down
  expect_state "$before"
  expect_reached
  ((failures == 0))
}

# A run that has nothing to do changes nothing, whatever fails in it.
fail_where_nothing_differs() { # TOPOLOGY
  local script before complete at every output failures=0
  script=$(render_to setup "$1")
  before=$(state)
  run_script "$script" up
  complete=$(state)
  run_at fail '' "$script" up
  sample
  for at in "${every[@]}"; do
    output=$(run_at fail "$at" "$script" up 2>&1) || true
    [[ $output == *"nsgen: "* ]] || complain "it says nothing: $at: $output"
    expect_state "$complete" || complain "it changes something: $at: $output"
  done
  run_script "$script" down
  expect_state "$before"
  expect_reached
  ((failures == 0))
}

# What is not installed wholly says so; and `uninstall` leaves nothing, at the latest when it is repeated.
fail_at_installing() { # TOPOLOGY
  local script before command at every status output failures=0
  script=$(render_to setup "$1")
  before=$(state)
  for command in install uninstall; do
    [[ $command == install ]] || run_script "$script" install
    run_at fail '' "$script" "$command"
    sample
    run_script "$script" uninstall
    expect_state "$before"
    for at in "${every[@]}"; do
      [[ $command == install ]] || run_script "$script" install
      status=0
      output=$(run_at fail "$at" "$script" "$command" 2>&1) || status=$?
      ((status)) || [[ $command == install ]] || expect_state "$before" || complain "exit status 0, and something is left: $at"
      ((status == 0)) || [[ $output ]] || complain "it does not say what failed: $at"
      run_script "$script" uninstall || complain "the next uninstall fails: $at"
      expect_state "$before" || complain "the next uninstall leaves something: $at"
    done
  done
  expect_reached
  ((failures == 0))
}

# It was up: a run that fails goes back to what was up before, and tears nothing down of what both have. After every
# fifth, the next one finishes.
fail_over_a_running_topology() { # [STEP [OFFSET]]
  local old new before fresh complete at every number=0 status output failures=0
  old=$(render_to old tests/campaign/lifecycle/old.yaml)
  new=$(render_to new tests/campaign/lifecycle/new.yaml)
  before=$(state)
  run_script "$new" up
  fresh=$(state)
  run_script "$new" down
  run_script "$old" up
  complete=$(state)
  run_at fail '' "$new" up
  sample "$@"
  expect_state "$fresh"
  run_script "$old" up
  expect_state "$complete"
  talk outside 172.16.1.4 9000 red 7000
  talk blue 10.77.0.2 7001 red 7001
  for at in "${every[@]}"; do
    status=0
    output=$(run_at fail "$at" "$new" up 2>&1) || status=$?
    expect_talk || complain "torn down: $at: $output"
    if ((status)); then
      [[ $output == *"nsgen: "* ]] || complain "it does not say what failed: $at"
      expect_state "$complete" || complain "not as it was: $at: $output"
      ((number++ % 5 == 0)) || continue
      run_script "$new" up || complain "the next up fails: $at"
    fi
    expect_state "$fresh" || complain "not as a fresh build: $at"
    run_script "$old" up || complain "up of the old one fails: $at"
    expect_state "$complete" || complain "up of the old one does not go back: $at"
  done
  talk_stop
  run_script "$old" down
  expect_state "$before"
  expect_reached
  ((failures == 0))
}

# Killed in `up` or `down`, it converges in both directions. What it can catch, it undoes by itself.
kill_at_commands() { # up|down SIGNAL TOPOLOGY [STEP [OFFSET]]
  local script before complete number=0 signal at every status output failures=0
  script=$(render_to setup "$3")
  before=$(state)
  run_script "$script" up
  complete=$(state)
  [[ $1 == down ]] || run_script "$script" down
  run_at fail '' "$script" "$1"
  sample "${@:4}"
  [[ $1 == down ]] || run_script "$script" down
  expect_state "$before"
  for at in "${every[@]}"; do
    signal=$2
    ((++number % 2)) || signal+=-alone
    [[ $1 == up ]] || run_script "$script" up
    status=0
    output=$(run_at "$signal" "$at" "$script" "$1" 2>&1) || status=$?
    # It may have been the last command, of a run that does not mind. And bash drops a SIGINT while it waits for a command
    # that ends well: then it is told that the service, which was hit as well, has ended.
    ((status > 128 || status == 0)) || [[ $signal == INT && $at == *' setsid '* && $output == *' ended at once'* ]] || complain "not killed but exit status $status: $signal at $at: $output"
    if [[ $1 == up && $2 != KILL && $status -ne 0 ]]; then
      expect_state "$before" || complain "not undone: $signal at $at: $output"
    fi
    if ((number % 3)); then
      output=$(run_script "$script" up 2>&1) || complain "the next up fails: $signal at $at: $output"
      expect_state "$complete" || complain "up does not converge: $signal at $at: $output"
    fi
    output=$(run_script "$script" down 2>&1) || complain "the next down fails: $signal at $at: $output"
    expect_state "$before" || complain "down leaves something: $signal at $at: $output"
  done
  expect_reached
  ((failures == 0))
}

# The script of one topology over another that runs, there and back: each time the result is as a fresh build, and the
# connections go on.
expect_change() { # OLD NEW [CONNECTION...]
  local old new before first second connection words failures=0
  old=$(render_to old "$1")
  new=$(render_to new "$2")
  before=$(state)
  run_script "$new" up
  second=$(state)
  run_script "$new" down
  run_script "$old" up
  first=$(state)
  for connection in "${@:3}"; do
    read -ra words <<<"$connection"
    talk "${words[@]}"
  done
  run_script "$new" up || complain "up of the new one fails"
  expect_state "$second" || complain "it is not as a fresh build of the new one"
  run_script "$new" check || complain "check of the new one fails"
  expect_talk || complain "on the way to the new one"
  run_script "$old" up || complain "up of the old one fails"
  expect_state "$first" || complain "it is not as a fresh build of the old one"
  expect_talk || complain "on the way back"
  talk_stop
  run_script "$old" down || complain "down fails"
  expect_state "$before" || complain "down leaves something"
  expect_reached
  ((failures == 0))
}

# --- on trial ---

# Whoever goes back has gone back, of which nobody is told.
gone_back() {
  local _
  for _ in {1..300}; do
    [[ $(on host bash -c 'compgen -G "/run/nsgen/*.try"; compgen -G "/run/nsgen/*.back"') ]] || return 0
    sleep 0.1
  done
  fail 'it does not go back'
}

# Killed at a command of `try`, be it of its `up`, or of the watcher that goes back: the machine is as it was before. (What a
# killed run leaves in /run/nsgen/tmp, the next one takes away.)
kill_on_trial() { # SCRIPT [STEP [OFFSET]]
  local before at every status said signal=KILL failures=0
  before=$(state)
  run_at KILL '' "$1" try 1 >/dev/null 2>&1 && fail "nobody has confirmed it"
  expect_state "$before"
  sample "${@:2}"
  for at in "${every[@]}"; do
    status=0
    run_at "$signal" "$at" "$1" try 1 >"$LAB/trial" 2>&1 || status=$?
    if [[ $signal == KILL ]]; then signal=KILL-alone; else signal=KILL; fi
    ((status)) || complain "confirmed: $at"
    said=$(run_script "$1" check 2>&1) || true
    gone_back || true
    # Seen once, on a busy machine: the next run did not take it away, and the one after that did.
    ! on host test -e /run/nsgen/tmp || said+=$(run_script "$1" check 2>&1) || true
    expect_state "$before" || complain "not as before: $at: $(<"$LAB/trial"); check: $said; $(on host ps -eo pid,ppid,stat,args --forest)"
  done
  expect_reached
  ((failures == 0))
}
