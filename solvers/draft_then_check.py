"""Draft, then check: a direct answer first, and a chain of thought only where the model doubts it.

inspect eval tale_eval/gsm8k --solver tale_eval/draft_then_check

That a model is asked about its own answer is Kadavath et al.'s (arXiv 2207.05221); the words of
the check are ours. The other prompts are `direct`'s and `cot`'s.
"""

import re
from typing import Final

from inspect_ai.solver import solver

from tale_eval.asking.prompts import SYSTEM_PROMPT, Language, Style, cot_prompt, direct_prompt
from tale_eval.asking.question import FormatChoice, Question, Way
from tale_eval.budgets.plan import Ask, Plan, ReplyText, Steps
from tale_eval.budgets.sampling import answer_of
from tale_eval.grading.thinking import without_thinking
from tale_eval.inspect_ext.method import method
from tale_eval.settings import ESTIMATE_MAX_TOKENS

CHECK: Final[dict[Language, str]] = {
    "en": "Here is a question with an answer that somebody gave at once.\n\n"
    "Question: {question}\n\nAnswer given: {draft}\n\n"
    "Are you certain that this answer is right? Say yes only if nothing in it needs to be worked "
    "out again. Reply with one word, yes or no.\n",
    "cn": "下面是一道题目和一个直接给出的答案。\n\n题目：{question}\n\n给出的答案：{draft}\n\n"
    "你能确定这个答案是对的吗？只有在完全不需要重新推算时才说“是”。只回答一个词：是或否。\n",
}
_VERDICT = re.compile(r"\b(yes|no|not)\b|是|否|不", re.IGNORECASE)


@solver
@method
def draft_then_check(
    check_max_tokens: int = ESTIMATE_MAX_TOKENS,
    system_prompt: str = SYSTEM_PROMPT,
    answer_format: FormatChoice = "auto",
    style: Style = "paper",
) -> Plan:
    """Ask for a direct answer, and whether it is certainly right; if not, reason.

    Anything but a plain yes is a doubt. A draft in which no answer can be read is not checked.
    Every call is in the cost.

    Args:
        check_max_tokens: Cap on the reply to the check. Raise it for models that reason before
            they speak.
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto", "task", "bracketed", "answer_line", "answer_only", "boxed",
            "hashes" or "none".
        style: Of the chain of thought: "paper" (format line first) or "answer_last".
    """

    def steps(question: Question) -> Steps:
        draft: ReplyText = yield Ask(lambda q: direct_prompt(*q))
        if answer_of(draft, question) is not None:
            verdict: ReplyText = yield Ask(
                lambda q: checking(q, draft), purpose="helper", max_tokens=check_max_tokens
            )
            if is_sure(verdict):
                return draft
        return (yield Ask(lambda q: cot_prompt(*q, style=style)))

    return Plan(steps, Way(system_prompt, answer_format))


def checking(question: Question, draft: str) -> str:
    """Ask whether a draft is certainly right."""
    before, _, after = CHECK[question.language].partition("{question}")
    middle, _, end = after.partition("{draft}")
    return f"{before}{question.text.strip()}{middle}{draft.strip()}{end}"


def is_sure(verdict: str) -> bool:
    """Whether the first word that says it is a yes."""
    said, _ = without_thinking(verdict)
    found = _VERDICT.search(said)
    return found is not None and found[0].lower() in ("yes", "是")
