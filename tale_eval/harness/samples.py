"""Reading records from lm_eval's sample files: ours and other people's.

``lm_eval ... --log_samples --output_path DIR`` leaves ``samples_<task>_<date>.jsonl``
and ``results_<date>.json`` side by side. lm_eval itself is not needed to read them.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from fsspec.core import url_to_fs  # type: ignore[import-untyped]
from pydantic import ValidationError

from tale_eval.costs import COST_KEYS, cost_values
from tale_eval.harness.labels import model_label
from tale_eval.ledger import Call
from tale_eval.masking import masked
from tale_eval.pricing import Prices
from tale_eval.records import Record, RunSettings

HARNESS = "lm-eval"
"""How the models of this harness are marked in a table that shows both."""

_FILE = re.compile(r"samples_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT[\d.-]+)\.jsonl$")
# the first of these that another task's sample has says whether it is right
_FOREIGN_SCORES = ("exact_match", "acc", "pass@1", "f1")


def sample_files(location: str) -> list[str]:
    """The sample files in a folder, at any depth, or the one file that is named."""
    files, path = url_to_fs(location)
    found = [path] if files.isfile(path) else files.find(path)
    names = sorted(name for name in found if _FILE.search(name))
    return [files.unstrip_protocol(name).removeprefix("file://") for name in names]


def read_sample_files(
    names: list[str], prices: Prices | None, problems: list[str]
) -> tuple[list[Record], list[RunSettings]]:
    """Records and settings of these files; what is wrong with one goes into `problems`.

    Of several files of one model and task in one folder the newest counts.
    """
    newest = {_run(name): name for name in names}
    records: list[Record] = []
    settings: list[RunSettings] = []
    for name in names:
        successor = newest[_run(name)]
        if name != successor:
            problems.append(f"{name}: left out, {successor} is a newer run of this task")
            continue
        results = _results(name, problems)
        found = _records(name, results, prices, problems)
        records += found
        if found:
            settings.append(_settings(name, results, found[0]))
    return records, settings


def _run(name: str) -> tuple[str, str]:
    """What two files of one run repeated have in common: folder and task."""
    found = _FILE.search(name)
    assert found
    return name[: found.start()], found["task"]


def _results(name: str, problems: list[str]) -> Mapping[str, Any]:
    """The aggregate file of the run that wrote a sample file."""
    found = _FILE.search(name)
    assert found
    beside = f"{name[: found.start()]}results_{found['date']}.json"
    files, path = url_to_fs(beside)
    try:
        results: Mapping[str, Any] = json.loads(files.cat_file(path))
    except (OSError, ValueError, RecursionError) as error:
        problems.append(f"{beside}: cannot be read, so the model of {name} is unknown ({error})")
        return {}
    return results


def _records(
    name: str, results: Mapping[str, Any], prices: Prices | None, problems: list[str]
) -> list[Record]:
    config = results.get("config", {})
    model = f"{model_label(config.get('model', 'unknown'), _arguments(config))} ({HARNESS})"
    files, path = url_to_fs(name)
    records = []
    for number, line in enumerate(files.cat_file(path).decode("utf-8").splitlines(), start=1):
        try:
            records.append(_record(json.loads(line), model, _run(name)[1], prices))
        except (ValueError, KeyError, TypeError, ValidationError, RecursionError) as error:
            problems.append(f"{name}:{number}: not a sample of lm_eval's ({error!r}); left out")
    if not records:
        problems.append(f"{name}: holds no usable sample")
    return records


def _record(row: Mapping[str, Any], model: str, task: str, prices: Prices | None) -> Record:
    document = row["doc"]
    ours = isinstance(document, Mapping) and "prompt_version" in document
    if not ours:
        return Record(
            model=model,
            task=task,
            method=f"task's own prompt ({row['filter']})",
            sample_id=row["doc_hash"],
            epoch=1,
            correct=next((float(row[key]) for key in _FOREIGN_SCORES if key in row), None),
            error=None,
            bare=None,
            costs=dict.fromkeys(COST_KEYS),
        )
    calls = [Call.model_validate(call) for call in row["calls"]]
    return Record(
        model=model,
        task=document["task"],
        method=document["method"],
        sample_id=document["id"],
        epoch=1,
        correct=row.get("correct"),
        error=row.get("error"),
        bare=None if row.get("bare_answer") is None else bool(row["bare_answer"]),
        costs=cost_values(
            calls,
            budget=row.get("budget"),
            budget_status=row.get("budget_status"),
            budget_echoed=bool(row.get("budget_echoed")),
            prices=prices,
        ),
    )


def _settings(name: str, results: Mapping[str, Any], record: Record) -> RunSettings:
    config = results.get("config", {})
    task = results.get("configs", {}).get(_run(name)[1], {})
    return RunSettings(
        model=record.model,
        task=record.task,
        method=record.method,
        log=name,
        values=masked(
            {
                "generation": task.get("generation_kwargs") or {},
                "model arguments": _arguments(config),
                "task arguments": task.get("dataset_kwargs") or {},
                "run": {key: config.get(key) for key in ("limit", "batch_size", "torch_seed")},
                "versions": {
                    "lm_eval": results.get("lm_eval_version"),
                    "task": results.get("versions", {}).get(_run(name)[1]),
                },
            }
        ),
    )


def _arguments(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The model's arguments, which lm_eval keeps as a table or as it was typed."""
    arguments = config.get("model_args") or {}
    if isinstance(arguments, Mapping):
        return arguments
    return dict(pair.split("=", 1) for pair in arguments.split(",") if "=" in pair)
