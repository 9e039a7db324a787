# Steno. `make` alone says what can be made; everything else is a target with a `##` line.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON := .venv/bin/python
ARGS ?=

.PHONY: help setup setup-dev up test check format lock clean

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)$$/  make \1|\2/' | column -t -s '|'

setup: ## Make .venv with the steno command, and fetch the speech model (quick the second time)
	@infra/local/setup.sh run

setup-dev: setup ## The same, with what the tests need: dev packages, TypeScript, Chromium
	@infra/local/setup.sh dev

up: setup ## Run Steno on this machine; options as `make up ARGS="--port 8001"`
	@exec .venv/bin/steno up $(ARGS)

test: setup-dev ## Check the code, then run every test, fast ones first
	@status=0; \
	$(MAKE) --no-print-directory check-code || status=1; \
	$(PYTHON) -m pytest -q $(ARGS) || status=1; \
	exit $$status

check: setup-dev check-code ## Format, lint, types (Python and JavaScript), and the rules of the house
	@$(PYTHON) -m pytest -q tests/rules

.PHONY: check-code
check-code:
	@$(PYTHON) -m ruff format --check --quiet . || { echo "make format puts these right"; exit 1; }
	@$(PYTHON) -m ruff check --quiet .
	@$(PYTHON) -m mypy
	@node_modules/.bin/tsc

format: setup-dev ## Put the code's format right
	@$(PYTHON) -m ruff check --quiet --fix-only --select I .
	@$(PYTHON) -m ruff format --quiet .

LOCK := uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header --no-config

lock: ## Resolve the dependencies anew (needs uv); UPGRADE=--upgrade for newer ones
	$(LOCK) $(UPGRADE) --extra local -o requirements.lock
	$(LOCK) $(UPGRADE) --extra local --extra dev -c requirements.lock -o requirements-dev.lock
	for service in ingest polish autosave; do \
	  $(LOCK) --extra $$service --extra cloud -c requirements-dev.lock -o services/$$service/requirements.lock; done

clean: ## Remove what was made; data and keys stay
	rm -rf .venv node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
