"""Budget search against synthetic models whose behaviour under a budget is known."""

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil, log2
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given, strategies as st

from tale_eval.budgets.search import Attempt, SearchResult, Trial, halvings, search
from tale_eval.errors import InvalidValueError, TaleEvalError, UnknownNameError

Model = Callable[[int], Attempt]

STRATEGIES = ["halving", "greedy", "bisect"]
TOLERANCES = [0.01, 0.05, 0.1, 0.3, 0.5, 1.0]


def vanilla(tokens: int, correct: bool = True) -> Trial:
    return Trial(None, (Attempt(tokens, correct, "vanilla"),))


def obedient(threshold: int) -> Model:
    """Right from the threshold on; spends exactly what it is allowed."""
    return lambda budget: Attempt(budget, budget >= threshold, f"under {budget}")


def rebounding(threshold: int, knee: int) -> Model:
    """As the obedient one, but below the knee the cost rises again by as much as it fell."""
    return lambda budget: Attempt(
        max(budget, 2 * knee - budget), budget >= threshold, f"under {budget}"
    )


class Asked:
    """`ask` over a model, keeping the budgets in the order in which they were asked."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.budgets: list[int] = []

    async def __call__(self, budget: int) -> Attempt:
        self.budgets.append(budget)
        return self.model(budget)


def run(model: Model, tokens: int, **options: Any) -> tuple[SearchResult, list[int]]:
    """The result of a search below `tokens`, and the budgets it asked."""
    ask = Asked(model)
    return anyio.run(partial(search, ask, vanilla(tokens), **options)), ask.budgets


def budgets(trials: Sequence[Trial]) -> list[int | None]:
    return [trial.budget for trial in trials]


# --- trials whose tokens nobody counted -------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_trial_that_nobody_counted_is_infeasible_and_in_the_trace(strategy: Any) -> None:
    def forgetful(budget: int) -> Attempt:
        return Attempt(None if budget == 20 else budget, True, "")

    result, asked = run(forgetful, 80, strategy=strategy, tolerance=1.0)
    assert asked == [40, 20]
    assert (result.budget, result.status) == (40, "searched")
    assert budgets(result.trials) == [None, 40, 20]
    assert [trial.counted for trial in result.trials] == [True, True, False]


def test_bisect_goes_on_above_a_trial_that_nobody_counted() -> None:
    def forgetful(budget: int) -> Attempt:
        return Attempt(None if budget < 30 else budget, True, "")

    result, asked = run(forgetful, 80, strategy="bisect", tolerance=0.1)
    # between 20 and 40: 30 is counted, 25, 27 and so on are not
    assert asked[:4] == [40, 20, 30, 25]
    assert result.budget == 30


def test_one_uncounted_attempt_makes_its_trial_uncounted() -> None:
    trial = Trial(50, (Attempt(30, True, ""), Attempt(None, True, "")))
    assert (trial.correct, trial.counted) == (True, False)
    with pytest.raises(InvalidValueError, match="budget 50: the output tokens of 1 of 2 attempts"):
        _ = trial.output_tokens


def test_without_the_vanilla_answers_tokens_there_is_nothing_to_search_below() -> None:
    uncounted = Trial(None, (Attempt(None, True, ""),))
    with pytest.raises(InvalidValueError, match="the vanilla answer: the output tokens of 1 of 1"):
        anyio.run(partial(search, Asked(obedient(1)), uncounted))


# --- the paper's pseudocode, read independently of the implementation -------------


def algorithm_1(tokens: int, model: Model) -> int | None:
    """Halve while the answer stays correct; the last correct budget."""
    feasible, budget = None, tokens // 2
    while budget > 0 and model(budget).correct:
        feasible, budget = budget, budget // 2
    return feasible


def algorithm_2(tokens: int, model: Model) -> int | None:
    """As Algorithm 1, and each step must cost less than the step before."""
    feasible, cost, budget = None, tokens, tokens // 2
    while budget > 0:
        answer = model(budget)
        if not answer.correct or answer.output_tokens >= cost:
            break
        feasible, cost, budget = budget, answer.output_tokens, budget // 2
    return feasible


def erratic(answers: list[tuple[bool, int]]) -> Model:
    """Anything at all: correctness and cost depend on the budget's number of bits."""
    return lambda budget: Attempt(
        answers[budget.bit_length()][1], answers[budget.bit_length()][0], ""
    )


any_tokens = st.integers(0, 4000)
any_threshold = st.integers(1, 4000)
erratic_models = st.lists(
    st.tuples(st.sampled_from([True, True, True, False]), st.integers(0, 4000)),
    min_size=13,
    max_size=13,  # 4000 has 12 bits
).map(erratic)
any_model = st.one_of(
    st.builds(obedient, any_threshold),
    st.builds(rebounding, any_threshold, st.integers(1, 4000)),
    erratic_models,
)


@given(tokens=any_tokens, model=any_model)
def test_halving_is_the_papers_algorithm_1(tokens: int, model: Model) -> None:
    result, _ = run(model, tokens, strategy="halving")
    assert result.budget == algorithm_1(tokens, model)


@given(tokens=any_tokens, model=any_model)
def test_greedy_is_the_papers_algorithm_2(tokens: int, model: Model) -> None:
    result, _ = run(model, tokens, strategy="greedy")
    assert result.budget == algorithm_2(tokens, model)


@given(tokens=st.integers(1, 4000), share=st.floats(0, 1), tolerance=st.sampled_from(TOLERANCES))
def test_bisect_lands_within_its_tolerance_of_the_threshold(
    tokens: int, share: float, tolerance: float
) -> None:
    threshold = max(1, ceil(share * tokens))
    result, _ = run(obedient(threshold), tokens, strategy="bisect", tolerance=tolerance)
    found = result.best.effective_budget
    assert threshold <= found
    # width 1 leaves no budget in between: then the threshold itself is found
    assert found - threshold < max(1, tolerance * found)


@pytest.mark.parametrize("tokens", [2, 5, 16, 31])
def test_bisect_finds_the_threshold_itself_at_a_fine_tolerance(tokens: int) -> None:
    for threshold in range(1, tokens + 1):
        result, _ = run(obedient(threshold), tokens, strategy="bisect", tolerance=0.01)
        assert result.best.effective_budget == threshold


@given(
    tokens=any_tokens,
    model=any_model,
    strategy=st.sampled_from(STRATEGIES),
    samples=st.integers(1, 3),
    tolerance=st.sampled_from(TOLERANCES),
    speculative=st.booleans(),
)
def test_no_search_repeats_a_budget_leaves_the_range_or_exceeds_its_bound(
    tokens: int, model: Model, strategy: str, samples: int, tolerance: float, speculative: bool
) -> None:
    result, asked = run(
        model,
        tokens,
        strategy=strategy,
        samples=samples,
        tolerance=tolerance,
        speculative=speculative,
    )
    assert all(asked.count(budget) == samples for budget in asked)
    assert all(1 <= budget < tokens for budget in asked)
    bound = int(log2(tokens)) if tokens else 0
    if strategy == "bisect":
        bound += ceil(log2(1 / tolerance)) + 1
    assert len(asked) <= samples * bound
    assert result.calls == len(asked)


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(tokens=any_tokens, model=any_model)
def test_speculative_search_decides_as_the_sequential_one(
    strategy: str, tokens: int, model: Model
) -> None:
    sequential, _ = run(model, tokens, strategy=strategy)
    speculative, asked = run(model, tokens, strategy=strategy, speculative=True)
    assert speculative.trials == sequential.trials
    assert (speculative.best, speculative.status) == (sequential.best, sequential.status)
    assert sequential.surplus == ()
    # no token vanishes
    kept = [trial.budget for trial in (*speculative.trials[1:], *speculative.surplus)]
    assert sorted(map(str, kept)) == sorted(map(str, asked))


# --- hand-worked searches ------------------------------------------------------


def test_halving_keeps_the_last_feasible_budget_and_the_failing_trial() -> None:
    # 100 -> 50 right, 25 right, 12 wrong (12 < 20)
    result, asked = run(obedient(20), 100, strategy="halving")
    assert asked == [50, 25, 12]
    assert budgets(result.trials) == [None, 50, 25, 12]
    assert (result.budget, result.best.attempts[0].text) == (25, "under 25")
    assert (result.status, result.calls) == ("searched", 3)


def test_greedy_stops_at_the_rebound_although_the_answer_is_still_right() -> None:
    # costs with the knee at 30: 50 -> 50, 25 -> 35, 12 -> 48 > 35: stop
    result, asked = run(rebounding(threshold=1, knee=30), 100, strategy="greedy")
    assert asked == [50, 25, 12]
    assert result.budget == 25
    assert (result.trials[-1].correct, result.trials[-1].output_tokens) == (True, 48)


def test_greedy_finds_nothing_when_half_the_budget_costs_as_much_as_vanilla_cot() -> None:
    result, asked = run(lambda budget: Attempt(100, True, ""), 100, strategy="greedy")
    assert asked == [50]
    assert (result.budget, result.status) == (None, "no_smaller_budget")


def test_bisect_narrows_between_the_last_right_and_the_first_wrong_halving() -> None:
    # halving: 50, 25 right, 12 wrong; then 18 wrong, 21 right, 19 wrong;
    # 21 - 19 = 2 <= 0.1 * 21
    result, asked = run(obedient(20), 100, strategy="bisect", tolerance=0.1)
    assert asked == [50, 25, 12, 18, 21, 19]
    assert result.budget == 21


def test_bisect_searches_above_half_of_vanilla_cot_when_the_first_halving_fails() -> None:
    # 50 wrong; 75 wrong, 87 right, 81 right; 81 - 75 = 6 <= 0.1 * 81
    result, asked = run(obedient(80), 100, strategy="bisect", tolerance=0.1)
    assert asked == [50, 75, 87, 81]
    assert (result.budget, result.status) == (81, "searched")


def test_bisect_has_nothing_to_narrow_when_every_halving_is_right() -> None:
    result, asked = run(obedient(1), 9, strategy="bisect")
    assert asked == [4, 2, 1]
    assert result.budget == 1


def test_speculative_surplus_holds_the_halvings_below_the_first_failure() -> None:
    result, _ = run(obedient(20), 100, strategy="halving", speculative=True)
    assert budgets(result.trials) == [None, 50, 25, 12]
    assert budgets(result.surplus) == [6, 3, 1]
    assert result.calls == 6


def test_speculative_search_does_not_depend_on_which_answer_comes_first() -> None:
    async def ask(budget: int) -> Attempt:
        for _ in range(budget):  # the smallest budget answers first
            await anyio.lowlevel.checkpoint()
        return obedient(20)(budget)

    result = anyio.run(partial(search, ask, vanilla(100), speculative=True))
    assert budgets(result.trials) == [None, 50, 25, 12]
    assert budgets(result.surplus) == [6, 3, 1]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("tokens", "asked", "status"),
    [
        (0, [], "no_smaller_budget"),  # an empty right answer
        (1, [], "no_smaller_budget"),  # the halving of 1 is no budget
        (2, [1], "searched"),
        (3, [1], "searched"),
    ],
)
def test_the_shortest_vanilla_answers(
    strategy: str, tokens: int, asked: list[int], status: str
) -> None:
    result, really_asked = run(obedient(1), tokens, strategy=strategy)
    assert (really_asked, result.status) == (asked, status)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("speculative", [False, True])
def test_nothing_is_asked_when_vanilla_cot_is_wrong(strategy: Any, speculative: bool) -> None:
    ask = Asked(obedient(1))
    wrong = vanilla(100, correct=False)
    result = anyio.run(
        partial(search, ask, wrong, strategy=strategy, speculative=speculative),
    )
    assert ask.budgets == []
    assert result == SearchResult(trials=(wrong,), best=wrong)
    assert (result.status, result.budget, result.calls) == ("unsolved", None, 0)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [(0, []), (1, []), (2, [1]), (7, [3, 1]), (8, [4, 2, 1]), (100, [50, 25, 12, 6, 3, 1])],
)
def test_halvings_run_from_half_down_to_one(tokens: int, expected: list[int]) -> None:
    assert halvings(tokens) == expected


# --- several attempts per budget ---------------------------------------------


@pytest.mark.parametrize(
    ("grades", "by_all", "by_majority"),
    [
        ([True], True, True),
        ([False], False, False),
        ([True, False], False, False),  # a tie is no majority
        ([True, True, False], False, True),
        ([True, True, True], True, True),
    ],
)
def test_a_trial_is_correct_by_its_rule(
    grades: list[bool], by_all: bool, by_majority: bool
) -> None:
    attempts = tuple(Attempt(1, grade, "") for grade in grades)
    assert Trial(8, attempts, "all").correct is by_all
    assert Trial(8, attempts, "majority").correct is by_majority


def test_a_trial_costs_the_mean_of_its_attempts() -> None:
    one = Trial(8, (Attempt(7, True, ""),))
    two = Trial(None, (Attempt(7, True, ""), Attempt(8, True, "")))
    assert (one.output_tokens, type(one.output_tokens)) == (7, int)
    assert (two.output_tokens, two.effective_budget) == (7.5, 7)


@pytest.mark.parametrize(("rule", "budget"), [("all", 50), ("majority", 25)])
def test_the_rule_decides_how_far_the_search_descends(rule: str, budget: int) -> None:
    # 50: all three right; 25: two of three; 12: one of three
    right = {50: [True] * 3, 25: [True, True, False], 12: [True, False, False]}

    def model(budget: int) -> Attempt:
        return Attempt(budget, right[budget].pop(0), "")

    result, _ = run(model, 100, samples=3, rule=rule)
    assert result.budget == budget


def test_vanilla_cot_is_judged_by_the_rule_of_the_search() -> None:
    mostly_right = Trial(None, tuple(Attempt(100, grade, "") for grade in (True, True, False)))
    by_all = anyio.run(partial(search, Asked(obedient(20)), mostly_right, rule="all"))
    by_majority = anyio.run(partial(search, Asked(obedient(20)), mostly_right, rule="majority"))
    assert (by_all.status, by_majority.status) == ("unsolved", "searched")


@pytest.mark.parametrize(
    ("options", "together"),
    [
        ({}, 1),
        ({"samples": 4}, 4),
        ({"speculative": True}, 6),  # 50, 25, 12, 6, 3, 1
        ({"speculative": True, "samples": 4}, 24),
    ],
)
def test_samples_and_speculative_halvings_are_asked_concurrently(
    options: dict[str, Any], together: int
) -> None:
    waiting = most = 0

    async def ask(budget: int) -> Attempt:
        nonlocal waiting, most
        waiting += 1
        most = max(most, waiting)
        for _ in range(5):  # lets every other task that was started reach this line
            await anyio.lowlevel.checkpoint()
        waiting -= 1
        return Attempt(budget, True, "")

    anyio.run(partial(search, ask, vanilla(100), **options))
    assert most == together


# --- what goes wrong -----------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"samples": 3}, {"speculative": True}])
def test_a_lone_failure_is_raised_as_it_was_with_its_cause(options: dict[str, Any]) -> None:
    calls = 0

    async def ask(budget: int) -> Attempt:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("the server is gone") from OSError("refused")
        await anyio.sleep_forever()
        raise AssertionError("a search that fails cancels its other calls")

    with pytest.raises(RuntimeError, match="the server is gone") as caught:
        anyio.run(partial(search, ask, vanilla(100), **options))
    assert isinstance(caught.value.__cause__, OSError)


def test_failures_of_concurrent_calls_are_all_reported() -> None:
    async def ask(budget: int) -> Attempt:
        raise RuntimeError(f"under {budget}")

    with pytest.raises(ExceptionGroup) as caught:
        anyio.run(partial(search, ask, vanilla(4), speculative=True))
    assert sorted(str(error) for error in caught.value.exceptions) == ["under 1", "under 2"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"strategy": "greddy"}, UnknownNameError, "Did you mean 'greedy'"),
        ({"rule": "any"}, UnknownNameError, "allowed: all, majority"),
        ({"samples": 0}, InvalidValueError, "samples is 0"),
        ({"tolerance": 0.0}, InvalidValueError, "tolerance is 0"),
        ({"tolerance": 1.5}, InvalidValueError, r"tolerance is 1\.5"),
        ({"tolerance": float("nan")}, InvalidValueError, "tolerance is nan"),
    ],
)
def test_bad_options_are_refused_before_anything_is_asked(
    options: dict[str, Any], error: type[TaleEvalError], message: str
) -> None:
    ask = Asked(obedient(1))
    with pytest.raises(error, match=message):
        anyio.run(partial(search, ask, vanilla(100), **options))
    assert ask.budgets == []


def test_a_trial_without_attempts_or_with_a_budget_below_one_is_refused() -> None:
    with pytest.raises(InvalidValueError, match="no attempt"):
        Trial(8, ())
    with pytest.raises(InvalidValueError, match="budget 0 is below 1"):
        Trial(0, (Attempt(1, True, ""),))


# --- what a right answer costs ---


@pytest.mark.parametrize("strategy", ["halving", "bisect"])
def test_the_smallest_right_budget_may_cost_more_than_no_budget(strategy: Any) -> None:
    """Both look at the answer alone; told to be short, this model talks about being short."""

    async def talkative(budget: int) -> Attempt:
        return Attempt(90 - budget, budget > 9, "")

    result = anyio.run(partial(search, talkative, vanilla(40), strategy))
    assert result.status == "searched"
    assert (result.budget, result.best.output_tokens) == (10, 80)


@given(st.integers(2, 300), st.lists(st.tuples(st.integers(0, 600), st.booleans()), min_size=9))
def test_the_greedy_search_never_chooses_a_dearer_answer(
    tokens: int, script: list[tuple[int, bool]]
) -> None:
    replies = iter(script)

    async def scripted(budget: int) -> Attempt:
        return Attempt(*next(replies), "")

    result = anyio.run(partial(search, scripted, vanilla(tokens), "greedy"))
    if result.status == "searched":
        assert result.best.output_tokens < tokens


@pytest.mark.parametrize("speculative", [False, True])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_budget_below_the_floor_is_asked(strategy: str, speculative: bool) -> None:
    # halvings of 1000: 500, 250, 125, 62, ...
    result, asked = run(obedient(1), 1000, strategy=strategy, speculative=speculative, floor=200)
    assert asked == [500, 250]
    assert result.budget == 250


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_of_budgets_that_come_to_the_same_the_largest_is_asked(strategy: str) -> None:
    # two levels: 500 and 250 are "high", 125 and all below "low"
    levels = {"comes_to": lambda budget: "high" if budget > 200 else "low"}
    result, asked = run(obedient(1), 1000, strategy=strategy, **levels)
    assert asked == [500, 125]
    assert result.budget == 125


def test_a_bisection_asks_no_level_twice() -> None:
    # feasible at 500 ("high"), not at 125 ("low"): 312 would be "high" again
    levels = {"comes_to": lambda budget: "high" if budget > 200 else "low"}
    result, asked = run(obedient(300), 1000, strategy="bisect", **levels)
    assert asked == [500, 125]
    assert result.budget == 500
