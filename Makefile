# Seatledger: set up, run, try, test and measure. None of it needs root or a running service.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Packages are one version of Python's: another one, as after the system was upgraded, finds none of what is installed.
HAS_PACKAGES = $(BIN)/python -I -c 'import sys; from importlib.util import find_spec; sys.exit(not find_spec("flask"))'
NO_VENV = echo "The virtual environment could not be made. On Debian and Ubuntu, install python3-venv." >&2; exit 1;

# What was set for other programs would lead ours, and what is installed for it, astray.
unexport PYTHONHOME PYTHONPATH PYTHONSAFEPATH PIP_USER PIP_TARGET PIP_PREFIX

.PHONY: help install run demo test soak lint bench lock screenshots clean packages-are-gone

help: ## Show what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: .stamps/python .stamps/flask .stamps/frontend ## Set up: a virtual environment, the pinned packages, the front-end files

run: install ## Set up and start everything: web, workers, schedule, an embedded Redis, SQLite
	@exec $(BIN)/python -m launcher

demo: install ## The same in a data directory of its own, with made-up tenants connected
	@exec $(BIN)/python -m launcher --demo

test: install .stamps/dev ## Set up and run every test
	@$(BIN)/python -m pytest -n auto --dist loadfile $(PYTEST_ARGS)

soak: install .stamps/dev ## Kill everything at random, 1,000 times (FAULT_ROUNDS, FAULT_SEED), and check that nothing is lost
	@FAULT_ROUNDS=$${FAULT_ROUNDS:-1000} $(BIN)/python -m pytest tests/faults -s $(PYTEST_ARGS)

lint: install .stamps/dev ## Lint and check types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy .

bench: install .stamps/dev ## Measure
	@$(BIN)/python -m benchmarks

screenshots: install .stamps/dev ## Make the pictures of README and docs anew, from the demo's tenants
	@$(BIN)/python -m tests.screenshots

lock: .stamps/dev ## Pin the newest versions that requirements*.in allow
	@$(BIN)/pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements.in -o requirements.txt
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements-dev.in -o requirements-dev.txt

clean: ## Remove what `make install` made; data is kept
	rm -rf $(VENV) .stamps node_modules webapp/static/vendor

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: install it, or name it with PYTHON=/path/to/python3." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is older. Name a newer one with PYTHON=/path/to/python3." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { $(NO_VENV) }

# One that was left half made, as for want of python3-venv, has a Python and no pip, and is made anew.
.stamps/python: requirements.txt $(shell $(HAS_PACKAGES) >/dev/null 2>&1 || echo packages-are-gone) | $(BIN)/python
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { $(NO_VENV) }
	@echo "Installing Python packages ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@mkdir -p .stamps && touch $@

# Our settings read the .env beside this file, and say what is wrong with it. Flask by itself would read it before, or that of
# a folder above, and end with a traceback where it is not in UTF-8.
.stamps/flask: .stamps/python
	@echo 'import os; os.environ.setdefault("FLASK_SKIP_DOTENV", "1")' > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/seatledger.pth"
	@touch $@

.stamps/dev: requirements.txt requirements-dev.txt .stamps/python
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt -r requirements-dev.txt
	@mkdir -p .stamps && touch $@

.stamps/frontend: package-lock.json webapp/icons.txt launcher/frontend.py .stamps/python
	@command -v npm >/dev/null || { echo "Node.js with npm is needed for the front-end files, and npm was not found. Install Node.js 20 or newer from https://nodejs.org or your system's packages." >&2; exit 1; }
	@echo "Installing front-end files ..."
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@$(BIN)/python -m launcher.frontend
	@mkdir -p .stamps && touch $@
