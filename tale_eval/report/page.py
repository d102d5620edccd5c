"""The report as one HTML file that opens without a network."""

import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from tale_eval.analysis.averages import macro_average
from tale_eval.analysis.control_measures import CONTROL_NOTES, sweep_notes
from tale_eval.analysis.curves import CURVE_NOTES, Curve, amount
from tale_eval.analysis.family import correction_notes
from tale_eval.analysis.frontiers import Frontier, PassFrontier, points
from tale_eval.analysis.labels import label_of, labels
from tale_eval.analysis.leaderboard import LeaderboardRow
from tale_eval.analysis.measures import ORACLE_LEGEND
from tale_eval.analysis.obedience import ControlledRow
from tale_eval.analysis.reference import ReferenceRow
from tale_eval.analysis.results import is_oracle, shown_method
from tale_eval.analysis.sweeps import Sweep
from tale_eval.asking.setting import Setting
from tale_eval.asking.variant import DEFAULT
from tale_eval.errors import MissingExtraError
from tale_eval.records import RunSettings
from tale_eval.report.charts import SHOWN_MODEL, security_policy, specification, vega_bundle
from tale_eval.report.columns import (
    average_cells,
    control_cell,
    known_control_measures,
    known_measures,
    printed_cell,
    row_cell,
)
from tale_eval.report.controls_chart import asked_panels, sweep_panels
from tale_eval.report.curves_chart import curve_panels, within_panels
from tale_eval.report.leaderboard_charts import scatter_panels, spread_panels
from tale_eval.report.tables import SURROGATES
from tale_eval.report.trained import TrainedTable


@dataclass(frozen=True)
class Summary:
    """How one method did against the baselines of all models and tasks.

    Attributes:
        method, baseline: By their labels: the settings that differ are in them.
        verdicts: How many comparisons ended so, by verdict.
        ratios: Its token ratios, from the lowest to the highest.
    """

    method: str
    baseline: str
    verdicts: dict[str, int]
    ratios: list[float]


@dataclass(frozen=True)
class BoardLinks:
    """Where a board's first page leads.

    Attributes:
        page_of: From a row to the address of its page.
        data: The address of the file of all records.
        sources: Where the answers come from, a sentence each.
    """

    page_of: Callable[[LeaderboardRow], str]
    data: str
    sources: Sequence[str] = ()


def write_page(
    path: Path,
    rows: Sequence[LeaderboardRow],
    records: Sized,
    settings: Sequence[RunSettings],
    problems: Sequence[str],
    reference: Sequence[ReferenceRow] = (),
    *,
    controls: Sequence[ControlledRow] = (),
    swept: Sequence[Sweep] = (),
    curves: Sequence[Curve] = (),
    frontiers: Sequence[Frontier] = (),
    passes: Sequence[PassFrontier] = (),
    trained: Sequence[TrainedTable] = (),
    title: str = "Accuracy against tokens",
    margin: float = 0.02,
    board: BoardLinks | None = None,
) -> None:
    """Write the report.

    Args:
        path: The HTML file.
        rows: The leaderboard of these records.
        records: One per answer; how many there are is said.
        settings: One per log.
        problems: What a reader must know before he trusts the rows.
        reference: Rows printed in a paper, shown beside ours.
        controls: What was asked of each row, and what came.
        swept: What the levels of each sweep did.
        curves, frontiers, passes: Of these rows.
        trained: What training seeds came to, and what was written under several budgets.
        title: The page's heading.
        margin: The accuracy loss that the rows were compared with, as a share.
        board: Where the page leads, if it is a board's first; the settings then stand elsewhere.

    Raises:
        MissingExtraError: If Altair or Jinja2 is not installed.
    """
    script = template_text("report.js").replace("SHOWN_MODEL", json.dumps(SHOWN_MODEL))
    script = template_text("table.js") + script
    scripts = [vega_bundle(), script]
    names, levels = labels(settings), sweep_panels(swept)
    page = template("report.html.j2").render(
        title=title,
        margin=f"{100 * margin:g}",
        style=template_text("report.css"),
        scripts=scripts,
        policy=security_policy(scripts),
        facts=_facts(rows, records, settings),
        summaries=summaries(rows),
        columns=known_measures(rows),
        row_cell=row_cell,
        printed_cell=printed_cell,
        shown_method=shown_method,
        oracle_legend=ORACLE_LEGEND if any(is_oracle(row.method) for row in rows) else "",
        verdict_notes=correction_notes(rows),
        rows=rows,
        board=board,
        more_filters=_more_filters(rows),
        shown_setting=_shown_setting,
        reference=reference,
        models=sorted({row.model for row in rows} | {row.model for row in reference}),
        tasks=sorted({row.task for row in rows} | {row.task for row in reference}),
        averages=[(line, average_cells(line)) for line in macro_average(rows)],
        scatters=_panels(scatter_panels(rows, reference)),
        distributions=_panels(spread_panels(rows)),
        curves=curves,
        curve_panels=[
            (task, cost, _embedded(panel))
            for (task, cost), panel in curve_panels(rows, curves, frontiers).items()
        ],
        curve_notes=CURVE_NOTES,
        frontiers=frontiers,
        passes=passes,
        amount=amount,
        points=points,
        withins=_panels(within_panels(rows)),
        controls=controls,
        control_columns=known_control_measures(controls),
        control_cell=control_cell,
        control_notes=[*(CONTROL_NOTES if controls else ()), *sweep_notes(swept)],
        swept=swept,
        asked=_panels(asked_panels(controls)),
        levels=[(task, key, _embedded(panel)) for (task, key), panel in levels.items()],
        trained=trained,
        runs=[
            (run, label_of(run, names), None if run.sha256 else _link(run.log, path))
            for run in settings
        ],
        problems=problems,
    )
    path.write_text(page, encoding="utf-8", errors=SURROGATES)


def summaries(rows: Iterable[LeaderboardRow]) -> list[Summary]:
    """One line per method and setting that was compared with a baseline."""
    found: dict[tuple[str, str], list[LeaderboardRow]] = defaultdict(list)
    for row in rows:
        if row.comparison:
            found[row.label, row.comparison.baseline].append(row)
    return [_summary(*names, group) for names, group in sorted(found.items())]


def _summary(method: str, baseline: str, rows: Iterable[LeaderboardRow]) -> Summary:
    versus = [row.comparison for row in rows if row.comparison]
    ended = [comparison.verdict for comparison in versus]
    return Summary(
        method=method,
        baseline=baseline,
        verdicts={verdict: ended.count(verdict) for verdict in sorted(set(ended))},
        ratios=sorted(comparison.ratio for comparison in versus if comparison.ratio is not None),
    )


def _facts(
    rows: Sequence[LeaderboardRow], records: Sized, settings: Sequence[RunSettings]
) -> list[tuple[str, str]]:
    """The headline's numbers, each with its noun."""
    counts = (
        (len(settings), "log"),
        (len({row.model for row in rows}), "model"),
        (len({row.task for row in rows}), "task"),
        (len({row.method for row in rows}), "method"),
        (len(records), "answer"),
    )
    return [(f"{count:,}", noun if count == 1 else f"{noun}s") for count, noun in counts]


_LONGEST_OPTION = 60  # characters


def _more_filters(rows: Sequence[LeaderboardRow]) -> list[tuple[str, list[tuple[str, str]]]]:
    """The choices among methods and settings, where there is one: each value and its text."""
    found = {
        "method": sorted({shown_method(row.method) for row in rows}),
        "setting": sorted({_shown_setting(row.setting) for row in rows}),
    }
    return [
        (name, [(value, _short(value)) for value in values])
        for name, values in found.items()
        if len(values) > 1
    ]


def _shown_setting(setting: Setting) -> str:
    return str(setting) or DEFAULT


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_OPTION else f"{text[:_LONGEST_OPTION]}…"


def _panels(panels: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(task, _embedded(panel)) for task, panel in panels.items()]


def _embedded(panel: Any) -> str:
    return specification(panel.properties(width="container"))


def _link(log: str, page: Path) -> str | None:
    """Address of a local log as seen from the page; None if the log is not a file here."""
    parts = urlsplit(log)
    if parts.scheme not in ("", "file"):
        return None
    local = unquote(parts.path) if parts.scheme else log
    try:
        return quote(os.fsencode(os.path.relpath(local, page.absolute().parent)))
    except UnicodeEncodeError:
        return None  # no file has such a name


def template(name: str) -> Any:
    """A template of this room, ready to be filled; every value is escaped.

    Raises:
        MissingExtraError: If Jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise MissingExtraError("the HTML report", "report") from error
    environment = Environment(
        loader=PackageLoader("tale_eval.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def template_text(name: str) -> str:
    """A style or script of this room."""
    return (files("tale_eval.report") / "templates" / name).read_text(encoding="utf-8")
