"""Tables as CSV and JSON files."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from tale_eval.elasticity import Share
from tale_eval.report.elasticity import ElasticityReport

# what a spreadsheet would take for a formula
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def write_json(value: Sequence[Any], path: Path) -> None:
    """Write dataclasses as JSON; shares keep their numerator and denominator."""
    text = json.dumps([_plain(item) for item in value], indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def write_csv(rows: Iterable[Mapping[str, object]], path: Path) -> None:
    """Write rows of one shape; a text that a spreadsheet would run is quoted."""
    table = list(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(table[0]) if table else [])
        writer.writeheader()
        for row in table:
            writer.writerow({key: _harmless(value) for key, value in row.items()})


def elasticity_rows(reports: Iterable[ElasticityReport]) -> Iterable[dict[str, object]]:
    """One row per searched question."""
    for report in reports:
        for line in report.questions:
            yield {
                "model": report.model,
                "task": report.task,
                "method": report.method,
                "question": line.question,
                "status": line.status,
                "vanilla_tokens": line.vanilla_tokens,
                "budget": line.budget,
                "tokens": line.tokens,
                "calls": line.calls,
                "rebound_at": line.rebound_at,
                "ideal_low": line.ideal.low if line.ideal else None,
                "ideal_high": line.ideal.high if line.ideal else None,
            }


def _plain(value: Any) -> Any:
    if isinstance(value, Share):
        return {**asdict(value), "value": value.value}
    if is_dataclass(value) and not isinstance(value, type):
        return {key: _plain(item) for key, item in vars(value).items()}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _harmless(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value
