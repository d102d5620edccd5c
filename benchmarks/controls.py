"""How often "moved" and "no effect" are false, and the interval of a correlation, by simulation.

    python benchmarks/controls.py [--runs 2000] [--only moved …]

Prints tables in Markdown. Two answers to a question share part of their length; the rest is drawn
anew for every answer, from a seed. Nothing is measured in time.
"""

import argparse
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from tale_eval.analysis.statistics import Values, rank_correlation, swapped_p, token_ratio
from tale_eval.analysis.sweeps import MARGIN, Effect, effect_of

Floats = NDArray[np.float64]
Lengths = Callable[[np.random.Generator, tuple[int, int]], Floats]
"""Tokens that a question takes by nature, and what one answer makes of them: (levels, n)."""

SIZES = (50, 200)
MEAN = 200


def lognormal(random: np.random.Generator, shape: tuple[int, int], sigma: float) -> Floats:
    """Questions and answers vary log-normally, half of it each; mean 200."""
    shared = random.normal(size=shape[1])
    own = random.normal(size=shape)
    return np.asarray(MEAN * np.exp(sigma * (shared + own) / 2**0.5 - sigma**2 / 2))


def short_tailed(random: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return lognormal(random, shape, 0.4)


def long_tailed(random: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return lognormal(random, shape, 1.0)


def at_the_cap(random: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """5 % of the answers of every level run to a cap of 4,096 tokens."""
    return np.where(random.random(shape) < 0.05, 4096.0, lognormal(random, shape, 0.5))


def runaways(random: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """1 % of the answers of every level are 30 to 50 times longer."""
    longer = random.uniform(30, 50, shape)
    return lognormal(random, shape, 0.4) * np.where(random.random(shape) < 0.01, longer, 1)


def steady(random: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """A question is answered nearly alike every time, within 5 %, as at temperature 0."""
    own = random.normal(size=shape)
    question = lognormal(random, (1, shape[1]), 1.0)
    return np.asarray(question * np.exp(0.05 * own - 0.05**2 / 2))


LENGTHS: Sequence[tuple[str, Lengths]] = (
    ("nearly the same every time", steady),
    ("log-normal, sigma 0.4", short_tailed),
    ("log-normal, sigma 1", long_tailed),
    ("5 % at the cap", at_the_cap),
    ("1 % runaways", runaways),
)


def stated(tokens: Floats) -> list[Effect]:
    """What a sweep says of each level against the first. Shape (levels, questions)."""
    first, *others = (one_epoch(level) for level in tokens.tolist())
    together = len(others)
    return [
        effect_of(token_ratio(level, first, together), swapped_p(level, first), together)
        for level in others
    ]


def scaled(lengths: Lengths, factors: Sequence[float], runs: int, n: int) -> list[list[Effect]]:
    """What is said in each run where the levels truly write so many times their length."""
    random = np.random.default_rng(1024)
    by = np.array(factors)[:, None]
    return [stated(by * lengths(random, (len(factors), n))) for _ in range(runs)]


def moved(runs: int) -> None:
    """Nothing moved, and a sweep says that something did."""
    print(f'\n### A false "moved", {runs:,} simulations, % of sweeps\n')
    header("tokens", "questions", "2 levels", "3 levels", "6 levels", '"no effect", 2 levels')
    for name, lengths in LENGTHS:
        for n in SIZES:
            found = [scaled(lengths, [1.0] * levels, runs, n) for levels in (2, 3, 6)]
            false = [share(any(map(is_moved, run)) for run in each) for each in found]
            right = share(run[0] == "no effect" for run in found[0])
            row(name, f"{n:,}", *(f"{100 * x:.1f}" for x in [*false, right]))


def no_effect(runs: int) -> None:
    """Something moved, and a sweep of two levels says that there is no effect."""
    print(f'\n### A false "no effect", {runs:,} simulations, % of sweeps of two levels\n')
    factors = (1 + MARGIN, 1 / (1 + MARGIN), 1.2, 1.5)
    shown = [f"x {factor:.2f}" for factor in factors]
    header("tokens", "questions", *shown, *(f'"moved" at {name}' for name in shown[2:]))
    for name, lengths in LENGTHS:
        for n in SIZES:
            found = [scaled(lengths, [1.0, factor], runs, n) for factor in factors]
            # at the margin itself, "by less than 10 %" would be as false
            false = [share(run[0] in ("no effect", "moved little") for run in f) for f in found]
            right = [share(is_moved(run[0]) for run in each) for each in found[2:]]
            row(name, f"{n:,}", *(f"{100 * x:.1f}" for x in [*false, *right]))


def rare(runs: int) -> None:
    """An effect on few questions: what a sample does not hold, nobody can find."""
    print(f"\n### An effect on few questions, {runs:,} simulations, %\n")
    print("Tokens are nearly the same every time, but for a share of the questions that take many")
    print("times as much at the second level. In all of these the mean rises by 15 %.\n")
    header("share of questions", "times", "questions", '"no effect"', '"moved"', "none of them")
    for part in (0.01, 0.03, 0.1):
        times = 1 + 0.15 / part
        for n in (*SIZES, 500):
            random = np.random.default_rng(1024)
            said = []
            for _ in range(runs):
                tokens = steady_and_alike(random, n)
                tokens[1] *= np.where(random.random(n) < part, times, 1)
                said.append(stated(tokens)[0])
            false, right = said.count("no effect") / runs, share(map(is_moved, said))
            cells = (false, right, (1 - part) ** n)
            row(f"{part:.0%}", f"{times:.1f}", f"{n:,}", *(f"{100 * x:.1f}" for x in cells))


def steady_and_alike(random: np.random.Generator, n: int) -> Floats:
    """Two levels, all questions of one length, answers within 5 %."""
    return np.asarray(MEAN * np.exp(0.05 * random.normal(size=(2, n))))


def correlations(runs: int) -> None:
    print(f"\n### Correlation of ranks, {runs:,} simulations, % of intervals that miss it\n")
    print("Budgets and answers are log-normal (sigma 1), or budgets have four values.\n")
    header("true correlation", "questions", "any budget", "four budgets")
    for linear in (0.0, 0.3, 0.6, 0.9):
        for n in (20, *SIZES):
            missed = [100 * _missed(linear, n, runs, four) for four in (False, True)]
            truth = 6 / math.pi * math.asin(linear / 2)
            row(f"{truth:.2f}", f"{n:,}", *(f"{x:.1f}" for x in missed))


def _missed(linear: float, n: int, runs: int, four: bool) -> float:
    truth = _ranked(linear, 200_000, np.random.default_rng(1), four)
    random = np.random.default_rng(1024)
    wrong = 0
    for _ in range(runs):
        found = rank_correlation(*map(one_epoch, _drawn(linear, n, random, four).tolist()))
        ends = found.interval if found else None
        wrong += ends is None or not ends.low <= truth <= ends.high
    return wrong / runs


def _ranked(linear: float, n: int, random: np.random.Generator, four: bool) -> float:
    found = rank_correlation(*map(one_epoch, _drawn(linear, n, random, four).tolist()))
    assert found
    return found.value


def _drawn(linear: float, n: int, random: np.random.Generator, four: bool) -> Floats:
    asked, own = random.normal(size=(2, n))
    came = np.exp(linear * asked + (1 - linear**2) ** 0.5 * own)
    return np.stack([np.digitize(asked, [-0.67, 0, 0.67]) if four else np.exp(asked), came])


def is_moved(effect: Effect) -> bool:
    return effect in ("moved", "moved little")


def share(hits: Iterable[bool]) -> float:
    known = list(hits)
    return sum(known) / len(known)


def one_epoch(values: Sequence[float]) -> Values:
    return {f"{number:06}": [value] for number, value in enumerate(values)}


def header(*names: str) -> None:
    row(*names)
    row(*("---" for _ in names))


def row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


TABLES = {"moved": moved, "no_effect": no_effect, "rare": rare, "correlations": correlations}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000, help="simulations a row")
    parser.add_argument("--only", nargs="*", choices=sorted(TABLES), default=list(TABLES))
    options = parser.parse_args()
    for name in options.only:
        TABLES[name](options.runs)


if __name__ == "__main__":
    main()
