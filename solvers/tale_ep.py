"""TALE-EP: estimate each question's budget, then answer within it (paper section 4.1).

inspect eval tale_eval/gsm8k --solver tale_eval/tale_ep
inspect eval inspect_evals/gsm8k --solver tale_eval/tale_ep --model-role estimator=MODEL
"""

from inspect_ai.solver import solver

from tale_eval.asking.control import EFFORT_TABLE, MARGIN, PROMPT, WORDS_PER_TOKEN, control_of
from tale_eval.asking.prompts import SYSTEM_PROMPT, EstimatorWording, Style
from tale_eval.asking.question import FormatChoice, Question, Way
from tale_eval.budgets.estimators import estimating
from tale_eval.budgets.fitted import named_estimator, undivided
from tale_eval.budgets.plan import Plan, Steps, under_budget
from tale_eval.budgets.reading import bounded, check_bounds
from tale_eval.errors import InvalidValueError
from tale_eval.inspect_ext.method import method
from tale_eval.models.embeddings import embedder
from tale_eval.settings import ESTIMATE_MAX_TOKENS, ESTIMATOR_ROLE


@solver
@method
def tale_ep(
    system_prompt: str = SYSTEM_PROMPT,
    answer_format: FormatChoice = "auto",
    style: Style = "paper",
    estimator: str = "zero_shot",
    estimator_role: str = ESTIMATOR_ROLE,
    estimator_prompt: EstimatorWording = "released",
    estimator_max_tokens: int = ESTIMATE_MAX_TOKENS,
    estimator_samples: int = 5,
    estimator_hash: str | None = None,
    total: int | None = None,
    min_budget: int = 1,
    max_budget: int | None = None,
    default_budget: int | None = None,
    control: str = PROMPT,
    margin: int = MARGIN,
    words_per_token: float = WORDS_PER_TOKEN,
    effort_table: str = EFFORT_TABLE,
) -> Plan:
    """Ask an estimator for the question's budget, then reason in less than that.

    Where no budget can be read from the estimate, the question is answered by plain
    chain of thought (or under `default_budget`), and flagged as budget_missing.

    Args:
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto", "task", "bracketed", "answer_line", "answer_only", "boxed",
            "hashes" or "none".
        style: "paper" (format line first) or "answer_last".
        estimator: Who estimates: "zero_shot", the paper's; another of
            `tale_eval.budgets.estimators`; or a folder that ``tale-eval fit`` or
            ``tale-eval allocate`` wrote.
        estimator_role: Model role that estimates; the task's own model unless the
            role is bound (``--model-role estimator=MODEL``). A bound model has its own
            settings: Inspect gives it the task's temperature only where the user's
            command line does.
        estimator_prompt: "released" (the released code's wording) or "appendix"
            (appendix A.2's).
        estimator_max_tokens: Cap on the estimator's reply. Raise it for models that
            reason before they speak.
        estimator_samples: How often "several" asks.
        estimator_hash: The folder's estimator and the hash of its content, such as
            "knn-0123456789ab": another content is refused. The label has it in any case.
        total: Tokens that all questions of a run share, where a fitted estimator says that they
            help most. ``tale-eval compare`` divides them before it asks; elsewhere
            ``tale-eval allocate`` does, whose folder is then the estimator.
        min_budget: Smaller estimates are raised to this, and counted as clamped.
        max_budget: Larger estimates are lowered to this; None sets no bound.
        default_budget: Budget where none can be read; None is plain chain of thought.
        control: How the budget is imposed, here and below as
            `tale_eval.asking.control.control_of` has it.
        margin: For control=cap.
        words_per_token: For control=words.
        effort_table: For control=effort.
    """
    imposed = control_of(control, margin, words_per_token, effort_table)
    check_bounds(min_budget, max_budget)
    for name, value in (
        ("estimator_max_tokens", estimator_max_tokens),
        ("estimator_samples", estimator_samples),
        ("default_budget", default_budget),
        ("total", total),
    ):
        if value is not None and value < 1:
            raise InvalidValueError(f"{name}={value}: must be a whole number from 1 up")
    offered = {
        "role": estimator_role,
        "prompt": estimator_prompt,
        "max_tokens": estimator_max_tokens,
        "samples": estimator_samples,
    }
    made, pinned = named_estimator(estimator, offered, estimator_hash, embedder)
    if total is not None and min_budget > 1:
        raise InvalidValueError(
            f"min_budget={min_budget}: budgets that are raised are no part of total={total}: leave "
            "out one of the two"
        )
    unready = None if total is None else undivided(estimator, made, total)

    def steps(question: Question) -> Steps:
        estimated = yield from estimating(estimator, made, question)
        reading = bounded(estimated, min_budget, max_budget)
        tokens = default_budget if reading.budget is None else reading.budget
        yield under_budget(imposed, tokens, style, reading=reading)

    return Plan(steps, Way(system_prompt, answer_format), imposed, pinned=pinned, unready=unready)
