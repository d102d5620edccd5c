"""From a sample, or its summary, to a record. Pure, and loads no Inspect.

What Inspect's types are named for here may also be a view of their JSON, with the same
attributes (`headers`).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tale_eval.asking.setting import Setting
from tale_eval.grading.choice import ScoreChoice, is_unread, value_of
from tale_eval.grading.credit import credit
from tale_eval.inspect_ext.logs.labels import base_model, task_label
from tale_eval.records import Record
from tale_eval.tokens.costs import COST_KEYS

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample, EvalSampleSummary, EvalSpec
    from inspect_ai.scorer import Score


def record(
    spec: "EvalSpec",
    sample: "EvalSample | EvalSampleSummary",
    *,
    method: str,
    setting: Setting,
    error: str | None,
    costs: dict[str, float | None],
    which: str | None,
    controls: Mapping[str, int | str],
) -> Record:
    """The record of one sample or of its summary.

    Args:
        spec: What its log says of the run.
        sample: The sample.
        method: The method's label.
        setting: The run's `labels.run_setting`.
        error: Why the sample failed; None if it did not.
        costs: What it cost, by `COST_KEYS`.
        which: The score that says right or wrong; None for all of them together.
        controls: How its budget was imposed.
    """
    judged_by = judging(sample)
    judged = value_of(judged_by, which) if which else judged_by or None
    scores = sample.scores or {}
    group = sample.metadata.get("circular_group")
    return Record(
        model=base_model(spec),
        task=task_label(spec),
        method=method,
        setting=setting,
        sample_id=str(sample.id),
        epoch=sample.epoch,
        # a scorer may have run before another, or the solver, failed
        correct=None if error else credit(judged),
        unread=not error and is_unread(judged),
        error=error,
        bare=_flag(scores, "bare_answer"),
        undecided=_flag(scores, "undecided"),
        costs=costs,
        rotation_of=None if group is None else str(group),
        controls=controls,
        scorer=which,
    )


def judging(sample: "EvalSample | EvalSampleSummary") -> dict[str, object]:
    """The scores that judge an answer, and do not only count what it cost."""
    found: dict[str, object] = {}
    for name, score in (sample.scores or {}).items():
        value = score.value
        if isinstance(value, Mapping):
            # the scorer `tale` counts beside its judgement
            value = {key: number for key, number in value.items() if key not in COST_KEYS}
        if value != {}:
            found[name] = value
    return found


def deciding(
    header: "EvalLog",
    samples: "Sequence[EvalSample | EvalSampleSummary]",
    problems: list[str],
    choice: ScoreChoice,
) -> str | None:
    """The score that decides in a log; which of several it is goes into `problems`."""
    which, others = choice.of_log([judging(sample) for sample in samples])
    if others and which is None:
        problems.append(
            f"{header.location}: none of its scores says what is right by itself; --score NAME "
            f"takes one of {', '.join(others)}"
        )
    elif others and which != choice.wanted:
        problems.append(
            f"{header.location}: its score {which} says what is right; it has "
            f"{', '.join(others)} too, which --score NAME takes"
        )
    return which


def _flag(scores: "Mapping[str, Score]", key: str) -> bool | None:
    for score in scores.values():
        if isinstance(score.value, Mapping) and key in score.value:
            return bool(score.value[key])
    return None
