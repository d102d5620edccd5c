"""What each control asks for under a budget, and what the prompt says then, letter by letter."""

from itertools import combinations
from typing import get_args

import pytest
from hypothesis import given, strategies as st

from tale_eval.asking.control import CONTROLS, SETTINGS, Control, Level, control_of, effort_levels
from tale_eval.asking.prompts import Style, cot_prompt
from tale_eval.asking.question import Question
from tale_eval.budgets.plan import Ask, under_budget
from tale_eval.errors import InvalidValueError, UnknownNameError
from tale_eval.tokens.ledger import Call

SUM = Question("What is 1 plus 1?", "cloze", "en", "none")
VALID = [
    "+".join(names)
    for size in (1, 2, 3)
    for names in combinations(CONTROLS, size)
    if not {"prompt", "words"} <= {*names} and not {"effort", "thinking"} <= {*names}
]


@pytest.mark.parametrize(
    ("control", "asked"),
    [
        ("prompt", {"prompt": 50}),
        # 50 x 0.75 = 37.5: a limit is rounded down
        ("words", {"words": 37}),
        ("cap", {"cap": 70}),
        ("effort", {"effort": "low"}),
        ("thinking", {"thinking": 50}),
        ("prompt+cap", {"prompt": 50, "cap": 70}),
        ("cap+effort", {"cap": 70, "effort": "low"}),
        ("words+cap+thinking", {"words": 37, "cap": 70, "thinking": 50}),
    ],
)
def test_what_a_control_asks_for_under_a_budget_of_50(control: str, asked: dict) -> None:
    assert control_of(control).asked(50) == asked


def test_the_options_change_what_is_asked() -> None:
    assert control_of("cap", margin=0).asked(50) == {"cap": 50}
    assert control_of("words", words_per_token=0.5).asked(50) == {"words": 25}
    assert control_of("effort", effort_table="49=low,*=xhigh").asked(50) == {"effort": "xhigh"}


def test_without_a_budget_nothing_is_asked_for() -> None:
    for control in VALID:
        assert control_of(control).asked(None) == {}
        assert control_of(control).words(SUM, None) == cot_prompt(*SUM)


@pytest.mark.parametrize(
    ("control", "language", "style", "text"),
    [
        (
            "prompt",
            "en",
            "paper",
            "Q: What is 1 plus 1?\nLet's think step by step and use less than 50 tokens:\n",
        ),
        (
            "words",
            "en",
            "paper",
            "Q: What is 1 plus 1?\nLet's think step by step and use at most 37 words:\n",
        ),
        (
            "words",
            "en",
            "answer_last",
            "What is 1 plus 1?\n\nLet's think step by step and use at most 37 words. Only after "
            "the reasoning, write the final answer on the last line.\n",
        ),
        ("words", "cn", "paper", "Q: What is 1 plus 1?\n让我们一步一步思考并使用最多 37 个字：\n"),
        (
            "words",
            "cn",
            "answer_last",
            "What is 1 plus 1?\n\n让我们一步一步思考并使用最多 37 个字。推理之后，在最后一行写出"
            "最终答案。\n",
        ),
    ],
)
def test_the_words_letter_by_letter(control: str, language: str, style: Style, text: str) -> None:
    question = SUM._replace(language=language)
    assert control_of(control).words(question, 50, style) == text


@pytest.mark.parametrize("control", ["cap", "effort", "thinking", "cap+effort", "cap+thinking"])
def test_a_control_beside_the_prompt_leaves_plain_chain_of_thought(control: str) -> None:
    assert control_of(control).words(SUM, 50) == cot_prompt(*SUM)


def test_beside_a_limit_in_the_prompt_the_prompt_is_the_papers() -> None:
    assert control_of("prompt+cap").words(SUM, 50) == cot_prompt(*SUM, budget=50)


@given(st.sampled_from(VALID), st.integers(1, 100_000))
def test_what_was_asked_is_in_the_ledger_and_the_rest_in_the_prompt(
    control: str, budget: int
) -> None:
    """Settings are the part of the controls that is in no prompt, through the ledger and back."""
    asked = under_budget(control_of(control), budget, "paper")
    call = Call(
        purpose="answer", model="m", counted_by="nobody", budget=budget, controls=asked.controls
    )
    back = Call.model_validate_json(call.model_dump_json())
    assert back.controls == asked.controls
    again = Ask(asked.words, budget=budget, controls=back.controls)
    assert again.settings == asked.settings
    assert asked.settings.keys() == {*SETTINGS} & {*control.split("+")}
    named = asked.words(SUM) != cot_prompt(*SUM)
    assert named == bool({"prompt", "words"} & {*control.split("+")})


@given(st.sampled_from(VALID))
def test_a_control_is_written_as_it_is_read(control: str) -> None:
    assert str(control_of(control)) == control


@given(st.integers(1, 100_000), st.integers(1, 100_000))
def test_a_larger_budget_never_asks_for_less(one: int, other: int) -> None:
    small, large = sorted((one, other))
    for name in CONTROLS:
        less, more = (control_of(name).asked(budget)[name] for budget in (small, large))
        if isinstance(less, str):
            less, more = (get_args(Level).index(level) for level in (less, more))
        assert less <= more


def test_the_default_table_at_its_bounds() -> None:
    effort = control_of("effort")
    levels = {budget: effort.asked(budget)["effort"] for budget in (1, 256, 257, 1024, 1025)}
    assert levels == {1: "low", 256: "low", 257: "medium", 1024: "medium", 1025: "high"}


def test_the_rows_of_a_table_may_stand_in_any_order() -> None:
    assert effort_levels("*=high, 256=low") == {256: "low", None: "high"}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        # a hole above the last bound
        ("256=low,1024=medium", "no level for budgets above 1024; add '*=high'"),
        ("256=low,,*=high", "write '' as BUDGET=LEVEL"),
        ("256,*=high", "write '256' as BUDGET=LEVEL"),
        ("0=low,*=high", "write '0=low' as BUDGET=LEVEL"),
        ("-5=low,*=high", "write '-5=low' as BUDGET=LEVEL"),
        ("256=low,256=medium,*=high", "256 is given twice"),
        ("*=low,*=high", "* is given twice"),
        ("256=high,*=low", "a larger budget has a lower level"),
    ],
)
def test_a_table_with_a_hole_or_a_contradiction_is_refused(table: str, said: str) -> None:
    with pytest.raises(InvalidValueError, match="effort_table") as caught:
        control_of("effort", effort_table=table)
    assert said in str(caught.value)


def test_a_level_of_another_name_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"'hihg'.*Did you mean 'high'"):
        control_of("effort", effort_table="*=hihg")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"control": "cap+prompt"}, "write it as prompt+cap"),
        ({"control": "cap+cap"}, "write it as cap"),
        ({"control": "prompt+words"}, "the prompt would name two limits"),
        ({"control": "effort+thinking"}, "providers obey the one and drop the other"),
        ({"control": "cap", "margin": -1}, "margin=-1: must be a whole number of tokens from 0"),
        ({"control": "words", "words_per_token": 0}, "must be a number above 0"),
        ({"control": "words", "words_per_token": float("nan")}, "must be a number above 0"),
        ({"control": "prompt", "margin": 5}, "control=prompt has no use for it"),
        ({"control": "cap", "effort_table": "*=low"}, "name 'effort' among the controls"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict, said: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        control_of(**given)
    assert said in str(caught.value)


def test_another_control_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"'caps'; allowed: .* Did you mean 'cap'\?"):
        control_of("prompt+caps")


def test_the_default_is_the_papers() -> None:
    assert Control().asked(50) == control_of().asked(50) == {"prompt": 50}
    assert str(Control()) == "prompt"
