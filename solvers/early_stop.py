"""Early-stopping self-consistency: windows of chains of thought until one agrees
(Li et al., ICLR 2024, arXiv 2401.10480).

inspect eval tale_eval/gsm8k --solver tale_eval/early_stop -S window=5 -S max_samples=40
"""

from inspect_ai.solver import solver

from tale_eval.asking.prompts import SYSTEM_PROMPT, Style, cot_prompt
from tale_eval.asking.question import FormatChoice, Question, Way
from tale_eval.asking.shots import SHOTS_SEED
from tale_eval.budgets.plan import Plan, Steps
from tale_eval.budgets.sampling import TEMPERATURE, check_samples, check_total, draws, sampled
from tale_eval.datasets.examples import make_shots
from tale_eval.errors import InvalidValueError
from tale_eval.grading.vote import agreed
from tale_eval.inspect_ext.method import method


@solver
@method
def early_stop(
    window: int = 5,
    max_samples: int = 40,
    temperature: float | None = TEMPERATURE,
    max_total_tokens: int | None = None,
    shots: int = 0,
    shots_file: str | None = None,
    shots_seed: int = SHOTS_SEED,
    system_prompt: str = SYSTEM_PROMPT,
    answer_format: FormatChoice = "auto",
    style: Style = "paper",
) -> Plan:
    """Ask for chains of thought, a window at a time, until all of a window give one answer.

    If no window agrees, all chains vote, as in `self_consistency`. A window in which a chain
    gives no answer does not agree (in the authors' code five without an answer do). The defaults
    are the authors' for GSM8K.

    Args:
        window: Chains asked at once.
        max_samples: Chains in all, at most; what is left at the end is a smaller window.
        temperature: Of each; none leaves the run's own, which must be above 0.
        max_total_tokens: Output tokens of all chains together: no window is asked that would go
            beyond it if each chain were as long as the longest so far.
        shots: Worked examples to show, from the training split; 0 for none.
        shots_file: Worked examples of your own: rows of "question", "reasoning" and "answer".
        shots_seed: Draws the examples.
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto", "task", "bracketed", "answer_line", "answer_only", "boxed",
            "hashes" or "none".
        style: "paper" (format line first) or "answer_last".
    """
    check_samples("max_samples", max_samples, temperature)
    check_total(max_total_tokens)
    if not 2 <= window <= max_samples:
        raise InvalidValueError(
            f"window={window}: must be a whole number from 2 to max_samples={max_samples}: one "
            "chain agrees with itself"
        )
    asks = draws(lambda question: cot_prompt(*question, style=style), max_samples, temperature)
    windows = [asks[start : start + window] for start in range(0, max_samples, window)]

    def steps(question: Question) -> Steps:
        return (yield from sampled(question, windows, max_total_tokens, enough=agreed))

    return Plan(
        steps, Way(system_prompt, answer_format, shots=make_shots(shots, shots_file, shots_seed))
    )
