"""The public API: its names are pinned, each is where its page says, and none costs an import."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import REPOSITORY

import tale_eval

NAMES = [
    "Ask",
    "Attempt",
    "Benchmark",
    "BudgetReading",
    "Call",
    "Comparison",
    "ElasticityReport",
    "Estimator",
    "Grade",
    "LeaderboardRow",
    "Measure",
    "Method",
    "Plan",
    "Question",
    "ReadLogs",
    "Record",
    "SearchResult",
    "TaleEvalError",
    "Trial",
    "Value",
    "Way",
    "__version__",
    "benchmark_task",
    "benchmarks",
    "elasticity_reports",
    "estimators",
    "grade",
    "leaderboard",
    "make_estimator",
    "method",
    "method_solver",
    "methods",
    "paired_comparison",
    "read_budget",
    "read_records",
    "read_searches",
    "register",
    "resolve",
    "search",
    "single",
    "write_page",
]


def test_these_are_the_names() -> None:
    assert sorted(tale_eval.__all__) == sorted(NAMES)
    assert dir(tale_eval) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(tale_eval, name)
    if name != "__version__":
        assert value.__doc__
        assert value.__module__.startswith("tale_eval.")


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        _ = tale_eval.no_such_name


def test_a_type_checker_refuses_a_name_that_is_not_there(tmp_path: Path) -> None:
    script = tmp_path / "theirs.py"
    script.write_text("import tale_eval as tale\n\ntale.grade\ntale.nope\n")
    command = [sys.executable, "-m", "mypy", "--no-incremental", "--follow-imports=skip"]
    done = subprocess.run(
        [*command, "--config-file=", str(script), tale_eval.__file__],
        capture_output=True,
        text=True,
        env=os.environ | {"MYPYPATH": str(REPOSITORY)},
        check=False,
    )
    assert 'theirs.py:4: error: Module has no attribute "nope"' in done.stdout
    assert "theirs.py:3" not in done.stdout


def test_type_checkers_see_the_same_names_in_the_same_places() -> None:
    tree = ast.parse(Path(tale_eval.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        alias.name: str(node.module).removeprefix("tale_eval.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == tale_eval._HOMES


def test_the_page_names_them_all() -> None:
    page = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"`{name}" not in page] == []


def test_importing_the_package_loads_nothing_else() -> None:
    script = "import sys; import tale_eval; print(*sys.modules)"
    command = [sys.executable, "-c", script]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in loaded if name.startswith("tale_eval")] == ["tale_eval"]
    packages = {name.partition(".")[0] for name in loaded} - {"tale_eval"}
    # what an environment loads at its start, and what Python itself brings, is not ours
    assert packages & {"inspect_ai", "pydantic", "rich", "typer", "numpy", "openai"} == set()


def test_the_core_is_used_without_inspect() -> None:
    script = (
        "import sys, tale_eval as t\n"
        "print(t.grade('It is [[4]].', '4', 'cloze').correct)\n"
        "print(t.read_budget('Budget: [[40]]').budget, t.Method.parse('cot'))\n"
        "print('inspect_ai' in sys.modules)\n"
    )
    command = [sys.executable, "-c", script]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == ["True", "40 cot", "False"]
