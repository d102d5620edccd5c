"""TALE-EP: estimate each question's budget, then answer within it (paper section 4.1).

inspect eval tale_eval/gsm8k --solver tale_eval/tale_ep
inspect eval inspect_evals/gsm8k --solver tale_eval/tale_ep --model-role estimator=MODEL
"""

from inspect_ai.model import (
    ChatMessage,
    ChatMessageSystem,
    ChatMessageUser,
    GenerateConfig,
    get_model,
    model_roles,
)
from inspect_ai.solver import Generate, Solver, TaskState, solver

from tale_eval.asking.prompts import SYSTEM_PROMPT, EstimatorWording, Style
from tale_eval.asking.prompts import estimator_prompt as prompt_for_estimate
from tale_eval.budgets.reading import BudgetReading, check_bounds, read_budget
from tale_eval.errors import InvalidValueError
from tale_eval.inspect_ext.asking import Asking, FormatChoice, ask, epoch_seed, question_of
from tale_eval.inspect_ext.method import method
from tale_eval.inspect_ext.record import ESTIMATOR_ROLE, record_call, record_estimate
from tale_eval.settings import ESTIMATE_MAX_TOKENS, MAX_RETRIES


@solver
@method
def tale_ep(
    system_prompt: str = SYSTEM_PROMPT,
    answer_format: FormatChoice = "auto",
    style: Style = "paper",
    estimator_role: str = ESTIMATOR_ROLE,
    estimator_prompt: EstimatorWording = "released",
    estimator_max_tokens: int = ESTIMATE_MAX_TOKENS,
    min_budget: int = 1,
    max_budget: int | None = None,
    default_budget: int | None = None,
) -> Solver:
    """Ask an estimator for the question's budget, then reason in less than that.

    Where no budget can be read from the estimate, the question is answered by plain
    chain of thought (or under `default_budget`), and flagged as budget_missing.

    Args:
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto", "bracketed", "answer_line", "boxed" or "none".
        style: "paper" (format line first) or "answer_last".
        estimator_role: Model role that estimates; the task's own model unless the
            role is bound (``--model-role estimator=MODEL``). A bound model has its own
            settings: Inspect gives it the task's temperature only where the user's
            command line does.
        estimator_prompt: "released" (the released code's wording) or "appendix"
            (appendix A.2's).
        estimator_max_tokens: Cap on the estimator's reply. Raise it for models that
            reason before they speak.
        min_budget: Smaller estimates are raised to this, and counted as clamped.
        max_budget: Larger estimates are lowered to this; None sets no bound.
        default_budget: Budget where none can be read; None is plain chain of thought.
    """
    check_bounds(min_budget, max_budget)
    for name, value in (
        ("estimator_max_tokens", estimator_max_tokens),
        ("default_budget", default_budget),
    ):
        if value is not None and value < 1:
            raise InvalidValueError(f"{name}={value}: must be a whole number from 1 up")
    asking = Asking(system_prompt, answer_format, style)

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        reading = await estimate(state)
        tokens = default_budget if reading.budget is None else reading.budget
        state, _ = await ask(state, generate, asking, budget=tokens)
        return state

    async def estimate(state: TaskState) -> BudgetReading:
        # an unbound role is the task's model itself: with default=, Inspect would copy it
        # and drop the task's temperature and seed
        bound = estimator_role in model_roles()
        model = get_model(role=estimator_role if bound else None)
        config = GenerateConfig(max_tokens=estimator_max_tokens, seed=epoch_seed(state, model))
        if bound and model.config.max_retries is None:
            # the task's settings do not reach it
            config.max_retries = MAX_RETRIES
        messages: list[ChatMessage] = [
            ChatMessageUser(content=prompt_for_estimate(question_of(state), estimator_prompt))
        ]
        if system_prompt:
            messages.insert(0, ChatMessageSystem(content=system_prompt))
        output = await model.generate(messages, config=config)
        reading = read_budget(output.completion, min_budget, max_budget)
        record_call(state, output, "estimate", model=model)
        record_estimate(state, reading)
        return reading

    return solve
