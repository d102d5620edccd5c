"""One budget, many controls, in lm-eval: what the server is asked, and what the rows say of it."""

from pathlib import Path
from typing import Any

import pytest
from questions import asks_for_budget, gsm8k_file, number_in
from reasoning_server import Behaviour, Natural, ReasoningServer, reasoning_server

from tale_eval.asking.control import control_of
from tale_eval.budgets.plan import under_budget
from tale_eval.errors import InvalidValueError
from tale_eval.lm_eval_ext import register
from tale_eval.lm_eval_ext.controls import check_taken, request_settings
from tale_eval.lm_eval_ext.documents import documents

TASKS = ["tale_gsm8k_budget", "tale_gsm8k_tale_ep"]


def sums(prompt: str) -> Natural:
    """400 tokens of thinking and 40 of reply, the right answer last; an estimate of 30."""
    if asks_for_budget(prompt):
        return Natural(0, 2, "[[30]]")
    return Natural(400, 40, f"[[{2 * number_in(prompt)}]]")


@pytest.fixture
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """lm_eval with our models and tasks, undone after the test."""
    import lm_eval.api.registry
    import lm_eval.evaluator
    import lm_eval.tasks

    for module in (lm_eval.tasks, lm_eval.evaluator):
        monkeypatch.setattr(module, "TaskManager", module.TaskManager)
    monkeypatch.setattr(lm_eval.api.registry, "get_model", lm_eval.api.registry.get_model)
    register()
    from tale_eval.lm_eval_ext.registration import register_tasks

    register_tasks(set(TASKS))


def evaluate(server: ReasoningServer, folder: Path, control: str, **metadata: Any) -> list[Any]:
    """The rows of both methods, under a budget of 30 or of 30 by estimate."""
    import lm_eval

    results = lm_eval.simple_evaluate(
        model="local-chat-completions",
        model_args=f"model=m,base_url={server.base_url}/chat/completions,max_retries=1",
        tasks=TASKS,
        metadata={
            "tale_source": str(gsm8k_file(folder, 2)),
            "tale_tokens": 30,
            "tale_control": control,
            **metadata,
        },
        apply_chat_template=True,
        bootstrap_iters=0,
    )
    return [row for task in TASKS for row in results["samples"][task]]


@pytest.mark.parametrize(
    ("control", "said", "fields", "controls", "written"),
    [
        ("words", "use at most 22 words:", {"max_tokens": 1024}, {"words": 22}, (400, 22)),
        ("cap", "step by step:", {"max_tokens": 50}, {"cap": 50}, (50, 0)),
        (
            "effort",
            "step by step:",
            {"max_tokens": 1024, "reasoning_effort": "low"},
            {"effort": "low"},
            (100, 40),
        ),
        (
            "prompt+thinking",
            "use less than 30 tokens:",
            # the task's own 1024, and the thinking on top
            {"max_tokens": 1054, "thinking_token_budget": 30},
            {"prompt": 30, "thinking": 30},
            (30, 30),
        ),
    ],
)
@pytest.mark.usefixtures("_registered")
def test_what_the_server_is_asked_and_what_the_rows_say(
    control: str,
    said: str,
    fields: dict,
    controls: dict,
    written: tuple[int, int],
    tmp_path: Path,
) -> None:
    with reasoning_server(sums) as server:
        rows = evaluate(server, tmp_path, control)
    answers = [each for each in server.exchanges if not asks_for_budget(each.prompt)]
    assert len(answers) == len(rows) == 4
    for exchange in answers:
        names = ("max_tokens", "reasoning_effort", "thinking_token_budget")
        assert {k: exchange.request[k] for k in names if k in exchange.request} == fields
        assert said in exchange.prompt
        assert (exchange.thought, exchange.visible) == written
    for row in rows:
        call = row["calls"][-1]
        assert (call["budget"], call["controls"]) == (30, controls)
        assert (call["reasoning_tokens"], call["output_tokens"]) == (written[0], sum(written))
        assert row["truncated"] == (sum(written) == 50)
    # an estimator is asked as ever
    asked = [e.request for e in server.exchanges if asks_for_budget(e.prompt)]
    assert [request["max_tokens"] for request in asked] == [1024, 1024]
    assert not any("reasoning_effort" in request for request in asked)


@pytest.mark.usefixtures("_registered")
def test_what_a_server_refuses_ends_the_run_with_its_own_words(tmp_path: Path) -> None:
    with (
        reasoning_server(sums, Behaviour(effort="refuse")) as server,
        pytest.raises(InvalidValueError) as caught,
    ):
        evaluate(server, tmp_path, "effort")
    assert str(caught.value) == (
        "local-chat-completions/m refuses a request with effort=low: HTTP 400: the effort of low "
        "is not supported by this model"
    )


@pytest.mark.parametrize(
    ("backend", "control", "can"),
    [
        ("hf", "thinking", "prompt, words, cap"),
        ("vllm", "effort", "prompt, words, cap"),
        ("openai-chat-completions", "thinking", "prompt, words, cap, effort"),
        ("anthropic-chat-completions", "thinking", "prompt, words, cap"),
        ("local-completions", "effort", "prompt, words, cap, thinking"),
    ],
)
def test_what_a_backend_cannot_take_is_refused_with_what_it_can(
    backend: str, control: str, can: str
) -> None:
    with pytest.raises(InvalidValueError, match=f"--model {backend} cannot take") as caught:
        check_taken(backend, control_of(control))
    assert str(caught.value).endswith(f"it can take {can}")


@pytest.mark.usefixtures("_registered")
def test_a_backend_that_cannot_is_refused_before_anything_is_asked(tmp_path: Path) -> None:
    import lm_eval

    with pytest.raises(InvalidValueError, match="--model dummy cannot take 'effort'"):
        lm_eval.simple_evaluate(
            model="dummy",
            tasks=["tale_gsm8k_tale_ep"],
            metadata={"tale_source": str(gsm8k_file(tmp_path, 1)), "tale_control": "effort"},
        )


@pytest.mark.parametrize("backend", ["hf", "vllm", "dummy", "local-chat-completions"])
def test_every_backend_can_take_what_stands_in_the_prompt_and_a_cap(backend: str) -> None:
    for control in ("prompt", "words", "cap", "prompt+cap", "words+cap"):
        check_taken(backend, control_of(control))


def test_a_cap_goes_by_one_name_and_takes_the_place_of_the_runs_own() -> None:
    asked = under_budget(control_of("cap"), 30, "paper")
    run = {"max_tokens": 9, "max_gen_toks": 8, "until": []}
    assert request_settings("hf", asked, run) == {"max_gen_toks": 50, "until": []}


def test_without_settings_a_request_stays_as_it_was() -> None:
    run = {"max_tokens": 9, "until": []}
    for control in ("prompt", "words"):
        asked = under_budget(control_of(control), 30, "paper")
        assert request_settings("hf", asked, run) == run


def test_lm_eval_by_itself_cannot_set_a_cap_for_each_question(tmp_path: Path) -> None:
    tale = {"benchmark": "gsm8k", "method": "budget"}
    given = {"tale_source": str(gsm8k_file(tmp_path, 1)), "tale_tokens": 30}
    with pytest.raises(InvalidValueError, match="run it by 'tale-eval lm-eval'"):
        documents(tale, **given, tale_control="cap")
    (document,) = documents(tale, **given, tale_control="words")["test"]
    assert "use at most 22 words:" in document["prompt"]
