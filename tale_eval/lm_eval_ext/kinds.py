"""Which tasks of lm_eval's make a model write, told from their files before anything is loaded."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lm_eval.tasks._index import Entry, Kind
from lm_eval.tasks._yaml_loader import load_yaml

from tale_eval.errors import InvalidValueError

_WRITES = "generate_until"

Index = Mapping[str, Entry]


def check_generates(names: Iterable[str], index: Index) -> None:
    """Refuse tasks in which a model only scores texts.

    Args:
        names: Tasks, groups and tags.
        index: lm_eval's, of every task.

    Raises:
        InvalidValueError: One of them, with the reason, and with tasks on the same questions
            that make the model write.
    """
    for name in names:
        for task in _tasks(name, index):
            kind = _config(index[task]).get("output_type", _WRITES)
            if kind != _WRITES:
                within = f" (in {name})" if task != name else ""
                raise InvalidValueError(
                    f"--tasks {task}{within}: its output_type is {kind}: lm_eval scores texts "
                    "that are given, and nothing is written that a method could shorten"
                    + _instead(name, task, index)
                )


def check_theirs(names: Iterable[str], method: str) -> None:
    """Refuse tasks of ours, around which no method can be put.

    Args:
        names: Tasks, groups and tags.
        method: As the user wrote it.

    Raises:
        InvalidValueError: One of them.
    """
    if ours := ours_among(names):
        raise InvalidValueError(
            f"--method {method}: {ours[0]} has a method in its name; give --method to tasks "
            "of others, and run ours in a call of their own"
        )


def ours_among(names: Iterable[str]) -> list[str]:
    """The tasks among these that are ours."""
    return [name for name in names if name == "tale" or name.startswith("tale_")]


def _tasks(name: str, index: Index) -> Iterator[str]:
    """The tasks that a name stands for, as far as files say it."""
    entry = index.get(name)
    if entry is None:
        return
    if entry.kind == Kind.TASK:
        yield name
    elif entry.kind == Kind.TAG:
        for task in sorted(entry.tags):
            yield from _tasks(task, index)
    elif entry.kind == Kind.GROUP:
        yield from _members(_config(entry).get("task"), index)


def _members(members: Any, index: Index) -> Iterator[str]:
    """The tasks of a group's list, in which groups of its own may stand."""
    for member in members if isinstance(members, list) else [members]:
        if isinstance(member, str):
            yield from _tasks(member, index)
        elif isinstance(member, dict):
            yield from _members(member.get("task", member.get("group")), index)


def _config(entry: Entry) -> dict[str, Any]:
    """What a task's file says, with what it includes; no function of it is loaded."""
    if entry.yaml_path is None:
        return {}
    config: dict[str, Any] = load_yaml(entry.yaml_path, resolve_func=False)
    return config


def _instead(name: str, task: str, index: Index) -> str:
    """What to run instead: what lies beside it, has its questions, and makes a model write."""
    refused = _config(index[task])
    beside = {
        other: _config(index[first])
        for other in sorted(index)
        if other.startswith(name.split("_")[0])
        and index[other].kind == index[name].kind
        and _family(index[other]) == _family(index[task])
        and (first := next(_tasks(other, index), None)) is not None
    }
    for same in (("dataset_path", "dataset_name"), ("dataset_path",)):
        found = [
            other
            for other, config in beside.items()
            if config.get("output_type", _WRITES) == _WRITES
            and all(config.get(key) == refused.get(key) for key in same)
        ]
        if found:
            return f"; run {' or '.join(found[:3])} instead"
    return ""


def _family(entry: Entry) -> str:
    """The folder of lm_eval's tasks that a file is in: "mmlu" for all that lies below."""
    path = Path(entry.yaml_path or "")
    parts = path.parts
    if "tasks" in parts and "lm_eval" in parts:
        after = parts[len(parts) - parts[::-1].index("tasks") :]
        return after[0]
    return str(path.parent)
