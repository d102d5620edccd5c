"""The paper's estimator: a model is asked, without an example of its own (paper section 4.1)."""

from dataclasses import dataclass

from tale_eval.asking.prompts import EstimatorWording, estimator_prompt
from tale_eval.asking.question import Question
from tale_eval.budgets.estimators import Estimating
from tale_eval.budgets.plan import Ask
from tale_eval.budgets.reading import read_budget
from tale_eval.settings import ESTIMATE_MAX_TOKENS, ESTIMATOR_ROLE


@dataclass(frozen=True)
class ZeroShot:
    """Ask a model how many tokens the question needs.

    Args:
        role: Model role that estimates; the task's own model unless the role is bound.
        prompt: "released" (the released code's wording) or "appendix" (appendix A.2's).
        max_tokens: Cap on the reply.
    """

    role: str = ESTIMATOR_ROLE
    prompt: EstimatorWording = "released"
    max_tokens: int = ESTIMATE_MAX_TOKENS

    def estimate(self, question: Question) -> Estimating:
        """Ask once, and read the reply."""
        reply = yield Ask(
            lambda q: estimator_prompt(q.text, self.prompt),
            purpose="estimate",
            role=self.role,
            max_tokens=self.max_tokens,
        )
        return read_budget(reply)


ESTIMATOR = ZeroShot
