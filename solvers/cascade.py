"""Cascade: short answers first, and a chain of thought only where they do not agree.

inspect eval tale_eval/gsm8k --solver tale_eval/cascade -S drafts=3

The signal is that of Yue et al. (arXiv 2310.03094), the agreement of several cheap answers; there
a stronger model is asked next, here the same one at greater length. The prompts are `direct`'s
and `cot`'s.
"""

from inspect_ai.solver import solver

from tale_eval.asking.prompts import SYSTEM_PROMPT, Style, cot_prompt, direct_prompt
from tale_eval.asking.question import FormatChoice, Question, Way
from tale_eval.budgets.plan import Ask, Plan, ReplyText, Steps
from tale_eval.budgets.sampling import TEMPERATURE, agreeing, check_samples, draws
from tale_eval.inspect_ext.method import method


@solver
@method
def cascade(
    drafts: int = 2,
    temperature: float | None = TEMPERATURE,
    system_prompt: str = SYSTEM_PROMPT,
    answer_format: FormatChoice = "auto",
    style: Style = "paper",
) -> Plan:
    """Ask for direct answers; where they differ, or one is none, ask for a chain of thought.

    If all direct answers are the same (see `tale_eval.grading.same`), the first is the answer.
    Every call is in the cost.

    Args:
        drafts: Direct answers, from 2 up.
        temperature: Of these; none leaves the run's own, which must be above 0. The chain of
            thought has the run's own.
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto", "task", "bracketed", "answer_line", "answer_only", "boxed",
            "hashes" or "none".
        style: Of the chain of thought: "paper" (format line first) or "answer_last".
    """
    check_samples("drafts", drafts, temperature, least=2)
    short = draws(lambda question: direct_prompt(*question), drafts, temperature)

    def steps(question: Question) -> Steps:
        said: tuple[ReplyText, ...] = yield short
        if agreeing(said, question):
            return said[0]
        return (yield Ask(lambda q: cot_prompt(*q, style=style)))

    return Plan(steps, Way(system_prompt, answer_format))
