"""The board in headless Chromium, with the network cut: 200 rows, and a page for each."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import example_report
import pytest
from test_report_browser import (
    _all,
    _choose,
    _complaints,
    _open,
    _requests,
    _shown_rows,
    _wait,
    browser as browser,
)

from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.analysis.problems import problems
from tale_eval.asking.setting import Setting
from tale_eval.records import Record, RunSettings
from tale_eval.report.board import write_board

pytestmark = pytest.mark.slow

SCREENSHOT = "TALE_EVAL_BOARD_SCREENSHOT"
EFFORTS = ("low", "high")
TASKS = tuple(f"task-{n}" for n in range(10))
METHODS = ("cot", "direct", "tale_ep", "chain_of_draft", "concise")


def write(folder: Path, records: list[Record]) -> Path:
    runs: dict[object, RunSettings] = {}
    for each in records:
        values = {"generation": dict(each.setting.values), "versions": {"inspect_ai": "0.3.285"}}
        runs.setdefault(
            (each.model, each.task, each.variant),
            RunSettings(
                each.model,
                each.task,
                each.method,
                setting=each.setting,
                log=f"{len(runs):03}.eval",
                values=values,
                sha256=f"{len(runs):064x}",
            ),
        )
    rows = leaderboard(records)
    sources = ["ours.parquet", "theirs.parquet"]
    write_board(folder, rows, records, list(runs.values()), problems(rows), sources=sources)
    return folder / "index.html"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, ten tasks, five methods at two settings: 200 rows."""
    records = [
        replace(
            example_report.record(model, task, method, f"q{n}", (n + m) % 3 > 0, 20 * m + 10 * n),
            setting=Setting({"reasoning_effort": effort}),
        )
        for model in ("example/model-a", "example/model-b")
        for task in TASKS
        for m, method in enumerate(METHODS, 1)
        for effort in EFFORTS
        for n in range(1, 5)
    ]
    return write(tmp_path_factory.mktemp("large"), records)


@contextmanager
def emulated(browser: Any, command: str, on: dict[str, Any], off: dict[str, Any]) -> Iterator[None]:
    browser.execute_cdp_cmd(f"Emulation.{command}", on)
    try:
        yield
    finally:
        browser.execute_cdp_cmd(f"Emulation.{command}", off)


def pages(index: Path) -> list[Path]:
    """The first page, and one of a row."""
    return [index, min((index.parent / "rows").iterdir())]


def back_of(browser: Any, selector: str) -> list[int]:
    """Red, green and blue of an element's background."""
    script = "return getComputedStyle(document.querySelector(arguments[0])).backgroundColor"
    shade = browser.execute_script(script, selector)
    return [int(part) for part in shade.strip("rgb()").split(",")]


def test_two_hundred_rows_and_no_request_to_anywhere(browser: Any, large: Path) -> None:
    for path in pages(large):
        _open(browser, path)
        asked = {url for url in _requests(browser) if not url.startswith("data:")}
        assert asked == {path.as_uri()}
        assert _complaints(browser) == []
    _open(browser, large)
    assert len(_shown_rows(browser)) == 200
    assert browser.find_element("id", "shown").text == "200 of 200 rows"
    assert len(list((large.parent / "rows").iterdir())) == 200


def test_models_tasks_methods_and_settings_filter(browser: Any, large: Path) -> None:
    _open(browser, large)
    left = {"model": ("example/model-b", 100), "task": ("task-3", 10), "method": ("direct", 2)}
    for name, (value, count) in left.items():
        _choose(browser, name, value)
        assert len(_shown_rows(browser)) == count
    _choose(browser, "setting", "reasoning_effort=high")
    (row,) = _shown_rows(browser)
    assert row.find_element("css selector", "th").text == "direct · reasoning_effort=high"


def test_the_keyboard_alone_sorts_filters_and_leads_to_a_row_and_back(
    browser: Any, large: Path
) -> None:
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.keys import Keys

    def press(*keys: str) -> Any:
        ActionChains(browser).send_keys(*keys).perform()
        return browser.switch_to.active_element

    _open(browser, large)
    focused = browser.switch_to.active_element
    while focused.get_attribute("id") != "words":
        focused = press(Keys.TAB)
    press("task-7 direct high model-a")
    assert len(_shown_rows(browser)) == 1
    while "Tokens" not in focused.text or focused.tag_name != "button":
        focused = press(Keys.TAB)
    press(" ")
    heading = focused.find_element("xpath", "..")
    assert heading.get_attribute("aria-sort") == "ascending"
    while focused.tag_name != "a":
        focused = press(Keys.TAB)
    assert focused.text == "direct · reasoning_effort=high"
    press(Keys.ENTER)
    _wait(browser, lambda: _all(browser, "html[data-ready] #answers"))
    assert _all(browser, "h1")[0].text == "direct · reasoning_effort=high"
    assert press(Keys.TAB).text == "← Leaderboard"
    press(Keys.ENTER)
    _wait(browser, lambda: _all(browser, "html[data-ready] #leaderboard"))


def test_the_rows_of_a_method_at_its_settings_are_joined_to_curves(
    browser: Any, large: Path
) -> None:
    _open(browser, large)
    assert len(_all(browser, "figure.curve svg")) >= len(TASKS)


def test_a_rows_answers_sort_and_filter(browser: Any, large: Path) -> None:
    (path,) = (
        path
        for path in (large.parent / "rows").glob("task-0-direct-example-model-a-*.html")
        if "=high</h1>" in path.read_text()
    )
    _open(browser, path)
    tokens = next(b for b in _all(browser, "#answers thead button") if b.text == "Tokens")
    for ascending in (True, False):
        tokens.click()
        shown = [c.text for c in _all(browser, "#answers tbody td.number:nth-of-type(3)")]
        assert shown == (["50", "60", "70", "80"] if ascending else ["80", "70", "60", "50"])
    # the second method: question n is right unless n + 2 is a multiple of 3
    _choose(browser, "outcome", "wrong")
    assert [r.text.split()[0] for r in _all(browser, "#answers tbody tr") if r.is_displayed()] == [
        "q4",
        "q1",
    ]
    assert browser.find_element("id", "shown").text == "2 of 4 answers"
    # what the baseline said of question 1: right
    assert _all(browser, "#answers tbody tr td:nth-of-type(2)")[-1].text == "right"


def test_in_a_narrow_window_only_tables_scroll_sideways(browser: Any, large: Path) -> None:
    metrics = {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        for path in pages(large):
            _open(browser, path)
            width = browser.execute_script("return document.documentElement.scrollWidth")
            assert width == 375
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_in_the_dark_the_pages_are_dark_and_can_be_read(browser: Any, large: Path) -> None:
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    with emulated(browser, "setEmulatedMedia", dark, {"features": []}):
        for path in pages(large):
            _open(browser, path)
            assert max(back_of(browser, "body")) < 60
            ink = browser.execute_script("return getComputedStyle(document.body).color")
            assert min(int(part) for part in ink.strip("rgb()").split(",")) > 200
    _open(browser, large)
    assert min(back_of(browser, "body")) > 200


def test_its_picture(browser: Any, tmp_path: Path) -> None:
    """Writes the picture to the file that TALE_EVAL_BOARD_SCREENSHOT names."""
    records = [
        replace(
            each,
            setting=Setting({"reasoning_effort": effort}),
            costs=each.costs
            | {key: longer * (each.costs[key] or 0) for key in ("output_tokens", "dollars")},
        )
        for effort, longer in zip(EFFORTS, (1, 2), strict=True)
        for each in example_report.records(
            ["example/model-a", "example/model-b"], ["gsm8k", "mathbench"], size=200
        )
    ]
    path = Path(os.environ.get(SCREENSHOT, tmp_path / "board.png"))
    browser.set_window_size(1280, 1000)
    _open(browser, write(tmp_path / "site", records))
    browser.execute_script("document.querySelector('.controls').scrollIntoView()")
    browser.save_screenshot(str(path))
    assert 20_000 < path.stat().st_size < 300_000
