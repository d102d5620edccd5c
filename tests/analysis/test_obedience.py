"""What a control asked for, and what came: worked by hand."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from records import answer

from tale_eval.analysis.obedience import (
    Answered,
    ControlledRow,
    asked_of,
    came_of,
    control_named,
    controlled_rows,
    controls_in,
    visible_tokens,
)
from tale_eval.asking.setting import Setting
from tale_eval.records import Record


def told(
    question: str,
    tokens: float | None,
    controls: dict[str, int | str] | None = None,
    *,
    method: str = "budget",
    setting: dict[str, object] | None = None,
    epoch: int = 1,
    **costs: float,
) -> Record:
    """An answer under these controls."""
    made = answer(method, question, 1, tokens, epoch=epoch, **costs)
    return replace(made, controls=controls or {}, setting=Setting.of(setting or {}))


def only(records: Sequence[Record], control: str | None = None) -> ControlledRow:
    (row,) = [r for r in controlled_rows(records) if control in (None, r.control)]
    return row


def test_an_answer_is_within_its_budget_to_the_last_token_and_over_it_by_what_is_more() -> None:
    kept = Answered(told("a", 50), 50, 50)
    over = Answered(told("b", 57), 50, 57)
    assert (kept.outcome, kept.over_by, kept.ratio) == ("within", 0, 1.0)
    assert (over.outcome, over.over_by, over.ratio) == ("over", 7, 1.14)


def test_a_control_had_no_effect_where_no_less_came_than_without_it() -> None:
    asked, free = 50, 120.0
    assert Answered(told("a", 119), asked, 119, free).outcome == "over"
    assert Answered(told("a", 120), asked, 120, free).outcome == "no effect"
    # whoever needs less than he may take proves nothing
    assert Answered(told("a", 40), asked, 40, free=30.0).outcome == "within"


def test_what_nobody_counted_is_unknown_and_a_level_has_no_number_to_keep_to() -> None:
    uncounted = Answered(told("a", None), 50, None)
    level = Answered(told("a", 80), "low", 80)
    assert (uncounted.outcome, uncounted.over_by, uncounted.ratio) == ("unknown", None, None)
    assert (level.outcome, level.over_by, level.ratio) == ("unknown", None, None)


@pytest.mark.parametrize(
    ("controls", "costs", "came"),
    [
        # prompt and cap govern all that the answer's call wrote, its reasoning too
        ({"prompt": 50}, {"answer_reasoning_tokens": 90.0}, 120.0),
        ({"cap": 150}, {"answer_reasoning_tokens": 90.0}, 120.0),
        ({"effort": "low"}, {"answer_reasoning_tokens": 90.0}, 120.0),
        ({"thinking": 64}, {"answer_reasoning_tokens": 90.0}, 90.0),
        ({"thinking": 64}, {}, None),
        ({"words": 40}, {"answer_words": 33.0}, 33.0),
        # no text at hand: the visible tokens stand for the words
        ({"words": 40}, {"answer_reasoning_tokens": 90.0}, 30.0),
        ({"words": 40}, {}, None),
    ],
)
def test_each_control_is_compared_with_what_it_governs(
    controls: dict[str, int | str], costs: dict[str, float], came: float | None
) -> None:
    row = only([told("a", 120, controls, **costs)])
    (found,) = row.answers
    assert found.came == came
    assert row.unknown == (came is None)
    assert row.in_tokens == (row.control == "words" and "answer_words" not in costs)


def test_the_estimators_tokens_are_no_part_of_what_came() -> None:
    record = told("a", 45, {"prompt": 50}, output_tokens=57, estimator_tokens=12)
    assert came_of(record, "output") == 45
    assert only([record]).answers[0].outcome == "within"


def test_visible_tokens_are_unknown_where_the_reasoning_is() -> None:
    assert visible_tokens(told("a", 120, answer_reasoning_tokens=90.0)) == 30
    assert visible_tokens(told("a", 120, answer_reasoning_tokens=0.0)) == 120
    assert visible_tokens(told("a", 120)) is None
    assert visible_tokens(told("a", None, answer_reasoning_tokens=90.0)) is None


def test_a_row_of_four_answers_by_hand() -> None:
    # asked 50 of each; came 25, 50, 75 and 200: 0.5, 1, 1.5 and 4 times as much
    row = only([told(q, n, {"prompt": 50}) for q, n in zip("abcd", [25, 50, 75, 200], strict=True)])
    assert (row.asked, row.came) == ("50", 87.5)
    assert (row.count("within"), row.count("over"), row.unknown) == (2, 2, 0)
    assert row.within is not None
    assert row.within.value == 0.5
    assert row.median == 1.25  # between 1 and 1.5
    assert row.p90 == pytest.approx(1.5 + 0.7 * 2.5)  # at 0.9 x 3 = 2.7
    assert row.over_by == 87.5  # between 25 and 150
    assert row.follows is None  # one budget: nothing to follow


def test_unknown_answers_are_counted_and_never_taken_for_zero() -> None:
    records = [
        told("a", 100, {"thinking": 64}, answer_reasoning_tokens=60.0),
        told("b", 100, {"thinking": 64}),
        told("c", 100, {"thinking": 64}),
    ]
    row = only(records)
    assert (row.unknown, row.parts_unknown, row.came) == (2, 2, 60)
    assert row.within is not None
    assert (row.within.value, row.within.questions) == (1.0, 1)


def test_a_row_of_which_nothing_is_known_has_no_share() -> None:
    row = only([told("a", 100, {"thinking": 64}), told("b", None, {"thinking": 64})])
    assert (row.within, row.median, row.p90, row.came) == (None, None, None, None)
    assert row.unknown == 2


def test_a_sample_that_failed_before_it_was_answered_is_none_of_a_controls_answers() -> None:
    failed = replace(told("b", None, {"prompt": 50}), correct=None, error="the model went away")
    # its scorer failed, but its tokens were spent
    unscored = replace(told("c", 60, {"prompt": 50}), correct=None, error="no such option")
    row = only([told("a", 40, {"prompt": 50}), failed, unscored])
    assert [a.record.sample_id for a in row.answers] == ["a", "c"]


def test_budgets_of_their_own_are_followed_or_not() -> None:
    # 24 questions: budgets 10, 20, …, 240; the one model writes twice as much, the other what it
    # likes: the budgets' order turned round
    asked = range(10, 250, 10)
    obeys = [told(f"{n}", 2 * n, {"prompt": n}, method="obeys") for n in asked]
    defies = [told(f"{n}", 300 - n, {"prompt": n}, method="defies") for n in asked]
    for records, value in ((obeys, 1.0), (defies, -1.0)):
        row = only(records)
        assert row.asked == "10 to 240"
        assert row.follows is not None
        assert row.follows.value == pytest.approx(value)
        assert row.follows.interval is None


def test_epochs_of_a_question_count_once_in_what_follows_and_each_in_what_is_within() -> None:
    records = [
        told(q, n, {"prompt": 50}, epoch=e)
        for q, ns in {"a": [40, 60], "b": [45, 48]}.items()
        for e, n in enumerate(ns, start=1)
    ]
    row = only(records)
    assert row.within is not None
    assert (row.within.value, row.within.questions) == (0.75, 2)


def test_a_pair_of_controls_has_a_row_each() -> None:
    rows = controlled_rows([told("a", 120, {"prompt": 100, "cap": 150})])
    assert [(r.control, r.asked, r.count("within")) for r in rows] == [
        ("prompt", "100", 0),
        ("cap", "150", 1),
    ]


def test_controls_among_settings_go_by_the_end_of_their_names() -> None:
    assert control_named("max_tokens") == "cap"
    assert control_named("extra_body.thinking_token_budget") == "thinking"
    assert control_named("extra_body.thinking.budget_tokens") == "thinking"
    assert control_named("reasoning_effort") == "effort"
    assert control_named("extra_body.reasoning.max_tokens") == "thinking"
    assert control_named("extra_body.reasoning.effort") == "effort"
    assert control_named("temperature") is None
    setting = Setting.of(
        {"max_tokens": 512, "extra_body": {"thinking_budget": 64}, "reasoning_effort": "low"}
    )
    assert controls_in(setting) == {"cap": 512, "thinking": 64, "effort": "low"}
    # -1 is no bound
    assert controls_in(Setting.of({"extra_body": {"thinking_token_budget": -1}})) == {}


def test_a_methods_control_stands_before_that_of_its_run() -> None:
    setting: dict[str, object] = {"max_tokens": 1024, "reasoning_effort": "low"}
    capped = told("a", 60, {"cap": 75}, setting=setting)
    assert asked_of(capped) == {"cap": 75, "effort": "low"}
    prompted = told("a", 60, {"prompt": 75}, setting=setting)
    assert asked_of(prompted) == {"prompt": 75, "effort": "low", "cap": 1024}
    # 200 tokens of thinking come on top of the 1,024, so that 1,100 break no cap
    thinking = told("a", 1100, {"thinking": 200}, setting={"max_tokens": 1024})
    assert asked_of(thinking) == {"thinking": 200}


def test_the_runs_own_limit_is_no_row_until_it_is_swept_or_broken() -> None:
    limit: dict[str, object] = {"max_tokens": 1024}
    plain = [told(q, 100, method=m, setting=limit) for m in ("cot", "direct") for q in "ab"]
    assert controlled_rows(plain) == []
    swept = [*plain, *(told(q, 80, method="cot", setting={"max_tokens": 90}) for q in "ab")]
    assert [(r.label, r.asked) for r in controlled_rows(swept)] == [
        ("cot · max_tokens=90", "90"),
        ("cot · max_tokens=1024", "1,024"),
        ("direct · max_tokens=1024", "1,024"),
    ]
    broken = [*plain, told("c", 1025, method="cot", setting=limit)]
    assert [(r.label, r.count("over")) for r in controlled_rows(broken)] == [
        ("cot", 1),
        ("direct", 0),
    ]


def test_a_searchs_answers_without_a_budget_are_none_of_its_controls() -> None:
    # of three questions one found a smaller budget; the others kept the vanilla answer
    def found(limit: dict[str, object], controls: dict[str, int | str]) -> ControlledRow:
        answers = [("a", 60, controls), ("b", 240, {}), ("c", 90, {})]
        return only(
            [told(q, n, under, method="search", setting=limit) for q, n, under in answers],
            next(iter(controls)),
        )

    row = found({"max_tokens": 256}, {"cap": 75})
    assert (row.asked, row.came, [a.record.sample_id for a in row.answers]) == ("75", 60, ["a"])
    row = found({"max_tokens": 256, "reasoning_effort": "high"}, {"effort": "low"})
    assert (row.asked, len(row.answers)) == ("low", 1)


def test_no_effect_is_said_against_the_baseline_of_the_same_setting() -> None:
    cot = [told(q, n, method="cot") for q, n in (("a", 100), ("b", 100))]
    under = [
        told("a", 90, {"prompt": 50}),
        told("b", 130, {"prompt": 50}),
        told("c", 90, {"prompt": 50}),
    ]
    row = only([*cot, *under])
    assert [a.outcome for a in row.answers] == ["over", "no effect", "over"]
    assert [a.free for a in row.answers] == [100, 100, None]


def test_no_effect_of_a_limit_in_words_goes_by_tokens_which_both_have() -> None:
    free = [told("a", 80, method="cot"), told("b", 80, method="cot")]
    # 60 words took as many tokens as without the limit; 50 took fewer
    ignored = told("a", 80, {"words": 40}, answer_words=60.0)
    heard = told("b", 67, {"words": 40}, answer_words=50.0)
    row = only([*free, ignored, heard])
    assert [a.outcome for a in row.answers] == ["no effect", "over"]
    assert [a.over_by for a in row.answers] == [20, 10]


def test_no_effect_of_a_setting_is_said_against_the_same_method_without_it() -> None:
    thinking: dict[str, object] = {"extra_body": {"thinking_budget": 64}}
    free = [told("a", 200, method="cot", answer_reasoning_tokens=150.0)]
    held = [told("a", 210, method="cot", setting=thinking, answer_reasoning_tokens=150.0)]
    row = only([*free, *held], "thinking")
    assert row.label == "cot · thinking_budget=64"
    assert [a.outcome for a in row.answers] == ["no effect"]


def test_without_any_control_there_is_no_row() -> None:
    assert controlled_rows([told("a", 100, method="cot")]) == []
    assert controlled_rows([]) == []
