"""Estimators: how many tokens a question needs, one estimator a file.

An estimator is found by its file's name (`ESTIMATOR` in the file), or in another package by the
entry point group `tale_eval.estimators`. All of its parameters are explicit in its constructor.
"""

import inspect
from collections.abc import Callable, Generator, Mapping
from functools import cache
from typing import Any, Protocol

from tale_eval.asking.question import Question
from tale_eval.budgets.plan import Ask
from tale_eval.budgets.reading import BudgetReading
from tale_eval.discovery import Registry

Estimating = Generator[Ask, str, BudgetReading]
"""Asks for which a reply is sent, if any, and at last the budget that was read."""


class Estimator(Protocol):
    """What estimates the budget of a question.

    One that learns has a method ``fit(searches) -> self`` beside it.
    """

    def estimate(self, question: Question) -> Estimating:
        """Estimate one question's budget. One that asks nobody yields nothing."""


@cache
def estimators() -> Registry[Callable[..., Estimator]]:
    """Every estimator's constructor by name."""
    return Registry(
        "estimator",
        package="tale_eval.budgets.estimators",
        group="tale_eval.estimators",
        pick=lambda module, stem: module.ESTIMATOR,
        read=_checked,
    )


def make_estimator(name: str, offered: Mapping[str, object]) -> Estimator:
    """An estimator with those of the offered settings that its constructor names.

    Raises:
        UnknownNameError: There is no such estimator.
        InvalidValueError: It cannot be imported.
    """
    create = estimators()[name]
    wanted = inspect.signature(create).parameters
    return create(**{key: value for key, value in offered.items() if key in wanted})


def _checked(create: Any) -> Callable[..., Estimator]:
    if not callable(create) or not hasattr(create, "estimate"):
        raise TypeError("expected an estimator's class, with a method estimate(question)")
    checked: Callable[..., Estimator] = create
    return checked
