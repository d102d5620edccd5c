"""A method against the baseline, on the questions that both answered. Pure.

Questions do not fail at random: the longest and the hardest run into limits first. So where
more than a few failed, the verdict takes each failed question for a wrong answer (by intention
to treat), and the comparison of what was answered stands beside it.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from tale_eval.analysis import statistics
from tale_eval.analysis.counted import Counted, counted
from tale_eval.analysis.sequential import sequential_chances, sequential_difference
from tale_eval.analysis.statistics import (
    Chances,
    Interval,
    IntervalEstimate,
    McNemar,
    Values,
    Verdict,
)
from tale_eval.asking.method import Method
from tale_eval.asking.variant import Variant, differing, full_names, label, order, written
from tale_eval.records import Record

FAILURE_SHARE = 0.01
"""The share of failed samples above which failures count as wrong answers."""


@dataclass(frozen=True)
class Comparison:
    """A method against the baseline of the same model and task.

    Attributes:
        baseline: What the baseline is called: its method, in a leaderboard its row's label.
        difference: Accuracy minus the baseline's; None if no question is paired.
        interval: Of the difference; None with fewer than two pairs. Where the runs were stopped
            when verdicts were settled it is a confidence sequence, which holds then too.
        verdict: Whether the accuracy is lower by more than the margin; by
            `with_failures` where `failures_count`, else by `interval`; in a leaderboard after
            the correction for the other verdicts of its model and task.
        paired: Questions that both answered and a scorer judged.
        unpaired: Questions that only the method answered.
        unpaired_baseline: Questions that only the baseline answered.
        same_questions: Both were asked the same questions, failed ones included.
        ratio: Mean output tokens over the baseline's; None if no pair is known.
        ratio_interval: Of the ratio; None where the answers do not carry one.
        ratio_reason: Why they do not, in words; None if they do, or without a ratio.
        ratio_paired: Pairs whose output tokens are known for both.
        mcnemar: On the first epoch of each question that both answered: `a` is the
            method, `b` the baseline. A question with rotated options is right if all of its
            rotations are. None if there is no such epoch.
        with_failures: The difference with every failed question as a wrong answer; None
            where neither method failed on any, or no question is paired.
        failures_count: More than `FAILURE_SHARE` of either method's samples failed.
        chances: The p values of both verdicts by themselves; None where neither can be given.
        alone: The verdict without a correction.
        adjusted: The p values after it.
        correction: Which it was.
        together: How many verdicts it is for, this one included.
        until_decided: The runs were stopped when verdicts were settled, so that the verdict and
            the difference's interval are of `sequential`, and failures count as wrong.
    """

    baseline: str
    difference: float | None
    interval: Interval | None
    verdict: Verdict
    paired: int
    unpaired: int
    unpaired_baseline: int
    same_questions: bool
    ratio: float | None
    ratio_interval: Interval | None
    ratio_paired: int
    mcnemar: McNemar | None
    with_failures: IntervalEstimate | None = None
    failures_count: bool = False
    ratio_reason: str | None = None
    chances: Chances | None = None
    alone: Verdict = "undecided"
    adjusted: Chances | None = None
    correction: str = "none"
    together: int = 1
    until_decided: bool = False


def paired_comparison(
    records: Sequence[Record], baseline: Sequence[Record], margin: float
) -> Comparison:
    """Compare the records of one method with those of the baseline.

    Only answers that were scored count, for the tokens too; but for the verdict, failed
    questions do where there are many (see `FAILURE_SHARE`).

    Args:
        records, baseline: All of one model and task; each of one method and setting, not empty.
        margin: The accuracy loss that would not matter, as a share.
    """
    records, baseline = counted(records), counted(baseline)
    ours_scored, theirs_scored = records.scored, baseline.scored
    ours, theirs = by_question(ours_scored, score), by_question(theirs_scored, score)
    stopped = any(record.until_decided is not None for record in (*records, *baseline))
    last = stopped and _all_asked(records) and _all_asked(baseline)

    def compare(a: Values, b: Values) -> IntervalEstimate | None:
        if stopped:
            return sequential_difference(a, b, last=last)
        return statistics.paired_difference(a, b)

    difference = compare(ours, theirs)
    interval = difference.interval if difference else None
    with_failures = _difference_with_failures(records, baseline, compare)
    # which rule it is must not hang on the answers where a run is stopped by them
    failing = failures_count(records) or failures_count(baseline)
    failing = failing or (stopped and with_failures is not None)
    decisive = with_failures.interval if with_failures and failing else interval
    judged = score_with_failures if with_failures and failing else score
    verdict = statistics.verdict(decisive, margin)
    both = (ours, theirs)
    if judged is not score:
        both = by_question(records, judged), by_question(baseline, judged)
    chances = (
        sequential_chances(*both, margin, last=last)
        if stopped
        else statistics.paired_chances(*both, margin)
    )
    ratio = statistics.token_ratio(
        by_question(ours_scored, output_tokens), by_question(theirs_scored, output_tokens)
    )
    pairs = _first_pairs(records, baseline)
    return Comparison(
        baseline=baseline[0].method,
        difference=difference.value if difference else None,
        interval=interval,
        verdict=verdict,
        paired=difference.questions if difference else 0,
        unpaired=len(ours.keys() - theirs.keys()),
        unpaired_baseline=len(theirs.keys() - ours.keys()),
        same_questions={r.sample_id for r in records} == {r.sample_id for r in baseline},
        ratio=ratio.value if ratio else None,
        ratio_interval=ratio.interval if ratio else None,
        ratio_paired=ratio.questions if ratio else 0,
        mcnemar=statistics.mcnemar(pairs) if pairs else None,
        with_failures=with_failures,
        failures_count=failing,
        ratio_reason=ratio.reason if ratio else None,
        chances=chances,
        alone=verdict,
        adjusted=chances,
        until_decided=stopped,
    )


def _all_asked(records: Sequence[Record]) -> bool:
    """Whether a run that could have been stopped by its verdicts asked all that it was to ask."""
    planned = {record.until_decided for record in records}
    return planned == {len({record.sample_id for record in records})}


def find_baseline(methods: Iterable[str], baseline: str | None) -> str | None:
    """The method that a baseline's name stands for, or None.

    It is the method of that very name, else the only one with arguments after it:
    "cot" stands for "cot:style=answer" if no other "cot:…" was run.
    """
    names = set(methods)
    if baseline in names:
        return baseline
    found = [name for name in names if Method.of_label(name).name == baseline]
    return found[0] if len(found) == 1 else None


@dataclass(frozen=True)
class Baselines:
    """The rows of one model and task that the others are compared with.

    Attributes:
        variants: Those of the baseline's method, or what is left of them where a user named
            settings too; in the order of a table.
        named: The settings that he named: a row may differ from its baseline in these.
    """

    variants: tuple[Variant, ...] = ()
    named: frozenset[str] = field(default_factory=frozenset)

    def of(self, variant: Variant) -> Variant | None:
        """What a row is compared with: the baseline at the same setting; None without one."""
        if variant in self.variants:
            return None
        wanted = variant.setting.without(self.named)
        fitting = (v for v in self.variants if v.setting.without(self.named) == wanted)
        return next(fitting, None)


def find_baselines(variants: Collection[Variant], baseline: str | None) -> Baselines:
    """The rows that a baseline's name stands for.

    Args:
        variants: All rows of one model and task.
        baseline: A method, as `find_baseline` takes it: each row is compared with that method at
            its own setting. A row's label, or a method with settings such as
            "cot, reasoning_effort=low": rows of other settings are compared with that one, those
            of the same method too.
    """
    if baseline is None:
        return Baselines()
    ordered = sorted(variants, key=order)
    methods = {variant.method for variant in ordered}
    if method := find_baseline(methods, baseline):
        return Baselines(tuple(v for v in ordered if v.method == method))
    keys = differing(ordered)
    if exact := [v for v in ordered if label(v, keys) == baseline]:
        return Baselines((exact[0],), keys)
    name, settings = written(baseline) or ("", {})
    method = find_baseline(methods, name)
    found = (v for v in ordered if v.method == method)
    fitting = tuple(v for v in found if all(v.has(*item) for item in settings.items()))
    named = (full_names(ordered, key) for key in settings)
    return Baselines(fitting, frozenset[str]().union(*named))


def by_question(records: Iterable[Record], value: Callable[[Record], float | None]) -> Values:
    """The known values of each question, one per epoch and rotation of its options."""
    return counted(records).by_question(value)


def score(record: Record) -> float | None:
    """What an answer was judged; None if it was not."""
    return record.correct


def failed(record: Record) -> bool:
    """Whether a sample came to nothing; one whose score nobody can read did not fail."""
    return record.correct is None and record.error is not None


def failures_count(records: Sequence[Record]) -> bool:
    """Whether so many samples failed that they count as wrong answers."""
    return sum(map(failed, unscored(records))) > FAILURE_SHARE * len(records)


def unscored(records: Sequence[Record]) -> list[Record]:
    """Those that no scorer judged."""
    if isinstance(records, Counted) and records.scored is records:
        return []
    return [record for record in records if record.correct is None]


def score_with_failures(record: Record) -> float | None:
    """What an answer was judged, a failure as wrong; None if it has no score to be read."""
    return 0.0 if failed(record) else record.correct


def output_tokens(record: Record) -> float | None:
    """Output tokens of all calls that an answer took."""
    return record.costs["output_tokens"]


def _difference_with_failures(
    records: Sequence[Record],
    baseline: Sequence[Record],
    compare: Callable[[Values, Values], IntervalEstimate | None],
) -> IntervalEstimate | None:
    if not any(map(failed, (*unscored(records), *unscored(baseline)))):
        return None
    return compare(
        by_question(records, score_with_failures), by_question(baseline, score_with_failures)
    )


def _first_pairs(records: Counted, baseline: Counted) -> list[tuple[float, float]]:
    """Both scores of each question in the first epoch that both answered, in every rotation."""
    if records.once and baseline.once and records.epochs == baseline.epochs and _one(records):
        first, second = by_question(records.scored, score), by_question(baseline.scored, score)
        return [(known[0], second[q][0]) for q, known in first.items() if q in second]
    ours, theirs = by_epoch(records), by_epoch(baseline)
    last_to_first = sorted(ours.keys() & theirs.keys(), reverse=True)
    found: dict[str, tuple[float, float]] = {}
    for key in last_to_first:
        a, b = ours[key], theirs[key]
        if a is not None and b is not None:
            found[key[0]] = a, b
    return list(found.values())


def _one(records: Counted) -> bool:
    return len(records.epochs) == 1


def by_epoch(records: Iterable[Record]) -> dict[tuple[str, int], float | None]:
    """The score of each question in each epoch: of several rotations the lowest.

    None where one of its rotations has no score, and left out where none has.
    """
    found: dict[tuple[str, int], list[float | None]] = defaultdict(list)
    for record in records:
        found[record.question, record.epoch].append(record.correct)
    return {
        key: None if len(known) < len(scores) else min(known)
        for key, scores in found.items()
        if (known := [score for score in scores if score is not None])
    }
