"""What is said while the cells of a matrix run."""

import sys
from typing import TYPE_CHECKING

from tale_eval.cli.output import note, say

if TYPE_CHECKING:
    from tale_eval.matrix.running import AtWork, Finished, Waits


class Progress:
    """A line for every cell that has finished, and what one that failed has said.

    While none finishes, whoever watches is told now and then how far those at work are.

    Args:
        cells: How many there are; None where each may be run again, and nobody knows how often.
    """

    def __init__(self, cells: int | None) -> None:
        self._of = "" if cells is None else f"/{cells}"
        self._finished = 0

    def __call__(self, event: "Finished | Waits | AtWork") -> None:
        from tale_eval.matrix.running import AtWork, Waits

        if isinstance(event, AtWork):
            if sys.stderr.isatty():
                say(f"[{self._finished}{self._of}] at work: {_how_far(event)}")
            return
        if isinstance(event, Waits):
            note([f"{event.cell} waits: {event.holder} works in {event.cell.folder}"])
            return
        self._finished += 1
        what = "done" if event.problem is None else "not done"
        counted = f"{event.questions} questions, {event.seconds:.0f} s"
        say(f"[{self._finished}{self._of}] {what}: {event.cell} ({counted})")
        if event.problem is not None:
            for line in [*event.output.splitlines(), event.problem]:
                say(f"    {line}")


def _how_far(work: "AtWork") -> str:
    runs = "1 run" if work.runs == 1 else f"{work.runs} runs"
    if work.answered == 0:
        return f"{runs}, no question answered yet; a call that fails for now is made again"
    questions = "1 question" if work.answered == 1 else f"{work.answered:,} questions"
    return f"{runs}, {questions} answered"
