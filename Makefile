# Everything happens in .venv, which each target makes by itself: only Python and make need to be there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help demo test check format bench clean

help:
	@echo "make demo     build small damaged datasets, scan them"
	@echo "make test     run the tests"
	@echo "make check    lint, check the formatting and the types"
	@echo "make format   format the code"
	@echo "make bench    measure against the loops people write (20 minutes, 10 GB of disk)"

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[hdf5plugin,plot]" --group dev
	touch $(READY)

demo: $(READY)
	rm -rf datacheck-demo
	$(BIN)/datacheck demo datacheck-demo

test: $(READY)
	$(BIN)/python -m pytest --numprocesses auto

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: $(READY)
	cd benchmarks && ../$(BIN)/python speed.py --json speed.json --picture speed.png

clean:
	rm -rf $(VENV) datacheck-demo
