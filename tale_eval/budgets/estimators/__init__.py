"""Estimators: how many tokens a question needs, one estimator a file.

An estimator is found by its file's name (`ESTIMATOR` in the file), or in another package by the
entry point group `tale_eval.estimators`. All of its parameters are explicit in its constructor.

Some ask a model, others learn from searches (`tale_eval.budgets.learning`): these are fitted
first, and then named by their folder (`tale_eval.budgets.fitted`).
"""

import inspect
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from functools import cache
from time import perf_counter
from typing import Any, Protocol

from tale_eval.asking.question import Question
from tale_eval.budgets.plan import Ask
from tale_eval.budgets.reading import BudgetReading
from tale_eval.discovery import Registry
from tale_eval.errors import InvalidValueError

Estimating = Generator[Ask, str, BudgetReading]
"""Asks for which a reply is sent, if any, and at last the budget that was read."""


class Estimator(Protocol):
    """What estimates the budget of a question.

    One that learns has a method ``fit(searches) -> self`` beside it, and is told values of
    `tale_eval.budgets.needs.Search`.
    """

    def estimate(self, question: Question) -> Estimating | BudgetReading:
        """Estimate one question's budget: a generator of asks, or at once, asking nobody."""


@cache
def estimators() -> Registry[Callable[..., Estimator]]:
    """Every estimator's constructor by name."""
    return Registry(
        "estimator",
        package="tale_eval.budgets.estimators",
        group="tale_eval.estimators",
        pick=lambda module, stem: module.ESTIMATOR,
        read=lambda create, name: _checked(create),
    )


def make_estimator(name: str, offered: Mapping[str, object]) -> Estimator:
    """An estimator with those of the offered settings that its constructor names.

    Raises:
        UnknownNameError: There is no such estimator.
        InvalidValueError: It cannot be imported, or wants more than is offered.
    """
    create = estimators()[name]
    wanted = inspect.signature(create).parameters
    for key, parameter in wanted.items():
        needed = parameter.default is parameter.empty and not str(parameter).startswith("*")
        if needed and key not in offered:
            raise InvalidValueError(
                f"estimator {name}: its constructor's {str(parameter)!r} has no default, and only "
                f"{', '.join(offered) or 'nothing'} can be given: give it one"
            )
    return create(**{key: value for key, value in offered.items() if key in wanted})


def estimating(name: str, estimator: Estimator, question: Question) -> Estimating:
    """What an estimator asks, and what it read at last.

    Raises:
        InvalidValueError: It gives something else than asks and a reading.
    """
    begun = perf_counter()
    asking: Any = estimator.estimate(question)
    if isinstance(asking, BudgetReading):
        return replace(asking, seconds=perf_counter() - begun)
    reading: Any = (yield from asking) if isinstance(asking, Generator) else asking
    if not isinstance(reading, BudgetReading):
        raise InvalidValueError(
            f"estimator {name}: estimate() returned {reading!r}: return a BudgetReading "
            "(tale_eval.budgets.reading)"
        )
    return reading


def _checked(create: Any) -> Callable[..., Estimator]:
    if not callable(create) or not hasattr(create, "estimate"):
        raise TypeError("expected an estimator's class, with a method estimate(question)")
    checked: Callable[..., Estimator] = create
    return checked
