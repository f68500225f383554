# Two commands to start with: `make run` and `make test`. Neither needs anything but Python 3.11+ (pip, venv), git and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
EXTRAS ?= dev,engines,cvxportfolio,regime,exchanges,bench

# Steps, workers and tests are many short processes: without byte code each compiles two thousand modules again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install run test test-all lint types bench docs lock ci clean

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP)  ## create .venv with everything pinned in requirements.lock (EXTRAS=... for other extras)

$(STAMP): pyproject.toml requirements.lock tools/install.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" EXTRAS="$(EXTRAS)" sh tools/install.sh
	@touch $(STAMP)

run: install  ## run the main job on the embedded market and say where the report and the UI are
	@$(BIN)/quant run all --profile binance_spot_rating_all_long --profile binance_spot_rating_all_short
	@$(BIN)/quant report --profile binance_spot_rating_all_long
	@$(BIN)/quant report --profile binance_spot_rating_all_short
	@echo "Open the Dagster UI with:  $(BIN)/quant up   then http://127.0.0.1:3000"

test: install  ## the test suite (under six minutes on two cores)
	@# files in order, not by their number of tests: the long ones (faults, integration) start first
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-all: install  ## everything, the slow and exhaustive tests included
	@HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -m "slow or not slow"

lint: install  ## ruff, import direction, configuration
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/quant config lint

types: install  ## mypy, strict on quant_lib and quant_resources
	@$(BIN)/mypy

bench: install  ## side-by-side timings
	@$(BIN)/python -m benchmarks

docs: install  ## build the documentation into site/
	@$(BIN)/python -m tools.reference
	@$(BIN)/mkdocs build --quiet --strict

lock: install  ## resolve every extra again into requirements.lock
	@$(BIN)/uv pip compile pyproject.toml --all-extras --generate-hashes --python-version 3.11 \
	  --no-header --no-emit-index-url --no-annotate --quiet --output-file requirements.lock

ci:  ## what the continuous integration runs
	@bash .ci/run

clean:  ## remove the environment and caches; .quant (your data) stays
	@rm -rf $(VENV) build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
