# The commands of this repository. `make help` lists them.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1|/' | column -t -s '|'

$(BIN)/python:
	@echo "== making the virtual environment $(VENV)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || deploy/install-python-venv
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.txt pyproject.toml setup.py acmedns_py/worker/_batch.c | $(BIN)/python
	@echo "== installing the locked dependencies"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/dev.stamp: tests/requirements.txt $(VENV)/run.stamp
	@echo "== installing the locked tools of the tests"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/requirements.txt
	@touch $@

.PHONY: run
run: $(VENV)/run.stamp ## set everything up and start the server on 127.0.0.1 (DNS 8053, API 8080)
	@deploy/local/hints
	@exec $(BIN)/acmedns serve -c deploy/local/config.toml

.PHONY: peers
peers: $(VENV)/dev.stamp ## install the real programs that the tests talk to
	@tests/tools/install
	@$(BIN)/python -c 'import acmedns_py.worker._batch' 2>/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .

.PHONY: test
test: peers ## set everything up and run the whole test suite, real peers included
	@$(BIN)/python -m pytest $(ARGS)

.PHONY: lab
lab: peers ## issue real certificates through the server, step by step, in a private network
	@$(BIN)/python -m tests.lab

.PHONY: conformance
conformance: peers ## put the DNS exam to this server, NSD and Knot; SUBJECT=addr:port to another one
	@$(BIN)/python -m tests.conformance exam $(SUBJECT)

.PHONY: conformance-zone
conformance-zone: ## write the zone file that a SUBJECT of the exam must serve
	@$(MAKE) --silent $(VENV)/dev.stamp >&2
	@$(BIN)/python -m tests.conformance zone

.PHONY: findings
findings: $(VENV)/dev.stamp ## write docs/findings.md, the page of what a check finds
	@$(BIN)/python -m acmedns_py.check.page > docs/findings.md

.PHONY: bench
bench: peers ## measure, side by side with NSD and Knot
	@$(BIN)/python -m benchmarks $(ARGS)

.PHONY: soak
soak: SECONDS ?= 1800
soak: peers ## load, attacks and killed workers at once, every answer judged: make soak SECONDS=120
	@$(BIN)/python -m tests.soak --seconds $(SECONDS)

.PHONY: fuzz
fuzz: SECONDS ?= 60
fuzz: $(VENV)/dev.stamp ## look for octets that break a parser: make fuzz SECONDS=600
	@$(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(TARGETS)

.PHONY: lint
lint: $(VENV)/dev.stamp ## format check, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/dev.stamp ## format the code and mend what ruff can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: wheel
wheel: $(VENV)/dev.stamp ## build the wheel and try it in an empty virtual environment
	@tests/tools/try-wheel

.PHONY: check
check: ## what CI runs
	@.ci/run

.PHONY: lock
lock: $(VENV)/dev.stamp ## choose dependency versions anew and write them down with their hashes
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --extra speed pyproject.toml -o requirements.txt
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --extra speed --group dev -c requirements.txt pyproject.toml -o tests/requirements.txt
	@echo 'setuptools>=77' | $(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url - -o deploy/docker/build-requirements.txt

.PHONY: clean
clean: ## remove the virtual environment and what the tools left
	rm -rf $(VENV) build dist var *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
