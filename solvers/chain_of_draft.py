"""Chain of Draft: step by step, each step a draft of a few words (Xu et al., arXiv 2502.18600).

inspect eval tale_eval/gsm8k --solver tale_eval/chain_of_draft
inspect eval tale_eval/gsm8k --solver tale_eval/chain_of_draft -S shots=4
"""

from inspect_ai.solver import solver

from tale_eval.asking.prompts import SYSTEM_PROMPT, answer_text, format_text
from tale_eval.asking.question import FormatChoice, Question, Way
from tale_eval.asking.shots import SHOTS_SEED, Shot
from tale_eval.budgets.plan import Plan, single
from tale_eval.datasets.examples import make_shots
from tale_eval.errors import InvalidValueError
from tale_eval.inspect_ext.method import method

# github.com/sileix/chain-of-draft, configs/gsm8k_cod.yaml, to the letter; its second sentence is
# the answer format "hashes"
INSTRUCTION = (
    "Think step by step, but only keep minimum draft for each thinking step, "
    "with {words} words at most."
)


@solver
@method
def chain_of_draft(
    words: int = 5,
    shots: int = 0,
    shots_file: str | None = None,
    shots_seed: int = SHOTS_SEED,
    system_prompt: str = SYSTEM_PROMPT,
    answer_format: FormatChoice = "auto",
) -> Plan:
    """Ask for a draft of a few words a step, and the answer behind a separator.

    Its authors show worked examples, without which they report far less of a saving. Theirs are
    not shipped: examples come from the benchmark's training split, whose calculations alone are
    shown, or from a file.

    Args:
        words: Of each step, at most.
        shots: Worked examples to show, from the training split; 0 for none.
        shots_file: Worked examples of your own: rows of "question", "reasoning" (the draft) and
            "answer".
        shots_seed: Draws the examples.
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto" (its own, "hashes", on our tasks), "task", "bracketed", "answer_line",
            "answer_only", "boxed", "hashes" or "none".
    """
    if words < 1:
        raise InvalidValueError(f"words={words}: must be a whole number from 1 up")
    instruction = INSTRUCTION.replace("{words}", str(words))
    wanted = make_shots(shots, shots_file, shots_seed, drafts=True)
    way = Way(system_prompt, answer_format, own_format="hashes", shots=wanted)
    return single(lambda question: drafting(question, instruction), way)


def drafting(question: Question, instruction: str) -> str:
    """The prompt, laid out as the authors' code lays it out (utils.py, compose_request)."""
    kind, language = question.kind, question.language
    asked = [instruction, format_text(question.answer_format, kind, language)]

    def row(shot: Shot) -> str:
        answer = answer_text(shot.answer, question.answer_format, kind, language)
        draft = (shot.draft or "").rstrip(".")
        return f"Q: {shot.question}\nA: {draft}{'. ' if draft else ''}{answer}\n"

    rows = [*map(row, question.shots), f"Q: {question.text}\nA: \n"]
    return "\n".join(filter(None, asked)) + "\n\n" + "\n".join(rows)
