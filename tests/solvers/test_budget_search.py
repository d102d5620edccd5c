"""Budget search through Inspect, against a real HTTP server of known behaviour."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import evaluation
import pytest
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalLog, EvalSample
from inspect_ai.model import Model, get_model
from inspect_ai.scorer import (
    Score,
    Scorer,
    Target,
    accuracy,
    choice,
    match,
    model_graded_qa,
    scorer,
)
from inspect_ai.solver import TaskState
from questions import asks_for_budget, gsm8k_file, number_in
from server import ChatServer, Reply, chat_server

from tale_eval.inspect_ext.record import TaleRecord
from tale_eval.inspect_ext.scorers import token_cost
from tale_eval.solvers.budget_search import budget_search
from tale_eval.tasks.gsm8k import gsm8k

# The questions of the scripted model, by their number. Vanilla CoT costs 64 tokens.
OBEDIENT, REBOUNDING, UNSOLVED, NO_SMALLER = range(4)
VANILLA_TOKENS = 64
RIGHT_FROM = {OBEDIENT: 10, REBOUNDING: 1, NO_SMALLER: 40}


def budget_in(prompt: str) -> int | None:
    found = re.search(r"use less than (\d+) tokens", prompt)
    return int(found[1]) if found else None


def tokens_under(n: int, budget: int | None) -> int:
    """The budget itself; of the rebounding question, below 28, as much more again."""
    if budget is None:
        return VANILLA_TOKENS
    return max(budget, 56 - budget) if n == REBOUNDING else budget


def scripted(prompt: str, request: dict[str, Any]) -> Reply:
    """Right from the question's threshold on, and one question is never answered right."""
    n, budget = number_in(prompt), budget_in(prompt)
    right = n != UNSOLVED and (budget is None or budget >= RIGHT_FROM[n])
    return Reply(told(prompt, 2 * n if right else -1), output_tokens=tokens_under(n, budget))


def told(prompt: str, answer: object) -> str:
    """An answer in the form that the prompt asks for, after a word on the budget."""
    under = f"Under {budget_in(prompt)}: "
    return under + (f"[[{answer}]]" if "[[" in prompt else f"\n\nANSWER: {answer}")


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server(scripted) as running:
        yield running


def model_of(server: ChatServer, name: str = "m") -> Model:
    # not memoized: each test has a server, and so an address, of its own
    return get_model(
        f"openai-api/loop/{name}", base_url=server.base_url, api_key="none", memoize=False
    )


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., EvalLog]:
    def run(
        server: ChatServer, task: Task, roles: dict[str, Model] | None = None, **args: Any
    ) -> EvalLog:
        """The log of a budget search over a task."""
        (log,) = eval(
            task,
            model=model_of(server),
            model_roles=dict(roles or {}),
            solver=budget_search(**args),
            log_dir=str(tmp_path / "logs"),
            display="none",
            max_retries=1,
        )
        return log

    return run


@pytest.fixture
def four(tmp_path: Path) -> Task:
    """The four questions as our own GSM8K task."""
    return gsm8k(source=str(gsm8k_file(tmp_path, 4)))


def record(sample: EvalSample) -> TaleRecord:
    return sample.store_as(TaleRecord)


def by_question(log: EvalLog) -> dict[int, EvalSample]:
    assert log.status == "success", log.error and log.error.message
    return {number_in(str(sample.input)): sample for sample in log.samples or []}


def only_sample(log: EvalLog) -> EvalSample:
    (sample,) = by_question(log).values()
    return sample


def values(sample: EvalSample, scorer: str = "tale") -> dict[str, Any]:
    """A dictionary score; None where a value is unknown or does not apply."""
    value = (sample.scores or {})[scorer].value
    assert isinstance(value, Mapping)
    return {
        key: None if isinstance(number, float) and math.isnan(number) else number
        for key, number in value.items()
    }


# --- strategies ------------------------------------------------------------------

# what each strategy asks of each question after vanilla CoT, and what it chooses
HALVING = {
    OBEDIENT: ([32, 16, 8], 16),  # 8 is wrong
    REBOUNDING: ([32, 16, 8, 4, 2, 1], 1),  # always right, whatever it costs
    UNSOLVED: ([], None),
    NO_SMALLER: ([32], None),
}
GREEDY = HALVING | {REBOUNDING: ([32, 16], 32)}  # 32 costs 32, 16 costs 56 - 16 = 40
BISECT = HALVING | {
    # between wrong 8 and right 16: 12 right, 10 right, 9 wrong; 9 and 10 are neighbours
    OBEDIENT: ([32, 16, 8, 12, 10, 9], 10),
    # between wrong 32 and right 64: 48 right, 40 right, 36 wrong; 40 - 36 <= 10 % of 40
    NO_SMALLER: ([32, 48, 40, 36], 40),
}


@pytest.mark.parametrize(
    ("strategy", "expected"), [("halving", HALVING), ("greedy", GREEDY), ("bisect", BISECT)]
)
def test_what_each_strategy_asks_and_chooses(
    strategy: str,
    expected: dict[int, tuple[list[int], int | None]],
    server: ChatServer,
    four: Task,
    run: Callable[..., EvalLog],
) -> None:
    for n, sample in by_question(run(server, four, strategy=strategy)).items():
        budgets, chosen = expected[n]
        search = record(sample).search
        assert search is not None
        assert [trial.budget for trial in search.trials] == [None, *budgets]
        assert (search.budget, values(sample)["budget"]) == (chosen, chosen)
        asked = [budget_in(p) for p in server.prompts() if number_in(p) == n]
        assert asked == [None, *budgets]


def test_the_samples_scores_say_what_the_search_cost_and_found(
    server: ChatServer, four: Task, run: Callable[..., EvalLog]
) -> None:
    keys = [
        "correct",
        "vanilla_tokens",
        "search_tokens",
        "answer_tokens",
        "budget",
        "calls",
        "unsolved",
        "no_smaller_budget",
    ]
    expected = {
        OBEDIENT: [1, 64, 32 + 16 + 8, 16, 16, 4, 0, 0],
        REBOUNDING: [1, 64, 32 + 40, 32, 32, 3, 0, 0],
        UNSOLVED: [0, 64, 0, 64, None, 1, 1, 0],
        NO_SMALLER: [1, 64, 32, 64, None, 2, 0, 1],
    }
    log = run(server, four)
    for n, sample in by_question(log).items():
        assert [values(sample)[key] for key in keys] == expected[n]
    shown = evaluation.means(log)
    assert (shown["unsolved"], shown["no_smaller_budget"]) == (0.25, 0.25)
    # over the questions that have one
    assert (shown["budget"], shown["budget_known"]) == ((16 + 32) / 2, 2)


def test_the_samples_output_is_the_best_trials(
    server: ChatServer, four: Task, run: Callable[..., EvalLog]
) -> None:
    outputs = {n: s.output.completion for n, s in by_question(run(server, four)).items()}
    assert outputs == {
        OBEDIENT: "Under 16: [[0]]",
        REBOUNDING: "Under 32: [[2]]",
        UNSOLVED: "Under None: [[-1]]",  # wrong, but the model's own words
        NO_SMALLER: "Under None: [[6]]",
    }


def test_the_ledger_separates_purposes_and_adds_up_to_the_servers_record(
    server: ChatServer, four: Task, run: Callable[..., EvalLog]
) -> None:
    samples = by_question(run(server, four, strategy="bisect"))
    for n, sample in samples.items():
        calls = record(sample).calls
        budgets = [None, *BISECT[n][0]]
        assert [(c.purpose, c.budget) for c in calls] == [
            ("search" if budget else "vanilla", budget) for budget in budgets
        ]
        assert [c.output_tokens for c in calls] == [tokens_under(n, b) for b in budgets]
        scored = values(sample)
        assert scored["output_tokens"] == scored["vanilla_tokens"] + scored["search_tokens"]
        # the final answer is one of the calls, and is counted once
        answer_call = record(sample).answer_call
        assert answer_call is not None
        assert calls[answer_call].budget == BISECT[n][1]
        assert calls[answer_call].output_tokens == scored["answer_tokens"]
    for name in ("input_tokens", "output_tokens"):
        assert sum(values(s)[name] for s in samples.values()) == server.total(name)
    assert sum(values(s)["calls"] for s in samples.values()) == len(server.requests)


@pytest.mark.parametrize("strategy", ["halving", "greedy", "bisect"])
def test_speculative_search_finds_the_same_and_asks_every_halving(
    strategy: str, server: ChatServer, four: Task, run: Callable[..., EvalLog]
) -> None:
    found = ["correct", "vanilla_tokens", "answer_tokens", "budget", "unsolved"]
    found.append("no_smaller_budget")
    one_by_one = by_question(run(server, four, strategy=strategy))
    at_once = by_question(run(server, four, strategy=strategy, speculative=True))
    for n, sample in at_once.items():
        before, after = values(one_by_one[n]), values(sample)
        assert {k: after[k] for k in found} == {k: before[k] for k in found}
        search = record(sample).search
        assert search is not None
        asked = {t.budget for t in (*search.trials, *search.surplus)}
        assert asked >= (set() if n == UNSOLVED else {32, 16, 8, 4, 2, 1})
        assert after["calls"] == len(asked)


# --- several samples under a budget ------------------------------------------------


def asked_seeds(server: ChatServer) -> dict[int | None, list[int]]:
    """The seeds of the requests, by budget."""
    seeds: dict[int | None, list[int]] = {}
    for prompt, request in zip(server.prompts(), server.requests, strict=True):
        seeds.setdefault(budget_in(prompt), []).append(request["seed"])
    return {budget: sorted(found) for budget, found in seeds.items()}


def wrong_at_seed_1026(prompt: str, request: dict[str, Any]) -> Reply:
    budget = budget_in(prompt)
    right = budget is None or (budget >= 16 and request["seed"] != 1026)
    return Reply(told(prompt, 0 if right else -1), output_tokens=budget or VANILLA_TOKENS)


@pytest.mark.parametrize(
    ("rule", "samples", "asked", "chosen"),
    [
        ("majority", 3, [None, 32, 16, 8], 16),  # two of three are right at 16, none at 8
        ("all", 3, [None, 32], None),  # one of three is wrong at 32
        ("majority", 2, [None, 32, 16, 8], 16),  # seeds 1024 and 1025 alone
    ],
)
def test_a_rule_joins_samples_that_have_a_seed_each(
    rule: str,
    samples: int,
    asked: list[int | None],
    chosen: int | None,
    tmp_path: Path,
    run: Callable[..., EvalLog],
) -> None:
    task = gsm8k(source=str(gsm8k_file(tmp_path, 1)))
    with chat_server(wrong_at_seed_1026) as server:
        sample = only_sample(run(server, task, samples=samples, rule=rule))
    assert asked_seeds(server) == {b: list(range(1024, 1024 + samples)) for b in asked}
    scored = values(sample)
    assert (scored["budget"], scored["correct"]) == (chosen, 1)
    assert scored["vanilla_tokens"] == samples * VANILLA_TOKENS
    assert scored["calls"] == samples * len(asked)
    assert scored["output_tokens"] == server.total("output_tokens")


def test_every_epoch_has_seeds_of_its_own(tmp_path: Path) -> None:
    task = gsm8k(source=str(gsm8k_file(tmp_path, 1)), method="budget_search:samples=2")
    with chat_server(wrong_at_seed_1026) as server:
        evaluation.run(server, task, tmp_path / "logs", epochs=2)
    assert asked_seeds(server)[None] == [1024, 1025, 2024, 2025]


@pytest.mark.parametrize("method", ["cot", "tale_ep"])
def test_every_epoch_of_a_method_has_a_seed_of_its_own(method: str, tmp_path: Path) -> None:
    task = gsm8k(source=str(gsm8k_file(tmp_path, 1)), method=method)
    with chat_server(evaluation.right) as server:
        evaluation.run(server, task, tmp_path / "logs", epochs=3)
    requests = zip(server.prompts(), server.requests, strict=True)
    asked = {(asks_for_budget(prompt), request["seed"]) for prompt, request in requests}
    estimates = [False, True] if method == "tale_ep" else [False]
    assert asked == set(product(estimates, (1024, 2024, 3024)))


def test_an_unsolved_question_keeps_its_first_answer_even_if_a_later_one_is_right(
    tmp_path: Path, run: Callable[..., EvalLog]
) -> None:
    def right_at_seed_1025(prompt: str, request: dict[str, Any]) -> Reply:
        return Reply("[[0]]" if request["seed"] == 1025 else "[[-1]]")

    with chat_server(right_at_seed_1025) as server:
        log = run(server, gsm8k(source=str(gsm8k_file(tmp_path, 1))), samples=2)
    scored = values(only_sample(log))
    assert (scored["unsolved"], scored["correct"], scored["calls"]) == (1, 0, 2)


# --- other people's tasks ------------------------------------------------------------


def foreign(scorer: Scorer | list[Scorer] | None, **options: Any) -> Task:
    """A plain Inspect task with the obedient question."""
    question = {"input": "What is 0 plus 0?", "target": "0"} | options
    return Task(dataset=[Sample(**question)], scorer=scorer)


def test_a_plain_task_with_a_match_scorer(server: ChatServer, run: Callable[..., EvalLog]) -> None:
    sample = only_sample(run(server, foreign(match(numeric=True))))
    assert (sample.scores or {})["match"].value == "C"
    assert sample.output.completion == "Under 16: \n\nANSWER: 0"
    assert (record(sample).budget, len(record(sample).calls)) == (16, 4)
    assert all("ANSWER: $ANSWER" in prompt for prompt in server.prompts())


def test_the_marks_of_the_best_trials_choice_survive_the_wrong_trial_after_it(
    run: Callable[..., EvalLog],
) -> None:
    def b_from_16_tokens_on(prompt: str, request: dict[str, Any]) -> Reply:
        budget = budget_in(prompt) or VANILLA_TOKENS
        return Reply(told(prompt, "B" if budget >= 16 else "A"), output_tokens=budget)

    task = foreign(choice(), choices=["one", "zero", "two"], target="B")
    with chat_server(b_from_16_tokens_on) as server:
        sample = only_sample(run(server, task))
    assert [budget_in(p) for p in server.prompts()] == [None, 32, 16, 8]
    score = (sample.scores or {})["choice"]
    assert (score.value, score.answer) == ("C", "B")
    assert record(sample).budget == 16


@pytest.mark.parametrize("named_by", ["role", "model"])
def test_a_graders_tokens_are_not_the_searchs(named_by: str, run: Callable[..., EvalLog]) -> None:
    def answers_and_grades(prompt: str, request: dict[str, Any]) -> Reply:
        if request["model"] != "grader":
            return scripted(prompt, request)
        grade = "C" if "ANSWER: 0" in prompt else "I"
        return Reply(f"GRADE: {grade}", output_tokens=3)

    with chat_server(answers_and_grades) as server:
        grader = model_of(server, "grader")
        role = {"grader": grader} if named_by == "role" else {}
        task = foreign([model_graded_qa(model=None if role else grader), token_cost()])
        sample = only_sample(run(server, task, roles=role, score="model_graded_qa"))
    scored = values(sample, "token_cost")
    assert (scored["budget"], scored["search_tokens"]) == (16, 32 + 16 + 8)
    # each of the four answers is graded in the search, and the best once more at the end
    assert (scored["helper_tokens"], scored["scorer_tokens"]) == (0, 5 * 3)
    assert scored["output_tokens"] + scored["scorer_tokens"] == server.total("output_tokens")
    assert scored["calls"] == len(server.requests) - 5


# --- scorers that decide, and those that cannot ----------------------------------------


@scorer(metrics=[accuracy()])
def says(value: Any) -> Scorer:
    """Gives one value to every answer."""

    async def score(state: TaskState, target: Target) -> Score:
        return Score(value=value)

    return score


@scorer(metrics={"exact": [accuracy()], "close": [accuracy()]})
def graded() -> Scorer:
    """Exact from 32 tokens on; close to the target always."""

    async def score(state: TaskState, target: Target) -> Score:
        assert state.output.usage is not None
        exact = state.output.usage.output_tokens >= 32
        return Score(value={"exact": int(exact), "close": 1})

    return score


@pytest.mark.parametrize(
    ("scorers", "name", "chosen"),
    [
        ([match(numeric=True), says(0)], "match", 16),  # right from 10 on
        ([says(0), match(numeric=True)], "match", 16),
        ([says("C"), says("I")], "says", 1),  # always right
        ([says("C"), says("I")], "says1", None),  # Inspect's name of the second; always wrong
        (graded(), "exact", 32),
        ([graded(), says("I")], "close", 1),
        ([says({"correct": 0}), says({"correct": True})], "says1", 1),  # its key "correct"
    ],
)
def test_score_names_the_scorer_or_the_key_that_decides(
    scorers: Scorer | list[Scorer],
    name: str,
    chosen: int | None,
    server: ChatServer,
    run: Callable[..., EvalLog],
) -> None:
    sample = only_sample(run(server, foreign(scorers), score=name))
    assert record(sample).budget == chosen


CANNOT_DECIDE = [
    (None, {}, "no scorer, so nothing says which answers are right: search budgets on a task"),
    (says(42), {}, "gives 42, which is neither right nor wrong: a budget search needs C or I"),
    (says("maybe"), {}, "gives 'maybe', which is neither right nor wrong"),
    (says([1, 0]), {}, r"gives [1, 0], which is neither right nor wrong"),
    (
        [match(), says("C")],
        {},
        "2 scorers: say which value decides with score=NAME, one of match, says",
    ),
    (graded(), {}, "unknown score 'correct'; allowed: exact, close"),
    (graded(), {"score": "exakt"}, "allowed: graded, exact, close. Did you mean 'exact'?"),
    ([match(), says("C")], {"score": "mach"}, "allowed: match, says. Did you mean 'match'?"),
    (
        [says({"correct": 1}), says({"correct": 0})],
        {"score": "correct"},
        "2 scorers give such a value; name one of the scorers, says, says1",
    ),
]


@pytest.mark.parametrize(("scorers", "args", "message"), CANNOT_DECIDE)
def test_a_scorer_that_cannot_decide_ends_the_run_with_the_reason(
    scorers: Scorer | list[Scorer] | None,
    args: dict[str, str],
    message: str,
    server: ChatServer,
    run: Callable[..., EvalLog],
) -> None:
    log = run(server, foreign(scorers), **args)
    assert log.status == "error"
    assert log.error is not None
    assert message in log.error.message
    assert len(server.requests) == 1  # nothing is spent after the first answer


def test_a_server_that_reports_no_usage_ends_the_run_with_the_reason(
    run: Callable[..., EvalLog],
) -> None:
    with chat_server(lambda prompt, request: Reply("ANSWER: 0", usage=False)) as server:
        log = run(server, foreign(match(numeric=True)))
    assert log.error is not None
    assert "openai-api/loop/m reports no token usage of the vanilla" in log.error.message
    assert "make the server report its usage" in log.error.message


def test_a_trial_without_usage_is_infeasible_and_the_search_goes_on(
    run: Callable[..., EvalLog],
) -> None:
    """Of 64, 32, 16 and 8 tokens the server forgets to count those of 16."""

    def forgetful(prompt: str, request: dict[str, Any]) -> Reply:
        budget = budget_in(prompt)
        return replace(scripted(prompt, request), usage=budget != 16)

    with chat_server(forgetful) as server:
        sample = only_sample(
            run(server, foreign([match(numeric=True), token_cost()]), score="match")
        )
    assert [budget_in(p) for p in server.prompts()] == [None, 32, 16]
    assert record(sample).budget == 32
    trace = record(sample).search
    assert trace is not None
    assert [t.attempts[0].output_tokens for t in trace.trials] == [64, 32, None]
    assert [t.attempts[0].correct for t in trace.trials] == [True, True, True]
    scored = values(sample, "token_cost")
    assert (scored["uncounted_calls"], scored["counted_tokens"]) == (1, 64 + 32)
    assert scored["output_tokens"] is None


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"strategy": "greedi"}, "unknown strategy 'greedi'; allowed: halving, greedy, bisect"),
        ({"rule": "most"}, "unknown rule 'most'; allowed: all, majority"),
        ({"samples": 0}, "samples=0: must be a whole number from 1 to 999"),
        ({"tolerance": 0}, "tolerance=0.0: must be above 0 and at most 1"),
        ({"tolerance": 1.5}, "tolerance=1.5: must be above 0 and at most 1"),
    ],
)
def test_an_argument_that_makes_no_sense_is_refused_before_the_run(
    args: dict[str, Any], message: str
) -> None:
    with pytest.raises(Exception, match=re.escape(message)):
        budget_search(**args)


def test_a_trial_that_was_cut_off_is_judged_as_one(tmp_path: Path) -> None:
    """An unmarked number at the end of a whole reply is its answer; of a cut one it is nothing."""

    def cut_under_a_budget(prompt: str, request: dict[str, Any]) -> Reply:
        if budget_in(prompt) is None:
            return Reply(told(prompt, 2 * number_in(prompt)), output_tokens=VANILLA_TOKENS)
        text = f"We add the two numbers and get {2 * number_in(prompt)}"
        return Reply(text, output_tokens=budget_in(prompt) or 0, finish_reason="length")

    with chat_server(cut_under_a_budget) as server:
        task = gsm8k(source=str(gsm8k_file(tmp_path, 3)))
        settings = {"log_dir": str(tmp_path), "display": "none"}
        (log,) = eval(task, model_of(server), solver=budget_search(), **settings)
    for sample in log.samples or []:
        trace = sample.store_as(TaleRecord).search
        assert trace is not None
        # asked under 32, wrong, and so the vanilla answer stands
        assert [trial.budget for trial in trace.trials] == [None, 32]
        assert trace.status == "no_smaller_budget"
        assert (sample.scores or {})["tale"].value["correct"] == 1  # type: ignore[index, call-overload]
