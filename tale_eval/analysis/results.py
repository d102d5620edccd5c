"""What a method did with one model's task, and the other methods beside it. Pure."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

import numpy as np

from tale_eval.analysis.comparison import (
    Comparison,
    by_question,
    failed,
    failures_count,
    output_tokens,
    score,
    score_with_failures,
    unscored,
)
from tale_eval.analysis.counted import Counted, Value, counted
from tale_eval.analysis.statistics import Interval
from tale_eval.asking.method import Method
from tale_eval.asking.setting import Setting
from tale_eval.asking.variant import Variant
from tale_eval.records import Record

ORACLES = frozenset({"budget_search"})
"""Methods that look at the right answers to choose theirs: nobody could deploy them."""


def is_oracle(method: str) -> bool:
    """Whether a method chooses its answers by the right ones, whichever adapter it asks."""
    asked = Method.of_label(method.partition(" ")[0])
    # a fitted estimator that looks up what a search by the right answers found
    looked_up = asked.arguments.get("estimator_hash", "").startswith("oracle-")
    return asked.name in ORACLES or looked_up


def shown_method(method: str) -> str:
    """A method, or the label of its row, as tables show it: an oracle is called one."""
    return f"{method} (oracle)" if is_oracle(method) else method


@dataclass(frozen=True)
class Point:
    """Where a row stands between accuracy, a share, and mean output tokens."""

    accuracy: float
    tokens: float

    def beats(self, other: "Point") -> bool:
        """At least as accurate with at most as many tokens, and not the same."""
        return self.accuracy >= other.accuracy and self.tokens <= other.tokens and self != other


@dataclass(frozen=True)
class Answers:
    """The scored answers whose output tokens are known, in the order of the records.

    Attributes:
        correct: Right in full or not.
        tokens: Output tokens of all calls that the answer took.
    """

    correct: list[bool]
    tokens: list[int]


@dataclass(frozen=True)
class TokenSpread:
    """How many output tokens a row's answers took, of those that are known.

    Attributes:
        quantiles: The 5th, 25th, 50th, 75th and 95th percentile.
        longest: The most.
        sample: Whose they are; of several the last by its id.
        answers: How many are known.
    """

    quantiles: tuple[float, ...]
    longest: float
    sample: str
    answers: int


def token_spread(records: Iterable[Record]) -> TokenSpread | None:
    """The spread of these answers; None where no tokens are known."""
    spent = [
        (tokens, record.sample_id)
        for record in records
        if (tokens := record.costs["output_tokens"]) is not None
    ]
    if not spent:
        return None
    found = np.percentile([tokens for tokens, _ in spent], [5, 25, 50, 75, 95])
    return TokenSpread(tuple(map(float, found)), *max(spent), len(spent))


@dataclass(frozen=True)
class Group:
    """What all methods answered to one model's task.

    Attributes:
        methods: The records of each method at each setting, failed ones included; none is empty.
    """

    methods: Mapping[Variant, Sequence[Record]]

    @cached_property
    def kept(self) -> dict[object, object]:
        """What several measures are made of, by what it is called and whose it is."""
        return {}

    @cached_property
    def limit(self) -> int | None:
        """The most output tokens of any scored answer; None if none is known."""
        spent = [n for answers in self.answers.values() for n in answers.tokens]
        return max(spent, default=None)

    @cached_property
    def answers(self) -> "dict[Variant, Answers]":
        """The scored answers of each method whose output tokens are known."""
        return {method: answers_of(records) for method, records in self.methods.items()}

    @cached_property
    def questions(self) -> dict[Variant, dict[str, Point]]:
        """Where each method stands on each question, over the same answers."""
        return {method: _by_question(records) for method, records in self.methods.items()}

    @cached_property
    def points(self) -> dict[Variant, Point]:
        """Where each of them stands whose accuracy and tokens are known."""
        points = {method: _point(scored(records)) for method, records in self.methods.items()}
        return {method: point for method, point in points.items() if point}

    @cached_property
    def rivals(self) -> dict[Variant, Point]:
        """The points of the Pareto set's candidates: no oracle is one, and many failures count."""
        points = {
            method: _point_with_failures(records)
            if failures_count(records)
            else self.points.get(method)
            for method, records in self.methods.items()
            if not is_oracle(method.method)
        }
        return {method: point for method, point in points.items() if point}

    @cached_property
    def has_failures(self) -> bool:
        """Whether any method failed on any sample."""
        return any(map(failed, chain.from_iterable(map(unscored, self.methods.values()))))

    @cached_property
    def has_repeats(self) -> bool:
        """Whether any sample was answered more than once."""
        return any(
            not known.once and len({r.sample_id for r in known}) < len(known)
            for known in map(scored, self.methods.values())
        )

    @cached_property
    def has_cut_reasoning(self) -> bool:
        """Whether any answer was cut off before anything but its reasoning was there."""
        found = (record for records in self.methods.values() for record in records)
        return any(record.costs["cut_in_reasoning"] for record in found)


@dataclass(frozen=True)
class MethodResults:
    """What one method at one setting did with one model's task.

    Means run over the samples whose value is known.

    Attributes:
        setting: The generation settings that it was run with, those that it shares with the
            other rows of its model and task included.
        label: What tables call it: the method, and of its setting what those rows differ in.
        is_baseline: Other rows of this model and task are compared with it.
        n: Scored samples, epochs counted separately: the accuracy's denominator.
        errors: Samples that failed or were not scored; they are not in `n`.
        unread: Samples whose score says neither right nor wrong; in neither of the two.
        failures_count: So many failed that verdict and Pareto set take them for wrong.
        questions: Different questions, those that failed included; all rotations of one
            question's options are one question.
        epochs: How many different epochs there are.
        repeated: Samples beyond the first of their question and epoch: a run read twice.
        accuracy: Share right of `n`; None if nothing was scored.
        interval: Of the accuracy; epochs and rotations of one question are one of its questions.
        accuracy_with_failures: Share right where every failed sample is a wrong answer.
        interval_with_failures: Of it.
        circular: Share of questions that are right in every rotation of their options; None
            where none was rotated.
        means: Mean of each cost over the scored answers (over all samples where none was
            scored), None where none of them knows it.
        known: Over how many answers each mean runs: those that know the cost.
        unscored_tokens: Output tokens of the samples that are in `errors`, as far as known.
        unscored_unknown: Samples in `errors` some or all of whose output tokens are not known.
        tokens_interval: Of the mean output tokens, clustered by question.
        bare: Share of answers without any reasoning before them.
        dollars_known: Scored answers whose dollars are known.
        comparison: Against the baseline; None for itself, or without one.
        base: What it is compared with, in the group; None without a comparison.
        group: The answers of all methods to this model and task.
    """

    model: str
    task: str
    method: str
    setting: Setting
    label: str
    is_baseline: bool
    n: int
    errors: int
    unread: int
    failures_count: bool
    questions: int
    epochs: int
    repeated: int
    accuracy: float | None
    interval: Interval | None
    accuracy_with_failures: float | None
    interval_with_failures: Interval | None
    circular: float | None
    means: dict[str, float | None]
    known: dict[str, int]
    unscored_tokens: int
    unscored_unknown: int
    tokens_interval: Interval | None
    bare: float | None
    dollars_known: int
    comparison: Comparison | None
    base: Variant | None
    group: Group = field(repr=False)

    @property
    def variant(self) -> Variant:
        """What it is about, within its model and task."""
        return Variant(self.method, self.setting)

    @property
    def records(self) -> Sequence[Record]:
        """Every sample of this row, those without a score included."""
        return self.group.methods[self.variant]

    @cached_property
    def rival(self) -> Point | None:
        """Where it stands among the Pareto set's candidates; None if it is none of them."""
        return self.group.rivals.get(self.variant)

    @cached_property
    def spread(self) -> TokenSpread | None:
        """How many tokens its answers took; None where no tokens are known."""
        return token_spread(self.records)

    @cached_property
    def commonest_error(self) -> str | None:
        """What most of its failures say, on one line; None without any."""
        errors = Counter(
            " ".join(record.error.split()) for record in self.records if record.error is not None
        )
        return errors.most_common(1)[0][0] if errors else None

    def scorer_total(self, key: str) -> float | None:
        """What graders used for all samples of this row, by a cost's name; None if unknown."""
        known = [r.costs[key] for r in self.records if r.costs[key] is not None]
        return math.fsum(value for value in known if value is not None) if known else None

    @property
    def answers(self) -> Answers:
        """The scored answers whose output tokens are known."""
        return self.group.answers[self.variant]

    @property
    def point(self) -> Point | None:
        """Accuracy and mean output tokens; None if one is unknown."""
        return self.group.points.get(self.variant)


def known_of(records: Counted, value: Value) -> Counted:
    """Those of which a value is known."""
    found = [record for record in records if value(record) is not None]
    return records if len(found) == len(records) else Counted(found)


def undecided(records: Iterable[Record]) -> int | None:
    """Answers whose formula could not be compared in time; None where nobody looked."""
    known = [record.undecided for record in records if record.undecided is not None]
    return sum(known) if known else None


def scored(records: Iterable[Record]) -> Counted:
    """Those that a scorer judged."""
    return counted(records).scored


def answers_of(records: Iterable[Record]) -> Answers:
    """Which answers were right, and what they took, as far as both are known."""
    known = [
        (record.correct == 1, int(tokens))
        for record in scored(records)
        if (tokens := record.costs["output_tokens"]) is not None
    ]
    return Answers([right for right, _ in known], [tokens for _, tokens in known])


def _by_question(records: Sequence[Record]) -> dict[str, Point]:
    known = known_of(scored(records), output_tokens)
    accuracies, tokens = by_question(known, score), by_question(known, output_tokens)
    if known.once:
        return {q: Point(float(right), float(tokens[q][0])) for q, (right,) in accuracies.items()}
    return {
        question: Point(sum(right) / len(right), sum(tokens[question]) / len(right))
        for question, right in accuracies.items()
    }


def mean(values: Iterable[float | None]) -> float | None:
    """Mean of the values that are known; None if none is."""
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None


def _point_with_failures(records: Sequence[Record]) -> Point | None:
    """Where a method stands whose failures are wrong answers.

    A failure spares no tokens: it took what it spent, and at least what an answer takes.
    """
    answered = mean(r.costs["output_tokens"] for r in scored(records))
    if answered is None:
        return None
    accuracy = mean(map(score_with_failures, records))
    tokens = mean(
        max(answered, r.costs["output_tokens"] or 0) if failed(r) else r.costs["output_tokens"]
        for r in records
    )
    return None if accuracy is None or tokens is None else Point(accuracy, tokens)


def _point(records: Sequence[Record]) -> Point | None:
    accuracy = mean(record.correct for record in records)
    tokens = mean(record.costs["output_tokens"] for record in records)
    return None if accuracy is None or tokens is None else Point(accuracy, tokens)
