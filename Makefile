# Everything a newcomer needs: `make demo` and `make test`. Only Python 3.11 or newer is required.
#   make demo PORT=8001 PYTHON=python3.12

PYTHON ?= python3
# How many test processes; the tests of one file stay together.
JOBS ?= auto
BIN := .venv/bin
# The shipped production settings, with keys that live only for this one check.
PRODUCTION = $$(grep -v '^\#' docker/production.env.example) SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))') FIELD_KEYS=check:$$($(BIN)/python -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())')
ANY_ADDRESS = SECRET_KEY=only-for-this-check DATABASE_URL=postgres:///none REDIS_URL=redis://localhost/0

.DEFAULT_GOAL := help
.PHONY: help demo test chaos lint bench scores lock messages clean dev

help: ## show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 16

demo: ## build .venv, start everything with demo data, print a login; Ctrl-C stops it
	@$(PYTHON) ops/bootstrap.py demo --stop-with-parent

dev: ## install into .venv what the tests and checks need
	@$(PYTHON) ops/bootstrap.py dev

test: dev ## install, then run every test; what this machine lacks is skipped and said
	$(BIN)/python -m pytest -n $(JOBS) --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

# How long, and which story: the same seed tells the same one.
MINUTES ?= 10
SEED ?= 1

chaos: dev ## the long form of the chaos tests: MINUTES of misfortunes drawn from SEED
	CHAOS_MINUTES=$(MINUTES) CHAOS_SEED=$(SEED) $(BIN)/python -m pytest -m chaos tests/flows/test_chaos.py $(ARGS)

lint: dev ## style, import contracts, types, missing migrations, production settings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	env $(ANY_ADDRESS) $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	env $(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

bench: dev ## the figures of docs, as ratios against a floor measured in the same run
	$(BIN)/python -m benchmarks

scores: dev ## how well texts are read, on real documents (CLOSELOOP_DATA, else ../shared/data)
	$(BIN)/python -m benchmarks.scores

lock: ## resolve the pins in pyproject.toml anew (needs uv)
	uv pip compile pyproject.toml --extra embedded --universal --python-version 3.11 --generate-hashes \
	  --custom-compile-command "make lock" --output-file requirements.txt --quiet
	uv pip compile pyproject.toml --extra embedded --group dev --universal --python-version 3.11 --generate-hashes \
	  --custom-compile-command "make lock" --constraints requirements.txt --output-file requirements-dev.txt --quiet

messages: dev ## renew the Chinese catalogue in locale/ and compile it (needs gettext)
	env $(ANY_ADDRESS) $(BIN)/python -W ignore manage.py makemessages --locale zh_Hans --no-location --no-obsolete --no-wrap \
	  --ignore 'tests/*' --ignore benchmarks
	env $(ANY_ADDRESS) $(BIN)/python -W ignore manage.py compilemessages --locale zh_Hans --ignore .venv

clean: ## remove caches and test results; data, secrets and .venv stay
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache staticfiles test-results
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
