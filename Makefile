# The two commands of the README: each makes .venv if it is missing and does the rest.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: install demo test test-slow bench docs lint lock clean

.venv/run.stamp: requirements/run.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "abate needs Python 3.11 or later; set PYTHON=...")'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Setting up .venv (a minute or two, once) ..."
	@$(PIP) install --quiet --no-deps --require-hashes --no-compile -r requirements/run.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev.stamp: requirements/dev.lock .venv/run.stamp
	@echo "Adding what the tests need ..."
	@$(PIP) install --quiet --no-deps --require-hashes --no-compile -r requirements/dev.lock
	@touch $@

install: .venv/run.stamp

demo: .venv/run.stamp
	$(BIN)/abate simulate giacta --seed 1 --out demo/giacta
	$(BIN)/abate analyse demo/giacta --out demo/report

test: .venv/dev.stamp
	$(BIN)/python -m pytest -q -n 2 --dist worksteal

test-slow: .venv/dev.stamp
	$(BIN)/python -m pytest -q -m slow

lint: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev.stamp
	$(BIN)/python benchmarks/run.py

docs: .venv/dev.stamp
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

# Versions with hashes and no addresses; needs uv.
EXTRAS := $(foreach e,expression expression-transcripts readers fit petab pdf clinic planner sensitivity cluster web big,--extra $(e))
COMPILE := uv pip compile pyproject.toml --universal --fork-strategy fewest --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet
lock:
	$(COMPILE) $(EXTRAS) --group build --group test --group lint --group docs -o requirements/dev.lock
	$(COMPILE) $(EXTRAS) --group build -c requirements/dev.lock -o requirements/run.lock
	$(COMPILE) --group build -c requirements/dev.lock -o requirements/core.lock

clean:
	rm -rf .venv demo site dist build
