"""What a matrix will run and cost, said before it does."""

from functools import partial
from pathlib import Path

import pytest

from tale_eval.analysis.forecast import Seen, ToCome, forecast
from tale_eval.errors import InvalidValueError
from tale_eval.inspect_ext.command_line import read_options
from tale_eval.matrix.combination import combinations
from tale_eval.matrix.plan import Plan, _placed, limits_of, plan_of
from tale_eval.matrix.running import cells_of
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
    plan = plan_of(cells, str(tmp_path / "logs"), options, load=True)
    assert [run.questions for run in plan.to_come] == [8, 8]
    everything = plan_of(cells, str(tmp_path / "logs"), read_options([]), load=True)
    assert [run.questions for run in everything.to_come] == [3, None]
    with pytest.raises(
        InvalidValueError, match=r"--limit 4-9 leaves no question of .*, which has 3"
    ):
        plan_of(cells, str(tmp_path / "logs"), read_options(["--limit", "4-9"]), load=True)


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
