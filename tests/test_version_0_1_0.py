"""Logs that version 0.1.0 wrote, and what it said of them: still read, and to the same numbers.

tests/fixtures/version_0_1_0 holds logs of both harnesses on twelve generated sums, answered by
a scripted server, and in `said` what 0.1.0's commands wrote of them.
"""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command import tale_eval

from tale_eval.training.candidates import Candidate, read_candidates

FIXTURE = Path(__file__).parent / "fixtures" / "version_0_1_0"
LOGS = FIXTURE / "logs"
# what rests on how an interval is made, and not only on what was counted
INFERRED = {"interval", "tokens_interval", "ratio_interval", "verdict", "mcnemar"}
# names under which today's values are by their sources' formulas; 0.1.0's formulas have others
RENAMED = {"ock_score": "ock_score_output", "oaa_auc": "area_to_longest"}
NAMED_BY = ("model", "task", "method", "question")

Leaves = dict[tuple[str, ...], Any]


def said(name: str) -> Any:
    """What 0.1.0 wrote into a file of this name."""
    return json.loads((FIXTURE / "said" / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """What a command of today writes of the same logs, with --json."""
    folder = tmp_path_factory.mktemp("today")

    def write(command: str, *options: object) -> Any:
        path = folder / f"{command}{len(options)}.json"
        if not path.exists():
            done = tale_eval(command, LOGS, *options, "--json", path, cwd=folder)
            assert done.returncode == 0, done.stderr
        return json.loads(path.read_text(encoding="utf-8"))

    return write


def leaves(value: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every plain value by its way from the root; rows go by their names, not their places."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*at, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            names = [inner[key] for key in NAMED_BY if isinstance(inner, dict) and key in inner]
            yield from leaves(inner, (*at, " ".join(names) or str(place)))
    else:
        yield at, value


def is_inferred(at: tuple[str, ...]) -> bool:
    return not INFERRED.isdisjoint(at)


def assert_same(today: Any, then: Any, compared: Callable[[tuple[str, ...]], bool]) -> None:
    """Whatever 0.1.0 wrote stands there today: the same names, and numbers up to rounding."""
    found = dict(leaves(today))
    expected = {
        tuple(RENAMED.get(name, name) for name in at): value
        for at, value in leaves(then)
        if compared(at)
    }
    assert expected
    assert {
        at: f"{found.get(at, 'not written')}, and {value} by 0.1.0"
        for at, value in expected.items()
        if not (at in found and is_same(found[at], value))
    } == {}


def is_same(today: Any, then: Any) -> bool:
    if isinstance(then, float):
        return isinstance(today, int | float) and math.isclose(
            today, then, rel_tol=1e-9, abs_tol=1e-12
        )
    return bool(today == then)


REPORTS = pytest.mark.parametrize(
    ("name", "options"),
    [
        ("report.json", ()),
        # a user's prices need every call: the samples are read, and not their summaries
        ("report_with_prices.json", ("--prices", FIXTURE / "prices.json")),
    ],
)


@REPORTS
def test_a_report_counts_what_0_1_0_counted(
    name: str, options: tuple[object, ...], written: Callable[..., Any]
) -> None:
    today = written("report", *options)
    assert len(today["rows"]) == 5
    # the one thing that 0.1.0 did not say
    few = "too few to tell: 12 questions, and token counts need 20"
    assert [note for note in today["notes"] if not note.endswith(few)] == []
    assert_same(today, said(name), compared=lambda at: not is_inferred(at))


@REPORTS
def test_a_report_infers_no_more_than_0_1_0_did(
    name: str, options: tuple[object, ...], written: Callable[..., Any]
) -> None:
    """0.1.0's intervals were too narrow: today's hold theirs, or twelve questions get none."""
    found, then = dict(leaves(written("report", *options))), dict(leaves(said(name)))
    assert_same(written("report", *options), said(name), compared=is_certain)
    ends = {at: value for at, value in then.items() if at[-1] in ("low", "high")}
    assert len(ends) > 20
    for at, value in ends.items():
        if at not in found:
            assert found[at[:-1]] is None
        elif at[-1] == "low":
            assert found[at] <= value
        else:
            assert found[at] >= value


def is_certain(at: tuple[str, ...]) -> bool:
    """Verdicts and McNemar's counts: the new intervals leave them as they were."""
    return "verdict" in at or "mcnemar" in at


def test_elasticity_is_what_it_was_in_0_1_0(written: Callable[..., Any]) -> None:
    today = written("elasticity")
    assert [len(report["questions"]) for report in today] == [12]
    assert_same(today, said("elasticity.json"), compared=lambda at: True)


def test_every_answer_is_a_candidate_as_it_was_in_0_1_0() -> None:
    """Its traces do not name their calls: these are found by budget and tokens."""
    sampled = read_candidates([str(LOGS)])
    expected = said("candidates.json")
    assert len(expected) == 95
    assert sampled.problems == []
    assert [as_said(candidate, expected[0]) for candidate in sampled.candidates] == expected


def as_said(candidate: Candidate, keys: dict[str, Any]) -> dict[str, Any]:
    shown = {**vars(candidate), "sample_id": candidate.question.sample_id}
    return {key: shown[key] for key in keys}
