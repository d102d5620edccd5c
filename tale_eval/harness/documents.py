"""From a benchmark's questions to lm-eval documents, each with the prompt to send.

A document is a flat dictionary; lm_eval writes it into its sample files, where
`tale_eval.harness.samples` and `tale_eval.harness.estimates` find it again.
"""

import inspect
from collections.abc import Mapping
from typing import Any, Literal, get_args

from inspect_ai.dataset import Sample

from tale_eval import datasets
from tale_eval.errors import InvalidValueError, check_name
from tale_eval.harness.estimates import NO_ESTIMATE, Estimate, read_estimates
from tale_eval.harness.labels import method_label, task_label
from tale_eval.prompts import (
    PROMPT_VERSION,
    SYSTEM_PROMPT,
    Style,
    cot_prompt,
    direct_prompt,
    estimator_prompt,
    with_options,
)

HarnessMethod = Literal["direct", "cot", "budget", "ep", "estimate"]

Document = Mapping[str, Any]

PREFIX = "tale_"
"""How our own keys of ``--metadata`` begin: the model's arguments stand there too."""

DEFAULT_BUDGET = 50
"""Tokens that the method "budget" asks for: the paper's first example (figure 1)."""

_METHOD_OPTIONS: dict[str, tuple[str, ...]] = {
    "direct": (),
    "cot": ("style",),
    "budget": ("tokens", "style"),
    "ep": ("estimates", "style"),
    "estimate": (),
}

one_run_estimates = False
"""Whether the model wrapper asks the estimator within the run (set by `register_models`)."""


def documents(tale: Mapping[str, Any], **metadata: Any) -> dict[str, Any]:
    """The questions of one task: lm-eval's ``custom_dataset``.

    Args:
        tale: What the task's YAML fixes: "benchmark", "method", and arguments of the
            benchmark's loader.
        metadata: lm_eval's metadata. Keys that begin with "tale_" are ours, such as
            ``tale_source=DIR``, ``tale_tokens=100``, ``tale_style=answer_last``,
            ``tale_estimates=FILE``; the others are not looked at.

    Returns:
        One split, "test", as a `datasets.Dataset`.

    Raises:
        UnknownNameError: A "tale_" key that this task does not have.
        InvalidValueError: No estimates for TALE-EP, or estimates that do not fit.
        SourceError: The data, or the file of estimates, is not there.
    """
    from datasets import Dataset

    fixed = dict(tale)
    benchmark, method = fixed.pop("benchmark"), fixed.pop("method")
    options = _options(benchmark, method, fixed, metadata)
    asked = {name: options.pop(name) for name in _METHOD_OPTIONS[method] if name in options}
    style = asked.get("style", "paper")
    check_name("style", style, get_args(Style))
    samples = getattr(datasets, benchmark)(**fixed, **options)
    estimates = _estimates(method, asked.get("estimates"), samples)
    tokens = asked.get("tokens", DEFAULT_BUDGET) if method == "budget" else None
    common = {
        "task": task_label(benchmark, fixed | options),
        "method": method_label(method, tokens, style),
        "prompt_version": PROMPT_VERSION,
        "system_prompt": SYSTEM_PROMPT,
        "style": style,
        # lm_eval passes the model's arguments along: who counts where nobody else does
        "tokenizer": metadata.get("tokenizer") or metadata.get("pretrained"),
        "estimate_first": method == "ep" and not estimates,
    }
    rows = [
        common | _document(sample, method, style, tokens, estimates.get(str(sample.id)))
        for sample in samples
    ]
    return {"test": Dataset.from_list(rows)}


def answer_prompt(document: Document, budget: int | None) -> str:
    """What TALE-EP asks once the budget is known; plain chain of thought without one."""
    return cot_prompt(
        document["question"],
        document["kind"],
        document["language"],
        "bracketed",
        budget=budget,
        style=document["style"],
    )


def _document(
    sample: Sample,
    method: HarnessMethod,
    style: Style,
    tokens: int | None,
    estimate: Estimate | None,
) -> dict[str, Any]:
    metadata = sample.metadata or {}
    estimate = estimate or NO_ESTIMATE
    document: dict[str, Any] = {
        "id": str(sample.id),
        "benchmark": metadata["benchmark"],
        "subset": metadata["subset"],
        "kind": metadata["kind"],
        "language": metadata["language"],
        "question": with_options(str(sample.input), sample.choices)
        if sample.choices
        else str(sample.input),
        "options": sample.choices,
        "gold": str(sample.target),
        "style": style,
        "budget": tokens if method == "budget" else estimate.budget,
        "budget_status": estimate.status,
        "budget_echoed": estimate.echoed,
        "estimate_calls": [call.model_dump_json() for call in estimate.calls],
    }
    return document | {"prompt": _prompt(document, method, estimate)}


def _prompt(document: Document, method: HarnessMethod, estimate: Estimate) -> str:
    question, kind, language = document["question"], document["kind"], document["language"]
    if method == "direct":
        return direct_prompt(question, kind, language, "bracketed")
    if method == "estimate" or (method == "ep" and estimate is NO_ESTIMATE):
        return estimator_prompt(question)
    return answer_prompt(document, document["budget"])


def _options(
    benchmark: str, method: str, fixed: Mapping[str, Any], metadata: Mapping[str, Any]
) -> dict[str, Any]:
    loader = inspect.signature(getattr(datasets, benchmark)).parameters
    allowed = [*(name for name in loader if name not in fixed), *_METHOD_OPTIONS[method]]
    options = {
        key.removeprefix(PREFIX): value for key, value in metadata.items() if key.startswith(PREFIX)
    }
    for name in options:
        check_name("--metadata key", PREFIX + name, [PREFIX + known for known in allowed])
    return options


def _estimates(method: str, file: str | None, samples: list[Sample]) -> Mapping[str, Estimate]:
    if method != "ep":
        return {}
    if file is not None:
        return read_estimates(file, [str(sample.id) for sample in samples])
    if one_run_estimates:
        return {}
    raise InvalidValueError(
        "TALE-EP needs the estimated budgets: run the benchmark's ..._estimate task with "
        "--log_samples, then this one with --metadata tale_estimates=SAMPLES_FILE; or let "
        "'tale-eval lm-eval' do both in one run"
    )
