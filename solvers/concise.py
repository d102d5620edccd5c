"""Short answers by one sentence in the prompt: the family of concise chains of thought.

inspect eval tale_eval/gsm8k --solver tale_eval/concise -S variant=be_concise
inspect eval tale_eval/gsm8k --solver tale_eval/concise -S variant=words -S limit=45
"""

from dataclasses import dataclass
from typing import Final, Literal, get_args

from inspect_ai.solver import solver

from tale_eval.asking.prompts import SYSTEM_PROMPT, Style, triggered_prompt
from tale_eval.asking.question import FormatChoice, Question, Way
from tale_eval.budgets.plan import Ask, Plan, Steps
from tale_eval.errors import InvalidValueError
from tale_eval.inspect_ext.method import method

Variant = Literal[
    "be_concise",
    "words",
    "sentences",
    "short",
    "compact",
    "brief",
    "summary",
    "step_by_step",
    "think_concise",
    "no_explanation",
    "bullets",
    "only_numbers",
    "no_spaces",
    "no_grammar",
    "abbreviate",
    "word_limit",
    "letter_limit",
    "token_limit",
    "step_limit",
    "chinese",
    "chinese_limit",
]

CCOT = "Renze & Guven, arXiv 2401.05618; jhu-concise-cot, source/agents/concise_agent.py (BSD-2)"
CONSTRAINED = "Nayab et al., arXiv 2407.19825; concise-reasoning, src/prompt.py (MIT)"
SELF_TRAINING = "Munkhbat et al., arXiv 2502.20122; concise-reasoning, src/prompt.py (MIT)"
COMPLEXITY = "Lee et al., arXiv 2503.01141; compressed-cot, cot_prompts.json"
OURS = "ours"


@dataclass(frozen=True)
class Wording:
    """A published instruction.

    Attributes:
        text: To the letter; "{n}" stands for the limit. What it says of the format of the answer
            is left out, and stands where every other method has it.
        source: Where it is published.
        limit: Of what "{n}" limits the number: a name of `Call.controls` where that has one.
    """

    text: str
    source: str
    limit: str | None = None


WORDINGS: Final[dict[Variant, Wording]] = {
    "be_concise": Wording(
        "Think step-by-step through the problem to ensure you have the correct answer. Be concise.",
        CCOT,
    ),
    "words": Wording(
        "Let’s think a bit step by step and limit the answer length to {n} words.",
        CONSTRAINED,
        "words",
    ),
    "sentences": Wording("Let's think step by step in at most {n} sentences.", OURS, "sentences"),
    "short": Wording(
        "Give concise step by step reasoning before you answer. Only retain key steps such as "
        "names, objects, numbers and mathematical operations. Use short plain words. Don't use "
        "any formatting such as emphasis, lists, or enumeration. Make sure that the intermediate "
        "results are presented in the order that they are calculated.",
        SELF_TRAINING,
    ),
    "compact": Wording(
        "Give step by step reasoning before you answer. Use less words and more compact "
        "expressions to be concise.",
        SELF_TRAINING,
    ),
    "brief": Wording(
        "Carefully solve the problem step by step, while using *as few words are possible*. Be "
        "careful about your choice of words. Use only necessary and essential steps. Avoid extra "
        "words. Avoid repetition. Avoid verbose statements. Avoid introductory remarks.",
        SELF_TRAINING,
    ),
    "summary": Wording(
        "Give step by step reasoning before you answer. You don’t need unnecessary explanations; "
        "you can solve problems using only essential words and expressions. Summarize your thought "
        "process as simply as possible and provide your answer. Do not generate only the final "
        "answer.",
        SELF_TRAINING,
    ),
    "step_by_step": Wording("Think step by step before answering.", COMPLEXITY),
    "think_concise": Wording("Think step by step before answering, but be concise.", COMPLEXITY),
    "no_explanation": Wording(
        "Only give the final answer. Do not give any explanation.", COMPLEXITY
    ),
    "bullets": Wording("Only use bullet points. Do not use complete sentences.", COMPLEXITY),
    "only_numbers": Wording(
        "Only use numbers or equations in your steps. Use as few words as possible.", COMPLEXITY
    ),
    "no_spaces": Wording(
        "Do not use any spaces or line breaks. For example, instead of 'since 20 + 4 = 24' respond "
        "with 'since20+4=24'.",
        COMPLEXITY,
    ),
    "no_grammar": Wording(
        "Do not use proper grammar. Avoid using connecting words like 'and', 'since', 'but', or "
        "'then', etc.",
        COMPLEXITY,
    ),
    "abbreviate": Wording(
        "Abbreviate words as much as possible. Remove vowels. For example, you can replace "
        "'concept' with 'cncpt'.",
        COMPLEXITY,
    ),
    "word_limit": Wording("Only use {n} words for your answer.", COMPLEXITY, "words"),
    "letter_limit": Wording("Only use {n} letters for your answer.", COMPLEXITY, "letters"),
    "token_limit": Wording("Only use {n} tokens for your answer.", COMPLEXITY, "prompt"),
    "step_limit": Wording(
        "List your steps (e.g. 'Step 1', 'Step 2', ...). Use at most {n} steps.",
        COMPLEXITY,
        "steps",
    ),
    "chinese": Wording("Respond in Chinese.", COMPLEXITY),
    "chinese_limit": Wording(
        "Respond in Chinese, but use at most {n} characters.", COMPLEXITY, "letters"
    ),
}
"""Every wording. They are English whatever the question's language, as they are published."""

_IN_LEDGER = ("words", "prompt")


@solver
@method
def concise(
    variant: Variant = "be_concise",
    limit: int | None = None,
    style: Style = "paper",
    system_prompt: str = SYSTEM_PROMPT,
    answer_format: FormatChoice = "auto",
) -> Plan:
    """Ask for short reasoning, in words that others have published.

    The words stand where "Let's think step by step:" stands in plain chain of thought; all else
    in the prompt is the same.

    Args:
        variant: Which words: see `WORDINGS`, or docs/methods.md.
        limit: How many words, sentences, steps, letters or tokens; for the variants that name a
            number, and for those alone.
        style: "paper" (format line first) or "answer_last".
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto", "task", "bracketed", "answer_line", "answer_only", "boxed",
            "hashes" or "none".
    """
    wording = WORDINGS[variant]
    _check_limit(variant, wording, limit)
    instruction = wording.text.replace("{n}", str(limit))
    controls = {wording.limit: limit} if wording.limit in _IN_LEDGER and limit else {}

    def words(question: Question) -> str:
        return triggered_prompt(*question, trigger=instruction, style=style)

    def steps(question: Question) -> Steps:
        yield Ask(words, budget=controls.get("prompt"), controls=controls)

    return Plan(steps, Way(system_prompt, answer_format))


def _check_limit(variant: Variant, wording: Wording, limit: int | None) -> None:
    limited = ", ".join(name for name in get_args(Variant) if WORDINGS[name].limit)
    if wording.limit is None and limit is not None:
        raise InvalidValueError(
            f"limit={limit}: variant={variant} names no number; leave it out, or take one of "
            f"{limited}"
        )
    if wording.limit is not None and (limit is None or limit < 1):
        raise InvalidValueError(
            f"limit={limit}: variant={variant} needs a whole number from 1 up, as in "
            f"concise:variant={variant}:limit=50"
        )
