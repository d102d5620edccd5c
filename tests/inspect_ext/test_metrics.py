"""What Inspect's own display shows of a run: what applies to its method, by readable names."""

import math
from pathlib import Path
from typing import Any

import pytest
from evaluation import means, right, run
from hypothesis import given, strategies as st
from inspect_ai import score
from inspect_ai._display.core.results import task_scores
from inspect_ai.log import EvalLog
from inspect_ai.model import get_model
from inspect_ai.scorer import SampleScore, Score
from inspect_ai.solver import generate
from questions import gsm8k_file
from rich.console import Console
from server import chat_server

from tale_eval.inspect_ext.metrics import known_means
from tale_eval.inspect_ext.scorers import token_cost
from tale_eval.tasks.gsm8k import gsm8k

EVERY_RUN = {
    "answer_tokens",
    "output_tokens",
    "input_tokens",
    "calls",
    "seconds",
    "truncated",
    "bare_answer",
    "no_answer",
}
ESTIMATED = {"estimator_tokens", "budget", "within_budget", "budget_missing", "budget_echoed"}
SEARCHED = {"vanilla_tokens", "search_tokens", "unsolved", "no_smaller_budget"}


def answered(tmp_path: Path, method: str, **settings: Any) -> EvalLog:
    task = gsm8k(method=method, source=str(gsm8k_file(tmp_path, 3)))
    with chat_server(right) as server:
        return run(server, task, tmp_path, **settings)


@pytest.mark.parametrize(
    ("method", "more", "without"),
    [
        ("cot", set(), ESTIMATED | SEARCHED),
        ("budget:tokens=40", {"budget", "within_budget"}, {"estimator_tokens"} | SEARCHED),
        ("tale_ep", ESTIMATED, SEARCHED),
        ("budget_search", {"vanilla_tokens", "unsolved"}, {"estimator_tokens", "budget_missing"}),
    ],
)
def test_a_method_shows_the_numbers_that_it_has(
    method: str, more: set[str], without: set[str], tmp_path: Path
) -> None:
    shown = means(answered(tmp_path, method))
    assert shown.keys() >= EVERY_RUN | more
    assert not shown.keys() & (without | {"dollars", "helper_tokens"})
    assert not any(math.isnan(value) for value in shown.values())


def test_a_solver_that_takes_the_place_of_the_tasks_method_does_too(tmp_path: Path) -> None:
    shown = means(answered(tmp_path, "tale_ep", solver=generate()))
    assert "answer_tokens" in shown
    assert not shown.keys() & (ESTIMATED | SEARCHED)


def test_a_log_that_is_scored_again_shows_its_costs(tmp_path: Path) -> None:
    model = get_model("none/none")
    log = score(
        answered(tmp_path, "cot"), token_cost(), action="append", model=model, display="none"
    )
    assert means(log, "token_cost")["output_tokens"] == 25


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_name_is_cut_and_nothing_is_nan(width: int, tmp_path: Path) -> None:
    log = answered(tmp_path, "tale_ep")
    assert log.results is not None
    console = Console(width=width)
    with console.capture() as capture:
        console.print(*task_scores(log.results.scores))
    text = capture.get()
    assert "…" not in text
    assert "nan" not in text
    assert {"accuracy", "output_tokens", "budget_missing"} <= set(text.split())


def test_how_many_samples_know_a_number_is_said_where_not_all_do() -> None:
    rows = [{"correct": 1, "seconds": 2.0, "a_tokens": 0}, {"correct": 0, "seconds": math.nan}]
    given = [SampleScore(score=Score(value=row)) for row in rows]
    assert known_means()(given) == {"seconds": 2, "seconds_known": 1}


NUMBERS = st.one_of(st.floats(0, 1e6), st.just(math.nan), st.integers(0, 1000))


@given(st.lists(st.fixed_dictionaries({"x_tokens": NUMBERS, "share": NUMBERS}), min_size=1))
def test_a_mean_is_over_the_known_numbers_alone(rows: list[dict[str, float]]) -> None:
    shown = known_means()([SampleScore(score=Score(value=row)) for row in rows])
    assert isinstance(shown, dict)
    for key in ("x_tokens", "share"):
        known = [row[key] for row in rows if not math.isnan(row[key])]
        if known and (key == "share" or any(known)):
            assert shown[key] == pytest.approx(math.fsum(known) / len(known))
        else:
            assert key not in shown
