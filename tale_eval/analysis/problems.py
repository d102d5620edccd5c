"""What a reader must know before he trusts the rows of a leaderboard. Pure."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from tale_eval.analysis.averages import by_model, shared_tasks
from tale_eval.analysis.comparison import FAILURE_SHARE
from tale_eval.analysis.leaderboard import LeaderboardRow
from tale_eval.analysis.results import undecided
from tale_eval.records import RunSettings

# sections of `RunSettings.values` that must agree between the runs of a model and task
_COMPARED = {
    "generation": None,
    "model arguments": None,
    "model roles": None,
    "estimator": None,
    "versions": "task",
}
# sections that say nothing of a run without such a thing
_WHERE_PRESENT = {"estimator"}

ERROR_LENGTH = 200
"""Characters of an error that are shown."""

MANY_COMPARISONS = 3
"""From so many comparisons with one baseline on, their number is said."""


def problems(rows: Sequence[LeaderboardRow], baseline: str | None = "cot") -> list[str]:
    """What a reader must know before he trusts the rows, one sentence each."""
    groups: dict[tuple[str, str], list[LeaderboardRow]] = defaultdict(list)
    for row in rows:
        groups[row.model, row.task].append(row)
    found = []
    for (model, task), group in groups.items():
        sentences = [s for row in group for s in _row_problems(row)]
        sentences += _baseline_problems(group, baseline)
        sentences += _many_comparisons(group)
        sentences += _ratios_without_interval(group)
        found += [f"{model}, {task}: {sentence}" for sentence in sentences]
    return [*found, *_average_problems(rows)]


def _row_problems(row: LeaderboardRow) -> Iterator[str]:
    if row.errors:
        yield (
            f"{row.method}: {row.errors} of {row.n + row.errors} samples failed or have no score"
            f"{_unscored_cost(row)}"
        )
    if row.failures_count:
        yield (
            f"{row.method}: more than {100 * FAILURE_SHARE:g} % of its samples failed, so verdicts "
            f"and the Pareto set count a failure as a wrong answer ({_percent(row.accuracy)} of "
            f"what was answered is right, {_percent(row.accuracy_with_failures)} of all); most "
            f"often: {_commonest_error(row)}"
        )
    if row.unread:
        yield (
            f"{row.method}: the score of {row.unread} samples says neither right nor wrong; they "
            "did not fail, and count nowhere (--score NAME takes another score)"
        )
    if count := undecided(row.records):
        yield (
            f"{row.method}: the formulas of {count} answers could not be compared in time; they "
            "count as wrong"
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
    yield from _unknown_parts(row)
    yield from _cut_estimates(row)
    yield from _outside_estimates(row)
    versus = row.comparison
    if versus and not versus.same_questions:
        yield (
            f"{row.method} and {versus.baseline} were not asked the same questions: both "
            f"answered {versus.paired}, only {row.method} {versus.unpaired}, only "
            f"{versus.baseline} {versus.unpaired_baseline}; they are compared on the "
            f"{versus.paired}"
        )


def _unscored_cost(row: LeaderboardRow) -> str:
    """What the samples without a score cost beside those in the row, as far as known."""
    if not row.n or not row.unscored_tokens:
        return ""
    known = f"; they cost {row.unscored_tokens:,} output tokens more"
    if not row.unscored_unknown:
        return known
    return f"{known}, not counting what is unknown of {row.unscored_unknown} of them"


def _unknown_parts(row: LeaderboardRow) -> Iterator[str]:
    """Which means leave out answers, and over how many they run."""
    answers = row.n or row.errors
    for key, name in (("output_tokens", "output tokens"), ("input_tokens", "input tokens")):
        known = row.known[key]
        if 0 < known < answers:
            yield (
                f"{row.method}: the {name} of {answers - known} answers are not known; their "
                f"mean, and all that rests on them, is over the other {known} of {answers}"
            )
    if 0 < row.dollars_known < row.n:
        yield f"{row.method}: the dollars of {row.n - row.dollars_known} answers are not known"


def _cut_estimates(row: LeaderboardRow) -> Iterator[str]:
    known, share = row.known["estimate_cut_off"], row.means["estimate_cut_off"]
    if share:
        yield (
            f"{row.method}: {round(share * known)} of {known} estimates hit their token cap "
            "before they named a budget; raise estimator_max_tokens"
        )


def _outside_estimates(row: LeaderboardRow) -> Iterator[str]:
    known, share = row.known["budget_outside"], row.means["budget_outside"]
    if share:
        yield (
            f"{row.method}: {round(share * known)} of {known} questions are unlike those that its "
            "estimator was fitted on (another language, kind or vocabulary); their budgets are "
            "guesses"
        )


def _baseline_problems(group: Sequence[LeaderboardRow], baseline: str | None) -> Iterator[str]:
    if baseline is None:
        return
    methods = ", ".join(row.method for row in group)
    if len(group) == 1:
        yield f"only {methods} was run, there is nothing to compare it with"
    elif not any(row.is_baseline for row in group):
        yield f"no single method is the baseline {baseline!r}; there are {methods}"


def _many_comparisons(group: Sequence[LeaderboardRow]) -> Iterator[str]:
    """That several verdicts are wrong more often than one, which is in up to 5 % of cases."""
    compared = [row.comparison for row in group if row.comparison]
    if len(compared) >= MANY_COMPARISONS:
        yield (
            f"{len(compared)} methods are compared with {compared[0].baseline}, each at 5 %, and "
            f"nothing is corrected for that: in up to {min(100, 5 * len(compared)):g} % of such "
            "tables one of the verdicts is false"
        )


def _commonest_error(row: LeaderboardRow) -> str:
    """How most of a row's failures are explained, on one line, and what helps if that is known."""
    errors = Counter(
        " ".join(record.error.split()) for record in row.records if record.error is not None
    )
    ((error, _),) = errors.most_common(1)
    shown = error if len(error) <= ERROR_LENGTH else f"{error[:ERROR_LENGTH]}…"
    refused = "temperature" in error and "--gen_kwargs" not in error
    return f"{shown} (--temperature 1 may help)" if refused else shown


def _ratios_without_interval(group: Sequence[LeaderboardRow]) -> Iterator[str]:
    """Why a token ratio stands alone: alike for several methods, it is said once."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for row in group:
        if row.comparison and row.comparison.ratio_reason:
            reasons[row.comparison.ratio_reason].append(row.method)
    for reason, methods in reasons.items():
        yield f"token ratio of {', '.join(methods)}: {reason}"


def _percent(share: float | None) -> str:
    return "nothing" if share is None else f"{100 * share:.1f} %"


def _average_problems(rows: Iterable[LeaderboardRow]) -> Iterator[str]:
    """Why there is no average over a model's tasks, though several were run."""
    for model, methods in by_model(rows).items():
        tasks = {task for answered in methods.values() for task in answered}
        if len(methods) < 2 or len(tasks) < 2 or len(shared_tasks(methods)) > 1:
            continue
        partial = [f"{name} ({len(done)})" for name, done in methods.items() if done.keys() < tasks]
        yield (
            f"{model}: no average over its {len(tasks)} tasks, for no two of them were answered by "
            f"every method; not by {', '.join(partial)}"
        )


def setting_problems(settings: Iterable[RunSettings]) -> list[str]:
    """One sentence for each setting that differs between runs of one model and task."""
    groups: dict[tuple[str, str], list[RunSettings]] = defaultdict(list)
    for run in settings:
        groups[run.model, run.task].append(run)
    return [
        f"{model}, {task}: {sentence}"
        for (model, task), runs in groups.items()
        for section, only in _COMPARED.items()
        for sentence in _differences(runs, section, only)
    ]


def _differences(runs: list[RunSettings], section: str, only: str | None) -> list[str]:
    if section in _WHERE_PRESENT:
        runs = [run for run in runs if run.values.get(section)]
    names = sorted({name for run in runs for name in run.values.get(section, {})})
    found = []
    for name in names:
        if only is not None and name != only:
            continue
        if any(f" {name}=" in run.method for run in runs):
            continue  # an estimator's model is part of the method's name
        methods: dict[str, list[str]] = defaultdict(list)
        for run in sorted(runs, key=lambda run: run.method):
            value = json.dumps(run.values.get(section, {}).get(name), default=str)
            methods[value].append(run.method)
        if len(methods) > 1:
            said = "; ".join(f"{value} for {', '.join(who)}" for value, who in methods.items())
            found.append(f"the runs differ in {section} {name!r}: {said}")
    return found
