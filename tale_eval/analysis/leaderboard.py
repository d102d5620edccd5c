"""From records to leaderboard rows. Pure."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tale_eval.analysis import efficiency
from tale_eval.analysis.comparison import (
    Comparison,
    by_epoch,
    by_question,
    find_baseline,
    output_tokens,
    paired_comparison,
    score,
)
from tale_eval.analysis.statistics import Interval, accuracy_interval, check_margin, mean_interval
from tale_eval.records import Record


@dataclass(frozen=True)
class Row:
    """One model, task and method. Means run over the samples whose value is known.

    Attributes:
        is_baseline: The other methods of this model and task are compared with it.
        n: Scored samples, epochs counted separately: the accuracy's denominator.
        errors: Samples that failed or were not scored; they are not in `n`.
        questions: Different questions, those that failed included; all rotations of one
            question's options are one question.
        epochs: How many different epochs there are.
        repeated: Samples beyond the first of their question and epoch: a run read twice.
        accuracy: Share right of `n`; None if nothing was scored.
        interval: Of the accuracy: Wilson's, over epochs and rotations clustered by question.
        circular: Share of questions that are right in every rotation of their options; None
            where none was rotated.
        means: Mean of each cost over the scored answers (over all samples where none was
            scored), None where none of them knows it.
        unscored_tokens: Output tokens of the samples that are in `errors`, as far as known.
        tokens_interval: Of the mean output tokens, clustered by question.
        bare: Share of answers without any reasoning before them.
        tokens_per_correct: Output tokens of all scored answers for each one that is
            right in full; None without any.
        dollars_per_1000: Dollars for 1,000 scored answers; None if one is unknown.
        dollars_known: Scored answers whose dollars are known.
        e3, ock_score, oaa_auc: See `tale_eval.analysis.efficiency`.
        oaa_limit: The token limit of oaa_auc: the most output tokens of any scored answer
            to this model and task, by whatever method.
        pareto: No method of this model and task is at least as accurate with as few mean
            output tokens, and better in one of the two.
        comparison: Against the baseline; None for itself, or without one.
    """

    model: str
    task: str
    method: str
    is_baseline: bool
    n: int
    errors: int
    questions: int
    epochs: int
    repeated: int
    accuracy: float | None
    interval: Interval | None
    circular: float | None
    means: dict[str, float | None]
    unscored_tokens: int
    tokens_interval: Interval | None
    bare: float | None
    tokens_per_correct: float | None
    dollars_per_1000: float | None
    dollars_known: int
    e3: float | None
    ock_score: float | None
    oaa_auc: float | None
    oaa_limit: int | None
    pareto: bool
    comparison: Comparison | None


def leaderboard(
    records: Iterable[Record], baseline: str | None = "cot", margin: float = 0.02
) -> list[Row]:
    """One row per model, task and method, by name; the baseline first.

    Args:
        records: What was read from the logs.
        baseline: The method to compare with, as `find_baseline` takes it; None for none.
        margin: The accuracy loss that would not matter, as a share.

    Raises:
        InvalidValueError: If the margin is no such share.
    """
    check_margin(margin)
    groups: dict[tuple[str, str], dict[str, list[Record]]] = defaultdict(lambda: defaultdict(list))
    for record in records:
        groups[record.model, record.task][record.method].append(record)
    return [row for key in sorted(groups) for row in _group_rows(groups[key], baseline, margin)]


@dataclass(frozen=True)
class MacroAverage:
    """One model and method over several tasks, each task counting the same.

    Attributes:
        tasks: Those that every method of this model answered, and no others.
        accuracy: Mean of the tasks' accuracies.
        output_tokens: Mean of the tasks' mean output tokens; None if one is unknown.
    """

    model: str
    method: str
    tasks: tuple[str, ...]
    accuracy: float | None
    output_tokens: float | None


def macro_average(rows: Iterable[Row]) -> list[MacroAverage]:
    """One line per model and method; none for a model with fewer than two shared tasks."""
    averages = []
    for model, methods in _by_model(rows).items():
        shared = _shared_tasks(methods)
        if len(shared) < 2:
            continue
        for method, tasks in methods.items():
            chosen = [tasks[task] for task in shared]
            tokens = [row.means["output_tokens"] for row in chosen]
            averages.append(
                MacroAverage(
                    model=model,
                    method=method,
                    tasks=shared,
                    accuracy=_mean(row.accuracy for row in chosen),
                    output_tokens=None if None in tokens else _mean(tokens),
                )
            )
    return averages


def _by_model(rows: Iterable[Row]) -> dict[str, dict[str, dict[str, Row]]]:
    """The scored rows by model, method and task."""
    models: dict[str, dict[str, dict[str, Row]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        if row.accuracy is not None:
            models[row.model][row.method][row.task] = row
    return models


def _shared_tasks(methods: Mapping[str, Mapping[str, Row]]) -> tuple[str, ...]:
    return tuple(sorted(set.intersection(*map(set, methods.values()))))


def _average_problems(rows: Iterable[Row]) -> Iterator[str]:
    """Why there is no average over a model's tasks, though several were run."""
    for model, methods in _by_model(rows).items():
        tasks = {task for answered in methods.values() for task in answered}
        if len(methods) < 2 or len(tasks) < 2 or len(_shared_tasks(methods)) > 1:
            continue
        partial = [f"{name} ({len(done)})" for name, done in methods.items() if done.keys() < tasks]
        yield (
            f"{model}: no average over its {len(tasks)} tasks, for no two of them were answered by "
            f"every method; not by {', '.join(partial)}"
        )


def problems(rows: Sequence[Row], baseline: str | None = "cot") -> list[str]:
    """What a reader must know before he trusts the rows, one sentence each."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.model, row.task].append(row)
    found = []
    for (model, task), group in groups.items():
        sentences = [s for row in group for s in _row_problems(row)]
        sentences += _baseline_problems(group, baseline)
        found += [f"{model}, {task}: {sentence}" for sentence in sentences]
    return [*found, *_average_problems(rows)]


def _row_problems(row: Row) -> Iterator[str]:
    if row.errors:
        spent = f"; they cost {row.unscored_tokens:,} output tokens more"
        yield (
            f"{row.method}: {row.errors} of {row.n + row.errors} samples failed or have no score"
            f"{spent if row.n and row.unscored_tokens else ''}"
        )
    if row.repeated:
        yield (
            f"{row.method}: {row.repeated} samples are there more than once, and are counted "
            "each time; give the logs of one run"
        )
    if row.circular is not None:
        yield (
            f"{row.method}: the options of {row.questions} questions were rotated; "
            f"{100 * row.circular:.1f} % are right in every rotation (circular accuracy), and "
            "the intervals count a question once"
        )
    if 0 < row.dollars_known < row.n:
        yield f"{row.method}: the dollars of {row.n - row.dollars_known} answers are not known"
    versus = row.comparison
    if versus and not versus.same_questions:
        yield (
            f"{row.method} and {versus.baseline} were not asked the same questions: both "
            f"answered {versus.paired}, only {row.method} {versus.unpaired}, only "
            f"{versus.baseline} {versus.unpaired_baseline}; they are compared on the "
            f"{versus.paired}"
        )


def _baseline_problems(group: Sequence[Row], baseline: str | None) -> Iterator[str]:
    if baseline is None:
        return
    methods = ", ".join(row.method for row in group)
    if len(group) == 1:
        yield f"only {methods} was run, there is nothing to compare it with"
    elif not any(row.is_baseline for row in group):
        yield f"no single method is the baseline {baseline!r}; there are {methods}"


def _group_rows(
    methods: Mapping[str, Sequence[Record]], baseline: str | None, margin: float
) -> list[Row]:
    """The rows of one model and task."""
    base = find_baseline(methods, baseline)
    spent = [tokens for records in methods.values() for _, tokens in _answers(records)]
    order = sorted(methods, key=lambda method: (method != base, method))
    rows = [
        _row(
            methods[method],
            limit=max(spent, default=None),
            is_baseline=method == base,
            comparison=None
            if base is None or method == base
            else paired_comparison(methods[method], methods[base], margin),
        )
        for method in order
    ]
    return _mark_pareto(rows)


def _row(
    records: Sequence[Record],
    *,
    limit: int | None,
    is_baseline: bool,
    comparison: Comparison | None,
) -> Row:
    scores = by_question(records, score)
    n = sum(len(per_epoch) for per_epoch in scores.values())
    accuracy = math.fsum(s for per_epoch in scores.values() for s in per_epoch) / n if n else None
    # accuracy and tokens over the same answers: one that failed half-way cost less than one
    scored = [r for r in records if r.correct is not None]
    counted = scored or records
    means = {key: _mean(r.costs[key] for r in counted) for key in records[0].costs}
    tokens = means["output_tokens"]
    point = None if accuracy is None or tokens is None else (accuracy, tokens)
    answers = _answers(records)
    right, spent = [r for r, _ in answers], [t for _, t in answers]
    priced = [r.costs["dollars"] for r in scored]
    known = [dollars for dollars in priced if dollars is not None]
    return Row(
        model=records[0].model,
        task=records[0].task,
        method=records[0].method,
        is_baseline=is_baseline,
        n=n,
        errors=len(records) - n,
        questions=len({r.question for r in records}),
        epochs=len({r.epoch for r in records}),
        repeated=len(records) - len({(r.sample_id, r.epoch) for r in records}),
        accuracy=accuracy,
        interval=accuracy_interval(scores) if n else None,
        circular=_mean(by_epoch(records).values())
        if any(r.question != r.sample_id for r in records)
        else None,
        means=means,
        unscored_tokens=int(
            math.fsum(r.costs["output_tokens"] or 0 for r in records if r.correct is None)
        ),
        tokens_interval=mean_interval(by_question(counted, output_tokens)),
        bare=_mean(r.bare for r in counted),
        tokens_per_correct=efficiency.tokens_per_correct(right, spent) if answers else None,
        dollars_per_1000=1000 * math.fsum(known) / n if n and len(known) == n else None,
        dollars_known=len(known),
        e3=efficiency.e3(*point) if point else None,
        ock_score=efficiency.ock_score(*point) if point else None,
        oaa_auc=efficiency.oaa_auc(right, spent, limit) if answers and limit else None,
        oaa_limit=limit,
        pareto=False,
        comparison=comparison,
    )


def _mark_pareto(rows: Sequence[Row]) -> list[Row]:
    """The rows of one model and task, those marked that no other one dominates."""
    points = [_point(row) for row in rows]
    known = [point for point in points if point]
    return [
        replace(row, pareto=point is not None and not any(_beats(o, point) for o in known))
        for row, point in zip(rows, points, strict=True)
    ]


def _beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """At least as accurate with at most as many tokens, and not the same."""
    return one[0] >= other[0] and one[1] <= other[1] and one != other


def _answers(records: Iterable[Record]) -> list[tuple[bool, int]]:
    """Right in full or not, and the output tokens, of each scored answer that knows them."""
    return [
        (r.correct == 1, int(tokens))
        for r in records
        if r.correct is not None and (tokens := r.costs["output_tokens"]) is not None
    ]


def _point(row: Row) -> tuple[float, float] | None:
    """Where a row stands between accuracy and tokens."""
    tokens = row.means["output_tokens"]
    return None if row.accuracy is None or tokens is None else (row.accuracy, tokens)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) / len(known) if known else None
