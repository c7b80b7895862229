# All names here are relative, so that the checkout may lie in a folder whose name has spaces.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
# What `make setup.sh` renders; without it, topology.yaml where there is one, else the built-in topology.
SPEC ?=
export SPEC

PY := .venv/bin/python
PIP_INSTALL := $(PY) -m pip install --disable-pip-version-check --editable

.PHONY: help
help: ## list the targets
	@printf 'usage: make TARGET [SPEC=topology.yaml] [PYTHON=python3.12]\n\n'
	sed -nE 's/^([a-z.-]+):.* ## (.*)/  \1\t\2/p' Makefile | expand -t 20

# Rendered each time, because SPEC may name another file than the last time; replaced only by a whole script that differs.
setup.sh: .venv/nsgen.stamp FORCE ## render SPEC, or the built-in topology, to setup.sh; needs no root
	@trap 'rm -f .setup.sh.new' EXIT
	$(PY) -m nsgen render $${SPEC:+-- "$$SPEC"} > .setup.sh.new
	if cmp -s .setup.sh.new $@; then
	  echo '$@ is up to date'
	else
	  chmod +x .setup.sh.new
	  mv .setup.sh.new $@
	  echo 'wrote $@: read it, then run it with sudo ./$@; sudo ./$@ down removes what it built'
	fi

.PHONY: test
test: .venv/test.stamp ## install what the tests need, and run every one of them
	@bash tests/install.sh $(if $(filter true,$(CI)),tests/daemons)
	$(PY) tests/run.py

# What takes minutes is apart from `make test`; .ci/run calls all of it.
CAMPAIGNS := test-targets test-lifecycle test-matrix test-abuse test-claims test-mutation test-vm
.PHONY: $(CAMPAIGNS)
$(CAMPAIGNS): .venv/test.stamp
	@bash tests/install.sh $(PROGRAMS)
	$(PY) tests/run.py --campaign $(@:test-%=%)
test-targets: ## what render writes: both styles do the same with every topology, and verify.bats asks; four minutes
test-lifecycle: ## fail and kill the script at every command, and change what runs; twelve minutes
test-matrix: ## who reaches what, on machines of every kind; five minutes
test-abuse: ## ten thousand generated topologies, right and broken, and two hundred built; seven minutes
test-claims: ## verify generated topologies as people write them, N= how many, SEED= for the same again, and ours; five minutes
test-mutation: ## leave out every rule, parameter, address and route of five scripts, one at a time; seven minutes
test-vm: PROGRAMS := tests/vm/programs
test-vm: ## boot real machines: persistence, kernel modules, every kind of interface, ufw, firewalld, Docker; fifteen minutes without KVM

# Apart from the others, and from CI: it takes root, and 500 MB of Debian packages.
.PHONY: test-vagrant
test-vagrant: .venv/test.stamp ## start the Vagrantfiles, by vagrant-libvirt in software emulation, as root; six minutes
	@bash tests/install.sh tests/vagrant/programs
	$(PY) tests/run.py --campaign vagrant

.PHONY: lint
lint: .venv/test.stamp ## mypy, ruff, import-linter and ShellCheck
	@$(PY) tests/run.py --lint

.PHONY: format
format: .venv/test.stamp ## let ruff lay out the Python code
	@$(PY) -m ruff check --fix-only --quiet
	$(PY) -m ruff format

# All of it anew, so that nothing is left of an example that was renamed or removed; and all of it or nothing.
.PHONY: out
out: .venv/nsgen.stamp ## render every example to out/
	@rm -rf build/out build/steps
	for example in examples/*.yaml; do
	  $(PY) -m nsgen render -o build/out -- "$$example"
	done
	# The steps of the article are one topology as it grows, of one name: each has a folder of its own.
	mkdir build/out/steps
	for example in examples/steps/*.yaml; do
	  $(PY) -m nsgen render -o build/steps -- "$$example"
	  mv build/steps/article "build/out/steps/$$(basename "$$example" .yaml)"
	done
	rm -rf out
	mv build/out out

.PHONY: steps
steps: out ## write docs/steps.md, the article step by step, as the examples now are
	@$(PY) docs/steps.py

.PHONY: bench
bench: .venv/test.stamp ## measure, as root, against a C program and other tools; an hour
	@$(PY) bench/compare.py
	$(PY) bench/first_packet.py
	$(PY) bench/rendering.py
	$(PY) bench/report.py bench/result.json

.PHONY: dist
dist: .venv/test.stamp ## build the sdist and the wheel
	@$(PY) -m build

.PHONY: clean
clean: ## remove what make made, except setup.sh: it is what removes what it built
	@rm -rf .venv node_modules build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .setup.sh.new
	find gen tests -name __pycache__ -prune -exec rm -rf {} +

.PHONY: venv
venv: .venv/nsgen.stamp ## install nsgen into .venv, editable

.venv/nsgen.stamp: pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
	  echo 'nsgen needs Python 3.10 or newer; name one with PYTHON=...' >&2
	  exit 1
	}
	if ! [[ -x $(PY) ]] && ! "$(PYTHON)" -m venv .venv; then
	  rm -rf .venv
	  echo 'Python cannot make a virtual environment here; on Debian and Ubuntu: apt install python3-venv' >&2
	  exit 1
	fi
	echo 'installing nsgen into .venv'
	$(PIP_INSTALL) . | sed -n '/^Successfully/p'
	touch $@

.venv/test.stamp: .venv/nsgen.stamp
	@echo 'installing into .venv what the tests need'
	$(PIP_INSTALL) '.[test]' | sed -n '/^Successfully/p'
	touch $@

.PHONY: FORCE
FORCE:
