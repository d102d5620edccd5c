"""How long fitted estimators take, and whether their intervals hold what they say.

    python benchmarks/estimators.py

7,473 scripted searches, as many as GSM8K has training questions. What is timed is what
`tale-eval fit` does after its logs are read: five-fold cross-validation beside `fixed`, the fit
on everything, the chances to be right, and writing the folder. Then reading that folder, and the
median of single estimates. Then the division of one total. Then 1,000 samples of 60 searches
each out of a population whose true values are known: how often 95 % intervals hold them.
"""

import random
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from needs import need, question, searched, texts

from tale_eval.analysis.estimators import compare_estimators, estimator_score
from tale_eval.asking.question import Question
from tale_eval.budgets.elasticity import QuestionTrials
from tale_eval.budgets.fitted import read_fitted
from tale_eval.budgets.learning import Learner
from tale_eval.budgets.needs import Search
from tale_eval.budgets.search import Attempt, Trial
from tale_eval.training.fitting import Lesson, fit_to_folder, learner_of
from tale_eval.training.planning import plan_to_folder

NAMES = ("fixed", "length", "knn", "ridge", "gradient_boosting", "quantile")
VOCABULARY = 8000
LOADING = (
    "import sys, time; begun = time.perf_counter()\n"
    "from pathlib import Path\n"
    "from tale_eval.budgets.fitted import read_fitted\n"
    "read_fitted(Path(sys.argv[1]))\n"
    "print(f'{time.perf_counter() - begun:.2f}', 'torch' in sys.modules)\n"
)


def story(draw: random.Random, text: str) -> str:
    """A scripted question among as many different words as real ones have."""
    words = [f"w{chr(97 + n % 26)}{'abcdefghij'[n % 10]}{_letters(n)}" for n in _zipf(draw, 40)]
    return f"{' '.join(words)}. {text}"


def _zipf(draw: random.Random, count: int) -> list[int]:
    return [int(VOCABULARY ** draw.random()) for _ in range(count)]


def _letters(number: int) -> str:
    return "".join(chr(97 + int(digit)) for digit in str(number))


def lesson_of(shape: str, count: int) -> Lesson:
    """Searches of so many questions, their texts among other words."""
    draw, found = random.Random(0), {}
    for text in texts(shape, count):
        search = searched(shape, text)
        asked = question(story(draw, text))
        found[text] = Search(asked, QuestionTrials(text, search.trials.trials), search.budget)
    return Lesson("scripted", [shape], ["budget_search"], found, {}, {})


def times(folder: Path, count: int) -> None:
    """Fit, read and estimate."""
    print(f"{count} searches\n")
    print("| estimator | fit, s | CPU s | read in a new process, s | torch | estimate, ms | MB |")
    print("|---|---:|---:|---:|---|---:|---:|")
    taught = lesson_of("by topic", count)
    draw = random.Random(1)
    fresh = [question(story(draw, text)) for text in texts("by topic", 300, seed=1)]
    for name in NAMES:
        begun, worked = time.perf_counter(), time.process_time()
        fit_to_folder(*learner_of(name), taught, folder / name, {})
        fitting, worked = time.perf_counter() - begun, time.process_time() - worked
        command = [sys.executable, "-c", LOADING, str(folder / name)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        learner = read_fitted(folder / name).learner
        single = 1000 * median(_seconds(learner, asked) for asked in fresh)
        size = sum(f.stat().st_size for f in (folder / name).iterdir()) / 1e6
        cells = (f"{fitting:.1f}", f"{worked:.1f}", *said, f"{single:.2f}", f"{size:.1f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def _seconds(learner: Learner, asked: Question) -> float:
    begun = time.perf_counter()
    learner.estimate(asked)
    return time.perf_counter() - begun


def coverage(samples: int, size: int) -> None:
    """How often intervals hold the true value."""
    draw = np.random.default_rng(7)
    needs = np.exp2(draw.uniform(3, 9, 3000)).round().astype(int).tolist()
    everything = {str(i): _obedient(str(i), n) for i, n in enumerate(needs)}
    good = {str(i): int(n * 2 ** draw.uniform(-1, 1)) + 1 for i, n in enumerate(needs)}
    poor = dict.fromkeys(everything, 64)
    truth, versus = estimator_score(everything, good), compare_estimators(everything, good, poor)
    names = ("in_range", "distance", "covered", "right", "tokens", "expense")
    held = dict.fromkeys([*names, "distance ratio", "expense ratio"], 0)
    for _ in range(samples):
        chosen = [str(i) for i in draw.choice(len(needs), size, replace=False)]
        sample = {name: everything[name] for name in chosen}
        score, other = estimator_score(sample, good), compare_estimators(sample, good, poor)
        for name in names:
            held[name] += _holds(getattr(score, name), getattr(truth, name).value)
        held["distance ratio"] += _holds(other.distance, versus.distance.value)  # type: ignore[union-attr]
        held["expense ratio"] += _holds(other.expense, versus.expense.value)  # type: ignore[union-attr]
    print(
        f"\n{samples} samples of {size} searches: share of 95 % intervals with the truth in them\n"
    )
    for name, count in held.items():
        print(f"| {name} | {100 * count / samples:.1f} % |")


def _obedient(name: str, needed: int) -> Search:
    trials = [(None, 4 * needed), (2 * needed, 2 * needed), (needed, needed)]
    tried = [Trial(budget, (Attempt(tokens, True, ""),)) for budget, tokens in trials]
    short = Trial(max(1, needed // 2), (Attempt(needed, False, ""),))
    found = QuestionTrials(name, tuple([*tried, short] if needed > 1 else tried))
    return Search(question(name), found, needed)


def _holds(found: object, truth: float) -> bool:
    interval = getattr(found, "interval", None)
    return interval is not None and interval.low <= truth <= interval.high


def division(folder: Path) -> None:
    """One total over 1,000 fresh questions of each shape."""
    print("\n1,000 questions, a third of what they need: right answers\n")
    print("| shape | estimator | spread evenly | divided | as predicted | with all needs known |")
    print("|---|---|---:|---:|---:|---:|")
    for shape in ("by topic", "linear in numbers", "random"):
        named = {text: searched(shape, text) for text in texts(shape, 1000)}
        taught = Lesson("scripted", [shape], ["budget_search"], named, {}, {})
        fresh = texts(shape, 1000, seed=1)
        needs = [need(shape, text) for text in fresh]
        total = sum(needs) // 3
        for name in ("fixed", "knn", "ridge", "gradient_boosting"):
            place = folder / f"{shape}-{name}"
            source, _ = fit_to_folder(*learner_of(name), taught, place, {})
            questions = [question(text) for text in fresh]
            plan, made = plan_to_folder(source, questions, total, place / "plan", {"tasks": []})
            budgets = made.learner.estimates(questions)
            assert sum(budgets) <= total
            divided = sum(b >= n for b, n in zip(budgets, needs, strict=True))
            even = sum(plan.even >= n for n in needs)
            best = _best(needs, total)
            print(f"| {shape} | {name} | {even} | {divided} | {plan.right:.0f} | {best} |")


def _best(needs: list[int], total: int) -> int:
    left, right = total - len(needs), 0
    for needed in sorted(needs):
        if needed - 1 <= left:
            left -= needed - 1
            right += 1
    return right


if __name__ == "__main__":
    with TemporaryDirectory() as made_in:
        times(Path(made_in) / "times", int(sys.argv[1]) if len(sys.argv) > 1 else 7473)
        division(Path(made_in) / "division")
    coverage(1000, 60)
