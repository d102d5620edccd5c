"""What the rows of each model and task are called. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from tale_eval.asking.variant import Variant, differing, label
from tale_eval.records import Labelled

Labels = Mapping[tuple[str, str, Variant], str]
"""By model, task, and method at its setting."""


def labels(found: Iterable[Labelled]) -> Labels:
    """The labels of all that are there: each shows what differs within its model and task."""
    groups: dict[tuple[str, str], set[Variant]] = defaultdict(set)
    for each in found:
        groups[each.model, each.task].add(each.variant)
    return {
        (model, task, variant): label(variant, keys)
        for (model, task), variants in groups.items()
        for keys in [differing(variants)]
        for variant in variants
    }


def label_of(each: Labelled, known: Labels) -> str:
    """What its row is called."""
    return known[each.model, each.task, each.variant]
