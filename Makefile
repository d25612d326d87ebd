# The commands of this repository; `make help` lists them. Works with GNU make 3.81 (macOS) and later.

VENV    := .venv
BIN     := $(VENV)/bin
PIP     := PYTHONUNBUFFERED=1 $(BIN)/python -m pip --disable-pip-version-check --no-input
UV      := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --python $(BIN)/python --compile-bytecode --no-deps
PLUGINS := api local hsm awskms gcpkms azurekv masterkey example
PYTHONS := $(if $(PYTHON),$(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)

SOFTHSM := /usr/lib/softhsm/libsofthsm2.so /usr/lib64/pkcs11/libsofthsm2.so /opt/homebrew/lib/softhsm/libsofthsm2.so \
	/usr/local/lib/softhsm/libsofthsm2.so

MADE      := $(VENV)/.made
LIBRARIES := $(VENV)/.libraries
INSTALLED := $(VENV)/.installed

PLUGIN_PACKAGES := sealring-plugin-api sealring-local sealring-hsm sealring-awskms sealring-gcpkms sealring-azurekv sealring-masterkey
RESOLVE := $(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-annotate --no-header
LOCK := $(RESOLVE) $(PLUGIN_PACKAGES:%=--no-emit-package %) pyproject.toml \
	--extra embedded --extra hsm --extra aws --extra gcp --extra azure --extra otel --extra s3

.DEFAULT_GOAL := help
.PHONY: help setup dev test check lint torture mutants test-long test-clouds test-kubernetes chart softhsm nginx promtool chromium portal-screens bench docs wheels release-check lock clean

help:  ## List the targets
	@echo 'make ...'
	@awk 'BEGIN { FS = ":.*## " } /^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-17s%s\n", $$1, $$2 }' Makefile

##@ Use
setup: $(INSTALLED)  ## Make .venv with sealring in it, ready to run (PYTHON=python3.12 to choose a Python)

dev: setup  ## Run a development server with its own store (ARGS=...)
	@$(BIN)/sealring dev $(ARGS)

clean:  ## Remove .venv and all files that tools made; your data in .sealring stays
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov \
		build dist site
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Test
test: $(if $(ARGS),check,lint) softhsm nginx promtool chromium  ## Run everything that CI runs (ARGS=... go to pytest, which then runs only those tests)
	@echo '== $(if $(ARGS),pytest,pytest and mypy)'
	@$(if $(ARGS),$(BIN)/pytest $(ARGS),$(BIN)/python tests/parts.py)

check: lint  ## Run everything that CI runs, except the tests
	@echo '== mypy (the first run takes a minute)'
	@$(BIN)/mypy

lint: setup
	@echo '== ruff format'
	@$(BIN)/ruff format --check .
	@echo '== ruff check'
	@$(BIN)/ruff check .
	@echo '== lint-imports'
	@$(BIN)/lint-imports --no-logo
	@echo '== deptry'
	@$(BIN)/deptry app

torture: setup softhsm nginx promtool chromium  ## Run the tests that take minutes (ARGS=... go to pytest)
	@$(BIN)/pytest -m torture $(ARGS)
	@echo '== the servers of all tests, with threads instead of an event loop'
	@SEALRING_TEST_WORKER=threads $(BIN)/pytest tests -q
	@echo '== the SDKs and vault.v1, with a cluster as the store and keys in a token'
	@SEALRING_TEST_STORE=cluster SEALRING_TEST_KEYS=hsm $(BIN)/pytest tests/sdk tests/connect tests/http/test_keyrings.py -q
	@echo '== vault.v1, on a primary with replicas'
	@SEALRING_TEST_STORE=replicas $(BIN)/pytest tests/connect tests/http/test_keyrings.py -q

mutants: setup softhsm nginx promtool chromium  ## Change the code; each change must fail a test (ARGS=--list, --only NAME, --package P)
	@PYTHONPATH=tests $(BIN)/python -m mutants.run $(ARGS)

test-long: torture mutants  ## Run what takes too long for CI

test-clouds: setup  ## Test key providers with real accounts (see docs/byok.md)
	@$(BIN)/pytest -m clouds tests/clouds $(ARGS)

test-kubernetes: setup  ## Test the chart on a real kube-apiserver, built once, in a quarter of an hour (ARGS=...)
	@PYTHONPATH=tests $(BIN)/python -m kubernetes.software
	@$(BIN)/pytest -m kubernetes tests/kubernetes $(ARGS)

softhsm: # the tests have keys in a token of SoftHSM
	@for module in $(SOFTHSM); do test -e "$$module" && exit 0; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo 'Installing softhsm2 ...'; apt-get update -qq && apt-get install -qq -y softhsm2 >/dev/null; \
	else \
		echo 'The tests need SoftHSM2: sudo apt-get install softhsm2, or brew install softhsm' >&2; exit 1; \
	fi

nginx: # the tests compare what it and the server take for a request
	@command -v nginx >/dev/null || test -x /usr/sbin/nginx || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo 'Installing nginx-light, not started ...'; \
		apt-get update -qq && RUNLEVEL=1 apt-get install -qq -y nginx-light >/dev/null; \
	else \
		echo 'The tests need nginx: sudo apt-get install nginx-light, or brew install nginx' >&2; exit 1; \
	fi

promtool: # the tests make the cause of each alert, and see that it fires
	@command -v promtool >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo 'Installing prometheus for its promtool, not started ...'; \
		apt-get update -qq && RUNLEVEL=1 apt-get install -qq -y --no-install-recommends prometheus >/dev/null; \
	else \
		echo 'The tests need promtool: sudo apt-get install prometheus, or brew install prometheus' >&2; exit 1; \
	fi

chromium: setup # the tests walk through the portal in it; Ubuntu has it as a snap alone, which containers cannot run
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || \
	if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		$(BIN)/playwright install chromium; \
	elif grep -q '^ID=ubuntu' /etc/os-release; then \
		$(BIN)/playwright install --with-deps chromium; \
	else \
		echo 'Installing chromium ...'; \
		apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	fi

bench: setup  ## Measure the server (ARGS=...)
	@PYTHONPATH=tests $(BIN)/python benchmarks/bench.py $(ARGS)

##@ Docs
chart: setup  ## Describe the values of the Helm chart again: its schema and the table of its README
	@$(BIN)/python helm/describe.py

portal-screens: setup chromium  ## Make the pictures of docs/portal.md again: docs/images/portal
	@command -v pngquant >/dev/null || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then apt-get install -qq -y pngquant >/dev/null; \
	else echo 'The pictures need pngquant: sudo apt-get install pngquant, or brew install pngquant' >&2; exit 1; fi
	@$(BIN)/pytest -m screens tests/portal/chromium

docs: setup  ## Build the documentation as a site, site/index.html
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo 'Open site/index.html'

##@ Release
wheels:  ## Build all distributions into dist/, check them, install them in a clean environment
	@.ci/wheels

release-check: setup  ## Build everything that a release publishes, and use the wheels without the checkout
	@.ci/release-check

lock: setup  ## Resolve the requirements*.lock files again (ARGS=--upgrade for newer versions)
	$(LOCK) $(ARGS) -o requirements.lock
	$(LOCK) $(ARGS) --group dev --group docs -o requirements-dev.lock
	$(RESOLVE) $(ARGS) --constraint requirements-dev.lock --group pyproject.toml:release -o requirements-release.lock

# --- .venv, in three steps; each leaves a stamp, and runs again only if its prerequisites are newer.
# --no-deps, since the lock is complete: for an extra (coverage[toml]), pip would look for a newer version than the pin.

$(MADE):
	@for python in $(PYTHONS); do \
		"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		"$$python" -c 'import ensurepip, venv' 2>/dev/null || { \
			echo "$$python cannot make virtual environments. On Debian or Ubuntu: sudo apt-get install python3-venv" >&2; \
			exit 1; }; \
		echo "Making $(VENV) with $$("$$python" --version) ..."; \
		"$$python" -m venv --clear $(VENV) && touch $@; exit; \
	done; \
	echo 'sealring needs Python 3.11 or newer; tried: $(PYTHONS). Choose one with make PYTHON=/path/to/python3' >&2; \
	exit 1

$(LIBRARIES): $(MADE) requirements-dev.lock
	@rm -f $@
	@echo 'Installing the libraries of requirements-dev.lock; half a minute the first time ...'
	@awk '/^uv==/ { uv = 1 } uv; uv && !/\\$$/ { exit }' requirements-dev.lock > $(VENV)/uv.txt
	@$(PIP) install --quiet --no-deps --require-hashes -r $(VENV)/uv.txt
	@$(INSTALL) --require-hashes -r requirements-dev.lock || { \
		echo 'uv could not; it reads no pip.conf. Trying with pip, a minute or two ...'; \
		$(PIP) install --quiet --no-deps --require-hashes -r requirements-dev.lock; }
	@touch $@

$(INSTALLED): $(LIBRARIES) pyproject.toml $(PLUGINS:%=plugins/%/pyproject.toml)
	@echo 'Installing sealring, editable ...'
	@$(INSTALL) $(PLUGINS:%=-e plugins/%) -e . || $(PIP) install --quiet --no-deps $(PLUGINS:%=-e plugins/%) -e .
	@test -x $(BIN)/sealring
	@$(BIN)/python -m compileall -q app plugins/*/src # else each command compiles anew if PYTHONDONTWRITEBYTECODE is set
	@touch $@
