"""What Inspect loads when it looks for our tasks: nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from command import REPOSITORY

HEAVY = {
    "accelerate",
    "altair",
    "datasets",
    "genai_prices",
    "huggingface_hub",
    "lm_eval",
    "math_verify",
    "numpy",
    "pandas",
    "peft",
    "pyarrow",
    "reasoning_gym",
    "scipy",
    "sympy",
    "torch",
    "transformers",
    "trl",
}


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """The modules of a process that has loaded what Inspect's entry point names."""
    script = "import sys, tale_eval._registry; print(*sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(process.stdout.split())


def test_the_registry_loads_no_heavy_package(loaded: set[str]) -> None:
    packages = {name.partition(".")[0] for name in loaded}
    assert "tale_eval" in packages
    assert packages & HEAVY == set()


def test_the_registry_loads_names_and_not_what_asks_and_scores(loaded: set[str]) -> None:
    assert {"tale_eval.solvers.budget_search", "tale_eval.inspect_ext.scorers"} <= loaded
    working = {"asking", "record", "scoring", "searching", "foreign", "logged"}
    assert loaded & {f"tale_eval.inspect_ext.{name}" for name in working} == set()
    assert not any(name.startswith("tale_eval.tokens") for name in loaded)


def sources() -> list[Path]:
    folders = ("tale_eval", "tasks", "solvers", "training")
    # the links inside tale_eval/ show the outer folders a second time
    return [
        path
        for folder in folders
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        if not path.is_relative_to(REPOSITORY / "tale_eval" / folder)
    ]


def test_no_way_of_importing_hides_from_the_import_rules() -> None:
    """import-linter reads import statements: what is loaded otherwise, or through the package's
    lazy names, it would not see."""
    by_name: list[str] = []
    through_the_api: list[str] = []
    for path in sources():
        place = path.relative_to(REPOSITORY).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Name | ast.Attribute):
                name = node.id if isinstance(node, ast.Name) else node.attr
                if name in ("import_module", "__import__"):
                    by_name.append(place)
            if isinstance(node, ast.ImportFrom) and node.module == "tale_eval":
                names = {alias.name for alias in node.names}
                rooms = {p.stem for p in (REPOSITORY / "tale_eval").iterdir()}
                if names - rooms - {"__version__"}:
                    through_the_api.append(place)
            if isinstance(node, ast.Import) and any(a.name == "tale_eval" for a in node.names):
                through_the_api.append(place)
    assert set(by_name) == {
        "tale_eval/__init__.py",
        "tale_eval/_registry.py",
        "tale_eval/discovery.py",
        # what Inspect and its plugins will load, and nothing of ours
        "tale_eval/matrix/warm.py",
    }
    assert through_the_api == []
