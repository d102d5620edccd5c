"""lm-eval documents: the same questions, prompts and names as on the Inspect side."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from command import REPOSITORY
from questions import gsm8k_file

from tale_eval.asking.prompts import PROMPT_VERSION, cot_prompt, direct_prompt, estimator_prompt
from tale_eval.errors import InvalidValueError, RowError, SourceError, UnknownNameError
from tale_eval.lm_eval_ext import documents as module
from tale_eval.lm_eval_ext.documents import ONE_RUN, documents, plan_of, prompt, question_of
from tale_eval.lm_eval_ext.estimates import read_estimates
from tale_eval.lm_eval_ext.labels import model_label, task_label
from tale_eval.lm_eval_ext.replies import Reply
from tale_eval.lm_eval_ext.results import counters, estimate, known_mean, score, shares
from tale_eval.tokens.ledger import Call

FIRST = "What is 0 plus 0?"


def load(folder: Path, method: str, **metadata: Any) -> list[dict[str, Any]]:
    source = gsm8k_file(folder, 3)
    tale = {"benchmark": "gsm8k", "method": method}
    rows: list[dict[str, Any]] = documents(tale, tale_source=str(source), **metadata)[
        "test"
    ].to_list()
    return rows


def test_each_method_has_its_prompt(tmp_path: Path) -> None:
    def prompt(method: str, **metadata: Any) -> Any:
        return load(tmp_path, method, **metadata)[0]["prompt"]

    args = (FIRST, "cloze", "en", "bracketed")
    assert prompt("direct") == direct_prompt(*args)
    assert prompt("cot") == cot_prompt(*args)
    assert prompt("budget") == cot_prompt(*args, budget=50)
    assert prompt("budget", tale_tokens=100) == cot_prompt(*args, budget=100)
    assert prompt("cot", tale_style="answer_last") == cot_prompt(*args, style="answer_last")
    assert prompt("estimate") == estimator_prompt(FIRST)


def test_methods_have_the_names_that_they_have_on_the_inspect_side(tmp_path: Path) -> None:
    assert load(tmp_path, "cot")[0]["method"] == "cot"
    assert load(tmp_path, "budget", tale_tokens=100)[0]["method"] == "budget:tokens=100"
    in_one_run = {ONE_RUN: True}
    for argument in ("style=answer_last", "estimator_max_tokens=32"):
        key, value = argument.split("=")
        metadata = {f"tale_{key}": int(value) if value.isdigit() else value}
        (label,) = {d["method"] for d in load(tmp_path, "tale_ep", **in_one_run, **metadata)}
        assert label == f"tale_ep:{argument}"
    assert task_label("mathbench", {"level": "college", "language": "en", "source": "x"}) == (
        "mathbench(language=en, level=college)"
    )


@pytest.mark.parametrize(
    ("backend", "arguments", "label"),
    [
        ("hf", {"pretrained": "org/model"}, "hf/org/model"),
        ("hf", {"pretrained": "/models/small", "peft": "/runs/adapter"}, "hf/small+adapter"),
        ("vllm", {"pretrained": "m", "lora_local_path": "a"}, "vllm/m+a"),
        ("openai-chat-completions", {"model": "gpt-4o-mini"}, "openai/gpt-4o-mini"),
        ("dummy", {}, "dummy"),
    ],
)
def test_models_are_named_by_what_they_are(
    backend: str, arguments: dict[str, str], label: str
) -> None:
    assert model_label(backend, arguments) == label


def test_names_show_no_key_and_no_password() -> None:
    assert task_label("gsm8k", {"api_key": "planted", "split": "train"}) == (
        "gsm8k(api_key=***, split=train)"
    )
    assert model_label("local", {"model": "http://me:planted@host/m"}) == "local/http://***@host/m"


@pytest.mark.parametrize("method", ["direct", "cot", "budget", "tale_ep", "estimate"])
def test_an_unknown_key_of_ours_is_refused_and_others_are_not_looked_at(
    method: str, tmp_path: Path
) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'tale_tokens'"):
        load(tmp_path, method, tale_token=100)
    # a group has one --metadata for the tasks of all methods
    others = {"pretrained": "some/model", "max_length": 2048, ONE_RUN: True}
    asked = load(tmp_path, method, tale_tokens=100, **others)
    assert ("100 tokens" in asked[0]["prompt"]) == (method == "budget")


@pytest.mark.parametrize("tokens", ["abc", "100", 12.5, 50.0, True, 0, -1, None])
@pytest.mark.parametrize(
    ("method", "key"), [("budget", "tokens"), ("tale_ep", "estimator_max_tokens")]
)
def test_a_number_of_tokens_is_whole_and_from_1_up(
    method: str, key: str, tokens: object, tmp_path: Path
) -> None:
    with pytest.raises(InvalidValueError, match=f"tale_{key}={tokens!r}: must be a whole number"):
        load(tmp_path, method, **{f"tale_{key}": tokens})


def test_estimates_that_are_capped_elsewhere_take_no_cap(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="is capped with --gen_kwargs max_gen_toks"):
        load(tmp_path, "estimate", tale_estimator_max_tokens=32)
    with pytest.raises(InvalidValueError, match="the estimates of FILE are there already"):
        load(tmp_path, "tale_ep", tale_estimates="FILE", tale_estimator_max_tokens=32)


def test_rotated_options_are_refused_since_no_metric_joins_them() -> None:
    tale = {"benchmark": "mathbench", "level": "middle", "language": "en", "method": "cot"}
    with pytest.raises(InvalidValueError, match="tale_circular: lm_eval would count each rotation"):
        documents(tale, tale_circular=True)


def test_the_keys_that_the_page_shows_are_keys_of_their_benchmarks() -> None:
    page = (REPOSITORY / "docs" / "lm-eval.md").read_text()
    lines = re.findall(r"^--metadata (.+?) +# (.+)$", page, re.MULTILINE)
    shown = {name: keys for keys, names in lines for name in names.split(", ")}
    assert len(shown) == 6
    for benchmark, keys in shown.items():
        metadata = dict(pair.split("=") for pair in keys.split())
        options = module._options(benchmark, "cot", {}, metadata)
        assert {f"tale_{name}" for name in options} == set(metadata)


def test_tale_ep_needs_estimates_from_somewhere(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="_estimate task with --log_samples"):
        load(tmp_path, "tale_ep")
    first = load(tmp_path, "tale_ep", **{ONE_RUN: True})[0]
    assert (first["replies"], first["prompt"]) == ([], estimator_prompt(FIRST))


def estimates_file(folder: Path, replies: list[str], **changed: Any) -> Path:
    """What a stage-1 run on the first questions leaves."""
    rows = [
        {
            "doc": document | changed,
            "filtered_resps": [reply],
            "calls": [
                {
                    "purpose": "estimate",
                    "model": "m",
                    "output_tokens": 6,
                    "counted_by": "provider",
                }
            ],
        }
        for document, reply in zip(load(folder, "estimate"), replies, strict=False)
    ]
    path = folder / "samples_tale_gsm8k_estimate.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_the_second_stage_asks_under_the_budgets_of_the_first(tmp_path: Path) -> None:
    path = estimates_file(tmp_path, ["Budget: [[30]]", "no idea", "[[12]]"])
    read, unread, echoed = load(tmp_path, "tale_ep", tale_estimates=str(path))
    assert "use less than 30 tokens" in read["prompt"]
    assert (read["budget"], read["budget_status"]) == (30, "read")
    assert read["replies"] == ["Budget: [[30]]"]
    assert unread["prompt"] == cot_prompt("What is 1 plus 1?", "cloze", "en", "bracketed")
    assert (unread["budget"], unread["budget_status"]) == (None, "missing")
    assert (echoed["budget"], echoed["budget_echoed"]) == (12, True)

    scored = score(read, ["[[0]]"])
    assert (scored["correct"], scored["estimator_tokens"], scored["budget_missing"]) == (1, 6, 0)
    assert scored["output_tokens"] is None  # the answer was not counted
    assert score(unread, ["[[2]]"])["budget_missing"] == 1


def test_a_limited_first_stage_serves_as_limited_a_second_one(tmp_path: Path) -> None:
    path = estimates_file(tmp_path, ["[[30]]"])
    first, *others = load(tmp_path, "tale_ep", tale_estimates=str(path))
    assert "use less than 30 tokens" in prompt(first)
    for document in others:
        with pytest.raises(InvalidValueError) as raised:
            prompt(document)
        assert f"{path} holds no estimate for question {document['id']}" in str(raised.value)
        assert "--limit" in str(raised.value)


@pytest.mark.parametrize("separator", ["\u2028", "\u0085", "\x1c"])
def test_an_estimate_may_hold_what_only_python_takes_for_the_end_of_a_line(
    separator: str, tmp_path: Path
) -> None:
    path = estimates_file(tmp_path, [f"Budget:{separator}[[30]]"])
    # as lm_eval writes it
    row = json.loads(path.read_text())
    path.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    assert load(tmp_path, "tale_ep", tale_estimates=str(path))[0]["budget"] == 30


def test_estimates_that_do_not_fit_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"tale_estimates=.*nowhere.*--log_samples"):
        load(tmp_path, "tale_ep", tale_estimates=str(tmp_path / "nowhere.jsonl"))

    path = estimates_file(tmp_path, ["[[30]]"], prompt_version="0")
    with pytest.raises(RowError, match=r":1: estimated with prompt version 0, this is version"):
        load(tmp_path, "tale_ep", tale_estimates=str(path))

    path = estimates_file(tmp_path, ["[[30]]"], method="cot")
    with pytest.raises(RowError, match=":1: an answer by method 'cot', not an estimate"):
        load(tmp_path, "tale_ep", tale_estimates=str(path))

    path = estimates_file(tmp_path, ["[[30]]"], id="gsm8k-test-00009-other")
    with pytest.raises(InvalidValueError, match="holds estimates of other questions"):
        load(tmp_path, "tale_ep", tale_estimates=str(path))

    for line in (b"{}", b"[]", b'"\xe9"', b"[" * 100_000):
        path.write_bytes(line + b"\n")
        with pytest.raises(RowError, match=r":1: not a line of a tale-eval"):
            read_estimates(str(path), ["a"])


def test_the_answer_prompt_of_one_run_is_that_of_two_stages(tmp_path: Path) -> None:
    one_run = load(tmp_path, "tale_ep", **{ONE_RUN: True})[0]
    path = estimates_file(tmp_path, ["[[30]]", "[[30]]", "[[30]]"])
    two_stages = load(tmp_path, "tale_ep", tale_estimates=str(path))[0]
    plan = plan_of(one_run["method"])
    question = question_of(one_run, plan)
    steps = plan.steps(question)
    assert next(steps).words(question) == one_run["prompt"]
    assert steps.send("[[30]]").words(question) == two_stages["prompt"]


def test_a_foreign_reply_is_uncounted_and_still_graded(tmp_path: Path) -> None:
    document = load(tmp_path, "budget")[1]
    scored = score(document, ["It is [[2]]"])
    assert scored["correct"] == 1
    assert (scored["output_tokens"], scored["within_budget"]) == (None, None)
    imposed = {"budget": 50, "controls": {"prompt": 50}}
    assert scored["calls"] == [
        {"purpose": "answer", "model": "unknown", "counted_by": "nobody", **imposed}
    ]


def test_the_words_of_a_reply_are_counted_where_they_were_limited(tmp_path: Path) -> None:
    document = load(tmp_path, "budget")[1]
    known: dict[str, Any] = {"purpose": "answer", "model": "m", "counted_by": "provider"}
    limited = Call(**known, budget=50, controls={"words": 37}, output_tokens=9)
    scored = score(document, [Reply("<think>hm, 1 and 1</think>It is [[2]]", [limited])])
    (call,) = scored["calls"]
    assert (call["words"], call["controls"]) == (3, {"words": 37})


def test_the_tokenizer_counts_where_lm_eval_runs_by_itself(
    tmp_path: Path, smollm2_folder: Path
) -> None:
    document = load(tmp_path, "budget", pretrained=str(smollm2_folder))[1]
    scored = score(document, ["It is [[2]]"])
    # It| is| [[|2|]]
    assert (scored["output_tokens"], scored["within_budget"]) == (5, 1)
    assert scored["calls"][0]["counted_by"] == "tokenizer"


def test_sums_leave_out_what_is_unknown() -> None:
    assert known_mean([1, None, 3]) == 2
    assert known_mean([None]) != known_mean([None])  # NaN
    assert shares(["read", None, "read", "missing"]) == "read 2, missing 1"
    call = Call(purpose="answer", model="m", counted_by="provider").model_dump()
    assert counters([[call, call], [call]]) == "provider 3"


def test_an_estimate_is_scored_by_its_budget(tmp_path: Path) -> None:
    document = load(tmp_path, "estimate")[0]
    assert document["prompt_version"] == PROMPT_VERSION
    assert estimate(document, ["about 40 tokens"])["budget"] == 40
    missing = estimate(document, ["who knows"])
    assert (missing["budget"], missing["budget_missing"]) == (None, 1)
