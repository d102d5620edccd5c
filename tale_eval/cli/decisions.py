"""`tale-eval gate` and `tale-eval plan`: what logs decide, and what they could."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tale_eval.cli.output import console, note, say, write_files
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
Json = Annotated[Path | None, typer.Option(help="Write all numbers")]

EXIT_STATUS = {"pass": 0, "fail": 1, "undecided": 2}
NO_ANSWER = 3
"""Exit status of a gate that could not be asked: a mistake in the command, or no logs."""


def gate(
    logs: Logs,
    baseline: Baseline = "cot",
    margin: Margin = 0.02,
    max_token_ratio: Annotated[
        float | None, typer.Option(help="The most tokens allowed, as a share of the baseline's")
    ] = None,
    score: Score = None,
    json: Json = None,
) -> None:
    """End with 0 if every method passes, 1 if one fails, 2 if one is undecided, 3 on a mistake.

    A method passes that is not worse than the baseline by more than the margin and needs no
    more than the allowed share of its tokens, both with their 95 % intervals.
    """
    from tale_eval.analysis.gate import gated, together
    from tale_eval.report.decisions import gate_table
    from tale_eval.report.tables import write_json

    try:
        found = gated(_rows(logs, baseline, margin, score), baseline, max_token_ratio)
        outcome = together(each.outcome for each in found)
        console().print(gate_table(found))
        note(f"{each.method}: {each.reason}" for each in found if each.reason)
        print(f"gate: {outcome}")
        everything = {
            "outcome": outcome,
            "baseline": baseline,
            "margin": margin,
            "max_token_ratio": max_token_ratio,
            "methods": found,
        }
        write_files((json, lambda path: write_json(everything, path)))
    except TaleEvalError as error:
        say(f"error: {error}", style="red")
        sys.exit(NO_ANSWER)
    sys.exit(EXIT_STATUS[outcome])


def plan(
    logs: Logs,
    baseline: Baseline = "cot",
    margin: Margin = 0.02,
    power: Annotated[float, typer.Option(help="With what chance the verdict is to come")] = 0.8,
    score: Score = None,
    json: Json = None,
) -> None:
    """Say from a pilot how many questions a verdict needs, and what its number can show."""
    from tale_eval.analysis.plans import run_plans
    from tale_eval.report.decisions import plan_table
    from tale_eval.report.tables import write_json

    plans = run_plans(_rows(logs, baseline, margin, score), baseline, margin, power)
    console().print(plan_table(plans))
    print(
        f"chance of a verdict now: of 'not worse' within {100 * margin:g} points, if both are "
        "equally accurate\n"
        f"questions needed: for that with {100 * power:g} %; from the pilot's share of questions "
        "that one alone has right to the upper end of its 80 % interval\n"
        f"finds a loss of, proves a margin of: in points, with {100 * power:g} %, on the pilot's "
        "questions"
    )
    write_files((json, lambda path: write_json({"margin": margin, "plans": plans}, path)))


def _rows(
    logs: list[str], baseline: str, margin: float, score: str | None
) -> "list[LeaderboardRow]":
    from tale_eval.analysis.leaderboard import leaderboard
    from tale_eval.logs import read_records

    read = read_records(logs, score=score)
    note(read.problems)
    if not read.records:
        raise SourceError("no log holds an answer: there is nothing to compare")
    return leaderboard(read.records, baseline, margin)
