"""Averages of leaderboard rows over a model's tasks. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tale_eval.analysis.leaderboard import LeaderboardRow
from tale_eval.analysis.results import mean
from tale_eval.asking.setting import Setting
from tale_eval.asking.variant import Variant, differing, label


@dataclass(frozen=True)
class MacroAverage:
    """One model, method and setting over several tasks, each task counting the same.

    Attributes:
        setting: What of its setting differs between the rows of any one task; what a whole task
            was run with, such as a cap of its own, is in none.
        label: What tables call it: the method and this setting.
        tasks: Those that every method of this model answered, and no others.
        accuracy: Mean of the tasks' accuracies.
        output_tokens: Mean of the tasks' mean output tokens; None if one is unknown.
    """

    model: str
    method: str
    setting: Setting
    label: str
    tasks: tuple[str, ...]
    accuracy: float | None
    output_tokens: float | None


def macro_average(rows: Iterable[LeaderboardRow]) -> list[MacroAverage]:
    """One line per model, method and setting; none for a model with fewer than two shared tasks."""
    averages = []
    for model, methods in by_model(rows).items():
        shared = shared_tasks(methods)
        if len(shared) < 2:
            continue
        keys = differing(methods)
        for variant, tasks in methods.items():
            chosen = [tasks[task] for task in shared]
            tokens = [row.means["output_tokens"] for row in chosen]
            averages.append(
                MacroAverage(
                    model=model,
                    method=variant.method,
                    setting=variant.setting,
                    label=label(variant, keys),
                    tasks=shared,
                    accuracy=mean(row.accuracy for row in chosen),
                    output_tokens=None if None in tokens else mean(tokens),
                )
            )
    return averages


Methods = dict[Variant, dict[str, LeaderboardRow]]
"""A model's rows by method, at what its rows of any task differ in, and by task."""


def by_model(rows: Iterable[LeaderboardRow]) -> dict[str, Methods]:
    """The scored rows of each model."""
    models: dict[str, dict[str, list[LeaderboardRow]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        models[row.model][row.task].append(row)
    return {model: found for model, tasks in models.items() if (found := _aligned(tasks))}


def _aligned(tasks: Mapping[str, list[LeaderboardRow]]) -> Methods:
    """One model's scored rows, those of several tasks together that only the tasks set apart."""
    swept = (differing(row.variant for row in group) for group in tasks.values())
    keys = frozenset[str]().union(*swept)
    methods: Methods = defaultdict(dict)
    for task, group in tasks.items():
        for row in group:
            if row.accuracy is not None:
                methods[row.variant.only(keys)][task] = row
    return methods


def shared_tasks(methods: Mapping[Variant, Mapping[str, LeaderboardRow]]) -> tuple[str, ...]:
    """The tasks that every method of one model answered, by name."""
    return tuple(sorted(set.intersection(*map(set, methods.values()))))
