# Each target does its own set-up: nothing but make and Python 3.11 or later is needed. `make help` lists them.

VENV   := .venv
BIN    := $(VENV)/bin
# The first of these that is new enough; `make PYTHON=/path/to/python` chooses another.
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11 python,$(if $(filter ok,$(call new_enough,$(p))),$(p))))

new_enough = $(shell $(1) -c 'import sys; print("ok" if sys.version_info >= (3, 11) else "old")' 2>/dev/null)

# Folders too, so that a deleted file also makes a new wheel.
PACKAGES := kozamori detector producers models
SOURCES  := pyproject.toml README.md LICENSE NOTICE $(shell find $(PACKAGES) -not -path '*/__pycache__*' -not -name '*.nb[ci]')

LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --fork-strategy fewest \
        --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header

# pip finds nothing in the checkout and the checkout is on nobody's path: what runs is the installed wheel.
export PYTHONSAFEPATH := 1
unexport PYTHONPATH
unexport PYTHONHOME

# One more than there are cores on a small machine: integration tests wait half of their time for brokers and workers.
# A file's tests stay in one process, for what they share; the files that take longest come first (tests/conftest.py),
# not those with most tests.
SIDE_BY_SIDE := --numprocesses 3 --dist loadfile --no-loadscope-reorder
# Threads of scikit-learn in each process would wait for each other by spinning.
pytest quick test-faults test-earlier soak: export OMP_NUM_THREADS := 1

.DELETE_ON_ERROR:
.PHONY: help demo test pytest quick test-faults test-earlier soak lint bench sizes image image-test lock install clean

help:  ## Show this list.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 24

demo: $(VENV)/.wheel  ## Start a Kafka, replay the attack of September 2020, show the alerts.
	$(BIN)/kozamori demo

test: lint pytest  ## Lint, then run every test against the installed wheel; with -j2 both at once.

pytest: $(VENV)/.wheel $(VENV)/.dev
	KOZAMORI_TEST_INSTALLED=1 $(BIN)/pytest $(SIDE_BY_SIDE)

quick: $(VENV)/.wheel $(VENV)/.dev  ## Run the unit and property tests, which need no Kafka.
	KOZAMORI_TEST_INSTALLED=1 $(BIN)/pytest $(SIDE_BY_SIDE) tests/unit tests/property

# MINUTES=25 is 100 killed workers, 20 broker crashes, 10 zombies, 50 rebalances, 20 network faults and 5 full disks.
test-faults: MINUTES ?= 5
test-faults: $(VENV)/.wheel $(VENV)/.dev  ## Break everything, for MINUTES= with the faults of SEED=, and compare.
	KOZAMORI_TEST_INSTALLED=1 KOZAMORI_FAULT_MINUTES=$(MINUTES) KOZAMORI_FAULT_SEED=$(or $(SEED),$(shell date +%s)) \
	  $(BIN)/pytest --capture=no tests/faults/test_faults_together.py

test-earlier: $(VENV)/.wheel $(VENV)/.dev  ## Run the integration tests on the Apache Kafka before, 3.9.
	KOZAMORI_TEST_INSTALLED=1 KOZAMORI_TEST_KAFKA=3.9 $(BIN)/pytest $(SIDE_BY_SIDE) tests/integration

soak: MINUTES ?= 30
soak: RATE ?= 10000
soak: $(VENV)/.wheel $(VENV)/.dev  ## Load workers for MINUTES= with RATE= events a second: nothing may grow.
	KOZAMORI_TEST_INSTALLED=1 KOZAMORI_SOAK_MINUTES=$(MINUTES) KOZAMORI_SOAK_RATE=$(RATE) \
	  $(BIN)/pytest --capture=no tests/faults/soak.py

lint: $(VENV)/.wheel $(VENV)/.dev  ## Check style, types and layers.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: $(VENV)/.wheel $(VENV)/.dev  ## Measure throughput, scoring and recovery; JSON on stdout.
	$(BIN)/kozamori bench score --json
	$(BIN)/kozamori bench recover --json
	$(BIN)/kozamori bench stream --json

sizes: $(VENV)/.wheel $(VENV)/.dev  ## Install each role into an environment of its own, measure and check it.
	$(BIN)/python deploy/sizes.py $(VENV)/wheel/kozamori-*.whl requirements.lock $(VENV)/sizes

image:  ## Build the worker's image without a daemon, as root on Debian.
	python3 deploy/image.py

image-test: $(VENV)/.wheel $(VENV)/.dev  ## Run the image that was built, confined, on a real Kafka.
	KOZAMORI_TEST_INSTALLED=1 $(BIN)/pytest --capture=no tests/deploy/image.py

install: $(VENV)/.wheel  ## Make .venv with the command kozamori in it.

lock: $(VENV)/.dev  ## Write the lock files anew from pyproject.toml.
	$(LOCK) --upgrade --group build --extra demo --output-file requirements.lock
	$(LOCK) --group build --extra worker --constraint requirements.lock --output-file requirements-worker.lock
	$(LOCK) --upgrade --group build --group dev --all-extras --constraint requirements.lock --output-file requirements-dev.lock

clean:  ## Remove the environment and every cache of the tools.
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(VENV)/.made:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo 'kozamori needs Python 3.11 or later and found none as python3: install one, or run make PYTHON=/path/to/python3' >&2; \
	  exit 2; }
	"$(PYTHON)" -m venv --clear $(VENV)
	@touch $@

$(VENV)/.runtime: requirements.lock $(VENV)/.made
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	@touch $@

# After the wheel, so that with -j two pips never write to one environment.
$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime | $(VENV)/.wheel
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-dev.lock
	@touch $@

# Everything a build needs is in the lock file, so nothing is fetched here.
$(VENV)/.wheel: $(SOURCES) $(VENV)/.runtime
	@rm -rf $(VENV)/wheel
	$(BIN)/pip wheel --quiet --disable-pip-version-check --no-deps --no-build-isolation --wheel-dir $(VENV)/wheel .
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --force-reinstall $(VENV)/wheel/kozamori-*.whl
	@touch $@
