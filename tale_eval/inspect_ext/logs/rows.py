"""From a sample, or its summary, to a record. Pure, and loads no Inspect.

What Inspect's types are named for here may also be a view of their JSON, with the same
attributes (`headers`).
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from tale_eval.asking.setting import Setting
from tale_eval.grading.choice import Deciding, ScoreChoice
from tale_eval.inspect_ext.logged import UNTIL_DECIDED, planned_questions
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
    which: Deciding,
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
        which: The score that says right or wrong.
        controls: How its budget was imposed.
    """
    correct, unread = which.read(judging(sample))
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
        correct=None if error else correct,
        unread=not error and unread,
        error=error,
        bare=_flag(scores, "bare_answer"),
        undecided=_flag(scores, "undecided"),
        costs=costs,
        rotation_of=None if group is None else str(group),
        controls=controls,
        until_decided=_until_decided(spec),
        answer=_answer(scores, which.name),
        scorer=which.name,
    )


def _until_decided(spec: "EvalSpec") -> int | None:
    """How many questions there were to be in a run that asked until verdicts were settled."""
    said = (spec.metadata or {}).get(UNTIL_DECIDED)
    if not isinstance(said, str):
        return None
    return planned_questions(said, spec.dataset.samples)


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
) -> Deciding:
    """The score that decides in a log; which of several it is goes into `problems`."""
    which, others = choice.deciding([judging(sample) for sample in samples])
    if others and which.name is None:
        problems.append(
            f"{header.location}: none of its scores says what is right by itself; --score NAME "
            f"takes one of {', '.join(others)}"
        )
    elif choice.wanted is not None and which.name not in (None, choice.wanted):
        problems.append(
            f"{header.location}: has no score {choice.wanted}; its score {which.name} says what is "
            "right"
        )
    elif others and which.name != choice.wanted:
        problems.append(
            f"{header.location}: its score {which.name} says what is right; it has "
            f"{', '.join(others)} too, which --score NAME takes"
        )
    return which


def _answer(scores: "Mapping[str, Score]", which: str | None) -> str | None:
    """What the deciding scorer read as the answer, a long one by its hash."""
    names = (n for n in scores if which is None or which == n or which.startswith(f"{n}."))
    name = next(names, None)
    if name is None:
        return None
    said, value = scores[name].answer, scores[name].value
    if not isinstance(said, str):
        # the scorer `tale` looked for one
        return "" if isinstance(value, Mapping) and value.get("no_answer") else None
    return said if len(said) <= _LONGEST else sha256(said.encode(errors="replace")).hexdigest()


_LONGEST = 64
"""Characters of an answer that a record holds."""


def _flag(scores: "Mapping[str, Score]", key: str) -> bool | None:
    for score in scores.values():
        if isinstance(score.value, Mapping) and key in score.value:
            return bool(score.value[key])
    return None
