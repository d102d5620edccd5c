"""What docs/statistics.md says of families, plans and stopping, on fewer runs of its benchmark."""

import importlib.util
import math
import sys
from types import ModuleType

import numpy as np
import pytest
from command import REPOSITORY
from intervals import one_epoch

from tale_eval.analysis.power import Discordance, power
from tale_eval.analysis.sequential import sequential_chances
from tale_eval.analysis.statistics import LEVEL, paired_chances

RUNS = 2000


def _benchmark() -> ModuleType:
    place = REPOSITORY / "benchmarks" / "verdicts.py"
    found = importlib.util.spec_from_file_location("benchmark_of_verdicts", place)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    sys.modules[found.name] = module
    found.loader.exec_module(module)
    return module


verdicts = _benchmark()


def at_most(share: float, level: float) -> bool:
    """Whether so many of `RUNS` runs speak not against a level: three standard errors."""
    return share <= level + 3 * math.sqrt(level * (1 - level) / RUNS)


@pytest.mark.parametrize("counts", [(3, 40, 9), (0, 60, 0), (30, 10, 0), (0, 12, 30)])
@pytest.mark.parametrize("last", [True, False])
def test_the_benchmarks_p_values_are_those_of_the_report(
    counts: tuple[int, int, int], last: bool
) -> None:
    wins, ties, losses = counts
    ours = one_epoch([1.0] * wins + [1.0] * ties + [0.0] * losses)
    theirs = one_epoch([0.0] * wins + [1.0] * ties + [1.0] * losses)
    fixed = paired_chances(ours, theirs, 0.05)
    game = sequential_chances(ours, theirs, 0.05, last=last)
    assert fixed is not None
    assert game is not None
    one = np.array([counts])
    quick = [float(p[0]) for p in verdicts.fixed_chances(one, 0.05)]
    assert quick == pytest.approx([fixed.not_worse, fixed.worse], abs=1e-5)
    played = [float(p[0]) for p in verdicts.game_chances(one, 0.05, np.array([last]))]
    assert played == pytest.approx([game.not_worse, game.worse], abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "losses",
    [
        # all at the margin, where any verdict is false; some; and with one that is surely found
        (0.02,) * 4,
        (0.02,) * 8,
        (0.02, 0.02, 0.0, 0.0),
        (0.02, 0.02, 0.02, 0.1),
    ],
)
def test_holm_holds_the_familywise_error_of_methods_on_the_same_questions(
    losses: tuple[float, ...],
) -> None:
    counts = verdicts.draw(np.random.default_rng(1), RUNS, 200, losses)
    chances = verdicts.fixed_chances(counts, 0.02)
    said = verdicts.words(*chances, "holm")
    harmful, harmless = np.array(losses) >= 0.02, np.array(losses) <= 0.02
    assert at_most((said[:, harmful] == "not worse").any(axis=1).mean(), LEVEL)
    assert at_most((said[:, harmless] == "worse").any(axis=1).mean(), LEVEL)
    if losses == (0.02,) * 8:
        # which the correction is for
        free = verdicts.words(*chances, "none")
        assert not at_most((free == "not worse").any(axis=1).mean(), LEVEL)


@pytest.mark.slow
@pytest.mark.parametrize(("share", "margin", "n"), [(0.1, 0.05, 200), (0.3, 0.05, 500)])
def test_a_plan_is_within_two_points_of_what_comes(share: float, margin: float, n: int) -> None:
    runs = 10 * RUNS
    equal = Discordance(share / 2, share / 2, n)
    lost = equal.with_difference(-2.5 * margin)
    for truth, word in ((equal, "not worse"), (lost, "worse")):
        counts = verdicts.outcomes(np.random.default_rng(2), truth, n, runs)
        said = verdicts.words(*verdicts.fixed_chances(counts[:, None], margin), "none")
        planned = power(n, truth, margin)
        expected = planned.not_worse if word == "not worse" else planned.worse
        assert (said == word).mean() == pytest.approx(expected, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("share", "margin"), [(0.02, 0.02), (0.3, 0.05)])
def test_looking_after_every_block_is_wrong_as_seldom_as_it_says(
    share: float, margin: float
) -> None:
    truth = Discordance(0, 0, 1319).with_difference(-margin, share=share)
    looks = verdicts.Looks.drawn(np.random.default_rng(3), truth, RUNS, 1319, 100)
    for chances in verdicts.game_chances(looks.counts, margin, looks.last):
        assert at_most((chances < LEVEL).any(axis=1).mean(), LEVEL)
    not_worse, _ = verdicts.fixed_chances(looks.counts, margin)
    # a usual interval that is looked at as often
    assert not at_most((not_worse < LEVEL).any(axis=1).mean(), LEVEL)


@pytest.mark.slow
@pytest.mark.parametrize("loss", [0.0, 0.05, 0.1])
def test_the_confidence_sequence_covers_wherever_a_run_is_stopped(loss: float) -> None:
    truth = Discordance(0, 0, 1319).with_difference(-loss, share=0.1)
    looks = verdicts.Looks.drawn(np.random.default_rng(4), truth, RUNS, 1319, 100)
    settled = np.minimum(*verdicts.game_chances(looks.counts, 0.05, looks.last)) < LEVEL
    stop, _ = looks.first(settled)
    stopped = looks.counts[np.arange(RUNS), stop]
    missed = 1 - verdicts.covers(verdicts.game_chances(stopped, loss, looks.last[stop]))
    assert at_most(missed, 2 * LEVEL)
    assert looks.at[stop].mean() < 1319 or loss == 0.05
