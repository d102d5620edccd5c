"""Leaderboard rows from a hand-made set of answers, every number worked by hand."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from records import COT, DIRECT, TALE, answer

from tale_eval.analysis.averages import macro_average
from tale_eval.analysis.comparison import find_baseline
from tale_eval.analysis.efficiency import ock_score
from tale_eval.analysis.leaderboard import LeaderboardRow, leaderboard
from tale_eval.analysis.problems import problems
from tale_eval.analysis.statistics import (
    McNemar,
    accuracy_interval,
    mean_interval,
    paired_difference,
    token_ratio,
)
from tale_eval.errors import InvalidValueError
from tale_eval.records import Record
from tale_eval.report.tables import write_markdown


def rows_of(records: Sequence[Record]) -> dict[str, LeaderboardRow]:
    return {row.method: row for row in leaderboard(records)}


def test_a_failed_sample_is_an_error_and_in_no_denominator() -> None:
    row = rows_of(COT)["cot"]
    assert (row.n, row.errors, row.questions, row.epochs) == (3, 1, 4, 1)
    assert row.accuracy == pytest.approx(2 / 3)
    assert row.interval == accuracy_interval({"a": [1.0], "b": [1.0], "c": [0.0]})


def test_costs_of_a_method() -> None:
    row = rows_of(COT)["cot"]
    assert row.means["output_tokens"] == 200
    assert row.means["seconds"] == 3
    assert row.means["estimator_tokens"] is None
    # 600 tokens for 2 right answers; 6 thousandths of a dollar for 3 answers
    assert row.measure("tokens_per_correct").value == 300
    assert row.measure("dollars_per_1000").value == pytest.approx(2)
    assert row.measure("e3").value == pytest.approx((2 / 3) ** 2 / 200)
    assert row.measure("ock_score_output").value == pytest.approx(ock_score(2 / 3, 200))
    # three questions are too few for an interval
    assert row.tokens_interval is None


def test_mean_tokens_have_an_interval_over_questions() -> None:
    tokens = {f"{q}": [100.0 + q % 7, 90.0 + q % 5] for q in range(30)}
    records = [
        answer("cot", q, 1, int(t), epoch=e) for q, ts in tokens.items() for e, t in enumerate(ts)
    ]
    assert rows_of(records)["cot"].tokens_interval == mean_interval(tokens)


def test_one_unknown_price_makes_the_dollars_unknown_and_is_counted() -> None:
    row = rows_of(TALE)["tale_ep"]
    assert (row.measure("dollars_per_1000").value, row.dollars_known, row.n) == (None, 3, 4)
    assert problems([row], baseline=None) == [
        "m, sums: tale_ep: the dollars of 1 answers are not known"
    ]


def test_a_method_without_a_scored_answer_has_a_row_without_numbers() -> None:
    row = rows_of([answer("cot", "a", None, None)])["cot"]
    assert (row.n, row.errors, row.accuracy, row.interval) == (0, 1, None, None)
    assert (
        row.measure("tokens_per_correct").value,
        row.measure("e3").value,
        row.measure("ock_score").value,
        row.measure("oaa_auc").value,
        row.measure("area_to_longest").value,
    ) == (None,) * 5
    assert (row.measure("dollars_per_1000").value, row.measure("pareto").value) == (None, False)


def test_the_area_of_overthinking_ends_at_the_most_tokens_of_any_method() -> None:
    rows = rows_of(COT + TALE)
    assert [row.measure("oaa_limit").value for row in rows.values()] == [300, 300]
    # of 3 answers to 300 tokens, two are right, after 100 and after 200
    areas = [row.measure("area_to_longest").value for row in rows.values()]
    assert areas == [
        pytest.approx((200 + 100) / (3 * 300)),
        pytest.approx((280 + 240 + 220) / (4 * 300)),
    ]


def test_the_pareto_set_holds_what_no_method_beats() -> None:
    dear = [replace(record, method="dear") for record in COT]
    dear[0] = answer("dear", "a", 1, 1000)
    rows = rows_of(COT + TALE + DIRECT + dear)
    # (accuracy, tokens): cot (0.67, 200), dear (0.67, 500), direct (0.25, 10), tale (0.75, 50)
    assert {method for method, row in rows.items() if row.measure("pareto").value} == {
        "direct",
        "tale_ep",
    }


def test_equal_methods_are_both_in_the_pareto_set() -> None:
    twin = [replace(record, method="twin") for record in TALE]
    assert all(row.measure("pareto").value for row in leaderboard(TALE + twin))


@pytest.mark.parametrize(
    ("right", "tokens", "pareto"),
    [
        (3, 50, {"tale_ep", "other"}),  # the same
        (3, 60, {"tale_ep"}),  # as accurate with more tokens
        (3, 40, {"other"}),  # as accurate with fewer
        (2, 50, {"tale_ep"}),  # less accurate with as few
        (4, 50, {"other"}),  # more accurate with as few
        (4, 60, {"tale_ep", "other"}),  # more accurate with more
    ],
)
def test_a_tie_in_one_coordinate_is_decided_by_the_other(
    right: int, tokens: int, pareto: set[str]
) -> None:
    tale = [answer("tale_ep", q, q != "d", 50) for q in "abcd"]
    other = [answer("other", q, n < right, tokens) for n, q in enumerate("abcd")]
    found = {method for method, row in rows_of(tale + other).items() if row.measure("pareto").value}
    assert found == pareto


def test_the_baseline_comes_first_and_the_others_by_name() -> None:
    rows = leaderboard(TALE + COT + DIRECT, baseline="tale_ep")
    assert [row.method for row in rows] == ["tale_ep", "cot", "direct"]
    assert [row.is_baseline for row in rows] == [True, False, False]


def test_a_comparison_rests_on_the_questions_that_both_answered() -> None:
    rows = rows_of(COT + TALE)
    assert rows["cot"].comparison is None
    versus = rows["tale_ep"].comparison
    assert versus is not None
    assert (versus.paired, versus.unpaired, versus.unpaired_baseline) == (3, 1, 0)
    assert versus.same_questions
    ours, theirs = {"a": [1.0], "b": [0.0], "c": [1.0]}, {"a": [1.0], "b": [1.0], "c": [0.0]}
    expected = paired_difference(ours, theirs)
    assert expected is not None
    assert (versus.difference, versus.interval) == (0, expected.interval)
    assert versus.verdict == "undecided"
    # 20 + 40 + 60 tokens against 100 + 200 + 300
    ratio = token_ratio(
        {"a": [20.0], "b": [40.0], "c": [60.0]}, {"a": [100.0], "b": [200.0], "c": [300.0]}
    )
    assert ratio is not None
    assert (versus.ratio, versus.ratio_interval) == (0.2, ratio.interval)
    assert versus.mcnemar == McNemar(both=1, only_a=1, only_b=1, neither=0, p=1.0)


def test_tokens_of_a_failed_answer_are_spent_but_not_compared() -> None:
    records = [*COT, *TALE[:3], answer("tale_ep", "b", None, 1000, epoch=2)]
    row = rows_of(records)["tale_ep"]
    assert (row.means["output_tokens"], row.unscored_tokens) == (40, 1000)
    assert problems([row], baseline=None)[0] == (
        f"{row.model}, {row.task}: tale_ep: 1 of 4 samples failed or have no score; "
        "they cost 1,000 output tokens more"
    )
    assert row.comparison is not None
    assert (row.comparison.ratio, row.comparison.ratio_paired) == (0.2, 3)


def test_mcnemar_takes_the_first_epoch_that_both_answered() -> None:
    cot = [answer("cot", "a", c, 9, epoch=e) for e, c in [(1, None), (2, 1), (10, 0)]]
    tale = [answer("tale_ep", "a", c, 9, epoch=e) for e, c in [(1, 1), (2, 0), (10, 1)]]
    versus = rows_of(cot + tale)["tale_ep"].comparison
    assert versus is not None
    assert versus.mcnemar == McNemar(both=0, only_a=0, only_b=1, neither=0, p=1.0)


def test_epochs_are_answers_to_the_same_questions() -> None:
    records = [answer("cot", q, 1, 10, epoch=e) for q in "ab" for e in (1, 2, 3)]
    row = rows_of(records)["cot"]
    assert (row.n, row.questions, row.epochs, row.repeated) == (6, 2, 3, 0)


def test_rotations_are_answers_to_one_question() -> None:
    def rotated(method: str, scores: dict[str, list[int]]) -> list[Record]:
        return [
            replace(answer(method, f"{question}-rot{n}", correct, 10), rotation_of=question)
            for question, corrects in scores.items()
            for n, correct in enumerate(corrects)
        ]

    cot = {"a": [1, 1, 1, 1], "b": [1, 1, 1, 0], "c": [0, 0, 0, 0]}
    tale = {"a": [1, 1, 1, 1], "b": [1, 1, 1, 1], "c": [1, 1, 0, 0]}
    rows = rows_of(rotated("cot", cot) + rotated("tale_ep", tale))
    row, versus = rows["cot"], rows["tale_ep"].comparison
    assert (row.n, row.questions, row.repeated) == (12, 3, 0)
    assert row.interval == accuracy_interval(cot)
    assert row.circular == pytest.approx(1 / 3)
    assert "33.3 % are right in every rotation" in problems([row], baseline=None)[0]
    assert versus is not None
    assert (versus.paired, versus.ratio_paired) == (3, 3)
    # right in every rotation
    assert versus.mcnemar == McNemar(both=1, only_a=1, only_b=0, neither=1, p=1.0)


def test_a_question_without_one_of_its_rotations_is_not_right_in_all() -> None:
    def rotated(method: str, *corrects: float | None) -> list[Record]:
        rotations = [answer(method, f"a-rot{n}", c, 10) for n, c in enumerate(corrects)]
        return [replace(rotation, rotation_of="a") for rotation in rotations]

    rows = rows_of(rotated("cot", 1, 1) + rotated("tale_ep", 1, None))
    versus = rows["tale_ep"].comparison
    assert versus is not None
    assert (rows["cot"].circular, rows["tale_ep"].circular) == (1, 0)
    assert versus.mcnemar is None


def test_a_large_paired_run_is_found_worse_or_not_worse() -> None:
    def run(method: str, right: int) -> list[Record]:
        return [answer(method, f"{q}", float(q < right), 10 + q % 7) for q in range(400)]

    rows = rows_of(run("cot", 360) + run("same", 362) + run("bad", 200))
    verdicts = {m: row.comparison.verdict for m, row in rows.items() if row.comparison}
    assert verdicts == {"same": "not worse", "bad": "worse"}


@pytest.mark.parametrize(
    ("methods", "baseline", "found"),
    [
        (["cot", "cot:style=answer"], "cot", "cot"),
        (["direct", "cot:style=answer"], "cot", "cot:style=answer"),
        (["cot:style=paper", "cot:style=answer"], "cot", None),
        (["cot:style=paper", "cot:style=answer"], "cot:style=paper", "cot:style=paper"),
        (["direct", "cotton"], "cot", None),
        (["direct"], None, None),
    ],
)
def test_what_a_baselines_name_stands_for(
    methods: list[str], baseline: str | None, found: str | None
) -> None:
    assert find_baseline(methods, baseline) == found


def test_a_margin_in_percent_is_refused_even_with_nothing_to_compare() -> None:
    with pytest.raises(InvalidValueError, match="margin=2"):
        leaderboard([], margin=2)


def test_the_macro_average_is_over_the_tasks_that_all_methods_share() -> None:
    records = [
        answer(method, "a", correct, tokens, task=task)
        for method, task, correct, tokens in [
            ("cot", "sums", 1, 100),
            ("cot", "hard", 0, 300),
            ("cot", "only cot", 1, 999),
            ("tale_ep", "sums", 1, 10),
            ("tale_ep", "hard", 1, None),
        ]
    ]
    found = {line.method: line for line in macro_average(leaderboard(records))}
    assert found["cot"].tasks == found["tale_ep"].tasks == ("hard", "sums")
    assert (found["cot"].accuracy, found["cot"].output_tokens) == (0.5, 200)
    assert (found["tale_ep"].accuracy, found["tale_ep"].output_tokens) == (1, None)


def test_the_macro_average_stands_below_the_markdown_table(tmp_path: Path) -> None:
    records = [answer("cot", "a", 1, 100, task="sums"), answer("cot", "a", 0, 3000, task="hard")]
    rows = leaderboard(records)
    write_markdown(rows, tmp_path / "table.md")
    table, average = (tmp_path / "table.md").read_text(encoding="utf-8").split("\n\n")
    assert len(table.splitlines()) == 4
    assert average.splitlines()[-1] == "| m | hard, sums | cot | 50.0 % | 1,550 |"


def test_there_is_no_macro_average_over_one_task() -> None:
    assert macro_average(leaderboard(COT + TALE)) == []


def test_why_there_is_no_macro_average_is_said() -> None:
    def task(method: str, name: str) -> Record:
        return answer(method, "a", 1, 10, task=name)

    records = [task("cot", "x"), task("cot", "y"), task("direct", "y"), task("direct", "z")]
    assert problems(leaderboard(records), baseline=None)[-1] == (
        "m: no average over its 3 tasks, for no two of them were answered by every method; "
        "not by cot (2), direct (2)"
    )
    alone = "token ratio of direct: one question says nothing about others"
    assert problems(leaderboard([*records, task("direct", "x")]), baseline=None) == [
        f"m, x: {alone}",
        f"m, y: {alone}",
    ]


def test_problems_say_what_is_missing() -> None:
    rows = leaderboard([*COT, *TALE[:2], *DIRECT, answer("direct", "e", 1, 10)])
    assert problems(rows) == [
        "m, sums: cot: 1 of 4 samples failed or have no score",
        "m, sums: cot: more than 1 % of its samples failed, so verdicts and the Pareto set count a "
        "failure as a wrong answer (66.7 % of what was answered is right, 50.0 % of all); most "
        "often: the model went away",
        "m, sums: direct and cot were not asked the same questions: both answered 3, "
        "only direct 2, only cot 0; they are compared on the 3",
        "m, sums: tale_ep: the dollars of 1 answers are not known",
        "m, sums: tale_ep and cot were not asked the same questions: both answered 2, "
        "only tale_ep 0, only cot 1; they are compared on the 2",
        "m, sums: token ratio of direct: too few to tell: 3 questions, and token counts need 20",
        "m, sums: token ratio of tale_ep: too few to tell: 2 questions, and token counts need 20",
    ]


def test_a_run_read_twice_is_a_problem() -> None:
    (row,) = leaderboard(DIRECT + DIRECT)
    assert (row.n, row.questions, row.repeated) == (8, 4, 4)
    assert "direct: 4 samples are there more than once" in problems([row], baseline=None)[0]


@pytest.mark.parametrize(
    ("records", "baseline", "problem"),
    [
        (DIRECT, "cot", "m, sums: only direct was run, there is nothing to compare it with"),
        (
            DIRECT + TALE,
            "ctt",
            "m, sums: no single method is the baseline 'ctt'; there are direct, tale_ep",
        ),
    ],
)
def test_a_comparison_that_cannot_be_made_is_a_problem(
    records: list[Record], baseline: str, problem: str
) -> None:
    rows = leaderboard(records, baseline)
    assert all(row.comparison is None for row in rows)
    assert problem in problems(rows, baseline)


# --- over how many answers a figure is ---


def test_a_mean_says_over_how_many_answers_it_is() -> None:
    """Of five answers three are counted: (90 + 60 + 30) / 3."""
    counts = [90, None, 60, None, 30]
    asked = [answer("cot", q, 1, n) for q, n in zip("abcde", counts, strict=True)]
    (row,) = leaderboard(asked)
    assert (row.measure("output_tokens").value, row.n) == (60, 5)
    assert row.measure("known_output_tokens").value == 3
    assert row.measure("known_input_tokens").value == 0
    (note,) = problems([row], baseline=None)
    assert note.endswith(
        "cot: the output tokens of 2 answers are not known; their mean, and all that rests on "
        "them, is over the other 3 of 5"
    )


def test_where_no_tokens_are_known_there_is_no_mean_to_explain() -> None:
    (row,) = leaderboard([answer("cot", q, 1, None) for q in "ab"])
    assert row.measure("known_output_tokens").value == 0
    assert problems([row], baseline=None) == []


def test_what_failed_samples_cost_is_told_as_far_as_it_is_known() -> None:
    """One cost 700 in all, of one 40 are known and more is not, of one nothing is."""
    failed = [
        answer("cot", "b", None, 700),
        answer("cot", "c", None, None, counted_tokens=40.0),
        answer("cot", "d", None, None),
    ]
    (row,) = leaderboard([answer("cot", "a", 1, 10), *failed])
    assert row.measure("unscored_tokens").value == 740
    assert row.measure("unscored_unknown").value == 2
    note = problems([row], baseline=None)[0]
    assert note.endswith(
        "3 of 4 samples failed or have no score; they cost 740 output tokens more, not counting "
        "what is unknown of 2 of them"
    )
