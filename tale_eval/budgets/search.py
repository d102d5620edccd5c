"""Budget search: the smallest token budget under which a question stays solved.

Pure async algorithms over `ask(budget)`, which makes one attempt at one question
under one prompted budget. They know no model, prompt or scorer.

Source: TALE (arXiv 2412.18547), section 4 and Algorithms 1 and 2. The printed
Algorithm 1 returns the first infeasible budget; here the last feasible one is kept.
"""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Literal, TypeVar, get_args

from anyio import create_task_group

from tale_eval.errors import InvalidValueError, UnknownNameError

Strategy = Literal["halving", "greedy", "bisect"]
Rule = Literal["all", "majority"]
SearchStatus = Literal["searched", "no_smaller_budget", "unsolved"]

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Attempt:
    """One answer of the model: its cost in output tokens, its grade, its text.

    The cost is None where nobody counted it. `call` is whatever name the asker has for the
    call that gave it; None without one.
    """

    output_tokens: int | None
    correct: bool
    text: str
    call: str | None = None


@dataclass(frozen=True)
class Trial:
    """Every attempt made under one budget, taken as one observation.

    Attributes:
        budget: The prompted budget in tokens; None for vanilla CoT, which has none.
        attempts: At least one.
        rule: When the trial counts as correct: "all" attempts are, or the
            "majority" of them (more than half).

    Raises:
        InvalidValueError: A budget below 1, or no attempt.
        UnknownNameError: The rule has another name.
    """

    budget: int | None
    attempts: tuple[Attempt, ...]
    rule: Rule = "all"

    def __post_init__(self) -> None:
        if self.budget is not None and self.budget < 1:
            raise InvalidValueError(f"budget {self.budget} is below 1; None stands for vanilla CoT")
        if not self.attempts:
            raise InvalidValueError(f"the trial at budget {self.budget} has no attempt; make one")
        if self.rule not in get_args(Rule):
            raise UnknownNameError("rule", self.rule, get_args(Rule))

    @property
    def correct(self) -> bool:
        """Whether the attempts, combined by the rule, solve the question."""
        right = sum(attempt.correct for attempt in self.attempts)
        return right == len(self.attempts) if self.rule == "all" else 2 * right > len(self.attempts)

    @property
    def counted(self) -> bool:
        """Whether the output tokens of all attempts are known."""
        return all(attempt.output_tokens is not None for attempt in self.attempts)

    @property
    def output_tokens(self) -> float:
        """Mean output tokens of the attempts; the plain count where there is one.

        Raises:
            InvalidValueError: Nobody counted them.
        """
        known = [a.output_tokens for a in self.attempts if a.output_tokens is not None]
        if len(known) < len(self.attempts):
            where = "the vanilla answer" if self.budget is None else f"budget {self.budget}"
            raise InvalidValueError(
                f"{where}: the output tokens of {len(self.attempts) - len(known)} of "
                f"{len(self.attempts)} attempts are not known; leave the trial out"
            )
        return mean(known)

    @property
    def effective_budget(self) -> int:
        """The prompted budget; for vanilla CoT its own cost, the search's right bound."""
        return int(self.output_tokens) if self.budget is None else self.budget


@dataclass(frozen=True)
class SearchResult:
    """What a search saw and chose.

    Attributes:
        trials: The vanilla trial, then every trial that decided something, in the
            order of the search, the infeasible ones included.
        best: The chosen trial; the vanilla one where no smaller budget is feasible.
        surplus: Trials that a speculative search asked and did not need.
    """

    trials: tuple[Trial, ...]
    best: Trial
    surplus: tuple[Trial, ...] = ()

    @property
    def budget(self) -> int | None:
        """The chosen budget; None where vanilla CoT was not improved upon."""
        return self.best.budget

    @property
    def status(self) -> SearchStatus:
        """How the search ended.

        "unsolved": vanilla CoT is wrong, so nothing was asked; "no_smaller_budget":
        it is right, but no smaller budget is feasible; "searched": one is.
        """
        if not self.trials[0].correct:
            return "unsolved"
        return "no_smaller_budget" if self.budget is None else "searched"

    @property
    def calls(self) -> int:
        """Attempts that the search asked, surplus included, vanilla CoT's own excluded."""
        return sum(len(trial.attempts) for trial in (*self.trials[1:], *self.surplus))


Ask = Callable[[int], Awaitable[Attempt]]
Try = Callable[[int], Awaitable[Trial]]
Feasible = Callable[[Trial, Trial], bool]


async def search(
    ask: Ask,
    vanilla: Trial,
    strategy: Strategy = "greedy",
    samples: int = 1,
    rule: Rule = "all",
    tolerance: float = 0.1,
    speculative: bool = False,
    floor: int = 1,
    comes_to: Callable[[int], Hashable] = int,
) -> SearchResult:
    """Search the smallest feasible budget below the cost of vanilla CoT.

    With T the vanilla answer's tokens, the halvings T//2, T//4, ..., 1 are asked
    until one is infeasible; a vanilla answer of at most one token leaves none to ask.
    No budget below `floor` is asked, and of budgets that come to the same, such as one level of
    effort, the largest alone.

    - "halving" (Alg. 1): feasible if correct.
    - "greedy" (Alg. 2): feasible if correct and cheaper, in actual output tokens,
      than the previous feasible trial, of which the vanilla one is the first.
    - "bisect": halving, then binary search between the last feasible and the first
      infeasible budget until they differ by at most max(1, tolerance * feasible one).

    A trial whose output tokens nobody counted is not feasible. No budget is asked twice.
    Trials asked, at most: floor(log2 T) by "halving" and
    "greedy", speculative or not; "bisect" adds at most ceil(log2(1/tolerance)) + 1.
    Calls are `samples` times as many.

    Args:
        ask: One attempt under a budget of so many tokens.
        vanilla: The trial without a budget; it is judged by `rule`, too, and its tokens
            are known.
        strategy: Which budgets are asked and which are feasible.
        samples: Attempts per budget, made concurrently.
        rule: How the attempts at one budget make a correct trial.
        tolerance: Relative width at which "bisect" stops, in (0, 1].
        speculative: Ask every halving at once: the same decision in less time for
            more tokens. The bisection itself stays sequential.
        floor: The smallest budget that can be asked, from 1 up.
        comes_to: What a budget is asked as.

    Raises:
        UnknownNameError: A strategy or rule of another name.
        InvalidValueError: Samples below 1, a tolerance outside (0, 1], or a vanilla trial
            whose tokens nobody counted.
        Exception: Whatever `ask` raises; an ExceptionGroup only where concurrent
            asks failed together.
    """
    _check(strategy, samples, tolerance)
    vanilla = replace(vanilla, rule=rule)
    if not vanilla.correct:
        return SearchResult((vanilla,), best=vanilla)

    async def attempt(budget: int) -> Trial:
        return Trial(budget, tuple(await _concurrently(ask, [budget] * samples)), rule)

    feasible = _correct_and_cheaper if strategy == "greedy" else _correct
    allowed = [tokens for tokens in halvings(vanilla.effective_budget) if tokens >= floor]
    # of equal keys the last one stays
    distinct = {comes_to(tokens): tokens for tokens in reversed(allowed)}
    budgets = sorted(distinct.values(), reverse=True)
    descent = await _descend(attempt, vanilla, feasible, speculative, budgets)
    if strategy != "bisect":
        return descent
    return await _bisect(attempt, descent, tolerance, comes_to)


def halvings(tokens: int) -> list[int]:
    """The budgets tokens//2, tokens//4, ..., 1."""
    return [tokens >> step for step in range(1, tokens.bit_length())]


def _check(strategy: str, samples: int, tolerance: float) -> None:
    if strategy not in get_args(Strategy):
        raise UnknownNameError("strategy", strategy, get_args(Strategy))
    if samples < 1:
        raise InvalidValueError(f"samples is {samples}; ask at least 1 attempt per budget")
    if not 0 < tolerance <= 1:
        raise InvalidValueError(f"tolerance is {tolerance}; give a share above 0 and up to 1")


def _correct(trial: Trial, previous: Trial) -> bool:
    return trial.correct and trial.counted


def _correct_and_cheaper(trial: Trial, previous: Trial) -> bool:
    return _correct(trial, previous) and trial.output_tokens < previous.output_tokens


async def _descend(
    attempt: Try,
    vanilla: Trial,
    feasible: Feasible,
    speculative: bool,
    budgets: Sequence[int],
) -> SearchResult:
    """Lower the budget until the first infeasible trial."""
    ahead = await _concurrently(attempt, budgets) if speculative else []
    trials, best = [vanilla], vanilla
    for step, budget in enumerate(budgets):
        trials.append(ahead[step] if speculative else await attempt(budget))
        if not feasible(trials[-1], best):
            break
        best = trials[-1]
    return SearchResult(tuple(trials), best, surplus=tuple(ahead[len(trials) - 1 :]))


async def _bisect(
    attempt: Try, descent: SearchResult, tolerance: float, comes_to: Callable[[int], Hashable]
) -> SearchResult:
    """Narrow the bracket that a descent left: its infeasible last trial and its best one.

    Where no trial is infeasible, the last one is the best and the bracket is empty.
    """
    trials, best = list(descent.trials), descent.best
    low, high = trials[-1].effective_budget, best.effective_budget
    # low >= high//2 at the start, so ceil(log2(1/tolerance)) + 1 steps always suffice
    while high - low > max(1, tolerance * high):
        middle = (low + high) // 2
        if comes_to(middle) in (comes_to(low), comes_to(high)):
            break
        trial = await attempt(middle)
        trials.append(trial)
        if _correct(trial, best):
            best, high = trial, trial.effective_budget
        else:
            low = trial.effective_budget
    return replace(descent, trials=tuple(trials), best=best)


async def _concurrently(
    ask: Callable[[int], Awaitable[Answer]], budgets: Sequence[int]
) -> list[Answer]:
    """Ask all budgets at once; answers in the order of the budgets."""
    answers: dict[int, Answer] = {}

    async def ask_one(place: int, budget: int) -> None:
        answers[place] = await ask(budget)

    try:
        async with create_task_group() as tasks:
            for place, budget in enumerate(budgets):
                tasks.start_soon(ask_one, place, budget)
    except BaseExceptionGroup as group:
        if len(group.exceptions) > 1:
            raise
        only = group.exceptions[0]
        raise only from only.__cause__  # callers catch what `ask` raised, its cause intact
    return [answers[place] for place in range(len(budgets))]
