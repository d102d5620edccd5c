"""Writes the YAML files of this folder: a file a task, as lm_eval wants them.

python tasks/harness/_generate.py

What tasks have in common stands in the files that begin with an underscore, which are
written by hand; no prompt stands in any of them.
"""

from pathlib import Path
from typing import Any

import yaml

from tale_eval.tasks import benchmarks

FOLDER = Path(__file__).parent
METHODS = ("direct", "cot", "budget", "ep")


def files() -> dict[Path, str]:
    """Every file and its text."""
    written: dict[Path, dict[str, Any]] = {}
    for benchmark in (name for name, known in benchmarks().items() if len(known.variants) == 1):
        folder = FOLDER / benchmark
        for method in (*METHODS, "estimate"):
            name = f"tale_{benchmark}_{method}"
            written[folder / f"{name}.yaml"] = _task(name, method, {"benchmark": benchmark})
        tasks = [f"tale_{benchmark}_{method}" for method in METHODS]
        written[folder / f"_{benchmark}.yaml"] = {"group": f"tale_{benchmark}", "task": tasks}
    folder = FOLDER / "mathbench"
    for method in (*METHODS, "estimate"):
        tasks = []
        for variant in benchmarks()["mathbench"].variants:
            level, language = variant["level"], variant["language"]
            name = f"tale_mathbench_{level}_{language}_{method}"
            fixed = {"benchmark": "mathbench", "level": level, "language": language}
            written[folder / level / f"{name}.yaml"] = _task(name, method, fixed, depth=2)
            tasks.append(name)
        written[folder / f"_mathbench_{method}.yaml"] = _group(f"tale_mathbench_{method}", tasks)
    methods = [f"tale_mathbench_{method}" for method in METHODS]
    written[folder / "_mathbench.yaml"] = {"group": "tale_mathbench", "task": methods}
    return {path: _text(content) for path, content in written.items()}


def _task(name: str, method: str, fixed: dict[str, str], depth: int = 1) -> dict[str, Any]:
    return {
        "include": f"{'../' * depth}_{method}.yaml",
        "task": name,
        "dataset_kwargs": {"tale": fixed | {"method": method}},
    }


def _group(name: str, tasks: list[str]) -> dict[str, Any]:
    """A group with two means: of all questions, and of the subsets, each counting alike."""
    shown = ["correct", "output_tokens"] if not name.endswith("estimate") else ["estimator_tokens"]
    unweighted = {
        "group": "unweighted",
        "group_alias": "unweighted",
        "task": tasks,
        "aggregate_metric_list": [{"metric": m, "weight_by_size": False} for m in shown],
    }
    return {
        "group": name,
        "task": [unweighted],
        "aggregate_metric_list": [{"metric": m, "weight_by_size": True} for m in shown],
    }


def _text(content: dict[str, Any]) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


if __name__ == "__main__":
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
