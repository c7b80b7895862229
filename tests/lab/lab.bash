# Helpers of the bats tests: a lab of network namespaces, a script to run in it, and questions to ask there.
#
#   setup_file() { lab_start; up examples/article.yaml; serve "red * 80 tcp"; }
#   teardown_file() { lab_stop; }
#   @test "the LAN reaches the published port" { expect_ok outside 172.16.1.4 8080 tcp red 172.16.1.5; }
#
# Nodes are `host` (172.16.1.4), where scripts run; `outside` (172.16.1.5), another machine of its LAN; `router`;
# `internet` (203.0.113.10, 8.8.8.8); and the namespaces that a script has made. See machine.sh for the addresses.

LAB_SOURCE=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
REPOSITORY=${LAB_SOURCE%/*/*}
: "${LAB_PYTHON:=$(python3 -c 'import sys; print(sys.executable)')}"
export LC_ALL=C LAB_SOURCE REPOSITORY LAB_PYTHON

# --- the lab ---

# The options of a machine of the matrix.
machine_options() { # NAME
  awk -v name="$1" '
    /^[^#]/ && $1 == name { $1 = ""; print; found = 1 }
    END { exit !found }' "$LAB_SOURCE/matrix" || fail "no machine called '$1' in tests/lab/matrix"
}

# Make a lab; from here on, $LAB is its folder. It ends with lab_stop, and at the latest with this run of bats.
lab_start() { # [OPTION=VALUE...]
  local options enter=()
  read -ra options <<<"$(machine_options "${MACHINE:-plain}") $*"
  LAB=$(mktemp -d "${BATS_RUN_TMPDIR:-/tmp}/lab.XXXXXX")
  # Process 1 is out of our sight once its namespaces are its own, hence the full path to its folder.
  NSGEN_NODES=$LAB/private/nodes
  # In two steps: a network namespace gives its /proc/net to the root that its user namespace has when it is made.
  ((EUID == 0)) || enter=(unshare --user --map-root-user --)
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin \
    "${enter[@]}" unshare --net --mount --pid --fork --kill-child -- \
    bash "$LAB_SOURCE/machine.sh" "$LAB" "${BATS_ROOT_PID:-$$}" "${options[@]}" \
    </dev/null >"$LAB/log" 2>&1 3>&- 4>&- &
  local keeper=$!
  disown
  until [[ -e $LAB/pid ]]; do
    if ! kill -0 "$keeper" 2>/dev/null; then
      [[ ! -e $LAB/cannot ]] || skip "$(<"$LAB/cannot")"
      cat "$LAB/log" >&2
      fail "the lab does not start"
    fi
    sleep 0.02
  done
  LAB_PID=$(<"$LAB/pid")
  export LAB NSGEN_NODES LAB_PID
  serve_the_world
}

# End the lab: the kernel ends all processes with process 1, and then there is nothing left to hold a namespace.
lab_stop() {
  [[ -n ${LAB_PID-} ]] || return 0
  kill -KILL "$LAB_PID" 2>/dev/null || true
  while [[ -d /proc/$LAB_PID ]]; do sleep 0.02; done
  rm -rf "$LAB"
  unset LAB LAB_PID NSGEN_NODES
}

# Run a command in a node, with the lab's /run, /etc and iptables.
on() { # NODE COMMAND...
  local enter=(nsenter --target "$LAB_PID" --mount --net --pid) node=()
  ((EUID == 0)) || enter+=(--user --preserve-credentials)
  case $1 in
    host) ;;
    outside | router | internet | lan) node=(nsenter --net="$NSGEN_NODES/$1" --) ;;
    *) node=(nsenter --net="/run/netns/$1" --) ;;
  esac
  PATH=$LAB/bin:/usr/local/sbin:/usr/sbin:/sbin:$PATH "${enter[@]}" -- "${node[@]}" "${@:2}" 3>&- 4>&-
}

# A program of the lab, or one with which nsgen asks in its own rehearsals.
lab_tool() { # NAME ARGUMENT...
  local program=("$LAB_SOURCE/$1.py")
  [[ -e ${program[0]} ]] || program=(-m "nsgen.proof.lab.$1")
  PYTHONPATH=$REPOSITORY/gen${PYTHONPATH:+:$PYTHONPATH} on host "$LAB_PYTHON" -B "${program[@]}" "${@:2}"
}

# --- who answers ---

# Answer `NAME PEER`; a line for each listener, as responder.py takes them.
serve() { # "NODE ADDRESS PORT PROTOCOL [NAME]"...
  local pid
  pid=$(printf '%s\n' "$@" | lab_tool responder --log "$LAB/requests") || fail "cannot serve"
  printf '%s\n' "$pid" >>"$LAB/responders"
}

serve_the_world() {
  : >"$LAB/responders"
  serve "outside * 7000 tcp" "outside * 8080 tcp" "outside * 7000 udp" \
    "internet * 80 tcp" "internet * 8080 tcp" "internet * 80 udp" "internet * 8080 udp" \
    "internet * 53 udp" "internet * 5353 udp"
  mv "$LAB/responders" "$LAB/world"
}

# Stop what `serve` started: a listener keeps a deleted namespace alive.
serve_stop() {
  [[ -s $LAB/responders ]] || return 0
  local pids
  mapfile -t pids <"$LAB/responders"
  on host kill "${pids[@]}" 2>/dev/null || true
  rm "$LAB/responders"
}

# What was asked since the last call of requests_forget, as `NAME PROTOCOL PEER`, each once.
requests() {
  sort -u "$LAB/requests" 2>/dev/null
}

requests_forget() {
  on host rm -f "$LAB/requests.old"
  : >"$LAB/requests"
}

# --- questions ---

# What comes of one question: ok NAME PEER, refused, timeout, unreachable.
probe() { # FROM TO PORT PROTOCOL [OPTION...]
  printf '%s\n' "$1 $2 $3 $4" | lab_tool probe "${@:5}"
}

# A table of questions, asked all at once, each with what has to come of it; see probe.py. A comment starts with #.
#   expect <<'TABLE'
#   red  192.168.15.3  80  tcp   ok blue 192.168.15.2
#   TABLE
expect() {
  lab_tool probe --expect || fail "not as expected (see above)"
}

expect_ok() { # FROM TO PORT PROTOCOL NAME PEER
  expect <<<"$1 $2 $3 $4 ok ${*:5}"
}

expect_refused() { # FROM TO PORT PROTOCOL
  expect <<<"$1 $2 $3 $4 refused"
}

expect_timeout() { # FROM TO PORT PROTOCOL
  expect <<<"$1 $2 $3 $4 timeout"
}

expect_unreachable() { # FROM TO PORT PROTOCOL
  expect <<<"$1 $2 $3 $4 unreachable"
}

expect_ping() { # FROM TO
  expect <<<"$1 $2 - ping ok"
}

# A frame to a neighbour that no honest kernel would send; prints syn-ack, reset, answer or nothing.
inject() { # NODE DEVICE SOURCE TO PORT PROTOCOL, to whoever has the gateway's address on that device
  local gateway mac
  gateway=$(gateway_of "$1" "$2")
  # Whoever answers has to know us already: an ARP request with a loopback address is not answered.
  probe "$1" "$gateway" - ping >/dev/null
  mac=$(on "$1" ip -j neigh show "$gateway" dev "$2" | grep -o '"lladdr":"[^"]*"' | cut -d'"' -f4)
  [[ -n $mac ]] || fail "$1 does not know the MAC address of $gateway"
  lab_tool inject "$1" "$2" "$3" "$mac" "$4" "$5" "$6"
}

# The packets that pass a device while a command runs, one a line; see watch.py.
packets() { # NODE DEVICE COMMAND...
  local file
  file=$(mktemp "$LAB/packets.XXXXXX")
  lab_tool watch "$1" "$2" >"$file" 2>/dev/null </dev/null &
  disown
  until [[ -s $file ]]; do sleep 0.02; done
  "${@:3}" >/dev/null || true
  on host kill "$(head -n 1 "$file")"
  tail -n +2 "$file" | sort -u
}

# Who is attacked: the host, by its address on that device's network.
gateway_of() { # NODE DEVICE
  if [[ $1 == outside || $1 == router ]]; then
    echo 172.16.1.4
  else
    on "$1" ip -4 route get 203.0.113.10 2>/dev/null | grep -o 'via [0-9.]*' | cut -d' ' -f2
  fi
}

# --- the script ---

render() { # TOPOLOGY [ARGUMENT...]
  local nsgen
  if [[ -n ${NSGEN-} ]]; then
    read -ra nsgen <<<"$NSGEN"
  elif [[ -x $REPOSITORY/.venv/bin/nsgen ]]; then
    nsgen=("$REPOSITORY/.venv/bin/nsgen")
  else
    nsgen=(env "PYTHONPATH=$REPOSITORY/gen" python3 -m nsgen)
  fi
  (cd "$REPOSITORY" && "${nsgen[@]}" render "$@")
}

# Render a topology for this lab, to be run by `script`.
prepare() { # TOPOLOGY [ARGUMENT...]
  render "$@" >"$LAB/setup.sh" || fail "nsgen render $* fails"
}

# A variant of a topology: FILE with some words replaced by others, in a file whose name is printed.
variant() { # FILE SED_EXPRESSION...
  local expressions=() expression
  for expression in "${@:2}"; do
    expressions+=(-e "$expression")
    sed -n "${expression}p" "$REPOSITORY/$1" | grep -q . || fail "nothing to replace: $expression"
  done
  sed "${expressions[@]}" "$REPOSITORY/$1" | topology
}

# Run the script that was prepared last.
script() { # up|down|check
  on host bash "$LAB/setup.sh" "$@"
}

# Render a topology and bring it up.
up() { # TOPOLOGY [ARGUMENT...]
  prepare "$@"
  script up || fail "setup.sh up fails"
  local node
  for node in lan router outside internet; do
    on host test ! -e "/run/netns/$node" || fail "the lab has a node '$node' already: call the namespace otherwise"
  done
  settle
}

# Take it down again; what listened in its namespaces goes first.
down() {
  serve_stop
  script down || fail "setup.sh down fails"
}

# Wait until a service listens: `up` has started it, and is not held up by it.
await() { # NODE PORT [tcp|udp]
  local _ option=t
  [[ ${3-} != udp ]] || option=u
  for _ in {1..100}; do
    [[ -z $(on "$1" ss -Hln"$option" "sport = :$2") ]] || return 0
    sleep 0.05
  done
  fail "nobody listens in $1 on port $2"
}

# End the services that a script has started in a namespace, and answer in their place.
take_over() { # NODE PORT [PORT...]
  local pids port
  while true; do
    mapfile -t pids < <(on host ip netns pids "$1")
    ((${#pids[@]})) || break
    on host kill "${pids[@]}" 2>/dev/null || true
    sleep 0.02
  done
  for port in "${@:2}"; do
    serve "$1 * $port tcp"
  done
}

# Delete the rules that match a pattern, to see what becomes of everything without them.
without_rule() { # iptables|ip6tables TABLE EXTENDED_REGEXP
  local rule words found=
  while read -r rule; do
    read -ra words <<<"$rule"
    on host "$1" -w -t "$2" -D "${words[@]:1}"
    found=yes
  done < <(on host "$1-save" -t "$2" | grep -E -- "^-A .*$3")
  [[ $found ]] || fail "no rule in $2 matches: $3"
}

# A topology in the test itself: standard input, in a file whose name is printed.
topology() {
  local file
  file=$(mktemp "${BATS_TEST_TMPDIR:-$LAB}/topology.XXXXXX.yaml")
  cat >"$file"
  printf '%s\n' "$file"
}

# Wait until no IPv6 address is tentative any more, and every device with a carrier is in use: the kernel gets to that a
# moment later.
settle() {
  on host bash -s <<'SETTLE' || fail "an IPv6 address is tentative, or a device not in use, for 10 s"
    idle=$'LOWER_UP[^\n]*( state DOWN | state LOWERLAYERDOWN |bridge_slave state disabled)'
    for _ in {1..100}; do
      in=()
      for node in '' /run/netns/*; do
        [[ ! $node ]] || in=(-n "${node##*/}")
        [[ $node != *'*' ]] || continue
        [[ -z $(ip "${in[@]}" -6 -o address show tentative) && ! $(ip "${in[@]}" -d -o link show up) =~ $idle ]] ||
          { sleep 0.1; continue 2; }
      done
      exit 0
    done
    exit 1
SETTLE
}

# --- the state ---

# The state of the machine, in a file whose name is printed; see snapshot.py.
snapshot() { # [--stateless]
  local file
  settle
  file=$(mktemp "$LAB/snapshot.XXXXXX")
  lab_tool snapshot "$@" >"$file"
  printf '%s\n' "$file"
}

# The machine is as it was: what the kernel removes a moment later has 6 s to go.
expect_snapshot() { # FILE [--stateless]
  local now _
  for _ in {1..20}; do
    now=$(snapshot "${@:2}")
    cmp -s "$1" "$now" && return 0
    sleep 0.3
    rm "$now"
  done
  now=$(snapshot "${@:2}")
  diff -U0 --label before --label now "$1" "$now" | grep -v '^@@'
  fail "the state of the machine is not what it was"
}

expect_repaired() { # TOPOLOGY <COMMANDS: after each, check says what is wrong, and up puts it right
  local before complete broken
  before=$(snapshot)
  prepare "$1"
  script up
  complete=$(snapshot --stateless)
  while read -r broken; do
    on host bash -c "$broken"
    run -1 script check
    [[ -n $output ]] || fail "check does not say what is wrong after: $broken"
    script up || fail "up fails after: $broken"
    run -0 script check
    expect_snapshot "$complete" --stateless
  done
  script down
  expect_snapshot "$before"
}

# --- the rest ---

fail() { # MESSAGE
  printf '%s\n' "$*" >&2
  return 1
}

# Skip where the kernel has no SCTP sockets.
need_sctp() {
  "$LAB_PYTHON" -c 'import socket; socket.socket(2, 1, 132)' 2>/dev/null || skip "the kernel has no sctp"
}
