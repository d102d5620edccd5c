"""The prompts, letter by letter: a changed character is a changed experiment."""

import pytest
from command import REPOSITORY
from hypothesis import given, strategies as st

from tale_eval.asking.prompts import (
    ANSWER_FORMAT,
    AnswerFormat,
    Language,
    QuestionKind,
    Style,
    cot_prompt,
    direct_prompt,
    estimator_prompt,
    with_options,
)
from tale_eval.errors import InvalidValueError

OPTIONS_EN = "How long?\nA. 12 cm\nB. 15 cm\n"
OPTIONS_CN = "多长？\nA. 12\nB. 15\n"

Prompts = tuple[QuestionKind, Language, str, str, str, str]
"""Kind, language, question; direct, chain of thought, chain of thought with a budget of 50."""

# the released code's, for GSM8K, GSM8K-Zero and MathBench's choice questions
PAPER: list[Prompts] = [
    (
        "cloze",
        "en",
        "What is 1 + 1?",
        "Please answer the following question and give the answer directly without any "
        "reasoning process. Please Give the response by strictly following this format: "
        "[[answer]], for example: Answer: [[50]].\nQ: What is 1 + 1?",
        "Q: What is 1 + 1?\nPlease Give the response by strictly following this format: "
        "[[answer]], for example: Answer: [[50]].Let's think step by step:\n",
        "Q: What is 1 + 1?\nPlease Give the response by strictly following this format: "
        "[[answer]], for example: Answer: [[50]]."
        "Let's think step by step and use less than 50 tokens:\n",
    ),
    (
        "choice",
        "en",
        OPTIONS_EN,
        "Please answer the following question directly and give the answer directly without "
        "any reasoning process. Please strictLy follow the format: [[choice]],for example: "
        "Choice: [[A]].\nHow long?\nA. 12 cm\nB. 15 cm\n\n",
        "How long?\nA. 12 cm\nB. 15 cm\n\nPlease Give the response by strictly following this "
        "format: [[choice]],for example: Choice: [[A]].\nLet's think step by step:\n",
        "How long?\nA. 12 cm\nB. 15 cm\n\nPlease Give the response by strictly following this "
        "format: [[choice]],for example: Choice: [[A]].\n"
        "Let's think step by step and use less than 50 tokens:\n",
    ),
    (
        "choice",
        "cn",
        OPTIONS_CN,
        "多长？\nA. 12\nB. 15\n\n请直接回答下面的问题并直接给出答案的选项序号。"
        "请严格按照如下格式回答：[[选项]]，例如：选项: [[A]]。\n",
        "多长？\nA. 12\nB. 15\n\n请严格按照如下格式回答：[[选项]]，例如：选项: [[A]]。\n"
        "让我们一步一步思考：\n",
        "多长？\nA. 12\nB. 15\n\n请严格按照如下格式回答：[[选项]]，例如：选项: [[A]]。\n"
        "让我们一步一步思考并使用少于 50 tokens:\n",
    ),
]

# its Chinese cloze texts are others: see RELEASED_OTHERWISE
OURS: list[Prompts] = [
    (
        "cloze",
        "cn",
        "1加1是多少？",
        "请直接回答下面的问题并直接给出答案。"
        "请严格按照如下格式回答：[[答案]]，例如：答案: [[50]]。\nQ: 1加1是多少？",
        "Q: 1加1是多少？\n请严格按照如下格式回答：[[答案]]，例如：答案: [[50]]。\n"
        "让我们一步一步思考：\n",
        "Q: 1加1是多少？\n请严格按照如下格式回答：[[答案]]，例如：答案: [[50]]。\n"
        "让我们一步一步思考并使用少于 50 tokens:\n",
    ),
]

PROMPTS = pytest.mark.parametrize(
    ("kind", "language", "question", "direct", "cot", "budgeted"),
    [pytest.param(*prompts, id=f"{prompts[0]}-{prompts[1]}") for prompts in (*PAPER, *OURS)],
)

# what the released code sends where we send something else: where, its text, and ours
RELEASED_OTHERWISE: list[tuple[str, str, str]] = [
    (
        "MathBench cloze, English: direct",
        "Please answer the following question and give the answer directly\nQ: {question}",
        direct_prompt("{question}", "cloze", "en", "bracketed"),
    ),
    (
        "MathBench cloze, English: CoT",
        "Q: {question}\nLet's think step by step:\n",
        cot_prompt("{question}", "cloze", "en", "bracketed"),
    ),
    (
        "MathBench cloze, Chinese: direct",
        "请直接回答下面的问题并直接给出答案\nQ: {question}",
        direct_prompt("{question}", "cloze", "cn", "bracketed"),
    ),
    (
        "MathBench cloze, Chinese: CoT",
        "Q: {question}\n让我们一步一步思考来回答这个问题：\n",
        cot_prompt("{question}", "cloze", "cn", "bracketed"),
    ),
    (
        "the same under a budget",
        "Q: {question}\n让我们一步一步思考并使用少于 {budget} tokens来回答这个问题:\n",
        cot_prompt("{question}", "cloze", "cn", "bracketed", budget=50),
    ),
]


@pytest.mark.parametrize(("where", "released", "ours"), RELEASED_OTHERWISE)
def test_where_the_released_code_says_something_else_is_told_with_its_words(
    where: str, released: str, ours: str
) -> None:
    assert released.replace("{budget}", "50") != ours
    table = (REPOSITORY / "docs" / "prompts.md").read_text(encoding="utf-8")
    (row,) = [line for line in table.splitlines() if line.startswith(f"| {where} |")]
    shown = released.replace("\n", "⏎")
    assert f"`{shown}`" in row


def test_without_answer_format_a_cloze_question_is_the_released_codes() -> None:
    _, released, _ = RELEASED_OTHERWISE[1]
    assert cot_prompt("{question}", "cloze", "en", "none") == released


@PROMPTS
def test_the_prompts_to_the_letter(
    kind: QuestionKind, language: Language, question: str, direct: str, cot: str, budgeted: str
) -> None:
    assert direct_prompt(question, kind, language, "bracketed") == direct
    assert cot_prompt(question, kind, language, "bracketed") == cot
    assert cot_prompt(question, kind, language, "bracketed", budget=50) == budgeted


@pytest.mark.parametrize(
    ("kind", "language", "cot", "budgeted"),
    [
        (
            "cloze",
            "en",
            "Q?\n\nLet's think step by step. Only after the reasoning, write the final answer on "
            "the last line. Please Give the response by strictly following this format: "
            "[[answer]], for example: Answer: [[50]].\n",
            "Q?\n\nLet's think step by step and use less than 50 tokens. Only after the "
            "reasoning, write the final answer on the last line. Please Give the response by "
            "strictly following this format: [[answer]], for example: Answer: [[50]].\n",
        ),
        (
            "choice",
            "en",
            "Q?\n\nLet's think step by step. Only after the reasoning, write the final answer on "
            "the last line. Please Give the response by strictly following this format: "
            "[[choice]],for example: Choice: [[A]].\n",
            "Q?\n\nLet's think step by step and use less than 50 tokens. Only after the "
            "reasoning, write the final answer on the last line. Please Give the response by "
            "strictly following this format: [[choice]],for example: Choice: [[A]].\n",
        ),
        (
            "cloze",
            "cn",
            "Q?\n\n让我们一步一步思考。推理之后，在最后一行写出最终答案。"
            "请严格按照如下格式回答：[[答案]]，例如：答案: [[50]]。\n",
            "Q?\n\n让我们一步一步思考并使用少于 50 tokens。推理之后，在最后一行写出最终答案。"
            "请严格按照如下格式回答：[[答案]]，例如：答案: [[50]]。\n",
        ),
        (
            "choice",
            "cn",
            "Q?\n\n让我们一步一步思考。推理之后，在最后一行写出最终答案。"
            "请严格按照如下格式回答：[[选项]]，例如：选项: [[A]]。\n",
            "Q?\n\n让我们一步一步思考并使用少于 50 tokens。推理之后，在最后一行写出最终答案。"
            "请严格按照如下格式回答：[[选项]]，例如：选项: [[A]]。\n",
        ),
    ],
)
def test_prompts_with_the_answer_last(
    kind: QuestionKind, language: Language, cot: str, budgeted: str
) -> None:
    assert cot_prompt("Q?", kind, language, "bracketed", style="answer_last") == cot
    with_budget = cot_prompt("Q?", kind, language, "bracketed", budget=50, style="answer_last")
    assert with_budget == budgeted


@pytest.mark.parametrize(
    ("answer_format", "kind", "language", "line"),
    [
        (
            "answer_line",
            "cloze",
            "en",
            'The last line of your response must be of the form "ANSWER: $ANSWER" '
            "(without quotes), where $ANSWER is the answer to the question.",
        ),
        (
            "answer_line",
            "choice",
            "en",
            'The last line of your response must be of the form "ANSWER: $LETTER" '
            "(without quotes), where $LETTER is the letter of the right option.",
        ),
        (
            "answer_line",
            "cloze",
            "cn",
            "回答的最后一行必须是“ANSWER: $ANSWER”（不含引号），其中 $ANSWER 是问题的答案。",
        ),
        (
            "answer_line",
            "choice",
            "cn",
            "回答的最后一行必须是“ANSWER: $LETTER”（不含引号），其中 $LETTER 是正确选项的字母。",
        ),
        ("boxed", "cloze", "en", "Put your final answer within \\boxed{}."),
        ("boxed", "choice", "en", "Put the letter of the right option within \\boxed{}."),
        ("boxed", "cloze", "cn", "请将最终答案写在 \\boxed{} 中。"),
        ("boxed", "choice", "cn", "请将正确选项的字母写在 \\boxed{} 中。"),
    ],
)
def test_other_answer_formats_stand_where_the_papers_does(
    answer_format: AnswerFormat, kind: QuestionKind, language: Language, line: str
) -> None:
    for style in ("paper", "answer_last"):
        bracketed = cot_prompt("Q?", kind, language, "bracketed", budget=50, style=style)
        expected = bracketed.replace(ANSWER_FORMAT["bracketed", kind, language], line)
        assert cot_prompt("Q?", kind, language, answer_format, budget=50, style=style) == expected
        assert line in direct_prompt("Q?", kind, language, answer_format)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (
            direct_prompt("Q?", "cloze", "en", "none"),
            "Please answer the following question and give the answer directly without any "
            "reasoning process.\nQ: Q?",
        ),
        (
            direct_prompt("Q?", "choice", "en", "none"),
            "Please answer the following question directly and give the answer directly without "
            "any reasoning process.\nQ?\n",
        ),
        (direct_prompt("Q?", "cloze", "cn", "none"), "请直接回答下面的问题并直接给出答案。\nQ: Q?"),
        (
            direct_prompt("Q?", "choice", "cn", "none"),
            "Q?\n请直接回答下面的问题并直接给出答案的选项序号。\n",
        ),
        (cot_prompt("Q?", "cloze", "en", "none"), "Q: Q?\nLet's think step by step:\n"),
        (cot_prompt("Q?", "choice", "en", "none"), "Q?\nLet's think step by step:\n"),
        (
            cot_prompt("Q?", "cloze", "cn", "none", budget=9),
            "Q: Q?\n让我们一步一步思考并使用少于 9 tokens:\n",
        ),
        (cot_prompt("Q?", "choice", "cn", "none"), "Q?\n让我们一步一步思考：\n"),
        (
            cot_prompt("Q?", "cloze", "en", "none", style="answer_last"),
            "Q?\n\nLet's think step by step. Only after the reasoning, write the final answer on "
            "the last line.\n",
        ),
    ],
)
def test_without_an_answer_format_no_gap_is_left(prompt: str, expected: str) -> None:
    assert prompt == expected


def test_the_released_estimator_prompt() -> None:
    assert estimator_prompt("What is 1 + 1?") == (
        "Task: Analyze the given question and estimate the minimum number of tokens required to "
        "generate a complete and accurate response. Please Give the response by strictly "
        "following this format: [[budget]],for example: Budget: [[12]].\n\n"
        'Below is the question:\n\nQuestion: "What is 1 + 1?"\n'
    )


def test_the_appendixs_estimator_prompt() -> None:
    assert estimator_prompt("What is 1 + 1?", "appendix") == (
        "Task: Analyze the given question and estimate the minimum number of tokens required for "
        "reasoning. Please give the response by strictly following this format: [[budget]], for "
        "example, Budget: [[12]].\n\n"
        'Below is the question:\n\nQuestion: "What is 1 + 1?"\n'
    )


def test_options_are_lettered_one_a_line() -> None:
    assert with_options("How long?", ["12 cm", "15 cm"]) == OPTIONS_EN


@pytest.mark.parametrize("budget", [0, -1])
def test_a_budget_below_one_is_refused(budget: int) -> None:
    with pytest.raises(InvalidValueError, match=f"from 1 up, not {budget}"):
        cot_prompt("Q?", "cloze", "en", "bracketed", budget=budget)


EVERY_KIND = st.sampled_from(["cloze", "choice"])
EVERY_LANGUAGE = st.sampled_from(["en", "cn"])
EVERY_FORMAT = st.sampled_from(["bracketed", "answer_line", "boxed", "none"])
EVERY_STYLE = st.sampled_from(["paper", "answer_last"])
# a question may hold anything, such as the slots and texts of our own templates; the
# guillemets make it a text that no prompt holds already
FRAGMENTS = [
    "{budget}",
    "{question}",
    "{format}",
    "{trigger}",
    "{}",
    "[[50]]",
    "\\1",
    "%s",
    "Let's think step by step:\n",
    "让我们一步一步思考：\n",
    *ANSWER_FORMAT.values(),
]
QUESTIONS = st.lists(st.sampled_from(FRAGMENTS) | st.text(), max_size=4).map(
    lambda parts: f"«{''.join(parts)}»"
)


@given(QUESTIONS, EVERY_KIND, EVERY_LANGUAGE, EVERY_FORMAT, EVERY_STYLE)
def test_the_question_stands_verbatim_and_once_in_every_prompt(
    question: str, kind: QuestionKind, language: Language, answer_format: AnswerFormat, style: Style
) -> None:
    for prompt in (
        direct_prompt(question, kind, language, answer_format),
        cot_prompt(question, kind, language, answer_format, style=style),
        cot_prompt(question, kind, language, answer_format, budget=50, style=style),
        estimator_prompt(question),
        estimator_prompt(question, "appendix"),
    ):
        before, _, after = prompt.partition(question)
        assert prompt == before + question + after
        assert "«" not in before + after
        assert "{" not in (before + after).replace("\\boxed{}", "")


@given(
    EVERY_KIND,
    EVERY_LANGUAGE,
    EVERY_FORMAT,
    EVERY_STYLE,
    st.integers(min_value=1000, max_value=10**9),
)
def test_a_budget_stands_once_and_changes_nothing_else(
    kind: QuestionKind, language: Language, answer_format: AnswerFormat, style: Style, budget: int
) -> None:
    prompt = cot_prompt("Q?", kind, language, answer_format, budget=budget, style=style)
    other = cot_prompt("Q?", kind, language, answer_format, budget=7, style=style)
    assert prompt.count(str(budget)) == 1
    assert prompt.replace(str(budget), "7") == other
