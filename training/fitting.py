"""From the logs of budget searches to a fitted estimator in a folder, with how good it is.

Its quality is that of questions that it was not fitted on: each is estimated by a copy that
was fitted without it, and by `fixed` in the same way, the baseline that it must beat.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from math import log2
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from tale_eval import __version__
from tale_eval.analysis.estimators import (
    EstimatorComparison,
    EstimatorScore,
    compare_estimators,
    estimator_score,
)
from tale_eval.asking.arguments import checked_arguments, signature_of
from tale_eval.asking.method import Method
from tale_eval.asking.variant import differing, label
from tale_eval.budgets.chances import Calibration, Chances
from tale_eval.budgets.estimators import estimators
from tale_eval.budgets.features import TFIDF, Embed
from tale_eval.budgets.fitted import CHANCES, Embedder, Fitted, check_free, parameters, write_fitted
from tale_eval.budgets.learning import Learner, QuantileLearner, out_of_fold
from tale_eval.budgets.needs import Search
from tale_eval.budgets.tables import ByQuestion
from tale_eval.errors import InvalidValueError, UnknownNameError
from tale_eval.records import Searched
from tale_eval.training.overlap import Evaluation, words
from tale_eval.training.setting import of_one_setting

FEWEST = 20
"""Solved questions, different in text, below which no estimator is fitted: token counts of fewer
have no interval (`tale_eval.analysis.statistics.FEWEST_FOR_TOKENS`)."""

BASELINE = "fixed"


@dataclass(frozen=True)
class Lesson:
    """What there is to learn from, and how it was chosen.

    Attributes:
        model: Whose searches.
        tasks, methods: What was searched, and by which methods.
        searches: By task, question, epoch and method.
        estimates: Budgets that other methods estimated for these questions, by method.
        left_out: How many searches were not used, and why.
        settings: The generation settings of the searches.
    """

    model: str
    tasks: list[str]
    methods: list[str]
    searches: dict[str, Search]
    estimates: dict[str, dict[str, int | None]]
    left_out: dict[str, int]
    settings: list[str] = field(default_factory=list)

    @property
    def solved(self) -> int:
        """How many searches say what is needed."""
        return sum(search.needed is not None for search in self.searches.values())

    @property
    def solved_texts(self) -> int:
        """Of how many different questions they are: epochs and copies of a text are one."""
        return len({search.key for search in self.searches.values() if search.needed is not None})


@dataclass(frozen=True)
class Quality:
    """How good an estimator is on questions that it was not fitted on.

    Attributes:
        scores: Its own and those of what it is compared with, by name, its own first.
        against: The comparison with each of the others, by name.
        calibration: Of its chances to be right.
        without: Other methods none of whose estimates of solved questions could be read.
    """

    scores: dict[str, EstimatorScore]
    against: dict[str, EstimatorComparison]
    calibration: Calibration
    without: list[str]


def lesson(
    found: Sequence[Searched],
    model: str | None = None,
    kept_out: Iterable[tuple[str, ...]] = (),
    setting: Sequence[str] = (),
) -> Lesson:
    """Choose what an estimator may learn from.

    Args:
        found: Searches and estimates, as `read_searches` gives them.
        model: Whose, where the logs hold searches of several models.
        kept_out: Questions of evaluations, each as `overlap.words` gives it.
        setting: At which setting, such as "reasoning_effort=high", where one method searched at
            several.

    Raises:
        InvalidValueError: There is no search; searches of several models, or by one method at
            several settings, and none was chosen; a question twice; too few solved questions.
        UnknownNameError: The chosen model or setting has no search.
    """
    searched = [item for item in found if item.trace is not None]
    if not searched:
        raise InvalidValueError(
            "no budget search in these logs, and an estimator learns from nothing else; run one "
            "with --solver tale_eval/budget_search"
        )
    chosen = _one_model(sorted({item.model for item in searched}), model)
    of_model = of_one_setting(
        [item for item in searched if item.model == chosen],
        lambda item: item.variant,
        setting,
        "what is needed at one says nothing of another",
    )
    _check_unique(of_model)
    keys = differing(item.variant for item in found)
    evaluation = Evaluation(kept_out)
    left_out: Counter[str] = Counter()
    searches: dict[str, Search] = {}
    for item in of_model:
        search = item.search
        if evaluation.overlap(words(item.text or "", item.options)):
            left_out["in the evaluation"] += 1
        elif search is None:
            left_out["tokens of the vanilla answer unknown"] += 1
        else:
            searches[_name(item)] = search
    made = Lesson(
        chosen,
        sorted({item.task for item in of_model}),
        sorted({label(item.variant, keys) for item in of_model}),
        # in one order, so that the same logs give the same bytes in whatever order they are named
        dict(sorted(searches.items())),
        _estimates(found, of_model, searches, keys),
        dict(sorted(left_out.items())),
        sorted({str(item.setting) for item in of_model}),
    )
    _check_enough(made)
    return made


def learner_of(text: str, embedder: Embedder | None = None) -> tuple[str, Learner]:
    """An estimator that learns, as users write it: "knn:neighbours=20".

    Raises:
        UnknownNameError: No such estimator, or parameter of it.
        InvalidValueError: One that does not learn; a value that makes no sense.
    """
    asked = Method.parse(text)
    create: Any = estimators()[asked.name]
    if not hasattr(create, "fit"):
        learning = [name for name in estimators().usable([]) if hasattr(estimators()[name], "fit")]
        raise InvalidValueError(
            f"estimator {asked.name} asks a model and is not fitted; those that learn are "
            f"{', '.join(learning)}"
        )
    what = f"estimator {asked.name}"
    given = checked_arguments(what, signature_of(what, create), asked.arguments)
    features = given.get("features", TFIDF)
    embed: Embed | None = embedder(features) if features != TFIDF and embedder else None
    return asked.name, create(**given, **({"embed": embed} if embed else {}))


def fit_to_folder(
    name: str,
    learner: Learner,
    taught: Lesson,
    out: Path,
    facts: Mapping[str, Any],
    folds: int = 5,
    seed: int = 0,
) -> tuple[Fitted, Quality]:
    """Cross-validate an estimator, fit it on everything and write its folder.

    Args:
        name: Which estimator it is.
        learner: The same, not fitted.
        taught: What it learns from.
        out: The folder to write.
        facts: What else its card says, such as the logs.
        folds: Parts of the questions, each estimated by what was fitted on the others.
        seed: Another one makes other parts.

    Raises:
        InvalidValueError: Something lies in the folder's place.
        OutputError: It cannot be written.
    """
    from tale_eval.training.estimator_card import readme

    check_free(out)
    searches = list(taught.searches.values())
    # an oracle is asked about the very questions: that is what it is for
    own = isinstance(learner, ByQuestion)
    questions = [search.question for search in searches]
    if own:
        estimates = learner.fit(searches).estimates(questions)
    else:
        estimates = out_of_fold(learner, searches, folds, seed)
        learner.fit(searches)
    chances, calibration = Chances.fit(learner, searches, estimates)
    quality = _quality(name, taught, estimates, folds, seed, calibration)
    card = {
        "estimator": name,
        "parameters": parameters(learner),
        **({"quantile": learner.chosen_} if isinstance(learner, QuantileLearner) else {}),
        "model": taught.model,
        "tasks": taught.tasks,
        "searches": taught.methods,
        "settings": taught.settings,
        **facts,
        "questions": {
            "searched": len(searches) + sum(taught.left_out.values()),
            "left_out": taught.left_out,
            "not_solved": len(searches) - taught.solved,
            "fitted": taught.solved,
        },
        "validation": {"folds": 0 if own else folds, "seed": seed, **asdict(quality)},
        "written_under": _written_under(searches),
        "versions": {"tale-eval": __version__, **_versions()},
    }
    return write_fitted(out, learner, card, readme, {CHANCES: chances.arrays}), quality


def _quality(
    name: str,
    taught: Lesson,
    estimates: Sequence[int],
    folds: int,
    seed: int,
    calibration: Calibration,
) -> Quality:
    baseline: Any = estimators()[BASELINE]
    fixed = out_of_fold(baseline(), list(taught.searches.values()), folds, seed)
    named: dict[str, Mapping[str, int | None]] = {
        name: dict(zip(taught.searches, estimates, strict=True)),
        # where it is itself what is fitted, it is compared with nothing but the others
        **({BASELINE: dict(zip(taught.searches, fixed, strict=True))} if name != BASELINE else {}),
        **taught.estimates,
    }
    scores, against, without = {}, {}, []
    for other, budgets in named.items():
        try:
            scores[other] = estimator_score(taught.searches, budgets)
        except InvalidValueError:
            without.append(other)
            continue
        if other != name:
            against[other] = compare_estimators(taught.searches, named[name], budgets)
    return Quality(scores, against, calibration, without)


def _one_model(found: Sequence[str], model: str | None) -> str:
    if model is not None:
        if model not in found:
            raise UnknownNameError("model", model, found)
        return model
    if len(found) > 1:
        raise InvalidValueError(
            f"these logs hold searches of {len(found)} models, and what one needs says nothing of "
            f"another: choose one with --model: {', '.join(found)}"
        )
    return found[0]


def _check_unique(searched: Sequence[Searched]) -> None:
    counts = Counter(_name(item) for item in searched)
    twice = [name for name, n in counts.items() if n > 1]
    if twice:
        raise InvalidValueError(
            f"{len(twice)} questions were searched in these logs more than once by one method, "
            f"such as {twice[0]}; give one log per run"
        )


def _check_enough(taught: Lesson) -> None:
    if taught.solved_texts < FEWEST:
        out = "".join(f", {count} {why}" for why, count in taught.left_out.items())
        unsolved = len(taught.searches) - taught.solved
        raise InvalidValueError(
            f"too few searches: {taught.solved_texts} questions that vanilla CoT solves, epochs "
            f"and copies of a text counted once ({unsolved} not solved{out}), and an estimator "
            f"needs {FEWEST}; search more questions, a few hundred are better"
        )


def _estimates(
    found: Iterable[Searched],
    searched: Iterable[Searched],
    used: Mapping[str, Search],
    keys: frozenset[str],
) -> dict[str, dict[str, int | None]]:
    """What other methods estimated, for each search of the same question.

    Args:
        found: Estimates among others.
        searched: Searches.
        used: Those that are learnt from, by name.
        keys: The settings that a method's label shows.
    """
    names: dict[tuple[object, ...], list[str]] = {}
    for item in searched:
        if _name(item) in used:
            names.setdefault(_asked(item), []).append(_name(item))
    estimates: dict[str, dict[str, int | None]] = {}
    for item in found:
        if item.trace is None:
            for name in names.get(_asked(item), ()):
                estimates.setdefault(label(item.variant, keys), {})[name] = item.estimate
    return dict(sorted(estimates.items()))


def _asked(item: Searched) -> tuple[object, ...]:
    """What a search and an estimate of the same question share."""
    return item.model, item.task, item.question, item.setting


def _name(item: Searched) -> str:
    return f"{item.task}, {item.question}, {label(item.variant, item.setting.values)}"


def _written_under(searches: Iterable[Search]) -> list[list[float]]:
    """Budgets of about a size, what was written as a multiple of them, and how many answers.

    A power of two, mean, standard deviation (the mean itself where there is one answer), count.
    """
    multiples: dict[int, list[float]] = defaultdict(list)
    for search in searches:
        for trial in search.trials.trials:
            if trial.budget is not None:
                written = trial.output_tokens / trial.budget
                multiples[round(log2(trial.budget))].append(written)
    return [
        [2.0**size, fmean(found), stdev(found) if len(found) > 1 else found[0], len(found)]
        for size, found in sorted(multiples.items())
    ]


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("numpy", "scikit-learn", "scipy")}
