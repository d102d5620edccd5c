"""Vanilla chain of thought: step by step, no budget (paper section 5).

inspect eval tale_eval/gsm8k --solver tale_eval/cot
"""

from inspect_ai.solver import Generate, Solver, TaskState, solver

from tale_eval.asking.prompts import SYSTEM_PROMPT, Style
from tale_eval.inspect_ext.asking import Asking, FormatChoice, ask
from tale_eval.inspect_ext.method import method


@solver
@method
def cot(
    system_prompt: str = SYSTEM_PROMPT,
    answer_format: FormatChoice = "auto",
    style: Style = "paper",
) -> Solver:
    """Ask for step-by-step reasoning.

    Args:
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto", "bracketed", "answer_line", "boxed" or "none".
        style: "paper" (format line first) or "answer_last".
    """
    asking = Asking(system_prompt, answer_format, style)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state, _ = await ask(state, generate, asking)
        return state

    return solve
