# Each command sets up what it needs in .venv and does nothing twice.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
export VIRTUAL_ENV := $(CURDIR)/.venv
export PATH := $(VIRTUAL_ENV)/bin:$(PATH)
export MATURIN_NO_INSTALL_RUST := 1
# libclang and CMake come from the environment, not from the system.
WITH_LIBCLANG = export LIBCLANG_PATH="$${LIBCLANG_PATH:-$$(echo $(VIRTUAL_ENV)/lib/python3*/site-packages/clang/native)}";
TOOLS := .venv/.tools
CHECKERS := .venv/.checkers
WRITERS := .venv/.writers
EXTENSION := .venv/.extension
PEERS := $(foreach group,peers auction-peers sampling-peers,.venv-peers/$(group)/.installed)
RUST_SOURCES := Cargo.toml $(shell find rust -name '*.rs' -o -name Cargo.toml)

.PHONY: help run test lint docs bench bench-peers notices dist format clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 16

run: $(EXTENSION)  ## Allocate one month of the example community and show the result
	sesgame allocate examples/rural13 --rules shapley,nucleolus --start 2016-06-01 --end 2016-07-01 --out out/rural13 --report --letters

test: $(EXTENSION) $(CHECKERS)  ## Run all tests, Rust and Python
	$(WITH_LIBCLANG) cargo test --release --workspace
	pytest -n auto -m "not slow"

lint: $(EXTENSION) $(CHECKERS)  ## Check format, lints, types and the stub of the extension
	cargo fmt --all --check
	$(WITH_LIBCLANG) cargo clippy --release --workspace --all-targets -- -D warnings
	ruff check .
	ruff format --check .
	mypy
	python -m mypy.stubtest sesgame._engine --ignore-missing-stub

docs: $(EXTENSION) $(WRITERS)  ## Build the documentation, docs/_build/html/index.html
	python -m sphinx -b html -q -W --keep-going docs docs/_build/html

bench: $(EXTENSION) $(CHECKERS)  ## Measure, as ratios against a peer or the machine's limit
	$(WITH_LIBCLANG) cargo bench --workspace
	pytest benches --benchmark-only -p no:xdist
	python benches/report/stability_figures.py

bench-peers: $(EXTENSION) $(PEERS)  ## Measure side by side with other packages: docs/benchmarks.md
	python benches/report/peers.py

notices: $(TOOLS)  ## Write the notices of what is compiled into the extension
	python release/third_party_notices.py

dist: $(TOOLS)  ## Build sdist and wheel, check both, and try the wheel with each Python at hand
	rm -rf dist
	maturin sdist --out dist
	$(WITH_LIBCLANG) CARGO_TARGET_DIR=$(CURDIR)/target python -m pip wheel --no-deps --wheel-dir dist dist/*.tar.gz
	python -m pip install --quiet --group dist
	python release/check_dist.py

format: $(CHECKERS)  ## Format all sources
	cargo fmt --all
	ruff check --fix-only .
	ruff format .

clean:  ## Delete everything that was built
	rm -rf .venv .venv-peers target out dist docs/_build

$(TOOLS): pyproject.toml
	@missing=""; \
	$(PYTHON) -c 'import sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null \
	  || missing+=$$'\n  Python >= 3.10 with venv   python.org or your system (Debian: apt install python3-venv)'; \
	command -v cargo >/dev/null || missing+=$$'\n  Rust >= 1.89 (cargo)       rustup.rs'; \
	command -v c++ >/dev/null || missing+=$$'\n  a C++ compiler (c++)       your system (Debian: apt install g++)'; \
	if [ -n "$$missing" ]; then echo "Nothing was installed. Missing on this machine:$$missing"; exit 1; fi
	[ -x .venv/bin/python ] || $(PYTHON) -m venv .venv
	python -m pip install --quiet --upgrade 'pip>=25.1'
	python -m pip install --quiet --group build
	@touch $@

$(CHECKERS): pyproject.toml | $(TOOLS)
	python -m pip install --quiet --group test --group lint
	@touch $@

$(WRITERS): pyproject.toml | $(TOOLS)
	python -m pip install --quiet --group docs
	@touch $@

$(EXTENSION): $(TOOLS) $(RUST_SOURCES)
	$(WITH_LIBCLANG) PIP_QUIET=1 maturin develop
	@touch $@

# Other packages, each group in an environment of its own; sesgame comes from this folder.
.venv-peers/%/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-peers/$*
	.venv-peers/$*/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	.venv-peers/$*/bin/python -m pip install --quiet --group $* numpy tqdm
	@touch $@
