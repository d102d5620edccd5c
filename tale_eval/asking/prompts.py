"""Every prompt text, and the pure functions that build a prompt from them.

The texts for GSM8K, GSM8K-Zero and MathBench's choice questions are the paper's and its
released code's, to the letter (missing spaces included), since a changed character is a
changed experiment. Texts that the paper does not have are marked "ours"; where the released
code asks other questions in other words is told in docs/prompts.md.
Nothing here is ever modified at run time: a budget belongs to one prompt.
"""

import re
from collections.abc import Sequence
from typing import Final, Literal

from tale_eval.asking.shots import Shot
from tale_eval.errors import InvalidValueError

PROMPT_VERSION: Final = "1"
"""Raised whenever a text below changes, and written into every log."""

Language = Literal["en", "cn"]
QuestionKind = Literal["cloze", "choice"]
AnswerFormat = Literal["bracketed", "answer_line", "boxed", "hashes", "none"]
Style = Literal["paper", "answer_last"]
Unit = Literal["tokens", "words"]
"""In which a prompt names its limit."""
EstimatorWording = Literal["released", "appendix"]

SYSTEM_PROMPT: Final = "You are a helpful assistant."
"""The paper's system prompt (released code)."""

# --- What makes the model reason, and how much (paper section 4, figure 1) ---

TRIGGER: Final[dict[Language, str]] = {
    "en": "Let's think step by step:",
    "cn": "让我们一步一步思考：",
}
BUDGETED_TRIGGER: Final[dict[Language, str]] = {
    "en": "Let's think step by step and use less than {budget} tokens:",
    "cn": "让我们一步一步思考并使用少于 {budget} tokens:",
}
# ours: the paper names tokens alone. A Chinese text is counted in characters
TRIGGER_IN_WORDS: Final[dict[Language, str]] = {
    "en": "Let's think step by step and use at most {budget} words:",
    "cn": "让我们一步一步思考并使用最多 {budget} 个字：",
}

# --- How the answer is to be written ---

ANSWER_FORMAT: Final[dict[tuple[AnswerFormat, QuestionKind, Language], str]] = {
    # the paper's (figure 8 and released code)
    (
        "bracketed",
        "cloze",
        "en",
    ): "Please Give the response by strictly following this format: [[answer]], for example: Answer: [[50]].",
    (
        "bracketed",
        "choice",
        "en",
    ): "Please Give the response by strictly following this format: [[choice]],for example: Choice: [[A]].",
    ("bracketed", "choice", "cn"): "请严格按照如下格式回答：[[选项]]，例如：选项: [[A]]。",
    # ours: the released code states no format for Chinese cloze questions
    ("bracketed", "cloze", "cn"): "请严格按照如下格式回答：[[答案]]，例如：答案: [[50]]。",
    # ours: what Inspect's match() and choice() scorers read
    (
        "answer_line",
        "cloze",
        "en",
    ): 'The last line of your response must be of the form "ANSWER: $ANSWER" (without quotes), where $ANSWER is the answer to the question.',
    (
        "answer_line",
        "choice",
        "en",
    ): 'The last line of your response must be of the form "ANSWER: $LETTER" (without quotes), where $LETTER is the letter of the right option.',
    (
        "answer_line",
        "cloze",
        "cn",
    ): "回答的最后一行必须是“ANSWER: $ANSWER”（不含引号），其中 $ANSWER 是问题的答案。",
    (
        "answer_line",
        "choice",
        "cn",
    ): "回答的最后一行必须是“ANSWER: $LETTER”（不含引号），其中 $LETTER 是正确选项的字母。",
    ("boxed", "cloze", "en"): "Put your final answer within \\boxed{}.",
    (
        "boxed",
        "choice",
        "en",
    ): "Put the letter of the right option within \\boxed{}.",
    ("boxed", "cloze", "cn"): "请将最终答案写在 \\boxed{} 中。",
    ("boxed", "choice", "cn"): "请将正确选项的字母写在 \\boxed{} 中。",
    # Chain of Draft's (arXiv 2502.18600, configs/gsm8k_cod.yaml of its code)
    (
        "hashes",
        "cloze",
        "en",
    ): "Return the answer at the end of the response after a separator ####.",
    # ours: the published text has no choice and no Chinese questions
    (
        "hashes",
        "choice",
        "en",
    ): "Return the letter of the right option at the end of the response after a separator ####.",
    ("hashes", "cloze", "cn"): "请在回答的最后，在分隔符 #### 之后写出答案。",
    ("hashes", "choice", "cn"): "请在回答的最后，在分隔符 #### 之后写出正确选项的字母。",
}

# --- The answer of a worked example, in that format (ours; the bracketed ones as in the format's
# --- own example) ---

ANSWERED: Final[dict[tuple[AnswerFormat, QuestionKind, Language], str]] = {
    ("bracketed", "cloze", "en"): "Answer: [[{answer}]].",
    ("bracketed", "choice", "en"): "Choice: [[{answer}]].",
    ("bracketed", "cloze", "cn"): "答案: [[{answer}]]。",
    ("bracketed", "choice", "cn"): "选项: [[{answer}]]。",
}
ANSWERED_IN_ANY: Final[dict[AnswerFormat, str]] = {
    "answer_line": "ANSWER: {answer}",
    "boxed": "\\boxed{{answer}}",
    "hashes": "#### {answer}",
    "none": "The answer is {answer}.",
}

# --- Direct answering ---

DIRECT: Final[dict[tuple[QuestionKind, Language], str]] = {
    (
        "cloze",
        "en",
    ): "Please answer the following question and give the answer directly without any reasoning process. {format}\nQ: {question}",
    # "strictLy follow the format" is how the released code words the format here
    (
        "choice",
        "en",
    ): "Please answer the following question directly and give the answer directly without any reasoning process. {format}\n{question}\n",
    # ours: the released code's cloze prompt has no full stop and no format line
    ("cloze", "cn"): "请直接回答下面的问题并直接给出答案。{format}\nQ: {question}",
    (
        "choice",
        "cn",
    ): "{question}\n请直接回答下面的问题并直接给出答案的选项序号。{format}\n",
}
DIRECT_CHOICE_FORMAT_EN: Final = (
    "Please strictLy follow the format: [[choice]],for example: Choice: [[A]]."
)

# --- Chain of thought: format first, as in the paper ---

COT: Final[dict[tuple[QuestionKind, Language], str]] = {
    # no line break before the trigger: so it stands in the released code
    ("cloze", "en"): "Q: {question}\n{format}{trigger}\n",
    ("choice", "en"): "{question}\n{format}\n{trigger}\n",
    ("cloze", "cn"): "Q: {question}\n{format}\n{trigger}\n",
    ("choice", "cn"): "{question}\n{format}\n{trigger}\n",
}

# --- Chain of thought, format last (ours). Small models take the paper's order
# --- as a request for the bare answer; here the reasoning is asked for first.

COT_ANSWER_LAST: Final[dict[Language, str]] = {
    "en": "{question}\n\n{trigger_sentence} Only after the reasoning, write the final answer on the last line. {format}\n",
    "cn": "{question}\n\n{trigger_sentence}推理之后，在最后一行写出最终答案。{format}\n",
}
FULL_STOP: Final[dict[Language, str]] = {"en": ".", "cn": "。"}

# --- The zero-shot budget estimator ---

ESTIMATOR: Final[dict[EstimatorWording, str]] = {
    # released code
    "released": "Task: Analyze the given question and estimate the minimum number of tokens required to generate a complete and accurate response. Please Give the response by strictly following this format: [[budget]],for example: Budget: [[12]].\n\n"
    'Below is the question:\n\nQuestion: "{question}"\n',
    # appendix A.2's task sentence with figure 7's format sentence
    "appendix": "Task: Analyze the given question and estimate the minimum number of tokens required for reasoning. Please give the response by strictly following this format: [[budget]], for example, Budget: [[12]].\n\n"
    'Below is the question:\n\nQuestion: "{question}"\n',
}
ESTIMATOR_EXAMPLE: Final = 12
"""The number in the estimator prompt's own example: an estimate that merely echoes
it is counted apart."""


def with_options(question: str, options: list[str]) -> str:
    """A choice question followed by its options, one a line: ``A. first option``.

    Ends with a line break, as the released code's does.
    """
    lines = "".join(f"{letter(i)}. {option}\n" for i, option in enumerate(options))
    return f"{question}\n{lines}"


def options_in(question: str) -> list[str]:
    """The options of a question that `with_options` wrote; none of any other text."""
    starts = list(re.finditer(r"^A\. ", question, re.MULTILINE))
    if not starts or not question.endswith("\n"):
        return []
    rest = question[starts[-1].end() :]
    options: list[str] = []
    # an option may have several lines, so each ends where the next letter begins one
    while (found := re.search(rf"^{letter(len(options) + 1)}\. ", rest, re.MULTILINE)) is not None:
        options.append(rest[: found.start() - 1])
        rest = rest[found.end() :]
    return [*options, rest.removesuffix("\n")]


def letter(index: int) -> str:
    """The letter of option ``index``: 0 is A; after Z come 1, 2, …, as Inspect counts them."""
    return chr(ord("A") + index) if index < 26 else str(index - 25)


def direct_prompt(
    question: str,
    kind: QuestionKind,
    language: Language,
    answer_format: AnswerFormat,
    shots: Sequence[Shot] = (),
) -> str:
    """Ask for the answer without any reasoning (paper section 5, "Directly Answering").

    Of worked examples it shows the answers alone.
    """
    text = format_text(answer_format, kind, language)
    if (answer_format, kind, language) == ("bracketed", "choice", "en"):
        text = DIRECT_CHOICE_FORMAT_EN

    def asked(question: str) -> str:
        return _fill(DIRECT[kind, language], question, format=text)

    answered = (
        f"{asked(shot.question).rstrip()}\n{answer_text(shot.answer, answer_format, kind, language)}"
        "\n\n"
        for shot in shots
    )
    return "".join([*answered, asked(question)])


def cot_prompt(
    question: str,
    kind: QuestionKind,
    language: Language,
    answer_format: AnswerFormat,
    shots: Sequence[Shot] = (),
    *,
    budget: int | None = None,
    style: Style = "paper",
    unit: Unit = "tokens",
) -> str:
    """Ask for step-by-step reasoning, under a budget if one is given.

    Args:
        question: The question, options included (see `with_options`).
        kind: Free answer ("cloze") or single choice.
        language: Language of the instructions.
        answer_format: How the answer is to be written.
        shots: Worked examples to show before it, each as it would be asked itself.
        budget: Tokens that the model is told to stay below; None is vanilla CoT.
        style: "paper" states the answer format before the reasoning,
            "answer_last" after it.
        unit: "words" makes the budget a limit in words, in Chinese in characters.

    Raises:
        InvalidValueError: If the budget is below 1.
    """
    trigger = _trigger(language, budget, unit)
    return triggered_prompt(
        question, kind, language, answer_format, shots, trigger=trigger, style=style
    )


def triggered_prompt(
    question: str,
    kind: QuestionKind,
    language: Language,
    answer_format: AnswerFormat,
    shots: Sequence[Shot] = (),
    *,
    trigger: str,
    style: Style = "paper",
) -> str:
    """`cot_prompt` with other words in place of "Let's think step by step:"."""

    def asked(question: str) -> str:
        text = format_text(answer_format, kind, language)
        if style == "paper":
            return _fill(COT[kind, language], question, format=text, trigger=trigger)
        sentence = trigger.rstrip(":：")
        sentence += "" if sentence.endswith((".", "。")) else FULL_STOP[language]
        return _fill(COT_ANSWER_LAST[language], question, trigger_sentence=sentence, format=text)

    worked = (
        f"{asked(shot.question)}{shot.reasoning}\n"
        f"{answer_text(shot.answer, answer_format, kind, language)}\n\n"
        for shot in shots
    )
    return "".join([*worked, asked(question)])


def answer_text(
    answer: str, answer_format: AnswerFormat, kind: QuestionKind, language: Language
) -> str:
    """An answer as the format wants it, such as "Answer: [[50]]."."""
    text = ANSWERED.get((answer_format, kind, language)) or ANSWERED_IN_ANY[answer_format]
    return text.replace("{answer}", answer)


def estimator_prompt(question: str, wording: EstimatorWording = "released") -> str:
    """Ask how many tokens the question needs (paper section 4.1 and appendix A.2).

    The paper's estimator speaks English to questions of either language. The
    question comes without the answer format, whose "[[50]]" could be read as a budget.
    """
    return _fill(ESTIMATOR[wording], question)


def _trigger(language: Language, budget: int | None, unit: Unit) -> str:
    if budget is None:
        return TRIGGER[language]
    if budget < 1:
        raise InvalidValueError(f"a token budget is a whole number from 1 up, not {budget}")
    triggers = BUDGETED_TRIGGER if unit == "tokens" else TRIGGER_IN_WORDS
    return triggers[language].replace("{budget}", str(budget))


def format_text(answer_format: AnswerFormat, kind: QuestionKind, language: Language) -> str:
    """The sentence that asks for an answer format; empty for none."""
    return "" if answer_format == "none" else ANSWER_FORMAT[answer_format, kind, language]


def _fill(template: str, question: str, **slots: str) -> str:
    """Fill the slots, the question last: its own braces are left alone."""
    if slots.get("format") == "":
        # no format line: its slot goes with the space or line break beside it
        template = template.replace(" {format}", "").replace("{format}\n{", "{")
    for name, text in slots.items():
        template = template.replace(f"{{{name}}}", text)
    before, _, after = template.partition("{question}")
    return f"{before}{question}{after}"
