"""Budgeted chain of thought with one budget for every question (paper section 3).

inspect eval tale_eval/gsm8k --solver tale_eval/budget -S tokens=50
"""

from inspect_ai.solver import solver

from tale_eval.asking.prompts import SYSTEM_PROMPT, Style, cot_prompt
from tale_eval.asking.question import FormatChoice, Way
from tale_eval.budgets.plan import Plan, single
from tale_eval.errors import InvalidValueError
from tale_eval.inspect_ext.method import method


@solver
@method(example={"tokens": 50})  # the paper's first example (figure 1)
def budget(
    tokens: int,
    system_prompt: str = SYSTEM_PROMPT,
    answer_format: FormatChoice = "auto",
    style: Style = "paper",
) -> Plan:
    """Ask for step-by-step reasoning in less than a fixed number of tokens.

    The budget is a wish in the prompt, not a cap on generation.

    Args:
        tokens: The budget, from 1 up.
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto", "bracketed", "answer_line", "boxed" or "none".
        style: "paper" (format line first) or "answer_last".
    """
    if tokens < 1:
        raise InvalidValueError(f"tokens={tokens}: must be a whole number from 1 up")
    way = Way(system_prompt, answer_format)
    return single(
        lambda question: cot_prompt(*question, budget=tokens, style=style), way, budget=tokens
    )
