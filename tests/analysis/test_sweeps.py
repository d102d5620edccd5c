"""What moved, what did not, and what cannot be told."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st
from records import answer

from tale_eval.analysis.control_measures import sweep_notes
from tale_eval.analysis.statistics import Interval, IntervalEstimate
from tale_eval.analysis.sweeps import Sweep, effect_of, out_to_one, sweeps
from tale_eval.asking.setting import Setting
from tale_eval.errors import InvalidValueError
from tale_eval.records import Record

Length = Callable[[int], float]


def row(
    length: Length,
    method: str = "cot",
    n: int = 40,
    reasoning: Length | None = None,
    **setting: object,
) -> list[Record]:
    """The answers to questions 0 to n - 1, so many tokens each."""
    return [
        replace(
            answer(
                method,
                f"q{k}",
                1,
                length(k),
                **({"answer_reasoning_tokens": reasoning(k)} if reasoning else {}),
            ),
            setting=Setting.of(setting),
        )
        for k in range(n)
    ]


def natural(k: int) -> float:
    return 100 + 5 * k


def twice(k: int) -> float:
    return 2 * natural(k)


def wobbling(k: int) -> float:
    """One token more or one less."""
    return natural(k) + (1 if k % 2 else -1)


def only(records: list[Record]) -> Sweep:
    (found,) = sweeps(records)
    return found


@pytest.mark.parametrize(
    ("low", "high", "p", "effect"),
    [
        (0.95, 1.08, 0.4, "no effect"),
        (0.95, 1.11, 0.4, "undecided"),  # reaches beyond 10 %
        (0.90, 1.08, 0.4, "undecided"),  # 1 / 1.1 is 0.909
        (1.02, 1.30, 0.01, "moved"),
        (0.50, 0.80, 0.01, "moved"),
        (1.02, 1.08, 0.01, "moved little"),
        # a few long answers make the whole difference: swapped, they would as well
        (1.02, 1.30, 0.20, "undecided"),
        (1.02, 1.08, 0.20, "no effect"),
        (0.91, 0.99, 0.20, "no effect"),
        (0.91, 0.99, 0.01, "moved little"),
        (1.00, 1.00, 1.0, "no effect"),
    ],
)
def test_an_effect_goes_by_its_interval_and_by_the_swaps(
    low: float, high: float, p: float, effect: str
) -> None:
    ratio = IntervalEstimate((low + high) / 2, Interval(low, high), 50)
    assert effect_of(ratio, p) == effect


@given(
    st.floats(0.5, 1.5),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(1, 6),
)
def test_what_is_said_follows_from_the_interval_that_is_shown(
    low: float, width: float, p: float, together: int
) -> None:
    ratio = IntervalEstimate(low + width / 2, Interval(low, low + width), 50)
    shown = out_to_one(ratio, p, together)
    assert shown is not None
    assert shown.interval is not None
    ends = shown.interval
    effect = effect_of(ratio, p, together)
    # nothing but what a reader sees is needed to say it again
    assert effect == effect_of(shown, 0, together)
    assert (effect in ("moved", "moved little")) == (not ends.low <= 1 <= ends.high)
    assert (effect in ("no effect", "moved little")) == (ends.low >= 1 / 1.1 and ends.high <= 1.1)
    # it only ever grows: what held at 95 % still does
    assert ends.low <= low
    assert low + width <= ends.high


def test_an_interval_that_the_swaps_do_not_bear_out_reaches_to_one() -> None:
    below, above = Interval(0.91, 0.99), Interval(1.02, 1.3)
    assert out_to_one(IntervalEstimate(0.95, below, 50), 0.06) == IntervalEstimate(
        0.95, Interval(0.91, 1.0), 50
    )
    assert out_to_one(IntervalEstimate(1.1, above, 50), 0.03, together=2) == IntervalEstimate(
        1.1, Interval(1.0, 1.3), 50
    )
    proven = IntervalEstimate(0.95, below, 50)
    assert out_to_one(proven, 0.05) == proven


def test_three_longer_answers_of_forty_are_no_move() -> None:
    def longer(k: int) -> float:
        return natural(k) + (40 if k in (0, 13, 26) else 0)

    sweep = only(row(natural, max_tokens=300) + row(longer, max_tokens=900))
    # of the eight ways to swap three, two are as far apart; the interval alone is [1.003, 1.05]
    assert sweep.levels[0].p == pytest.approx(0.25, abs=0.02)
    assert sweep.sentences == [
        "max_tokens=900 wrote as much as max_tokens=300: 200 and 198 tokens, "
        "ratio 1.02 [1.00, 1.05]: no effect"
    ]


def test_the_swaps_must_prove_more_where_several_levels_are_compared() -> None:
    ratio = IntervalEstimate(1.2, Interval(1.02, 1.3), 50)
    assert effect_of(ratio, 0.03) == "moved"
    assert effect_of(ratio, 0.03, together=2) == "undecided"  # 0.025 is needed


def test_without_an_interval_nothing_is_decided() -> None:
    assert effect_of(None, 1.0) == "undecided"
    assert effect_of(IntervalEstimate(5.0, None, 3, "too few"), 0.001) == "undecided"


def test_a_level_that_wrote_as_much_had_no_effect() -> None:
    records = row(natural, reasoning_effort="low") + row(wobbling, reasoning_effort="high")
    sweep = only(records)
    assert (sweep.label, sweep.key, sweep.first, sweep.governs) == (
        "cot",
        "reasoning_effort",
        "low",
        "output",
    )
    # 100 to 295 tokens, 197.5 on average
    (level,) = sweep.levels
    assert (level.tokens, level.first_tokens, level.same) == (197.5, 197.5, 0)
    assert sweep.sentences == [
        "reasoning_effort=high wrote as much as reasoning_effort=low: 198 and 198 tokens, "
        "ratio 1.00 [1.00, 1.00]: no effect"
    ]


def test_one_token_more_each_time_is_a_move_that_hardly_matters() -> None:
    records = row(natural, max_tokens=300) + row(lambda k: natural(k) + 1, max_tokens=900)
    assert only(records).sentences == [
        "max_tokens=900 wrote more than max_tokens=300: 198 and 198 tokens, "
        "ratio 1.005 [1.005, 1.006]: moved, by less than 10 %"
    ]


def test_a_level_that_wrote_twice_as_much_moved_the_tokens() -> None:
    sweep = only(row(natural, reasoning_effort="low") + row(twice, reasoning_effort="high"))
    (sentence,) = sweep.sentences
    assert sentence == (
        "reasoning_effort=high wrote more than reasoning_effort=low: 395 and 198 tokens, "
        "ratio 2.00 [2.00, 2.00]: moved"
    )


def test_few_questions_decide_nothing_but_say_how_alike_they_were() -> None:
    sweep = only(row(natural, n=6, max_tokens=512) + row(natural, n=6, max_tokens=1024))
    assert sweep.sentences == [
        "max_tokens=1024 against max_tokens=512: 112 and 112 tokens, ratio 1.00 (too few to tell: "
        "6 questions, and token counts need 20; as many on 6 of 6): undecided"
    ]


def test_levels_are_compared_with_the_lowest_and_the_default_comes_last() -> None:
    records = [
        *row(natural),
        *(r for e in ("high", "low", "medium") for r in row(natural, reasoning_effort=e)),
    ]
    sweep = only(records)
    assert (sweep.first, [level.value for level in sweep.levels]) == (
        "low",
        ["medium", "high", "default"],
    )
    numbers = [r for b in ("200", "50", "1000") for r in row(natural, f"budget:tokens={b}")]
    sweep = only(numbers)
    assert (sweep.key, sweep.label, sweep.first) == ("tokens", "budget", "50")
    assert [level.value for level in sweep.levels] == ["200", "1000"]


def test_a_product_of_two_settings_is_a_sweep_of_each_at_every_value_of_the_other() -> None:
    records = [
        r
        for effort in ("low", "high")
        for cap in (512, 1024)
        for r in row(natural, reasoning_effort=effort, max_tokens=cap)
    ]
    assert [(s.key, s.label) for s in sweeps(records)] == [
        ("max_tokens", "cot · reasoning_effort=high"),
        ("max_tokens", "cot · reasoning_effort=low"),
        ("reasoning_effort", "cot · max_tokens=1024"),
        ("reasoning_effort", "cot · max_tokens=512"),
    ]


def test_rows_that_differ_in_more_than_one_thing_are_no_sweep() -> None:
    assert sweeps(row(natural) + row(natural, "direct")) == []
    assert sweeps(row(natural, max_tokens=512) + row(natural, temperature=1)) == []
    assert sweeps(row(natural, "budget:tokens=50") + row(natural, "budget:tokens=60:style=x")) == []


def test_what_stands_beside_a_method_in_its_label_is_no_part_of_an_argument() -> None:
    ours = row(natural, "tale_ep:max_budget=50 estimator=m2")
    others = row(natural, "tale_ep:max_budget=90 estimator=m2")
    sweep = only(ours + others)
    assert (sweep.label, sweep.key, sweep.first) == ("tale_ep estimator=m2", "max_budget", "50")
    assert sweeps(ours + row(natural, "tale_ep:max_budget=90 estimator=m3")) == []


def test_a_strangers_label_with_colons_is_read_all_the_same() -> None:
    sweep = only(row(natural, "their:odd:name:k=1") + row(natural, "their:odd:name:k=2"))
    assert (sweep.label, sweep.key) == ("their:odd:name", "k")


def test_a_budget_of_reasoning_is_judged_by_the_reasoning() -> None:
    # the reasoning halves, the visible part takes up the rest: all in all as many tokens
    def budget(tokens: int, reasoning: Length) -> list[Record]:
        return row(natural, reasoning=reasoning, extra_body={"thinking_token_budget": tokens})

    sweep = only(budget(64, lambda k: 20 + k % 3) + budget(128, lambda k: 40 + 2 * (k % 3)))
    assert (sweep.key, sweep.governs) == ("thinking_token_budget", "reasoning")
    (sentence,) = sweep.sentences
    # 20, 21, 22, 20, … over 40 questions, which end on a 20: (13 x 63 + 20) / 40 tokens
    assert sentence == (
        "thinking_token_budget=128 reasoned more than thinking_token_budget=64: 42.0 and 21.0 "
        "reasoning tokens, ratio 2.00 [2.00, 2.00]: moved"
    )
    (level,) = sweep.levels
    assert level.effect == "moved"
    assert level.visible is not None
    assert level.visible.value < 1


def test_a_methods_own_budget_of_reasoning_is_judged_by_the_reasoning_too() -> None:
    def budget(tokens: int, controls: dict[str, int | str]) -> list[Record]:
        method = f"budget:tokens={tokens}:control={'+'.join(controls)}"
        rows = row(natural, method, reasoning=lambda k: tokens - k % 3)
        return [replace(record, controls=controls) for record in rows]

    sweep = only(budget(40, {"thinking": 40}) + budget(80, {"thinking": 80}))
    assert (sweep.key, sweep.governs) == ("tokens", "reasoning")
    assert sweep.sentences[0].startswith("tokens=80 reasoned more than tokens=40")
    # a cap holds both
    pair = budget(40, {"cap": 60, "thinking": 40}) + budget(80, {"cap": 100, "thinking": 80})
    assert only(pair).governs == "output"


def test_where_nobody_counted_the_reasoning_all_tokens_are_compared() -> None:
    known = row(natural, reasoning=lambda k: 20.0, extra_body={"thinking_budget": 64})
    unknown = row(natural, extra_body={"thinking_budget": 128})
    sweep = only(known + unknown)
    assert sweep.governs == "output"
    (level,) = sweep.levels
    assert (level.reasoning, level.visible) == (None, None)


def test_only_questions_of_both_are_compared() -> None:
    low = row(natural, n=30, reasoning_effort="low")
    high = [r for r in row(natural, n=60, reasoning_effort="high") if int(r.sample_id[1:]) >= 10]
    (level,) = only(low + high).levels
    assert level.ratio is not None
    assert level.ratio.questions == 20
    apart = [replace(r, sample_id=f"other {r.sample_id}") for r in high]
    (sentence,) = only(low + apart).sentences
    assert sentence.endswith("no question has counted answers of both: undecided")


def test_a_margin_is_a_share() -> None:
    for margin in (0, 1, -0.1):
        with pytest.raises(InvalidValueError, match="a share above 0 and below 1"):
            sweeps([], margin)


def test_no_effect_is_explained_where_it_is_said() -> None:
    moved = row(natural, effort="low") + row(twice, effort="high")
    assert sweep_notes(sweeps(moved)) == ["the intervals of a sweep hold together at 95 %"]
    unmoved = row(natural, effort="low") + row(wobbling, effort="high")
    # 1 - 0.025 ** (1 / 40) is 0.088: once in 11
    assert sweep_notes(sweeps(unmoved)) == [
        "no effect: the whole interval of the token ratio lies within 10 % of 1; the intervals of "
        "a sweep hold together at 95 %",
        "40 questions say nothing of an effect on a kind of question that comes less often than "
        "once in 11",
    ]
    assert sweep_notes([]) == []
