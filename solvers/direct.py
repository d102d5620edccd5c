"""Direct answering: the answer alone, without reasoning (paper section 5).

inspect eval tale_eval/gsm8k --solver tale_eval/direct
"""

from inspect_ai.solver import solver

from tale_eval.asking.prompts import SYSTEM_PROMPT, direct_prompt
from tale_eval.asking.question import FormatChoice, Way
from tale_eval.budgets.plan import Plan, single
from tale_eval.inspect_ext.method import method


@solver
@method
def direct(system_prompt: str = SYSTEM_PROMPT, answer_format: FormatChoice = "auto") -> Plan:
    """Ask for the answer without any reasoning.

    Args:
        system_prompt: Used where the task brings no system message; empty for none.
        answer_format: "auto", "task", "bracketed", "answer_line", "answer_only", "boxed",
            "hashes" or "none".
    """
    return single(lambda question: direct_prompt(*question), Way(system_prompt, answer_format))
