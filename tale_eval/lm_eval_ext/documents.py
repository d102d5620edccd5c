"""From a benchmark's questions to lm-eval documents, each with the prompt to send.

A document is a flat dictionary; lm_eval writes it into its sample files, where
`tale_eval.lm_eval_ext.samples` and `tale_eval.lm_eval_ext.estimates` find it again.
"""

import inspect
from collections.abc import Mapping
from typing import Any, Literal, get_args

from inspect_ai.dataset import Sample

from tale_eval import datasets
from tale_eval.asking.prompts import (
    PROMPT_VERSION,
    SYSTEM_PROMPT,
    Style,
    cot_prompt,
    direct_prompt,
    estimator_prompt,
    with_options,
)
from tale_eval.errors import InvalidValueError, check_name
from tale_eval.lm_eval_ext.estimates import NO_ESTIMATE, Estimate, read_estimates
from tale_eval.lm_eval_ext.labels import method_label, task_label
from tale_eval.settings import ESTIMATE_MAX_TOKENS

HarnessMethod = Literal["direct", "cot", "budget", "ep", "estimate"]

Document = Mapping[str, Any]

PREFIX = "tale_"
"""How our own keys of ``--metadata`` begin: the model's arguments stand there too."""

DEFAULT_BUDGET = 50
"""Tokens that the method "budget" asks for: the paper's first example (figure 1)."""

_ROTATIONS = "circular"
"""The loader's argument for rotated options: no metric of lm_eval's joins the rotations."""

_METHOD_OPTIONS: dict[str, tuple[str, ...]] = {
    "direct": (),
    "cot": ("style",),
    "budget": ("tokens", "style"),
    "ep": ("estimates", "style", "estimator_max_tokens"),
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
            ``tale_estimates=FILE`` or ``tale_estimator_max_tokens=32``; the others are not
            looked at. Nor are those of the benchmark's other methods: a group of tasks has
            one metadata.

    Returns:
        One split, "test", as a `datasets.Dataset`.

    Raises:
        UnknownNameError: A "tale_" key that no method of this benchmark has.
        InvalidValueError: No estimates for TALE-EP, or estimates that do not fit; a number
            of tokens that is no whole number from 1 up; a cap on estimates that are
            capped elsewhere; rotated options.
        SourceError: The data, or the file of estimates, is not there.
    """
    from datasets import Dataset

    fixed = dict(tale)
    benchmark, method = fixed.pop("benchmark"), fixed.pop("method")
    options = _options(benchmark, method, fixed, metadata)
    asked = {name: options.pop(name) for name in _METHOD_OPTIONS[method] if name in options}
    style = asked.get("style", "paper")
    check_name("style", style, get_args(Style))
    tokens = _whole("tokens", asked.get("tokens", DEFAULT_BUDGET)) if method == "budget" else None
    estimator_cap = _estimator_cap(method, asked, metadata)
    samples = getattr(datasets, benchmark)(**fixed, **options)
    file = asked.get("estimates")
    estimates = _estimates(method, file, samples)
    common = {
        "task": task_label(benchmark, fixed | options),
        "method": method_label(method, tokens, style, estimator_cap),
        "prompt_version": PROMPT_VERSION,
        "system_prompt": SYSTEM_PROMPT,
        "style": style,
        # lm_eval passes the model's arguments along: who counts where nobody else does
        "tokenizer": metadata.get("tokenizer") or metadata.get("pretrained"),
        "estimate_first": method == "ep" and not estimates,
        "estimator_max_tokens": estimator_cap,
        "estimates": file and str(file),
    }
    rows = [
        common | _document(sample, tokens, estimates.get(str(sample.id), NO_ESTIMATE))
        for sample in samples
    ]
    return {"test": Dataset.from_list([row | {"prompt": _prompt(row, method)} for row in rows])}


def prompt(document: Document) -> str:
    """What is sent: lm-eval's ``doc_to_text``, called for the questions of this run alone.

    Raises:
        InvalidValueError: The file of estimates ends before this question.
    """
    if document["prompt"] is None:
        raise InvalidValueError(
            f"{document['estimates']} holds no estimate for question {document['id']}: run the "
            "..._estimate task with the --limit of this run, or without one"
        )
    return str(document["prompt"])


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


def _document(sample: Sample, tokens: int | None, estimate: Estimate) -> dict[str, Any]:
    metadata = sample.metadata or {}
    return {
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
        "budget": estimate.budget if tokens is None else tokens,
        "budget_status": estimate.status,
        "budget_echoed": estimate.echoed,
        "estimate_calls": [call.model_dump_json() for call in estimate.calls],
    }


def _prompt(document: Document, method: HarnessMethod) -> str | None:
    """The prompt; None where the estimate that it needs is not there."""
    question, kind, language = document["question"], document["kind"], document["language"]
    if method == "direct":
        return direct_prompt(question, kind, language, "bracketed")
    if method == "estimate" or document["estimate_first"]:
        return estimator_prompt(question)
    if method == "ep" and document["budget_status"] is None:
        return None
    return answer_prompt(document, document["budget"])


def _whole(name: str, tokens: object) -> int:
    # lm_eval reads 12.5, 50.0 and true off its command line as they look
    if isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 1:
        raise InvalidValueError(
            f"{PREFIX}{name}={tokens!r}: must be a whole number of tokens from 1 up"
        )
    return tokens


def _estimator_cap(method: str, asked: Mapping[str, Any], metadata: Mapping[str, Any]) -> int:
    name = "estimator_max_tokens"
    if method == "estimate" and PREFIX + name in metadata:
        raise InvalidValueError(
            f"{PREFIX}{name}: an estimate that is a task of its own is capped with "
            "--gen_kwargs max_gen_toks=…"
        )
    if name in asked and "estimates" in asked:
        raise InvalidValueError(
            f"{PREFIX}{name}: the estimates of {asked['estimates']} are there already; "
            f"leave out this key or {PREFIX}estimates"
        )
    return _whole(name, asked.get(name, ESTIMATE_MAX_TOKENS))


def _options(
    benchmark: str, method: str, fixed: Mapping[str, Any], metadata: Mapping[str, Any]
) -> dict[str, Any]:
    loader = inspect.signature(getattr(datasets, benchmark)).parameters
    own = {name for name in loader if name not in fixed} | {*_METHOD_OPTIONS[method]}
    others = {name for theirs in _METHOD_OPTIONS.values() for name in theirs} - own
    options = {
        key.removeprefix(PREFIX): value for key, value in metadata.items() if key.startswith(PREFIX)
    }
    if _ROTATIONS in options.keys() & loader.keys():
        raise InvalidValueError(
            f"{PREFIX}{_ROTATIONS}: lm_eval would count each rotation as a question of its own; "
            f"ask with 'inspect eval tale_eval/{benchmark} -T {_ROTATIONS}=true'"
        )
    allowed = sorted(PREFIX + name for name in own | others if name != _ROTATIONS)
    for name in options:
        check_name("--metadata key", PREFIX + name, allowed)
    return {name: value for name, value in options.items() if name in own}


def _estimates(method: str, file: object, samples: list[Sample]) -> Mapping[str, Estimate]:
    if method != "ep":
        return {}
    if file is not None:
        return read_estimates(str(file), [str(sample.id) for sample in samples])
    if one_run_estimates:
        return {}
    raise InvalidValueError(
        "TALE-EP needs the estimated budgets: run the benchmark's ..._estimate task with "
        "--log_samples, then this one with --metadata tale_estimates=SAMPLES_FILE; or let "
        "'tale-eval lm-eval' do both in one run"
    )
