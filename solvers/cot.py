"""Vanilla chain of thought: step by step, no budget (paper section 5).

inspect eval tale_eval/gsm8k --solver tale_eval/cot
"""

from inspect_ai.solver import solver

from tale_eval.asking.prompts import SYSTEM_PROMPT, Style, cot_prompt
from tale_eval.asking.question import FormatChoice, Way
from tale_eval.budgets.plan import Plan, single
from tale_eval.inspect_ext.method import method


@solver
@method
def cot(
    system_prompt: str = SYSTEM_PROMPT,
    answer_format: FormatChoice = "auto",
    style: Style = "paper",
) -> Plan:
    """Ask for step-by-step reasoning.

    Args:
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto", "bracketed", "answer_line", "boxed" or "none".
        style: "paper" (format line first) or "answer_last".
    """
    way = Way(system_prompt, answer_format)
    return single(lambda question: cot_prompt(*question, style=style), way)
