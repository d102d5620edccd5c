"""Estimators that learn: one test for all of them, and what each finds on a scripted reasoner."""

import inspect
from typing import Any

import numpy as np
import pytest
from needs import question, searched, searches, texts
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import QuantileRegressor, Ridge
from sklearn.neighbors import NearestNeighbors

from tale_eval.asking.question import Question
from tale_eval.budgets.estimators import estimators, make_estimator
from tale_eval.budgets.estimators.gradient_boosting import _seen_by_trees
from tale_eval.budgets.features import Encoding
from tale_eval.budgets.learning import QUANTILES, Learner, out_of_fold
from tale_eval.budgets.needs import Search
from tale_eval.errors import InvalidValueError

LEARNING = ["fixed", "gradient_boosting", "knn", "length", "oracle", "quantile", "ridge"]
TAUGHT = searches("by topic", 60)
FRESH = [question(text) for text in texts("by topic", 20, seed=1)]


def learner(name: str, **parameters: object) -> Any:
    return make_estimator(name, parameters)


def test_these_are_the_ones_that_learn() -> None:
    found = [name for name in estimators() if hasattr(estimators()[name], "fit")]
    assert sorted(found) == sorted([*LEARNING, "allocated"])


@pytest.mark.parametrize("name", LEARNING)
def test_every_one_of_them_keeps_the_same_promises(name: str) -> None:
    made = learner(name)
    assert isinstance(made, Learner)
    # all of its parameters are explicit, each with a default
    parameters = inspect.signature(estimators()[name]).parameters.values()
    assert all(p.kind is p.POSITIONAL_OR_KEYWORD and p.default is not p.empty for p in parameters)
    with pytest.raises(InvalidValueError, match=r"not fitted: call fit\(searches\)"):
        made.estimate(FRESH[0])
    assert made.fit(TAUGHT) is made
    # fitted anew it says the same, and so does one that is restored from its arrays
    again = learner(name).fit(TAUGHT)
    restored = learner(name).restore(made.arrays_)
    said = made.estimates(FRESH)
    assert said == again.estimates(FRESH) == restored.estimates(FRESH)
    # together or one by one
    assert said == [made.estimates([each])[0] for each in FRESH]
    assert all(isinstance(tokens, int) and tokens >= 1 for tokens in said)
    # what it learnt are plain numbers and texts
    assert all(array.dtype.kind in "fiuU" for array in made.arrays_.values())


@pytest.mark.parametrize("name", LEARNING)
def test_what_nobody_solved_teaches_nothing(name: str) -> None:
    unsolved = tuple(searched("by topic", text, solved=False) for text in texts("by topic", 30, 2))
    with pytest.raises(InvalidValueError, match="none of 30 searched questions was solved"):
        learner(name).fit(unsolved)
    assert learner(name).fit([*TAUGHT, *unsolved]).estimates(FRESH) == (
        learner(name).fit(TAUGHT).estimates(FRESH)
    )


@pytest.mark.parametrize("name", LEARNING)
def test_questions_that_are_all_alike_can_be_learnt_from(name: str) -> None:
    same = [searched("by topic", TAUGHT[0].question.text)] * 25
    made = learner(name).fit(same)
    # to a token: a line is fitted to within a solver's tolerance
    assert made.estimates([TAUGHT[0].question]) == pytest.approx([TAUGHT[0].needed], abs=1)


@pytest.mark.parametrize("name", ["fixed", "gradient_boosting", "knn", "length", "ridge"])
def test_a_hostile_question_gets_a_budget(name: str) -> None:
    made = learner(name).fit(TAUGHT)
    for text in ("", "9" * 5000, "\x00\ud800", "😀" * 1000, "a" * 100_000, "１２３ ² ½"):
        reading = made.estimate(question(text))
        assert reading.budget is not None
        assert reading.budget >= 1


# --- what there is to be found -------------------------------------------------------


def off_by(name: str, shape: str) -> float:
    """Typical factor between the estimates of held-out questions and what these need."""
    some = searches(shape, 200)
    found = np.array(out_of_fold(learner(name), some))
    needs = np.array([s.needed for s in some])
    return float(2 ** np.median(np.abs(np.log2(found / needs))))


def test_needs_that_follow_the_numbers_are_found_by_regressions() -> None:
    fixed = off_by("fixed", "linear in numbers")
    for name in ("length", "ridge", "gradient_boosting", "knn"):
        assert off_by(name, "linear in numbers") < min(1.35, fixed)


def test_needs_that_follow_the_topic_are_found_by_words_and_not_by_length() -> None:
    fixed = off_by("fixed", "by topic")
    assert fixed > 2
    for name in ("knn", "ridge", "gradient_boosting"):
        assert off_by(name, "by topic") < 1.6
    assert off_by("length", "by topic") > 1.8


def test_random_needs_are_found_by_nobody() -> None:
    fixed = off_by("fixed", "random")
    for name in ("length", "knn", "ridge", "gradient_boosting"):
        assert off_by(name, "random") > 0.95 * fixed


# --- each by hand, or beside scikit-learn ---------------------------------------------


def of_needs(*needs: int) -> list[Search]:
    """Searches that found just these budgets."""
    some = searches("by topic", len(needs))
    return [Search(s.question, s.trials, n) for s, n in zip(some, needs, strict=True)]


@pytest.mark.parametrize(("quantile", "budget"), [(0.5, 30), (0.6, 30), (0.8, 40), (0.9, 50)])
def test_fixed_is_a_quantile_of_the_searched_budgets(quantile: float, budget: int) -> None:
    made = learner("fixed", quantile=quantile).fit(of_needs(40, 10, 50, 30, 20))
    assert made.estimates(FRESH[:2]) == [budget, budget]


def test_a_quantile_is_chosen_by_what_too_small_and_too_large_cost() -> None:
    """Losing an answer that is worth nothing costs nothing: the smallest quantile is best. One
    that is worth a fortune must not be lost: the largest is."""
    some = searches("random", 60)
    cheap = learner("fixed", quantile=None, answer_worth=0).fit(some)
    dear = learner("fixed", quantile=None, answer_worth=100_000).fit(some)
    assert (cheap.chosen_, dear.chosen_) == (min(QUANTILES), max(QUANTILES))
    assert cheap.estimates(FRESH[:1]) < dear.estimates(FRESH[:1])


@pytest.mark.parametrize("quantile", [0, 1, -0.5, 1.5])
def test_a_quantile_is_a_share(quantile: float) -> None:
    with pytest.raises(InvalidValueError, match=f"quantile={quantile:g}: a share between 0 and 1"):
        learner("knn", quantile=quantile)


def test_the_oracle_knows_the_very_question_and_no_other() -> None:
    made = learner("oracle").fit(TAUGHT)
    assert [made.estimate(s.question).budget for s in TAUGHT] == [s.needed for s in TAUGHT]
    unknown = made.estimate(question("What is 1 plus 1?"))
    assert (unknown.budget, unknown.status) == (None, "missing")


def test_a_question_unlike_those_that_were_fitted_is_marked_whatever_its_bounds() -> None:
    made = learner("ridge").fit(TAUGHT)
    assert made.estimate(FRESH[0]).status == "read"
    chinese = Question("小明有12个苹果，他吃了3个。还剩几个苹果？", "cloze", "cn", "bracketed")
    assert made.estimate(chinese).status == "outside"


def _taught() -> tuple[list[Question], Any]:
    return [s.question for s in TAUGHT], np.log2([float(s.needed or 0) for s in TAUGHT])


def _as_tokens(logarithms: Any) -> list[int]:
    return [int(np.ceil(2**value - 1e-6)) for value in logarithms]


def test_the_trees_say_what_scikit_learns_say() -> None:
    questions, needs = _taught()
    made = learner("gradient_boosting").fit(TAUGHT)
    directions = made.arrays_["directions"]
    seen = _seen_by_trees(Encoding(made.arrays_), directions, questions)
    theirs = GradientBoostingRegressor(
        loss="quantile",
        alpha=0.5,
        max_depth=3,
        min_samples_leaf=5,
        subsample=0.5,
        max_features="sqrt",
        random_state=0,
    ).fit(seen, needs)
    fresh = _seen_by_trees(Encoding(made.arrays_), directions, FRESH)
    assert made.estimates(FRESH) == _as_tokens(theirs.predict(fresh))


def test_the_neighbours_are_scikit_learns() -> None:
    questions, needs = _taught()
    made = learner("knn", neighbours=5).fit(TAUGHT)
    encoding = Encoding(made.arrays_)
    theirs = NearestNeighbors(n_neighbors=5).fit(encoding.matrix(questions))
    nearest = theirs.kneighbors(encoding.matrix(FRESH), return_distance=False)
    assert made.estimates(FRESH) == _as_tokens(np.median(needs[nearest], axis=1))


def test_the_lines_are_scikit_learns() -> None:
    questions, needs = _taught()
    encoding = Encoding.learn(questions)
    ridge = Ridge(alpha=1).fit(encoding.matrix(questions), needs)
    line = QuantileRegressor(quantile=0.8, alpha=0.001).fit(encoding.plain(questions), needs)
    assert learner("ridge").fit(TAUGHT).estimates(FRESH) == _as_tokens(
        ridge.predict(encoding.matrix(FRESH))
    )
    found = learner("quantile", quantile=0.8).fit(TAUGHT).estimates(FRESH)
    assert found == pytest.approx(_as_tokens(line.predict(encoding.plain(FRESH))), rel=0.02)
