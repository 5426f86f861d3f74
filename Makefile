# Targets create .venv as needed and run in it, so only Python and make have to be installed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PAYLOADS := .venv-payloads
DOCS := .venv-docs

.PHONY: help demo test test-payloads check format man pages docs bench damage fuzz clean

help:
	@echo "make demo     build small damaged datasets, scan them"
	@echo "make test     run the tests"
	@echo "make test-payloads  install the packages that write payloads and those of loaders (8 GB), and test with them"
	@echo "make check    lint, check the formatting and the types"
	@echo "make format   format the code"
	@echo "make pages    update the manual page and docs/codes.md"
	@echo "make docs     build the documentation, build/docs/index.html; warnings are errors"
	@echo "make man      update the manual page, docs/datacheck.1, after the help of a command has changed"
	@echo "make bench    measure against the loops people write (40 minutes, 20 GB of disk)"
	@echo "make damage   damage stores in every way known, and count what is found and recovered (10 minutes);"
	@echo "                and compare random sound stores with what their libraries read"
	@echo "make fuzz     feed arbitrary bytes to the readers of damaged LMDB files, payloads and pictures, two minutes each;"
	@echo "                and walk damaged JPEGs with every index checked"

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[hdf5plugin,plot]" --group dev
	touch $(READY)

demo: $(READY)
	rm -rf datacheck-demo
	$(BIN)/datacheck demo datacheck-demo
	@echo "In this checkout the command is $(BIN)/datacheck."

# The tests start thousands of processes; without bytecode files each of them would compile the package again. They wait
# for these processes, for disks and for time limits: with one process per core, more than a third of the time is idle.
TESTS = PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --dist worksteal \
	--numprocesses $$($(BIN)/python -c "import os; print(len(os.sched_getaffinity(0)) + 2)")

# The HDF5 tests fork their process thousands of times, which takes twice as long with all other tests in its memory.
# Meanwhile the other tests are collected once: otherwise each of the processes that run them would compile all of them.
test: $(READY)
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --collect-only --quiet --ignore tests/backends/hdf5 > /dev/null & \
	$(TESTS) tests/backends/hdf5; forking=$$?; wait; $(TESTS) --ignore tests/backends/hdf5 && exit $$forking

# A separate environment, since some of these packages change what others find installed.
test-payloads: $(READY)
	test -x $(PAYLOADS)/bin/python || $(PYTHON) -m venv $(PAYLOADS)
	$(PAYLOADS)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(PAYLOADS)/bin/python -m pip install --quiet --editable . --group dev --group payloads --group loaders
	$(PAYLOADS)/bin/python -m pytest -rs tests/payloads tests/loaders tests/decoders/messages/test_arrow.py

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

pages: man
	$(BIN)/python docs/codes_page.py > docs/codes.md.new
	mv docs/codes.md.new docs/codes.md

# A separate environment, since no test needs the packages that build the documents.
$(DOCS)/.ready: pyproject.toml
	$(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(DOCS)/bin/python -m pip install --quiet --editable . pytest --group docs
	touch $(DOCS)/.ready

docs: $(DOCS)/.ready
	$(DOCS)/bin/python -m sphinx --fail-on-warning --keep-going --quiet -b html -d build/doctrees docs build/docs
	@echo "build/docs/index.html"

man: $(READY)
	COLUMNS= $(BIN)/python -m datacheck.cli.manual > docs/datacheck.1.new
	mv docs/datacheck.1.new docs/datacheck.1

bench: $(READY)
	cd benchmarks && ../$(BIN)/python speed.py --gigabytes 1,4,16 --json speed.json --picture speed.png
	cd benchmarks && ../$(BIN)/python cluster.py
	cd benchmarks && ../$(BIN)/python rebuild.py

damage: $(READY)
	cd benchmarks && ../$(BIN)/python damage.py --json damage.json
	SEEDS=300 COMBINATIONS=all $(BIN)/python -m pytest --numprocesses auto $$(grep -rl 'from covering import' tests --include=*.py)
	cd benchmarks && ../$(BIN)/python random_stores.py
	$(BIN)/python benchmarks/agreement_hdf5.py

fuzz: $(READY)
	$(BIN)/python -m pip install --quiet --group fuzz
	$(BIN)/python tests/fuzz/fuzz_lmdb.py -max_total_time=120
	$(BIN)/python tests/fuzz/fuzz_pickle.py -max_total_time=120
	$(BIN)/python tests/fuzz/fuzz_payloads.py -max_total_time=120
	$(BIN)/python tests/fuzz/fuzz_pictures.py -max_total_time=120
	$(BIN)/python tests/fuzz/fuzz_jpeg_walk.py 20000

clean:
	rm -rf $(VENV) $(PAYLOADS) $(DOCS) build datacheck-demo
