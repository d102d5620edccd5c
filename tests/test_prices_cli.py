"""`tale-eval prices`, and Inspect's own cost limit made to work by what it writes."""

import json
from pathlib import Path

import pytest
from command import inspect, one_line, tale_eval
from inspect_ai.log import list_eval_logs, read_eval_log
from questions import gsm8k_file
from records import answer
from server import Reply, chat_server

from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.analysis.money import price_notes
from tale_eval.records import RunSettings

MINI = "openai/gpt-4o-mini"


def test_a_table_with_long_calls_and_the_lists_version_and_date(tmp_path: Path) -> None:
    done = tale_eval(
        "prices", "anthropic/claude-sonnet-4-5", "hf/m", "--day", "2026-11-02", cwd=tmp_path
    )
    assert done.returncode == 0
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "anthropic/claude-sonnet-4-5 3 0.3 3.75 15" in lines
    assert "a call above 200,000 input tokens 6 0.6 7.5 22.5" in lines
    assert lines[-1].startswith("genai-prices ")
    assert lines[-1].endswith("; as of 2026-11-02")
    assert one_line(done.stderr, "note") == "note: hf/m: no price is known; --prices takes yours"


@pytest.mark.parametrize(
    ("options", "price"),
    [
        (["--batch"], "0.125 0.0125 0.125 1"),
        (["--service-tier", "flex"], "0.125 0.0125 0.125 1"),
        ([], "0.25 0.025 0.25 2"),
    ],
)
def test_a_batch_and_a_tier(options: list[str], price: str, tmp_path: Path) -> None:
    done = tale_eval("prices", "openai/gpt-5-mini", *options, "--day", "2026-11-02", cwd=tmp_path)
    assert f"openai/gpt-5-mini {price}" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["hf/m"], "no price is known of any of these models"),
        ([MINI, "--day", "yesterday"], "--day yesterday: write it as 2026-11-02"),
        (
            ["hf/m", "--prices", "own.json", "--for-inspect", "c.json"],
            "Inspect knows none of these",
        ),
    ],
)
def test_what_cannot_be_said_is_one_line(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "own.json").write_text('{"hf/m": {"input": 1, "output": 2}}')
    done = tale_eval("prices", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in one_line(done.stderr, "error")
    assert not (tmp_path / "c.json").exists()


def test_the_file_holds_what_inspect_takes_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text('{"openai-api/loop/m": {"input": 1, "output": 2}}')
    options = ("--prices", "own.json", "--for-inspect", "costs.json", "--day", "2026-11-02")
    models = (MINI, "anthropic/claude-sonnet-4-5", "openai-api/loop/m")
    done = tale_eval("prices", *models, *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "costs.json").read_text()) == {
        MINI: {
            "input": 0.15,
            "output": 0.6,
            "input_cache_write": 0.15,
            "input_cache_read": 0.075,
        },
        "anthropic/claude-sonnet-4-5": {
            "input": 3.0,
            "output": 15.0,
            "input_cache_write": 3.75,
            "input_cache_read": 0.3,
        },
    }
    assert "openai-api/loop/m: unknown to Inspect, which would refuse the whole" in done.stderr
    assert "anthropic/claude-sonnet-4-5: long calls cost more, which Inspect" in done.stderr


@pytest.mark.slow
def test_inspects_cost_limit_ends_samples_by_the_file(tmp_path: Path) -> None:
    """A call reads 1,000 and writes 1,000 tokens: 0.00015 + 0.0006 dollars."""
    tale_eval("prices", MINI, "--for-inspect", "costs.json", cwd=tmp_path)
    found = {}
    with chat_server(
        lambda prompt, request: Reply("So [[4]]", output_tokens=1000, input_tokens=1000)
    ) as server:
        for limit in ("0.0007", "0.0008"):
            done = inspect(
                *("eval", "tale_eval/gsm8k", "-T", f"source={gsm8k_file(tmp_path, 2)}"),
                *("-T", "method=cot", "--model", MINI, "--max-retries", 1, "--display", "plain"),
                *("--model-cost-config", "costs.json", "--cost-limit", limit),
                *("--log-dir", limit),
                cwd=tmp_path,
                variables=server.variables,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            (info,) = list_eval_logs(str(tmp_path / limit))
            log = read_eval_log(info)
            assert log.status == "success"
            samples = log.samples or []
            costs = [sample.model_usage[MINI].total_cost for sample in samples]
            assert costs == pytest.approx([0.00075, 0.00075])
            found[limit] = [sample.limit.type if sample.limit else None for sample in samples]
    assert found == {"0.0007": ["cost", "cost"], "0.0008": [None, None]}


# --- The day of the prices ---


def run(day: str | None) -> RunSettings:
    values = {"prices": {"day": day}} if day else {}
    return RunSettings("m", "sums", "cot", log="a.eval", values=values)


def test_the_days_of_the_prices_are_said_where_dollars_are_known() -> None:
    rows = leaderboard([answer("cot", "a", 1, 100, dollars=0.001)])
    days = [run("2026-11-03"), run(None), run("2026-11-01"), run("2026-11-02")]
    assert price_notes(rows, days) == [
        "dollars: the list prices of the day of each call, 2026-11-01 to 2026-11-03 (genai-prices)"
    ]
    assert price_notes(rows, [run("2026-11-01")], own=["hf/m"]) == [
        "dollars: the list prices of the day of each call, 2026-11-01 (genai-prices), of hf/m "
        "your own"
    ]
    assert price_notes(rows, days, own=["m"]) == []
    unknown = leaderboard([answer("cot", "a", 1, 100)])
    assert price_notes(unknown, days) == price_notes(rows, [run(None)]) == []
