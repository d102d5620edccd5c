"""The embedded model through Inspect's hf provider: batches, recounts, cut-off replies."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import inspect
from inspect_ai import eval
from inspect_ai.event import ModelEvent
from inspect_ai.log import EvalLog, EvalSample, list_eval_logs, read_eval_log
from inspect_ai.model import Model, get_model

from tale_eval.tasks import chain_sum

pytestmark = [pytest.mark.slow, pytest.mark.model]


@pytest.fixture(scope="module")
def model(smollm2_folder: Path) -> Model:
    """Greedy, so that transformers itself can be asked for the same replies."""
    return get_model(
        "hf/smollm2", model_path=str(smollm2_folder), do_sample=False, memoize=False
    )


def run(model: Model, folder: Path, method: str, max_tokens: int) -> list[EvalSample]:
    (log,) = eval(
        chain_sum(size=8, terms="2-4", method=method),
        model,
        max_tokens=max_tokens,
        max_connections=8,
        display="none",
        log_dir=str(folder),
    )
    assert log.status == "success", log.error
    return log.samples or []

def test_a(model, tmp_path):
    for s in run(model, tmp_path, "tale_ep:estimator_max_tokens=32", 48):
        print(s.store["TaleRecord:calls"])
        for e in s.events:
            if e.event=="model": print(repr(e.output.completion), e.output.usage)

@pytest.mark.parametrize("method", ["cot","direct"])
def test_b(model, tmp_path, method):
    for s in run(model, tmp_path, method, 16):
        c=s.store["TaleRecord:calls"]
        print(c[0]["output_tokens"], c[0]["truncated"], repr(s.output.completion), s.output.usage.output_tokens)
