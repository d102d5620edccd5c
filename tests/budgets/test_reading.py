"""What an estimator's reply says about the budget, and when it says nothing."""

import pytest
from hypothesis import given, strategies as st

from tale_eval.budgets.reading import WITHOUT_BUDGET, BudgetReading, ReadingStatus, read_budget
from tale_eval.errors import InvalidValueError


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("Budget: [[50]]", 50),
        ("[[50]]", 50),
        ("[[ 1,200 ]]", 1200),
        ("[[50 tokens]]", 50),
        ("Budget: [50]", 50),
        ("[[1.5k]]", 1500),
        ("1e3", 1000),
        ("[[1000000]]", 1_000_000),
        ("[[５０]]", 50),
        ("[[٥٠]]", 50),
        # the placeholder holds no number
        ("[[budget]] 50", 50),
        ("[[budget]], that is [[50]]", 50),
        # a label
        ("Budget: 50", 50),
        ("Budget: **50**", 50),
        ("Budget=50", 50),
        ("I need 3 steps, so a budget of about 50 for them.", 50),
        ("The budget should be around 50, for 3 steps.", 50),
        ("Minimum number of tokens: 50 for 3 steps", 50),
        ("Budget (tokens): 50 for 3 steps", 50),
        # a unit
        ("50 tokens", 50),
        ("50tokens", 50),
        ("a 50-token answer", 50),
        ("In 3 steps with 2 numbers each, we need 50 tokens.", 50),
        ("2K tokens", 2000),
        ("1 million tokens", 1_000_000),
        ("大约需要50个", 50),
        # the only number
        ("50", 50),
        ("~50", 50),
        ("About 50, I think.", 50),
        ("The minimum number of tokens required is 50.", 50),
        ("1.5k", 1500),
        ("50 kg", 50),
        # a fraction of a token is a whole one
        ("49.9", 50),
        # what was thought does not count
        ("<think>3 steps, [[30]]</think>Budget: [[50]]", 50),
    ],
)
def test_a_budget_is_read(text: str, budget: int) -> None:
    assert read_budget(text) == BudgetReading(budget, "read")


@pytest.mark.parametrize(
    "text",
    [
        "[[50-80]]",
        "50-80",
        "50–80 tokens",
        "50 - 80",
        "50~80",
        "50 to 80 tokens",
        "from 50 to 80",
        "between 50 and 80 tokens",
        "between 50 tokens and 80 tokens",
        "For 3 steps: 50-80 tokens",
        "Budget: 50-80",
    ],
)
def test_of_a_range_the_upper_end_is_taken(text: str) -> None:
    assert read_budget(text) == BudgetReading(80, "range")


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        # what it comes to, not its parts
        ("Budget: 20 + 45 = 65", 65),
        ("Budget: [[20 + 45 = 65]]", 65),
        ("Budget: 3 x 20 = 60 tokens", 60),
        ("预算：20 + 45 = 65", 65),
        # a fraction of a token is a whole one
        ("[[64.2]]", 65),
        ("Budget: 64.01", 65),
        ("[[65.0]]", 65),
        # digits in groups, exponents, words
        ("[[3 400]]", 3400),
        ("Budget: 3 400", 3400),
        ("Budget: [[3'400]]", 3400),
        ("[[3e2]]", 300),
        ("[[sixty-five]]", 65),
        ("Budget: one hundred and twenty", 120),
        ("Sixty-five tokens should do.", 65),
        ("预算：[[一百二十]]", 120),
        ("大约需要一百二十个token", 120),
        # a bracket that no label announces does not replace one that a label does
        ("Budget: [[65]]\nThere are [[7]] apples.", 65),
        ("Budget: [[65]] (see [1])", 65),
        ("Budget: \\boxed{65}", 65),
        ("<answer>65</answer>", 65),
        ("<answer>Budget: [[65]]</answer>", 65),
        # an example or a denial, beside the estimate
        ("The format is Budget: [[12]]. I estimate 65 tokens.", 65),
        ("Budget: [[65]], for example Budget: [[12]]", 65),
        ("Budget: [[65]] and not [[30]]", 65),
        ("Budget: ~~[[30]]~~ [[65]]", 65),
        ("例如：预算: [[12]]。预算: [[65]]", 65),
        ("I would say about 65.", 65),
    ],
)
def test_an_estimate_is_read_as_it_is_meant(text: str, budget: int) -> None:
    assert read_budget(text).budget == budget


@pytest.mark.parametrize(
    "text",
    [
        # the question's own numbers, and the answer's
        "A shop sells 31 hats on Monday.",
        "So he keeps 31 hats.",
        "The bus stops at 8.",
        "GPT 4 cannot do this.",
        "There are thirty-one hats.",
        "She stays within a budget of 40 dollars.",
        "他有31顶帽子。",
        "I need 3 steps.",
        # the prompt's own example
        "e.g. Budget: [[12]]. The question asks for hats.",
        "I have to write Budget: [[12]] here. The question",
        "The format is [[12]].",
        "例如：Budget: [[12]]。",
        'Question: "How many hats?" Answer: [[31]]',
        "Not [[31]].",
    ],
)
def test_no_budget_is_invented(text: str) -> None:
    assert read_budget(text) == BudgetReading(None, "missing")


def test_the_example_counts_where_it_is_the_estimate_and_is_marked() -> None:
    assert read_budget("Budget: [[12]]") == BudgetReading(12, "read", echoed=True)


def test_a_later_bracket_counts_where_it_corrects_the_labelled_one() -> None:
    assert read_budget("Budget: [[30]]. No, rather [[65]]").budget == 65


def test_of_several_brackets_the_last_is_taken() -> None:
    assert read_budget("[[30]]? Rather [[50]].") == BudgetReading(50, "several")


@pytest.mark.parametrize("text", ["[[12]]", "Budget: [[12]].", "12 tokens", "10-12"])
def test_an_estimate_that_repeats_the_prompts_example_is_marked(text: str) -> None:
    reading = read_budget(text)
    assert (reading.budget, reading.echoed) == (12, True)


def test_an_echo_is_marked_even_where_it_is_clamped() -> None:
    assert read_budget("[[12]]", minimum=20) == BudgetReading(20, "clamped", echoed=True)
    assert read_budget("[[5]]", minimum=12) == BudgetReading(12, "clamped", echoed=False)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("", "missing"),
        ("I cannot say.", "missing"),
        ("a million", "missing"),
        ("[[budget]]", "missing"),
        ("There are 3 apples and 5 pears.", "missing"),
        ("50 and 80", "missing"),
        ("3 to 5 steps, then 80", "missing"),
        ("[[50 or 80]]", "missing"),
        ("1,20", "missing"),
        ("5/6", "missing"),
        ("x1", "missing"),
        ("<think>It needs [[50]]", "missing"),
        ("[[0]] ignore the question", "not_positive"),
        ("0 tokens", "not_positive"),
        ("0.5", "not_positive"),
        ("[[-5]]", "not_positive"),
        ("[[−5]]", "not_positive"),
        ("Budget: -1", "not_positive"),
        ("[[1234567890]]", "absurd"),
        ("1000 million", "absurd"),
        ("9" * 100_000, "absurd"),
        ("-" + "9" * 100_000, "absurd"),
    ],
)
def test_what_is_no_budget_says_why(text: str, status: ReadingStatus) -> None:
    assert status in WITHOUT_BUDGET
    assert read_budget(text) == BudgetReading(None, status)


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("Answer: [[42]]", None),
        ("The answer is 42.", None),
        ("Choice: 3", None),
        ("Budget: [[50]]. Answer: [[42]]", 50),
        ("Answer: 50 tokens", 50),
        ("Answer: Budget: [[50]]", 50),
        ("Tokens of a complete answer\n[[50]]", 50),
    ],
)
def test_an_answer_to_the_question_is_no_estimate(text: str, budget: int | None) -> None:
    assert read_budget(text).budget == budget


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[[50]]", BudgetReading(50, "read")),
        ("[[9]]", BudgetReading(10, "clamped")),
        ("[[101]]", BudgetReading(100, "clamped")),
        ("[[50-200]]", BudgetReading(100, "clamped")),
        ("[[0]]", BudgetReading(None, "not_positive")),
    ],
)
def test_a_budget_is_moved_into_the_bounds_but_none_is_made_up(
    text: str, expected: BudgetReading
) -> None:
    assert read_budget(text, minimum=10, maximum=100) == expected


@pytest.mark.parametrize(("minimum", "maximum"), [(0, None), (-1, 10), (10, 9)])
def test_impossible_bounds_are_refused(minimum: int, maximum: int | None) -> None:
    with pytest.raises(InvalidValueError):
        read_budget("[[50]]", minimum, maximum)


ESTIMATES = st.lists(
    st.sampled_from(["[[", "]]", "[", "]", "budget: ", " tokens", "-", " to ", "between ", "k"])
    | st.integers().map(str)
    | st.text(alphabet=st.characters(), max_size=5)
).map("".join)


@given(ESTIMATES, st.integers(min_value=1, max_value=50), st.integers(min_value=50))
def test_any_text_gives_a_budget_within_the_bounds_or_none(
    text: str, minimum: int, maximum: int
) -> None:
    reading = read_budget(text, minimum, maximum)
    assert (reading.budget is None) == (reading.status in WITHOUT_BUDGET)
    assert reading.budget is None or minimum <= reading.budget <= maximum


@given(st.integers(min_value=1, max_value=999_999_999))
def test_the_form_that_was_asked_for_is_read(budget: int) -> None:
    for text in (f"Budget: [[{budget}]]", f"Budget: [[{budget:,}]].", f"[[budget]]: [[{budget}]]"):
        assert read_budget(text).budget == budget


@pytest.mark.parametrize(
    "fragment", ["1,", "111,", "1a", "1/", "1 ", "9", "50-", "1 to ", "between 1 and ", "answer  "]
)
def test_a_long_reply_takes_no_quadratic_time(fragment: str) -> None:
    # with quadratic patterns, each of these took minutes
    assert read_budget(fragment * (200_000 // len(fragment)) + "\n[[50]]").budget == 50
