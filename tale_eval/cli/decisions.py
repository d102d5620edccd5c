"""`tale-eval gate` and `tale-eval plan`: what logs decide, and what they could."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from tale_eval.cli.output import console, note, progress, say, write_files
from tale_eval.errors import SourceError, TaleEvalError

if TYPE_CHECKING:
    from tale_eval.analysis.leaderboard import LeaderboardRow

Logs = Annotated[list[str], typer.Argument(help="Log files and folders, local or s3://")]
Baseline = Annotated[str, typer.Option(help="The method to compare with")]
Margin = Annotated[
    float, typer.Option(help="The loss of accuracy that would not matter, as a share")
]
Score = Annotated[
    str | None,
    typer.Option(help="The score that says what is right, where a log has several: NAME[.KEY]"),
]
Correction = Annotated[
    str, typer.Option(help="Of several verdicts of one model and task: holm or none")
]
Json = Annotated[Path | None, typer.Option(help="Write all numbers")]

EXIT_STATUS = {"pass": 0, "fail": 1, "undecided": 2}
NO_ANSWER = 3
"""Exit status of a gate that could not be asked: a mistake in the command, or no logs."""


class GateCommand(TyperCommand):
    """A command whose usual status for a mistyped option, 2, has a meaning of its own."""

    def make_context(self, *arguments: Any, **named: Any) -> Any:
        """Read the command line."""
        try:
            return super().make_context(*arguments, **named)
        except Exception as error:
            if getattr(error, "exit_code", None) == EXIT_STATUS["undecided"]:
                error.exit_code = NO_ANSWER  # type: ignore[attr-defined]  # Click's errors have it
            raise


@contextmanager
def _no_answer() -> Iterator[None]:
    """Whatever goes wrong ends with a status of its own: Python's own is 1, a verdict here."""
    try:
        yield
    except TaleEvalError as error:
        say(f"error: {error}", style="red")
        sys.exit(NO_ANSWER)
    except Exception:  # noqa: BLE001 (shown as Python shows it)
        traceback.print_exc()
        sys.exit(NO_ANSWER)


def gate(
    logs: Logs,
    baseline: Baseline = "cot",
    margin: Margin = 0.02,
    max_token_ratio: Annotated[
        float | None, typer.Option(help="The most tokens allowed, as a share of the baseline's")
    ] = None,
    correction: Correction = "holm",
    score: Score = None,
    json: Json = None,
) -> None:
    """End with 0 if every method passes, 1 if one fails, 2 if one is undecided, 3 on a mistake.

    A method passes that is not worse than the baseline by more than the margin and needs no
    more than the allowed share of its tokens, both with their 95 % intervals; of several
    methods, the accuracies' verdicts hold together by Holm's correction.
    """
    from tale_eval.analysis.family import correction_notes
    from tale_eval.analysis.gate import gated, together
    from tale_eval.analysis.leaderboard import compared
    from tale_eval.report.decisions import gate_table
    from tale_eval.report.tables import write_json
    from tale_eval.shown.names import visible_lines

    with _no_answer():
        rows = _rows(logs, baseline, margin, score, correction)
        found = gated(rows, baseline, max_token_ratio)
        words = correction_notes(compared(rows, baseline))
        outcome = together(each.outcome for each in found)
        console().print(gate_table(found))
        for line in words:
            print(visible_lines(line))
        note(f"{each.method}: {each.reason}" for each in found if each.reason)
        print(f"gate: {outcome}")
        everything = {
            "outcome": outcome,
            "baseline": baseline,
            "margin": margin,
            "max_token_ratio": max_token_ratio,
            "correction": correction,
            "verdicts": words,
            "methods": found,
        }
        write_files((json, lambda path: write_json(everything, path)))
    sys.exit(EXIT_STATUS[outcome])


def plan(
    logs: Logs,
    baseline: Baseline = "cot",
    margin: Margin = 0.02,
    power: Annotated[float, typer.Option(help="With what chance the verdict is to come")] = 0.8,
    correction: Correction = "holm",
    score: Score = None,
    json: Json = None,
) -> None:
    """Say from a pilot how many questions a verdict needs, and what its number can show."""
    from tale_eval.analysis.plans import run_plans
    from tale_eval.analysis.statistics import LEVEL
    from tale_eval.report.decisions import plan_table
    from tale_eval.report.tables import write_json
    from tale_eval.shown.names import visible_lines

    plans = run_plans(_rows(logs, baseline, margin, score, correction), baseline, margin, power)
    console().print(plan_table(plans))
    print(
        f"chance of a verdict now: of 'not worse' within {100 * margin:g} points, if both are "
        "equally accurate\n"
        f"questions needed: for that with {100 * power:g} %; from the pilot's share of questions "
        "that one alone has right to the upper end of its 80 % interval\n"
        f"finds a loss of, proves a margin of: in points, with {100 * power:g} %, on the pilot's "
        "questions"
    )
    several = max(plan.together for plan in plans) if plans else 1
    if several > 1 and correction == "holm":
        print(
            f"each as one of up to {several} verdicts with Holm's correction, at the least level "
            f"that this leaves it ({100 * LEVEL / several:.2g} %)"
        )
    if settled := [f"{each.method} ({each.verdict})" for each in plans if each.settled]:
        print(visible_lines(f"settled by the pilot already: {', '.join(settled)}"))
    everything = {"margin": margin, "power": power, "correction": correction, "plans": plans}
    write_files((json, lambda path: write_json(everything, path)))


def _rows(
    logs: list[str], baseline: str, margin: float, score: str | None, correction: str
) -> "list[LeaderboardRow]":
    from tale_eval.analysis.family import check_correction
    from tale_eval.analysis.problems import problems
    from tale_eval.analysis.reported import leaderboard_of
    from tale_eval.inspect_ext.collector import FAST, collect_less
    from tale_eval.logs import open_logs

    corrected_by = check_correction(correction)
    collect_less(FAST)
    opened = open_logs(logs, score=score, progress=progress("reading logs"))
    rows = leaderboard_of(
        opened.names,
        opened.of,
        baseline,
        margin,
        corrected_by,
        ask=lambda rows: problems(rows, baseline),
    )
    opened.check()
    note(opened.problems)
    if not rows:
        raise SourceError("no log holds an answer: there is nothing to compare")
    # what is not judged is silent otherwise, and a gate passes without it
    note(problems(rows, baseline))
    return rows
