"""Averages of leaderboard rows over a model's tasks. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tale_eval.analysis.leaderboard import LeaderboardRow
from tale_eval.analysis.results import mean


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


def macro_average(rows: Iterable[LeaderboardRow]) -> list[MacroAverage]:
    """One line per model and method; none for a model with fewer than two shared tasks."""
    averages = []
    for model, methods in by_model(rows).items():
        shared = shared_tasks(methods)
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
                    accuracy=mean(row.accuracy for row in chosen),
                    output_tokens=None if None in tokens else mean(tokens),
                )
            )
    return averages


def by_model(rows: Iterable[LeaderboardRow]) -> dict[str, dict[str, dict[str, LeaderboardRow]]]:
    """The scored rows by model, method and task."""
    models: dict[str, dict[str, dict[str, LeaderboardRow]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        if row.accuracy is not None:
            models[row.model][row.method][row.task] = row
    return models


def shared_tasks(methods: Mapping[str, Mapping[str, LeaderboardRow]]) -> tuple[str, ...]:
    return tuple(sorted(set.intersection(*map(set, methods.values()))))
