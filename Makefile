# SPDX-License-Identifier: Apache-2.0 OR MIT
# make serve      set up .venv, start the server, print its URLs
# make test       lint, types, all tests with coverage
# make test-all   test, and the soak runs, long simulations and PyPy
# make mypyc      the cryptography's tests and speed where mypyc has compiled its kernels
# make bench      speed beside other servers, as ratios

SHELL   := /bin/sh
PYTHON  ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
             if $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$p; break; fi; done)
PYPY    ?= pypy3
VENV    := .venv
BIN     := $(VENV)/bin
JOBS    ?= 2
ARGS    ?=

.DEFAULT_GOAL := help
.PHONY: help serve test test-all test-pypy mypyc lint type format bench docs man clean check-python

help:
	@sed -n 's/^# make/make/p' Makefile

check-python:
	@if [ -z "$(PYTHON)" ]; then echo "sws needs Python 3.11 or newer (python3 here: $$(python3 --version 2>&1 || echo none))" >&2; exit 1; fi
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "sws needs Python's venv module: install python3-venv" >&2; exit 1; }

$(VENV)/.run: pyproject.toml | check-python
	@[ -x $(BIN)/python ] || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'PyYAML>=6.0' 'click>=8.1'
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/.run
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

serve: $(VENV)/.run
	@exec $(BIN)/python -m sws start -c sws.yaml $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

type: $(VENV)/.dev
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 sws/os/poller sws/base sws/proto
	$(BIN)/mypy --platform darwin

test: lint type
	$(BIN)/python -m pytest -n $(JOBS) --dist loadgroup -m 'not soak' --cov --cov-report=term $(ARGS)

test-all: test test-pypy
	$(BIN)/python -m pytest -m soak $(ARGS)

test-pypy: .venv-pypy/.dev
	.venv-pypy/bin/python -m pytest -n $(JOBS) --dist loadgroup -m 'not soak' $(ARGS)

.venv-pypy/.dev: pyproject.toml
	@$(PYPY) -c 'import sys; sys.exit(sys.implementation.name != "pypy" or sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "test-pypy needs PyPy 3.11 as $(PYPY) (or PYPY=...)" >&2; exit 1; }
	@[ -x .venv-pypy/bin/python ] || $(PYPY) -m venv .venv-pypy 2>/dev/null || $(PYPY) -m venv --without-pip .venv-pypy
	@if [ -x .venv-pypy/bin/pip ]; then .venv-pypy/bin/python -m pip install --quiet '.[test]'; \
	 else $(PYTHON) -m pip --python .venv-pypy/bin/python install --quiet '.[test]'; fi
	@touch $@

.venv-mypyc/.dev: pyproject.toml setup.py | check-python
	@[ -x .venv-mypyc/bin/python ] || $(PYTHON) -m venv .venv-mypyc
	@.venv-mypyc/bin/python -m pip install --quiet --disable-pip-version-check 'setuptools>=68' 'mypy[mypyc]>=2.4' '.[test,bench,mypyc]'
	@.venv-mypyc/bin/python -m pip uninstall --quiet --yes sws
	@touch $@

.venv-mypyc/.built: .venv-mypyc/.dev setup.py sws/crypto/kernels/*.py
	@SWS_MYPYC=1 .venv-mypyc/bin/python setup.py --quiet build --build-base .venv-mypyc/build --build-lib .venv-mypyc/lib-built
	@touch $@

mypyc: .venv-mypyc/.built
	@rm -rf .venv-mypyc/tree && mkdir .venv-mypyc/tree && cp -R bench tests vectors docs pyproject.toml .venv-mypyc/lib-built/. .venv-mypyc/tree
	cd .venv-mypyc/tree && ../bin/python -m pytest -n $(JOBS) --dist loadgroup -m 'not soak' tests/crypto $(ARGS)
	cd .venv-mypyc/tree && ../bin/python -m bench.crypto --json mypyc.json

bench: $(VENV)/.dev
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m bench.crypto --docs
	$(BIN)/python -m bench.h1 $(ARGS)
	$(BIN)/python -m bench.tls
	$(BIN)/python -m bench.h2
	$(BIN)/python -m bench.quic
	$(BIN)/python -m bench.h3

docs: $(VENV)/.dev
	$(BIN)/python -m docs.generate
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

man: $(VENV)/.dev
	$(BIN)/python -m man.generate

clean:
	rm -rf $(VENV) .venv-pypy .venv-mypyc build dist docs/_build .coverage* .mypy_cache .ruff_cache .pytest_cache
