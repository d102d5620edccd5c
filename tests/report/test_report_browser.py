"""The HTML report in headless Chromium, with the network cut."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import example_report
import pytest

pytestmark = pytest.mark.slow

HOSTILE = '<img src=x onerror="window.pwned=1">'
QUOTED = """data "set" 'name' </script><script>window.pwned=1</script>"""
SCREENSHOT = "TALE_EVAL_SCREENSHOT"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("install chromium and chromedriver (Debian: chromium, chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for argument in (
        "--headless=new",
        "--hide-scrollbars",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--force-device-scale-factor=1",
        "--window-size=1280,1000",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    service = webdriver.ChromeService(driver)
    with webdriver.Chrome(options, service) as opened:
        yield opened


@pytest.fixture(scope="module")
def realistic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("realistic") / "report.html"
    example_report.write_realistic(path)
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    answers = [
        example_report.record(model, QUOTED, method, HOSTILE, correct, tokens * longer)
        for model, longer in ((HOSTILE, 1), ("m", 3))
        for method, correct, tokens in (("cot", 1, 300), (HOSTILE, 0, 20), (QUOTED, None, 9))
    ]
    example_report.write_example(path, answers)
    return path


def test_it_draws_every_chart_and_asks_for_nothing_but_itself(
    browser: Any, realistic: Path
) -> None:
    _open(browser, realistic)
    assert len(_all(browser, "figure svg")) == 6
    assert {url for url in _requests(browser) if not url.startswith("data:")} == {
        realistic.as_uri()
    }
    assert _complaints(browser) == []


def test_a_click_on_a_heading_sorts_and_a_second_click_turns_the_order(
    browser: Any, realistic: Path
) -> None:
    _open(browser, realistic)
    tokens = next(h for h in _all(browser, "#leaderboard thead th") if "Tokens" in h.text)
    column = _all(browser, "#leaderboard thead th").index(tokens)
    tokens.find_element("css selector", "button").click()
    assert tokens.get_attribute("aria-sort") == "ascending"
    shown = _values(browser, column)
    assert len(shown) == 14
    assert shown == sorted(shown)
    tokens.find_element("css selector", "button").click()
    assert tokens.get_attribute("aria-sort") == "descending"
    assert _values(browser, column) == sorted(shown, reverse=True)


def test_the_keyboard_sorts_too(browser: Any, realistic: Path) -> None:
    _open(browser, realistic)
    heading = _all(browser, "#leaderboard thead th")[2]
    heading.find_element("css selector", "button").send_keys(" ")
    assert heading.get_attribute("aria-sort") == "ascending"
    methods = [cell.text.split()[0] for cell in _all(browser, "#leaderboard tbody th")]
    assert methods == sorted(methods)


def test_what_is_unknown_stands_last_in_either_order(browser: Any, realistic: Path) -> None:
    _open(browser, realistic)
    headings = _all(browser, "#leaderboard thead th")
    column = next(i for i, heading in enumerate(headings) if "Scored" in heading.text)
    for _ in range(2):
        headings[column].find_element("css selector", "button").click()
        cells = [c.text for c in _all(browser, f"tbody tr > :nth-child({column + 1})")][:14]
        assert cells[-2:] == ["–", "–"]  # the two printed rows do not say how many


def test_the_three_controls_filter_the_table_and_the_charts(browser: Any, realistic: Path) -> None:
    _open(browser, realistic)
    _choose(browser, "task", "gsm8k")
    assert len(_shown_rows(browser)) == 8
    assert [f.is_displayed() for f in _all(browser, "figure")] == [True, False] * 3
    _choose(browser, "model", "example/model-b")
    assert len(_shown_rows(browser)) == 3
    browser.find_element("id", "words").send_keys("tale")
    (row,) = _shown_rows(browser)
    assert "example/model-b" in row.text
    assert browser.find_element("id", "shown").text == "1 of 14 rows"


def test_choosing_a_model_leaves_only_its_points(browser: Any, realistic: Path) -> None:
    _open(browser, realistic)
    assert len(_points(browser)) == 6
    _choose(browser, "model", "example/model-b")
    _wait(browser, lambda: len(_points(browser)) == 3)


def test_a_point_under_the_pointer_shows_its_numbers(browser: Any, realistic: Path) -> None:
    _open(browser, realistic)
    tip = _hover(browser, _points(browser)[0])
    assert "example/model-a" in tip
    assert "accuracy" in tip
    assert "%" in tip


def test_all_columns_are_shown_on_request(browser: Any, realistic: Path) -> None:
    _open(browser, realistic)
    before = sum(h.is_displayed() for h in _all(browser, "#leaderboard thead th"))
    browser.find_element("id", "more").click()
    after = sum(h.is_displayed() for h in _all(browser, "#leaderboard thead th"))
    assert after > before


def test_a_click_on_a_name_in_the_legend_shows_its_curve_alone(
    browser: Any, tmp_path: Path
) -> None:
    path = tmp_path / "swept.html"
    example_report.write_swept(path)
    _open(browser, path)
    (figure,) = _all(browser, "figure.curve")
    lines = figure.find_elements("css selector", ".mark-line.role-mark path")
    # a curve for each model and a frontier for each
    assert len(lines) == 4
    names = figure.find_elements("css selector", ".role-legend-label text")
    (cot,) = (name for name in names if name.text == "cot")
    _click(browser, cot)
    _wait(browser, lambda: "0.12" in _opacities(figure))
    assert "1" in _opacities(figure)
    _choose(browser, "model", "a")
    _wait(browser, lambda: len(figure.find_elements("css selector", _SYMBOLS)) == 4)
    assert {url for url in _requests(browser) if not url.startswith("data:")} == {path.as_uri()}
    assert _complaints(browser) == []


_SYMBOLS = '.mark-symbol.role-mark path[aria-roledescription="point"]'


def _opacities(figure: Any) -> set[str]:
    return {str(p.get_attribute("opacity")) for p in figure.find_elements("css selector", _SYMBOLS)}


def _click(browser: Any, element: Any) -> None:
    from selenium.webdriver import ActionChains

    ActionChains(browser).scroll_to_element(element).move_to_element(element).click().perform()


def test_on_a_phone_only_the_table_scrolls_sideways(browser: Any, realistic: Path) -> None:
    metrics = {"width": 375, "height": 800, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        _open(browser, realistic)
        width = browser.execute_script("return document.documentElement.scrollWidth")
        assert width == 375
        for svg in _all(browser, "figure svg"):
            assert svg.rect["x"] + svg.rect["width"] <= 375
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_no_text_from_a_model_or_a_data_set_runs(browser: Any, hostile: Path) -> None:
    _open(browser, hostile)
    for mark in ("figure.scatter .mark-symbol", "figure.distribution .mark-rect"):
        point = next(p for p in _all(browser, f"{mark} path") if HOSTILE in _label(p))
        assert HOSTILE in _hover(browser, point)
    for heading in _all(browser, "#leaderboard thead button"):
        if heading.is_displayed():
            heading.click()
    for summary in _all(browser, "summary"):
        summary.click()
    browser.find_element("id", "words").send_keys("<img")
    _choose(browser, "model", HOSTILE)
    _choose(browser, "task", QUOTED)
    assert len(_shown_rows(browser)) == 3
    assert browser.execute_script("return window.pwned") is None
    assert _all(browser, "img") == []
    assert _complaints(browser) == []


def test_its_picture(browser: Any, realistic: Path, tmp_path: Path) -> None:
    """Writes the picture to the file that TALE_EVAL_SCREENSHOT names."""
    path = Path(os.environ.get(SCREENSHOT, tmp_path / "report.png"))
    browser.set_window_size(1280, 1990)
    _open(browser, realistic)
    browser.save_screenshot(str(path))
    assert 20_000 < path.stat().st_size < 300_000


def _open(browser: Any, path: Path) -> None:
    """Load a page afresh; what was logged before is read away."""
    browser.get_log("performance")
    browser.get_log("browser")
    browser.get(path.as_uri())
    _wait(browser, lambda: _all(browser, "html[data-ready]"))


def _wait(browser: Any, condition: Any) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    # minutes: it only ends a test of a page that is broken, however busy the machine
    WebDriverWait(browser, 300).until(lambda _: condition())


def _all(browser: Any, selector: str) -> list[Any]:
    found: list[Any] = browser.find_elements("css selector", selector)
    return found


def _shown_rows(browser: Any) -> list[Any]:
    return [row for row in _all(browser, "#leaderboard tbody tr") if row.is_displayed()]


def _values(browser: Any, column: int) -> list[float]:
    cells = _all(browser, f"#leaderboard tbody tr > :nth-child({column + 1})")
    return [float(cell.get_attribute("data-value")) for cell in cells]


def _choose(browser: Any, name: str, value: str) -> None:
    from selenium.webdriver.support.ui import Select

    Select(browser.find_element("id", name)).select_by_visible_text(value)


def _points(browser: Any) -> list[Any]:
    """The measured points of the first scatter: the marks that a screen reader calls points."""
    figure = _all(browser, "figure.scatter")[0]
    selector = '.mark-symbol path[aria-roledescription="point"]'
    return [p for p in figure.find_elements("css selector", selector) if "measured" in _label(p)]


def _label(point: Any) -> str:
    return point.get_attribute("aria-label") or ""


def _hover(browser: Any, element: Any) -> str:
    """The tooltip's text when the pointer stands on an element."""
    from selenium.webdriver import ActionChains

    ActionChains(browser).scroll_to_element(element).move_to_element(element).perform()
    shown = "#vg-tooltip-element.visible"
    _wait(browser, lambda: _all(browser, shown))
    return str(_all(browser, shown)[0].text)


def _requests(browser: Any) -> list[str]:
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return [params["request"]["url"] for params in sent]


def _complaints(browser: Any) -> list[str]:
    """Errors and warnings of the console."""
    return [entry["message"] for entry in browser.get_log("browser")]
