"""What a reader must know before he trusts the rows of a leaderboard. Pure."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from tale_eval.analysis.averages import Methods, by_model, shared_tasks
from tale_eval.analysis.comparison import FAILURE_SHARE
from tale_eval.analysis.labels import Labels, label_of, labels
from tale_eval.analysis.leaderboard import LeaderboardRow
from tale_eval.asking.setting import IN_MODEL_ARGUMENTS
from tale_eval.asking.variant import differing, label
from tale_eval.records import RunSettings

# sections of `RunSettings.values` that must agree between the runs of a model and task; what
# differs in generation is in the label of a row, or changes nothing
_COMPARED = {
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
        sentences += _until_decided(group)
        sentences += _ratios_without_interval(group)
        sentences += _graders(group)
        found += [f"{model}, {task}: {sentence}" for sentence in sentences]
    return [*found, *_average_problems(rows)]


def _row_problems(row: LeaderboardRow) -> Iterator[str]:
    if row.errors:
        yield (
            f"{row.label}: {row.errors} of {row.n + row.errors} samples failed or have no score"
            f"{_unscored_cost(row)}"
        )
    if row.failures_count:
        yield (
            f"{row.label}: more than {100 * FAILURE_SHARE:g} % of its samples failed, so verdicts "
            f"and the Pareto set count a failure as a wrong answer ({_percent(row.accuracy)} of "
            f"what was answered is right, {_percent(row.accuracy_with_failures)} of all); most "
            f"often: {_commonest_error(row)}"
        )
    if row.unread:
        yield (
            f"{row.label}: the score of {row.unread} samples says neither right nor wrong; they "
            "did not fail, and count nowhere (--score NAME takes another score)"
        )
    if count := row.count("undecided"):
        yield (
            f"{row.label}: the formulas of {count} answers could not be compared in time; they "
            "count as wrong"
        )
    if row.repeated:
        yield (
            f"{row.label}: {row.repeated} samples are there more than once, and are counted "
            "each time; give the logs of one run"
        )
    if row.circular is not None:
        yield (
            f"{row.label}: the options of {row.questions} questions were rotated; "
            f"{100 * row.circular:.1f} % are right in every rotation (circular accuracy), and "
            "the intervals count a question once"
        )
    yield from _unknown_parts(row)
    yield from _cut_estimates(row)
    yield from _outside_estimates(row)
    yield from _cut_reasoning(row)
    versus = row.comparison
    if versus and not versus.same_questions:
        yield (
            f"{row.label} and {versus.baseline} were not asked the same questions: both "
            f"answered {versus.paired}, only {row.label} {versus.unpaired}, only "
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
                f"{row.label}: the {name} of {answers - known} answers are not known; their "
                f"mean, and all that rests on them, is over the other {known} of {answers}"
            )
    if 0 < row.dollars_known < row.n:
        yield f"{row.label}: the dollars of {row.n - row.dollars_known} answers are not known"


def _cut_estimates(row: LeaderboardRow) -> Iterator[str]:
    known, share = row.known["estimate_cut_off"], row.means["estimate_cut_off"]
    if share:
        yield (
            f"{row.label}: {round(share * known)} of {known} estimates hit their token cap "
            "before they named a budget; raise estimator_max_tokens"
        )


def _outside_estimates(row: LeaderboardRow) -> Iterator[str]:
    known, share = row.known["budget_outside"], row.means["budget_outside"]
    if share:
        yield (
            f"{row.label}: {round(share * known)} of {known} questions are unlike those that its "
            "estimator was fitted on (another language, kind or vocabulary); their budgets are "
            "guesses"
        )


def _cut_reasoning(row: LeaderboardRow) -> Iterator[str]:
    known, share = row.known["cut_in_reasoning"], row.means["cut_in_reasoning"]
    if share:
        yield (
            f"{row.label}: {round(share * known)} of {known} answers hit their token cap inside "
            "their reasoning, and nothing of them can be seen; raise max_tokens, or ask for less "
            "reasoning"
        )


def _baseline_problems(group: Sequence[LeaderboardRow], baseline: str | None) -> Iterator[str]:
    if baseline is None:
        return
    names = ", ".join(row.label for row in group)
    bases = [row for row in group if row.is_baseline]
    if len(group) == 1:
        yield f"only {names} was run, there is nothing to compare it with"
    elif not bases:
        yield f"no single method is the baseline {baseline!r}; there are {names}"
    else:
        yield from _other_settings(group, bases)


def _other_settings(
    group: Sequence[LeaderboardRow], bases: Sequence[LeaderboardRow]
) -> Iterator[str]:
    """That a row is compared with the baseline at its own setting, or with nothing."""
    name = f'--baseline "{bases[0].label}" compares every row with that one'
    if len(bases) > 1:
        yield (
            f"{bases[0].method} was run at {len(bases)} settings, and is the baseline of other "
            f"methods at its own; {name}"
        )
    alone = [row.label for row in group if not row.is_baseline and row.comparison is None]
    if alone:
        cure = f"; {name}" if len(bases) == 1 else ""
        yield (
            f"{', '.join(alone)}: compared with nothing, for {bases[0].method} was not run at that "
            f"setting{cure}"
        )


def _many_comparisons(group: Sequence[LeaderboardRow]) -> Iterator[str]:
    """That several verdicts are wrong more often than one, which is in up to 5 % of cases."""
    compared = [row.comparison for row in group if row.comparison]
    if any(comparison.correction != "none" for comparison in compared):
        return
    baselines = dict.fromkeys(comparison.baseline for comparison in compared)
    if len(compared) >= MANY_COMPARISONS:
        yield (
            f"{len(compared)} methods are compared with {', '.join(baselines)}, each at 5 %, and "
            f"nothing is corrected for that: in up to {min(100, 5 * len(compared)):g} % of such "
            "tables one of the verdicts is false"
        )


def _until_decided(group: Sequence[LeaderboardRow]) -> Iterator[str]:
    """That the number of questions hangs on the answers, and what still holds then."""
    stopped = [row for row in group if row.comparison and row.comparison.until_decided]
    if not stopped:
        return
    asked = ", ".join(f"{row.label} ({row.questions:,} questions)" for row in stopped)
    each = f"{asked}: asked until its verdict was settled"
    yield (
        f"{each}; verdicts and intervals of Δ accuracy are of a confidence sequence (testing by "
        "betting), which holds whenever one stops, and verdicts count failures as wrong; all other "
        "intervals are for numbers of questions that were fixed before"
    )


def _commonest_error(row: LeaderboardRow) -> str:
    """How most of a row's failures are explained, on one line, and what helps if that is known."""
    error = row.commonest_error
    assert error is not None
    shown = error if len(error) <= ERROR_LENGTH else f"{error[:ERROR_LENGTH]}…"
    refused = "temperature" in error and "--gen_kwargs" not in error
    return f"{shown} (--temperature 1 may help)" if refused else shown


def _ratios_without_interval(group: Sequence[LeaderboardRow]) -> Iterator[str]:
    """Why a token ratio stands alone: alike for several methods, it is said once."""
    reasons: dict[str, list[str]] = defaultdict(list)
    for row in group:
        if row.comparison and row.comparison.ratio_reason:
            reasons[row.comparison.ratio_reason].append(row.label)
    for reason, methods in reasons.items():
        yield f"token ratio of {', '.join(methods)}: {reason}"


def _graders(group: Sequence[LeaderboardRow]) -> Iterator[str]:
    """What graders used in all, which a bill holds and no row."""
    tokens = sum(row.count("scorer_tokens_total") for row in group)
    dollars = sum(row.count("scorer_dollars_total") for row in group)
    if tokens:
        paid = f" (${dollars:,.2f})" if dollars >= 0.005 else ""
        yield (
            f"graders wrote {tokens:,.0f} output tokens{paid} beside the methods', which are in no "
            "row's tokens"
        )


def _percent(share: float | None) -> str:
    return "nothing" if share is None else f"{100 * share:.1f} %"


def _average_problems(rows: Iterable[LeaderboardRow]) -> Iterator[str]:
    """What an average over a model's tasks mixes, or why there is none."""
    for model, methods in by_model(rows).items():
        if len(shared_tasks(methods)) > 1:
            yield from (f"{model}: {sentence}" for sentence in _mixed_settings(methods))
            continue
        tasks = {task for answered in methods.values() for task in answered}
        if len(methods) < 2 or len(tasks) < 2:
            continue
        keys = differing(methods)
        partial = [
            f"{label(variant, keys)} ({len(done)})"
            for variant, done in methods.items()
            if done.keys() < tasks
        ]
        yield (
            f"{model}: no average over its {len(tasks)} tasks, for no two of them were answered by "
            f"every method; not by {', '.join(partial)}"
        )


def _mixed_settings(methods: Methods) -> Iterator[str]:
    """The settings that differ between the tasks of an average, and within none."""
    shared = shared_tasks(methods)
    rows = [answered[task] for answered in methods.values() for task in shared]
    mixed = differing(row.variant for row in rows) - differing(methods)
    if mixed:
        said = {row.task: str(row.setting.only(mixed)) or "none of them" for row in rows}
        yield (
            f"the average is over tasks that were run at different settings of "
            f"{', '.join(sorted(mixed))}: "
            + "; ".join(f"{setting} for {task}" for task, setting in sorted(said.items()))
        )


def setting_problems(settings: Iterable[RunSettings]) -> list[str]:
    """One sentence for what differs between runs of one model and task and is in no row's label.

    And one for a run that was divided, of which not all shares are here.
    """
    settings = list(settings)
    known = labels(settings)
    groups: dict[tuple[str, str], list[RunSettings]] = defaultdict(list)
    for run in settings:
        groups[run.model, run.task].append(run)
    return [
        f"{model}, {task}: {sentence}"
        for (model, task), runs in groups.items()
        for sentence in (*_all_differences(runs, known), *_missing_shares(runs, known))
    ]


def _all_differences(runs: list[RunSettings], known: Labels) -> Iterator[str]:
    for section, only in _COMPARED.items():
        yield from _differences(runs, section, only, known)


def _missing_shares(runs: Sequence[RunSettings], known: Labels) -> Iterator[str]:
    """That runs were divided, and that of some not all shares are here."""
    found: dict[tuple[str, int], set[int]] = defaultdict(set)
    for run in runs:
        asked = run.values.get("run", {})
        share, of = asked.get("share"), asked.get("shares")
        if isinstance(share, int) and isinstance(of, int):
            found[label_of(run, known), of].add(share)
    for (name, of), here in found.items():
        missing = set(range(1, of + 1)) - here
        if missing:
            yield (
                f"{name}: its questions were divided into {of} shares; {_listed(here)} of them "
                f"{'is' if len(here) == 1 else 'are'} here, {_listed(missing)} "
                f"{'is' if len(missing) == 1 else 'are'} missing"
            )


def _listed(numbers: Collection[int]) -> str:
    """Such as "1, 3-5"."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and spans[-1][-1] == number - 1:
            spans[-1] = [spans[-1][0], number]
        else:
            spans.append([number])
    return ", ".join("-".join(map(str, span)) for span in spans)


def _differences(
    runs: list[RunSettings], section: str, only: str | None, known: Labels
) -> list[str]:
    if section in _WHERE_PRESENT:
        runs = [run for run in runs if run.values.get(section)]
    names = sorted({name for run in runs for name in run.values.get(section, {})})
    found = []
    for name in names:
        if only is not None and name != only:
            continue
        if section == "model arguments" and name in IN_MODEL_ARGUMENTS:
            continue
        if any(f" {name}=" in run.method for run in runs):
            continue  # an estimator's model is part of the method's name
        methods: dict[str, list[str]] = defaultdict(list)
        for run in sorted(runs, key=lambda run: run.method):
            value = json.dumps(run.values.get(section, {}).get(name), default=str)
            methods[value].append(label_of(run, known))
        if len(methods) > 1:
            said = "; ".join(f"{value} for {', '.join(who)}" for value, who in methods.items())
            found.append(f"the runs differ in {section} {name!r}: {said}")
    return found
