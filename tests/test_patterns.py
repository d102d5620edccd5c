"""The readers' patterns are compiled when they are first used, and every one can be."""

import copy
import importlib
import pkgutil
import re
from types import ModuleType

import pytest

import tale_eval.asking
import tale_eval.grading
from tale_eval.budgets import reading
from tale_eval.patterns import _Pattern, pattern
from tale_eval.shown import masking
from tale_eval.tokens import ledger

# a module that begins with an underscore runs when it is imported
READERS = [
    reading,
    ledger,
    masking,
    *(
        importlib.import_module(f"{room.__name__}.{found.name}")
        for room in (tale_eval.asking, tale_eval.grading)
        for found in pkgutil.iter_modules(room.__path__)
        if not found.name.startswith("_")
    ),
]


def patterns_of(module: ModuleType) -> dict[str, _Pattern]:
    return {name: value for name, value in vars(module).items() if isinstance(value, _Pattern)}


@pytest.mark.parametrize("module", READERS, ids=lambda module: module.__name__)
def test_every_pattern_can_be_compiled(module: ModuleType) -> None:
    # what import found while they were compiled there
    for name, lazy in patterns_of(module).items():
        assert isinstance(re.compile(lazy.pattern, lazy._flags), re.Pattern), name


def test_the_readers_have_patterns() -> None:
    assert sum(len(patterns_of(module)) for module in READERS) > 100


def test_a_pattern_does_what_the_compiled_one_does() -> None:
    lazy, compiled = pattern("(a)(b)?", re.IGNORECASE), re.compile("(a)(b)?", re.IGNORECASE)
    assert lazy.pattern == compiled.pattern
    assert lazy.flags == compiled.flags
    assert lazy.sub("-", "xAbA") == compiled.sub("-", "xAbA") == "x--"
    assert [m.span() for m in lazy.finditer("abA")] == [(0, 2), (2, 3)]
    assert copy.deepcopy(lazy).search("BA") is not None


def test_a_mistake_is_found_at_the_first_use() -> None:
    wrong = pattern("(")
    with pytest.raises(re.error):
        wrong.search("")
