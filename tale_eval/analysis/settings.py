"""Runs that stand in one table and were not made alike. Pure."""

import json
from collections import defaultdict
from collections.abc import Iterable

from tale_eval.records import RunSettings

# sections of `RunSettings.values` that must agree between the runs of a model and task
_COMPARED = {"generation": None, "model arguments": None, "model roles": None, "versions": "task"}


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
