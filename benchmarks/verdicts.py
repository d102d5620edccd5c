"""Verdicts of families, by plan, and when one stops as soon as they are settled: how often wrong.

    python benchmarks/verdicts.py [--runs 2000] [--only families power sequential …]

Prints tables in Markdown: shares of simulated runs in %, from a seed. The standard error of a share
of 2.5 % over 2,000 runs is 0.35 points. Nothing is measured in time. docs/statistics.md has them.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tale_eval.analysis.family import Correction, verdicts
from tale_eval.analysis.power import Discordance, power, questions_needed
from tale_eval.analysis.sequential import either, won
from tale_eval.analysis.statistics import LEVEL, Chances, chance_negative

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MARGIN = 0.02
CORRECTIONS: tuple[Correction, ...] = ("none", "holm")
KINDS = np.array([1.0, 0.0, -1.0])
"""What a question's difference may be: won, tied, lost."""


# ---- p values of many samples at once; that they are the report's is tested


def fixed_chances(counts: Ints, margin: float) -> tuple[Floats, Floats]:
    """P values of "not worse" and "worse". Counts of won, tied, lost, shape (..., 3), to (...)."""
    kinds, place = np.unique(counts.reshape(-1, 3), axis=0, return_inverse=True)
    above = KINDS + margin
    shapes = kinds.astype(float)
    not_worse = chance_negative(above, shapes + np.array([0, 0, 1]))
    worse = chance_negative(-above, shapes + np.array([1, 0, 0]))
    shape = counts.shape[:-1]
    return not_worse[place].reshape(shape), worse[place].reshape(shape)


def game_chances(counts: Ints, margin: float, last: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The same of `compare --until-decided`; `last` says where all was asked. Shape (...)."""
    games = won(KINDS, counts, -margin), won(-KINDS, counts, margin)
    fixed = fixed_chances(counts, margin)
    not_worse, worse = (
        np.vectorize(either)(np.exp(-np.maximum(0, game)), np.where(last, at_end, 1.0))
        for game, at_end in zip(games, fixed, strict=True)
    )
    return not_worse, worse


def words(not_worse: Floats, worse: Floats, correction: Correction) -> NDArray[np.str_]:
    """The verdicts of families, by the code that the report uses. Shape (runs, methods)."""
    found = [
        verdicts([Chances(*pair) for pair in zip(*family, strict=True)], correction)
        for family in zip(not_worse.tolist(), worse.tolist(), strict=True)
    ]
    return np.array(found)


# ---- families


def draw(random: np.random.Generator, runs: int, n: int, losses: Sequence[float]) -> Ints:
    """Won, tied and lost questions of methods against one baseline. Shape (runs, methods, 3).

    All meet the same baseline and the same questions, easy and hard ones: 90 % are right.
    """
    ease = random.beta(1.8, 0.2, (runs, n))
    base = random.random((runs, n)) < ease
    found = []
    for loss in losses:
        right = random.random((runs, n)) < ease * (1 - loss / 0.9)
        won_, lost = (right & ~base).sum(axis=1), (~right & base).sum(axis=1)
        found.append(np.stack([won_, n - won_ - lost, lost], axis=1))
    return np.stack(found, axis=1)


FAMILIES = (
    ("4 lose the margin", (0.02,) * 4),
    ("8 lose the margin", (0.02,) * 8),
    ("1 loses it, 3 lose nothing", (0.02, 0.0, 0.0, 0.0)),
    ("2 lose it, 2 lose nothing", (0.02, 0.02, 0.0, 0.0)),
    ("3 lose it, 1 loses 10 points", (0.02, 0.02, 0.02, 0.1)),
    ("2 lose twice the margin, 2 nothing", (0.04, 0.04, 0.0, 0.0)),
)


def families(runs: int) -> None:
    print(f"\n### Families, {runs:,} simulations, %\n")
    print("Tables with a false verdict among several against one baseline (90 %), margin 0.02:")
    print("without / with Holm's correction. Found: of the methods that lose nothing, those called")
    print('"not worse".\n')
    header("truth", "questions", 'a false "not worse"', 'a false "worse"', "found")
    for name, losses in FAMILIES:
        for n in (200, 500, 1319):
            random = np.random.default_rng(1024)
            counts = np.concatenate(
                [draw(random, runs // 10, n, losses) for _ in range(10)]  # a tenth of the memory
            )
            chances = fixed_chances(counts, MARGIN)
            said = [words(*chances, correction) for correction in CORRECTIONS]
            harmful = np.array(losses) >= MARGIN
            harmless = np.array(losses) <= MARGIN
            equal = np.array(losses) == 0
            row(
                name,
                f"{n:,}",
                each([(s[:, harmful] == "not worse").any(axis=1).mean() for s in said]),
                each([(s[:, harmless] == "worse").any(axis=1).mean() for s in said]),
                each([(s[:, equal] == "not worse").mean() for s in said]) if equal.any() else "–",
            )


# ---- power


def plans(runs: int) -> None:
    runs *= 10
    print(f"\n### Power by plan and by simulation, {runs:,} simulations, %\n")
    print('"Told apart": questions that one of the two alone has right. "not worse" where nothing')
    print('is lost, "worse" where so many points are lost beyond the margin.\n')
    header(
        "told apart",
        "margin",
        "questions",
        '"not worse": plan',
        "simulated",
        "lost",
        '"worse": plan',
        "simulated",
    )
    largest = 0.0
    for share, margin in ((0.02, 0.02), (0.1, 0.02), (0.1, 0.05), (0.3, 0.05)):
        for n in (200, 500, 1319):
            random = np.random.default_rng(1024)
            equal = Discordance(share / 2, share / 2, n)
            lost = equal.with_difference(-2.5 * margin)
            planned = power(n, equal, margin).not_worse, power(n, lost, margin).worse
            said = [
                words(*fixed_chances(counts[:, None], margin), "none")
                for counts in (outcomes(random, truth, n, runs) for truth in (equal, lost))
            ]
            found = (said[0] == "not worse").mean(), (said[1] == "worse").mean()
            pairs = zip(planned, found, strict=True)
            largest = max(largest, *(abs(one - other) for one, other in pairs))
            row(
                f"{100 * share:g} %",
                f"{margin:g}",
                f"{n:,}",
                f"{100 * planned[0]:.1f}",
                f"{100 * found[0]:.1f}",
                f"{250 * margin:g}",
                f"{100 * planned[1]:.1f}",
                f"{100 * found[1]:.1f}",
            )
    print(f"\nLargest difference: {100 * largest:.2f} points.")


def together(runs: int) -> None:
    print(f"\n### A plan for several methods, {runs:,} simulations, %\n")
    print("All lose nothing. The plan is for the least level that Holm's correction leaves each.\n")
    header("methods", "questions", '"not worse": plan, at least', "simulated")
    for methods in (2, 4, 8):
        for n in (500, 1319):
            random = np.random.default_rng(1024)
            losses = (0.0,) * methods
            counts = np.concatenate([draw(random, runs // 10, n, losses) for _ in range(10)])
            share = 1 - counts[..., 1].mean() / n
            truth = Discordance(share / 2, share / 2, n)
            planned = power(n, truth, MARGIN, LEVEL / methods).not_worse
            said = words(*fixed_chances(counts, MARGIN), "holm")
            found = (said == "not worse").mean()
            row(f"{methods}", f"{n:,}", f"{100 * planned:.1f}", f"{100 * found:.1f}")


def outcomes(random: np.random.Generator, truth: Discordance, n: int, runs: int) -> Ints:
    chances = [truth.wins, 1 - truth.share, truth.losses]
    return random.multinomial(n, chances, size=runs)


# ---- sequential


@dataclass(frozen=True)
class Looks:
    """Counts of won, tied and lost at each look. Shape (runs, looks, 3)."""

    counts: Ints
    at: Ints

    @property
    def last(self) -> NDArray[np.bool_]:
        """Which look is the last one. Shape (looks,)."""
        return self.at == self.at[-1]

    @classmethod
    def drawn(
        cls, random: np.random.Generator, truth: Discordance, runs: int, most: int, block: int
    ) -> "Looks":
        at = np.unique(np.append(np.arange(block, most, block), most))
        sizes = np.diff(np.append(0, at))
        blocks = [outcomes(random, truth, int(size), runs) for size in sizes]
        return cls(np.stack(blocks, axis=1).cumsum(axis=1), at)

    def first(self, settled: NDArray[np.bool_]) -> tuple[Ints, NDArray[np.bool_]]:
        """The look at which each run stops, the last one if none is settled; whether one was."""
        any_ = settled.any(axis=1)
        return np.where(any_, settled.argmax(axis=1), settled.shape[1] - 1), any_


def errors(runs: int) -> None:
    print(f"\n### Looking again and again, {runs:,} simulations, %\n")
    print("The true loss is the margin, so that both verdicts are false; looks after every block,")
    print("the last after all questions. By --until-decided, and by a usual interval looked at as")
    print("often.\n")
    header(
        "told apart",
        "margin",
        "questions",
        "block",
        'until decided: "not worse"',
        '"worse"',
        'interval: "not worse"',
        '"worse"',
    )
    for share, margin in ((0.02, 0.02), (0.1, 0.02), (0.1, 0.05), (0.3, 0.05)):
        for most, block in ((1319, 100), (1319, 10), (5000, 100)):
            random = np.random.default_rng(1024)
            truth = Discordance(0, 0, most).with_difference(-margin, share=share)
            looks = Looks.drawn(random, truth, runs, most, block)
            game = game_chances(looks.counts, margin, looks.last)
            fixed = fixed_chances(looks.counts, margin)
            row(
                f"{100 * share:g} %",
                f"{margin:g}",
                f"{most:,}",
                f"{block}",
                *(false(chances) for chances in (*game, *fixed)),
            )


def false(chances: Floats) -> str:
    return f"{100 * (chances < LEVEL).any(axis=1).mean():.1f}"


def saved(runs: int) -> None:
    print(f"\n### What stopping saves, {runs:,} simulations\n")
    print("At most 1,319 questions in blocks of 100. Plan: questions that a fixed number needs for")
    print('"not worse" with 80 %. Decided: until then, and by the usual interval after all 1,319.')
    print("Covers: the difference's interval when one has stopped, in %.\n")
    header(
        "told apart",
        "margin",
        "true loss",
        "mean questions",
        "saved",
        "plan",
        "decided",
        "decided at the end",
        "sequence covers",
        "usual interval covers",
    )
    for share, margin in ((0.02, 0.02), (0.1, 0.02), (0.02, 0.05), (0.1, 0.05), (0.3, 0.05)):
        for loss in (0.0, margin / 2, margin, 2 * margin, 4 * margin):
            random = np.random.default_rng(1024)
            truth = Discordance(0, 0, 1319).with_difference(-loss, share=share)
            looks = Looks.drawn(random, truth, runs, 1319, 100)
            game = np.minimum(*game_chances(looks.counts, margin, looks.last)) < LEVEL
            stop, settled = looks.first(game)
            at_end = looks.counts[:, -1]
            fixed = np.minimum(*fixed_chances(at_end, margin)) < LEVEL
            stopped = looks.counts[np.arange(runs), stop]
            sequence = game_chances(stopped, loss, looks.last[stop])
            asked = looks.at[stop].mean()
            needed = questions_needed(truth, margin) if loss < margin else None
            row(
                f"{100 * truth.share:g} %",
                f"{margin:g}",
                f"{100 * loss:g}",
                f"{asked:,.0f}",
                f"{100 * (1 - asked / 1319):.0f} %",
                f"{needed:,}" if needed else "–",
                f"{100 * settled.mean():.0f} %",
                f"{100 * fixed.mean():.0f} %",
                f"{100 * covers(sequence):.1f}",
                f"{100 * covers(fixed_chances(stopped, loss)):.1f}",
            )


def split(runs: int) -> None:
    print(f"\n### How the level is split, {runs:,} simulations\n")
    print("Mean questions of 1,319, and % decided, where bets have this share of the level and a")
    print("usual test after all questions has the rest; 0 is that test alone.\n")
    parts = (1.0, 0.5, 0.2)
    header("told apart", "margin", "true loss", *(f"{part:g}" for part in parts), "0")
    for share, margin, loss in ((0.02, 0.02, 0.0), (0.1, 0.02, 0.0), (0.1, 0.05, 0.0)):
        random = np.random.default_rng(1024)
        truth = Discordance(0, 0, 1319).with_difference(-loss, share=share)
        looks = Looks.drawn(random, truth, runs, 1319, 100)
        games = won(KINDS, looks.counts, -margin), won(-KINDS, looks.counts, margin)
        at_end = np.minimum(*fixed_chances(looks.counts[:, -1], margin))
        cells = []
        for part in parts:
            settled = np.exp(-np.maximum(*games)) < part * LEVEL
            settled[:, -1] |= at_end < (1 - part) * LEVEL
            stop, some = looks.first(settled)
            cells.append(f"{looks.at[stop].mean():,.0f}: {100 * some.mean():.0f} %")
        cells.append(f"1,319: {100 * (at_end < LEVEL).mean():.0f} %")
        row(f"{100 * share:g} %", f"{margin:g}", f"{100 * loss:g}", *cells)


def covers(chances: tuple[Floats, Floats]) -> float:
    """Share of intervals that hold the true loss: neither side was won against."""
    return float((np.minimum(*chances) >= LEVEL).mean())


def stopped_families(runs: int) -> None:
    print(f"\n### Families that are stopped one by one, {runs:,} simulations, %\n")
    print("Margin 0.02, at most 1,319 questions in blocks of 100, Holm's correction at each look;")
    print("a pair that is settled is asked no more. Asked: of the questions of all methods and the")
    print("baseline.\n")
    header("truth", 'a false "not worse"', 'a false "worse"', "found", "asked")
    for name, losses in FAMILIES:
        random = np.random.default_rng(1024)
        held = [family(random, losses) for _ in range(runs)]
        said = np.array([words_ for words_, _ in held])
        asked = np.mean([share for _, share in held])
        harmful, equal = np.array(losses) >= MARGIN, np.array(losses) == 0
        harmless = np.array(losses) <= MARGIN
        row(
            name,
            f"{100 * (said[:, harmful] == 'not worse').any(axis=1).mean():.1f}",
            f"{100 * (said[:, harmless] == 'worse').any(axis=1).mean():.1f}",
            f"{100 * (said[:, equal] == 'not worse').mean():.1f}" if equal.any() else "–",
            f"{100 * asked:.0f}",
        )


def family(random: np.random.Generator, losses: Sequence[float]) -> tuple[list[str], float]:
    """One run of `compare --until-decided`: its verdicts, and the share that was asked."""
    most, block = 1319, 100
    counts = np.zeros((len(losses), 3), dtype=np.int64)
    asked = np.zeros(len(losses), dtype=np.int64)
    said = ["undecided"] * len(losses)
    for start in range(0, most, block):
        size = min(block, most - start)
        going = [each == "undecided" for each in said]
        if not any(going):
            break
        counts[going] += draw(random, 1, size, losses)[0][going]
        asked[going] += size
        chances = game_chances(counts, MARGIN, asked == most)
        pairs = [Chances(*map(float, each)) for each in zip(*chances, strict=True)]
        said = [*verdicts(pairs, "holm")]
    return said, (asked.sum() + asked.max()) / (most * (len(losses) + 1))


# ---- tables


def each(shares: Sequence[float]) -> str:
    return " / ".join(f"{100 * share:.1f}" for share in shares)


def header(*names: str) -> None:
    row(*names)
    row(*("---" for _ in names))


def row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


TABLES = {
    "families": families,
    "power": plans,
    "together": together,
    "errors": errors,
    "saved": saved,
    "split": split,
    "stopped": stopped_families,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000, help="simulations a row")
    parser.add_argument("--only", nargs="*", choices=sorted(TABLES), default=list(TABLES))
    options = parser.parse_args()
    for name in options.only:
        TABLES[name](options.runs)


if __name__ == "__main__":
    main()
