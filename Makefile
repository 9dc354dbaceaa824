# Everything a fresh clone needs: `make demo` and `make test` set up .venv by themselves.
PYTHON ?= python3
PHOTOS ?=
PORT ?= 7860
MOBILENET ?= imagenet
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo comparison test format clean

help:
	@echo "make demo [PHOTOS=DIR] [PORT=7860]  set up, train, index and serve the search page"
	@echo "make comparison [MOBILENET=FILE]    set up, then compare all methods on a synthetic city"
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

# About half an hour on two cores. The two cities have no building in common.
CITIES := exported/comparisons/city
SHOWN := $(CITIES)/comparison.json,$\
$(CITIES)/mobilenet_v2-mean-triplet/metrics/city-flat.json,$\
$(CITIES)/sift-asmk-20000/metrics/city-inverted.json,$\
$(CITIES)/hog/metrics/city-flat.json
comparison: setup
	$(BIN)/python -m pipeline.build_records --output=tfrecords/city --split=index --seed=1 \
	  --city_landmarks=30 --city_photographs=12 --city_distractors=100
	$(BIN)/python -m pipeline.build_records --output=tfrecords/city-train \
	  --city_landmarks=320 --city_photographs=10 --city_size=224 --validation_fraction=0.1
	$(BIN)/python -m pipeline.compare --records=tfrecords/city --training=tfrecords/city-train \
	  --output=$(CITIES) --mobilenet_weights="$(MOBILENET)" --steps_per_epoch=10 \
	  --random_image_size=48
	$(BIN)/python -m pipeline.report --results=$(SHOWN) --output=$(CITIES)/report.html

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
