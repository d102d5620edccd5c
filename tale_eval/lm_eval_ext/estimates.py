"""Budgets that an earlier lm-eval run estimated: TALE-EP in two stages."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tale_eval.asking.prompts import PROMPT_VERSION
from tale_eval.errors import InvalidValueError, RowError, SourceError
from tale_eval.lm_eval_ext.samples import numbered_lines
from tale_eval.records import MALFORMED, reason
from tale_eval.tokens.ledger import Call


@dataclass(frozen=True)
class EstimatedBudget:
    """What an estimator said about one question.

    Attributes:
        reply: Its words; None if nobody estimated.
        calls: The estimator's calls.
    """

    reply: str | None
    calls: tuple[Call, ...] = ()


NO_ESTIMATE = EstimatedBudget(None)


def read_estimates(file: str, sample_ids: Sequence[str]) -> dict[str, EstimatedBudget]:
    """Read the sample file of a ``..._estimate`` task.

    Args:
        file: What lm_eval's ``--log_samples`` wrote.
        sample_ids: The questions that need an estimate. The file may hold more, and may
            hold fewer only from some point on, as ``--limit`` cuts it: who asks for more is
            told by `tale_eval.lm_eval_ext.documents.prompt`.

    Raises:
        SourceError: There is no such file.
        RowError: A line that is no estimate of ours, or of other prompts.
        InvalidValueError: Estimates of other questions.
    """
    path = Path(file).expanduser()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"tale_estimates={file}: {error.strerror}; expected the samples_..._estimate_....jsonl "
            "that a stage-1 run with --log_samples wrote"
        ) from error
    found = {}
    for number, line in numbered_lines(content):
        row = _row(path, number, line)
        found[row["doc"]["id"]] = _estimate(path, number, row)
    known = [i for i in sample_ids if i in found]
    if not known or sample_ids[: len(known)] != known:
        missing = next(i for i in sample_ids if i not in found)
        raise InvalidValueError(
            f"{path}: holds estimates of other questions: {missing} is not among its "
            f"{len(found)}; estimate with the task of the same benchmark and the same data"
        )
    return found


def _row(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row: dict[str, Any] = json.loads(line)
        method, version = row["doc"]["method"], row["doc"]["prompt_version"]
        if not all(isinstance(t, str) for t in (row["doc"]["id"], row["filtered_resps"][0])):
            raise TypeError("an id or a reply that is no text")
    except MALFORMED as error:
        raise RowError(
            path, number, "not a line of a tale-eval ..._estimate sample file"
        ) from error
    if method != "estimate":
        raise RowError(path, number, f"an answer by method {method!r}, not an estimate")
    if row.get("failed"):
        raise RowError(
            path, number, f"this estimate failed ({row.get('error')}): run the first stage again"
        )
    if version != PROMPT_VERSION:
        raise RowError(
            path,
            number,
            f"estimated with prompt version {version}, this is version {PROMPT_VERSION}: "
            "estimate again",
        )
    return row


def _estimate(path: Path, number: int, row: dict[str, Any]) -> EstimatedBudget:
    try:
        calls = tuple(Call.model_validate(call) for call in row.get("calls") or [])
    except MALFORMED as error:
        raise RowError(path, number, f"its 'calls' are not a ledger: {reason(error)}") from error
    return EstimatedBudget(row["filtered_resps"][0], calls)
