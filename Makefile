# Every target sets up what it needs: a virtual environment in .venv with the locked versions.
PYTHON ?= python3
# Set to https://download.pytorch.org/whl/cpu on a Linux machine without a GPU: saves 2.6 GB of CUDA libraries.
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
PIP_FLAGS := --disable-pip-version-check --quiet --progress-bar on
INDEX_FLAGS := $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
# The files of the tests are shared out among processes of one thread each; the slowest tests are named.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile --durations=25 --durations-min=5

.PHONY: help setup extras install demo serve notebooks run-notebooks docs test test-slow drills lint format lock clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: $(VENV)/.installed ## Make .venv and install the package with its locked dependencies

$(VENV)/.installed: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "$(PYTHON) is older than Python 3.11. Install a newer one and call: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PIP_FLAGS) $(INDEX_FLAGS) -c requirements.lock -e '.[train,dev]'
	@touch $@

install: ## Make .venv with the light install alone: reads and serves, without PyTorch
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(PIP_FLAGS) -c requirements.lock .
	@rm -f $(VENV)/.installed

demo: setup ## Compose lines, learn to read them, show it: about a minute, no download of data
	$(BIN)/text-recognizer demo

serve: setup ## Serve the page to write on, and the API behind it, on http://127.0.0.1:8000
	$(BIN)/text-recognizer serve

$(VENV)/.extras: $(VENV)/.installed
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --progress-bar on $(INDEX_FLAGS) -c requirements.lock -e '.[train,dev,notebooks,wandb,docs,cluster]'
	@touch $@

extras: $(VENV)/.extras ## Install what notebooks, documents, Weights & Biases and clusters need

notebooks: extras ## Open the notebooks in Jupyter
	$(BIN)/jupyter lab notebooks

run-notebooks: extras ## Run the notebooks and save them with their pictures
	$(BIN)/python scripts/run_notebooks.py

docs: extras ## Build the documents in build/docs; warnings are errors
	$(BIN)/sphinx-build --fail-on-warning --keep-going --nitpicky --quiet docs build/docs

test: setup ## Run the default tests
	$(PYTEST)

test-slow: extras ## Run the slow tests
	$(PYTEST) -m slow

drills: extras ## Run the long drills: broken pictures, memory, slow clients, downloads, parsers, killed trainings, nodes and workers
	DRILL_EXAMPLES=2000 $(BIN)/python -m pytest tests/faults -m "slow or drill or not slow"
	$(BIN)/python -m pytest --ignore=tests/faults -m drill

lint: setup ## Check style, types and which room imports which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: setup ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: setup ## Resolve the newest versions and write requirements.lock
	$(BIN)/python scripts/lock.py

clean: ## Remove the virtual environment and the caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache data/processed
