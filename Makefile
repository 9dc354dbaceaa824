# Everything a fresh clone needs: `make demo` and `make test` set up .venv by themselves.
PYTHON ?= python3
PHOTOS ?=
PORT ?= 7860
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test format clean

help:
	@echo "make demo [PHOTOS=DIR] [PORT=7860]  set up, train, index and serve the search page"
	@echo "make test                           set up, then ruff, mypy and pytest"
	@echo "make format                         format and mend with ruff"
	@echo "make clean                          remove .venv and caches; artefacts stay"

setup: .venv/installed

.venv/installed: setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || \
	  { echo "Python 3.11 to 3.13 is needed; name one with: make PYTHON=/path/to/python3.12"; exit 1; }
	@echo "Installing into .venv (once, about two minutes) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: setup
	$(BIN)/python -m pipeline.quickstart $(if $(PHOTOS),--photos="$(PHOTOS)")
	$(BIN)/python -m demo.app --port=$(PORT)

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy models pipeline demo tests benchmarks
	$(BIN)/python -m pytest --numprocesses=2 --dist=loadscope --no-loadscope-reorder

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv build *.egg-info .mypy_cache .pytest_cache .ruff_cache
