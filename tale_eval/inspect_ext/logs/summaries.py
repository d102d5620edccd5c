"""Records of a log's summaries, where a scorer of ours wrote down there what each sample cost.

The summaries and one whole sample are read out of the archive, without Inspect.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tale_eval.asking.control import PROMPT
from tale_eval.asking.method import Method
from tale_eval.grading.choice import ScoreChoice
from tale_eval.inspect_ext.logged import is_batch, record_in
from tale_eval.inspect_ext.logs.archive import DAMAGED, Archive, open_archive
from tale_eval.inspect_ext.logs.headers import Header
from tale_eval.inspect_ext.logs.labels import method_label, recorded_method, run_setting
from tale_eval.inspect_ext.logs.rows import deciding, record
from tale_eval.inspect_ext.logs.scored import scored_costs, with_later_scorers
from tale_eval.records import Record
from tale_eval.tokens.ledger import Call, in_the_prompt


class GivenScore(BaseModel):
    """What a scorer said."""

    value: Any = None
    answer: Any = None


class Used(BaseModel):
    """What a model used."""

    output_tokens: int = 0


class Summary(BaseModel):
    """A sample in short."""

    model_config = ConfigDict(protected_namespaces=())

    id: int | str
    epoch: int
    metadata: dict[str, Any] = Field(default_factory=dict)
    scores: dict[str, GivenScore] | None = None
    model_usage: dict[str, Used] = Field(default_factory=dict)
    error: str | None = None


class Stored(BaseModel):
    """A whole sample, as far as its record goes."""

    store: dict[str, Any] = Field(default_factory=dict)


def summary_records(
    header: Any, problems: list[str], choice: ScoreChoice
) -> tuple[list[Record], list[Call]] | None:
    """One record per sample, and the calls of one; None where the summaries do not say enough.

    Args:
        header: Of the log.
        problems: Gets a line where several scores could decide.
        choice: Which score says right or wrong.
    """
    read = _read(header)
    if read is None:
        return None
    summaries, telling = read
    batch = is_batch(header.eval.model, header.plan.config)
    samples: list[Any] = [*summaries]
    scores: list[Any] = [each.scores or {} for each in summaries]
    costs = [
        with_later_scorers(known, given, each.model_usage)
        for each, given in zip(samples, scores, strict=True)
        if (known := scored_costs(given, batch=batch))
    ]
    if not summaries or len(costs) < len(summaries):
        return None
    which = deciding(header, samples, problems, choice)
    # the method is in the samples only, and the same for all of a run
    whole: Any = telling
    recorded = recorded_method([whole])
    controls = _controls(header, summaries, costs, recorded, whole)
    if controls is None:
        return None
    method = method_label(header.eval, recorded)
    setting = run_setting(header.eval, header.plan.config)
    records = [
        record(
            header.eval,
            sample,
            method=method,
            setting=setting,
            error=sample.error,
            costs=values,
            which=which,
            controls=imposed,
        )
        for sample, values, imposed in zip(samples, costs, controls, strict=True)
    ]
    return records, record_in(whole).calls


def _controls(
    header: Header,
    summaries: Sequence[Summary],
    costs: Sequence[Mapping[str, float | None]],
    method: str | None,
    whole: Any,
) -> list[dict[str, int | str]] | None:
    """How each budget was imposed; None where that cannot be read.

    By default the prompt names it. What else a method did is in its calls alone, and these are
    in the samples. One of them, `whole`, says whether there is anything else.
    """
    arguments = Method.of_label(method).arguments if method else {}
    try:
        told = {arguments.get("control", PROMPT), *record_in(whole).controls}
        if told == {PROMPT}:
            return [in_the_prompt(each["budget"]) for each in costs]
        with open_archive(header.location) as archive:
            stored: list[Any] = [_stored(archive, each) for each in summaries]
        return [record_in(each).controls for each in stored]
    except (*DAMAGED, ValidationError, IndexError):
        # as in `_read`
        return None


def _read(header: Header) -> tuple[list[Summary], Stored] | None:
    """The summaries and a sample that names its method; None where they are not as expected."""
    try:
        with open_archive(header.location) as archive:
            found = archive.read("summaries.json")
            summaries = [Summary.model_validate(each) for each in found]
            return summaries, _telling(archive, summaries)
    except (*DAMAGED, ValidationError, IndexError, TypeError):
        # what is wrong with it, if anything is, Inspect says better
        return None


def _telling(archive: Archive, summaries: Sequence[Summary]) -> Stored:
    """The first sample that ended well, or at least names its method; else the last one."""
    whole = Stored()
    for each in summaries:
        whole = _stored(archive, each)
        found: Any = whole
        if each.error is None or record_in(found).method:
            break
    return whole


def _stored(archive: Archive, sample: Summary) -> Stored:
    return Stored.model_validate(archive.read(f"samples/{sample.id}_epoch_{sample.epoch}.json"))
