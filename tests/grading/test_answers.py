"""The grader: every gold is right, gold plus one is wrong, and the final answer counts."""

import signal
from collections.abc import Callable, Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, strategies as st
from inspect_ai.dataset import Sample

from tale_eval.errors import InvalidValueError
from tale_eval.grading import formulas as equivalence
from tale_eval.grading.answers import extract, grade
from tale_eval.grading.choices import choice_letter
from tale_eval.grading.formulas import same_expression
from tale_eval.grading.markers import Via
from tale_eval.grading.thinking import without_thinking
from tale_eval.tasks.gsm8k import load as gsm8k
from tale_eval.tasks.gsm8k_zero import load as gsm8k_zero
from tale_eval.tasks.mathbench import load as mathbench

LENGTHS = ["12 cm", "15 cm", "18 cm", "21 cm"]


def is_right(text: str, target: str) -> bool:
    return grade(text, target, "cloze").correct


def chosen(text: str, options: list[str] = LENGTHS) -> str:
    """The letters that count as right if the model replies with the text."""
    return "".join(t for t in "ABCD" if grade(text, t, "choice", options).correct)


# --- every gold of the real files ---

GOLD_FORMS = {
    "en": [
        "Answer: [[{}]]",
        "ANSWER: {}",
        "\\boxed{{{}}}",
        "5 apples and 7 pears make 12, so the answer is {}.",
        "<think>Perhaps [[0]], or A.</think>\n<answer>{}</answer>",
        "[[0]]. No, I forgot the pears. The answer is {}. (used about 40 tokens)",
    ],
    "cn": [
        "答案: [[{}]]",
        "选项: [[{}]]",
        "ANSWER: {}",
        "\\boxed{{{}}}",
        "5个苹果和7个梨共12个，所以答案是{}。",
        "[THINK]可能是[[0]]。[/THINK]\n<answer>{}</answer>",
    ],
}
REAL_DATA = pytest.mark.parametrize(
    ("load", "count"),
    [
        pytest.param(lambda: gsm8k("test"), 1319, id="gsm8k-test"),
        pytest.param(lambda: gsm8k("train"), 7473, id="gsm8k-train"),
        pytest.param(gsm8k_zero, 2978, id="gsm8k_zero"),
        pytest.param(mathbench, 3709, id="mathbench"),
    ],
)


def plus_one(gold: str) -> str:
    return str(Fraction(gold) + 1) if "/" in gold else f"{Decimal(gold) + 1:f}"


def next_option(gold: str, options: list[str]) -> str | None:
    """The next letter, unless its option says the same."""
    following = "ABCD"["ABCD".index(gold) - 3]
    texts = dict(zip("ABCD", options, strict=True))
    return None if texts[gold].strip() == texts[following].strip() else following


def verdicts(
    samples: list[Sample], answer: Callable[[Sample], str | None]
) -> dict[bool, list[str]]:
    """The replies with this answer, in every form, that are right and that are wrong."""
    replies: dict[bool, list[str]] = {True: [], False: []}
    for sample in samples:
        assert sample.metadata
        text = answer(sample)
        for form in GOLD_FORMS[sample.metadata["language"]] if text is not None else ():
            reply = form.format(text)
            kind = sample.metadata["kind"]
            correct = grade(reply, str(sample.target), kind, sample.choices or []).correct
            replies[correct].append(f"{sample.id}: {reply}")
    return replies


@REAL_DATA
def test_every_gold_is_right(
    data_folder: Path, load: Callable[[], list[Sample]], count: int
) -> None:
    samples = load()
    assert len(samples) == count
    assert verdicts(samples, lambda sample: str(sample.target))[False] == []


@REAL_DATA
def test_every_gold_plus_one_is_wrong(
    data_folder: Path, load: Callable[[], list[Sample]], count: int
) -> None:
    def wrong(sample: Sample) -> str | None:
        gold = str(sample.target)
        return next_option(gold, sample.choices) if sample.choices else plus_one(gold)

    assert verdicts(load(), wrong)[True] == []


def test_every_worked_solution_of_gsm8k_is_right(data_folder: Path) -> None:
    wrong = [
        sample.id
        for sample in gsm8k("train")
        if sample.metadata
        and not is_right(f"{sample.metadata['solution']}\n#### {sample.target}", str(sample.target))
    ]
    assert wrong == []


@pytest.mark.parametrize("form", ["{}. {}", "The answer is ({}) {}.", "Answer: {}: {}"])
def test_every_right_letter_with_its_options_text_is_right(data_folder: Path, form: str) -> None:
    wrong = []
    for sample in mathbench():
        if options := sample.choices:
            gold = str(sample.target)
            reply = form.format(gold, options["ABCD".index(gold)])
            if not grade(reply, gold, "choice", options).correct:
                wrong.append(f"{sample.id}: {reply}")
    assert wrong == []


# --- which answer is the final one ---


@pytest.mark.parametrize(
    ("text", "answer", "via"),
    [
        # explicit markers: the last one, wherever it stands
        ("Answer: [[72]]", "72", "bracketed"),
        ("It could be [[24]]. No: [[72]]", "72", "bracketed"),
        ("The answer is [[72]], not 24.", "72", "bracketed"),
        ("\\boxed{24} was a step.\nAnswer: [[72]]", "72", "bracketed"),
        ("[[24]] was a step, so \\boxed{72}", "72", "boxed"),
        ("$$\\boxed{\\frac{1}{2}}$$", "\\frac{1}{2}", "boxed"),
        ("\\boxed {72}", "72", "boxed"),
        ("\\boxed{\\text{72 clips}}", "72 clips", "boxed"),
        ("so \\boxed{\\{72\\}} it is", "\\{72\\}", "boxed"),
        ("[[24]]\nANSWER: 72", "72", "labelled"),
        ("**Final Answer:** 72", "72", "labelled"),
        ("**Answer**: 72", "72", "labelled"),
        ("Answer: **72**", "72", "labelled"),
        ("> answer: 72", "72", "labelled"),
        ("最终答案：72", "72", "labelled"),
        ("48 + 24 = 72\n#### 72", "72", "labelled"),
        ("Answer: 72. Because 48 apples and 24 pears.", "72", "labelled"),
        ("Answer: 72, not 24", "72", "labelled"),
        # what the prompts print in the answer's place
        ("[[72]] has the form [[answer]]", "72", "bracketed"),
        ("[[72]]\nANSWER: $ANSWER", "72", "bracketed"),
        ("[[72]], that is [[...]] or [[]]", "72", "bracketed"),
        ("\\boxed{72}, which is within \\boxed{}", "72", "boxed"),
        ("答案: [[答案]]\n答案: [[72]]", "72", "bracketed"),
        # without a marker: the last "the answer is x" that can be read
        ("The answer is 72. It took 2 steps.", "72", "phrase"),
        ("The answer is 24. No, the answer is 72.", "72", "phrase"),
        ("The answer is 72. I hope this answer is clear.", "72", "phrase"),
        ("The answer is:\n\n72", "72", "phrase"),
        ("The answer is 72 because 48 + 24 is.", "72", "phrase"),
        ("The answer is 72, not 24.", "72", "phrase"),
        ("The answer is 72 rather than 24.", "72", "phrase"),
        ("The answer is not 24: they make 72.", "72", "fallback"),
        ("The answer is $\\sqrt{8}$.", "\\sqrt{8}", "phrase"),
        ("所以答案是72。小明买了3个苹果。", "72", "phrase"),
        # otherwise the last number
        ("48 and 24 make 72 clips.", "72", "fallback"),
        ("Step 1 has 24, so in total 共有７２个", "72", "fallback"),
        ("#### Step 1: add\nThey make 72.", "72", "fallback"),
        ("\\frac{1}{2}", "\\frac{1}{2}", "fallback"),
        # or nothing
        ("I do not know.", None, "none"),
        ("[[answer]]", None, "none"),
        ("", None, "none"),
    ],
)
def test_the_final_answer_of_a_free_reply(text: str, answer: str | None, via: Via) -> None:
    found = extract(text, "cloze")
    assert (found.answer, found.via) == (answer, via)


@pytest.mark.parametrize(
    ("text", "rest", "thought"),
    [
        ("<think>It is [[24]].</think>Answer: [[72]]", "Answer: [[72]]", True),
        ("It is [[24]].</think>Answer: [[72]]", "Answer: [[72]]", True),
        ("<think>a</think>b</think>c", "c", True),
        ("<think>It is [[24]] or", "", True),
        ("Let me see. <think>It is [[24]] or", "Let me see. ", True),
        ("<think>It is [[24]].</think>", "", True),
        ("No thinking.", "No thinking.", False),
    ],
)
def test_what_was_thought_is_not_said(text: str, rest: str, thought: bool) -> None:
    assert without_thinking(text) == (rest, thought)


def test_an_answer_that_was_only_thought_is_no_answer() -> None:
    assert not is_right("<think>It must be [[72]]", "72")
    assert not is_right("<think>It must be [[72]]</think>", "72")
    assert is_right("<think>Is it [[24]]?</think>It is [[72]]", "72")


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("72", True),
        ("[[72]]", True),
        ("Answer: [[72]]", True),
        ("**Final Answer:** 72", True),
        ("The correct answer is 72.", True),
        ("答案：[[72]]", True),
        ("答案是７２", True),
        ("48 + 24 = 72", False),
        ("We add. Answer: [[72]]", False),
        ("我们相加。答案：７２", False),
        ("<think>We add.</think>[[72]]", False),
        ("", False),
    ],
)
def test_an_answer_is_bare_without_a_word_of_reasoning_before_it(text: str, bare: bool) -> None:
    assert extract(text, "cloze").bare is bare


# --- free answers ---


@pytest.mark.parametrize(
    ("answer", "target"),
    [
        ("72", "72"),
        ("72.", "72"),
        ("72.0", "72"),
        ("2,125", "2125"),
        ("$2,125.00", "2125"),
        ("-5", "-5"),
        ("−5", "-5"),
        ("-$5", "-5"),
        ("５０", "50"),
        ("٥٠", "50"),
        ("50%", "50"),
        ("50%", "0.5"),
        ("50\\%", "50"),
        ("1/2", "0.5"),
        ("0.5", "1/2"),
        ("\\frac{13}{17}", "13/17"),
        ("3½", "3.5"),
        ("1.5e3", "1500"),
        ("1234567890123", "1234567890123"),
        ("72 clips", "72"),
        ("72 clips.", "72"),
        ("about 72", "72"),
        ("72元", "72"),
        ("72个", "72"),
        ("3 1/2 cups", "3.5"),
        ("$72/hour", "72"),
        ("72 km/h", "72"),
        ("72 cm^2", "72"),
        ("72 cm²", "72"),
        ("72\\text{ cm}^2", "72"),
        ("72 (clips)", "72"),
        ("72^\\circ", "72"),
        ("= 72", "72"),
        ("48 + 24 = 72", "72"),
        ("x = 72 clips", "72"),
        ("Answer: 72", "72"),
        ("48 + 24", "72"),
        ("(72)", "72"),
        ("5²", "25"),
        ("\\sqrt{16}", "4"),
        ("2\\sqrt{2}", "\\sqrt{8}"),
        ("x + 1", "1 + x"),
        # the end of a formula is neither a unit nor a remark
        ("1 + x^2", "x^2 + 1"),
        ("x^{2}", "x \\cdot x"),
        ("2 (\\pi + 1)", "2\\pi + 2"),
        ("y = 1 + x^3", "x^3 + 1"),
        ("72 (cm^2)", "72"),
        ("9 units^{2}", "9"),
        ("Paris", "paris"),
        ("$x$", "x"),
    ],
)
def test_equivalent_answers(answer: str, target: str) -> None:
    assert is_right(f"We add.\n[[{answer}]]", target)


@pytest.mark.parametrize(
    ("answer", "target"),
    [
        ("73", "72"),
        ("-72", "72"),
        ("72.1", "72"),
        ("721", "72"),
        ("1234567890124", "1234567890123"),
        ("0.3333", "1/3"),
        ("\\frac{1}{3}", "0.333333"),
        ("5²", "52"),
        ("1e1001", "1"),
        ("1_000", "1"),
        ("3x^2", "3x"),
        ("3x", "3x^2"),
        ("72 x^2", "72"),
        # several numbers are no answer
        ("72 or 73", "72"),
        ("7 2", "72"),
        ("1,2", "1"),
        ("1, 2", "1"),
        ("10-12", "10"),
        ("1/2/3", "1"),
        ("72 (48 + 24)", "72"),
        # words
        ("none", "72"),
        ("N/A", "72"),
        ("Paris", "London"),
        ("dog", "god"),
        ("3\\sqrt{2}", "\\sqrt{8}"),
    ],
)
def test_different_answers(answer: str, target: str) -> None:
    graded = grade(f"We add.\n[[{answer}]]", target, "cloze")
    assert (graded.correct, graded.undecided) == (False, False)


def test_a_right_number_that_is_overruled_is_wrong() -> None:
    assert not is_right("It is [[72]]. Wait, no: [[24]]", "72")
    assert not is_right("The answer is 72. No, the answer is 24.", "72")


# --- choices ---


@pytest.mark.parametrize(
    "text",
    [
        "B",
        "b",
        "(B)",
        "B.",
        "B)",
        "**B**",
        "`B`",
        "（Ｂ）",
        "option B",
        "Option B.",
        "选项B",
        "选B。",
        "故选：B",
        "答案选B",
        "答案是B选项。",
        "[[B]]",
        "Choice: [[B]]",
        "Choice: [[choice]]\nChoice: [[B]]",
        "[[choice]] B",
        "[[Choice: B]]",
        "[[B. 15 cm]]",
        "[[B 15 cm]]",
        "**B.** 15 cm",
        "ANSWER: B) 15 cm",
        "Answer: B is the right one.",
        "\\boxed{\\text{(B)}}",
        "#### B",
        "[[A]] is too short, so [[B]]",
        # the option's text instead of its letter
        "15 cm",
        "[[15 cm]]",
        "The answer is 15 cm.",
        # "the answer is"
        "The answer is B.",
        "The answer is (B) 15 cm, since A and C are not.",
        "The answer is B because A is too short.",
        "The answer must be B: A is too short.",
        "The correct option is B. Option A is too short.",
        "The answer is B, not A.",
        "The answer is B and not A.",
        "The answer is B rather than A",
        "The answer is B, as A is too short.",
        "The best answer is B as it fits; A is too short.",
        "答案是B，而不是A。",
        "Answer: B, not A",
        "Answer: B (not A)",
        # brackets that were not asked for
        "Answer: [B]",
        "选项：【B】",
        "Choice: [B] 15 cm",
        # the reply begins with it, or it stands last
        "B. 15 cm\n\nA is too short and D is too long.",
        "A. too short\nB. right\nSo it is B",
        "Therefore (B) is correct.",
        "It is (B). A ruler shows it.",
    ],
)
def test_one_option_is_chosen(text: str) -> None:
    assert chosen(text) == "B"


@pytest.mark.parametrize(
    "text",
    [
        "A and B",
        "[[A and B]]",
        "[[A. and B.]]",
        "[[A, B]]",
        "[[AB]]",
        "(A), (B)",
        "[[A or B]]",
        "[[E]]",
        "E",
        "[[Apples]]",
        "a ruler shows it",
        "[[16 cm]]",
        "The answer is",
        "I do not know.",
        "",
    ],
)
def test_no_option_is_chosen(text: str) -> None:
    assert chosen(text) == ""


def test_of_options_that_say_the_same_either_is_right() -> None:
    options = ["15 cm", "12 cm", "15 cm ", "21 cm"]
    assert chosen("[[A]]", options) == "AC"
    assert chosen("[[C]]", options) == "AC"
    assert chosen("[[15 cm]]", options) == "AC"
    assert chosen("[[B]]", options) == "B"


def test_a_capital_letter_is_a_letter_even_where_it_is_another_options_text() -> None:
    # MathBench, middle/single_choice_en, row 29
    options = ["E", "D", "C", "A"]
    assert [choice_letter(letter, options) for letter in "ABCD"] == ["A", "B", "C", "D"]
    assert choice_letter("E", options) == "A"
    assert choice_letter("D. A", options) == "D"
    assert choice_letter("(A) E", options) == "A"


def test_a_small_letter_is_an_options_text_where_there_is_one() -> None:
    # MathBench, primary_knowledge/single_choice_cn, row 39
    assert choice_letter("a", ["c", "d", "a", "b"]) == "C"
    assert choice_letter("a", ["1", "2", "3", "4"]) == "A"


def test_a_choice_needs_its_options() -> None:
    with pytest.raises(InvalidValueError, match="without its options"):
        grade("B", "B", "choice")


# --- hostile texts ---


@pytest.fixture
def no_hanging() -> Iterator[None]:
    """Stop a test that would run for hours; it should take a few seconds.

    Of CPU time: by the clock, a busy machine could stop it too.
    """
    if not hasattr(signal, "SIGPROF"):  # Windows
        yield
        return

    def give_up(*_: object) -> None:
        raise TimeoutError("still not graded after 60 seconds of CPU time")

    signal.signal(signal.SIGPROF, give_up)
    signal.setitimer(signal.ITIMER_PROF, 60)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)


MEGABYTE = 10**6


@pytest.mark.usefixtures("no_hanging")
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("9^9^9^9", id="tower"),
        pytest.param("10**10**10", id="python tower"),
        pytest.param("10000000!", id="factorial"),
        pytest.param("\\frac{" * 100, id="open fractions"),
        pytest.param("\\frac{1}{" * 200 + "2" + "}" * 200, id="nested fractions"),
        pytest.param("(" * 300, id="open parentheses"),
        pytest.param("\x00^2", id="nul"),
        pytest.param("\ud800^2", id="lone surrogate"),
        pytest.param("\u200f72^3\u200f", id="right-to-left mark"),
        pytest.param("9" * 100_000, id="100,000 digits"),
        pytest.param("9" * 100_000 + "^2", id="square of 100,000 digits"),
        pytest.param("1e400", id="exponent"),
        pytest.param("1e" + "9" * 5000, id="long exponent"),
    ],
)
@pytest.mark.parametrize("form", ["[[{}]]", "\\boxed{{{}}}", "the answer is {}."])
def test_a_hostile_answer_is_wrong_and_kills_nothing(form: str, text: str) -> None:
    assert not is_right(form.format(text), "72")
    assert grade(form.format(text), "B", "choice", LENGTHS).correct is False


FRAGMENTS = [
    *["[", "]", "[[", "[[1", "[[1]]", "[[answer]]", "{", "}", "\\boxed{", "\\boxed{}", "\\frac{"],
    *["Answer:", "Answer: 1 2\n", "answer is ", "answer is 1 2 ", "answer is A or ", "答案是"],
    *["#", "#### x\n", "A.\n", "A and ", "and ", "because ", "option ", "<think>", "</think>"],
    *[" ", "\n", "*", "$", "=", "-", "(ab", "1,", "111,", "1/", "1 /", "1.", "1e", "a", "\ud800"],
    # Unicode's own normalisation takes quadratic time on these
    "\u0315\u0300",
]


@pytest.mark.usefixtures("no_hanging")
@pytest.mark.parametrize("start", ["", "Answer: "])
def test_a_long_text_of_one_fragment_takes_no_quadratic_time(start: str) -> None:
    for fragment in FRAGMENTS:
        text = start + fragment * (100_000 // len(fragment))
        assert not is_right(text, "72"), fragment
        assert not grade(text, "C", "choice", LENGTHS).correct, fragment


@pytest.mark.usefixtures("no_hanging")
@pytest.mark.parametrize("fragment", ["[", "[[", "[[1", "\\boxed{", "answer is "])
def test_a_megabyte_of_openings_holds_no_answer(fragment: str) -> None:
    text = fragment * (MEGABYTE // len(fragment))
    assert not is_right(text, "72")
    assert is_right(text + "\n[[72]]", "72")


def test_invisible_characters_around_an_answer_do_no_harm() -> None:
    assert is_right("[[72\u200f]]", "72")
    assert is_right("[[\x0072]]", "72")
    assert is_right("\ud800 so [[72]]", "72")


@given(st.text(alphabet=st.characters()), st.sampled_from(["cloze", "choice"]))
def test_no_text_raises(text: str, kind: str) -> None:
    if kind == "cloze":
        extract(text, "cloze")
    else:
        grade(text, "B", "choice", LENGTHS)


# --- formulas, in the worker process ---


def test_a_comparison_that_overruns_its_time_is_undecided_and_the_next_one_works() -> None:
    assert same_expression("2\\sqrt{2}", "\\sqrt{8}", limit=30.0) is True
    assert same_expression("2\\sqrt{2}", "\\sqrt{8}", limit=0.0) is None
    assert same_expression("2\\sqrt{2}", "\\sqrt{8}", limit=30.0) is True


@pytest.mark.parametrize(
    "tower",
    [
        pytest.param("9^{9^{9^{9^{9}}}}", id="stopped after its second"),
        pytest.param("(9^{9^9})!", id="stopped inside a big-integer routine"),
    ],
)
def test_a_formula_that_no_computer_finishes_is_undecided_and_harms_no_next_one(tower: str) -> None:
    for _ in range(3):
        assert not same_expression(tower, "\\sqrt{2}")
        assert same_expression("2\\sqrt{2}", "\\sqrt{8}", limit=30.0) is True


def test_a_worker_that_dies_is_replaced() -> None:
    assert same_expression("2\\sqrt{2}", "\\sqrt{8}", limit=30.0) is True
    process = equivalence._worker._process
    assert process is not None
    process.kill()
    process.wait()
    assert same_expression("2\\sqrt{2}", "\\sqrt{8}", limit=30.0) is True


def test_a_worker_that_does_not_start_is_said_and_the_next_one_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    equivalence._worker.stop()
    with monkeypatch.context() as slow:
        slow.setattr(equivalence, "_START_SECONDS", 0.0)
        with pytest.raises(RuntimeError, match="did not start"):
            same_expression("2\\sqrt{2}", "\\sqrt{8}")
    assert same_expression("2\\sqrt{2}", "\\sqrt{8}", limit=30.0) is True


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_question_that_was_given_up_is_not_answered_instead_of_the_next_one(
    unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # containers set this; print() then makes two writes, and a process can die between them
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    equivalence._worker.stop()
    for _ in range(20):
        same_expression("2\\sqrt{2}", "\\sqrt{8}", limit=0.0)
        assert same_expression("2\\sqrt{2}", "\\sqrt{9}", limit=30.0) is False


def test_an_undecided_answer_is_wrong_and_marked() -> None:
    graded = grade(f"[[{'x+' * 1500}x]]", "72", "cloze")
    assert (graded.correct, graded.undecided) == (False, True)


@pytest.mark.parametrize("text", ["\ud800", "\x00", "\u2028", "\n", '"', "\\"])
def test_any_character_reaches_the_worker_and_comes_back_with_a_verdict(text: str) -> None:
    assert same_expression(f"x{text}^2", "3", limit=30.0) is False
