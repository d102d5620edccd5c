"""Each efficiency measure on a made-up table of six rows, by its source's own formula.

The expected numbers are worked out here from the answers below, with the arithmetic of the paper or
repository that is named, and with nothing of ours.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import comb, log

import pytest
from records import answer

from tale_eval.analysis.leaderboard import LeaderboardRow, leaderboard
from tale_eval.analysis.measures import MEASURES
from tale_eval.records import Record


@dataclass(frozen=True)
class Made:
    """A row of the table, a number for each of the four questions a, b, c and d."""

    right: Sequence[int]
    prompt: Sequence[int]
    output: Sequence[int]
    thinking: Sequence[int]
    dollars: Sequence[float]
    cut: Sequence[int] = (0, 0, 0, 0)


TABLE = {
    "cot": Made((1, 1, 1, 0), (50, 60, 70, 80), (400, 500, 600, 1100), (0,) * 4, (4, 5, 6, 11)),
    "cut": Made((1, 1, 0, 1), (50, 60, 70, 80), (300,) * 4, (0,) * 4, (3,) * 4, (0, 0, 1, 1)),
    "direct": Made((1, 0, 0, 0), (40, 50, 60, 70), (5, 6, 7, 6), (0,) * 4, (0.05,) * 4),
    "none": Made((0, 0, 0, 0), (50, 60, 70, 80), (90, 100, 110, 100), (0,) * 4, (1,) * 4),
    "tale_ep": Made((1, 1, 1, 1), (150, 160, 170, 180), (100, 120, 140, 240), (0,) * 4, (2,) * 4),
    "thinker": Made(
        (1, 1, 0, 1),
        (50, 60, 70, 80),
        (900, 1200, 1500, 400),
        (800, 1100, 1300, 300),
        (9, 12, 15, 4),
    ),
}


def records() -> list[Record]:
    return [
        answer(
            method,
            question,
            made.right[n],
            made.output[n],
            input_tokens=made.prompt[n],
            reasoning_tokens=made.thinking[n],
            dollars=made.dollars[n],
            truncated=made.cut[n],
        )
        for method, made in TABLE.items()
        for n, question in enumerate("abcd")
    ]


ROWS: dict[str, LeaderboardRow] = {row.method: row for row in leaderboard(records())}


def value(method: str, name: str) -> object:
    return ROWS[method].measure(name).value


def check(name: str, expected: dict[str, float | None]) -> None:
    """All six rows, or those that have a value: the others have none."""
    for method in TABLE:
        wanted = expected.get(method)
        found = value(method, name)
        assert found == (None if wanted is None else pytest.approx(wanted, rel=1e-12)), method


def test_tokens_per_correct() -> None:
    # sums of the output tokens: 2600, 1200, 24, 400, 600, 4000
    check(
        "tokens_per_correct",
        {
            "cot": 2600 / 3,
            "cut": 1200 / 3,
            "direct": 24 / 1,
            "tale_ep": 600 / 4,
            "thinker": 4000 / 3,
        },
    )


def test_ock_score_is_that_of_ockbenchs_code_over_prompt_and_output() -> None:
    # summarize(): total_tokens / total_problems, prompts included; their sums are
    # 260, 260, 220, 260, 660 and 260
    check(
        "ock_score",
        {
            "cot": 75 - 10 * log((2600 + 260) / 4 / 10_000 + 1),
            "cut": 75 - 10 * log((1200 + 260) / 4 / 10_000 + 1),
            "direct": 25 - 10 * log((24 + 220) / 4 / 10_000 + 1),
            "none": 0 - 10 * log((400 + 260) / 4 / 10_000 + 1),
            "tale_ep": 100 - 10 * log((600 + 660) / 4 / 10_000 + 1),
            "thinker": 75 - 10 * log((4000 + 260) / 4 / 10_000 + 1),
        },
    )
    # ln 1.0715 = 0.0715 - 0.0715² / 2 + 0.0715³ / 3 - … = 0.0690595
    assert value("cot", "ock_score") == pytest.approx(75 - 0.690595, abs=1e-5)


def test_the_output_only_variant_stands_apart() -> None:
    check(
        "ock_score_output",
        {
            "cot": 75 - 10 * log(650 / 10_000 + 1),
            "cut": 75 - 10 * log(300 / 10_000 + 1),
            "direct": 25 - 10 * log(6 / 10_000 + 1),
            "none": 0 - 10 * log(100 / 10_000 + 1),
            "tale_ep": 100 - 10 * log(150 / 10_000 + 1),
            "thinker": 75 - 10 * log(1000 / 10_000 + 1),
        },
    )


def test_oaa_auc_is_that_of_optimalthinkingbenchs_code_over_the_thinking() -> None:
    # score = max(0, 1000 - tok) / 1000 * acc, the mean of it; replies without a mark of thinking
    # count whole
    check(
        "oaa_auc",
        {
            "cot": (0.6 + 0.5 + 0.4 + 0) / 4,
            "cut": (0.7 + 0.7 + 0 + 0.7) / 4,
            "direct": 0.995 / 4,
            "none": 0,
            "tale_ep": (0.9 + 0.88 + 0.86 + 0.76) / 4,
            # thought 800, 1100, 1300 and 300, of which the second is beyond the limit
            "thinker": (0.2 + 0 + 0 + 0.7) / 4,
        },
    )


def test_the_area_over_all_tokens_stands_apart() -> None:
    check(
        "oaa_auc_output",
        {
            "cot": (0.6 + 0.5 + 0.4 + 0) / 4,
            "cut": (0.7 + 0.7 + 0 + 0.7) / 4,
            "direct": 0.995 / 4,
            "none": 0,
            "tale_ep": (0.9 + 0.88 + 0.86 + 0.76) / 4,
            # wrote 900, 1200, 1500 and 400
            "thinker": (0.1 + 0 + 0 + 0.6) / 4,
        },
    )


def test_the_area_to_the_longest_answer_is_another() -> None:
    # the longest answer of any row has 1500 tokens
    check(
        "area_to_longest",
        {
            "cot": (1100 + 1000 + 900) / (4 * 1500),
            "cut": (1200 + 1200 + 1200) / (4 * 1500),
            "direct": 1495 / (4 * 1500),
            "none": 0,
            "tale_ep": (1400 + 1380 + 1360 + 1260) / (4 * 1500),
            "thinker": (600 + 300 + 1100) / (4 * 1500),
        },
    )


def test_e3_of_plan_and_budget() -> None:
    check(
        "e3",
        {
            "cot": 0.75 * 0.75 / 650,
            "cut": 0.75 * 0.75 / 300,
            "direct": 0.25 * 0.25 / 6,
            "none": 0,
            "tale_ep": 1 / 150,
            "thinker": 0.75 * 0.75 / 1000,
        },
    )


def test_e3_score_of_effireason_bench() -> None:
    # [w r_acc^-1 + (1 - w) r_tok^-1]^-1 with w = A0 = 0.75, odds0 = 3, T0 = 650
    def ces(r_acc: float, r_tok: float) -> float:
        return (0.75 * r_acc**-1 + 0.25 * r_tok**-1) ** -1

    check(
        "e3_score",
        {
            "cut": ces(3 / 3, 650 / 300),
            "direct": ces((1 / 3) / 3, 650 / 6),
            "none": 0,  # no odds at all
            "tale_ep": 4 * 650 / 150,  # endless odds: only the tokens are left
            "thinker": ces(3 / 3, 650 / 1000),
        },
    )


@pytest.mark.parametrize(("name", "gain", "loss"), [("aes_1_3_5", 3, 5), ("aes_1_5_10", 5, 10)])
def test_aes_of_o1_pruner(name: str, gain: int, loss: int) -> None:
    check(
        name,
        {
            "cut": (650 - 300) / 650 + 0,
            "direct": (650 - 6) / 650 - loss * (0.75 - 0.25) / 0.75,
            "none": (650 - 100) / 650 - loss * 1,
            "tale_ep": (650 - 150) / 650 + gain * (1 - 0.75) / 0.75,
            "thinker": (650 - 1000) / 650 + 0,
        },
    )


def test_cost_of_pass() -> None:
    # expected cost over expected performance
    check(
        "cost_of_pass",
        {
            "cot": (26 / 4) / 0.75,
            "cut": (12 / 4) / 0.75,
            "direct": 0.05 / 0.25,
            "tale_ep": 2,
            "thinker": (40 / 4) / 0.75,
        },
    )


@pytest.mark.parametrize(
    ("most", "right"),
    [
        (100, {"cot": 0, "cut": 0, "direct": 1, "none": 0, "tale_ep": 1, "thinker": 0}),
        (300, {"cot": 0, "cut": 3, "direct": 1, "none": 0, "tale_ep": 4, "thinker": 0}),
        (1000, {"cot": 3, "cut": 3, "direct": 1, "none": 0, "tale_ep": 4, "thinker": 2}),
        (3000, {"cot": 3, "cut": 3, "direct": 1, "none": 0, "tale_ep": 4, "thinker": 3}),
    ],
)
def test_accuracy_within_k_tokens(most: int, right: dict[str, int]) -> None:
    check(f"accuracy_within_{most}", {method: n / 4 for method, n in right.items()})


def test_truncation_adjusted_accuracy() -> None:
    whole = {"cot": 0.75, "direct": 0.25, "none": 0, "tale_ep": 1, "thinker": 0.75}
    # c and d were cut off, and d was right all the same
    check("accuracy_uncut", {**whole, "cut": 2 / 2})
    check("accuracy_cut_wrong", {**whole, "cut": 2 / 4})


# --- several answers to a question ---

SAID = {
    # right is 4: what each of three epochs says to a, b, c and d
    "a": ("4", "4", "5"),
    "b": ("5", "5", "4"),
    "c": ("5", "6", "4"),
    "d": ("4.0", "", "4"),
}


def repeated(tokens: int) -> list[Record]:
    """Three answers a question that take so many tokens each, and the baseline's single ones."""
    several = [
        replace(
            answer("vote", question, float(said in ("4", "4.0")), tokens, epoch=epoch),
            answer=said,
        )
        for question, given in SAID.items()
        for epoch, said in enumerate(given, 1)
    ]
    return several + [answer("cot", question, 1, 250) for question in SAID]


def at_equal(tokens: int, name: str) -> object:
    rows = {row.method: row for row in leaderboard(repeated(tokens))}
    found = rows["vote"].measure(name)
    return found.value if found.value is not None else found.detail


def drawn(k: int, share: "type[Passed] | type[Voted]") -> float:
    """The mean over all draws of k of the three answers to each question."""
    per_question = [
        math.fsum(map(share.of, combinations(given, k))) / comb(3, k) for given in SAID.values()
    ]
    return sum(per_question) / 4


class Passed:
    @staticmethod
    def of(draw: Sequence[str]) -> float:
        return float(any(said.startswith("4") for said in draw))


class Voted:
    @staticmethod
    def of(draw: Sequence[str]) -> float:
        votes: dict[str, int] = {}
        for said in draw:
            if said:
                votes[said[0]] = votes.get(said[0], 0) + 1
        best = [said for said, n in votes.items() if n == max(votes.values())]
        return best.count("4") / len(best) if best else 0


@pytest.mark.parametrize(("tokens", "k"), [(250, 1), (125, 2), (124, 2), (80, 3)])
def test_pass_and_maj_at_as_many_answers_as_the_baselines_tokens_pay_for(
    tokens: int, k: int
) -> None:
    assert at_equal(tokens, "equal_draws") == k
    assert at_equal(tokens, "pass_at_equal_tokens") == pytest.approx(drawn(k, Passed))
    assert at_equal(tokens, "maj_at_equal_tokens") == pytest.approx(drawn(k, Voted))


def test_by_hand_for_two_of_three() -> None:
    # pass@2: a 1, b 2/3, c 2/3, d 1; maj@2: a (1 + 1/2 + 1/2) / 3, b (0 + 1/2 + 1/2) / 3,
    # c (0 + 1/2 + 1/2) / 3, d 1, where silence votes for none
    assert at_equal(125, "pass_at_equal_tokens") == pytest.approx((1 + 2 / 3 + 2 / 3 + 1) / 4)
    assert at_equal(125, "maj_at_equal_tokens") == pytest.approx((2 / 3 + 1 / 3 + 1 / 3 + 1) / 4)


def test_what_is_missing_for_it_is_said() -> None:
    assert at_equal(50, "pass_at_equal_tokens") == "needs 5 epochs"
    assert at_equal(500, "maj_at_equal_tokens") == "one answer is dearer"
    untold = [replace(record, answer=None) for record in repeated(125)]
    rows = {row.method: row for row in leaderboard(untold)}
    assert rows["vote"].measure("pass_at_equal_tokens").value == pytest.approx(5 / 6)
    found = rows["vote"].measure("maj_at_equal_tokens")
    assert (found.value, found.detail) == (None, "what the answers say is not in the log")


# --- on what a value depends ---


def without(*methods: str) -> dict[str, LeaderboardRow]:
    left = [record for record in records() if record.method not in methods]
    return {row.method: row for row in leaderboard(left)}


def test_a_value_that_moves_with_the_other_rows_says_so() -> None:
    """Without the row of the longest answers, and without the baseline."""
    fewer, alone = without("thinker", "direct"), without("cot")
    for measure in MEASURES:
        moved = [m for m in fewer if measure.of(fewer[m]) != measure.of(ROWS[m])]
        assert not moved or measure.depends == "rows", measure.name
        moved = [m for m in alone if measure.of(alone[m]) != measure.of(ROWS[m])]
        assert not moved or measure.depends in ("rows", "baseline"), measure.name


def test_those_that_say_so_do_move() -> None:
    fewer = without("thinker")
    assert fewer["cot"].measure("area_to_longest") != ROWS["cot"].measure("area_to_longest")
    assert fewer["cot"].measure("oaa_auc") == ROWS["cot"].measure("oaa_auc")


def test_every_combined_measure_has_its_formula_source_and_needs() -> None:
    named = {measure.name: measure for measure in MEASURES}
    combined = ["e3", "e3_score", "aes_1_3_5", "aes_1_5_10", "ock_score", "ock_score_output"]
    combined += ["oaa_auc", "oaa_auc_output", "area_to_longest", "cost_of_pass"]
    combined += ["pass_at_equal_tokens", "maj_at_equal_tokens", "accuracy_within_1000"]
    combined += ["accuracy_uncut", "accuracy_cut_wrong"]
    assert all(named[name].formula and named[name].source for name in combined)
    assert named["ock_score"].explained == (
        "Accuracy, less what the prompt's and the output's tokens cost it. "
        "100 · A − 10 · ln(T / 10,000 + 1), T prompt and output tokens. "
        "Source: OckBench's code (github.com/OckBench/OckBench, src/core/scoring.py). "
        "Needs input tokens."
    )
    assert named["area_to_longest"].explained.endswith("Depends on which other rows are shown.")
