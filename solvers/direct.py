"""Direct answering: the answer alone, without reasoning (paper section 5).

inspect eval tale_eval/gsm8k --solver tale_eval/direct
"""

from inspect_ai.solver import Generate, Solver, TaskState, solver

from tale_eval.asking.prompts import SYSTEM_PROMPT
from tale_eval.inspect_ext.asking import Asking, FormatChoice, ask
from tale_eval.inspect_ext.method import method


@solver
@method
def direct(system_prompt: str = SYSTEM_PROMPT, answer_format: FormatChoice = "auto") -> Solver:
    """Ask for the answer without any reasoning.

    Args:
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto", "bracketed", "answer_line", "boxed" or "none".
    """
    asking = Asking(system_prompt, answer_format, reasoning=False)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        state, _ = await ask(state, generate, asking)
        return state

    return solve
