"""Adapters over seeds, and whether answers follow the budgets that are asked for."""

import math
from dataclasses import replace

import numpy as np
import pytest
from records import answer
from scipy.stats import t as students_t

from tale_eval.analysis.following import Following, followings
from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.analysis.seeds import Joined, over_seeds, seed_of
from tale_eval.analysis.statistics import Interval
from tale_eval.records import Record, RunSettings
from tale_eval.report.trained import markdown_lines, seed_columns, trained_tables

HASH = "0123abcd"


def seeded(method: str, seed: int, question: str, correct: float, tokens: float) -> Record:
    return answer(f"{method} @ obey-seed-{seed}-{HASH}", question, correct, tokens)


# --- names ---


@pytest.mark.parametrize(
    ("method", "found"),
    [
        ("cot @ obey-seed-1-0123abcd", ("cot @ obey", 1)),
        ("budget:tokens=50 @ a-seed-2-seed-13-0123abcd", ("budget:tokens=50 @ a-seed-2", 13)),
        ("cot @ obey-0123abcd", None),
        ("cot @ obey-seed-1", None),
        ("cot", None),
        ("cot-seed-1-0123abcd", None),
    ],
)
def test_a_seed_stands_before_the_hash_of_an_adapters_name(
    method: str, found: tuple[str, int] | None
) -> None:
    assert seed_of(method) == found


def test_seeds_of_one_adapter_are_one_row_and_a_single_seed_stays_as_it_is() -> None:
    records = [
        *(seeded("cot", seed, q, 1, 10) for seed in (1, 2) for q in "ab"),
        *(seeded("direct", 1, q, 1, 10) for q in "ab"),
        *(answer("cot", q, 1, 10) for q in "ab"),
    ]
    rows = {row.method: row for row in leaderboard(Joined(records).records)}
    assert rows.keys() == {"cot", "cot @ obey (2 seeds)", "direct @ obey-seed-1-0123abcd"}
    joined = rows["cot @ obey (2 seeds)"]
    assert (joined.n, joined.questions, joined.repeated) == (4, 2, 0)


def test_two_trainings_of_one_seed_are_not_joined() -> None:
    again = [answer(f"cot @ obey-seed-1-{h}", "a", 1, 10) for h in ("0123abcd", "4567abcd")]
    assert Joined(again).records == again
    assert Joined(again).seeds() == []


def test_the_settings_of_the_runs_go_by_their_rows() -> None:
    joined = Joined([seeded("cot", seed, "a", 1, 10) for seed in (1, 2)])
    methods = [f"cot @ obey-seed-1-{HASH}", "cot"]
    settings = [RunSettings(model="m", task="sums", method=m, log="l", values={}) for m in methods]
    assert [s.method for s in joined.settings(settings)] == ["cot @ obey (2 seeds)", "cot"]


# --- spread ---


def test_the_spread_of_two_seeds_by_hand() -> None:
    """20 questions; seed 1 has all right, seed 2 the even ones; the base model the first 5."""
    questions = [f"q{n:02d}" for n in range(20)]
    records = [
        *(seeded("cot", 1, q, 1, 10) for q in questions),
        *(seeded("cot", 2, q, 1 - n % 2, 20) for n, q in enumerate(questions)),
        *(answer("cot", q, float(n < 5), 40) for n, q in enumerate(questions)),
    ]
    (row,) = Joined(records).seeds()
    assert (row.label, row.seeds) == ("cot @ obey (2 seeds)", (1, 2))
    assert (row.accuracies, row.tokens) == ((1.0, 0.5), (10.0, 20.0))
    assert row.accuracy.value == 0.75
    # seeds' means 1 and 0.5: variance 0.125, of their mean 0.0625; questions' means are ten times
    # 1 and ten times 0.5: variance 0.0625 * 20 / 19, of their mean a twentieth
    wide = [
        float(students_t.ppf(0.975, n)) * math.sqrt(e) for n, e in ((1, 0.0625), (19, 0.0625 / 19))
    ]
    width = math.hypot(*wide)
    table = np.array([[1.0] * 20, [1.0 - n % 2 for n in range(20)]])
    free = over_seeds(table).interval
    assert free is not None
    assert (0.75 - free.low, free.high - 0.75) == pytest.approx((width, width))
    # 3.2 on either side: no accuracy is beyond 0 or 1, and no count of tokens below 0
    assert row.accuracy.interval == Interval(0, 1)
    assert row.output_tokens is not None
    assert row.output_tokens.interval is not None
    assert row.output_tokens.interval.low == 0
    assert row.output_tokens.interval.high > 40
    assert row.difference is not None
    assert row.difference.interval == Interval(-1, 1)
    assert row.difference.value == pytest.approx(0.5)
    assert row.saved is not None
    assert row.saved.value == pytest.approx(-25)
    # two seeds that far apart decide nothing
    assert row.verdict == "undecided"


def test_seeds_that_agree_decide() -> None:
    questions = [f"q{n:02d}" for n in range(40)]
    records = [
        *(seeded("cot", s, q, float(n != s), 10) for s in (1, 2) for n, q in enumerate(questions)),
        *(answer("cot", q, float(n % 2), 40) for n, q in enumerate(questions)),
    ]
    (row,) = Joined(records).seeds()
    assert row.verdict == "not worse"
    cells = {title: column[0] for title, column in seed_columns([row]).items()}
    assert cells["accuracy"].startswith("97.5 [")
    assert cells["accuracies"] == "97.5 97.5"
    assert cells["tokens"] == "10.0 (all values are the same)"
    assert cells["Δ tokens"].startswith("-30.0")


def test_few_questions_and_equal_values_have_no_interval() -> None:
    assert over_seeds(np.zeros((3, 19))).reason == "19 questions, and 20 are needed"
    assert over_seeds(np.ones((3, 20))).reason == "all values are the same"


def test_the_interval_holds_for_further_seeds_and_questions() -> None:
    """Three seeds and 60 questions, spreads of 0.5 each and 1 beside: the truth is 0."""
    drawn, inside = np.random.default_rng(1), 0
    for _ in range(1000):
        effects = drawn.normal(0, 0.5, (3, 1)) + drawn.normal(0, 0.5, (1, 60))
        found = over_seeds(effects + drawn.normal(0, 1, (3, 60))).interval
        assert found is not None
        inside += found.low <= 0 <= found.high
    assert inside >= 940


# --- asked against actual ---


def under(question: str, budget: int, tokens: float, method: str = "budget") -> Record:
    made = answer(f"{method}:tokens={budget}", question, 1, tokens)
    return replace(made, controls={"prompt": budget})


def followed(*records: Record) -> Following:
    (row,) = followings(records)
    return row


def test_the_slope_of_two_questions_by_hand() -> None:
    row = followed(
        *(under("a", b, came) for b, came in [(10, 8), (20, 18), (30, 28)]),
        *(under("b", b, 9) for b in (10, 20, 30)),
    )
    # of a 1, of b 0
    assert (row.slope.value, row.correlation.value) == (0.5, 0.5)
    assert row.asked == (10, 20, 30)
    assert row.came == (8.5, 13.5, 18.5)
    assert row.within == (1.0, 1.0, 1.0)
    assert (row.label, row.control, row.seeds) == ("budget", "prompt", 1)


def test_who_writes_less_under_larger_budgets_has_a_slope_below_0() -> None:
    row = followed(*(under("a", b, came) for b, came in [(10, 30), (20, 20), (30, 10)]))
    assert (row.slope.value, row.correlation.value) == (-1, -1)
    assert row.within == (0, 1, 1)


def test_one_budget_or_none_is_no_row() -> None:
    assert followings([under("a", 10, 8), answer("cot", "a", 1, 8)]) == []
    assert followings([under("a", 10, 8), under("b", 20, 8)]) == []


def test_seeds_are_in_the_interval_of_the_slope() -> None:
    """Each seed obeys in its own way: one to the token, one by half."""
    records = []
    for seed, slope in ((1, 1.0), (2, 0.5)):
        for n in range(20):
            for budget in (10, 30):
                made = under(f"q{n:02d}", budget, slope * budget + n)
                method = f"{made.method} @ obey-seed-{seed}-{HASH}"
                records.append(replace(made, method=method))
    row = followed(*Joined(records).records)
    assert (row.label, row.seeds) == ("budget @ obey (2 seeds)", 2)
    assert row.slope.value == pytest.approx(0.75)
    assert row.slope.interval is not None
    # two seeds with means 1 and 0.5: the t interval with one degree of freedom
    width = float(students_t.ppf(0.975, 1)) * 0.25
    assert row.slope.interval.high - 0.75 == pytest.approx(width)


def test_both_tables_as_markdown() -> None:
    row = followed(*(under("a", b, came) for b, came in [(10, 12), (20, 18)]))
    (table,) = trained_tables([], [row])
    assert table.header[:5] == ("Model", "Task", "Method", "slope", "correlation")
    assert table.lines[0][-2:] == ("12.0 (0 %)", "18.0 (100 %)")
    lines = markdown_lines([table])
    assert lines[1] == "**Asked against actual tokens**"
    assert lines[5].startswith("| m | sums | budget | 0.60 (")
    assert trained_tables([], []) == []
