PARAMS ?= params/quick.yml
ARGS ?=
PYTHON ?= python3
BIN := .venv/bin

# What JupyterLab saves while notebooks run is no change to git.
FILTER = git config filter.playbook-notebook.clean "$(BIN)/python -I lib/playbook/chain/committed.py %f"
ROOT_USER := $(filter 0,$(shell id -u))

.DEFAULT_GOAL := help
.PHONY: .venv help run test lab bench fuzz lint docs example stop clean lock

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z.]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv: .venv/complete  ## build the environment alone

.venv/complete: requirements.lock pyproject.toml $(wildcard lib/*/*.c)  # the last step: an install cut short is none
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("Python 3.10 or newer is expected; %s is %s. Name another: make PYTHON=python3.11 ..." % (sys.executable, sys.version.split()[0]))'
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	$(BIN)/python -m compileall -q lib
	@if git rev-parse --git-dir >/dev/null 2>&1; then $(FILTER); fi
	@touch $@

run: .venv  ## a model to a performance record: make run PARAMS=params/standard.yml ARGS="--set seed=1"
	$(BIN)/playbook run $(PARAMS) $(ARGS)

test: .venv  ## all tests: unit, conformance, notebooks, chain, docker, browser
	$(BIN)/python -m pytest -n 4 $(ARGS)

lab: .venv  ## the notebooks in JupyterLab, `playbook` on its terminals' PATH
	@$(if $(ROOT_USER),echo "You are root: whoever has the address below can do anything here. Give it to nobody.")
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/jupyter lab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/index.ipynb \
	  --ServerApp.terminado_settings="shell_command=['$(shell command -v bash || echo /bin/sh)']" $(if $(ROOT_USER),--allow-root) $(ARGS)

bench: .venv  ## ratios against named peers; ARGS=loadgen for one area
	$(BIN)/python -m tests.benchmarks $(ARGS)

fuzz: .venv  ## 100,000 generated requests against the embedded server; ARGS=lint: configurations, by lint and server; ARGS=lint-texts: whole projects with faults, by lint; ARGS=lint-pairs: two faults in one text, by lint
	$(BIN)/python tests/benchmarks/$(if $(filter lint lint-texts lint-pairs,$(firstword $(ARGS))),fuzz_$(subst -,_,$(firstword $(ARGS))).py $(wordlist 2,9,$(ARGS)),fuzz_model_server.py $(ARGS))

lint: .venv  ## style and types of the code; what TensorFlow Serving would get wrong: playbook lint
	$(BIN)/ruff check lib tests
	$(BIN)/ruff format --check lib tests
	$(BIN)/mypy
	$(BIN)/python tests/helpers/own_bundle.py

docs: .venv  ## the documentation as a site in build/site; its reference pages from the code
	$(BIN)/python tests/helpers/make_docs.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

audit: .venv  ## licences and known weaknesses of all dependencies; exit 3 where the index has no advisories
	$(BIN)/python tests/helpers/audit.py

faults: .venv  ## kill, hang, fill and flood for half an hour; goes on where it was cut short (ARGS=--on: behind an earlier commit's too); writes outputs/example/faults.md
	$(BIN)/python tests/benchmarks/faults.py $(ARGS)

example: .venv  ## run quick.yml with all drills and make outputs/example of it (wants a quiet machine)
	$(BIN)/playbook run params/quick.yml --set "drills=[all]"
	$(BIN)/python tests/helpers/make_example.py outputs/$$(ls outputs | grep -- -quick | tail -1)

stop: .venv  ## end servers that a run left behind
	$(BIN)/playbook stop $(ARGS)

lock: .venv  ## pin the dependencies of pyproject.toml anew
	$(BIN)/uv pip compile --quiet --universal --python-version 3.10 --extra dev --extra cluster --generate-hashes \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock

clean:  ## remove the environment, caches and scratch runs (records stay)
	rm -rf .venv .bench .pytest_cache .ruff_cache .hypothesis outputs/dev build lib/*.egg-info lib/*/*.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
