"""95 % intervals cover the truth in 93 to 97 % of 1,000 simulated comparisons."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from intervals import ends, one_epoch, questions

from tale_eval.analysis.statistics import (
    Interval,
    Values,
    accuracy_interval,
    paired_difference,
    token_ratio,
)

pytestmark = pytest.mark.slow

SIMULATIONS = 1000


def simulated_answers(
    n: int, epochs: int, ease: float, gap: float
) -> Iterator[tuple[Values, Values]]:
    """Scores of two methods on questions that are as hard for one as for the other.

    A method's log odds of a right answer are `ease` (plus `gap` for the first), plus a
    normal deviate of the question (80 % shared) with standard deviation 1.5.
    """
    random = np.random.default_rng(1024)
    for _ in range(SIMULATIONS):
        shared, own_a, own_b = random.normal(size=(3, n))
        log_odds = ease + 1.5 * (0.8**0.5 * shared + 0.2**0.5 * np.stack([own_a, own_b]))
        chances = 1 / (1 + np.exp(-log_odds - [[gap], [0]]))
        a, b = (random.random((2, n, epochs)) < chances[:, :, None]).astype(float).tolist()
        yield questions(*a), questions(*b)


def true_accuracy(ease: float) -> float:
    """The accuracy over all questions there could be."""
    deviates, weights = np.polynomial.hermite_e.hermegauss(80)
    chances = 1 / (1 + np.exp(-ease - 1.5 * deviates))
    return float(chances @ weights / weights.sum())


def coverage(intervals: Iterator[Interval | None], truth: float) -> float:
    hits = [low <= truth <= high for low, high in map(ends, intervals)]
    assert len(hits) == SIMULATIONS
    return sum(hits) / len(hits)


SCENARIOS = [
    pytest.param(50, 1, 0.0, 0.5, id="50 questions, 50 and 58 %"),
    pytest.param(100, 1, 2.5, -0.5, id="100 questions, 81 and 87 %"),
    pytest.param(300, 1, 4.0, 0.0, id="300 questions, 96 % each"),
    pytest.param(50, 3, 0.0, -1.0, id="50 questions, 3 epochs, 35 and 50 %"),
    pytest.param(100, 3, 2.5, 0.0, id="100 questions, 3 epochs, 87 % each"),
    pytest.param(300, 3, 4.0, -1.0, id="300 questions, 3 epochs, 90 and 96 %"),
]


@pytest.mark.parametrize(("n", "epochs", "ease", "gap"), SCENARIOS)
def test_intervals_of_accuracies_cover_the_truth_95_times_in_100(
    n: int, epochs: int, ease: float, gap: float
) -> None:
    accuracy = coverage(
        (accuracy_interval(a) for a, _ in simulated_answers(n, epochs, ease, gap)),
        true_accuracy(ease + gap),
    )
    difference = coverage(
        (paired_interval(a, b) for a, b in simulated_answers(n, epochs, ease, gap)),
        true_accuracy(ease + gap) - true_accuracy(ease),
    )
    assert 0.93 <= accuracy <= 0.97
    assert 0.93 <= difference <= 0.97


def paired_interval(a: Values, b: Values) -> Interval | None:
    estimate = paired_difference(a, b)
    assert estimate is not None
    return estimate.interval


def test_where_hardly_a_question_discriminates_the_interval_is_wide_rather_than_wrong() -> None:
    # 50 questions at 99 %: most simulations have no discordant question at all
    simulated = simulated_answers(n=50, epochs=1, ease=6.0, gap=0.0)
    assert coverage((paired_interval(a, b) for a, b in simulated), truth=0) >= 0.95


@pytest.mark.parametrize(("n", "spread_a", "spread_b"), [(30, 0.4, 0.4), (100, 0.7, 0.5)])
def test_intervals_of_token_ratios_cover_the_truth_95_times_in_100(
    n: int, spread_a: float, spread_b: float
) -> None:
    def intervals() -> Iterator[Interval | None]:
        random = np.random.default_rng(1024)
        for _ in range(SIMULATIONS):
            # log-normal counts, correlated over questions
            shared, own_a, own_b = random.normal(size=(3, n))
            a = np.exp(4.4 + spread_a * (shared + own_a) / 2**0.5)
            b = np.exp(5.7 + spread_b * (shared + own_b) / 2**0.5)
            estimate = token_ratio(one_epoch(a.tolist()), one_epoch(b.tolist()), resamples=1000)
            assert estimate is not None
            yield estimate.interval

    truth = math.exp(4.4 + spread_a**2 / 2 - 5.7 - spread_b**2 / 2)
    assert 0.93 <= coverage(intervals(), truth) <= 0.97
