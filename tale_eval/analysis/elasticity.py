"""What budget searches say about a model's token elasticity. Pure."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, median

from tale_eval.analysis.estimators import EstimatorScore, estimator_score
from tale_eval.analysis.labels import Labels, labels
from tale_eval.asking.setting import Setting
from tale_eval.asking.variant import Variant, order
from tale_eval.budgets.elasticity import (
    CurvePoint,
    EstimatorQuality,
    IdealRange,
    QuestionTrials,
    Share,
    curve,
    estimator_quality,
    first_rebound,
    ideal_range,
    median_rebound_fraction,
    monotonic_share,
    rebound_share,
)
from tale_eval.budgets.needs import Search
from tale_eval.budgets.search import Trial
from tale_eval.budgets.traces import SearchTrace
from tale_eval.errors import InvalidValueError
from tale_eval.records import Searched


@dataclass(frozen=True)
class SearchedQuestion:
    """One question's line in the tables: tokens, the searched budget, and W*."""

    question: str
    status: str
    vanilla_tokens: float
    budget: int | None
    tokens: float
    calls: int
    rebound_at: int | None
    ideal: IdealRange | None


@dataclass(frozen=True)
class ElasticityReport:
    """The searches of one model, task, method and setting.

    Attributes:
        setting: The generation settings that they were run with.
        label: What tables call them: the method, and of the setting what differs between the
            runs of this model and task.
        questions: One line each, in the order of their names.
        solved: Share of questions that vanilla CoT answers right.
        improved: Share of the solved ones for which a smaller budget was found.
        dearer: Share of these whose chosen answer took more tokens than vanilla CoT's: no rule
            of "halving" and "bisect" asks for fewer.
        single_budget: Share of the ideal ranges that are a single budget.
        ideal_trials: Median number of correct budgets that an ideal range was chosen from.
        vanilla_tokens: Mean output tokens of vanilla CoT over the solved questions.
        searched_tokens: Mean output tokens of the chosen answers over the same.
        spent_tokens: Mean output tokens that a question cost, search included, as far as
            somebody counted them.
        calls: Mean calls per question, vanilla CoT's included.
        by_budget, by_fraction: Actual tokens against the prompted budget.
        rebounds, rebound_at, monotonic: See `tale_eval.budgets.elasticity`.
        estimators: Quality of each estimating method that answered these questions at this
            setting, by its label.
        scores: The same with intervals, calibration and what the answers take.
        unlike, seconds: How many questions are unlike those that a method's estimator was
            fitted on, and its mean seconds an estimate; by label.
        pairs: What each method estimated and what was needed, question by question.
    """

    model: str
    task: str
    method: str
    setting: Setting
    label: str
    questions: list[SearchedQuestion]
    solved: Share
    improved: Share
    dearer: Share
    single_budget: Share
    ideal_trials: float | None
    vanilla_tokens: float | None
    searched_tokens: float | None
    spent_tokens: float
    calls: float
    by_budget: list[CurvePoint]
    by_fraction: list[CurvePoint]
    rebounds: Share
    rebound_at: float | None
    monotonic: Share
    estimators: dict[str, EstimatorQuality] = field(default_factory=dict)
    scores: dict[str, EstimatorScore] = field(default_factory=dict)
    unlike: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    pairs: dict[str, list[tuple[int, int]]] = field(default_factory=dict)


def elasticity_reports(found: Sequence[Searched]) -> tuple[list[ElasticityReport], list[str]]:
    """One report per model, task, search method and setting.

    Estimates are compared with every search of the same model, task and setting.

    Returns:
        The reports, and one line for whatever could not be compared.

    Raises:
        InvalidValueError: If there is no search at all, or one question twice.
    """
    runs: dict[_Run, list[Searched]] = defaultdict(list)
    for item in found:
        runs[item.model, item.task, item.variant].append(item)
    names = labels(found)
    for key, items in runs.items():
        _check_unique(", ".join([*key[:2], names[key]]), items)
    searches = {key: items for key, items in runs.items() if items[0].trace is not None}
    estimates = {key: items for key, items in runs.items() if key not in searches}
    if not searches:
        raise InvalidValueError(
            "no budget search in these logs; run one with --solver tale_eval/budget_search"
        )
    problems = _different_questions(runs, names)
    reports = []
    for key in sorted(searches, key=lambda key: (*key[:2], order(key[2]))):
        report = _report(key, names[key], searches[key])
        reports.append(report)
        found_by = {item.question: s for item in searches[key] if (s := item.search) is not None}
        for other, items in estimates.items():
            if _comparable(other, key):
                _compare(report, found_by, names[other], items, problems)
    compared = {key[:2] for key in searches}
    problems += [
        f"estimates of {names[key]} by {key[0]} on {key[1]}: no search of that model and task"
        + (" at their setting" if key[:2] in compared else "")
        for key in estimates
        if not any(_comparable(key, search) for search in searches)
    ]
    return reports, problems


_Run = tuple[str, str, Variant]
"""Model, task, and method at its setting."""


def _comparable(run: _Run, other: _Run) -> bool:
    """Whether two runs asked the same model, in the same way, about the same task."""
    return run[:2] == other[:2] and run[2].setting == other[2].setting


def _different_questions(runs: Mapping[_Run, Sequence[Searched]], names: Labels) -> list[str]:
    """One line per model and task whose methods were run on different questions."""
    asked: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(dict)
    for key, items in runs.items():
        asked[key[:2]][names[key]] = {item.question for item in items}
    return [
        f"{model}, {task}: these methods were run on different questions, so compare them with "
        "care: " + ", ".join(f"{method} on {len(ids)}" for method, ids in methods.items()) + "; "
        f"{len(set.intersection(*methods.values()))} in common"
        for (model, task), methods in asked.items()
        if len({frozenset(ids) for ids in methods.values()}) > 1
    ]


def _compare(
    report: ElasticityReport,
    searches: Mapping[str, Search],
    method: str,
    found: Sequence[Searched],
    problems: list[str],
) -> None:
    estimates = {item.question: item.estimate for item in found}
    ranges = {line.question: line.ideal for line in report.questions if line.ideal is not None}
    try:
        report.estimators[method] = estimator_quality(ranges, estimates)
    except InvalidValueError as error:
        problems.append(f"{method} against {report.label} on {report.task}: {error}")
        return
    shared = {name: search for name, search in searches.items() if name in estimates}
    if any(estimates[name] is not None and s.needed is not None for name, s in shared.items()):
        report.scores[method] = estimator_score(shared, estimates)
    report.pairs[method] = [
        (budget, search.needed)
        for name, search in shared.items()
        if (budget := estimates[name]) is not None and search.needed is not None
    ]
    report.unlike[method] = sum(item.unlike for item in found)
    seconds = [item.seconds for item in found if item.seconds is not None]
    if seconds:
        report.seconds[method] = mean(seconds)


def _report(run: _Run, label: str, found: list[Searched]) -> ElasticityReport:
    questions: list[QuestionTrials] = []
    lines: list[SearchedQuestion] = []
    for item in sorted(found, key=lambda item: item.question):
        assert item.trace is not None
        decisive = [trace.trial() for trace in item.trace.trials]
        asked = decisive + [trace.trial() for trace in item.trace.surplus]
        # of a trial without its tokens nothing can be said but that it was asked
        question = QuestionTrials(item.question, tuple(t for t in asked if t.counted))
        questions.append(question)
        lines.append(_line(question, item.trace, decisive, asked))
    # only what vanilla CoT solves was searched: the others have a single trial
    solved = [line for line in lines if line.status != "unsolved"]
    # a curve needs a CoT of some length to take fractions of
    measurable = [q for q in questions if q.loosest_first[0].output_tokens]
    searched = [line for line in lines if line.status == "searched"]
    ideals = [line.ideal for line in lines if line.ideal is not None]
    spent = [_spent(item.trace) for item in found if item.trace]
    return ElasticityReport(
        model=run[0],
        task=run[1],
        method=run[2].method,
        setting=run[2].setting,
        label=label,
        questions=lines,
        solved=Share.of(line.status != "unsolved" for line in lines),
        improved=Share.of(line.status == "searched" for line in solved),
        dearer=Share.of(line.tokens > line.vanilla_tokens for line in searched),
        single_budget=Share.of(len(ideal.budgets) == 1 for ideal in ideals),
        ideal_trials=median(ideal.trials for ideal in ideals) if ideals else None,
        vanilla_tokens=mean(line.vanilla_tokens for line in solved) if solved else None,
        searched_tokens=mean(line.tokens for line in solved) if solved else None,
        spent_tokens=mean(spent),
        calls=mean(line.calls for line in lines),
        by_budget=curve(measurable, by="budget"),
        by_fraction=curve(measurable, by="fraction"),
        rebounds=rebound_share(measurable),
        rebound_at=median_rebound_fraction(measurable),
        monotonic=monotonic_share(measurable),
    )


def _spent(trace: SearchTrace) -> int:
    asked = (*trace.trials, *trace.surplus)
    return sum(a.output_tokens or 0 for trial in asked for a in trial.attempts)


def _line(
    question: QuestionTrials, trace: SearchTrace, decisive: list[Trial], asked: list[Trial]
) -> SearchedQuestion:
    best = next(trial for trial in decisive if trial.budget == trace.budget)
    rebound = first_rebound(question)
    return SearchedQuestion(
        question=question.id,
        status=trace.status,
        vanilla_tokens=decisive[0].output_tokens,
        budget=best.budget,
        tokens=best.output_tokens,
        calls=sum(len(trial.attempts) for trial in asked),
        rebound_at=rebound.budget if rebound else None,
        ideal=ideal_range(question),
    )


def _check_unique(name: str, found: list[Searched]) -> None:
    repeated = [question for question, n in Counter(i.question for i in found).items() if n > 1]
    if repeated:
        raise InvalidValueError(
            f"{name}: {len(repeated)} questions stand in these logs more than once, "
            f"such as {repeated[0]}; give one log per run"
        )
