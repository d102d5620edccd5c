"""What is measured of a row of the leaderboard: one list, which all tables iterate over. Pure.

A new measure is one entry in `MEASURES`; the terminal, the page, Markdown, CSV and JSON find it
there. The entry's function sees the whole row: its facts, its `records`, and its `group`, the
answers of the other methods.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tale_eval.analysis import efficiency
from tale_eval.analysis.comparison import Comparison, by_question, output_tokens
from tale_eval.analysis.reference import ReferenceRow
from tale_eval.analysis.results import MethodResults, is_oracle, scored, undecided
from tale_eval.analysis.statistics import Interval, median_estimate
from tale_eval.tokens.costs import COST_KEYS

Unit = Literal[
    "count",
    "share",
    "percent",
    "points",
    "ratio",
    "tokens",
    "seconds",
    "dollars",
    "plain",
    "word",
    "mark",
    "scored",
    "parts",
    "pairs",
    "discordant",
]
"""How a value is written; every table has one way for each.

share: of a hundred, to one decimal. percent: a share of less weight, in whole percents.
points: a difference of shares, with its sign. plain: three digits. mark: yes or no.

Some have numbers beside them. scored: answers, and those without a score. parts: tokens, and those
that a terminal adds to them (the page has a column for these). pairs: questions, and those without
a partner. discordant: p, and the questions that only the one and only the other got right.
"""


@dataclass(frozen=True)
class Value:
    """What a measure says of one row.

    Attributes:
        value: A number, a yes or no, or a word; None where it is not known.
        interval: Its 95 % interval.
        beside: The numbers beside it, where the unit has any.
        detail: Words beside the value, or in its place where there is none.
        order: What a table sorts it by, if not by its number.
    """

    value: float | str | None = None
    interval: Interval | None = None
    beside: tuple[float, ...] = ()
    detail: str = ""
    order: float | None = None

    @property
    def number(self) -> float:
        """The value, which is known and no word."""
        assert isinstance(self.value, int | float), f"{self.value!r} is no number"
        return self.value

    @property
    def sorted_by(self) -> float | None:
        """What a table sorts by; None comes last."""
        if self.order is not None or not isinstance(self.value, int | float):
            return self.order
        if isinstance(self.value, bool):
            return 0 if self.value else None  # the marked ones first
        return self.value


@dataclass(frozen=True)
class Measure:
    """A column after model, task and method.

    Attributes:
        name: Its key in CSV and JSON.
        title, note: Its heading, and what it means in a sentence.
        of: What it says of a row.
        unit: How that is written.
        main: On the page and in Markdown; False: on the page, on request; None: in neither.
        rank: How early it comes in a terminal, which leaves out the last ones where it is too
            narrow; None: not there.
        short: Its heading in a terminal, if not the title.
        legend: A line below a terminal's tables, where a row has something in its column.
        interval: Its interval is in CSV and JSON, under its name with _low and _high.
        printed: What it says of a row that a paper prints; None: nothing.
    """

    name: str
    title: str
    note: str
    of: Callable[[MethodResults], Value]
    unit: Unit
    main: bool | None = False
    rank: int | None = None
    short: str = ""
    legend: str = ""
    interval: bool = False
    printed: Callable[[ReferenceRow], Value] | None = None


def _accuracy(row: MethodResults) -> Value:
    return Value(row.accuracy, row.interval)


def _accuracy_with_failures(row: MethodResults) -> Value:
    if not row.group.has_failures:
        return Value()
    return Value(row.accuracy_with_failures, row.interval_with_failures)


def _difference_with_failures(versus: Comparison) -> Value:
    found = versus.with_failures
    return Value(found.value, found.interval) if found else Value()


def _output_tokens(row: MethodResults) -> Value:
    return Value(row.means["output_tokens"], row.tokens_interval)


def _median_output_tokens(row: MethodResults) -> Value:
    known = row.answers.tokens
    if not known:
        return Value()
    found = median_estimate(by_question(scored(row.records), output_tokens))
    return Value(found.value, found.interval, detail=found.reason or "")


def _answer_tokens(row: MethodResults) -> Value:
    estimator = row.means["estimator_tokens"]
    return Value(row.means["answer_tokens"], beside=(estimator,) if estimator else ())


def _mean(key: str) -> Callable[[MethodResults], Value]:
    """The mean of a cost."""
    return lambda row: Value(row.means[key])


def _dollars_per_1000(row: MethodResults) -> Value:
    # the sum is unknown if one price is
    if not row.n or row.dollars_known < row.n:
        return Value()
    dollars = [record.costs["dollars"] or 0 for record in scored(row.records)]
    return Value(1000 * math.fsum(dollars) / row.n)


def _tokens_per_correct(row: MethodResults) -> Value:
    known = row.answers
    if not known.tokens:
        return Value()
    return Value(efficiency.tokens_per_correct(known.correct, known.tokens))


def _e3(row: MethodResults) -> Value:
    at = row.point
    return Value(efficiency.e3(at.accuracy, at.tokens) if at else None)


def _ock_score(row: MethodResults) -> Value:
    at = row.point
    return Value(efficiency.ock_score(at.accuracy, at.tokens) if at else None)


def _oaa_auc(row: MethodResults) -> Value:
    known, limit = row.answers, row.group.limit
    if not known.tokens or not limit:
        return Value()
    return Value(efficiency.oaa_auc(known.correct, known.tokens, limit))


def _pareto(row: MethodResults) -> Value:
    rivals = row.group.rivals
    at, others = rivals.get(row.variant), rivals.values()
    return Value(at is not None and not any(other.beats(at) for other in others))


def _cut_in_reasoning(row: MethodResults) -> Value:
    share, known = row.means["cut_in_reasoning"], row.known["cut_in_reasoning"]
    if share is None or not row.group.has_cut_reasoning:
        return Value()
    return Value(share, detail=f"{round(share * known):,} of {known:,}")


def _against_baseline(of: Callable[[Comparison], Value]) -> Callable[[MethodResults], Value]:
    """A measure of the comparison; nothing where there is none."""
    return lambda row: of(row.comparison) if row.comparison else Value()


def _verdict(row: MethodResults) -> Value:
    if row.is_baseline:
        return Value(detail="baseline", order=1)
    if row.comparison is None:
        return Value()
    order = {"not worse": 0, "undecided": 2, "worse": 3}
    verdict, alone = row.comparison.verdict, row.comparison.alone
    detail = "" if alone == verdict else f"by itself {alone}"
    return Value(verdict, detail=detail, order=order[verdict])


def _ratio(versus: Comparison) -> Value:
    return Value(versus.ratio, versus.ratio_interval, detail=versus.ratio_reason or "")


def _discordant(versus: Comparison) -> Value:
    counts = versus.mcnemar
    return Value(counts.p, beside=(counts.only_a, counts.only_b)) if counts else Value()


ORACLE_LEGEND = (
    "(oracle) chooses its answers by the right ones: a bound, not a method to deploy, and never in "
    "the Pareto set"
)


def _file_only(name: str, note: str, of: Callable[[MethodResults], Value], unit: Unit) -> Measure:
    """A measure that stands in CSV and JSON, and in no table."""
    return Measure(name, name, note, of, unit, main=None)


def _cost(name: str, note: str, unit: Unit) -> Measure:
    """The mean of a cost per question, in CSV and JSON."""
    return _file_only(name, note, _mean(name), unit)


def _known(key: str) -> Measure:
    """Over how many answers the mean of a cost runs, in CSV and JSON."""
    note = f"Answers whose {key} is known: those that the mean is over"
    return _file_only(f"known_{key}", note, lambda row: Value(row.known[key]), "count")


MEASURES = (
    Measure(
        "n",
        "Scored",
        "Answers that were scored, epochs counted separately",
        lambda row: Value(row.n, beside=(row.errors,)),
        "scored",
        main=True,
        rank=1,
        short="n\n(errors)",
    ),
    Measure(
        "accuracy",
        "Accuracy",
        "Share of right answers, with its 95 % interval",
        _accuracy,
        "share",
        main=True,
        rank=2,
        short="accuracy\n[95 %]",
        interval=True,
        printed=lambda row: Value(row.accuracy),
    ),
    Measure(
        "accuracy_with_failures",
        "Failures wrong",
        "Share of right answers if every failed sample is a wrong answer",
        _accuracy_with_failures,
        "share",
        main=True,
        rank=2,
        short="failures\nas wrong",
        interval=True,
    ),
    Measure(
        "output_tokens",
        "Tokens",
        "Mean output tokens per question, all calls of the method, with their 95 % interval",
        _output_tokens,
        "tokens",
        main=True,
        rank=3,
        short="total\ntokens",
        interval=True,
        printed=lambda row: Value(row.output_tokens, detail="answer only"),
    ),
    Measure(
        "median_output_tokens",
        "Median tokens",
        "Median output tokens of the questions, which a few endless answers do not move",
        _median_output_tokens,
        "tokens",
        main=True,
        rank=14,
        short="median\ntokens",
        interval=True,
    ),
    Measure(
        "difference",
        "Δ accuracy",
        "Accuracy minus the baseline's on the same questions, in points, with its 95 % interval",
        _against_baseline(lambda versus: Value(versus.difference, versus.interval)),
        "points",
        main=True,
        rank=4,
        short="Δ accuracy\n[95 %]",
        interval=True,
    ),
    Measure(
        "difference_with_failures",
        "Δ failures wrong",
        "The same if every failed sample is a wrong answer; the verdict goes by it where more "
        "than 1 % failed",
        _against_baseline(_difference_with_failures),
        "points",
        main=True,
        rank=4,
        short="Δ failures\nas wrong",
        interval=True,
    ),
    Measure(
        "token_ratio",
        "Token ratio",
        "Output tokens over the baseline's on the same questions, with its 95 % interval",
        _against_baseline(_ratio),
        "ratio",
        main=True,
        rank=5,
        short="token ratio\n[95 %]",
        interval=True,
    ),
    Measure(
        "verdict",
        "Verdict",
        "Is the accuracy lower than the baseline's by more than the margin? With the correction "
        "for several verdicts of one model and task",
        _verdict,
        "word",
        main=True,
        rank=6,
        short="verdict",
    ),
    Measure(
        "pareto",
        "Pareto",
        "No other row of this model and task is as accurate with as few tokens; failures "
        "count as wrong where more than 1 % failed, and oracles stand apart",
        _pareto,
        "mark",
        main=True,
        rank=7,
        short="●",
        legend="● in the Pareto set: no other method is as accurate with as few tokens",
    ),
    Measure(
        "dollars_per_1000",
        "$ / 1,000",
        "Dollars for 1,000 questions, by the prices at the time of each call",
        _dollars_per_1000,
        "dollars",
        main=True,
        rank=8,
        short="$ per\n1,000",
    ),
    Measure(
        "answer_tokens",
        "Answer tokens",
        "Mean output tokens of the answer's call",
        _answer_tokens,
        "parts",
        rank=10,
        short="answer +\nestimator",
    ),
    Measure(
        "estimator_tokens",
        "Estimator tokens",
        "Mean output tokens of the estimator",
        _mean("estimator_tokens"),
        "tokens",
    ),
    Measure(
        "tokens_per_correct",
        "Tokens / correct",
        "Output tokens spent for each right answer",
        _tokens_per_correct,
        "tokens",
        rank=9,
        short="tokens/\ncorrect",
    ),
    Measure(
        "scorer_tokens",
        "Scorer tokens",
        "Mean output tokens of graders, which are no part of the method's",
        _mean("scorer_tokens"),
        "tokens",
    ),
    Measure(
        "seconds", "Seconds", "Mean seconds per question, all calls", _mean("seconds"), "seconds"
    ),
    Measure(
        "truncated",
        "Cut off",
        "Answers that hit their token cap",
        _mean("truncated"),
        "percent",
        main=True,
        rank=11,
        short="cut\noff",
    ),
    Measure(
        "cut_in_reasoning",
        "Cut in reasoning",
        "Answers that hit their token cap inside their reasoning: nothing of them can be seen",
        _cut_in_reasoning,
        "percent",
        main=True,
        rank=11,
        short="cut in\nreasoning",
    ),
    Measure(
        "budget_missing",
        "No budget",
        "Estimates without a readable budget",
        _mean("budget_missing"),
        "percent",
        rank=12,
        short="no\nbudget",
    ),
    Measure(
        "within_budget",
        "Within budget",
        "Answers no longer than their budget",
        _mean("within_budget"),
        "percent",
        rank=13,
        short="within\nbudget",
    ),
    Measure(
        "paired",
        "Paired",
        "Questions that the baseline answered too",
        _against_baseline(
            lambda versus: Value(
                versus.paired, beside=(versus.unpaired + versus.unpaired_baseline,)
            )
        ),
        "pairs",
    ),
    Measure(
        "mcnemar_p",
        "Only one right",
        "McNemar: only this method right, only the baseline",
        _against_baseline(_discordant),
        "discordant",
    ),
    Measure("e3", "E³", "Accuracy squared over mean tokens", _e3, "plain"),
    Measure("ock_score", "OckScore", "Accuracy and tokens in one number", _ock_score, "plain"),
    Measure(
        "oaa_auc", "OAA-AUC", "Area under accuracy against a rising token limit", _oaa_auc, "plain"
    ),
    _file_only(
        "oaa_limit",
        "OAA-AUC's limit: the most output tokens of any answer, by whatever method",
        lambda row: Value(row.group.limit),
        "count",
    ),
    _file_only(
        "baseline",
        "The row that this one is compared with, by its label",
        _against_baseline(lambda versus: Value(versus.baseline)),
        "word",
    ),
    Measure(
        "oracle",
        "oracle",
        "The method chooses its answers by the right ones",
        lambda row: Value(is_oracle(row.method)),
        "mark",
        main=None,
        legend=ORACLE_LEGEND,
    ),
    _file_only("errors", "Samples without a score", lambda row: Value(row.errors), "count"),
    _file_only(
        "unread",
        "Samples whose score says neither right nor wrong",
        lambda row: Value(row.unread),
        "count",
    ),
    _file_only(
        "failures_count",
        "More than 1 % of the samples failed: failures count as wrong",
        lambda row: Value(row.failures_count),
        "mark",
    ),
    _file_only(
        "unscored_tokens",
        "Output tokens of all samples without a score",
        lambda row: Value(row.unscored_tokens),
        "count",
    ),
    _file_only(
        "questions",
        "Different questions, those that failed included",
        lambda row: Value(row.questions),
        "count",
    ),
    _file_only("epochs", "Different epochs", lambda row: Value(row.epochs), "count"),
    _file_only(
        "bare_answer",
        "Answers without any reasoning before them",
        lambda row: Value(row.bare),
        "percent",
    ),
    _file_only(
        "undecided",
        "Answers whose formula could not be compared in time, which count as wrong",
        lambda row: Value(undecided(row.records)),
        "count",
    ),
    _cost(
        "answer_reasoning_tokens",
        "Hidden reasoning in the answer's call, where it is known",
        "tokens",
    ),
    _cost("answer_words", "Visible words of answers that had a limit in words", "plain"),
    _cost("vanilla_tokens", "Output tokens of a budget search's unbudgeted answers", "tokens"),
    _cost("search_tokens", "Output tokens of a budget search's trials", "tokens"),
    _cost("helper_tokens", "Output tokens of the method's other calls", "tokens"),
    _cost("reasoning_tokens", "Output tokens of hidden reasoning, where reported", "tokens"),
    _cost("input_tokens", "Input tokens of all calls, cached ones included", "tokens"),
    _cost("counted_tokens", "Output tokens of the calls that somebody counted", "tokens"),
    _cost("uncounted_calls", "Calls whose output tokens nobody counted", "plain"),
    _cost("dollars", "Dollars", "dollars"),
    _cost("scorer_dollars", "Dollars of graders, which are no part of the method's", "dollars"),
    _cost("calls", "Calls", "plain"),
    _cost("budget", "The answer's budget, in tokens", "tokens"),
    _cost("budget_echoed", "Estimates that repeat the example of their prompt", "percent"),
    _cost("budget_outside", "Estimates of questions unlike those fitted", "percent"),
    _cost("estimate_cut_off", "Estimates that hit their token cap without a budget", "percent"),
    _cost("unsolved", "Searches whose unbudgeted answer was wrong", "percent"),
    _cost("no_smaller_budget", "Searches that found no smaller budget", "percent"),
    *(_known(key) for key in COST_KEYS),
    _file_only(
        "ratio_paired",
        "Questions whose output tokens are known for both: those that the token ratio is over",
        _against_baseline(lambda versus: Value(versus.ratio_paired)),
        "count",
    ),
    _file_only(
        "verdict_alone",
        "The verdict without a correction for the others of this model and task",
        _against_baseline(lambda versus: Value(versus.alone)),
        "word",
    ),
    _file_only(
        "correction",
        "What was done about several verdicts: holm or none",
        _against_baseline(lambda versus: Value(versus.correction)),
        "word",
    ),
    _file_only(
        "verdicts_together",
        "How many verdicts the correction is for",
        _against_baseline(lambda versus: Value(versus.together)),
        "count",
    ),
    _file_only(
        "until_decided",
        "The runs were stopped when verdicts were settled: verdict and difference are of a "
        "confidence sequence",
        _against_baseline(lambda versus: Value(versus.until_decided)),
        "mark",
    ),
    _file_only(
        "p_not_worse",
        "One-sided p value of a loss of the margin or more, corrected: not worse below 0.025",
        _against_baseline(
            lambda versus: Value(versus.adjusted.not_worse if versus.adjusted else None)
        ),
        "plain",
    ),
    _file_only(
        "p_worse",
        "One-sided p value of a loss of the margin or less, corrected: worse below 0.025",
        _against_baseline(lambda versus: Value(versus.adjusted.worse if versus.adjusted else None)),
        "plain",
    ),
    _file_only(
        "unscored_unknown",
        "Samples without a score whose output tokens are not known in full",
        lambda row: Value(row.unscored_unknown),
        "count",
    ),
)
"""Every measure, in the order of the page."""
