# `make` is what every commit must pass. It needs Rust, CPython 3.10 or newer with pip, and no root.
# VENV and PYTHON choose another interpreter: make pytest VENV=.venv313 PYTHON=python3.13

PYTHON ?= python3
VENV ?= .venv
PROFILE ?= release
CARGO_FLAGS ?=
PYTEST_ARGS ?=
# The tests of a group share something dear, and stay in one process.
PARALLEL ?= -n auto --dist worksteal
# One test waits for one Odoo, which is busy on one core. A database that is given is there once.
ODOO_PARALLEL ?= $(if $(DATABASE_URL),,-n 2 --dist loadfile)
SOAK_SECONDS ?= 30
SOAK_COMMITS ?= 100000
SOAK_HITS ?= 200000
SOAK_OPERATIONS ?= 100000
FUZZ_CASES ?= 1000000
FUZZ_SECONDS ?= 600

BIN := $(abspath $(VENV))/bin

# One interpreter for maturin and clippy, or pyo3 would be configured anew at every change between them.
export PYO3_PYTHON := $(BIN)/python
export VIRTUAL_ENV := $(abspath $(VENV))

.NOTPARALLEL:
.DEFAULT_GOAL := all
.PHONY: all help deps build lint lint-rust lint-python deny test test-rust pytest test-odoo demo bench bench-core soak fuzz clean

all: lint test  ## lint and test: what every commit must pass (the default)

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: $(VENV)/.deps

$(VENV)/.deps: pyproject.toml
	@# Debian's python3 comes without ensurepip; its pip can still fill an empty environment.
	test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || \
		{ $(PYTHON) -m venv --clear --without-pip $(VENV) && $(PYTHON) -m pip -q --python $(BIN)/python install pip; }
	$(BIN)/python -m pip install -q --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install -q --group dev
	touch $@

$(VENV)/.bench-deps: $(VENV)/.deps
	$(BIN)/python -m pip install -q --group bench
	touch $@

build: deps  ## make .venv and build the module into it, optimised unless PROFILE=dev
	PIP_QUIET=1 $(BIN)/maturin develop -q --profile $(PROFILE) --group build $(CARGO_FLAGS)

lint: lint-rust deny lint-python  ## formatters, linters, types, stubs, licences

lint-rust: deps
	cargo fmt --check
	cargo check -q $(CARGO_FLAGS) --no-default-features
	cargo clippy -q $(CARGO_FLAGS) --no-default-features --all-targets -- -D warnings
	cargo clippy -q $(CARGO_FLAGS) --all-targets -- -D warnings
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo clippy -q $(CARGO_FLAGS) --manifest-path fuzz/Cargo.toml --target-dir target --no-default-features --all-targets -- -D warnings

deny:
	@if cargo deny --version >/dev/null 2>&1; then \
		echo "cargo deny check bans licenses sources" && \
		cargo deny --log-level error check --hide-inclusion-graph bans licenses sources; \
	else \
		echo "left out: cargo deny is not installed; install it with 'cargo install cargo-deny --locked --debug'"; \
	fi

lint-python: build
	$(BIN)/ruff check -q .
	$(BIN)/ruff format -q --check .
	$(BIN)/mypy
	$(BIN)/stubtest hitrate._native --mypy-config-file pyproject.toml

test: test-rust pytest  ## everything that needs no root, on real servers, and no Odoo (test-odoo); says what was skipped and why

test-rust:  ## the Rust core, without Python
	@if cargo nextest --version >/dev/null 2>&1; then \
		echo "cargo nextest run --no-default-features" && cargo nextest run $(CARGO_FLAGS) --no-default-features; \
	else \
		echo "cargo test --no-default-features" && cargo test -q $(CARGO_FLAGS) --no-default-features --lib --tests; \
	fi
	cargo test -q $(CARGO_FLAGS) --no-default-features --doc

pytest: build  ## the Python tests, several at once where each process may start its own server
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

test-odoo: deps  ## a real Odoo 19 (Debian's package, PostgreSQL, Redis, two workers) with the example addons
	@# Downloads wait for the network, and the build for the processor: both at once.
	@$(BIN)/python -m tests.with_odoo.prepare download & downloads=$$!; \
		$(MAKE) build; built=$$?; wait $$downloads && exit $$built
	$(BIN)/python -m tests.with_odoo.prepare
	@echo "the tests, in two processes: each makes a database, installs the addons, and has two workers serve"
	HITRATE_TEST_ODOO=1 $(BIN)/python -m pytest -v $(ODOO_PARALLEL) tests/with_odoo $(PYTEST_ARGS)

demo: build  ## run the example shop and print what the cache does; SERVE=1 keeps it serving
	$(BIN)/python examples/django_shop/demo.py

bench: build $(VENV)/.bench-deps  ## compare with other libraries on one server
	$(BIN)/python benches/compare.py

bench-core:  ## micro benchmarks of the Rust core
	cargo bench $(CARGO_FLAGS) --no-default-features

soak: build  ## tests/faults: each hammering test for SOAK_SECONDS, stale fills looked for over SOAK_COMMITS, SOAK_HITS limited, SOAK_OPERATIONS awaited
	@# One test alone may go on for longer than a test that hangs is otherwise given.
	HITRATE_SOAK=$(SOAK_SECONDS) HITRATE_COMMITS=$(SOAK_COMMITS) HITRATE_HITS=$(SOAK_HITS) \
		HITRATE_OPERATIONS=$(SOAK_OPERATIONS) \
		$(BIN)/python -m pytest tests/faults -o faulthandler_timeout=3600 $(PYTEST_ARGS)

fuzz:  ## property tests with FUZZ_CASES cases each; then cargo fuzz, where installed, FUZZ_SECONDS per target
	PROPTEST_CASES=$(FUZZ_CASES) cargo test --release $(CARGO_FLAGS) --no-default-features --lib
	@if cargo fuzz --version >/dev/null 2>&1; then \
		for target in $$(cargo fuzz list); do \
			words=; if test -f fuzz/$$target.dict; then words=-dict=fuzz/$$target.dict; fi; \
			cargo +nightly fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) $$words || exit 1; \
		done; \
	else \
		echo "left out: cargo fuzz is not installed; install it with 'cargo install cargo-fuzz --locked'"; \
	fi

clean:  ## remove what was built; the environments stay
	cargo clean
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f python/hitrate/_native*.so python/hitrate/_native*.pyd
	find python tests examples benches -name __pycache__ -prune -exec rm -rf {} +
