"""How often the report's intervals and verdicts are wrong, beside those of version 0.1.0.

    python benchmarks/intervals.py [--runs 1000] [--only verdicts …]

Prints tables in Markdown. With one epoch the figures on verdicts and accuracies are exact:
every possible outcome is counted with its chance. The others are simulated from a seed,
`--runs` times a row; two or four times as often where that is cheap, and less often with
many questions. Nothing is measured in time.
"""

import argparse
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm, t

from tale_eval.analysis.statistics import (
    IntervalEstimate,
    Values,
    accuracy_interval,
    chance_negative,
    mean_estimate,
    token_ratio,
)

Floats = NDArray[np.float64]
Rejects = Callable[[int, int, int, float], bool]
"""Whether `only_a` and `only_b` of n questions prove a difference above a bound."""

SIZES = (24, 50, 98, 200, 500, 1319)
MARGINS = (0.01, 0.02, 0.05)
# how many of 100 questions the two methods tell apart besides the true loss, half each way
BESIDES = (0.0, 0.005, 0.01, 0.02, 0.04, 0.1, 0.2, 0.4, 0.6)
LEVEL = 0.025


# ---- version 0.1.0, for comparison


def old_lower(differences: Floats) -> Floats:
    """Agresti and Min's lower end with the t quantile. Shape (runs, questions) to (runs,)."""
    n = differences.shape[1]
    squares = (differences**2).sum(axis=1)
    discordant = (differences != 0).sum(axis=1)
    pseudo = np.where(discordant > 0, squares / np.maximum(discordant, 1), 1.0)
    centre = differences.sum(axis=1) / (n + 2)
    variance = (squares + pseudo) / (n + 2) - centre**2
    return np.asarray(centre - t.ppf(1 - LEVEL, n - 1) * np.sqrt(variance / (n + 2)))


def old_rejects(only_a: int, only_b: int, n: int, bound: float) -> bool:
    centre = (only_a - only_b) / (n + 2)
    variance = (only_a + only_b + 1) / (n + 2) - centre**2
    return bool(centre - t.ppf(1 - LEVEL, n - 1) * math.sqrt(variance / (n + 2)) > bound)


def old_accuracy(scores: Floats, epochs: int = 1) -> tuple[Floats, Floats]:
    """Wilson's ends with the effective number of answers. Means of questions, (runs, questions)."""
    n = scores.shape[1]
    share = scores.mean(axis=1)
    variance = scores.var(axis=1) / n
    independent = share * (1 - share) / np.where(variance > 0, variance, 1)
    size = np.where(variance > 0, np.minimum(independent, n * epochs), n)
    quantile = norm.ppf(1 - LEVEL) if epochs == 1 else t.ppf(1 - LEVEL, n - 1)
    centre = share + quantile**2 / (2 * size)
    spread = quantile * np.sqrt(share * (1 - share) / size + quantile**2 / (4 * size**2))
    scale = 1 + quantile**2 / size
    return (centre - spread) / scale, (centre + spread) / scale


def old_ratio(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Ends of the expanded percentile interval, 999 resamples that all rows share."""
    n = a.shape[1]
    weights = np.random.default_rng(1024).multinomial(n, np.full(n, 1 / n), size=999).T
    drawn = (a @ weights) / (b @ weights)
    level = norm.cdf(-math.sqrt(n / (n - 1)) * t.ppf(1 - LEVEL, n - 1))
    low, high = np.quantile(drawn, [level, 1 - level], axis=1)
    return low, high


def old_mean(tokens: Floats) -> tuple[Floats, Floats]:
    n = tokens.shape[1]
    half = t.ppf(1 - LEVEL, n - 1) * tokens.std(axis=1, ddof=1) / math.sqrt(n)
    return tokens.mean(axis=1) - half, tokens.mean(axis=1) + half


# ---- verdicts, one epoch, exactly


def new_rejects(only_a: int, only_b: int, n: int, bound: float) -> bool:
    """Whether the interval's lower end is above the bound, without looking for the end."""
    shapes = np.array([only_a, n - only_a - only_b, only_b + 1.0])
    return bool(chance_negative(np.array([1, 0, -1]) - bound, shapes) < LEVEL)


def above(values: Floats, bound: float, worst: float) -> NDArray[np.bool_]:
    """Whether the lower end is above a bound; `worst` is what a value may be at worst.

    Shape (runs, questions) to (runs,).
    """
    found, place = np.unique(np.append(values.round(9), worst), return_inverse=True)
    place = place[:-1].reshape(values.shape)
    shapes = np.stack([(place == k).sum(axis=1) for k in range(len(found))], axis=1).astype(float)
    shapes[:, found == worst] += 1
    return np.asarray(chance_negative(found - bound, shapes) < LEVEL)


def new_lower_above(differences: Floats, bound: float) -> NDArray[np.bool_]:
    return above(differences, bound, -1.0)


def thresholds(rejects: Rejects, n: int, bound: float) -> NDArray[np.int64]:
    """For each number of questions that only b has right, how many of a are enough."""
    enough, needed = [], 0
    for only_b in range(n + 1):
        while needed + only_b <= n and not rejects(needed, only_b, n, bound):
            needed += 1
        enough.append(needed)
        if needed + only_b > n:
            break
    return np.array(enough)


def chance(enough: NDArray[np.int64], n: int, share_a: float, share_b: float) -> float:
    """Chance of an outcome with enough questions that only a has right."""
    only_b = np.arange(len(enough))
    given = binom.sf(enough - 1, n - only_b, share_a / (1 - share_b))
    return float((binom.pmf(only_b, n, share_b) * given).sum())


def shares(bound: float) -> Iterator[tuple[float, float]]:
    """Shares of "only a right" and "only b right" with this difference."""
    for besides in BESIDES:
        one_way = abs(bound) + besides / 2
        if one_way + besides / 2 <= 0.98:
            yield (one_way, besides / 2) if bound > 0 else (besides / 2, one_way)


def verdicts(_: int) -> None:
    print("\n### Verdicts, one epoch, exact figures in %\n")
    print("True loss exactly the margin: the highest chance over all shares of questions that")
    print(f"tell the methods apart ({BESIDES[0]:.0%} to {BESIDES[-1]:.0%} besides the loss).\n")
    header("margin", "questions", '"not worse": 0.1.0', "now", '"worse": 0.1.0', "now")
    power = []
    for margin in MARGINS:
        for n in SIZES:
            cells = []
            for bound in (-margin, margin):
                for rejects in (old_rejects, new_rejects):
                    enough = thresholds(rejects, n, bound)
                    cells.append(100 * max(chance(enough, n, *pair) for pair in shares(bound)))
                    if bound < 0:
                        equal = (0.005, 0.01, 0.025, 0.05)
                        power.append([100 * chance(enough, n, half, half) for half in equal])
            row(f"{margin:g}", f"{n:,}", *(f"{cell:.2f}" for cell in cells))
    print('\n### Chance of "not worse" at a true loss of 0, one epoch, exact figures in %\n')
    print("0.1.0 / now, by the share of questions that tell the methods apart.\n")
    header("margin", "questions", "1 %", "2 %", "5 %", "10 %")
    for k, (margin, n) in enumerate((m, n) for m in MARGINS for n in SIZES):
        pairs = zip(power[2 * k], power[2 * k + 1], strict=True)
        row(f"{margin:g}", f"{n:,}", *(f"{old:.1f} / {new:.1f}" for old, new in pairs))


# ---- verdicts, several epochs, rotations, partial credit


def whole(random: np.random.Generator, runs: int, n: int, loss: float) -> Floats:
    """Questions are lost in all of 4 epochs or in none, the others flicker."""
    flicker = random.binomial(4, 0.1, (2, runs, n)) * (random.random((runs, n)) < 0.2) / 4
    lost = random.random((runs, n)) < loss
    return np.where(lost, -1.0, flicker[0] - flicker[1])


def spread(random: np.random.Generator, runs: int, n: int, loss: float) -> Floats:
    """Every question loses a little in 4 epochs; accuracies near 90 %."""
    ease = random.beta(1.8, 0.2, (runs, n))
    return np.asarray((random.binomial(4, ease * (1 - loss / 0.9)) - random.binomial(4, ease)) / 4)


def near_perfect(random: np.random.Generator, runs: int, n: int, loss: float) -> Floats:
    """All questions are easy, but for those that are lost in all of 4 epochs."""
    slips = random.binomial(4, 0.004, (2, runs, n)) / 4
    return np.where(random.random((runs, n)) < loss, -1.0, slips[0] - slips[1])


def rotated(random: np.random.Generator, runs: int, n: int, loss: float) -> Floats:
    """A question is lost in one of the 4 rotations of its options."""
    lost = random.random((runs, n)) < 4 * loss
    noise = random.integers(-1, 2, (runs, n)) * (random.random((runs, n)) < 0.05) / 4
    return np.where(lost, -0.25, noise)


def partial(random: np.random.Generator, runs: int, n: int, loss: float) -> Floats:
    """Partial credit in tenths: b has a score lower by the loss on average."""
    score = random.binomial(10, random.beta(4, 1, (runs, n)))
    kept = random.binomial(score, 1 - loss / 0.8)
    noise = random.integers(-1, 2, (runs, n)) * ((score > 0) & (score < 10) & (kept == score))
    return np.asarray((kept - score + noise) / 10)


EPOCHS = (whole, spread, near_perfect, rotated, partial)


def clustered(runs: int) -> None:
    runs *= 4
    print(f"\n### Verdicts, 4 epochs, rotations and partial credit, {runs:,} simulations, %\n")
    print("0.1.0 / now. True loss exactly the margin of 0.02; power at a loss of 0.\n")
    header("what differs", "questions", '"not worse"', '"worse"', "power")
    for model in EPOCHS:
        for n in SIZES:
            size = runs if n < 1000 else runs // 4
            random = np.random.default_rng(1024)
            differences, equal = (model(random, size, n, loss) for loss in (0.02, 0.0))
            row(
                (model.__doc__ or "").rstrip("."),
                f"{n:,}",
                *(
                    f"{100 * (old_lower(d) > bound).mean():.1f} / "
                    f"{100 * new_lower_above(d, bound).mean():.1f}"
                    for d, bound in ((differences, -0.02), (-differences, 0.02), (equal, -0.02))
                ),
            )


# ---- tables of five methods


def families(runs: int) -> None:
    runs *= 4
    print(f"\n### Tables of five methods, {runs:,} simulations, % with a false verdict\n")
    print(
        "Four methods lose exactly the margin of 0.02 to the baseline (90 %), so that any verdict"
    )
    print("but undecided is false. 0.1.0 / now.\n")
    header("questions", "one comparison", "any of the four", 'any "not worse"')
    for n in (98, 200, 500, 1319):
        random = np.random.default_rng(1024)
        size = runs if n < 1000 else runs // 2
        ease = random.beta(1.8, 0.2, (size, n))
        base = (random.random((size, n)) < ease).astype(float)
        verdicts = []
        for _ in range(4):
            d = (random.random((size, n)) < ease * (1 - 0.02 / 0.9)) - base
            not_worse = old_lower(d) > -0.02, new_lower_above(d, -0.02)
            worse = old_lower(-d) > 0.02, new_lower_above(-d, 0.02)
            verdicts.append((not_worse, worse))
        # shape (methods, verdict, version, runs)
        false = np.array(verdicts)
        one, any_of = false.any(axis=1).mean(axis=(0, 2)), false.any(axis=(0, 1)).mean(axis=1)
        kind = false[:, 0].any(axis=0).mean(axis=1)
        pairs = (100 * chances for chances in (one, any_of, kind))
        row(f"{n:,}", *(f"{old:.1f} / {new:.1f}" for old, new in pairs))


# ---- accuracies


def accuracies(runs: int) -> None:
    print("\n### Accuracies, one epoch, lowest coverage in %, exact\n")
    header("questions", "50 to 98 %: 0.1.0", "now", "98 to 99.9 %: 0.1.0", "now")
    for n in SIZES:
        right = np.arange(n + 1)
        ends = [accuracy_interval(one_epoch([1.0] * k + [0.0] * (n - k))) for k in right]
        new = np.array([[e.low, e.high] for e in ends if e]).T
        answers = (np.arange(n)[None, :] < right[:, None]).astype(float)
        old = np.array(old_accuracy(answers))
        cells = [
            100 * min(binom.pmf(right, n, p)[(low <= p) & (p <= high)].sum() for p in accuracy)
            for accuracy in (np.linspace(0.5, 0.98, 97), np.linspace(0.98, 0.999, 39))
            for low, high in (old, new)
        ]
        row(f"{n:,}", *(f"{cell:.1f}" for cell in cells))
    runs *= 2
    print(f"\n### Accuracies, 4 epochs, coverage in %, {runs:,} simulations, 0.1.0 / now\n")
    print("Chances of a right answer vary over questions (beta, a + b = 1) or not at all.\n")
    truths = (0.02, 0.5, 0.9, 0.98, 0.995)
    header("questions", "epochs", *(f"{100 * p:g} %" for p in truths))
    for n in SIZES:
        for alike in (True, False):
            random = np.random.default_rng(1024)
            size = runs if n < 1000 else runs // 2
            cells = []
            for p in truths:
                ease = random.beta(p, 1 - p, (size, n)) if alike else np.full((size, n), p)
                scores = random.binomial(4, ease) / 4
                low, high = old_accuracy(scores, epochs=4)
                old = ((low <= p) & (p <= high)).mean()
                new = ~above(scores, p, 0.0) & ~above(-scores, -p, -1.0)
                cells.append(f"{100 * old:.1f} / {100 * new.mean():.1f}")
            row(f"{n:,}", "alike" if alike else "independent", *cells)


# ---- tokens


def lognormal(random: np.random.Generator, shape: tuple[int, int], sigma: float) -> Floats:
    """Two methods' tokens with means 80 and 300, correlated over questions."""
    shared, *own = random.normal(size=(3, *shape))
    means = np.array([80, 300])[:, None, None]
    return np.asarray(means * np.exp(sigma * (shared + own) / 2**0.5 - sigma**2 / 2))


@dataclass(frozen=True)
class Tokens:
    """Tokens of two methods, shape (2, runs, questions), and their true means.

    Attributes:
        unseen: Share of the runs in which `a` has none of its rare long answers.
    """

    counts: Floats
    means: tuple[float, float]
    unseen: float


def smooth(random: np.random.Generator, shape: tuple[int, int], sigma: float) -> Tokens:
    return Tokens(lognormal(random, shape, sigma), (80, 300), 0.0)


def capped(random: np.random.Generator, shape: tuple[int, int], share: float) -> Tokens:
    """A share of the answers of `a` runs to a cap of 4,096 tokens, of `b` half as many."""
    counts, part = lognormal(random, shape, 0.5), (share, share / 2)
    counts = np.stack(
        [np.where(random.random(shape) < p, 4096, x) for p, x in zip(part, counts, strict=True)]
    )
    a, b = (p * 4096 + (1 - p) * mean for p, mean in zip(part, (80, 300), strict=True))
    return Tokens(counts, (a, b), (1 - share) ** shape[1])


def runaway(random: np.random.Generator, shape: tuple[int, int], share: float) -> Tokens:
    """A share of the answers of `a` is 30 to 50 times longer."""
    a, b = lognormal(random, shape, 0.4)
    a = np.where(random.random(shape) < share, a * random.uniform(30, 50, shape), a)
    return Tokens(np.stack([a, b]), ((1 + 39 * share) * 80, 300), (1 - share) ** shape[1])


TOKENS: tuple[tuple[str, Callable[..., Tokens], float], ...] = (
    ("log-normal, sigma 0.4", smooth, 0.4),
    ("log-normal, sigma 1", smooth, 1.0),
    ("5 % at the cap", capped, 0.05),
    ("10 % at the cap", capped, 0.1),
    ("1 % runaways", runaway, 0.01),
)


def ratios(
    tokens: Tokens,
) -> tuple[float, tuple[Floats, Floats], Iterator[IntervalEstimate | None]]:
    """The true ratio, the old intervals' ends, and the estimates of now."""
    a, b = tokens.counts
    pairs = zip(a.tolist(), b.tolist(), strict=True)
    found = (token_ratio(one_epoch(x), one_epoch(y)) for x, y in pairs)
    return tokens.means[0] / tokens.means[1], old_ratio(a, b), found


def means(tokens: Tokens) -> tuple[float, tuple[Floats, Floats], Iterator[IntervalEstimate | None]]:
    """The same for the mean tokens of `a`."""
    a = tokens.counts[0]
    return tokens.means[0], old_mean(a), (mean_estimate(one_epoch(x)) for x in a.tolist())


def token_counts(runs: int) -> None:
    for title, measure in (("Token ratios", ratios), ("Mean tokens", means)):
        print(f"\n### {title}, {runs:,} simulations, %\n")
        print(
            "Wrong: an interval that the truth is not in. Nothing rare: samples without any of the"
        )
        print("rare long answers, of which no method can know.\n")
        header("tokens", "questions", "wrong: 0.1.0", "wrong: now", "no interval", "nothing rare")
        for name, model, parameter in TOKENS:
            for n in (24, 50, 100, 300, 1319):
                size = runs if n < 300 else runs // 2
                tokens = model(np.random.default_rng(1024), (size, n), parameter)
                truth, (low, high), found = measure(tokens)
                given = [e.interval for e in found if e and e.interval]
                wrong = sum(not i.low <= truth <= i.high for i in given)
                old = ((truth < low) | (high < truth)).sum()
                shares = [count / size for count in (old, wrong, size - len(given))]
                row(name, f"{n:,}", *(f"{100 * share:.1f}" for share in [*shares, tokens.unseen]))


# ---- tables


def header(*names: str) -> None:
    row(*names)
    row(*("---" for _ in names))


def row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def by_question(values: Sequence[Sequence[float]]) -> Values:
    return {f"{number:05}": per_epoch for number, per_epoch in enumerate(values)}


def one_epoch(values: Sequence[float]) -> Values:
    return by_question([[value] for value in values])


TABLES = {
    "verdicts": verdicts,
    "clustered": clustered,
    "families": families,
    "accuracies": accuracies,
    "tokens": token_counts,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=1000, help="simulations a row")
    parser.add_argument("--only", nargs="*", choices=sorted(TABLES), default=list(TABLES))
    options = parser.parse_args()
    for name in options.only:
        TABLES[name](options.runs)


if __name__ == "__main__":
    main()
