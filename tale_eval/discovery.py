"""What is found and stands in no list: the files of a folder of ours, and the entry points of
other packages.

A file's stem is its member's name. Nothing is imported before it is asked for, so a package
that cannot be imported stops only what it brings.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, Generic, TypeVar

from tale_eval.errors import InvalidValueError, UnknownNameError

Member = TypeVar("Member")


@dataclass(frozen=True)
class _Origin:
    """Where a member comes from, and how it is had."""

    described: str
    load: Callable[[], Any]


class Registry(Mapping[str, Member], Generic[Member]):
    """Members by name; each is imported when it is first looked up.

    Args:
        what: What a member is, such as "method": the word that errors use.
        package: The package whose modules are members, such as "tale_eval.solvers". Modules
            that begin with an underscore are not.
        group: The entry point group by which other packages bring members of theirs.
        pick: The member of an imported module of ours, given the module and its stem.
        read: The member that the object of an entry point of this name stands for; TypeError
            if none.
    """

    def __init__(
        self,
        what: str,
        package: str,
        group: str,
        pick: Callable[[ModuleType, str], Member],
        read: Callable[[Any, str], Member],
    ) -> None:
        self._what, self._package, self._group = what, package, group
        self._pick, self._read = pick, read
        self._loaded: dict[str, Member] = {}

    def __getitem__(self, name: str) -> Member:
        """The member of this name.

        Raises:
            UnknownNameError: There is none.
            InvalidValueError: It cannot be imported, or two have the name.
        """
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        """Every name, ours first; nothing is imported for it."""
        return iter(self._origins)

    def __len__(self) -> int:
        """How many names there are."""
        return len(self._origins)

    def __contains__(self, name: object) -> bool:
        """Whether there is a member of this name, usable or not."""
        return name in self._origins

    @property
    def offered(self) -> list[str]:
        """The names that can be meant: those that two members have cannot."""
        return [name for name, origins in self._origins.items() if len(origins) == 1]

    def is_ours(self, name: str) -> bool:
        """Whether a member is a file of our folder, not of another package."""
        return self.origin(name) == f"{self._package}.{name}"

    def usable(self, problems: list[str]) -> dict[str, Member]:
        """Every member that can be used; why another cannot goes into `problems`."""
        found = {}
        for name in self:
            try:
                found[name] = self[name]
            except InvalidValueError as error:
                problems.append(str(error))
        return found

    def origin(self, name: str) -> str:
        """Where a member comes from, such as "tale_eval.solvers.cot"."""
        return self._origins[name][0].described

    def _load(self, name: str) -> Member:
        if name not in self._origins:
            raise UnknownNameError(self._what, name, self.offered)
        origin, *others = self._origins[name]
        if others:
            places = " and ".join(o.described for o in (origin, *others))
            raise InvalidValueError(
                f"{len(others) + 1} {self._what}s are called {name!r}: {places}; "
                "rename or uninstall one"
            )
        try:
            member: Member = origin.load()
        # a package of somebody else's may fail in any way while it is imported, or end the process
        except (Exception, SystemExit) as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise InvalidValueError(
                f"{self._what} {name!r} of {origin.described} cannot be used ({reason}); mend or "
                "uninstall that package"
            ) from error
        return member

    @cached_property
    def _origins(self) -> dict[str, list[_Origin]]:
        package = importlib.import_module(self._package)
        found = {
            module.name: [_Origin(f"{self._package}.{module.name}", self._own(module.name))]
            for module in pkgutil.iter_modules(package.__path__)
            if not module.name.startswith("_")
        }
        for point in sorted(entry_points(group=self._group), key=lambda point: point.value):
            brought_by = f" of {point.dist.name} {point.dist.version}" if point.dist else ""
            origin = _Origin(f"{point.value}{brought_by}", self._brought(point))
            found.setdefault(point.name, []).append(origin)
        return found

    def _own(self, stem: str) -> Callable[[], Member]:
        return lambda: self._pick(importlib.import_module(f"{self._package}.{stem}"), stem)

    def _brought(self, point: EntryPoint) -> Callable[[], Member]:
        def load() -> Member:
            return self._read(point.load(), point.name)

        return load


def check_called(what: str, own: str, name: str) -> None:
    """Raise InvalidValueError where a member calls itself otherwise than it is found."""
    if own != name:
        raise InvalidValueError(
            f"{name!r} names the {what} {own!r}; call the entry point, or the file, and the "
            f"{what} alike"
        )
