# Every verb sets up what it needs; nothing here needs root. `make help` lists the verbs.
SHELL := /bin/sh
VENV  := .venv
BIN   := $(VENV)/bin
PIP   := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# How many tests at a time, and further arguments for pytest: make test N=4 ARGS='tests/law -x'
N     ?= 2
ARGS  ?=
VENDOR := static/vendor/manifest.json

.DEFAULT_GOAL := help
.PHONY: help setup vendor run test lint test-long bench bench-experiments storm fmt docs words shots pictures migration citus lock clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed $(VENDOR) ## make .venv with the dripline command, and static/vendor

$(VENV)/.made: .ci/venv.sh
	@echo "making $(VENV)"
	@sh .ci/venv.sh $(VENV)
	@touch $@

$(VENV)/.installed: $(VENV)/.made pyproject.toml requirements.lock
	@echo "installing Dripline and its tools into $(VENV); the first time takes a minute or two"
	@$(PIP) --editable '.[dev]' --constraint requirements.lock \
		|| $(PIP) --editable '.[dev]' --constraint requirements.lock
	@touch $@

$(VENDOR): $(VENV)/.installed package.json package-lock.json .ci/vendor.py
	@$(BIN)/python .ci/vendor.py

vendor: $(VENV)/.installed ## fetch the front-end files again
	@$(BIN)/python .ci/vendor.py

run: setup ## serve sample data on http://127.0.0.1:8000, one day in ten seconds
	@$(BIN)/dripline demo $(ARGS)

test: lint ## check everything: style, types, imports, and all but the long tests
	@mkdir -p build
	$(BIN)/python -m pytest -q -n $(N) --junitxml=build/tests.xml $(ARGS)

lint: setup ## check style, types and the law of imports only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test-long: setup ## run the long tests too: thousands of random flows
	$(BIN)/python -m pytest -q -n $(N) -m 'long or not long' --hypothesis-profile=long --timeout=3600 $(ARGS)

bench: setup ## measure against hand-written SQL, on SQLite and PostgreSQL
	$(BIN)/python -m bench $(ARGS)

bench-experiments: setup ## measure how winners of A/B tests are named, beside other rules
	$(BIN)/python -m bench.experiments $(ARGS)

bench-canvas: setup ## measure the canvas in Chromium: frames, round trips, bytes
	$(BIN)/python -m bench.canvas $(ARGS)

storm: setup ## kill the engine a hundred times and compare with an undisturbed run; ARGS='--workers 4': freeze and cut too
	$(BIN)/python -m bench.storm $(ARGS)

fmt: setup ## format the code and mend what can be mended
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

docs: setup ## write the generated pages of docs/ again
	PYTHONPATH=. $(BIN)/python docs/make_nodes.py
	$(BIN)/typer app.py utils docs --name dripline --title "The command line" --output docs/cli.md

words: setup ## put the texts of the pages into the catalogues of designer/locale
	@$(BIN)/python .ci/words.py

shots: setup ## take pictures of every page into build/shots: both languages, light and dark, two widths
	PYTHONPATH=. $(BIN)/python .ci/shots.py $(ARGS)

pictures: setup ## take the pictures of README.md anew, from a demo
	PYTHONPATH=. $(BIN)/python .ci/pictures.py

migration: setup ## write what changed in the tables as a migration: make migration M="add colours"
	@$(BIN)/python .ci/migration.py "$(M)"

citus: setup ## write deploy/citus.sql again: how the tables would lie on several nodes
	@PYTHONPATH=. $(BIN)/python .ci/citus.py

lock: setup ## write requirements.lock again from what .venv has
	@$(BIN)/python .ci/lock.py > build/requirements.lock && mv build/requirements.lock requirements.lock

clean: ## remove what make setup and the tools made
	rm -rf $(VENV) build dist static/vendor .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
