"""Runs at several settings, from the run to the report: a row each, and right to the token."""

from pathlib import Path
from typing import Any

import pytest
from command import tale_eval
from inspect_ai import eval
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log
from inspect_ai.model import (
    ChatMessageAssistant,
    Content,
    ContentImage,
    ContentReasoning,
    ContentText,
    GenerateConfig,
    Model,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.tool import ToolCall
from questions import gsm8k_file

from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.asking.setting import Setting
from tale_eval.inspect_ext.counting import silent
from tale_eval.inspect_ext.logs.headers import LogHeader, read_header
from tale_eval.inspect_ext.logs.labels import run_setting
from tale_eval.inspect_ext.logs.searches import read_searches
from tale_eval.logs import read_records
from tale_eval.tasks.gsm8k import gsm8k

SIZE = 3
WRITES = {"low": 20, "high": 200, None: 70}
"""Output tokens of a reply, by effort."""


def model(reasoning_effort: str | None = None, **brought: Any) -> Model:
    """A model whose replies are as long as their effort says; it may bring settings along."""

    def reply(_: Any, __: Any, ___: Any, config: GenerateConfig) -> ModelOutput:
        output = ModelOutput.from_content("mockllm/model", "[[0]]")
        written = WRITES[config.reasoning_effort]
        output.usage = ModelUsage(input_tokens=9, output_tokens=written, total_tokens=9 + written)
        return output

    config = GenerateConfig(reasoning_effort=reasoning_effort, **brought)  # type: ignore[arg-type]
    return get_model("mockllm/model", custom_outputs=reply, config=config, memoize=False)


def run(folder: Path, method: str = "cot", *, by: Model | None = None, **options: Any) -> EvalLog:
    source = str(gsm8k_file(folder.parent, SIZE))
    (log,) = eval(
        gsm8k(source=source, method=method),
        by or model(),
        log_dir=str(folder),
        display="none",
        **options,
    )
    assert log.status == "success", log.error
    return log


def rows_of(folder: Path) -> dict[str, tuple[int, float | None]]:
    read = read_records([str(folder)])
    assert read.problems == []
    return {row.label: (row.n, row.means["output_tokens"]) for row in leaderboard(read.records)}


def test_two_efforts_are_two_rows_with_their_own_tokens(tmp_path: Path) -> None:
    for effort in ("low", "high"):
        run(tmp_path / effort, reasoning_effort=effort)
    assert rows_of(tmp_path) == {
        "cot · reasoning_effort=low": (SIZE, 20),
        "cot · reasoning_effort=high": (SIZE, 200),
    }


def test_one_folder_holds_several_settings(tmp_path: Path) -> None:
    run(tmp_path / "logs", reasoning_effort="high")
    run(tmp_path / "logs")
    assert rows_of(tmp_path / "logs") == {
        "cot · reasoning_effort=default": (SIZE, 70),
        "cot · reasoning_effort=high": (SIZE, 200),
    }


def test_runs_that_differ_in_what_cannot_matter_are_one_row(tmp_path: Path) -> None:
    run(tmp_path / "a", max_connections=1, max_retries=1, seed=1)
    run(tmp_path / "b", max_connections=8, timeout=60, log_samples=True, seed=2)
    assert rows_of(tmp_path) == {"cot": (2 * SIZE, 70)}


def test_a_setting_that_the_model_brings_along_counts(tmp_path: Path) -> None:
    """As in Python, `get_model(…, config=…)`; a run's own setting overrides it."""
    run(tmp_path / "a", by=model("low"))
    run(tmp_path / "b", by=model("low"), reasoning_effort="high")
    assert rows_of(tmp_path) == {
        "cot · reasoning_effort=low": (SIZE, 20),
        "cot · reasoning_effort=high": (SIZE, 200),
    }


def test_the_header_alone_says_what_inspect_says_of_a_setting(tmp_path: Path) -> None:
    log = run(
        tmp_path / "logs",
        by=model("low", top_p=0.5),
        extra_body={"thinking_token_budget": 64},
        system_message="Be brief.",
    )
    ours = read_header(log.location)
    theirs = read_eval_log(log.location, header_only=True)
    assert isinstance(ours, LogHeader)
    setting = run_setting(theirs.eval, theirs.plan.config)
    assert run_setting(ours.eval, ours.plan.config) == setting  # type: ignore[arg-type]
    # gsm8k's own are the paper's
    assert setting == Setting.of(
        {
            "reasoning_effort": "low",
            "top_p": 0.5,
            "temperature": 0.1,
            "max_tokens": 1024,
            "system_message": "Be brief.",
            "extra_body": {"thinking_token_budget": 64},
        }
    )
    (record, *_) = read_records([str(tmp_path / "logs")]).records
    assert record.setting == setting


def test_searches_and_estimates_carry_their_setting(tmp_path: Path) -> None:
    for effort in ("low", "high"):
        run(tmp_path / effort, "budget_search", reasoning_effort=effort)
    found, _ = read_searches([str(tmp_path)])
    assert sorted((s.setting.values["reasoning_effort"], s.question[-1]) for s in found) == [
        (effort, "1") for effort in ("high", "low") for _ in range(SIZE)
    ]


def test_the_report_shows_each_setting_in_every_file(tmp_path: Path) -> None:
    for method in ("cot", "direct"):
        for effort in ("low", "high"):
            run(tmp_path / "logs", method, reasoning_effort=effort)
    files = {kind: tmp_path / f"r.{kind}" for kind in ("html", "csv", "json", "markdown")}
    options = [word for kind, path in files.items() for word in (f"--{kind}", path)]
    done = tale_eval("report", tmp_path / "logs", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for kind, path in files.items():
        text = path.read_text(encoding="utf-8")
        for label in ("cot · reasoning_effort=low", "direct · reasoning_effort=high"):
            assert label in text, kind
    full = "max_tokens=1024, reasoning_effort=low, temperature=0.1"
    assert full in files["csv"].read_text(encoding="utf-8")
    assert f'"setting": "{full}"' in files["json"].read_text(encoding="utf-8")
    assert '--baseline "cot · reasoning_effort=low"' in " ".join(done.stderr.split())
    named = tale_eval(
        "report", tmp_path / "logs", "--baseline", "cot, reasoning_effort=low", cwd=tmp_path
    )
    assert "compares every row with that one" not in " ".join(named.stderr.split())
    # one baseline, three verdicts
    assert named.stdout.count("baseline") == 1


# --- answers that were cut off in their reasoning ---


def output(content: str | list[Content], **more: Any) -> ModelOutput:
    message = ChatMessageAssistant(content=content, **more)
    return ModelOutput.from_message(message, stop_reason="max_tokens")


@pytest.mark.parametrize(
    ("said", "nothing"),
    [
        (output(""), True),
        (output(" \n"), True),
        (output([ContentReasoning(reasoning="So 2 and")]), True),
        (output([ContentReasoning(reasoning="So"), ContentText(text="It is")]), False),
        # where the server has no parser, a block that was cut off stands in the text
        (output("<think>So 2 and 2 are"), True),
        (output("<think>So 4</think>"), True),
        (output("<think>So 4</think>It is"), False),
        (output("It is"), False),
        (output([ContentImage(image="data:image/png;base64,AA==")]), False),
        (output("", tool_calls=[ToolCall(id="1", function="f", arguments={})]), False),
        (ModelOutput(model="m"), True),
    ],
)
def test_a_reply_is_silent_where_nothing_but_reasoning_is_there(
    said: ModelOutput, nothing: bool
) -> None:
    assert silent(said) is nothing


def thinker(cap: int) -> Model:
    """Thinks 100 tokens, then answers in 10; what is beyond the cap is never written."""

    def reply(_: Any, __: Any, ___: Any, config: GenerateConfig) -> ModelOutput:
        thought = ContentReasoning(reasoning="…")
        written = min(cap, 110)
        text = [ContentText(text="So [[0]]")] if cap > 100 else []
        said = ModelOutput.from_message(
            ChatMessageAssistant(content=[thought, *text], model="mockllm/model"),
            stop_reason="max_tokens" if cap < 110 else "stop",
        )
        said.usage = ModelUsage(
            input_tokens=9, output_tokens=written, reasoning_tokens=min(written, 100)
        )
        return said

    return get_model("mockllm/model", custom_outputs=reply, memoize=False)


@pytest.mark.parametrize(("cap", "cut", "truncated"), [(64, 1, 1), (105, 0, 1), (200, 0, 0)])
def test_reasoning_that_ate_the_cap_is_counted(
    cap: int, cut: int, truncated: int, tmp_path: Path
) -> None:
    """By the summaries of a log, and by its whole samples."""
    log = run(tmp_path / "logs", by=thinker(cap), max_tokens=cap)
    (row,) = leaderboard(read_records([str(tmp_path / "logs")]).records)
    assert (row.means["cut_in_reasoning"], row.means["truncated"]) == (cut, truncated)
    assert row.measure("cut_in_reasoning").value == (1 if cut else None)
    for sample in log.samples or []:
        sample.scores = {}
    write_eval_log(log, log.location)
    whole = read_records([str(tmp_path / "logs")]).records
    assert [record.costs["cut_in_reasoning"] for record in whole] == [cut] * SIZE


def test_inspects_own_display_has_a_line_where_it_happens_and_nowhere_else(tmp_path: Path) -> None:
    shown = {}
    for cap in (64, 200):
        log = run(tmp_path / str(cap), by=thinker(cap), max_tokens=cap)
        assert log.results is not None
        names = (name for score in log.results.scores for name in score.metrics)
        shown[cap] = "cut_in_reasoning" in names
    assert shown == {64: True, 200: False}
