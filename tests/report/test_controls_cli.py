"""What a report says of controls, from a server that obeys them, ignores them, or does half.

Every figure is compared with the server's own record, to the token.
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import pytest
from command import tale_eval
from inspect_ai import eval as evaluate
from inspect_ai.model import get_model
from questions import gsm8k_file, number_in
from reasoning_server import Behaviour, Exchange, Mode, Natural, reasoning_server

from tale_eval.tasks.gsm8k import gsm8k

QUESTIONS = 24
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "free": ("cot", {}),
    "effort": ("cot", {"reasoning_effort": "low"}),
    "cap": ("cot", {"max_tokens": 90}),
    "thinking": ("cot", {"extra_body": {"thinking_token_budget": 40}}),
    "prompt": ("budget:tokens=50", {}),
    "words": ("budget:tokens=40:control=words", {}),
}
OF_RIVALS = {"word_limit": ("concise:variant=words:limit=45", {})}
"""By name: the method, and the run's settings."""


def ability(prompt: str) -> Natural:
    """100 to 146 tokens of thinking, and 60 to 83 of reply."""
    n = number_in(prompt)
    return Natural(100 + 2 * n, 60 + n, f"[[{2 * n}]]")


class Told(NamedTuple):
    """What the report says, and what the server did, by run."""

    report: dict[str, Any]
    stdout: str
    stderr: str
    folder: Path
    did: dict[str, list[Exchange]]

    def control(self, run: str, name: str = "") -> dict[str, Any]:
        """The row of a run's own control, by its name where that is not the run's."""
        (row,) = [
            row
            for row in self.report["controls"]
            if row["control"] == (name or run) and _is_of(run, row["label"])
        ]
        return row

    def sweep(self, key: str) -> dict[str, Any]:
        (row,) = [row for row in self.report["sweeps"] if row["key"] == key]
        return row


def _is_of(name: str, label: str) -> bool:
    """Whether a label is that of a run: it names what makes it another than the free one."""
    told = {
        "effort": "reasoning_effort=low",
        "cap": "max_tokens=90",
        "thinking": "thinking_token_budget=40",
        "prompt": "budget:tokens=50",
        "words": "control=words",
        "word_limit": "limit=45",
    }
    return told[name] in label


def reported(folder: Path, behaviour: Behaviour, names: Sequence[str]) -> Told:
    """Answer the questions in each of these runs, and report them."""
    source = str(gsm8k_file(folder, QUESTIONS))
    did: dict[str, list[Exchange]] = {}
    with reasoning_server(ability, behaviour) as server:
        model = get_model(
            "openai-api/loop/m", base_url=server.base_url, api_key="none", memoize=False
        )
        for name in names:
            method, settings = (RUNS | OF_RIVALS)[name]
            before = len(server.exchanges)
            (log,) = evaluate(
                gsm8k(source=source, method=method),
                model,
                log_dir=str(folder / "logs"),
                display="none",
                max_retries=1,
                **settings,
            )
            assert log.status == "success", log.error
            did[name] = server.exchanges[before:]
    files = ("--json", "r.json", "--csv", "r.csv", "--html", "r.html")
    more = ("--controls-csv", "controls.csv", "--controls-chart", "controls.svg")
    done = tale_eval("report", "logs", *files, *more, cwd=folder)
    assert done.returncode == 0, done.stderr
    report = json.loads((folder / "r.json").read_text(encoding="utf-8"))
    return Told(report, done.stdout, done.stderr, folder, did)


def behaving(mode: Mode) -> Behaviour:
    return Behaviour(effort=mode, cap=mode, thinking=mode, prompt=mode)


SERVERS = [
    "honour",
    pytest.param("ignore", marks=pytest.mark.slow),
    pytest.param("half", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module", params=SERVERS)
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """All runs on a server of one mode; its name stands in the folder's."""
    folder = tmp_path_factory.mktemp(f"{request.param}-")
    return reported(folder, behaving(request.param), list(RUNS))


def mode_of(told: Told) -> str:
    return told.folder.name.partition("-")[0]


@pytest.mark.parametrize("name", ["effort", "cap", "thinking", "prompt", "words"])
def test_what_came_is_what_the_server_wrote_to_the_token(told: Told, name: str) -> None:
    wrote = told.did[name]
    row = told.control(name)
    came = {"thinking": "thought", "words": "visible"}.get(name, "written")
    assert row["came"] == pytest.approx(fmean(getattr(each, came) for each in wrote))
    assert row["reasoning"] == pytest.approx(fmean(each.thought for each in wrote))
    assert row["visible"] == pytest.approx(fmean(each.visible for each in wrote))
    assert (row["answers"], row["unknown"], row["parts_unknown"]) == (QUESTIONS, None, 0)


ASKED = {"cap": 90, "thinking": 40, "prompt": 50, "words": 30}


@pytest.mark.parametrize("name", list(ASKED))
def test_who_kept_to_what_was_asked_is_counted(told: Told, name: str) -> None:
    row, asked = told.control(name), ASKED[name]
    field = {"thinking": "thought", "words": "visible"}.get(name, "written")
    came = [getattr(each, field) for each in told.did[name]]
    assert (row["asked_least"], row["asked_most"]) == (asked, asked)
    assert row["within"] == fmean(n <= asked for n in came)
    assert row["over"] == sum(n > asked for n in came)
    assert row["median_ratio"] == pytest.approx(
        sorted(came)[11] / asked / 2 + sorted(came)[12] / asked / 2
    )
    # 3 modes: kept to, in vain, half-way; a model that thinks for 100 tokens cannot keep to a
    # prompt's 50, whatever it makes of them
    kept = mode_of(told) == "honour" and name != "prompt"
    assert row["within"] == (1.0 if kept else 0.0)


@pytest.mark.parametrize("name", ["thinking", "prompt"])
def test_an_answer_as_long_as_without_the_control_says_no_effect(told: Told, name: str) -> None:
    ignored = QUESTIONS if mode_of(told) == "ignore" else 0
    assert told.control(name)["no_effect"] == ignored


@pytest.mark.parametrize(
    ("name", "key", "first", "value", "field"),
    [
        ("effort", "reasoning_effort", "low", "default", "written"),
        ("cap", "max_tokens", "90", "1024", "written"),
        ("thinking", "thinking_token_budget", "40", "default", "thought"),
    ],
)
def test_no_effect_is_found_where_there_is_none_and_nowhere_else(
    told: Told, name: str, key: str, first: str, value: str, field: str
) -> None:
    row = told.sweep(key)
    assert (row["label"].partition(" · ")[0], row["first"], row["value"]) == ("cot", first, value)
    here, there = (fmean(getattr(each, field) for each in told.did[run]) for run in ("free", name))
    assert (row["tokens"], row["first_tokens"]) == (pytest.approx(here), pytest.approx(there))
    assert row["ratio"] == pytest.approx(here / there)
    assert row["effect"] == ("no effect" if mode_of(told) == "ignore" else "moved")
    assert row["sentence"].endswith(f": {row['effect']}")
    # the terminal folds the sentence: its words are there in their order
    assert row["sentence"] in " ".join(told.stdout.split())


def test_the_table_and_its_files_hold_the_same(told: Told) -> None:
    assert "controls: asked and came" in told.stdout
    with (told.folder / "controls.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    tables = [row["table"] for row in rows]
    assert tables.count("controls") == len(told.report["controls"])
    assert tables.count("sweeps") == len(told.report["sweeps"])
    (cap,) = [r for r in rows if r["control"] == "cap" and _is_of("cap", r["label"])]
    assert float(cap["came"]) == told.control("cap")["came"]
    page = (told.folder / "r.html").read_text(encoding="utf-8")
    assert "Controls: asked and came" in page
    assert told.sweep("max_tokens")["sentence"] in page
    assert "<svg" in (told.folder / "controls.svg").read_text(encoding="utf-8")


def test_reasoning_that_a_server_does_not_count_is_unknown_and_said_to_be(tmp_path: Path) -> None:
    told = reported(tmp_path, Behaviour(reports=False), ["free", "thinking"])
    row = told.control("thinking")
    assert (row["unknown"], row["came"], row["within"]) == (QUESTIONS, None, None)
    assert (row["reasoning"], row["visible"], row["parts_unknown"]) == (None, None, QUESTIONS)
    note = "nobody counted what 24 of 24 answers reasoned, so whether they kept to their control"
    assert note in told.stderr
    # all tokens are compared in their place: 100 to 146 tokens of thinking became 40
    sweep = told.sweep("thinking_token_budget")
    wrote = [fmean(each.written for each in told.did[run]) for run in ("free", "thinking")]
    assert (sweep["governs"], sweep["effect"]) == ("output", "moved")
    assert [sweep["tokens"], sweep["first_tokens"]] == pytest.approx(wrote)


def test_without_a_control_nothing_is_said_of_any(tmp_path: Path) -> None:
    source = str(gsm8k_file(tmp_path, 3))
    with reasoning_server(ability) as server:
        model = get_model(
            "openai-api/loop/m", base_url=server.base_url, api_key="none", memoize=False
        )
        evaluate(gsm8k(source=source), model, log_dir=str(tmp_path / "logs"), display="none")
    done = tale_eval("report", "logs", "--json", "r.json", "--html", "r.html", cwd=tmp_path)
    assert done.returncode == 0
    assert "asked and came" not in done.stdout
    report = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert (report["controls"], report["sweeps"]) == ([], [])
    assert "asked and came" not in (tmp_path / "r.html").read_text(encoding="utf-8")
    refused = tale_eval("report", "logs", "--controls-chart", "c.svg", cwd=tmp_path)
    assert "nothing to draw" in refused.stderr


def test_a_method_without_a_budget_that_limits_words_is_held_to_them(tmp_path: Path) -> None:
    told = reported(tmp_path, Behaviour(), ["free", "word_limit"])
    # the server takes no notice of these words: 60 to 83 of them, and its thinking is none
    row = told.control("word_limit", "words")
    assert (row["asked"], row["came"], row["within"]) == ("45", 60 + 23 / 2, 0)
    assert row["no_effect"] == QUESTIONS
