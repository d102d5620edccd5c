"""Budgeted chain of thought with one budget for every question (paper section 3).

inspect eval tale_eval/gsm8k --solver tale_eval/budget -S tokens=50
inspect eval tale_eval/gsm8k --solver tale_eval/budget -S tokens=50 -S control=prompt+cap
"""

from inspect_ai.solver import solver

from tale_eval.asking.control import EFFORT_TABLE, MARGIN, PROMPT, WORDS_PER_TOKEN, control_of
from tale_eval.asking.prompts import SYSTEM_PROMPT, Style
from tale_eval.asking.question import FormatChoice, Question, Way
from tale_eval.asking.shots import SHOTS_SEED
from tale_eval.budgets.plan import Plan, Steps, under_budget
from tale_eval.datasets.examples import make_shots
from tale_eval.errors import InvalidValueError
from tale_eval.inspect_ext.method import method


@solver
@method(example={"tokens": 50})  # the paper's first example (figure 1)
def budget(
    tokens: int,
    system_prompt: str = SYSTEM_PROMPT,
    answer_format: FormatChoice = "auto",
    style: Style = "paper",
    control: str = PROMPT,
    margin: int = MARGIN,
    words_per_token: float = WORDS_PER_TOKEN,
    effort_table: str = EFFORT_TABLE,
    shots: int = 0,
    shots_file: str | None = None,
    shots_seed: int = SHOTS_SEED,
) -> Plan:
    """Ask for step-by-step reasoning in less than a fixed number of tokens.

    By default the budget is a wish in the prompt; `control` imposes it in other ways.

    Args:
        tokens: The budget, from 1 up.
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto", "task", "bracketed", "answer_line", "answer_only", "boxed",
            "hashes" or "none".
        style: "paper" (format line first) or "answer_last".
        control: How the budget is imposed, here and below as
            `tale_eval.asking.control.control_of` has it.
        margin: For control=cap.
        words_per_token: For control=words.
        effort_table: For control=effort.
        shots: Worked examples to show, from the training split; 0 for none.
        shots_file: Worked examples of your own: rows of "question", "reasoning" and "answer".
        shots_seed: Draws the examples.
    """
    if tokens < 1:
        raise InvalidValueError(f"tokens={tokens}: must be a whole number from 1 up")
    imposed = control_of(control, margin, words_per_token, effort_table)

    def steps(question: Question) -> Steps:
        yield under_budget(imposed, tokens, style)

    return Plan(
        steps,
        Way(system_prompt, answer_format, shots=make_shots(shots, shots_file, shots_seed)),
        imposed,
        budget=tokens,
    )
