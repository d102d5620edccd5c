"""Self-consistency: several chains of thought, and a vote (Wang et al., arXiv 2203.11171).

inspect eval tale_eval/gsm8k --solver tale_eval/self_consistency -S samples=5
inspect eval tale_eval/gsm8k -T method=self_consistency:samples=40:max_total_tokens=600
"""

from inspect_ai.solver import solver

from tale_eval.asking.prompts import SYSTEM_PROMPT, Style, cot_prompt
from tale_eval.asking.question import FormatChoice, Question, Way
from tale_eval.asking.shots import SHOTS_SEED
from tale_eval.budgets.plan import Plan, Steps
from tale_eval.budgets.sampling import TEMPERATURE, check_samples, check_total, draws, sampled
from tale_eval.datasets.examples import make_shots
from tale_eval.inspect_ext.method import method


@solver
@method
def self_consistency(
    samples: int = 5,
    temperature: float | None = TEMPERATURE,
    max_total_tokens: int | None = None,
    shots: int = 0,
    shots_file: str | None = None,
    shots_seed: int = SHOTS_SEED,
    system_prompt: str = SYSTEM_PROMPT,
    answer_format: FormatChoice = "auto",
    style: Style = "paper",
) -> Plan:
    """Ask for several chains of thought, and answer with what most of them say.

    The answer is the first chain of thought that gives the winning answer; between equals, the
    answer that came first wins (see `tale_eval.grading.vote`). Every chain is in the cost.

    Args:
        samples: How many, at most.
        temperature: Of each; none leaves the run's own, which must be above 0.
        max_total_tokens: Output tokens of all chains together, for a comparison at equal tokens
            with one long answer. They are asked one after the other then, as long as one more,
            of the length of the longest so far, has room.
        shots: Worked examples to show, from the training split; 0 for none.
        shots_file: Worked examples of your own: rows of "question", "reasoning" and "answer".
        shots_seed: Draws the examples.
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto", "task", "bracketed", "answer_line", "answer_only", "boxed",
            "hashes" or "none".
        style: "paper" (format line first) or "answer_last".
    """
    check_samples("samples", samples, temperature)
    check_total(max_total_tokens)
    asks = draws(lambda question: cot_prompt(*question, style=style), samples, temperature)
    # under a cap each waits for what the one before it took
    groups = [asks] if max_total_tokens is None else [(ask,) for ask in asks]

    def steps(question: Question) -> Steps:
        return (yield from sampled(question, groups, max_total_tokens))

    return Plan(
        steps, Way(system_prompt, answer_format, shots=make_shots(shots, shots_file, shots_seed))
    )
