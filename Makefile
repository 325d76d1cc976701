# What a person does here, one target each. `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
# Files of tests that run at a time: many wait for processes more than they use the machine.
WORKERS := 2
PIP    := $(BIN)/python -m pip --disable-pip-version-check
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install demo test test-servers isolation hostile chaos ci format lint types format-check proto proto-check docs bench bench-peers wheel lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY) ## make the virtual environment with everything in requirements.lock

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Adjutant needs Python 3.11 or newer; set PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --no-deps --require-hashes -r requirements.lock
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(READY) ## watch a task from its plan to its commit, on a mesh of its own, in half a minute
	@$(BIN)/adjutant demo $(ARGS)

test: $(READY) test-servers ## run all tests; `make test ARGS="-k outbox"` runs some
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-servers: ## build the MongoDB server that tests use where there is no other; takes Go
	@command -v go >/dev/null || { echo "no Go here: tests on MongoDB need mongod or ADJUTANT_TEST_MONGO_URL"; exit 0; }; \
	cd tests/servers/ferretdb && CGO_ENABLED=0 go build -buildvcs=false -trimpath -o "$(CURDIR)/build/ferretdb" . \
		|| echo "the MongoDB server for tests cannot be built here; its tests are skipped"

isolation: $(READY) ## prove that no client sees another: every method, every identity, every shape
	@$(BIN)/python -m tests.isolation

hostile: $(READY) ## attack a mesh over the wire; `make hostile SECONDS=300 SEED=7`
	@$(BIN)/python -m tests.hostile $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

chaos: $(READY) ## kill processes of a mesh under load, and see that nothing is lost; `make chaos SECONDS=300 SEED=7`
	@$(BIN)/python -m tests.chaos $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

ci: format-check lint types proto-check wheel test ## everything that must hold before a change goes in

format: $(READY) ## format Python and the contract
	$(BIN)/ruff format .
	$(BIN)/buf format -w proto

lint: $(READY) ## find mistakes in Python, the contract, and the arrows between packages
	$(BIN)/ruff check .
	$(BIN)/buf lint
	$(BIN)/lint-imports

types: $(READY) ## check types with mypy --strict
	$(BIN)/mypy

format-check: $(READY) ## fail where `make format` would change something
	$(BIN)/ruff format --check .
	$(BIN)/buf format --diff --exit-code proto

proto: $(READY) ## format the contract and generate gen/ from it
	$(BIN)/buf format -w proto
	$(BIN)/python proto/plugins/generate.py

proto-check: $(READY) ## fail where gen/ is stale or the contract breaks main's
	$(BIN)/python proto/plugins/generate.py --check
	$(BIN)/python proto/plugins/breaking.py

docs: $(READY) ## write the pages that are made from the code
	$(BIN)/python proto/plugins/errors_page.py
	$(BIN)/python docs/states.py
	$(BIN)/python docs/roles.py

bench: $(READY) ## measure the mesh, the floors that it stands on, and its peers; `make bench ARGS=--json`
	$(BIN)/python -m bench $(ARGS)

bench-peers: $(READY) ## install what `make bench` compares with, each in a folder of its own under build/
	$(BIN)/python -m bench.peers

wheel: $(READY) ## build the wheel and try it in clean environments
	$(BIN)/python .ci/wheel.py

lock: $(READY) ## resolve requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --fork-strategy fewest --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --extra dev --output-file requirements.lock pyproject.toml

clean: ## remove the virtual environment and everything that was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
