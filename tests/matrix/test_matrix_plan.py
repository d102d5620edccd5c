"""What a matrix will run and cost, said before it does."""

import json
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tale_eval.analysis.forecast import Seen, ToCome, forecast
from tale_eval.cli import app
from tale_eval.errors import InvalidValueError
from tale_eval.inspect_ext.command_line import read_options
from tale_eval.matrix.combination import combinations
from tale_eval.matrix.plan import Plan, PlannedRun, _placed, limits_of, plan_of
from tale_eval.matrix.running import Cell, cells_of
from tale_eval.tokens.ledger import Call
from tale_eval.tokens.pricing import Price

PRICES = {
    "a/b": Price(input=1, output=10),  # type: ignore[arg-type]
    "c/d": Price(input=2, output=20),  # type: ignore[arg-type]
}


def seen(model: str = "a/b", task: str = "t", method: str = "cot", output: int = 100) -> Seen:
    call = Call(
        purpose="answer",
        model=model,
        input_tokens=50,
        output_tokens=output,
        counted_by="provider",
        summed=True,
    )
    return Seen(model, task, method, 8, (call,))


def test_a_run_costs_what_a_question_took_before() -> None:
    found = forecast([ToCome("a/b", "t", "cot", 1000, (seen(),))], PRICES)
    # (50 x 1 + 100 x 10) / 1,000,000 a question
    assert found.dollars == pytest.approx(1.05)
    assert (found.known, found.rows, found.unknown) == (1, ("a/b · t · cot (8 answers)",), {})


def test_the_nearest_row_counts() -> None:
    rows = (seen(output=100), seen(task="u", output=200), seen("c/d", output=300))
    outputs = [
        forecast([ToCome(model, task, "cot", 1000, rows)], PRICES).dollars
        for model, task in [("a/b", "t"), ("a/b", "u"), ("c/d", "v")]
    ]
    # what the model itself took on this task; and, at twice the price, on any
    assert outputs == [pytest.approx(1.05), pytest.approx(2.05), pytest.approx(6.1)]


def test_another_model_is_taken_to_write_as_much() -> None:
    found = forecast([ToCome("c/d", "t", "cot", 1000, (seen(),))], PRICES)
    assert found.dollars == pytest.approx(2.1)
    assert found.rows == ("a/b · t · cot (8 answers, as if c/d wrote as much)",)


def test_what_is_not_known_is_not_made_up() -> None:
    runs = [
        ToCome("a/b", "t", "direct", 10, (seen(),)),
        ToCome("a/b", "t", "cot", None, (seen(),)),
        ToCome("x/y", "t", "cot", 10, (seen(),)),
        ToCome("x/y", "u", "cot", 10, (seen(),)),
    ]
    found = forecast(runs, PRICES)
    assert found.dollars is None
    assert found.unknown == {
        "no log shows the tokens of {} at this setting": ["direct"],
        "nobody knows how many questions {} has": ["t"],
        "no price is known of {}": ["x/y", "x/y"],
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        # 1,000 questions of 50 tokens read at 0.25 and 100 written at 2 a million
        ([], 0.2125),
        (["--batch", "true"], 0.10625),
        (["--batch", "50"], 0.10625),
        (["-M", "service_tier=flex"], 0.10625),
        (["--extra-body", '{"service_tier": "flex"}'], 0.10625),
        (["-M", "service_tier=default"], 0.2125),
    ],
)
def test_a_batch_and_a_tier_to_come_cost_what_they_cost(
    options: list[str], expected: float
) -> None:
    """A pilot was asked as usual; what is to come is not."""
    mini = "openai/gpt-5-mini"
    placed = partial(_placed, read_options(options), mini)
    found = forecast([ToCome(mini, "t", "cot", 1000, (seen(mini),), placed)])
    assert found.dollars == pytest.approx(expected)


def test_a_batch_that_nobody_lists_has_no_known_cost() -> None:
    deepseek = "deepseek/deepseek-chat"
    placed = partial(_placed, read_options(["-M", "service_tier=flex"]), deepseek)
    found = forecast([ToCome(deepseek, "t", "cot", 10, (seen(deepseek),), placed)])
    assert found.unknown == {"no price is known of {}": [f"{deepseek} in the tier flex"]}


def test_only_providers_with_a_batch_api_are_asked_in_batches() -> None:
    call = seen("groq/openai/gpt-oss-120b").calls[0]
    assert not _placed(read_options(["--batch", "true"]), call.model, call).batch


@pytest.mark.parametrize(
    ("written", "expected"), [(None, None), ("5", (1, 5)), ("3-5", (3, 5)), ("7-7", (7, 7))]
)
def test_limits_count_from_one(written: str | None, expected: tuple[int, int] | None) -> None:
    assert limits_of(read_options([] if written is None else ["--limit", written])) == expected


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("0-30", "leaves no question: ranges count from 1"),
        ("0", "leaves no question"),
        ("5-3", "leaves no question"),
        ("many", "write a number or a range"),
        ("-5", "write a number or a range"),
        ("1-2-3", "write a number or a range"),
    ],
)
def test_a_limit_that_leaves_nothing_is_refused(written: str, message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        limits_of(read_options([f"--limit={written}"]))


def test_the_questions_of_our_benchmarks_are_counted_where_no_log_says_it(tmp_path: Path) -> None:
    source = tmp_path / "g.jsonl"
    source.write_text('{"question": "What is 1 plus 1?", "answer": "#### 2"}\n' * 3)
    options = read_options(["--limit", "2", "--epochs", "4"])
    matrix = combinations([f"gsm8k:source={source}", "task.py"], ["cot"], ["a/b"])
    cells = cells_of(matrix, str(tmp_path / "logs"), options, 1)
    plan = plan_of(cells, str(tmp_path / "logs"), options)
    assert [run.questions for run in plan.to_come] == [8, 8]
    everything = plan_of(cells, str(tmp_path / "logs"), read_options([]))
    assert [run.questions for run in everything.to_come] == [3, None]
    with pytest.raises(
        InvalidValueError, match=r"--limit 4-9 leaves no question of .*, which has 3"
    ):
        plan_of(cells, str(tmp_path / "logs"), read_options(["--limit", "4-9"]))


def test_the_plan_in_words() -> None:
    runs = (ToCome("a/b", "t", "cot", 1000, (seen(),)), ToCome("a/b", "t", "direct", None))
    lines = [*Plan(5, runs, forecast(runs, PRICES)).lines()]
    assert lines == [
        "5 runs, 3 of them done; 1,000 questions to ask in 1 of them, and in 1 it is not known "
        "how many",
        "cost to come: about $1.05 for 1 run, by a/b · t · cot (8 answers)",
        "cost to come: unknown for 1 run: no log shows the tokens of direct at this setting",
    ]
    assert [*Plan(5, (), forecast([])).lines()] == ["5 runs, 5 of them done; nothing left to ask"]


def test_many_methods_that_no_log_shows_are_one_line() -> None:
    runs = [ToCome("a/b", "t", f"m{i}", 10) for i in range(7)]
    _, line = Plan(7, tuple(runs), forecast(runs, PRICES)).lines()
    assert line == (
        "cost to come: unknown for 7 runs: no log shows the tokens of m0, m1, m2, m3, m4, m5, "
        "and 1 more at this setting"
    )


def cells(*methods: str, folder: str = "logs") -> list[Cell]:
    """A run of a made-up task for each method."""
    return cells_of(combinations(["t.py"], methods, ["a/b"]), folder, read_options([]), 1)


def test_the_plan_as_plain_values() -> None:
    done, dear, unknown = cells("direct", "cot", "tale_ep")
    each = (
        PlannedRun(done, 0, 0.0, None),
        PlannedRun(dear, 1000, 1.05, None),
        PlannedRun(unknown, None, None, "nobody knows"),
    )
    runs = (ToCome("a/b", "t", "cot", 1000), ToCome("a/b", "t", "tale_ep", None))
    found = Plan(3, runs, forecast([]), each).values()
    # a sum with an unknown part is unknown
    assert (found["done"], found["questions"], found["dollars"]) == (1, None, None)
    assert found["runs"][1] == {  # type: ignore[index]
        "task": "t.py",
        "method": "cot",
        "model": "a/b",
        "settings": {},
        "share": None,
        "folder": dear.folder,
        "questions": 1000,
        "dollars": 1.05,
        "unknown": None,
    }
    known = Plan(2, runs[:1], forecast([]), each[:2]).values()
    assert (known["questions"], known["dollars"]) == (1000, 1.05)


def dry_run(folder: Path, *options: str) -> Result:
    """`compare --dry-run` of two methods at two efforts on a file of three questions."""
    source = folder / "g.jsonl"
    source.write_text('{"question": "What is 1 plus 1?", "answer": "#### 2"}\n' * 3)
    words = ["compare", f"gsm8k:source={source}", "--method", "cot", "--method", "direct"]
    words += ["--sweep", "reasoning_effort=low,high", "--model", "openai/gpt-5-mini"]
    words += ["--log-dir", str(folder / "logs"), *options]
    return CliRunner().invoke(app, words)


def test_a_dry_run_is_written_for_machines(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "plan.json"
    shown = dry_run(tmp_path, "--dry-run", "--json", str(file))
    assert shown.exit_code == 0, shown.output
    assert "4 runs, 0 of them done; 12 questions to ask" in shown.stdout
    alone = dry_run(tmp_path, "--dry-run", "--json", "-")
    found = json.loads(alone.stdout)
    assert found == json.loads(file.read_text())
    assert (found["done"], found["questions"], found["dollars"]) == (0, 12, None)
    assert found["prices"].startswith("genai-prices ")
    assert [(run["method"], run["settings"]["reasoning_effort"]) for run in found["runs"]] == [
        ("cot", "low"),
        ("cot", "high"),
        ("direct", "low"),
        ("direct", "high"),
    ]
    for run in found["runs"]:
        assert run["questions"] == 3
        assert run["unknown"] == f"no log shows the tokens of {run['method']} at this setting"
        assert run["folder"].startswith(str(tmp_path / "logs"))
    assert not (tmp_path / "logs").exists()


def test_a_plan_for_machines_holds_no_key(tmp_path: Path) -> None:
    body = '{"api_key": "sk-0123456789abcdefghij"}'
    shown = dry_run(tmp_path, "--dry-run", "--json", "-", "--extra-body", body)
    assert shown.exit_code == 0, shown.output
    assert "sk-0123456789" not in shown.stdout
    assert "***" in shown.stdout


def test_a_plan_for_machines_is_that_of_a_dry_run(tmp_path: Path) -> None:
    result = dry_run(tmp_path, "--json", "-")
    assert isinstance(result.exception, InvalidValueError)
    assert str(result.exception) == "--json - writes what --dry-run says: add --dry-run"
