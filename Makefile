# make demo: a sample class graded end to end. make test: everything that has to hold.
# Both set up what they need in .venv, once.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test hostile lint setup clean

demo: setup
	$(BIN)/autograder demo

test: setup lint
	$(BIN)/autograder release --check
	$(BIN)/python -m pytest -q tests
	$(BIN)/autograder check --seeds 3

# The hostile notebooks once more, in the other forms of the sandbox and as an ordinary user.
hostile: setup
	$(BIN)/python -m tests.engine.hostile.everywhere

lint: setup
	$(BIN)/ruff check autograder tests
	$(BIN)/ruff format --check autograder tests
	$(BIN)/mypy

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

clean:
	rm -rf .venv demo
