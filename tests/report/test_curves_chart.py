"""The charts of curves, and what the page and the command write of them."""

import json
from pathlib import Path

import pytest
from command import one_line, tale_eval
from records import answer

from tale_eval.analysis.curves import curves
from tale_eval.analysis.frontiers import frontiers
from tale_eval.analysis.leaderboard import LeaderboardRow, leaderboard
from tale_eval.errors import InvalidValueError
from tale_eval.report.charts import save_chart
from tale_eval.report.curves_chart import (
    MOST_STEPS,
    curve_panels,
    curves_chart,
    within_panels,
)


def rows(*methods: str) -> list[LeaderboardRow]:
    """Each row with answers of 100, 200 … tokens, every second one right."""
    return leaderboard(
        answer(method, f"q{n}", n % 2, 100 * (n + place + 1))
        for place, method in enumerate(methods)
        for n in range(4)
    )


SWEPT = rows("cot", "budget:tokens=50", "budget:tokens=100")


def test_a_panel_holds_the_curve_the_other_rows_and_the_frontier() -> None:
    panels = curve_panels(SWEPT, curves(SWEPT), frontiers(SWEPT))
    assert list(panels) == [("sums", "tokens")]
    values = panels["sums", "tokens"].to_dict()["data"]["values"]
    assert [(v["kind"], v["method"], v["at"]) for v in values] == [
        ("curve", "budget by tokens", 350),
        ("curve", "budget by tokens", 450),
        ("alone", "cot", 250),
        ("frontier", "", 250),
    ]


def test_a_row_of_many_answers_has_no_more_steps_than_can_be_seen() -> None:
    many = leaderboard(answer("cot", f"q{n}", 1, n + 1) for n in range(5000))
    values = within_panels(many)["sums"].to_dict()["data"]["values"]
    assert len(values) <= MOST_STEPS + 2
    assert (values[-1]["at"], values[-1]["share"]) == (5000, 1)
    # each step that is drawn is exact
    assert all(value["share"] == pytest.approx(value["at"] / 5000) for value in values)


def test_without_a_curve_there_is_nothing_to_draw() -> None:
    alone = rows("cot", "direct")
    with pytest.raises(InvalidValueError, match="nothing to join to a curve"):
        curves_chart(alone, curves(alone), frontiers(alone))


@pytest.mark.parametrize(
    ("name", "begins"), [("c.svg", b"<svg"), ("c.pdf", b"%PDF-"), ("c.png", b"\x89PNG")]
)
def test_a_curve_is_written_for_papers(name: str, begins: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    save_chart(curves_chart(SWEPT, curves(SWEPT), frontiers(SWEPT)), path)
    assert path.read_bytes().startswith(begins)


CALL = {"purpose": "answer", "model": "hf/m", "counted_by": "tokenizer", "input_tokens": 10}


def test_the_command_writes_the_curve_and_says_what_it_shows(tmp_path: Path) -> None:
    for method, tokens in (("cot", 90), ("budget:tokens=50", 40), ("budget:tokens=100", 80)):
        row = {
            "doc": {"prompt_version": "1", "task": "gsm8k", "method": method, "id": "q"},
            "calls": [CALL | {"output_tokens": tokens}],
            "correct": 1,
        }
        name = f"samples_tale_{method.replace(':', '_')}_2026-01-01T00-00-00.000000.jsonl"
        (tmp_path / name).write_text(json.dumps(row) + "\n", encoding="utf-8")
    written = ("--curve", "c.pdf", "--json", "r.json", "--html", "p.html")
    done = tale_eval("report", ".", *written, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "c.pdf").read_bytes().startswith(b"%PDF-")
    assert "budget by tokens (50, 100): mean accuracy 100.0 % over 40.0 tokens to 80.0 tokens" in (
        done.stdout
    )
    report = json.loads((tmp_path / "r.json").read_text())
    (curve,) = report["curves"]
    assert [point["level"] for point in curve["points"]] == ["50", "100"]
    (frontier,) = report["frontiers"]
    assert [place["label"] for place in frontier["places"]] == ["budget:tokens=50"]
    assert (frontier["reference"], frontier["hypervolume"]) == (90, pytest.approx(50 / 90))
    (ock,) = (m for m in report["measures"] if m["name"] == "ock_score")
    assert "OckBench's code" in ock["source"]
    page = (tmp_path / "p.html").read_text()
    assert "sums: accuracy by tokens" not in page
    assert "gsm8k: accuracy by tokens" in page


def test_a_curve_file_of_another_kind_is_an_error_before_anything_is_read(tmp_path: Path) -> None:
    done = tale_eval("report", "gone", "--curve", "c.bmp", cwd=tmp_path)
    assert done.returncode == 2
    assert "c.bmp: a chart ends in one of .svg, .pdf, .png" in one_line(done.stderr, "error")
