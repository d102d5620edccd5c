"""The HTML report's text: complete, escaped, and asking nobody for anything."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import example_report
import pytest

from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.analysis.reference import ReferenceRow
from tale_eval.asking.setting import Setting
from tale_eval.records import Record
from tale_eval.report import page
from tale_eval.report.charts import save_chart
from tale_eval.report.leaderboard_charts import (
    distribution_panels,
    scatter_chart,
)
from tale_eval.report.page import RunSettings, summaries, write_page

MODEL = '<img src=x onerror="window.pwned=1">'
TASK = """it's "quoted" & </script><script>window.pwned=1</script>"""
METHOD = "</title></style>\"' onclick='window.pwned=1"
LOADS = {"script": "src", "link": "href", "img": "src", "iframe": "src", "object": "data"}


class Page(HTMLParser):
    """Every tag with its attributes, and the text of tables, scripts and everything else."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.tags[-1][0] if self.tags else "", []).append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(autouse=True)
def _short_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making the real one takes seconds; the browser tests run it."""
    monkeypatch.setattr(page, "vega_bundle", lambda: "/* the libraries */")


def test_nothing_is_loaded_from_anywhere(tmp_path: Path) -> None:
    read = _page(tmp_path, _answers())
    loads = [attributes.get(LOADS[tag], "") for tag, attributes in read.tags if tag in LOADS]
    assert {url for url in loads if url} == {"data:,"}
    style = "".join(read.texts["style"])
    assert "url(" not in style
    assert "@import" not in style


def test_the_page_forbids_itself_every_request_and_every_other_script(tmp_path: Path) -> None:
    (policy,) = [
        meta["content"]
        for meta in _page(tmp_path, _answers()).all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; img-src data:; ")
    assert len(re.findall(r"'sha256-[\w+/]{43}='", policy)) == 2
    assert "unsafe-eval" not in policy
    assert "unsafe-inline" not in policy.partition("script-src")[2]


def test_names_are_text_wherever_they_stand(tmp_path: Path) -> None:
    read = _page(tmp_path, _answers(MODEL, TASK, METHOD), problems=[f"{MODEL}: {TASK}"])
    assert read.all("img") == []
    assert all("onerror" not in a and "onclick" not in a for _, a in read.tags)
    # JSON of three charts, the libraries, the page's own script
    assert [a.get("type") for a in read.all("script")] == ["application/json"] * 3 + [None] * 2
    rows = [a for a in read.all("tr") if "data-model" in a]
    assert {(a["data-model"], a["data-task"]) for a in rows} == {(MODEL, TASK)}
    assert {a["data-task"] for a in read.all("figure")} == {TASK}
    for name in (MODEL, TASK, METHOD):
        assert name in "".join("".join(texts) for texts in read.texts.values())


def test_chart_data_cannot_end_its_script_element_and_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    _page(tmp_path, _answers(MODEL, TASK, METHOD))
    blocks = re.findall(
        r'<script type="application/json">(.*?)</script>', path.read_text(), flags=re.DOTALL
    )
    assert len(blocks) == 3
    for block in blocks:
        assert not set("<>&") & set(block)
        values = json.loads(block)["data"]["values"]
        assert {(v["model"], v["task"]) for v in values} == {(MODEL, TASK)}
        assert {v["method"] for v in values} == {"cot", METHOD}


def test_every_row_is_there_with_its_numbers(tmp_path: Path) -> None:
    answers = example_report.records(["a", "b"], ["x", "y"], size=20)
    read = _page(tmp_path, answers)
    assert len([a for a in read.all("tr") if "data-model" in a]) == 12
    for row in leaderboard(answers):
        assert row.accuracy is not None
        assert f"{100 * row.accuracy:.1f} %" in read.texts["td"]


def test_printed_rows_are_marked(tmp_path: Path) -> None:
    printed = ReferenceRow("gpt-4o-mini", "gsm8k", "cot", 0.8135, 318.1, "Table 3")
    read = _page(tmp_path, _answers(), reference=[printed])
    (row,) = [a for a in read.all("tr") if a.get("class") == "printed"]
    assert row == {"class": "printed", "data-model": "gpt-4o-mini", "data-task": "gsm8k"}
    assert "printed, Table 3" in read.texts["small"]
    assert {"81.35 %", "318.1"} <= set(read.texts["td"])


def test_an_oracle_is_called_one_wherever_its_name_stands(tmp_path: Path) -> None:
    read = _page(tmp_path, _answers(method="budget_search:strategy=bisect"))
    assert "budget_search:strategy=bisect (oracle)" in read.texts["th"]
    assert any("bisect (oracle)" in text for text in read.texts["h2"])
    assert any("(oracle) chooses its answers by the right ones" in t for t in read.texts["p"])
    charts = "".join(read.texts["script"])
    assert charts.count("budget_search:strategy=bisect") == charts.count("bisect (oracle)") > 0
    page = _page(tmp_path, _answers())
    assert not any("oracle" in text for texts in page.texts.values() for text in texts)


def test_problems_and_the_settings_of_every_run_are_listed(tmp_path: Path) -> None:
    read = _page(tmp_path, _answers(), problems=["broken.eval: not a readable log"])
    assert "broken.eval: not a readable log" in read.texts["li"]
    assert "max_tokens" in read.texts["dt"]
    assert "1024" in read.texts["dd"]


@pytest.mark.parametrize(
    ("log", "href"),
    [
        ("{folder}/logs/a b.eval", "logs/a%20b.eval"),
        ("file://{folder}/logs/a%20b.eval", "logs/a%20b.eval"),
        ("{folder}/javascript:alert(1).eval", "javascript%3Aalert%281%29.eval"),
        ("s3://bucket/a.eval", None),
        ("javascript:alert(1)", None),
    ],
)
def test_a_log_on_this_machine_is_linked_and_any_other_is_named(
    tmp_path: Path, log: str, href: str | None
) -> None:
    log = log.format(folder=tmp_path)
    run = RunSettings("m", "gsm8k", "cot", log, {})
    answers = _answers()
    path = tmp_path / "report.html"
    write_page(path, leaderboard(answers), answers, [run], [])
    read = Page(path)
    assert [a["href"] for a in read.all("a")] == ([] if href is None else [href])
    assert log in read.texts["code" if href is None else "a"]


def test_what_nobody_knows_gets_no_column(tmp_path: Path) -> None:
    read = _page(tmp_path, _answers())
    assert "Tokens" in read.texts["button"]
    assert "$ / 1,000" not in read.texts["button"]


def test_records_without_scores_or_tokens_make_a_page_without_charts(tmp_path: Path) -> None:
    answers = [example_report.record("m", "t", "cot", "q", None, None)]
    read = _page(tmp_path, answers)
    assert read.all("figure") == []
    assert len([a for a in read.all("tr") if "data-model" in a]) == 1


def test_a_summary_counts_the_verdicts_over_models_and_tasks() -> None:
    answers = [
        example_report.record("m", task, method, f"q{n}", correct, tokens)
        for task in ("x", "y")
        for n in range(100)
        for method, correct, tokens in (("cot", 1, 100), ("short", int(n < 50), 25))
    ]
    (summary,) = summaries(leaderboard(answers))
    assert (summary.method, summary.baseline) == ("short", "cot")
    assert summary.verdicts == {"worse": 2}
    assert summary.ratios == [0.25, 0.25]


def test_a_token_box_holds_the_percentiles_and_names_the_longest_answer() -> None:
    answers = [
        example_report.record("m", "t", "cot", f"q{tokens}", 1, tokens) for tokens in range(101)
    ]
    (box,) = distribution_panels(answers)["t"].to_dict()["data"]["values"]
    assert [box[k] for k in ("low", "q25", "median", "q75", "high")] == [5, 25, 50, 75, 95]
    assert box["longest"] == "100 (sample q100)"
    assert box["answers"] == 101


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_the_chart_is_drawn_without_a_page_too(tmp_path: Path, suffix: str) -> None:
    answers = example_report.records(["a", "b"], ["x", "y"], size=20)
    answers += _answers(model="\ud800")
    save_chart(scatter_chart(leaderboard(answers)), tmp_path / f"chart{suffix}")
    assert (tmp_path / f"chart{suffix}").stat().st_size > 5000


def test_a_chart_in_html_runs_no_text_of_others(tmp_path: Path) -> None:
    rows = leaderboard(_answers(model="m</script><script>alert(1)</script>"))
    save_chart(scatter_chart(rows), tmp_path / "chart.html")
    text = (tmp_path / "chart.html").read_text()
    assert "<script>alert" not in text
    assert "\\u003cscript\\u003ealert" in text
    assert (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-" in text
    )


def _answers(model: str = "m", task: str = "gsm8k", method: str = "direct") -> list[Record]:
    return [
        example_report.record(model, task, name, MODEL, correct, tokens)
        for name, correct, tokens in (("cot", 1, 200), (method, 0, 10))
    ]


def _page(
    folder: Path,
    answers: list[Record],
    problems: list[str] | None = None,
    reference: list[ReferenceRow] | None = None,
) -> Page:
    path = folder / "report.html"
    settings = example_report.settings(answers)
    write_page(path, leaderboard(answers), answers, settings, problems or [], reference or [])
    return Page(path)


def test_a_page_sets_settings_apart_wherever_a_method_is_named(tmp_path: Path) -> None:
    answers = [
        replace(record, setting=Setting.of({"reasoning_effort": effort, "top_p": 0.5}))
        for effort in ("low", "high")
        for record in example_report.records(["m"], ["x", "y"], size=20)
    ]
    path = tmp_path / "report.html"
    settings = [
        RunSettings("m", task, "cot", log=f"{task}-{effort}.eval", values={}, setting=setting)
        for task in ("x", "y")
        for effort in ("low", "high")
        for setting in [Setting.of({"reasoning_effort": effort, "top_p": 0.5})]
    ]
    write_page(path, leaderboard(answers), answers, settings, [])
    text = path.read_text(encoding="utf-8")
    for effort in ("low", "high"):
        label = f"cot · reasoning_effort={effort}"
        full = f"reasoning_effort={effort}, top_p=0.5"
        # a row for each task, with all of its setting at hand, and their average
        assert text.count(f'<th scope="row" title="{full}">{label}</th>') == 2
        assert text.count(f'<th scope="row">{label}</th>') == 1
        # the runs, and a card against the baseline at the same setting
        assert text.count(f"<summary>{label} <small>") == 2
        assert f"<h2>direct · reasoning_effort={effort} <small>against {label}</small></h2>" in text
    boxes = distribution_panels(answers)["x"].to_dict()["data"]["values"]
    points = scatter_chart(leaderboard(answers)).to_dict()["vconcat"][0]["data"]["values"]
    assert len({box["method"] for box in boxes}) == len(boxes) == len(points) == 6


def test_the_page_has_a_column_of_answers_cut_in_their_reasoning_where_there_are_any(
    tmp_path: Path,
) -> None:
    cut = [
        example_report.record("m", "t", "cot", f"q{n}", 0, 64, cut_in_reasoning=float(n < 1))
        for n in range(4)
    ]
    title = "Cut in reasoning</button>"
    page = _page(tmp_path, cut)
    assert "Cut in reasoning" in page.texts["button"]
    assert "25 %<small>1 of 4</small>" in (tmp_path / "report.html").read_text()
    _page(tmp_path, cut[1:])
    assert title not in (tmp_path / "report.html").read_text()
