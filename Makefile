# Two commands do everything: make demo, make test. `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DATA := $(wildcard ../shared/data)
ifndef QUICKSTUDY_DATA
ifneq ($(DATA),)
export QUICKSTUDY_DATA := $(realpath $(DATA))
endif
endif

.PHONY: help setup demo test test-slow check format clean

help: ## list the commands
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | sort | column -t -s $$'\t'

setup: $(STAMP) ## create .venv and install quickstudy with its tools

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "quickstudy needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "setting up $(VENV) (once, a minute or two) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP) ## meta-train, judge and compare learners on built-in data; writes report.html
	@$(BIN)/quickstudy demo

test: $(STAMP) ## run all tests but the slow ones
	$(BIN)/python -m pytest

test-slow: $(STAMP) ## run the slow tests: minutes of training
	$(BIN)/python -m pytest -m slow

check: $(STAMP) ## lint, types and house rules; what CI asks beside the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_house.py tests/test_readme.py

format: $(STAMP) ## bring the code to the project's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove what was built
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache dist
