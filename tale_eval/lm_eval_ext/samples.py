"""Reading records from lm_eval's sample files: ours and other people's.

``lm_eval ... --log_samples --output_path DIR`` leaves ``samples_<task>_<date>.jsonl``
and ``results_<date>.json`` side by side. lm_eval itself is not needed to read them.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fsspec.core import url_to_fs  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict

from tale_eval.lm_eval_ext.labels import model_label
from tale_eval.places import FileKind
from tale_eval.records import MALFORMED, Record, RunSettings, reason
from tale_eval.shown.masking import masked
from tale_eval.tokens.costs import COST_KEYS, cost_values
from tale_eval.tokens.ledger import Call, mended
from tale_eval.tokens.pricing import Prices

HARNESS = "lm-eval"
"""How the models of this harness are marked in a table that shows both."""

_FILE = re.compile(r"samples_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT[\d.-]+)\.jsonl$")
SAMPLE_FILES = FileKind("samples_*.jsonl of lm_eval", in_a_folder=_FILE, named=_FILE)

# the first of these that another task's sample has says whether it is right
_FOREIGN_SCORES = ("exact_match", "acc", "pass@1", "f1")


class _Run(BaseModel):
    """How lm_eval was called."""

    model_config = ConfigDict(protected_namespaces=())

    model: str = "unknown"
    model_args: dict[str, Any] | str | None = None
    limit: Any = None
    batch_size: Any = None
    torch_seed: Any = None

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The model's arguments, which lm_eval keeps as a table or as it was typed."""
        arguments = self.model_args or {}
        if isinstance(arguments, Mapping):
            return arguments
        return dict(pair.split("=", 1) for pair in arguments.split(",") if "=" in pair)


class _Task(BaseModel):
    """How one task was set up."""

    generation_kwargs: dict[str, Any] | None = None
    dataset_kwargs: dict[str, Any] | None = None


class _Results(BaseModel):
    """What is read of an aggregate file."""

    config: _Run = _Run()
    configs: dict[str, _Task] = {}
    versions: dict[str, Any] = {}
    lm_eval_version: Any = None


def numbered_lines(content: bytes) -> list[tuple[int, bytes]]:
    """The lines of a sample file with their numbers from 1, blank ones left out."""
    # not splitlines() of the text: a reply may hold U+2028 and the like, which end no line
    # here; and a byte that is no UTF-8 spoils only its own line
    lines = enumerate(content.split(b"\n"), start=1)
    return [(number, line) for number, line in lines if line.strip()]


def read_sample_files(
    names: list[str], prices: Prices | None, problems: list[str]
) -> tuple[list[Record], list[RunSettings]]:
    """Records and settings of these files; what is wrong with one goes into `problems`.

    Of several files in one folder of one model, task and method the newest counts.

    Args:
        names: Where the sample files lie: paths and URLs.
        prices: A user's own prices; dollars are worked out anew with them.
    """
    # a local file goes by its path in what is said of it
    names = list(dict.fromkeys(name.removeprefix("file://") for name in names))
    newest: dict[tuple[str, ...], tuple[str, list[Record], RunSettings]] = {}
    for name in sorted(names, key=lambda name: (_part(name, "date"), name)):
        try:
            results = _results(name, problems)
            found = _records(name, results, prices, problems)
            if not found:
                continue
            made = _settings(name, results, found[0])
        except (*MALFORMED, OSError) as error:
            problems.append(f"{name}: cannot be read ({reason(error)})")
            continue
        run = (name.rpartition("/")[0], made.model, made.task, made.method)
        if run in newest:
            problems.append(f"{newest[run][0]}: left out, {name} is a newer run of this task")
        newest[run] = (name, found, made)
    records = [record for _, found, _ in newest.values() for record in found]
    return records, [made for _, _, made in newest.values()]


def _part(name: str, part: str) -> str:
    """The "task" or the "date" in a sample file's name."""
    found = _FILE.search(name)
    assert found
    return found[part]


def _results(name: str, problems: list[str]) -> _Results:
    """The aggregate file of the run that wrote a sample file."""
    found = _FILE.search(name)
    assert found
    beside = f"{name[: found.start()]}results_{found['date']}.json"
    files, path = url_to_fs(beside)
    try:
        return _Results.model_validate(json.loads(files.cat_file(path)))
    except (*MALFORMED, OSError) as error:
        problems.append(
            f"{beside}: cannot be read, so the model of {name} is unknown ({reason(error)})"
        )
        return _Results()


def _records(
    name: str, results: _Results, prices: Prices | None, problems: list[str]
) -> list[Record]:
    model = f"{model_label(results.config.model, results.config.arguments)} ({HARNESS})"
    files, path = url_to_fs(name)
    records = []
    for number, line in numbered_lines(files.cat_file(path)):
        try:
            row = json.loads(line)
            if _is_estimate(row):
                problems.append(
                    f"{name}: holds TALE-EP's estimates, whose tokens are counted with the answers"
                )
                return []
            record = _record(row, model, _part(name, "task"), _part(name, "date"), prices)
            records.append(record)
        except MALFORMED as error:
            problems.append(
                f"{name}:{number}: not a sample of lm_eval's ({reason(error)}); left out"
            )
    if not records:
        problems.append(f"{name}: holds no usable sample")
    return records


def _is_estimate(row: Any) -> bool:
    """Whether a row is one of TALE-EP's first stage: of a ..._estimate task."""
    document = row["doc"]
    return isinstance(document, Mapping) and (
        "prompt_version" in document and document.get("method") == "estimate"
    )


def _record(
    row: Mapping[str, Any], model: str, task: str, date: str, prices: Prices | None
) -> Record:
    document = row["doc"]
    ours = isinstance(document, Mapping) and "prompt_version" in document
    if not ours:
        return Record(
            model=model,
            task=task,
            method=f"task's own prompt ({row['filter']})",
            sample_id=str(row["doc_hash"]),
            epoch=1,
            correct=next((float(row[key]) for key in _FOREIGN_SCORES if key in row), None),
            error=None,
            bare=None,
            costs=dict.fromkeys(COST_KEYS),
        )
    calls = [_call(call, date) for call in row["calls"]]
    return Record(
        model=model,
        task=document["task"],
        method=document["method"],
        sample_id=str(document["id"]),
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


def _call(written: Any, date: str) -> Call:
    """A call of a row; one that does not say when it was made has the file's date."""
    call = mended(Call.model_validate(written))
    if call.at is not None:
        return call
    day = datetime.strptime(date[:19], "%Y-%m-%dT%H-%M-%S").replace(tzinfo=UTC)
    return call.model_copy(update={"at": day})


def _settings(name: str, results: _Results, record: Record) -> RunSettings:
    config = results.config
    task = results.configs.get(_part(name, "task"), _Task())
    return RunSettings(
        model=record.model,
        task=record.task,
        method=record.method,
        log=name,
        values=masked(
            {
                "generation": task.generation_kwargs or {},
                "model arguments": config.arguments,
                "task arguments": task.dataset_kwargs or {},
                "run": config.model_dump(include={"limit", "batch_size", "torch_seed"}),
                "versions": {
                    "lm_eval": results.lm_eval_version,
                    "task": results.versions.get(_part(name, "task")),
                },
            }
        ),
    )
