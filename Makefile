# Python 3.11 or newer, git and make are all that has to be there. Everything else is installed once into .venv (pinned,
# with hashes); the stamps .venv/run and .venv/dev remember it, so that later runs start at once and need no network.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --quiet --no-input --disable-pip-version-check
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
CLIENTS := tests/clients/node_modules/.package-lock.json
WEB := gateway/web
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --prefix

.PHONY: run test lint bench lock web
.DELETE_ON_ERROR:

run: .venv/run web
	$(BIN)/gathering serve --demo

web: $(WEB)/dist/index.html # the browser's client; `npm --prefix gateway/web run dev` while working on it

test: .venv/dev $(CLIENTS) web # a process more than there are cores, for many tests wait for a clock; who is done early takes over from another
	$(NPM) $(WEB) test
	$(BIN)/python -m compileall -q -x node_modules actors engine gateway # the tests start some two hundred servers
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: .venv/dev $(WEB)/node_modules/.package-lock.json
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/pyright && $(BIN)/lint-imports
	$(NPM) $(WEB) run lint
	! grep -nE '^--|"resolved":| @ ' requirements/*.txt tests/clients/package-lock.json $(WEB)/package-lock.json # a lock file names no address

bench: .venv/dev
	$(BIN)/python -m benchmarks actors
	$(BIN)/python -m benchmarks posts
	$(BIN)/python -m benchmarks history
	$(BIN)/python -m benchmarks translation
	$(BIN)/python -m benchmarks agents

lock: .venv/dev # UPGRADE=--upgrade takes the newest versions; without it only what pyproject.toml asks for changes
	$(COMPILE) $(UPGRADE) pyproject.toml --extra agents --extra anthropic --extra chat --extra mcp --extra ollama --extra openai --group build -o requirements/run.txt
	$(COMPILE) $(UPGRADE) pyproject.toml --group build --group dev -c requirements/run.txt -o requirements/dev.txt

.venv/pyvenv.cfg:
	$(PYTHON) -m venv .venv

.venv/run: requirements/run.txt pyproject.toml | .venv/pyvenv.cfg
	$(PIP) install --require-hashes -r requirements/run.txt
	$(PIP) install --no-deps --no-build-isolation -e . && touch $@

.venv/dev: requirements/dev.txt .venv/run
	$(PIP) install --require-hashes -r requirements/dev.txt && touch $@

$(CLIENTS): tests/clients/package-lock.json | .venv/dev
	$(NPM) tests/clients ci && touch $@

$(WEB)/node_modules/.package-lock.json: $(WEB)/package-lock.json | .venv/run
	$(NPM) $(WEB) ci && touch $@

$(WEB)/dist/index.html: $(WEB)/node_modules/.package-lock.json $(shell find $(WEB)/src $(WEB)/public -type f) $(WEB)/index.html $(WEB)/vite.config.ts
	$(NPM) $(WEB) run build
