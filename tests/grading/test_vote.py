"""Which replies give the same answer, and which answer wins."""

import pytest
from hypothesis import given, strategies as st

from tale_eval.asking.prompts import options_in, with_options
from tale_eval.asking.question import Question
from tale_eval.grading.answers import extract, grade
from tale_eval.grading.same import answer_in
from tale_eval.grading.vote import agreed, voted

CLOZE = Question("What is it?", "cloze", "en", "bracketed")
CHOICE = Question("How long?\nA. 12 cm\nB. 15 cm\n", "choice", "en", "bracketed")


@pytest.mark.parametrize(
    "replies",
    [
        ("[[0.5]]", "so \\boxed{\\frac{1}{2}}", "#### 1/2", "Answer: .50"),
        ("[[1,250]]", "The answer is $1250.", "1250 clips in all", "#### 1250.00"),
        ("[[Yes]]", "Answer: yes.", "\\boxed{\\text{yes}}"),
        ("\\boxed{x^2 + 1}", "[[x^2+1]]"),
        ("\\boxed{\\dfrac{x}{2}}", "\\boxed{\\frac{x}{2}}"),
    ],
)
def test_one_answer_written_in_several_ways_is_one(replies: tuple[str, ...]) -> None:
    assert agreed([answer_in(reply, CLOZE) for reply in replies])


@pytest.mark.parametrize(
    "replies",
    [
        ("[[2]]", "[[3]]"),
        ("[[yes]]", "[[no]]"),
        # no algebra is done
        ("[[x(x+1)]]", "[[x^2+x]]"),
        # whatever has no answer agrees with nothing, not even with its like
        ("I don't know", "I don't know"),
        ("", ""),
    ],
)
def test_other_answers_and_none_at_all_do_not_agree(replies: tuple[str, str]) -> None:
    assert not agreed([answer_in(reply, CLOZE) for reply in replies])


def test_an_option_is_the_same_by_its_letter_and_by_its_text() -> None:
    replies = ("Choice: [[B]]", "[[15 cm]]", "It is B.", "#### B", "#### (B)")
    assert {answer_in(reply, CHOICE) for reply in replies} == {"B"}
    assert answer_in("[[15 cm]]", CHOICE._replace(text="How long?")) is None


def test_a_reply_that_was_cut_off_before_its_answer_has_none() -> None:
    assert answer_in("3 + 3 = 6", CLOZE) == 6
    assert answer_in("3 + 3 = 6", CLOZE, truncated=True) is None


@pytest.mark.parametrize(
    ("answers", "winner"),
    [
        ([1, 2, 2, 3], 1),
        # of equals the one that came first
        ([2, 1, 1, 2], 0),
        # who says nothing has no vote
        ([None, None, 5], 2),
        ([None, None], 0),
    ],
)
def test_the_first_reply_with_the_winning_answer_wins(
    answers: list[int | None], winner: int
) -> None:
    replies = [f"reply {place}" for place in range(len(answers))]
    assert voted(replies, answers) is replies[winner]


@given(
    st.text().filter(lambda text: "\nA. " not in f"\n{text}"),
    st.lists(st.text(alphabet="ab 1\n.", min_size=1), min_size=1, max_size=6),
)
def test_options_are_read_as_they_were_written(question: str, options: list[str]) -> None:
    assert options_in(with_options(question, options)) == options


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        # Chain of Draft's own rows
        ("21 - 15 = 6. #### 6", "6"),
        ("20 - x = 12; x = 20 - 12 = 8. #### 8", "8"),
        ("5 * 3 = 15; 23 - 15 = 8. ####8", "8"),
        ("3 + 3 = 6 #### $6.00", "$6.00"),
        ("3 + 3.\n####\n6", "6"),
        ("3 + 3 ####\n\n6", "6"),
        ("12 is too many #### 9 (3 each for 3)", "9 (3 each for 3)"),
        ("x #### \\frac{1}{2}", "\\frac{1}{2}"),
    ],
)
def test_an_answer_behind_a_separator_is_read(text: str, answer: str) -> None:
    found = extract(text, "cloze")
    assert (found.answer, found.via) == (answer, "labelled")


def test_what_is_behind_a_separator_is_graded_and_a_heading_is_none() -> None:
    assert grade("a #### 9 (3 each for 3)", "9", "cloze").correct
    assert grade("15 - 3 = 12. #### B", "B", "choice", ["15 cm", "12 cm"]).correct
    assert grade("B is wrong. #### (A)", "A", "choice", ["15 cm", "12 cm"]).correct
    assert grade("no. #### yes", "yes", "cloze").correct
    assert grade("#### Step 1\n3 + 3 = 6\n#### Step 2\nSo it is 6.", "6", "cloze").correct
    # cut off in the middle of a heading
    assert extract("It is 6.\n#### Step 2", "cloze", truncated=True).answer is None
