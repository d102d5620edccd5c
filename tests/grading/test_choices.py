"""Which option a reply names, with whatever words stand around its letter."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tale_eval.grading.answers import grade
from tale_eval.grading.choices import chosen_option
from tale_eval.tasks.mathbench import load as mathbench

COLOURS = ["dark red", "dark green", "sky blue", "off white"]


def chosen(text: str, options: list[str] = COLOURS) -> str:
    """The letters that count as right if the model replies with the text."""
    return "".join(t for t in "ABCD" if grade(text, t, "choice", options).correct)


@pytest.mark.parametrize(
    "text",
    [
        # words behind the letter
        "Answer: C (sky blue)",
        "Answer: C(sky blue)",
        "Answer: C — sky blue",
        "Answer: C - sky blue",
        "Answer: C = sky blue",
        "Answer: C, that is sky blue",
        "Answer: C; no other is light",
        "Answer: C sky  blue",
        "Answer: C Sky Blue",
        "Answer: C, of course",
        "Answer: C because it is light",
        "Answer: C as A is dark",
        "Answer: C? Yes, C.",
        "Choice: [[C (sky blue)]]",
        "Choice: [[C, sky blue]]",
        "Choice: [[Option C]]",
        "\\boxed{C (sky blue)}",
        "\\boxed{\\textbf{(C)}\\ \\text{sky blue}}",
        "<answer>C, which is light</answer>",
        # words before it
        "Answer: I would say C",
        "Answer: probably C",
        "Answer: it must be C",
        "The answer is clearly C, and neither A nor B",
        "The answer, I think, is C. D is no colour.",
        "I choose C.",
        "I'd go with C here.",
        "That leaves C",
        "So C it is.",
        "Only C is light.",
        # others denied
        "It is C, not D.",
        "It's C and not D.",
        "C, not D",
        "It has to be C. D is too pale.",
        "C is right. A, B and D are wrong.",
        "Neither A nor B; C is correct.",
        "(A) is wrong. (B) cannot be it. (C) is right. (D) does not fit.",
        "A isn't light, and D isn't a colour, so it is C.",
        "I rule out A, B and D, so C remains.",
        "Not D but C.",
        "I don't think it is D; I choose C",
        "C rather than D",
        "Is it D? No, it is C.",
        "A: wrong. B: wrong. C: correct. D: wrong.",
        "A. dark red - incorrect\nB. dark green - no\nC. sky blue - correct\nD. off white - no",
        # one bracket missing
        "Choice: [[C]",
        "Choice: [[C",
        # Chinese
        "选C，D错误。",
        "答案是C，不是D。",
        "答案选C，而不是D。",
        "C正确，D太浅。",
        "C对，其余都错。",
        "C项符合题意，A、B、D均不符合。",
        "排除A、B、D，所以选C。",
        "C。因为D太浅",
        "本题选择C，因为A和B太深",
        "【答案】C，D不对",
        "应该选C",
        # German, French, Spanish
        "Antwort: C, nicht D",
        "Die Antwort ist C.",
        "Réponse : C",
        "La respuesta es C.",
        # its text
        "[[SKY BLUE]]",
        "Answer: Sky blue",
    ],
)
def test_the_option_is_chosen_whatever_stands_around_it(text: str) -> None:
    assert chosen(text) == "C"


@pytest.mark.parametrize(
    "text",
    [
        "Answer: C and D",
        "Answer: C or D",
        "Answer: C, D",
        "Choice: [[C]] [[D]]",
        "Both C and D fit.",
        "It is C or D.",
        "C和D都对",
        "Not C.",
        "C is wrong.",
        "C错误",
        "It cannot be C.",
        "I don't know, C?",
        "Answer: Cyan",
        "A dark red wall is no sky.",
        "A. dark red\nB. dark green\nC. sky blue\nD. off white",
        "The options are\n(A) dark red\n(B) dark green\n(C) sky blue\n(D) off white\nLet me see",
        "Now C is the",
    ],
)
def test_no_option_is_chosen(text: str) -> None:
    assert chosen(text) == ""


def test_an_option_that_says_none_of_them_is_named_by_its_words() -> None:
    options = ["2", "3", "5", "None of these"]
    assert chosen("[[none of these]]", options) == "D"
    assert chosen("Answer: none of these.", options) == "D"
    # case tells nothing apart only where nothing else matches
    assert chosen_option("f(x)", ["F(x)", "f(x)"]) == "B"


def test_a_denial_that_is_an_options_text_denies_nothing() -> None:
    options = ["True", "False", "不变", "没有"]
    assert chosen("Answer: [[B]] - False", options) == "B"
    assert chosen("[[C]]: 不变", options) == "C"
    assert chosen("D 没有", options) == "D"


def every_form(gold: str, other: str, text: str) -> list[str]:
    return [
        f"Answer: {gold} ({text})",
        f"Answer: {gold} — {text}",
        f"Answer: {gold}, which is {text}",
        f"Choice: [[{gold} ({text})]]",
        f"It's {gold}, not {other}.",
        f"答案是{gold}，不是{other}。",
        f"选{gold}，{other}错误。",
        f"{gold} ({text}) is correct; {other} is not.",
    ]


@pytest.mark.parametrize("form", range(8))
def test_every_question_of_mathbench_is_read_in_sentences(data_folder: Path, form: int) -> None:
    questions = [sample for sample in mathbench() if sample.choices]
    assert len(questions) == 3109
    wrong = []
    for sample in questions:
        gold, options = str(sample.target), list(sample.choices or ())
        other = "ABCD"["ABCD".index(gold) - 1]
        reply = every_form(gold, other, options["ABCD".index(gold)])[form]
        if not grade(reply, gold, "choice", options).correct:
            wrong.append(f"{sample.id}: {reply}")
    assert wrong == []


def lines(options: list[str], verdict: Callable[[str], str]) -> str:
    return "\n".join(
        f"{name}. {text}: {verdict(name)}" for name, text in zip("ABCD", options, strict=True)
    )


def test_of_options_gone_through_the_one_that_is_called_right_counts() -> None:
    for name in "ABCD":
        assert chosen(lines(COLOURS, lambda n, name=name: "correct" if n == name else "no")) == name
    assert chosen(lines(COLOURS, lambda _: "perhaps")) == ""
