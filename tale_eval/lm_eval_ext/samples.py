"""Reading records from lm_eval's sample files: ours and other people's.

``lm_eval ... --log_samples --output_path DIR`` leaves ``samples_<task>_<date>.jsonl``
and ``results_<date>.json`` side by side. lm_eval itself is not needed to read them.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from tale_eval.asking.setting import Setting
from tale_eval.errors import InvalidValueError
from tale_eval.grading.choice import ScoreChoice, is_scale
from tale_eval.grading.credit import credit
from tale_eval.lm_eval_ext.generation import run_setting
from tale_eval.lm_eval_ext.labels import BESIDE_METRICS, model_label
from tale_eval.lm_eval_ext.texts import sample_id, with_texts
from tale_eval.places import FileKind, as_path, store_of
from tale_eval.records import MALFORMED, Record, RunSettings, reason
from tale_eval.shown.masking import masked
from tale_eval.tokens.costs import COST_KEYS, answer_of, cost_values
from tale_eval.tokens.ledger import Call, imposed_on, mended
from tale_eval.tokens.pricing import Prices

HARNESS = "lm-eval"
"""How the models of this harness are marked in a table that shows both."""

OWN_GRADER = "tale"
"""The scorer of our own tasks, which is the same as on Inspect's side."""

_FILE = re.compile(r"samples_(?P<task>.+)_(?P<date>\d{4}-\d\d-\d\dT[\d.-]+)\.jsonl$")
SAMPLE_FILES = FileKind("samples_*.jsonl of lm_eval", in_a_folder=_FILE, named=_FILE)

# the first of these that another task's sample has, and that can be read so, says whether it
# is right
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
    system_instruction: str | None = None
    chat_template: Any = None

    def setting(self, task: str) -> Setting:
        """What of the run's generation settings changes what is written."""
        # earlier versions do not say whether there was a template
        untold = "chat_template" not in self.model_fields_set
        return run_setting(
            self.configs.get(task, _Task()).generation_kwargs or {},
            self.config.arguments,
            self.system_instruction,
            chat_template=untold or self.chat_template is not None,
        )


def numbered_lines(content: bytes) -> list[tuple[int, bytes]]:
    """The lines of a sample file with their numbers from 1, blank ones left out."""
    # not splitlines() of the text: a reply may hold U+2028 and the like, which end no line
    # here; and a byte that is no UTF-8 spoils only its own line
    lines = enumerate(content.split(b"\n"), start=1)
    return [(number, line) for number, line in lines if line.strip()]


def read_sample_files(
    names: list[str],
    prices: Prices | None,
    problems: list[str],
    choice: ScoreChoice | None = None,
    texts: bool = False,
) -> tuple[list[Record], list[RunSettings]]:
    """Records and settings of these files; what is wrong with one goes into `problems`.

    Of several files in one folder of one model, task, method and setting the newest counts.

    Args:
        names: Where the sample files lie: paths and URLs.
        prices: A user's own prices; dollars are worked out anew with them.
        choice: Which metric of another task says right or wrong.
        texts: Whether the records have what was asked.
    """
    choice = choice or ScoreChoice()
    # a local file goes by its path in what is said of it
    names = list(dict.fromkeys(map(as_path, names)))
    newest: dict[tuple[object, ...], tuple[str, list[Record], RunSettings]] = {}
    for name in sorted(names, key=lambda name: (_part(name, "date"), name)):
        try:
            results = _results(name, problems)
            found = _records(name, results, prices, problems, choice)
            if not found:
                continue
            if texts:
                files, path = store_of(name)
                lines = (line for _, line in numbered_lines(files.cat_file(path)))
                found = with_texts(lines, found)
            made = _settings(name, results, found[0])
        except (*MALFORMED, OSError) as error:
            problems.append(f"{name}: cannot be read ({reason(error)})")
            continue
        run = (name.rpartition("/")[0], made.model, made.task, made.variant)
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
    files, path = store_of(beside)
    try:
        return _Results.model_validate(json.loads(files.cat_file(path)))
    except (*MALFORMED, OSError) as error:
        problems.append(
            f"{beside}: cannot be read, so the model of {name} is unknown ({reason(error)})"
        )
        return _Results()


def _records(
    name: str,
    results: _Results,
    prices: Prices | None,
    problems: list[str],
    choice: ScoreChoice,
) -> list[Record]:
    model = f"{model_label(results.config.model, results.config.arguments)} ({HARNESS})"
    files, path = store_of(name)
    setting = results.setting(_part(name, "task"))
    records = []
    bad: list[str] = []
    others: dict[str, None] = {}
    around: list[Mapping[str, Any]] = []
    filtered: dict[str, list[Record]] = {}
    judged: list[object] = []
    taken: dict[str, None] = {}
    for number, line in numbered_lines(files.cat_file(path)):
        try:
            row = json.loads(line)
            if _is_estimate(row):
                problems.append(
                    f"{name}: holds TALE-EP's estimates, whose tokens are counted with the answers"
                )
                return []
            which = None if _is_ours(row["doc"]) else _metric(row, choice, others)
            record = _record(row, model, setting, name, prices, which)
            if which is not None:
                judged.append(row[which])
                taken[which] = None
            if _is_asked_by_us(row):
                around.append(row)
                filtered.setdefault(str(row.get("filter", "none")), []).append(record)
            else:
                records.append(record)
        except MALFORMED as error:
            bad.append(f"{name}:{number}: not a sample of lm_eval's ({reason(error)}); left out")
    if filtered:
        records += filtered[_filter(name, list(filtered), choice, problems)]
    if is_scale(judged):
        # of a grade from 0 to 10 a 1 is no right answer
        records = [replace(r, correct=None, unread=r.error is None) for r in records]
    if bad:
        # one line a file: whoever wrote one row so wrote them all so
        more = f", and so are {len(bad) - 1:,} others of this file" if len(bad) > 1 else ""
        problems.append(bad[0] + more)
    elif not records:
        problems.append(f"{name}: holds no usable sample")
    problems += _odd_answers(name, around)
    if choice.wanted is not None and taken and choice.wanted not in {*taken, *filtered}:
        problems.append(
            f"{name}: has no metric {choice.wanted}; its metric {next(iter(taken))} says what is "
            "right"
        )
    elif records and others:
        problems.append(
            f"{name}: its metric {next(iter(others))} says what is right; it has "
            f"{', '.join(list(others)[1:])} too, which --score NAME takes"
        )
    return records


def _metric(row: Mapping[str, Any], choice: ScoreChoice, others: dict[str, None]) -> str | None:
    """The metric that says whether another task's sample is right; None if its request failed.

    Where there are others to choose from, they go into `others`, after the one that was taken.
    """
    if _is_asked_by_us(row) and row.get("failed"):
        return None
    metrics = row.get("metrics", ())
    if _is_asked_by_us(row):
        metrics = [name for name in metrics if name not in BESIDE_METRICS | {*COST_KEYS}]
    known = [*_FOREIGN_SCORES, *metrics]
    given = [key for key in dict.fromkeys(known) if key in row]
    readable = [key for key in given if credit(row[key]) is not None]
    choice.offered |= dict.fromkeys(readable)
    if choice.wanted is not None and choice.wanted in row:
        choice.found = True
        return choice.wanted
    if not given:
        raise InvalidValueError(f"no metric of {', '.join(_FOREIGN_SCORES)}")
    taken = str((readable or given)[0])
    if len(readable) > 1:
        others |= dict.fromkeys([taken, *readable])
    return str(taken)


def _is_estimate(row: Any) -> bool:
    """Whether a row is one of TALE-EP's first stage: of a ..._estimate task."""
    document = row["doc"]
    return _is_ours(document) and document.get("method") == "estimate"


def _is_ours(document: object) -> bool:
    return isinstance(document, Mapping) and "prompt_version" in document


def _is_asked_by_us(row: Mapping[str, Any]) -> bool:
    """Whether a row is of somebody else's task with its calls counted (``--method``)."""
    return isinstance(row.get("method"), str) and isinstance(row.get("calls"), list)


def _filter(name: str, filters: list[str], choice: ScoreChoice, problems: list[str]) -> str:
    """The filter whose reading of the replies counts: the task's first, or the one wanted."""
    choice.offered |= dict.fromkeys(filters)
    if choice.wanted in filters:
        choice.found = True
        return str(choice.wanted)
    first, *others = filters
    if others:
        problems.append(
            f"{name}: its filter {first} takes out the answers; it has {', '.join(others)} too, "
            "which --score NAME takes"
        )
    return first


def _odd_answers(name: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is to be known of answers around somebody else's prompt, beside their numbers."""
    against = next((row["asked_to_reason"] for row in rows if row.get("asked_to_reason")), None)
    stopped = {row.get("doc_id") for row in rows if row.get("cut_at_stop")}
    said = []
    if against:
        said.append(
            f"{name}: the task's own prompt asks for reasoning ({against!r}), which its method "
            f"{rows[0]['method']} asks to leave out: no direct answering"
        )
    if stopped:
        said.append(
            f"{name}: {len(stopped)} answers end at a stop text of the task's that may stand in "
            "reasoning, and so may have been cut"
        )
    return said


def _record(
    row: Mapping[str, Any],
    model: str,
    setting: Setting,
    name: str,
    prices: Prices | None,
    metric: str | None,
) -> Record:
    document = row["doc"]
    if _is_asked_by_us(row) and not _is_ours(document):
        return _around_record(row, model, setting, name, prices, metric)
    if metric is not None:
        # older versions of lm_eval name no filter (its pull request 2517)
        return Record(
            model=model,
            task=_part(name, "task"),
            method=f"task's own prompt ({row.get('filter', 'none')})",
            setting=setting,
            sample_id=sample_id(row),
            epoch=1,
            correct=_credit(metric, row[metric]),
            error=None,
            bare=None,
            costs=dict.fromkeys(COST_KEYS),
            scorer=metric,
        )
    return Record(
        model=model,
        task=document["task"],
        method=document["method"],
        setting=setting,
        sample_id=str(document["id"]),
        epoch=1,
        correct=row.get("correct"),
        error=row.get("error"),
        bare=_flag(row, "bare_answer"),
        undecided=_flag(row, "undecided"),
        scorer=OWN_GRADER,
        **_costs(row, name, prices),
    )


def _around_record(
    row: Mapping[str, Any],
    model: str,
    setting: Setting,
    name: str,
    prices: Prices | None,
    metric: str | None,
) -> Record:
    """An answer to somebody else's task by a method."""
    return Record(
        model=model,
        task=_part(name, "task"),
        method=row["method"],
        setting=setting,
        sample_id=sample_id(row),
        epoch=1,
        correct=None if metric is None else _credit(metric, row[metric]),
        error=row.get("error"),
        bare=None,
        scorer=metric,
        **_costs(row, name, prices),
    )


def _costs(row: Mapping[str, Any], name: str, prices: Prices | None) -> dict[str, Any]:
    """The costs of a row's calls, and how its budget was imposed."""
    calls = [_call(call, _part(name, "date")) for call in row["calls"]]
    costs = cost_values(
        calls,
        budget=row.get("budget"),
        budget_status=row.get("budget_status"),
        budget_echoed=bool(row.get("budget_echoed")),
        prices=prices,
    )
    controls = imposed_on(answer_of(calls))
    return {"costs": costs, "controls": controls}


def _call(written: Any, date: str) -> Call:
    """A call of a row; one that does not say when it was made has the file's date."""
    call = mended(Call.model_validate(written))
    if call.at is not None:
        return call
    try:
        day = datetime.strptime(date[:19], "%Y-%m-%dT%H-%M-%S").replace(tzinfo=UTC)
    except ValueError:
        return call  # somebody gave the file another name: today's prices are all there is
    return call.model_copy(update={"at": day})


def _credit(metric: str, value: object) -> float | None:
    right = credit(value)
    if right is None and not is_scale([value]):
        raise InvalidValueError(
            f"{metric} is {value!r}, which says neither right nor wrong; expected a number from 0 "
            "to 1 (--score NAME takes another metric)"
        )
    return right


def _settings(name: str, results: _Results, record: Record) -> RunSettings:
    config = results.config
    task = results.configs.get(_part(name, "task"), _Task())
    return RunSettings(
        model=record.model,
        task=record.task,
        method=record.method,
        setting=record.setting,
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
                # of this day the listed prices hold
                "prices": {"day": _part(name, "date")[:10]},
            }
        ),
    )


def _flag(row: Mapping[str, Any], key: str) -> bool | None:
    return None if row.get(key) is None else bool(row[key])
