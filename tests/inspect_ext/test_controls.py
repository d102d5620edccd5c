"""One budget, many controls, in Inspect: what the server is asked, and what the log says of it.

The server's own record is what everything is compared with.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import choice, match
from inspect_ai.solver import Solver, generate
from questions import asks_for_budget, gsm8k_file, number_in
from reasoning_server import Behaviour, Exchange, Natural, ReasoningServer, reasoning_server

from tale_eval.errors import InvalidValueError
from tale_eval.grading.choice import ScoreChoice
from tale_eval.inspect_ext.logs.headers import read_header
from tale_eval.inspect_ext.logs.summaries import summary_records
from tale_eval.inspect_ext.logs.whole import whole_records
from tale_eval.logs import read_records
from tale_eval.solvers.budget import budget
from tale_eval.solvers.budget_search import budget_search
from tale_eval.solvers.tale_ep import tale_ep
from tale_eval.tasks.gsm8k import gsm8k
from tale_eval.tokens.ledger import Call

LOOP = "openai-api/loop/m"


def sums(prompt: str) -> Natural:
    """400 tokens of thinking and 40 of reply, the right answer last; an estimate of 30."""
    if asks_for_budget(prompt):
        return Natural(0, 2, "[[30]]")
    answer = str(2 * number_in(prompt))
    return Natural(400, 40, f"[[{answer}]]" if "[[" in prompt else answer)


def foreign() -> Task:
    """Somebody else's task, which knows nothing of budgets."""
    samples = [Sample(id=n, input=f"What is {n} plus {n}?", target=str(2 * n)) for n in range(2)]
    return Task(dataset=samples, solver=generate(), scorer=match(numeric=True))


def run(
    server: ReasoningServer,
    solver: Solver,
    folder: Path,
    model: str = LOOP,
    task: Task | None = None,
    **settings: Any,
) -> EvalLog:
    asked = task or gsm8k(source=str(gsm8k_file(folder, 2)))
    at = {"base_url": server.root if model.startswith("anthropic") else server.base_url}
    (log,) = eval(
        asked,
        get_model(model, api_key="none", memoize=False, **at),
        solver=solver,
        log_dir=str(folder / "logs"),
        display="none",
        max_retries=0,
        **settings,
    )
    return log


def calls(log: EvalLog) -> list[Call]:
    assert log.status == "success", log.samples and log.samples[0].error
    store = [sample.store["TaleRecord:calls"] for sample in log.samples or []]
    return [Call.model_validate(call) for each in store for call in each]


def error_of(log: EvalLog) -> str:
    assert log.status == "error"
    (message,) = {each.error.message for each in log.samples or [] if each.error}
    return message


Sent = tuple[str | None, int | None, int | None]
"""Effort, cap, thinking budget."""


def sent(exchange: Exchange) -> Sent:
    return exchange.effort, exchange.cap, exchange.thinking


@pytest.mark.parametrize("task", ["ours", "foreign"])
@pytest.mark.parametrize(
    ("control", "said", "asked", "controls", "written"),
    [
        # our tasks' own cap is 1024; the foreign one has none
        ("prompt", "use less than 30 tokens:", (None, None, None), {"prompt": 30}, (400, 30)),
        ("words", "use at most 22 words:", (None, None, None), {"words": 22}, (400, 22)),
        ("cap", "step by step:", (None, 50, None), {"cap": 50}, (50, 0)),
        ("effort", "step by step:", ("low", None, None), {"effort": "low"}, (100, 40)),
        ("thinking", "step by step:", (None, None, 30), {"thinking": 30}, (30, 40)),
        (
            "prompt+cap",
            "use less than 30 tokens:",
            (None, 50, None),
            {"prompt": 30, "cap": 50},
            (50, 0),
        ),
        (
            "cap+thinking",
            "step by step:",
            (None, 50, 30),
            {"cap": 50, "thinking": 30},
            (30, 20),
        ),
    ],
)
@pytest.mark.parametrize("method", ["budget", "tale_ep"])
def test_what_the_server_is_asked_and_what_the_ledger_says(
    method: str,
    control: str,
    said: str,
    asked: Sent,
    controls: dict,
    written: tuple[int, int],
    task: str,
    tmp_path: Path,
) -> None:
    solver = budget(tokens=30, control=control) if method == "budget" else tale_ep(control=control)
    with reasoning_server(sums) as server:
        log = run(server, solver, tmp_path, task=None if task == "ours" else foreign())
    answers = [e for e in server.exchanges if not asks_for_budget(e.prompt)]
    ledger = [call for call in calls(log) if call.purpose == "answer"]
    effort, cap, thinking = asked
    if cap is None and task == "ours":
        # the thinking budget comes on top of the run's own cap
        cap = 1024 + (thinking or 0)
    assert len(answers) == len(ledger) == 2
    for exchange in answers:
        assert sent(exchange) == (effort, cap, thinking)
        assert said in exchange.prompt
        assert (exchange.thought, exchange.visible) == written
    for call in ledger:
        assert (call.budget, call.controls) == (30, controls)
        assert (call.reasoning_tokens, call.output_tokens) == (written[0], sum(written))
        assert call.truncated is (sum(written) == 50)


@pytest.mark.parametrize("task", ["ours", "foreign"])
@pytest.mark.parametrize(
    ("control", "asked"),
    [
        # of 440 tokens by vanilla CoT: 220, 110, 55, 27, ..., 1 until an answer is wrong
        ("cap", [{"cap": 240}]),
        ("thinking", [{"thinking": n} for n in (220, 110, 55, 27, 13, 6, 3, 1)]),
        # one level for all of these
        ("effort", [{"effort": "low"}]),
    ],
)
def test_a_search_asks_smaller_budgets_by_the_same_control(
    control: str, asked: list[dict], task: str, tmp_path: Path
) -> None:
    solver = budget_search(control=control, strategy="halving")
    with reasoning_server(sums) as server:
        log = run(
            server, solver, tmp_path, task=None if task == "ours" else foreign(), max_samples=1
        )
    for sample in log.samples or []:
        ledger = [Call.model_validate(call) for call in sample.store["TaleRecord:calls"]]
        assert [call.controls for call in ledger if call.purpose == "search"] == asked
        assert [call.controls for call in ledger if call.purpose == "vanilla"] == [{}]
    (name, *_) = asked[0]
    received = [getattr(e, name) for e in server.exchanges]
    first = received[0]
    expected = [first, *(each[name] for each in asked)]
    assert received == expected * 2


def test_a_multiple_choice_of_somebody_elses_is_asked_with_the_settings(tmp_path: Path) -> None:
    sample = Sample(input="What is 1 plus 1?", choices=["2", "3"], target="A")
    task = Task(dataset=[sample], solver=generate(), scorer=choice())
    with reasoning_server(lambda prompt: Natural(400, 4, "ANSWER: A")) as server:
        log = run(server, budget(tokens=30, control="effort"), tmp_path, task=task)
    assert [sent(exchange) for exchange in server.exchanges] == [("low", None, None)]
    (sample_logged,) = log.samples or []
    assert (sample_logged.scores or {})["choice"].value == "C"


def test_the_run_s_own_settings_stay_beside_a_controls(tmp_path: Path) -> None:
    with reasoning_server(sums) as server:
        run(
            server,
            budget(tokens=30, control="thinking"),
            tmp_path,
            extra_body={"top_k": 5},
            temperature=0.5,
            max_tokens=100,
        )
    for request in server.requests:
        assert (request["top_k"], request["thinking_token_budget"]) == (5, 30)
        assert (request["temperature"], request["max_tokens"]) == (0.5, 130)


def test_a_cap_takes_the_place_of_the_runs_own(tmp_path: Path) -> None:
    with reasoning_server(sums) as server:
        run(server, budget(tokens=500, control="cap"), tmp_path, max_tokens=100)
    assert {exchange.cap for exchange in server.exchanges} == {520}


@pytest.mark.parametrize(
    ("model", "control", "tokens", "asked", "written"),
    [
        ("claude-sonnet-4-5", "cap", 30, (None, 50, None), (0, 40)),
        # the thinking budget on top of the task's 1024; the cap holds both
        ("claude-sonnet-4-5", "thinking", 1200, (None, 2224, 1200), (400, 40)),
        ("claude-sonnet-4-5", "cap+thinking", 1200, (None, 1220, 1200), (400, 40)),
        # Inspect makes 4096 thinking tokens of "low" there, and room for them
        ("claude-sonnet-4-5", "effort", 30, (None, 5120, 4096), (400, 40)),
        ("claude-opus-4-7", "effort", 30, ("low", 5120, None), (100, 40)),
    ],
)
def test_anthropics_messages(
    model: str,
    control: str,
    tokens: int,
    asked: Sent,
    written: tuple[int, int],
    tmp_path: Path,
) -> None:
    pytest.importorskip("anthropic")
    with reasoning_server(sums) as server:
        log = run(
            server, budget(tokens=tokens, control=control), tmp_path, model=f"anthropic/{model}"
        )
    assert [sent(exchange) for exchange in server.exchanges] == [asked] * 2
    for call in calls(log):
        assert (call.reasoning_tokens or 0, call.output_tokens) == (written[0], sum(written))


def test_an_estimate_below_anthropics_floor_is_raised_and_counted(tmp_path: Path) -> None:
    pytest.importorskip("anthropic")
    with reasoning_server(sums) as server:
        log = run(
            server, tale_ep(control="thinking"), tmp_path, model="anthropic/claude-sonnet-4-5"
        )
    assert [call.controls for call in calls(log) if call.purpose == "answer"] == [
        {"thinking": 1024}
    ] * 2
    assert {sample.store["TaleRecord:budget_status"] for sample in log.samples or []} == {"clamped"}
    assert {e.thinking for e in server.exchanges if not asks_for_budget(e.prompt)} == {1024}


def test_a_search_asks_no_budget_below_anthropics_floor(tmp_path: Path) -> None:
    pytest.importorskip("anthropic")
    # 5000 visible tokens: 2500 and 1250 can be asked, 625 cannot
    with reasoning_server(lambda prompt: sums(prompt)._replace(visible=5000)) as server:
        log = run(
            server,
            budget_search(control="thinking", strategy="halving"),
            tmp_path,
            model="anthropic/claude-sonnet-4-5",
            limit=1,
            max_tokens=8000,
        )
    asked = [call.controls for call in calls(log) if call.purpose == "search"]
    assert asked == [{"thinking": 2500}, {"thinking": 1250}]


@pytest.mark.parametrize(
    ("model", "control", "tokens", "said"),
    [
        (
            "anthropic/claude-opus-4-7",
            "thinking",
            2000,
            "cannot take 'thinking': Claude 4.7 and later have no thinking budget; it can take "
            "prompt, words, cap, effort",
        ),
        (
            "anthropic/claude-sonnet-4-5",
            "thinking",
            50,
            "a budget of 50 tokens: anthropic/claude-sonnet-4-5 takes thinking budgets from 1024",
        ),
        (
            "openai/gpt-4o-mini",
            "effort",
            50,
            "it for a model that does not reason; it can take prompt, words, cap",
        ),
    ],
)
@pytest.mark.parametrize("method", [budget, tale_ep, budget_search])
def test_what_a_provider_cannot_take_is_refused_before_anything_is_asked(
    model: str, control: str, tokens: int, said: str, method: Callable, tmp_path: Path
) -> None:
    if model.startswith("anthropic"):
        pytest.importorskip("anthropic")
    if method is not budget and tokens == 50 and control == "thinking":
        pytest.skip("no budget is known before the run")
    arguments = {"tokens": tokens} if method is budget else {}
    with reasoning_server(sums) as server:
        log = run(server, method(**arguments, control=control), tmp_path, model=model)
    assert said in error_of(log)
    assert server.exchanges == []


@pytest.mark.parametrize(
    ("control", "setting", "said"),
    [
        ("thinking", {"reasoning_effort": "high"}, "the run sets reasoning_effort=high"),
        ("effort", {"reasoning_tokens": 2000}, "the run sets reasoning_tokens=2000"),
    ],
)
def test_a_setting_of_the_run_that_would_win_is_refused(
    control: str, setting: dict, said: str, tmp_path: Path
) -> None:
    with reasoning_server(sums) as server:
        log = run(server, budget(tokens=30, control=control), tmp_path, **setting)
    assert said in error_of(log)
    assert server.exchanges == []


@pytest.mark.parametrize(
    ("model", "control", "reason"),
    [
        (LOOP, "effort", "the effort of low is not supported by this model"),
        (LOOP, "thinking", "the thinking of 3000 is not supported by this model"),
        (
            "anthropic/claude-sonnet-4-5",
            "thinking",
            "the thinking of 3000 is not supported by this model",
        ),
    ],
)
def test_what_a_server_refuses_is_said_in_its_own_words(
    model: str, control: str, reason: str, tmp_path: Path
) -> None:
    if model.startswith("anthropic"):
        pytest.importorskip("anthropic")
    tokens = 30 if control == "effort" else 3000
    with reasoning_server(sums, Behaviour(effort="refuse", thinking="refuse")) as server:
        log = run(server, budget(tokens=tokens, control=control), tmp_path, model=model)
    value = "low" if control == "effort" else 3000
    assert f"{model} refuses a request with {control}={value}: {reason}" in error_of(log)
    assert "\n" not in error_of(log)


@pytest.mark.parametrize(
    ("control", "controls"),
    [
        ("prompt", {"prompt": 30}),
        ("words", {"words": 22}),
        ("prompt+cap", {"prompt": 30, "cap": 50}),
        ("effort", {"effort": "low"}),
    ],
)
def test_records_say_how_the_budget_was_imposed_by_either_way_of_reading(
    control: str, controls: dict, tmp_path: Path
) -> None:
    with reasoning_server(sums) as server:
        log = run(server, tale_ep(control=control), tmp_path)
    quick = summary_records(read_header(log.location), [], ScoreChoice())
    assert quick is not None
    whole, _ = whole_records(log.location, None, [], ScoreChoice())
    key = {"key": lambda record: record.sample_id}
    assert sorted(quick[0], **key) == sorted(whole, **key)
    records = read_records([str(tmp_path / "logs")]).records
    assert [record.controls for record in records] == [controls] * 2


def test_a_search_that_found_no_smaller_budget_had_none(tmp_path: Path) -> None:
    with reasoning_server(sums) as server:
        run(server, budget_search(control="cap"), tmp_path)
    records = read_records([str(tmp_path / "logs")]).records
    # the answer of 440 tokens does not fit into a cap of 240
    assert [record.controls for record in records] == [{}, {}]


def test_a_mock_model_is_told_everything(tmp_path: Path) -> None:
    configs: list[Any] = []

    def reply(messages: list, tools: Any, tool_choice: Any, config: Any) -> ModelOutput:
        configs.append(config)
        output = ModelOutput.from_content("m", "[[0]]")
        output.usage = ModelUsage(input_tokens=9, output_tokens=4, total_tokens=13)
        return output

    model = get_model("mockllm/model", custom_outputs=reply, memoize=False)
    task = gsm8k(
        source=str(gsm8k_file(tmp_path, 1)), method="budget:tokens=30:control=cap+thinking"
    )
    (log,) = eval(task, model, log_dir=str(tmp_path / "logs"), display="none")
    (config,) = configs
    assert (config.max_tokens, config.reasoning_tokens) == (50, 30)
    (call,) = calls(log)
    assert call.controls == {"cap": 50, "thinking": 30}


def test_a_method_argument_that_makes_no_sense_is_found_before_the_run() -> None:
    with pytest.raises(Exception, match="no level for budgets above 256") as caught:
        gsm8k(method="tale_ep:control=effort:effort_table=256=low")
    assert isinstance(caught.value.__cause__, InvalidValueError)
