"""The final answer of a reply: what is quoted, denied, taken back or cut off is none."""

import pytest

from tale_eval.grading.answers import extract, grade
from tale_eval.grading.quoting import EXAMPLES

PLACES = ["Lima", "Quito", "La Paz", "Bogotá"]


def answer_of(text: str, truncated: bool = False) -> str | None:
    return extract(text, "cloze", truncated=truncated).answer


def is_right(text: str, target: str, truncated: bool = False) -> bool:
    return grade(text, target, "cloze", truncated=truncated).correct


def chosen(text: str, options: list[str] = PLACES) -> str:
    return "".join(t for t in "ABCD" if grade(text, t, "choice", options).correct)


# --- the prompt's own example, repeated ---


def test_the_examples_are_the_prompts_own() -> None:
    assert sorted(EXAMPLES) == ["12", "50", "A"]


@pytest.mark.parametrize(
    "echo",
    [
        "I must write my result, for example: Answer: [[50]]. Now the bus takes",
        "The format is Answer: [[50]]. Let us begin with the bus",
        "(in the form [[50]]) First we look at",
        "They want me to answer in the form Answer: [[50]]. We begin",
        "such as Answer: [[50]]. So the bus",
        "请严格按照如下格式回答，例如：答案: [[50]]。我们先看",
        "回答的格式：答案: [[50]]。首先",
        "z. B. Antwort: [[50]]. Zuerst rechnen wir",
        "par exemple : [[50]]. On commence par",
        "[[50]] is the example. We begin with",
    ],
)
def test_an_example_that_is_quoted_is_no_answer(echo: str) -> None:
    assert not is_right(echo, "50")
    assert is_right(f"{echo} 5.\nAnswer: [[77]]", "77")
    assert is_right(f"Answer: [[77]]\n({echo})", "77")


@pytest.mark.parametrize(
    "echo", ["e.g. Choice: [[A]]", "The format is Choice: [[A]]. Peru", "格式为：选项: [[A]]。"]
)
def test_an_option_that_is_quoted_is_not_chosen(echo: str) -> None:
    assert chosen(echo) == ""
    assert chosen(f"Choice: [[C]] ({echo})") == "C"


@pytest.mark.parametrize(
    "text",
    [
        "Answer: [[50]]",
        "We add 20 and 30.\nAnswer: [[50]].",
        "It is 20 + 30, so Answer: [[50]]",
        "In the required format: Answer: [[50]]",
        "答案: [[50]]",
        "Looks like [[50]]",
        "For example, 20 and 30 are added here.\nAnswer: [[50]]",
    ],
)
def test_the_examples_number_is_right_where_it_is_the_answer(text: str) -> None:
    assert is_right(text, "50")
    assert chosen("Choice: [[A]]") == "A"


# --- denied and struck through ---


@pytest.mark.parametrize(
    "text",
    [
        "We get [[77]], not [[70]].",
        "[[77]] rather than [[70]]",
        "[[77]] and never [[70]]",
        "[[77]] (it cannot be [[70]])",
        "[[70]] is wrong, since the tax is missing. With it: [[77]]",
        "[[77]]. The value [[70]] is incorrect.",
        "答案是[[77]]，而不是[[70]]",
        "They pay 77, not 70.",
        "They pay 77 rather than 70.",
        "They pay 77 instead of 70.",
        "In all: ~~70~~ 77",
        "In all <s>70</s> 77",
        "In all $\\cancel{70}$ 77",
    ],
)
def test_what_is_denied_is_no_answer(text: str) -> None:
    assert is_right(text, "77")
    assert not is_right(text, "70")


@pytest.mark.parametrize("text", ["[[not 70]]", "Answer: never 70", "[[≠ 70]]", "[[不是70]]"])
def test_a_denial_in_the_answers_place_is_no_answer(text: str) -> None:
    assert not is_right(text, "70")


# --- the last one counts, marked or said ---


@pytest.mark.parametrize(
    "text",
    [
        "[[70]]. Wait, the tax is missing. The answer is 77.",
        "\\boxed{70}? No. So the answer must be 77.",
        "Answer: 70\nI forgot the tax: it is 77.",
        "[[70]] is what I get first. So the final answer is $77$.",
        "答案：70\n不对，应该加税，所以答案是77。",
        "[[70]] Oops, I made a mistake. They pay 77.\nThe total is 77.",
    ],
)
def test_a_marked_answer_that_is_overruled_does_not_count(text: str) -> None:
    assert is_right(text, "77")
    assert not is_right(text, "70")


@pytest.mark.parametrize(
    "text",
    [
        "[[77]] The answer is in brackets, as asked, for 3 people.",
        "[[77]] This took 4 steps.",
        "[[77]]. Check: 70 + 7 = 77.",
        "[[77]] I hope the answer is clear.",
        "Answer: [[77]]\n\nNo units are needed for these 2 numbers.",
        "[[77]] (the answer is not 70)",
    ],
)
def test_what_follows_an_answer_does_not_overrule_it(text: str) -> None:
    assert is_right(text, "77")


def test_brackets_side_by_side_name_no_single_answer() -> None:
    assert not is_right("[[70]] or [[77]]", "77")
    assert chosen("Choice: [[A]], [[D]]") == ""
    assert chosen("Choice: [[B]] and [[D]]") == ""
    assert chosen("[[D]] [[D]]") == "D"
    assert is_right("[[70]]\n[[77]]", "77")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("Answer: 77 coins, 30 of them gold and 47 silver.", "77"),
        ("Answer: 77 (30 gold and 47 silver)", "77"),
        ("The answer is 77 coins, of which 30 are gold.", "77"),
        ("答案：77枚，其中30枚是金的。", "77"),
    ],
)
def test_details_behind_an_answer_are_no_second_answer(text: str, target: str) -> None:
    assert is_right(text, target)


# --- a marker that was not closed ---


@pytest.mark.parametrize("text", ["so \\boxed{77", "so [[77", "so [[77]", "Answer: [[77]"])
def test_a_marker_that_was_not_closed_counts_unless_the_reply_was_cut_off(text: str) -> None:
    assert is_right(text, "77")
    assert answer_of("so \\boxed{7", truncated=True) is None
    assert answer_of("so [[7", truncated=True) is None


# --- no marker: the last number ---


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("Each one walks $\\frac{5}{6}$ of a mile.", "5/6"),
        ("Each one walks \\(\\frac{5}{6}\\) of a mile.", "5/6"),
        ("Each one walks $2\\frac{1}{4}$ miles.", "2.25"),
        ("The field has 63 m^2.", "63"),
        ("The field has 63 m².", "63"),
        ("The box holds 63 cm^{3} of sand.", "63"),
        ("The field has 63 $m^2$.", "63"),
        ("They sold 14 800 tickets.", "14800"),
        ("They sold 14\u202f800 tickets.", "14800"),
        ("They sold 14\u00a0800 tickets.", "14800"),
        ("They sold 2'014'800 tickets.", "2014800"),
        ("They sold 3 \\times 10^{4} tickets.", "30000"),
        ("They sold 4 million tickets.", "4000000"),
        ("So there are 63 left (we subtract 7 from 70).", "63"),
        ("So there are 63 left. (used 45 tokens)", "63"),
        ("So there are 63 left. I used about 45 tokens.", "63"),
        ("So there are 63 left.\nTokens used: 45", "63"),
        ("So there are 63 left because 70 - 7 is that, and 7 went.", "63"),
        ("There are sixty-three left.", "63"),
        ("剩下六十三个。", "63"),
        ("It costs $5 a day, and $35 a week.", "35"),
        ("For all $n$ friends that makes 63.", "63"),
        ("The share is $x = 63$.", "63"),
        ("63 coins", "63"),
        ("They have 63 coins", "63"),
        ("共有63枚硬币", "63"),
        ("The sum is 63 ✅", "63"),
        ("**63**", "63"),
    ],
)
def test_a_number_at_the_end_is_read_as_a_whole(text: str, target: str) -> None:
    assert is_right(text, target), answer_of(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Each one walks $\\frac{5}{6}$ of a mile.", "6"),
        ("The field has 63 m^2.", "2"),
        ("The field has 63 cm^{3}.", "3"),
        ("They sold 14 800 tickets.", "800"),
        ("So there are 63 left. (used 45 tokens)", "45"),
        ("The point is x_1.", "1"),
    ],
)
def test_a_part_of_a_formula_or_a_remark_is_no_answer(text: str, number: str) -> None:
    assert not is_right(text, number)


@pytest.mark.parametrize(
    "text",
    [
        "There are 6 * 9 = 54 seats. Of them, 8 are",
        "That makes 54. Let me check again that all of the seats were really counted in",
        "So we get 54, and then",
        "The seats: 54 +",
        "一共有54个座位，其中8个是",
        "They have 54 seats, and each of the",
    ],
)
def test_a_text_that_breaks_off_has_no_last_number(text: str) -> None:
    assert answer_of(text) is None


@pytest.mark.parametrize("text", ["They have 54 seats.", "54", "So 9 times 6 is 54"])
def test_nor_has_a_reply_that_is_known_to_be_cut_off(text: str) -> None:
    assert is_right(text, "54")
    assert answer_of(text, truncated=True) is None
    assert is_right(f"Answer: [[54]]. {text}", "54", truncated=True)
    assert extract("So it is B.", "choice", PLACES).answer == "B"
    assert extract("So it is B.", "choice", PLACES, truncated=True).answer is None


@pytest.mark.parametrize(
    "text",
    [
        "3 prices are not given, so it cannot be determined.",
        "With only 3 numbers I cannot answer this.",
        "There is not enough information about the 3 friends.",
        "条件不足，只有3个数，无法确定。",
    ],
)
def test_a_refusal_has_no_answer(text: str) -> None:
    assert answer_of(text) is None


# --- words ---


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("The answer is no.", "no"),
        ("The answer is No, because 91 is 7 times 13.", "no"),
        ("Answer: No, since 91 is 7 times 13.", "No"),
        ("Answer: No. 91 is 7 times 13.", "no"),
        ("No, 91 is 7 times 13.", "no"),
        ("Answer: Quito", "Quito"),
        ("The answer is Quito.", "quito"),
        ("The answer is: Quito, which lies high.", "Quito"),
        ("Quito", "Quito"),
        ("[[Quito]]", "Quito"),
        ("答案是正确。", "正确"),
    ],
)
def test_words_are_answers_where_words_are_asked_for(text: str, target: str) -> None:
    assert is_right(text, target)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("The answer is no.", "yes"),
        ("Answer: No, yes is wrong.", "yes"),
        ("The answer is yes.", "1"),
        ("Answer: Lima", "Quito"),
        ("The answer is god.", "dog"),
    ],
)
def test_other_words_are_wrong(text: str, target: str) -> None:
    assert not is_right(text, target)
