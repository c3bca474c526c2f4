# What there is to run. It needs make and Python 3.11 or newer; everything else goes into .venv.
# `make PYTHON=/path/to/python3` names the Python, `ARGS` goes to the command, `WORKERS` is how many test at once.

VENV := .venv
RUN := $(VENV)/bin/python -m
PIP := $(RUN) pip -qq --disable-pip-version-check --no-input
WORKERS ?= 3
PYTHONS := python3.13 python3.12 python3.11 python3

# The first Python that is new enough and works. One that is on the PATH may not: pyenv has a shim for each
# version it has somewhere, Debian has one without venv.
FIND_PYTHON = IFS=:; for name in $(PYTHONS); do for folder in $$PATH; do \
	if "$$folder/$$name" -c '$(TRY_PYTHON)' >/dev/null 2>&1; then echo "$$folder/$$name"; exit; fi; done; done
TRY_PYTHON := import ensurepip, sqlite3, ssl, sys, venv; sys.exit(sys.version_info < (3, 11))

.PHONY: help demo test test-fast test-full check audit bench lock clean

help:
	@echo "make demo    the bridge against a Slack and three vendors on this machine (ARGS=--check: a tour by itself)"
	@echo "make test    check, then every test on SQLite and on a real Postgres"
	@echo "make test-fast what needs no process, no Postgres and no browser: a minute"
	@echo "make test-full the same as make test, and a kill at every step there is"
	@echo "make check   ruff and mypy"
	@echo "make audit   whether what requirements.txt pins has known vulnerabilities (ends with Error 75 if nobody can be asked)"
	@echo "make bench   every budget of docs/performance.md, measured (ARGS=--quick: only whether it works); needs wrk"
	@echo "make lock    write requirements*.txt anew from pyproject.toml (ARGS=--upgrade: newer versions)"
	@echo "make clean   remove what the others made; data in var/ stays"

demo: $(VENV)/.requirements
	@$(RUN) bridge demo $(ARGS)

test: check
	@$(RUN) pytest -q -n $(WORKERS) $(ARGS)

FAST := adapters compose contract delivery engine media render telemetry $(addprefix test_,$(addsuffix .py, \
	actions adapter boundaries config config_example config_reference control docs hours manifest registry routing))

test-fast: $(VENV)/.requirements-dev
	@$(RUN) pytest -q -n $(WORKERS) -k "not postgres" $(addprefix tests/,$(FAST)) $(ARGS)

test-full:
	@BRIDGE_CRASH_STEPS=all $(MAKE) test

check: $(VENV)/.requirements-dev
	@$(RUN) ruff check --quiet .
	@$(RUN) ruff format --check --quiet --diff .
	@$(RUN) mypy --no-error-summary

audit: | $(VENV)/pyvenv.cfg
	@$(VENV)/bin/python .ci/audit.py requirements.txt $(ARGS)

bench: $(VENV)/.requirements-bench
	@$(RUN) benchmarks $(ARGS)

COMPILE = $(RUN) uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --no-annotate $(ARGS)

lock: $(VENV)/.requirements-dev
	@$(COMPILE) pyproject.toml -o requirements.txt >/dev/null
	@$(COMPILE) pyproject.toml --group dev -o requirements-dev.txt >/dev/null
	@$(COMPILE) --group bench -c requirements-dev.txt -o requirements-bench.txt >/dev/null

clean:
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find bridge adapters tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

# .venv/.requirements* are as old as what was last installed from the file of that name.

$(VENV)/.requirements: requirements.txt | $(VENV)/pyvenv.cfg
	@echo "Installing $<"
	@$(PIP) install --require-hashes -r $<
	@touch $@

$(VENV)/.requirements-dev: requirements-dev.txt pyproject.toml | $(VENV)/pyvenv.cfg
	@echo "Installing $<"
	@$(PIP) install --require-hashes -r $<
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $(VENV)/.requirements $@

# Beside what is there: what a Postgres and the bridge need.
$(VENV)/.requirements-bench: requirements-bench.txt | $(VENV)/.requirements-dev
	@echo "Installing $<"
	@$(PIP) install --require-hashes -r $<
	@touch $@

$(VENV)/pyvenv.cfg:
	@python="$${PYTHON:-$$($(FIND_PYTHON))}"; \
	if ! "$$python" -c '$(TRY_PYTHON)' >/dev/null 2>&1; then \
		echo "No Python 3.11 or newer that works and has venv: tried $${PYTHON:-$(PYTHONS) on the PATH}." >&2; \
		echo "Install one (Debian: python3 and python3-venv), or name it: make PYTHON=/path/to/python3" >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$python"; \
	"$$python" -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
