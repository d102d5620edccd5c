"""Somebody else's question and its answer cue, and where a method's words go."""

from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from tale_eval.asking.prompts import cot_prompt, direct_prompt
from tale_eval.asking.question import Question
from tale_eval.asking.turns import (
    as_question,
    asks_not_to_reason,
    asks_to_reason,
    put_around,
    read_turn,
)


@pytest.mark.parametrize(
    ("text", "cue"),
    [
        # as unmodified tasks of lm-eval end: gsm8k_cot, minerva_math, mmlu_pro, bbh, mgsm, gpqa
        ("Q: What is 1 + 1?\nA:", "\nA:"),
        ("Problem:\nFind x.\n\nSolution:", "\n\nSolution:"),
        (
            "Question:\nWhich?\nOptions:\nA. 1\nB. 2\nAnswer: Let's think step by step.",
            "\nAnswer: Let's think step by step.",
        ),
        ("Q: not True is\nA: Let's think step by step.", "\nA: Let's think step by step."),
        ("问题： 小明有 5 个苹果\n逐步解答:", "\n逐步解答:"),
        ("Question: 2 + 2\nStep-by-Step Answer:", "\nStep-by-Step Answer:"),
        ("What is it?\nLet's think step by step: ", "\nLet's think step by step: "),
        ("Soru: 2 + 2\nÇözüm: Adım adım düşünelim.", "\nÇözüm: Adım adım düşünelim."),
        ("질문\n### 답변:", "\n### 답변:"),
        ("Which?\n**Thoughts**:", "\n**Thoughts**:"),
        ("Question: who?\nAnswer: ", "\nAnswer: "),
        ("Who? A:", " A:"),
        ("谁？答案：", "答案："),
        # no cue: what is asked, options, an instruction, a label alone
        ("What is 1 + 1?", ""),
        ("Which?\n(A) x\n(B) y", ""),
        ("Which?\nAnswer with the letter of the option, and with nothing else:", ""),
        ("Say who he was.\nWhat was the reason?", ""),
        ("Answer:", ""),
        ("He said: go", ""),
    ],
)
def test_the_answer_cue_is_what_calls_for_the_answer_at_the_end(text: str, cue: str) -> None:
    turn = read_turn(text)
    assert turn.cue == cue
    assert turn.question + turn.cue == text


@given(st.text(st.sampled_from("Q: A\n.?：答案 \t"), max_size=60))
def test_question_and_cue_are_the_whole_turn(text: str) -> None:
    turn = read_turn(text)
    assert turn.question + turn.cue == text
    assert bool(turn.question.strip()) == bool(text.strip())


def budgeted(question: Question) -> str:
    return cot_prompt(*question, budget=50)


def direct(question: Question) -> str:
    return direct_prompt(*question)


@pytest.mark.parametrize(
    ("words", "text", "asked"),
    [
        # the sentence stands after the question and before the cue; no "Q: " is put before it
        (
            budgeted,
            "Q: What is 1 + 1?\nA:",
            "Q: What is 1 + 1?\nLet's think step by step and use less than 50 tokens:\nA:",
        ),
        (
            budgeted,
            "What is 1 + 1?",
            "What is 1 + 1?\nLet's think step by step and use less than 50 tokens:\n",
        ),
        (
            budgeted,
            "问题： 小明有 5 个苹果\n逐步解答:",
            "问题： 小明有 5 个苹果\n让我们一步一步思考并使用少于 50 tokens:\n逐步解答:",
        ),
        (
            direct,
            "Q: What is 1 + 1?\nA:",
            "Please answer the following question and give the answer directly without any "
            "reasoning process.\nQ: What is 1 + 1?\nA:",
        ),
    ],
)
def test_a_methods_words_go_around_the_question(
    words: Callable[[Question], str], text: str, asked: str
) -> None:
    turn = read_turn(text)
    assert put_around(words, as_question(turn.question), turn.cue) == asked


def test_words_that_leave_the_question_out_are_taken_as_they_are() -> None:
    assert put_around(lambda question: "Think again.\n", as_question("1 + 1?"), "\nA:") == (
        "Think again.\nA:"
    )


def test_a_question_is_one_of_choice_or_language_by_what_stands_in_it() -> None:
    assert as_question("Which?\nA. 1\nB. 2").kind == "choice"
    assert as_question("Which?\n(A) 1\n(B) 2").kind == "choice"
    assert as_question("A. Einstein was who?").kind == "cloze"
    assert as_question("小明有 5 个苹果").language == "cn"
    assert as_question("りんごが五個あります").language == "en"
    assert as_question("What does 你好 mean?").language == "en"
    assert as_question("?").answer_format == "none"


def test_what_asks_for_reasoning_is_told_from_what_does_not() -> None:
    assert asks_to_reason("Q: 1 + 1?\nA: Let's think step by step.") == "step by step"
    assert asks_to_reason("What is the reason for rain?") is None
    assert asks_not_to_reason(direct)
    assert not asks_not_to_reason(budgeted)
