"""One setting of several: at another effort or cap a model writes another kind of answer. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from tale_eval.asking.variant import Variant, differing, label
from tale_eval.errors import InvalidValueError, UnknownNameError

Item = TypeVar("Item")


def of_one_setting(
    items: Sequence[Item],
    variant_of: Callable[[Item], Variant],
    asked: Iterable[str],
    why: str,
) -> list[Item]:
    """What was written at the asked setting.

    Args:
        items: Answers, or searches.
        variant_of: The method and the setting of each.
        asked: What of the setting must be so, such as "reasoning_effort=high"; "default" is
            what leaves it to the provider.
        why: Why several must not be mixed, in an error.

    Raises:
        InvalidValueError: One method is there at several settings; what is asked is no setting.
        UnknownNameError: Nothing is there at the asked setting.
    """
    pairs = [_pair(text) for text in asked]
    chosen = [
        item for item in items if all(variant_of(item).has(key, value) for key, value in pairs)
    ]
    if items and not chosen:
        every = {variant_of(item) for item in items}
        raise UnknownNameError("setting", ", ".join(asked), _settings(every))
    _check_one(map(variant_of, chosen), why)
    return chosen


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key or not value:
        raise InvalidValueError(
            f"--setting {text!r}: write NAME=VALUE, as in reasoning_effort=high; several settings "
            "are given one by one"
        )
    return key, value


def _check_one(variants: Iterable[Variant], why: str) -> None:
    of_method: dict[str, set[Variant]] = defaultdict(set)
    for variant in variants:
        of_method[variant.method].add(variant)
    for method, found in sorted(of_method.items()):
        if len(found) > 1:
            raise InvalidValueError(
                f"these logs hold {method} at {len(found)} settings, and {why}: choose one with "
                f"--setting, or name the logs of one: {'; '.join(_settings(found))}"
            )


def _settings(variants: Iterable[Variant]) -> list[str]:
    """In what they differ, as a label shows it."""
    found = {Variant("", variant.setting) for variant in variants}
    keys = differing(found) or frozenset(k for v in found for k in v.setting.values)
    return sorted({label(variant, keys).removeprefix(" · ") for variant in found})
