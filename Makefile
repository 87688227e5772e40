# One command for each job; `make help` lists them. Everything installs into .venv, nothing outside this folder.

PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11 python,$(shell command -v $(name))))
PORT ?= 8000
SANDBOX_PORT ?= 8100
STRIPE_PORT ?= 8200
# How many tests run at once: each worker has a database, Redis keys and files of its own. A third on two cores would end a
# little sooner, and now and then make a browser, a server or a child process late for what a test promises of it.
WORKERS ?= 2

MAKEFLAGS += --no-print-directory
# A machine that forbids Python to keep compiled files would make every start slow.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPATH :=

VENV = .venv/bin/python
INSTALL = $(if $(PYTHON),$(PYTHON),$(error Slipstream needs Python 3.11, 3.12 or 3.13 on the PATH)) tools/bootstrap.py

.PHONY: help run test check lint-api format bench bench-peers replay sandbox exchange seed-old soak lock clean
.DEFAULT_GOAL := help

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

run: ## Serve the demo: make run [PORT=8000] [CANDLES="file …" to replay real candles, each time from the start]
	@$(INSTALL)
	@$(if $(CANDLES),export SLIPSTREAM_VAR_DIR=var/replay;) exec $(VENV) manage.py serve --port $(PORT) \
	  $(if $(CANDLES),--fresh $(foreach file,$(CANDLES),--candles $(file))) $(ARGS)

test: check ## Check everything, then run every test: make test [TESTS=tests/trading] [ARGS="-k name"]
	@exec $(VENV) -m tools.services -- $(VENV) -m pytest --numprocesses $(WORKERS) $(TESTS) $(ARGS)

check: ## Format, lint, types, import contracts, missing migrations, templates, JavaScript, tests that can be collected
	@$(INSTALL) --dev
	@$(VENV) -m tools.check

lint-api: ## Hold the API's schema and docs/asyncapi.yaml to what Redocly recommends (installs it beside, not into, .venv)
	@$(INSTALL) --dev
	@exec $(VENV) -m tools.api_lint

format: ## Put the code into its one format and mend what the linter can
	@$(INSTALL) --dev
	@$(VENV) -m ruff format --quiet .
	@$(VENV) -m ruff check --fix --quiet .

bench: ## Measure every number we promise: make bench [ONLY=name]
	@$(INSTALL) --dev
	@exec $(VENV) -m tools.bench $(if $(ONLY),--only $(ONLY))

bench-peers: ## Install other backtesters beside, not into, .venv and measure ours against them
	@$(INSTALL) --dev
	@.venv/bin/uv venv --quiet --allow-existing --python $(VENV) .venv-peers
	@.venv/bin/uv pip sync --quiet --python .venv-peers --require-hashes requirements-peers.txt
	@.venv/bin/uv venv --quiet --allow-existing --python $(VENV) .venv-freqtrade
	@.venv/bin/uv pip sync --quiet --python .venv-freqtrade --require-hashes requirements-freqtrade.txt
	@exec $(VENV) -m tools.bench --only peer_vectorbt peer_vectorbt_sweep peer_backtesting peer_freqtrade

replay: ## The main job without a browser: make replay CANDLES="file …" [ARGS="--followers 100 --limit 20000"]
	@$(INSTALL)
	@exec $(VENV) manage.py replay $(foreach file,$(CANDLES),--candles $(file)) --strategy ema_cross $(ARGS)

sandbox: ## Serve the platform with a test exchange beside it: make sandbox [PORT=8000] [SANDBOX_PORT=8100] [STRIPE_PORT=8200] [CANDLES="BTC=file …"]
	@$(INSTALL)
	@export SLIPSTREAM_VAR_DIR="$${SLIPSTREAM_VAR_DIR:-var/sandbox}" STRIPE_API_BASE=http://127.0.0.1:$(STRIPE_PORT) \
	  STRIPE_SECRET_KEY=sk_test_sandbox STRIPE_WEBHOOK_SECRET=whsec_sandbox; exec $(VENV) manage.py serve_sandbox \
	  --port $(PORT) --exchange-port $(SANDBOX_PORT) --stripe-port $(STRIPE_PORT) \
	  $(if $(CANDLES),--exchange-arguments="$(foreach file,$(CANDLES),--candles $(file))") $(ARGS)

exchange: ## Serve the test exchange alone (Binance's and Kraken's dialect): make exchange [SANDBOX_PORT=8100] [ARGS="--speed 10"]
	@$(INSTALL)
	@exec $(VENV) -m sandbox --port $(SANDBOX_PORT) $(ARGS)

seed-old: ## A database as the release before this one left it: make seed-old [TARGET=var/old.sqlite3] [COMMIT=name]
	@$(INSTALL) --dev
	@exec $(VENV) -m tools.seed_old $(or $(TARGET),var/old.sqlite3) $(if $(COMMIT),--commit $(COMMIT))

soak: ## Search for what breaks, with fresh seeds; counts add up in var/soak.log: make soak [MINUTES=10] [ONLY=name]
	@$(INSTALL) --dev
	@exec $(VENV) -m tools.soak --minutes $(or $(MINUTES),10) $(if $(ONLY),--only $(ONLY))

lock: ## Pin the newest versions that requirements*.in allow
	@$(INSTALL)
	@for list in requirements requirements-dev requirements-build requirements-uv requirements-peers requirements-freqtrade requirements-saml; do \
	  .venv/bin/uv pip compile --quiet --upgrade --generate-hashes --universal --fork-strategy fewest \
	    --python-version 3.11 --no-emit-index-url --custom-compile-command 'make lock' $$list.in -o $$list.txt || exit 1; \
	done

clean: ## Remove what these commands made; the demo's data in var/ stays
	@rm -rf .venv .venv-peers .venv-freqtrade frontend/dist frontend/node_modules tools/api_lint/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis test-results
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
