# One door. `make` lists what there is.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
# A file of tests stays in one process, so that its server is started once; files in the order in
# which they are given, the long ones first. Three, also on two cores: some tests wait for others'
# processes.
PYTEST := $(BIN)/python -m pytest -q --numprocesses 3 --dist loadfile --no-loadscope-reorder
# Bytecode is kept, whatever the shell says: without it each process compiles all tests for itself.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install demo down test check bench pictures lock clean

help:  ## list the commands
	@awk -F':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' Makefile

$(STAMP): requirements.lock requirements-uv.lock pyproject.toml
	@echo "Installing into .venv (wheels only, hashes checked) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements-uv.lock
	@VIRTUAL_ENV="$$PWD/.venv" $(BIN)/uv pip install --quiet --only-binary :all: --require-hashes --compile-bytecode -r requirements.lock
	@VIRTUAL_ENV="$$PWD/.venv" $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

install: $(STAMP)  ## create .venv with everything in it

demo: $(STAMP)  ## two nights of a synthetic district through real Airflow
	@$(BIN)/wraparound demo

down: $(STAMP)  ## stop everything that make demo started
	@$(BIN)/wraparound down

check: $(STAMP)  ## format, lint, types, SQL style and the fast tests
	@$(BIN)/ruff format --check src tests dags plugins benchmarks
	@$(BIN)/ruff check src tests dags plugins benchmarks
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar dbt_project/models dbt_project/tests
	@$(PYTEST) tests/unit tests/docs

test: $(STAMP) check  ## everything, the end-to-end test on real Airflow included
	@$(PYTEST) tests/e2e tests/dbt tests/integration tests/dags

SIZE ?= s
bench: $(STAMP)  ## measure a night's stages against hand-written SQL: SIZE=s, m or l, ONLY=, RUNS=
	@$(BIN)/python -m benchmarks --size $(SIZE) $(ONLY:%=--only %) $(RUNS:%=--runs %)

pictures: $(STAMP)  ## take the pictures of docs/a-held-school.md anew, with Chromium
	@$(BIN)/python docs/images/take.py

lock: $(STAMP)  ## resolve requirements.lock again
	@$(BIN)/uv pip compile --universal --python-version 3.11 --only-binary :all: --generate-hashes \
		--no-strip-extras --no-emit-index-url --no-header --all-extras pyproject.toml --output-file requirements.lock

clean:  ## forget the virtual environment
	@rm -rf .venv
