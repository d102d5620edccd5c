"""A plan's chances are those of the verdicts that the report gives."""

import numpy as np
import pytest
from intervals import one_epoch
from scipy.stats import binom, multinomial

from tale_eval.analysis.power import (
    Discordance,
    detectable_loss,
    discordance,
    power,
    provable_margin,
    questions_needed,
)
from tale_eval.analysis.statistics import paired_difference, verdict
from tale_eval.errors import InvalidValueError


def judged(wins: int, losses: int, n: int, margin: float) -> str:
    """The report's verdict where these numbers of questions tell two methods apart."""
    ties = [1.0] * (n - wins - losses)
    ours = one_epoch(ties + [1.0] * wins + [0.0] * losses)
    theirs = one_epoch(ties + [0.0] * wins + [1.0] * losses)
    difference = paired_difference(ours, theirs)
    assert difference is not None
    return verdict(difference.interval, margin)


@pytest.mark.parametrize(("n", "margin"), [(12, 0.05), (30, 0.02), (30, 0.1), (30, 0.3)])
def test_power_is_the_sum_of_the_chances_of_all_outcomes_with_the_verdict(
    n: int, margin: float
) -> None:
    truth = Discordance(wins=0.1, losses=0.25, questions=50)
    chances = {"not worse": 0.0, "worse": 0.0, "undecided": 0.0}
    for wins in range(n + 1):
        for losses in range(n + 1 - wins):
            outcome = [wins, losses, n - wins - losses]
            chances[judged(wins, losses, n, margin)] += multinomial.pmf(
                outcome, n, [0.1, 0.25, 0.65]
            )
    found = power(n, truth, margin)
    assert found.not_worse == pytest.approx(chances["not worse"], abs=1e-6)
    assert found.worse == pytest.approx(chances["worse"], abs=1e-6)
    assert found.undecided == pytest.approx(chances["undecided"], abs=1e-6)


def test_without_losses_only_their_number_matters() -> None:
    # no question is ever lost: "not worse" comes always, or never
    equal = Discordance(0, 0, 100)
    assert power(150, equal, 0.02).not_worse == pytest.approx(0, abs=1e-9)
    assert power(250, equal, 0.02).not_worse == pytest.approx(1, abs=1e-9)
    # Gaffke's bound with a lost question more: 0.98**n <= 0.025 from n = 183 on
    assert judged(0, 0, 182, 0.02) == "undecided"
    assert judged(0, 0, 183, 0.02) == "not worse"
    assert questions_needed(equal, 0.02) in (183, 184)


def test_a_true_loss_of_the_margin_is_called_harmless_in_a_fortieth_of_cases_at_most() -> None:
    for n in (50, 200, 1319):
        for share in (0.02, 0.05, 0.3):
            lost = Discordance(0, 0, n).with_difference(-0.02, share=share)
            assert power(n, lost, 0.02).not_worse <= 0.025


def test_more_questions_are_needed_where_more_tell_the_methods_apart() -> None:
    needed = [questions_needed(Discordance(s / 2, s / 2, 100), 0.02) for s in (0.02, 0.1, 0.3)]
    assert None not in needed
    assert needed == sorted(needed, key=lambda n: n or 0)
    for n, s in zip(needed, (0.02, 0.1, 0.3), strict=True):
        assert n is not None
        assert power(n, Discordance(s / 2, s / 2, 100), 0.02).not_worse >= 0.8
        assert power(int(0.9 * n), Discordance(s / 2, s / 2, 100), 0.02).not_worse < 0.8


def test_a_loss_beyond_the_margin_can_never_be_found_harmless() -> None:
    assert questions_needed(Discordance(0.0, 0.05, 100), 0.02) is None


def test_what_a_number_of_questions_can_show() -> None:
    truth = Discordance(0.05, 0.05, 100)
    loss = detectable_loss(truth, 500, 0.02, 0.8)
    margin = provable_margin(truth, 500, 0.8)
    assert loss is not None
    assert margin is not None
    assert power(500, truth.with_difference(-loss), 0.02).worse >= 0.8
    assert power(500, truth.with_difference(-loss + 0.001), 0.02).worse < 0.8
    assert power(500, truth, margin).not_worse >= 0.8
    assert power(500, truth, margin - 0.001).not_worse < 0.8


def test_the_discordance_of_a_pilot_by_hand() -> None:
    # a: right, wrong, right in one of two; b: right, right, wrong
    ours = {"p": [1.0], "q": [0.0], "r": [1.0, 0.0], "only ours": [1.0]}
    theirs = {"p": [1.0], "q": [1.0], "r": [0.0]}
    seen = discordance(ours, theirs)
    assert seen == Discordance(wins=0.5 / 3, losses=1 / 3, questions=3)
    assert discordance({"x": [1.0]}, {"y": [1.0]}) is None


def test_a_pilot_without_any_telling_question_does_not_promise_none() -> None:
    # one-sided 80 %: 0.8 of such pilots would have seen one
    upper = Discordance(0, 0, 20).upper_share
    assert binom.pmf(0, 20, upper) == pytest.approx(0.2)
    assert Discordance(0.5, 0.5, 20).upper_share == 1


def test_shares_that_cannot_be() -> None:
    with pytest.raises(InvalidValueError, match="two shares whose sum is at most 1"):
        Discordance(0.7, 0.4, 10)


@pytest.mark.slow
@pytest.mark.parametrize("n", [98, 200])
def test_power_within_two_points_of_twenty_thousand_simulated_runs(n: int) -> None:
    draw = np.random.default_rng(n)
    truth = Discordance(0.04, 0.08, 100)
    outcomes = draw.multinomial(n, [truth.wins, truth.losses, 1 - truth.share], size=20_000)
    kinds, counts = np.unique(outcomes, axis=0, return_counts=True)
    words = np.array([judged(int(wins), int(losses), n, 0.1) for wins, losses, _ in kinds])
    found = power(n, truth, 0.1)
    assert counts[words == "not worse"].sum() / 20_000 == pytest.approx(found.not_worse, abs=0.02)
    assert counts[words == "worse"].sum() / 20_000 == pytest.approx(found.worse, abs=0.02)
