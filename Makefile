# Everything a contributor runs. Nothing here needs root, Docker or a terminal.
#
#   PYTHON=python3.12 make demo      choose the Python (3.11 or newer) that the virtual environment is made with

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
UV ?= uv
OPA_VERSION := v1.22.0
COMPILE := $(UV) pip compile --universal --generate-hashes --no-emit-index-url --no-header --no-annotate --quiet

export PATH := $(CURDIR)/.tools/bin:$(PATH)

PYTEST := $(BIN)/python -m pytest
IN_PARALLEL := -n auto --dist loadfile --no-loadscope-reorder

.PHONY: help demo unit test conformance fix lint types coverage docs docs-serve reference bench tools lock screenshots render clean \
  embedded dev

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

demo: embedded ## Start everything on this machine and play a short story on real traffic
	@$(BIN)/extproc demo

unit: dev ## Run the quick unit tests: no Envoy, and no test that is marked slow
	@$(PYTEST) tests/unit -q -m "not slow" $(IN_PARALLEL)

test: dev ## Run all tests, the real Envoy included; T=path K=name runs only these, in one process
	@if [ -n "$(T)$(K)" ]; then $(PYTEST) $(T) $(if $(K),-k "$(K)"); else PYTHONDONTWRITEBYTECODE= $(PYTEST) $(IN_PARALLEL); fi

conformance: dev ## Run MCP's official suite directly and through the guard (needs npm)
	@.ci/node
	@$(BIN)/python -m tests.conformance suite

fix: dev ## Correct style and formatting where that can be done automatically
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

lint: dev ## Check style, formatting, spelling and imports (and the policies, where opa is installed)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/codespell
	@$(BIN)/lint-imports --no-logo
	@if command -v opa >/dev/null; then opa check --strict policy/rego && opa fmt --list --fail policy/rego; \
	else echo "opa is not installed: the policies' format was not checked (make tools)"; fi
	@if command -v regal >/dev/null; then regal lint policy/rego; \
	else echo "regal is not installed: the policies were not linted (docs/contributing)"; fi

types: dev ## Check types, strictly
	@$(BIN)/mypy

coverage: dev ## Run unit and property tests, and list the lines that they do not reach
	@$(PYTEST) tests/unit tests/property -q $(IN_PARALLEL) --cov --cov-report=term-missing:skip-covered

docs: dev ## Build the documentation into build/site; a broken link is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/site/index.html"

docs-serve: dev ## Serve the documentation on http://127.0.0.1:8000, rebuilt after each change
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve --strict --dev-addr 127.0.0.1:8000

reference: dev ## Generate again what is made from the code: the reference pages, and the samples for policies
	@$(BIN)/python -c 'from extproc.assembly.render_samples import render_samples; print(render_samples(), end="")' >extproc/assembly/sample_inputs.json
	@$(BIN)/python -c 'from extproc.config.reference import render_reference; print(render_reference(), end="")' >docs/reference/configuration.md
	@$(BIN)/python -c 'from extproc.cli.reference import render_reference; print(render_reference(), end="")' >docs/reference/cli.md
	@$(BIN)/python -c 'from extproc.console.openapi_reference import render_reference; print(render_reference(), end="")' >docs/reference/openapi.json
	@$(BIN)/python -c 'from extproc.detectors.entities_reference import render_reference; print(render_reference(), end="")' >docs/reference/entities.md

bench: dev ## Measure what a call costs beside Envoy alone, what held calls cost, and what a decision costs
	@$(BIN)/python -m benchmarks.guard
	@$(BIN)/python -m benchmarks.held
	@$(BIN)/python -m benchmarks.notifications
	@$(BIN)/python -m benchmarks.policy
	@$(BIN)/python -m benchmarks.worst_cases

tools: ## Build the optional tools into .tools/bin: opa (needs Go)
	@.ci/tools opa $(OPA_VERSION)

lock: ## Resolve the locks again from pyproject.toml (needs uv); the smaller ones agree with the largest
	@$(COMPILE) pyproject.toml locks/build.in --extra embedded --extra presidio --extra dev -o locks/dev.txt
	@$(COMPILE) pyproject.toml locks/build.in -c locks/dev.txt -o locks/core.txt
	@$(COMPILE) pyproject.toml locks/build.in -c locks/dev.txt locks/samples.in -o locks/samples.txt
	@$(COMPILE) pyproject.toml locks/build.in -c locks/dev.txt --extra presidio -o locks/presidio.txt
	@$(COMPILE) pyproject.toml locks/build.in -c locks/dev.txt --extra embedded -o locks/embedded.txt

screenshots: dev ## Make the pictures of the console in docs/images again (needs chromium)
	@$(BIN)/python -m tests.integration.console.screenshots docs/images

render: dev ## Render deploy/envoy.yaml again from deploy/extproc.yaml
	@t=$$(mktemp -d) && trap "rm -r $$t" EXIT && touch $$t/clickhouse && \
	sed "s#/run/secrets#$$t#" deploy/extproc.yaml >$$t/extproc.yaml && \
	$(BIN)/extproc envoy render --config $$t/extproc.yaml --output deploy/envoy.yaml

clean: ## Remove what the other targets made: the virtual environment, tools, caches, the demo's folder
	rm -rf .venv .tools .demo .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist

embedded:
	@.ci/install embedded

dev:
	@.ci/install dev
