# Each command sets up what it needs in .venv and does nothing twice.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
# Where HiGHS, the LP solver, comes from. `package`: the library that the locked package highsbox
# brings. `source`: compiled, and linked into the extension, as in the wheels.
HIGHS ?= $(if $(filter Linux,$(shell uname -s)),package,source)
# How the extension is compiled: `develop`, or `release` as in the wheels.
PROFILE ?= develop
# Another environment, and the lock that it is made from: see test-newest and test-lowest.
VENV ?= .venv
LOCK ?= requirements
export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PATH := $(VIRTUAL_ENV)/bin:$(PATH)
export MATURIN_NO_INSTALL_RUST := 1
# libclang, CMake and HiGHS come from the environment, not from the system.
SITE_PACKAGES = $(VIRTUAL_ENV)/lib/python3*/site-packages
WITH_LIBCLANG = export LIBCLANG_PATH="$${LIBCLANG_PATH:-$$(echo $(SITE_PACKAGES)/clang/native)}";
ifeq ($(HIGHS),package)
# What pkg-config is told of the library names the folder in which that was built.
WITH_HIGHS = $(WITH_LIBCLANG) highs="$$(echo $(SITE_PACKAGES)/highsbox/highs_dist)"; \
	sed -e "s|^libdir=.*|libdir=$$highs/lib|; s|^includedir=.*|includedir=$$highs/include/highs|" \
	  "$$highs/lib/pkgconfig/highs.pc" > $(VIRTUAL_ENV)/highs.pc; \
	export PKG_CONFIG=pkgconf PKG_CONFIG_PATH=$(VIRTUAL_ENV) RUSTFLAGS="-C link-arg=-Wl,-rpath,$$highs/lib" \
	RUSTDOCFLAGS="-C link-arg=-Wl,-rpath,$$highs/lib";
CARGO_OPTIONS := --locked --profile $(PROFILE) --no-default-features --features shared-highs
else ifeq ($(HIGHS),source)
WITH_HIGHS = $(WITH_LIBCLANG)
CARGO_OPTIONS := --locked --profile $(PROFILE)
else
$(error HIGHS is "$(HIGHS)"; it must be "package" or "source")
endif
INSTALL := python release/install_locked.py
TOOLS := $(VENV)/.tools
TESTERS := $(VENV)/.testers
CHECKERS := $(VENV)/.checkers
WRITERS := $(VENV)/.writers
# One file lies in python/sesgame, whatever was built last.
EXTENSION := target/.extension$(VENV)-$(HIGHS)-$(PROFILE)
PEERS := $(foreach group,peers auction-peers sampling-peers,.venv-peers/$(group)/.installed)
RUST_SOURCES := Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name Cargo.toml)

.PHONY: help run test test-rust test-python test-slow test-newest test-lowest floors test-wheel versions lint docs bench \
	measure bench-peers measure-peers notices lock dist format clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 20

run: $(EXTENSION)  ## Allocate one month of the example community and show the result
	sesgame allocate examples/rural13 --rules shapley,nucleolus --start 2016-06-01 --end 2016-07-01 --out out/rural13 --report --letters

test: test-rust test-python  ## Run all tests, Rust and Python, but the slow ones

# With CI the examples are the same each time, as in tests/conftest.py.
test-rust: $(TOOLS)
	$(WITH_HIGHS) $(if $(CI),PROPTEST_RNG_SEED=1) cargo test --workspace $(CARGO_OPTIONS)

test-python: $(EXTENSION) $(TESTERS)
	python -m pytest -n auto -m "not slow"

test-slow: $(EXTENSION) $(TESTERS)  ## Run the tests that take long
	python -m pytest -n auto -m slow

test-newest: $(TOOLS)  ## Run the Python tests with the newest of every dependency
	rm -rf .venv-newest
	python release/lock.py .venv-newest/lock build test
	$(MAKE) VENV=.venv-newest LOCK=.venv-newest/lock versions test-python

test-lowest: $(TOOLS)  ## Run the Python tests with the oldest dependencies that pyproject.toml allows
	for version in 3.10 3.11; do \
	  rm -rf .venv-lowest-$$version && python release/lock.py .venv-lowest-$$version/lock build test --resolution lowest-direct --python $$version \
	  && $(MAKE) VENV=.venv-lowest-$$version LOCK=.venv-lowest-$$version/lock PYTHON="$$(python release/pythons.py $$version)" \
	    versions floors test-python \
	  || exit 1; \
	done

floors: $(TESTERS)
	python release/floors.py

test-wheel: dist $(EXTENSION)  ## Run the Python tests on the wheel, and compare its results to the last bit
	rm -rf .venv-wheel && $(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/python release/install_locked.py requirements/build.txt requirements/test.txt
	.venv-wheel/bin/python -m pip install --quiet --no-deps dist/*.whl
	PATH="$(CURDIR)/.venv-wheel/bin:$$PATH" python -m pytest -n auto -m "not slow" tests
	diff <(python release/result_digests.py) <(.venv-wheel/bin/python release/result_digests.py)
	@echo "The wheel and the build for development give the same bits."

versions: $(EXTENSION) $(TESTERS)  ## Show what is installed
	@python release/versions.py

lint: $(EXTENSION) $(TESTERS) $(CHECKERS)  ## Check format, lints, types and the stub of the extension
	cargo fmt --all --check
	$(WITH_HIGHS) cargo clippy --workspace --all-targets $(CARGO_OPTIONS) -- -D warnings
	ruff check .
	ruff format --check .
	mypy
	python -m mypy.stubtest sesgame._engine --ignore-missing-stub

docs: $(EXTENSION) $(WRITERS)  ## Build the documentation, docs/_build/html/index.html
	python -m sphinx -b html -q -W --keep-going docs docs/_build/html

bench:  ## Measure what is shipped, as ratios against a peer or the machine's limit
	$(MAKE) HIGHS=source PROFILE=release measure

measure: $(EXTENSION) $(TESTERS)
	$(WITH_HIGHS) cargo bench --locked --workspace
	pytest benches --benchmark-only -p no:xdist
	python benches/report/stability_figures.py

bench-peers:  ## Measure side by side with other packages: docs/benchmarks.md
	$(MAKE) HIGHS=source PROFILE=release measure-peers

measure-peers: $(EXTENSION) $(PEERS)
	python benches/report/peers.py

notices: $(TOOLS)  ## Write the notices of what is compiled into the extension
	python release/third_party_notices.py

lock: $(TOOLS)  ## Renew the lock: the newest versions that fit, of packages and crates
	python release/lock.py requirements
	cargo update

dist: $(TOOLS)  ## Build sdist and wheel, check both, and try the wheel with each Python at hand
	rm -rf dist
	$(INSTALL) requirements/dist.txt
	maturin sdist --out dist
	$(WITH_LIBCLANG) CARGO_TARGET_DIR=$(CURDIR)/target python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist dist/*.tar.gz
	python release/check_dist.py

format: $(CHECKERS)  ## Format all sources
	cargo fmt --all
	ruff check --fix-only .
	ruff format .

clean:  ## Delete everything that was built
	rm -rf .venv .venv-* target out dist docs/_build

$(TOOLS): $(LOCK)/build.txt requirements/uv.txt Cargo.lock
	@missing=""; \
	$(PYTHON) -c 'import sys, venv; sys.exit(sys.version_info < (3, 10))' 2>/dev/null \
	  || missing+=$$'\n  Python >= 3.10 with venv   python.org or your system (Debian: apt install python3-venv)'; \
	command -v cargo >/dev/null || missing+=$$'\n  Rust >= 1.89 (cargo)       rustup.rs'; \
	command -v c++ >/dev/null || missing+=$$'\n  a C++ compiler (c++)       your system (Debian: apt install g++)'; \
	if [ -n "$$missing" ]; then echo "Nothing was installed. Missing on this machine:$$missing"; exit 1; fi
	@[ -x $(VENV)/bin/python ] || $(PYTHON) -m venv $(VENV)
	$(INSTALL) $(LOCK)/build.txt
	@said="$$(cargo fetch --locked --quiet 2>&1)" || { \
	  echo "Nothing was built: the crates of Cargo.lock were not fetched ($$(head -1 <<<"$$said")); check the network and run again"; exit 1; }
	@touch $@

$(TESTERS): $(LOCK)/test.txt | $(TOOLS)
	$(INSTALL) $<
	@touch $@

$(CHECKERS): $(LOCK)/lint.txt | $(TOOLS)
	$(INSTALL) $<
	@touch $@

$(WRITERS): $(LOCK)/docs.txt | $(TOOLS)
	$(INSTALL) $<
	@touch $@

$(EXTENSION): $(TOOLS) $(RUST_SOURCES)
	@rm -f target/.extension*
	$(WITH_HIGHS) maturin develop --quiet --uv $(CARGO_OPTIONS)
	@touch $@

# Other packages, each group in an environment of its own; sesgame comes from this folder.
.venv-peers/%/.installed: pyproject.toml
	$(PYTHON) -m venv .venv-peers/$*
	.venv-peers/$*/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
	.venv-peers/$*/bin/python -m pip install --quiet --group $* numpy tqdm tzdata
	@touch $@
