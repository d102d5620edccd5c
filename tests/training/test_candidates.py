"""Which call an answer of a search came from: its tokens and text are the trace's, the rest
stands in the ledger."""

from pathlib import Path
from typing import Any

from evaluation import run, samples
from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSample, EvalSpec, write_eval_log
from questions import gsm8k_file, number_in
from server import Reply, chat_server

from tale_eval.inspect_ext.logged import record_in
from tale_eval.solvers.budget_search import budget_search
from tale_eval.tasks.gsm8k import gsm8k
from tale_eval.training.candidates import Candidate, Sampled, read_candidates

ASKED = {"benchmark": "gsm8k", "kind": "cloze", "language": "en"}


def call(event: str | None, budget: int | None, tokens: int, truncated: bool) -> dict[str, Any]:
    return {
        "event": event,
        "purpose": "vanilla" if budget is None else "search",
        "model": "m",
        "counted_by": "provider",
        "budget": budget,
        "output_tokens": tokens,
        "truncated": truncated,
    }


def trial(budget: int | None, tokens: int, *events: str | None) -> dict[str, Any]:
    """A trial as the log has it; without an event as version 0.1.0 wrote it."""
    attempts = [
        {"output_tokens": tokens, "correct": True, "text": str(event)}
        | ({} if event is None else {"event": event})
        for event in events
    ]
    return {"budget": budget, "rule": "all", "attempts": attempts}


# two answers under one budget, of as many tokens: one was cut off, the other was not
LEDGER = [
    call("vanilla", None, 90, truncated=False),
    call("first", 45, 30, truncated=True),
    call("second", 45, 30, truncated=False),
]


def read(folder: Path, *trials: dict[str, Any], name: str = "a") -> Sampled:
    """The candidates in a folder, after a log of one question whose search asked these trials."""
    store = {
        "TaleRecord:method": "budget_search",
        "TaleRecord:calls": LEDGER,
        "TaleRecord:search": {"status": "searched", "budget": 45, "trials": trials},
    }
    sample = EvalSample(id=1, epoch=1, input="?", target="", store=store, metadata=ASKED)
    spec = EvalSpec(
        created="2026-01-01T00:00:00+00:00",
        task_id=name,
        task="sums",
        model="m",
        dataset=EvalDataset(),
        config=EvalConfig(),
    )
    log = EvalLog(status="success", eval=spec, samples=[sample])
    write_eval_log(log, str(folder / f"{name}.eval"))
    return read_candidates([str(folder)])


def cut_off(candidates: list[Candidate]) -> list[bool]:
    return [candidate.truncated for candidate in candidates]


def test_answers_of_one_budget_and_as_many_tokens_have_each_its_own_call(tmp_path: Path) -> None:
    sampled = read(tmp_path, trial(None, 90, "vanilla"), trial(45, 30, "second", "first"))
    assert [candidate.text for candidate in sampled.candidates] == ["vanilla", "second", "first"]
    assert cut_off(sampled.candidates) == [False, False, True]


def test_where_0_1_0_did_not_name_the_calls_budget_and_tokens_find_one(tmp_path: Path) -> None:
    """The last of several alike: the truth about the other is lost in such a log."""
    sampled = read(tmp_path, trial(None, 90, None), trial(45, 30, None, None))
    assert cut_off(sampled.candidates) == [False, False, False]
    assert sampled.problems == []


def test_a_call_that_the_ledger_does_not_hold_makes_a_log_unreadable(tmp_path: Path) -> None:
    good = trial(None, 90, "vanilla")
    read(tmp_path, good, name="good")
    sampled = read(tmp_path, good, trial(45, 30, "third"), name="bad")
    assert len(sampled.candidates) == 1
    (problem,) = sampled.problems
    assert "/bad.eval: not a readable log (KeyError: 'third')" in problem


def second_is_cut_off(prompt: str, request: dict[str, Any]) -> Reply:
    """Right in 16 tokens; the second answer to the same prompt, with another seed, is cut off."""
    text = f"So [[{2 * number_in(prompt)}]]"
    first = request["seed"] == 7
    return Reply(text, output_tokens=16, finish_reason="stop" if first else "length")


def test_a_search_writes_down_which_call_each_answer_came_from(tmp_path: Path) -> None:
    task = gsm8k(source=str(gsm8k_file(tmp_path, 1)))
    with chat_server(second_is_cut_off) as server:
        log = run(
            server, task, tmp_path / "logs", solver=budget_search("halving", samples=2), seed=7
        )
    (sample,) = samples(log)
    record = record_in(sample)
    assert record.search is not None
    attempts = [attempt for trial in record.search.trials for attempt in trial.attempts]
    # without a budget, then under 8, 4, 2 and 1 tokens: twice each
    assert len(attempts) == 10
    assert {attempt.event for attempt in attempts} == {call.event for call in record.calls}
    candidates = read_candidates([str(tmp_path / "logs")]).candidates
    assert cut_off(candidates) == [False, True] * 5
    assert {(c.tokens, c.budget) for c in candidates} == {(16, b) for b in (None, 8, 4, 2, 1)}
