# Two commands do everything: make demo, make test. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check
CONSTRAINTS ?= constraints.txt
DATA := $(realpath ../shared/data)
ifndef QUICKSTUDY_DATA
ifneq ($(DATA),)
export QUICKSTUDY_DATA := $(DATA)
endif
endif

.DEFAULT_GOAL := help
.PHONY: help setup demo serve test test-slow test-robots test-versions bench docs docs-serve check format clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP) ## create .venv and install quickstudy with its tools

# The stamp is the last thing written, so a set-up that was cut off is taken up again.
$(STAMP): pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		{ echo "quickstudy needs Python 3.11 or newer, but $(PYTHON) is $$($(PYTHON) --version 2>&1 || true)." \
		"Install one and name it: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12" >&2; exit 1; }
	@echo "setting up $(VENV): a minute or two, once ..." >&2
	@$(PIP) --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) install -qq -c $(CONSTRAINTS) -e '.[dev]'
	@touch $@

demo: $(STAMP) ## meta-train, evaluate and compare learners on built-in data; writes report.html
	@$(BIN)/quickstudy demo

serve: $(STAMP) ## serve the ready heads for photos and texts, with their page at http://localhost:8000
	@$(BIN)/quickstudy serve images texts

test: $(STAMP) ## run all tests except the slow ones
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: $(STAMP) ## run the slow tests: minutes of training
	@$(BIN)/python -m pytest -m slow

test-robots: $(STAMP) ## run the tests of robots; installs Metaworld and MuJoCo (70 MB), and draws nothing
	@$(PIP) install -qq -c $(CONSTRAINTS) -e '.[dev,robots]'
	@env -u MUJOCO_GL OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q tests/tasks/worlds tests/apps/test_robot_task_learning.py tests/apps/test_object_manipulation.py

test-versions: ## run all tests on Python 3.11, 3.12 and 3.13 (those that are installed), and once on the newest torch: an hour
	@bash tests/versions.sh

bench: $(STAMP) ## time training and evaluating against bare PyTorch and other libraries (a quarter of an hour)
	@cd benchmarks && for name in small_networks conv4 proto sampling evaluating inner_loops memories loading; do ../$(BIN)/python $$name.py --json $$name.json || exit 1; done

check: $(STAMP) ## check lint, format, types, house rules and docs, as CI does beside the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -m "slow or not slow" tests/test_house.py tests/test_packaging.py tests/test_readme.py tests/test_site.py \
		--deselect tests/test_readme.py::test_python_blocks_run # a minute; make test runs it

docs: $(STAMP) ## build the documentation site into site/; warnings are errors, nothing is downloaded
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-serve: $(STAMP) ## show the site at http://localhost:8000 and rebuild it at every change
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --livereload

format: $(STAMP) ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove what was built
	rm -rf $(VENV) .venv-* .mypy_cache .ruff_cache .pytest_cache dist site
