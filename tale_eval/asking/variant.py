"""A method at a setting: what a row of a table is about, within a model and task. Pure.

"cot · reasoning_effort=high": the label shows only the settings in which the rows differ.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from hashlib import sha256

from tale_eval.asking.setting import Setting
from tale_eval.patterns import pattern

DEFAULT = "default"
"""What a label says of a setting that others have and this one leaves to the provider."""

_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_LONGEST = 24  # characters of a value that a label shows
# as labels are, and as it is typed more easily; a foreign method may have a comma itself
_WRITTEN = [pattern(rf"(?P<method>.*?)\s*{mark}\s*(?P<rest>[\w.]+=.*)", re.DOTALL) for mark in "·,"]
_NEXT = pattern(r",\s*(?=[\w.]+=)")


@dataclass(frozen=True)
class Variant:
    """A method at a setting.

    Attributes:
        method: As logs and users write it.
        setting: The generation settings that it was run with.
    """

    method: str
    setting: Setting = field(default_factory=Setting)

    def only(self, keys: frozenset[str]) -> "Variant":
        """The same method at the part of its setting under these names."""
        return Variant(self.method, self.setting.only(keys))

    def has(self, name: str, value: str) -> bool:
        """Whether its setting is this one, by name and value as a label shows them."""
        return value in {said for key in self._named(name) for said in _spellings(self, key)}

    def _named(self, name: str) -> list[str]:
        return [key for key in self.setting.values if _ends(key, name)] or [name]


def differing(variants: Iterable[Variant]) -> frozenset[str]:
    """The settings in which these differ; that one of them leaves one out is a difference."""
    settings = {variant.setting for variant in variants}
    names = {name for setting in settings for name in setting.values}
    return frozenset(n for n in names if len({s.values.get(n) for s in settings}) > 1)


def label(variant: Variant, keys: Collection[str]) -> str:
    """The method, and its setting under these names: "cot · reasoning_effort=high".

    A nested name is shown by its end where that is unambiguous, and a long value by its
    beginning and four letters that no other value has.
    """
    if not keys:
        return variant.method
    short = _short(keys)
    said = [f"{short[key]}={_shown(variant.setting.values.get(key))}" for key in sorted(keys)]
    return f"{variant.method} · {', '.join(said)}"


def written(text: str) -> tuple[str, dict[str, str]] | None:
    """The method and the settings of a label, or of "cot, reasoning_effort=high".

    None where no setting is named.
    """
    found = next((f for form in _WRITTEN if (f := form.fullmatch(text.strip()))), None)
    if found is None:
        return None
    pairs = (part.split("=", 1) for part in _NEXT.split(found["rest"]))
    return found["method"], {name: value.strip() for name, value in pairs}


def full_names(variants: Iterable[Variant], name: str) -> frozenset[str]:
    """The settings of these that a name in a label stands for; itself where there are none."""
    known = {key for variant in variants for key in variant.setting.values}
    return frozenset(key for key in known if _ends(key, name)) or frozenset({name})


def order(variant: Variant) -> tuple[object, ...]:
    """Sorts by method, then by setting: what is not set first, efforts and numbers by size."""
    values = variant.setting.values
    return variant.method, [(key, *_rank(values[key])) for key in sorted(values)]


def _rank(value: str) -> tuple[int, float, str]:
    if value in _EFFORTS:
        return 1, _EFFORTS.index(value), ""
    try:
        return 0, float(value), ""
    except ValueError:
        return 2, 0, value


def _spellings(variant: Variant, key: str) -> set[str]:
    value = variant.setting.values.get(key)
    return {_shown(value)} | (set() if value is None else {value})


def _shown(value: str | None) -> str:
    if value is None:
        return DEFAULT
    line = " ".join(value.split())
    if line == value and len(line) <= _LONGEST:
        return value
    return f"{line[: _LONGEST - 8]}…{sha256(value.encode(errors='replace')).hexdigest()[:4]}"


def _short(keys: Collection[str]) -> dict[str, str]:
    """Each name by its end, unless two share it."""
    ends = Counter(key.rpartition(".")[2] for key in keys)
    return {key: end if ends[end := key.rpartition(".")[2]] == 1 else key for key in keys}


def _ends(key: str, name: str) -> bool:
    return key == name or key.endswith(f".{name}")
