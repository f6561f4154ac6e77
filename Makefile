# galao: everything that can be done here, one target each. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# platform/ must never shadow Python's own module of that name: scripts get no folder of theirs on sys.path.
export PYTHONSAFEPATH = 1

VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PYTHON ?= python3
JOB ?= configs/quickstart/job.yaml
ARGS ?=
# The newest bundle under runs/, unless BUNDLE says otherwise.
BUNDLE ?= $(shell ls -dt runs/*/bundle 2>/dev/null | head -n 1)
HOST ?= 127.0.0.1
PORT ?= 8080

.PHONY: help train test test-all check fix serve bench docs clean data

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
	@echo
	@echo "Variables: JOB=$(JOB)  ARGS='key.key=value ...'  BUNDLE=runs/NAME/bundle  HOST=$(HOST)  PORT=$(PORT)"

# ---------------------------------------------------------------- set-up, once, on first use
# uv where there is one, else its own copy inside the new environment.
UV = $(or $(shell command -v uv),$(BIN)/uv)

$(READY): pyproject.toml constraints.txt
	@test -x $(BIN)/python || { command -v uv >/dev/null && uv venv --quiet --python $(PYTHON) $(VENV); } \
	  || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet uv; }
	VIRTUAL_ENV=$(abspath $(VENV)) $(UV) pip install --quiet --constraint constraints.txt --editable . --group dev
	@touch $@

# ---------------------------------------------------------------- the main job
train: $(READY) data  ## Train JOB (the quickstart, unless told otherwise), test it, write its bundle
	$(BIN)/galao train $(JOB) $(ARGS)

# The quickstart's pictures are drawn, not downloaded.
data: $(READY)
	$(if $(findstring quickstart,$(JOB)),$(BIN)/python datasets/drawn_flora/prepare.py,@:)

serve: $(READY)  ## Answer uploads with BUNDLE (the newest one) at http://HOST:PORT
	@test -n "$(BUNDLE)" || { echo "galao: no bundle under runs/ yet; run make train, or set BUNDLE=folder" >&2; exit 1; }
	$(BIN)/galao serve $(BUNDLE) --host $(HOST) --port $(PORT)

# ---------------------------------------------------------------- looking after it
# One process a core, one thread each: torch's own threads would only wait for each other.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest --numprocesses auto --dist worksteal

test: $(READY)  ## Run the fast tests
	$(PYTEST) $(ARGS)

test-all: $(READY)  ## Run every test that this machine can
	$(PYTEST) -m "not network" $(ARGS)

check: $(READY)  ## Format, lint, types, floors: nothing is changed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(READY)  ## Format, and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY) data  ## Print the figures of configs/quickstart/README.md and datasets/drawn_flora/README.md again
	@test -n "$(BUNDLE)" || { echo "galao: no bundle under runs/ yet; run make train first" >&2; exit 1; }
	$(BIN)/python tests/bench/gain.py $(ARGS)
	$(BIN)/python datasets/drawn_flora/colour_baseline.py --bundle $(BUNDLE)
	$(BIN)/python tests/bench/answer.py $(BUNDLE) datasets/drawn_flora/images

docs: $(READY)  ## Write the pages and files that are made from the code
	$(BIN)/python -m galao.config.schema > docs/config.md
	$(BIN)/python -m galao_api.openapi > mobile_api/openapi.json

clean:  ## Remove what tools wrote; runs/ and pictures stay
	rm -rf $(VENV) build dist .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
