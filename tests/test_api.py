"""The public API: its names are pinned, each is where its page says, and none costs an import."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from command import REPOSITORY, lm_eval, lm_eval_samples, tale_eval as tale_eval_command
from installed import install, path_with, python
from server import Reply, chat_server

import tale_eval

NAMES = [
    "Ask",
    "Attempt",
    "Benchmark",
    "BudgetReading",
    "Call",
    "Comparison",
    "Control",
    "ControlledRow",
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
    "Search",
    "SearchResult",
    "Setting",
    "Sweep",
    "TaleEvalError",
    "Trial",
    "Value",
    "Way",
    "__version__",
    "benchmark_task",
    "benchmarks",
    "control_of",
    "controlled_rows",
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
    "read_fitted",
    "read_records",
    "read_searches",
    "register",
    "resolve",
    "search",
    "single",
    "sweeps",
    "under_budget",
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


def test_the_source_distribution_has_what_the_tests_read() -> None:
    described = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    targets = described["tool"]["hatch"]["build"]["targets"]
    # the build adds what describes the project itself
    there = {*targets["sdist"]["only-include"], "README.md", "LICENSE", "pyproject.toml"}
    tests = [path.read_text(encoding="utf-8") for path in (REPOSITORY / "tests").rglob("*.py")]
    read = {name for text in tests for name in re.findall(r'REPOSITORY / "([\w.-]+)"', text)}
    assert {"docs", "tests"} <= read <= there
    for name in there:
        assert (REPOSITORY / name).exists()


# --- the page's package -------------------------------------------------------------------


@pytest.fixture(scope="module")
def my_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package whose files and entry points `docs/api.md` shows, really installed."""
    page = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"```python\n# (my_package/\w+\.py)\n(.*?)```", page, re.DOTALL))
    points: dict[str, dict[str, str]] = {}
    for block in re.findall(r"```toml\n(.*?)```", page, re.DOTALL):
        points |= tomllib.loads(block)["project"]["entry-points"]
    folder = tmp_path_factory.mktemp("my_package")
    return install(folder, "my_package", {"my_package/__init__.py": "", **files}, points)


def heads(prompt: str, request: dict[str, object]) -> Reply:
    """The right answer to "2 coins show heads."."""
    (count, side), *_ = re.findall(r"(\d) coins show (\w+)\.", prompt)
    return Reply(f"ANSWER: [[{count if side == 'heads' else 0}]]", output_tokens=4)


def test_the_pages_package_runs_in_inspect(my_package: Path, tmp_path: Path) -> None:
    methods = ("--method", "briefly:words=9", "--method", "tale_ep:estimator=by_length")
    with chat_server(heads) as server:
        done = tale_eval_command(
            *("compare", "coins/tails", *methods, "--model", "openai-api/loop/m"),
            *("--log-dir", "logs", "--display", "plain"),
            cwd=tmp_path,
            variables=server.variables | {"PYTHONPATH": path_with(my_package)},
        )
        assert done.returncode == 0, done.stdout + done.stderr
    # both methods run side by side, and each asks both questions at once
    first, second, *others = sorted(server.prompts())
    assert first.startswith("1 coins show tails. How many show heads?\nAnswer in at most 9 words")
    assert second.startswith("2 coins show tails.")
    # eight words
    assert len(others) == 2
    assert all("use less than 16 tokens" in prompt for prompt in others)
    rows = tale_eval.leaderboard(tale_eval.read_records([str(tmp_path / "logs")]).records)
    assert {(row.task, row.method, row.accuracy) for row in rows} == {
        ("my_package/coins(side=tails)", "briefly:words=9", 1.0),
        ("my_package/coins(side=tails)", "tale_ep:estimator=by_length", 1.0),
    }


def test_the_pages_method_with_a_budget_takes_every_control(
    my_package: Path, tmp_path: Path
) -> None:
    with chat_server(heads) as server:
        done = tale_eval_command(
            *("compare", "coins/tails", "--method", "by_words:per_word=2:control=prompt+cap"),
            *("--model", "openai-api/loop/m", "--log-dir", "logs", "--display", "plain"),
            cwd=tmp_path,
            variables=server.variables | {"PYTHONPATH": path_with(my_package)},
        )
        assert done.returncode == 0, done.stdout + done.stderr
    # "1 coins show tails. How many show heads?": eight words, and a margin of 20 tokens
    assert [request["max_tokens"] for request in server.requests] == [36, 36]
    assert all("use less than 16 tokens" in prompt for prompt in server.prompts())
    read = tale_eval.read_records([str(tmp_path / "logs")])
    (prompt, cap) = tale_eval.controlled_rows(read.records)
    assert (prompt.control, prompt.asked, cap.control, cap.asked) == ("prompt", "16", "cap", "36")


def test_the_pages_package_runs_in_lm_eval(my_package: Path, tmp_path: Path) -> None:
    with chat_server(heads) as server:
        done = lm_eval(
            *("run", "--model", "local-chat-completions", "--apply_chat_template"),
            *("--model_args", f"model=m,base_url={server.base_url}/chat/completions"),
            *("--tasks", "tale_coins_briefly", "tale_coins_tale_ep"),
            *("--metadata", "tale_side=heads", "tale_words=7", "tale_estimator=by_length"),
            *("--output_path", tmp_path / "out", "--log_samples"),
            cwd=tmp_path,
            variables=server.variables
            | {
                "PYTHONPATH": path_with(my_package),
                "TALE_EVAL_CACHE": str(tmp_path / "cache"),
            },
        )
        assert done.returncode == 0, done.stderr
    read = tale_eval.read_records([str(tmp_path / "out")])
    assert {record.task for record in read.records} == {"my_package/coins(side=heads)"}
    found = {}
    for task in ("tale_coins_briefly", "tale_coins_tale_ep"):
        rows = lm_eval_samples(tmp_path, task)
        found[task] = [(row["doc"]["method"], row.get("budget"), row["correct"]) for row in rows]
    assert found["tale_coins_briefly"] == [("briefly:words=7", None, 1)] * 2
    assert found["tale_coins_tale_ep"] == [("tale_ep:estimator=by_length", 16, 1)] * 2


def test_the_pages_benchmark_is_kept_out_of_a_corpus(my_package: Path) -> None:
    script = (
        "from tale_eval.training.candidates import evaluation_questions\n"
        "print(*map(' '.join, evaluation_questions(['coins'])), sep='\\n')\n"
    )
    first, second = python(my_package, script).splitlines()
    assert first.startswith("1 coins show heads")
    assert second.startswith("2 coins show heads")


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
