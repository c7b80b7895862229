# Compose files, as Docker does them and as the scripts do that come of their import: who reaches whom is the same, but for
# what tests/vm/compose/differences lists. Our scripts come first, on a machine that Docker has not changed yet.
bats_require_minimum_version 1.5.0
load lab

readonly CASES=/root/compose ANSWERS=/root/answers

setup_file() {
  make_outside
  echo 'nameserver 203.0.113.10' >/etc/resolv.conf
  # Another machine can try the addresses of containers, and of namespaces.
  # shellcheck source=compose/cable.sh
  . "$CASES/cable.sh"
  add_ways
}

reach() { # WORLD
  python3 "$CASES/reach.py" "$1" "$CASES/cases" "$ANSWERS" >&3
}

@test "our scripts: all come up, are asked, and go" {
  reach ours
}

@test "Docker: all come up, are asked, and go" {
  # IPv6 as from Docker 27 on; and with what is quick in software emulation, and has nothing to do with networks.
  mkdir -p /etc/docker
  cat >/etc/docker/daemon.json <<'JSON'
{
  "experimental": true, "ip6tables": true,
  "runtimes": {"crun": {"path": "/usr/bin/crun"}}, "default-runtime": "crun",
  "seccomp-profile": "unconfined", "log-driver": "none"
}
JSON
  systemctl start docker
  reach docker
}

@test "who reaches whom is the same, but for what is listed" {
  python3 "$CASES/equality.py" "$ANSWERS" "$CASES/differences.json" >&2
}

# It is what `make test` compares our scripts with, without Docker.
@test "Docker answers what is recorded of it" {
  local file status=0
  for file in "$ANSWERS"/docker/*.json; do
    diff "$CASES/cases/$(basename "$file" .json)/docker.json" "$file" >&2 || status=1
  done
  return "$status"
}
