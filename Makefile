# `make demo` grades a sample class from end to end. `make test` checks what must hold before a commit.
# Both install what they need into .venv the first time.

PYTHON ?= python3
BIN := .venv/bin
# One process per processor, but at most four: each holds PyTorch and a fork server in memory.
PYTEST := $(BIN)/python -m pytest -q -n auto --maxprocesses 4 --dist loadfile

# A machine with a GPU often has a PyTorch of its own and no network, so `make gpu` installs nothing.
GPU_PYTHON ?= $(if $(wildcard $(BIN)/python),$(BIN)/python,python3)

.PHONY: demo test test-all test-slow gpu lint setup hooks clean

demo: setup
	$(BIN)/autograder demo

# Lint, derived files, the fast tests, and every grader against its samples with one seed.
test: setup lint
	$(BIN)/autograder release --check
	$(PYTEST) -m "not slow" tests
	$(BIN)/autograder check

# Everything.
test-all: test test-slow

# What `make test` leaves out: slow tests, hostile notebooks in every kind of sandbox, two more seeds.
test-slow: setup
	$(PYTEST) -m slow --ignore tests/engine/hostile tests
	$(BIN)/python -m tests.engine.hostile.everywhere
	$(BIN)/autograder check --seeds 2 --first-seed 1

# What needs a GPU, in under six minutes; writes the figures into docs/gpu.md.
gpu:
	$(GPU_PYTHON) -m tests.engine.gpu.run

lint: setup
	$(BIN)/ruff check autograder tests
	$(BIN)/ruff format --check autograder tests
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry autograder

setup: .venv/ready hooks

# A commit must not publish the class: see docs/instructors.md.
hooks:
	@sh .githooks/install

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	test -e .venv || mkdir .venv .venv/made-by-make
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

# Removes what `make` made, and nothing else: not a demo/ that holds a real course, not a .venv of your own.
clean:
	if [ -x $(BIN)/autograder ]; then $(BIN)/autograder demo --remove; fi
	if [ -e .venv/made-by-make ] || [ -e .venv/ready ]; then rm -rf .venv; fi
