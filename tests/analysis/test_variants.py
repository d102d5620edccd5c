"""A row is a method at a setting: nothing of two settings is ever one number."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st
from records import answer

from tale_eval.analysis.averages import macro_average
from tale_eval.analysis.elasticity import elasticity_reports
from tale_eval.analysis.leaderboard import LeaderboardRow, leaderboard
from tale_eval.analysis.problems import problems, setting_problems
from tale_eval.analysis.projection import project
from tale_eval.asking.setting import Setting
from tale_eval.budgets.search import Attempt, Trial
from tale_eval.budgets.traces import SearchTrace, TrialTrace
from tale_eval.errors import InvalidValueError
from tale_eval.records import Record, RunSettings, Searched


def run(
    method: str, tokens: int, *, right: int = 2, task: str = "sums", **generation: object
) -> list[Record]:
    """Four answers of so many tokens each, of one setting."""
    return [
        replace(
            answer(method, q, float(n < right), tokens, task=task), setting=Setting.of(generation)
        )
        for n, q in enumerate("abcd")
    ]


COT_LOW = run("cot", 100, reasoning_effort="low")
COT_HIGH = run("cot", 900, right=4, reasoning_effort="high")
TALE_LOW = run("tale_ep", 50, reasoning_effort="low")
TALE_HIGH = run("tale_ep", 300, reasoning_effort="high")
SWEEP = [*COT_LOW, *COT_HIGH, *TALE_LOW, *TALE_HIGH]


def tokens(rows: Iterable[LeaderboardRow]) -> dict[str, float | None]:
    return {row.label: row.means["output_tokens"] for row in rows}


def versus(rows: Iterable[LeaderboardRow]) -> dict[str, str | None]:
    return {row.label: row.comparison.baseline if row.comparison else None for row in rows}


def test_two_settings_of_a_method_are_two_rows() -> None:
    rows = leaderboard(COT_LOW + COT_HIGH)
    assert tokens(rows) == {"cot · reasoning_effort=low": 100, "cot · reasoning_effort=high": 900}
    assert [(row.method, row.n, row.accuracy, row.repeated) for row in rows] == [
        ("cot", 4, 0.5, 0),
        ("cot", 4, 1.0, 0),
    ]
    assert str(rows[1].setting) == "reasoning_effort=high"


def test_what_cannot_change_an_answer_makes_no_row_of_its_own() -> None:
    one, other = run("cot", 100, max_connections=1, seed=1), run("cot", 300, timeout=9, seed=2)
    (row,) = leaderboard([*one, *(replace(r, epoch=2) for r in other)])
    assert (row.label, row.n, row.means["output_tokens"]) == ("cot", 8, 200)


def test_what_never_differs_is_in_no_label() -> None:
    rows = leaderboard(run("cot", 9, temperature=0.1) + run("direct", 5, temperature=0.1))
    assert [row.label for row in rows] == ["cot", "direct"]
    assert {str(row.setting) for row in rows} == {"temperature=0.1"}


def test_labels_are_of_one_model_and_task() -> None:
    rows = leaderboard([*COT_LOW, *COT_HIGH, *run("cot", 7, task="hard", reasoning_effort="low")])
    assert [(row.task, row.label) for row in rows] == [
        ("hard", "cot"),
        ("sums", "cot · reasoning_effort=low"),
        ("sums", "cot · reasoning_effort=high"),
    ]


# --- who is compared with whom ---


def test_a_row_is_compared_with_the_baseline_at_its_own_setting() -> None:
    rows = leaderboard(SWEEP)
    assert versus(rows) == {
        "cot · reasoning_effort=low": None,
        "cot · reasoning_effort=high": None,
        "tale_ep · reasoning_effort=low": "cot · reasoning_effort=low",
        "tale_ep · reasoning_effort=high": "cot · reasoning_effort=high",
    }
    low, high = (row.comparison for row in rows[2:])
    assert low is not None
    assert high is not None
    # 50 tokens against 100, and 300 against 900; 2 right against 2, and against 4
    assert (low.ratio, low.difference) == (0.5, 0)
    assert (high.ratio, high.difference) == (pytest.approx(1 / 3), -0.5)
    assert [row.is_baseline for row in rows] == [True, True, False, False]


@pytest.mark.parametrize(
    "baseline",
    [
        "cot · reasoning_effort=low",
        "cot, reasoning_effort=low",
        "cot,reasoning_effort=low",
    ],
)
def test_a_user_who_names_a_row_has_all_others_compared_with_it(baseline: str) -> None:
    rows = leaderboard(SWEEP, baseline)
    low = "cot · reasoning_effort=low"
    assert versus(rows) == {
        low: None,
        "cot · reasoning_effort=high": low,
        "tale_ep · reasoning_effort=low": low,
        "tale_ep · reasoning_effort=high": low,
    }
    high = rows[1].comparison
    assert high is not None
    assert (high.ratio, high.difference) == (9, 0.5)
    assert rows[1].measure("baseline").value == low


def test_naming_one_of_two_settings_leaves_the_other_to_fit() -> None:
    caps = [
        record
        for cap in (64, 512)
        for effort in ("low", "high")
        for record in run("cot", 10, reasoning_effort=effort, max_tokens=cap)
    ]
    assert versus(leaderboard(caps, "cot, reasoning_effort=low")) == {
        "cot · max_tokens=64, reasoning_effort=low": None,
        "cot · max_tokens=512, reasoning_effort=low": None,
        "cot · max_tokens=64, reasoning_effort=high": "cot · max_tokens=64, reasoning_effort=low",
        "cot · max_tokens=512, reasoning_effort=high": "cot · max_tokens=512, reasoning_effort=low",
    }


def test_a_row_without_a_fitting_baseline_is_compared_with_nothing_and_that_is_said() -> None:
    rows = leaderboard([*COT_LOW, *run("tale_ep", 50)])
    assert versus(rows)["tale_ep · reasoning_effort=default"] is None
    assert problems(rows) == [
        "m, sums: tale_ep · reasoning_effort=default: compared with nothing, for cot was not run "
        'at that setting; --baseline "cot · reasoning_effort=low" compares every row with that one'
    ]
    # as the note says it
    named = leaderboard([*COT_LOW, *run("tale_ep", 50)], "cot · reasoning_effort=low")
    assert versus(named)["tale_ep · reasoning_effort=default"] == "cot · reasoning_effort=low"


def test_several_baselines_are_said() -> None:
    (note,) = problems(leaderboard(COT_LOW + COT_HIGH))
    assert note == (
        "m, sums: cot was run at 2 settings, and is the baseline of other methods at its own; "
        '--baseline "cot · reasoning_effort=low" compares every row with that one'
    )


@pytest.mark.parametrize("baseline", ["cot, reasoning_effort=max", "ctt, reasoning_effort=low"])
def test_a_baseline_that_is_not_there_is_no_other_one(baseline: str) -> None:
    rows = leaderboard(SWEEP, baseline)
    assert not any(row.is_baseline or row.comparison for row in rows)
    assert (
        f"m, sums: no single method is the baseline {baseline!r}; there are cot · reaso"
        in (problems(rows, baseline)[0])
    )


def test_a_default_may_be_named() -> None:
    rows = leaderboard([*run("cot", 9), *COT_HIGH], "cot, reasoning_effort=default")
    assert versus(rows) == {
        "cot · reasoning_effort=default": None,
        "cot · reasoning_effort=high": "cot · reasoning_effort=default",
    }


def test_many_comparisons_name_each_baseline() -> None:
    runs = [*SWEEP, *run("direct", 5, reasoning_effort="low")]
    rows = leaderboard(runs, correction="none")
    assert any(
        "3 methods are compared with cot · reasoning_effort=low, cot · reasoning_effort=high" in p
        for p in problems(rows)
    )


def test_the_pareto_set_is_over_all_settings() -> None:
    """Half right with 50 tokens, all right with 900: the others are beaten."""
    best = {row.label for row in leaderboard(SWEEP) if row.measure("pareto").value}
    assert best == {"cot · reasoning_effort=high", "tale_ep · reasoning_effort=low"}


EFFORTS = st.sampled_from([None, "low", "high"])
RUNS = st.lists(
    st.tuples(st.sampled_from(["cot", "direct"]), EFFORTS, st.integers(1, 9)), min_size=1
)


@given(RUNS)
def test_every_answer_is_in_the_row_of_its_method_and_setting(
    made: list[tuple[str, str | None, int]],
) -> None:
    records = [
        replace(answer(m, str(n), 1, t), setting=Setting.of({"reasoning_effort": e}))
        for n, (m, e, t) in enumerate(made)
    ]
    rows = leaderboard(records)
    assert sum(row.n for row in rows) == len(made)
    assert len({row.label for row in rows}) == len(rows) == len({(m, e) for m, e, _ in made})
    for row in rows:
        effort = row.setting.values.get("reasoning_effort")
        assert sorted(row.answers.tokens) == sorted(
            t for m, e, t in made if (m, e) == (row.method, effort)
        )


# --- over several tasks, and for another model's prices ---


def test_an_average_is_of_one_setting() -> None:
    hard = [replace(r, task="hard") for r in SWEEP]
    found = {line.label: line for line in macro_average(leaderboard([*SWEEP, *hard]))}
    assert {name: line.output_tokens for name, line in found.items()} == {
        "cot · reasoning_effort=low": 100,
        "cot · reasoning_effort=high": 900,
        "tale_ep · reasoning_effort=low": 50,
        "tale_ep · reasoning_effort=high": 300,
    }


def test_a_task_without_one_of_the_settings_is_in_no_average() -> None:
    rows = leaderboard([*COT_LOW, *COT_HIGH, *run("cot", 7, task="hard", reasoning_effort="low")])
    assert macro_average(rows) == []
    assert problems(rows, None) == [
        "m: no average over its 2 tasks, for no two of them were answered by every method; "
        "not by cot · reasoning_effort=high (1)"
    ]


def test_tasks_with_caps_of_their_own_have_an_average_and_a_note() -> None:
    """Nobody swept the cap: it belongs to the task, as its questions do."""
    rows = leaderboard(
        [
            *run("cot", 100, max_tokens=512),
            *run("direct", 10, max_tokens=512),
            *run("cot", 300, task="hard", max_tokens=2048),
            *run("direct", 30, task="hard", max_tokens=2048),
        ]
    )
    assert [(a.label, a.output_tokens) for a in macro_average(rows)] == [
        ("cot", 200),
        ("direct", 20),
    ]
    assert problems(rows, None)[-1] == (
        "m: the average is over tasks that were run at different settings of max_tokens: "
        "max_tokens=2048 for hard; max_tokens=512 for sums"
    )


def test_a_projection_keeps_the_settings() -> None:
    records = [replace(r, costs=r.costs | {"input_tokens": 9.0, "calls": 1.0}) for r in SWEEP]
    rows = leaderboard(project(records, "openai/gpt-4o-mini"))
    assert tokens(rows) == tokens(leaderboard(SWEEP))


def test_a_key_in_a_setting_is_shown_nowhere() -> None:
    keys = [{"extra_body": {"api_key": key}} for key in ("planted", "other")]
    (row,) = leaderboard([r for key in keys for r in run("cot", 9, **key)])
    assert str(row.setting) == "extra_body.api_key=***"


def test_what_is_in_the_labels_is_in_no_note_and_the_rest_is() -> None:
    settings = [
        RunSettings(
            "m",
            "sums",
            "cot",
            log=f"{effort}.eval",
            values={
                "generation": {"reasoning_effort": effort, "max_connections": n},
                "model arguments": {"do_sample": n > 1, "dtype": f"float{16 * n}"},
            },
            setting=Setting.of({"reasoning_effort": effort, "do_sample": n > 1}),
        )
        for n, effort in enumerate(("low", "high"), start=1)
    ]
    assert setting_problems(settings) == [
        "m, sums: the runs differ in model arguments 'dtype': \"float16\" for cot · "
        'do_sample=false, reasoning_effort=low; "float32" for cot · do_sample=true, '
        "reasoning_effort=high"
    ]


# --- budget searches ---


def searched(question: str, tokens: int, effort: str | None = None) -> Searched:
    """A search that went from CoT's tokens to half of them."""
    trials = [
        TrialTrace.of(Trial(budget, (Attempt(spent, True, "text"),)))
        for budget, spent in ((None, tokens), (tokens // 2, tokens // 2))
    ]
    trace = SearchTrace(status="searched", budget=tokens // 2, trials=trials)
    return Searched("m", "sums", "budget_search", question, trace, None, setting=at(effort))


def estimated(question: str, budget: int, effort: str | None = None) -> Searched:
    return Searched("m", "sums", "tale_ep", question, None, budget, setting=at(effort))


def at(effort: str | None) -> Setting:
    return Setting.of({"reasoning_effort": effort})


def test_searches_at_two_settings_are_two_reports() -> None:
    reports, _ = elasticity_reports(
        [searched(q, n, e) for e, n in (("low", 100), ("high", 800)) for q in "ab"]
    )
    assert [(r.label, r.vanilla_tokens, r.searched_tokens) for r in reports] == [
        ("budget_search · reasoning_effort=low", 100, 50),
        ("budget_search · reasoning_effort=high", 800, 400),
    ]


def test_one_setting_twice_is_still_refused() -> None:
    with pytest.raises(InvalidValueError, match="1 questions stand in these logs more than once"):
        elasticity_reports([searched("a", 100, "low"), searched("a", 90, "low")])


def test_estimates_are_compared_with_the_search_at_their_own_setting() -> None:
    """Cheapest of the right ones is half of CoT: 50 at low, 400 at high."""
    found = [
        *(searched("a", n, e) for e, n in (("low", 100), ("high", 800))),
        *(estimated("a", n, e) for e, n in (("low", 50), ("high", 50))),
    ]
    (low, high), notes = elasticity_reports(found)
    assert low.estimators["tale_ep · reasoning_effort=low"].in_range.value == 1
    assert high.estimators["tale_ep · reasoning_effort=high"].in_range.value == 0
    assert [len(report.estimators) for report in (low, high)] == [1, 1]
    assert notes == []


def test_estimates_at_a_setting_without_a_search_are_named() -> None:
    reports, notes = elasticity_reports([searched("a", 100, "low"), estimated("a", 50)])
    assert [report.estimators for report in reports] == [{}]
    assert notes == [
        "estimates of tale_ep · reasoning_effort=default by m on sums: no search of that model "
        "and task at their setting"
    ]


# --- answers that were cut off in their reasoning ---


def cut(method: str, *flags: float | None) -> list[Record]:
    known = [{} if flag is None else {"cut_in_reasoning": flag} for flag in flags]
    return [answer(method, str(n), 0, 10, **more) for n, more in enumerate(known)]


def test_answers_cut_in_their_reasoning_are_a_share_of_those_that_say_so() -> None:
    rows = leaderboard([*cut("cot", 1, 0, 1, None), *cut("direct", 0, 0)], baseline=None)
    cot, direct = (row.measure("cut_in_reasoning") for row in rows)
    assert (cot.value, cot.detail) == (pytest.approx(2 / 3), "2 of 3")
    assert (direct.value, direct.detail) == (0, "0 of 2")
    assert rows[0].measure("known_cut_in_reasoning").value == 3
    assert problems(rows, None)[0] == (
        "m, sums: cot: 2 of 3 answers hit their token cap inside their reasoning, and nothing of "
        "them can be seen; raise max_tokens, or ask for less reasoning"
    )


@pytest.mark.parametrize("flags", [(0, 0), (None, None)])
def test_where_none_was_cut_in_its_reasoning_there_is_nothing_to_say(
    flags: tuple[float | None, ...],
) -> None:
    (row,) = leaderboard(cut("cot", *flags))
    assert row.measure("cut_in_reasoning").value is None
    assert problems([row], None) == []
