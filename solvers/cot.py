"""Vanilla chain of thought: step by step, no budget (paper section 5).

inspect eval tale_eval/gsm8k --solver tale_eval/cot
"""

from inspect_ai.solver import solver

from tale_eval.asking.prompts import SYSTEM_PROMPT, Style, cot_prompt
from tale_eval.asking.question import FormatChoice, Way
from tale_eval.asking.shots import SHOTS_SEED
from tale_eval.budgets.plan import Plan, single
from tale_eval.datasets.examples import make_shots
from tale_eval.inspect_ext.method import method


@solver
@method
def cot(
    system_prompt: str = SYSTEM_PROMPT,
    answer_format: FormatChoice = "auto",
    style: Style = "paper",
    shots: int = 0,
    shots_file: str | None = None,
    shots_seed: int = SHOTS_SEED,
) -> Plan:
    """Ask for step-by-step reasoning.

    Args:
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto", "task", "bracketed", "answer_line", "answer_only", "boxed",
            "hashes" or "none".
        style: "paper" (format line first) or "answer_last".
        shots: Worked examples to show, from the training split; 0 for none.
        shots_file: Worked examples of your own: rows of "question", "reasoning" and "answer".
        shots_seed: Draws the examples.
    """
    way = Way(system_prompt, answer_format, shots=make_shots(shots, shots_file, shots_seed))
    return single(lambda question: cot_prompt(*question, style=style), way)
