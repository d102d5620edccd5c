"""The door to lm-evaluation-harness: the same methods as lm-eval tasks.

`register` makes lm_eval know our tasks and count tokens; importing this package loads
neither lm_eval nor torch.
"""

import importlib.util

from tale_eval.errors import MissingExtraError


def register(method: str | None = None) -> None:
    """Make lm_eval in this process know our tasks, and its models count their tokens.

    Afterwards ``lm_eval.simple_evaluate(model="hf", tasks=["tale_gsm8k_tale_ep"], ...)`` works.

    Args:
        method: Goes around every task that is loaded from then on, such as "tale_ep"; "own"
            asks them as they are and counts. For tasks of others: ours have their method.

    Raises:
        MissingExtraError: lm_eval is not installed.
        UnknownNameError, InvalidValueError: No such method, or none that lm_eval can follow.
    """
    if importlib.util.find_spec("lm_eval") is None:
        raise MissingExtraError("lm-evaluation-harness", "lm-eval")
    from tale_eval.lm_eval_ext.registration import register_models, register_tasks

    label = None
    if method is not None:
        from tale_eval.lm_eval_ext.around import checked_method

        label = checked_method(method)
    register_models()
    register_tasks(method=label)
