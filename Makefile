# `make talk` and `make test` do all the set-up that they need; a second run does none of it again.

PYTHON ?= python3
BIN := .venv/bin
PACKAGE := .venv/.package
DEV := .venv/.dev

EXTRAS := .venv/.extras

.PHONY: help talk llama-cpu test check format lint types contracts size words fast-test quick screens model-test card-test extras-test models system clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

talk: system models ## set everything up and hold a conversation (ARGS="--voice bm_george")
	@$(BIN)/voicecli talk $(ARGS) || [ $$? -eq 130 ] # Ctrl-C is how a conversation ends

test: system models $(DEV) ## all tests that need no sound card, the ones on real models included
	$(BIN)/python -m pytest -m "not card" --require-models $(ARGS)

check: format lint types contracts size words fast-test ## what to run before a push

format: $(DEV) ## fail where the code is not formatted
	$(BIN)/ruff format --check .

lint: $(DEV) ## ruff
	$(BIN)/ruff check .

types: $(DEV) ## mypy, strict, tests too
	$(BIN)/mypy

contracts: $(DEV) ## imports go down only, without cycles
	$(BIN)/lint-imports

size: $(DEV) ## files, functions and constructors stay small
	$(BIN)/python scripts/check_size.py

words: $(DEV) ## the terms of docs/glossary.md, and none that they replaced
	$(BIN)/python scripts/check_words.py

screens: $(DEV) ## take the pictures of tests/screens anew, as text
	$(BIN)/python -m pytest -q tests/screens --update-screens

fast-test: $(DEV) ## tests without models and sound card; pure modules fully covered
	$(BIN)/python -m pytest -q -n auto -m "not model and not card" --cov --cov-report=term:skip-covered --cov-fail-under=100 $(ARGS)

quick: $(DEV) ## a few fast tests, without the coverage gate (ARGS="-k segmenter")
	$(BIN)/python -m pytest -q -m "not model and not card" $(ARGS)

model-test: system models $(DEV) ## tests on real models, on all cores; those that need a quiet machine are in make test
	$(BIN)/python -m pytest -q -n auto --dist loadfile -m "model and not card and not quiet" --require-models $(ARGS)

card-test: system models $(DEV) ## conversations through a virtual sound card (needs PulseAudio)
	$(BIN)/python -m pytest -m card --require-models --require-card $(ARGS)

extras-test: models $(EXTRAS) ## Japanese and Chinese, and the bridges to Pipecat and Ray Serve, which are extras
	$(BIN)/python -m pytest tests/server/test_pipecat.py tests/server/test_pipecat_services.py tests/server/test_ray_app.py tests/contract/test_languages.py --require-models $(ARGS)

models: $(PACKAGE)
	@$(BIN)/voicecli download-models

llama-cpu: $(PACKAGE) ## a llama.cpp that uses all of this processor (a minute; installs cmake and g++ where it may)
	@sh scripts/system-packages.sh cmake g++
	@wheel=$$(sh scripts/build-llama-cpu.sh $(BIN)/python .venv/llama-cpu) && { [ -z "$$wheel" ] || \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --force-reinstall "$$wheel"; }

system:
	@sh scripts/system-packages.sh libportaudio2 libgomp1

$(PACKAGE): pyproject.toml
	@sh scripts/make-venv.sh $(PYTHON)
	@$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --progress-bar on --disable-pip-version-check --editable .
	@touch $@

$(DEV): $(PACKAGE)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@

$(EXTRAS): $(DEV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev,languages,pipecat,ray]"
	@touch $@

clean: ## remove the virtual environment and caches; models stay
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
