# Helpers of the lifecycle tests: the state of the machine, a script that fails or is killed at a command of one's
# choice, and connections that have to survive.

# --- the machine ---

# An administrator's settings that the kernel overwrites when forwarding is switched on or off.
harden() {
  on host sysctl -qw net.ipv4.conf.eth0.forwarding=1 net.ipv4.conf.default.forwarding=1 \
    net.ipv6.conf.eth0.forwarding=1 net.ipv6.conf.default.forwarding=1
  # The last one of the four: all that the lines above have changed along with it is part of the state before.
  on host sysctl -qw net.ipv4.conf.all.accept_redirects=0
}

# The state of the machine, with all that a script remembers but process numbers; in a file whose name is printed.
state() {
  local file
  file=$(snapshot)
  sed -i '/^host file [^ ]*\.pid: /d' "$file"
  printf '%s\n' "$file"
}

# The machine is as it was: what the kernel removes a moment later has 3 s to go.
expect_state() { # FILE
  local now _
  for _ in {1..10}; do
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

# --- failing and killing ---

# Put something in front of every program on PATH that counts its calls, and at one of them fails or kills the script.
wrap_programs() {
  local folder folders program
  mkdir -p "$LAB/wrapped"
  IFS=: read -ra folders <<<"$(inner_path)"
  cat >"$LAB/wrapper" <<'WRAPPER'
#!/bin/bash
PATH=$INNER_PATH
call="${0##*/} $*"
call=${call//$'\n'/ }
call=${call:0:60} # some have process numbers further on
exec 9>>"$CALLS"
flock 9
nth=1
while IFS= read -r before; do
  [[ $before != "$call" ]] || ((++nth))
done <"$CALLS"
printf '%s\n' "$call" >&9
exec 9>&-
if [[ "$nth $call" == "$AT" ]]; then
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
  for folder in "${folders[@]}"; do
    for program in "$folder"/*; do
      [[ ! -x $program || -e $LAB/wrapped/${program##*/} ]] || ln -s ../wrapper "$LAB/wrapped/${program##*/}"
    done
  done
}

inner_path() {
  printf '%s\n' "$LAB/bin:/usr/local/sbin:/usr/sbin:/sbin:$PATH"
}

# Run a script, and at one of its calls let that fail, or send a signal to the script. Without AT nothing happens, and
# the calls are in $LAB/calls.
run_at() { # fail|SIGNAL|SIGNAL-alone AT FILE up|down
  : >"$LAB/calls"
  on host env "INNER_PATH=$(inner_path)" "CALLS=$LAB/calls" "DO=$1" "AT=$2" "PATH=$LAB/wrapped:$(inner_path)" \
    "$(type -P setsid)" --wait "$(type -P bash)" "${@:3}"
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
