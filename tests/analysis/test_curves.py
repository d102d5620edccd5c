"""Curves, areas and frontiers, each number worked by hand."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st
from records import answer

from tale_eval.analysis.curves import Curve, area_under, curves
from tale_eval.analysis.frontiers import (
    ALL_MODELS,
    Frontier,
    frontiers,
    hypervolume,
    pass_frontiers,
)
from tale_eval.analysis.leaderboard import LeaderboardRow, leaderboard
from tale_eval.analysis.results import Point
from tale_eval.asking.setting import Setting
from tale_eval.errors import InvalidValueError
from tale_eval.records import Record


def row_of(
    method: str,
    right: int,
    tokens: int,
    *,
    model: str = "m",
    setting: dict[str, str] | None = None,
    price: float | None = None,
) -> list[Record]:
    """Ten answers of so many tokens each, of which the first ones are right."""
    known = {} if price is None else {"dollars": price, "seconds": tokens / 10}
    at = Setting(setting or {})
    return [
        replace(answer(method, f"q{n}", n < right, tokens, model=model, **known), setting=at)
        for n in range(10)
    ]


BUDGETS = [
    *row_of("budget:tokens=50", 4, 100),
    *row_of("budget:tokens=100", 6, 200),
    *row_of("budget:tokens=200", 9, 400),
]
COT = row_of("cot", 9, 500)


def named(records: Sequence[Record]) -> dict[str, Curve]:
    return {curve.name: curve for curve in curves(leaderboard(records))}


def by_cost(curve: Curve) -> dict[str, float | None]:
    return {area.cost: area.accuracy for area in curve.areas}


def test_budgets_of_one_method_are_a_curve_from_low_to_high() -> None:
    (curve,) = curves(leaderboard(BUDGETS + COT))
    assert (curve.label, curve.key, curve.name) == ("budget", "tokens", "budget by tokens")
    assert [(p.level, p.accuracy, p.costs["tokens"].mean) for p in curve.points] == [
        ("50", 0.4, 100),
        ("100", 0.6, 200),
        ("200", 0.9, 400),
    ]
    # nobody knows prices or times
    assert {name for point in curve.points for name in point.costs} == {"tokens"}
    # from 100 to 400: 100 · (0.4 + 0.6) / 2 + 200 · (0.6 + 0.9) / 2 = 50 + 150
    (area,) = curve.areas
    assert (area.low, area.high, area.accuracy) == (100, 400, pytest.approx(200 / 300))
    assert area.said == "mean accuracy 66.7 % over 100 tokens to 400 tokens"


def test_settings_are_joined_as_arguments_are_and_words_are_not() -> None:
    efforts = [
        record
        for effort, right, tokens in (("high", 9, 900), ("low", 5, 100), ("medium", 7, 300))
        for record in row_of("cot", right, tokens, setting={"reasoning_effort": effort})
    ]
    styles = row_of("concise:style=brief", 5, 50) + row_of("concise:style=draft", 6, 60)
    found = named(efforts)
    assert [p.level for p in found["cot by reasoning_effort"].points] == ["low", "medium", "high"]
    # two wordings have no order: nothing lies between them
    assert named(styles) == {}


def test_what_is_not_set_is_on_no_curve() -> None:
    records = row_of("cot", 5, 50) + row_of("cot", 6, 60, setting={"max_tokens": "100"})
    assert curves(leaderboard(records)) == []


def test_areas_run_over_the_cost_that_all_curves_of_a_task_have() -> None:
    other = row_of("tale_ep:factor=1", 8, 150) + row_of("tale_ep:factor=2", 8, 300)
    found = named(BUDGETS + other)
    # 150 to 300: budget rises 0.5 → 0.6 → 0.75, tale_ep stays at 0.8
    assert by_cost(found["budget by tokens"])["tokens"] == pytest.approx(
        (50 * (0.5 + 0.6) / 2 + 100 * (0.6 + 0.75) / 2) / 150
    )
    assert by_cost(found["tale_ep by factor"])["tokens"] == pytest.approx(0.8)


def test_curves_without_a_range_in_common_have_no_area_and_say_so() -> None:
    other = row_of("tale_ep:factor=1", 8, 1000) + row_of("tale_ep:factor=2", 8, 2000)
    curve = named(BUDGETS + other)["budget by tokens"]
    assert by_cost(curve) == {"tokens": None}
    assert curve.areas[0].said == "the curves of this task have no range of tokens in common"


@given(
    st.lists(
        st.tuples(st.integers(0, 99), st.integers(0, 10)), min_size=2, unique_by=lambda p: p[0]
    )
)
def test_the_area_under_a_line_is_between_its_lowest_and_its_highest_point(
    points: list[tuple[int, int]],
) -> None:
    ordered = sorted((float(at), height / 10) for at, height in points)
    heights = [height for _, height in ordered]
    area = area_under(ordered, ordered[0][0], ordered[-1][0])
    assert area is not None
    assert min(heights) - 1e-9 <= area <= max(heights) + 1e-9


# --- frontiers ---


def test_the_hypervolume_is_the_share_of_the_box_below_the_steps() -> None:
    # reference 500: from 100 on 0.4, from 200 on 0.6, from 400 on 0.9
    points = [Point(0.4, 100), Point(0.6, 200), Point(0.9, 400)]
    steps = 0.4 * 100 + 0.6 * 200 + 0.9 * 100
    assert hypervolume(points, 500) == pytest.approx(steps / 500)
    # what is beaten adds nothing, and what lies at the reference neither
    assert hypervolume([*points, Point(0.5, 300), Point(1, 500)], 500) == pytest.approx(steps / 500)
    assert hypervolume([], 500) == 0


POINTS = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 9)), max_size=6)


@given(POINTS)
def test_the_hypervolume_is_the_share_of_dominated_cells(points: list[tuple[int, int]]) -> None:
    made = [Point(right / 10, float(tokens)) for right, tokens in points]
    cells = sum(
        any(tokens <= at and right > height for right, tokens in points)
        for at in range(10)
        for height in range(10)
    )
    assert hypervolume(made, 10) == pytest.approx(cells / 100)


def found(rows: Sequence[LeaderboardRow], model: str, cost: str = "tokens") -> Frontier:
    (frontier,) = (f for f in frontiers(rows) if (f.model, f.cost) == (model, cost))
    return frontier


def test_the_frontier_is_the_pareto_set_from_cheap_to_dear() -> None:
    dear = row_of("dear", 8, 450)
    frontier = found(leaderboard(BUDGETS + COT + dear), "m")
    labels = [place.label for place in frontier.places]
    assert labels == ["budget:tokens=50", "budget:tokens=100", "budget:tokens=200"]
    rows = leaderboard(BUDGETS + COT + dear)
    assert set(labels) == {row.label for row in rows if row.measure("pareto").value}
    assert (frontier.reference, frontier.hypervolume) == (500, pytest.approx(250 / 500))
    assert (frontier.best.label, frontier.cheapest.label) == ("budget:tokens=200",) * 2


def test_the_cheapest_setting_may_lose_as_much_as_is_said() -> None:
    rows = leaderboard(BUDGETS + row_of("cot", 10, 500))
    assert found(rows, "m").cheapest.label == "cot"
    (wide,) = (f for f in frontiers(rows, within=0.1) if f.cost == "tokens")
    # 10 points less, of a fifth fewer tokens
    assert (wide.best.label, wide.cheapest.label) == ("cot", "budget:tokens=200")
    assert wide.sentences[1] == (
        "cheapest within 10 points of the best by tokens: budget:tokens=200 (90.0 %, 400 tokens); "
        "the best: cot (100.0 %, 500 tokens)"
    )
    with pytest.raises(InvalidValueError, match="within=1: a share from 0 up to 1"):
        frontiers(rows, within=1)


def test_an_oracle_is_on_no_frontier() -> None:
    rows = leaderboard(BUDGETS + row_of("budget_search", 10, 10))
    assert "budget_search" not in {place.label for place in found(rows, "m").places}


def test_several_models_have_a_frontier_together_with_one_reference() -> None:
    other = row_of("cot", 9, 300, model="n")
    rows = leaderboard(BUDGETS + COT + other)
    assert {f.reference for f in frontiers(rows)} == {500}
    together = found(rows, ALL_MODELS)
    assert [(p.model, p.label) for p in together.places] == [
        ("m", "budget:tokens=50"),
        ("m", "budget:tokens=100"),
        ("n", "cot"),
    ]
    assert found(rows, "n").hypervolume == pytest.approx(0.9 * 200 / 500)


def test_the_cost_of_pass_frontier_takes_the_cheapest_right_row_of_each_question() -> None:
    cheap, dear = row_of("direct", 4, 10, price=1), row_of("cot", 9, 100, price=5)
    (frontier,) = pass_frontiers(leaderboard(cheap + dear))
    # four questions for 1, five for 5, one that nobody solves
    assert (frontier.questions, frontier.unsolved) == (10, 1)
    assert frontier.dollars == pytest.approx((4 * 1 + 5 * 5) / 9)
    assert frontier.sentence == (
        "cost-of-pass frontier: $3.22 a right answer; no row got 1 of 10 right"
    )
    assert pass_frontiers(leaderboard(cheap + COT)) == []


def test_dollars_and_seconds_have_curves_and_frontiers_of_their_own() -> None:
    records = row_of("budget:tokens=50", 4, 100, price=2) + row_of(
        "budget:tokens=99", 8, 200, price=4
    )
    rows = leaderboard(records)
    (curve,) = curves(rows)
    assert [(a.cost, a.low, a.high) for a in curve.areas] == [
        ("tokens", 100, 200),
        ("dollars", 2, 4),
        ("seconds", 10, 20),
    ]
    assert by_cost(curve) == {name: pytest.approx(0.6) for name in ("tokens", "dollars", "seconds")}
    assert found(rows, "m", "dollars").hypervolume == pytest.approx(0.4 * 2 / 4)
