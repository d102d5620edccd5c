"""Estimators: a protocol, the paper's as its first member, and what one file more takes."""

from pathlib import Path
from typing import Any

import pytest
from command import lm_eval, lm_eval_samples, tale_eval
from inspect_ai.log import list_eval_logs, read_eval_log
from installed import install, path_with, python
from needs import searches
from questions import gsm8k_file
from server import Reply, chat_server

from tale_eval.asking.prompts import estimator_prompt
from tale_eval.asking.question import Question
from tale_eval.budgets.estimators import (
    Estimating,
    Estimator,
    estimating,
    estimators,
    make_estimator,
)
from tale_eval.budgets.reading import BudgetReading
from tale_eval.budgets.tables import table
from tale_eval.errors import InvalidValueError, UnknownNameError
from tale_eval.solvers import methods

QUESTION = Question("What is 1 plus 1?", "cloze", "en", "bracketed")

BY_WORDS = '''
"""Two tokens a word of the question."""

from collections.abc import Iterator
from dataclasses import dataclass

from tale_eval.asking.question import Question
from tale_eval.budgets.estimators import Estimating
from tale_eval.budgets.reading import BudgetReading


@dataclass(frozen=True)
class ByWords:
    """Count the question's words; asks nobody."""

    def estimate(self, question: Question) -> Estimating:
        yield from ()
        return BudgetReading(2 * len(question.text.split()), "read")


ESTIMATOR = ByWords
'''


def test_the_papers_estimator_asks_once_and_reads_the_reply() -> None:
    offered = {"role": "judge", "prompt": "appendix", "max_tokens": 32, "unknown": 1}
    estimating = make_estimator("zero_shot", offered).estimate(QUESTION)
    ask = next(estimating)
    assert ask.words(QUESTION) == estimator_prompt(QUESTION.text, "appendix")
    assert (ask.purpose, ask.role, ask.max_tokens) == ("estimate", "judge", 32)
    assert not ask.answers
    with pytest.raises(StopIteration) as ended:
        estimating.send("Budget: [[12]]")
    assert ended.value.value == BudgetReading(12, "read", echoed=True)


def ready(name: str) -> Estimator:
    """An estimator of this name; fitted, if it learns."""
    made: Any = make_estimator(name, {})
    if name == "allocated":
        return made.restore(table([QUESTION], [5.0]))
    return made.fit(searches("by topic", 40)) if hasattr(made, "fit") else made


@pytest.mark.parametrize("name", [*estimators()])
def test_every_estimator_ends_with_a_reading_whatever_it_is_told(name: str) -> None:
    made = ready(name)
    for reply in ("Budget: [[30]]", "", "no idea", "-5 tokens", "9" * 100):
        asking = estimating(name, made, QUESTION)
        try:
            next(asking)
            for _ in range(100):
                asking.send(reply)
        except StopIteration as ended:
            reading = ended.value
        assert isinstance(reading, BudgetReading)
        assert reading.budget is None or reading.budget >= 1


def test_one_that_asks_nobody_may_return_its_reading_at_once() -> None:
    class Five:
        def estimate(self, question: Question) -> BudgetReading:
            return BudgetReading(5, "read")

    with pytest.raises(StopIteration) as ended:
        next(estimating("five", Five(), QUESTION))
    assert ended.value.value == BudgetReading(5, "read")
    assert ended.value.value.seconds >= 0


def test_several_takes_the_median_of_what_can_be_read_each_asked_with_a_seed_of_its_own() -> None:
    asking = estimating("several", make_estimator("several", {"samples": 4}), QUESTION)
    asks = [next(asking)]
    for reply in ("Budget: [[50]]", "no idea", "Budget: [[20]]"):
        asks.append(asking.send(reply))
    with pytest.raises(StopIteration) as ended:
        asking.send("Budget: [[30]]")
    # 20, 30, 50, and one that cannot be read
    assert ended.value.value == BudgetReading(30, "read")
    assert [ask.sample for ask in asks] == [0, 1, 2, 3]
    assert {ask.purpose for ask in asks} == {"estimate"}


def test_several_of_which_none_can_be_read_gives_none() -> None:
    asking = estimating("several", make_estimator("several", {"samples": 2}), QUESTION)
    next(asking)
    asking.send("no idea")
    with pytest.raises(StopIteration) as ended:
        asking.send("none")
    assert ended.value.value == BudgetReading(None, "missing")


def test_an_estimator_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown estimator 'zero_shott'.*'zero_shot'"):
        make_estimator("zero_shott", {})


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with an estimator of its own: the folder for PYTHONPATH."""
    return install(
        tmp_path_factory.mktemp("words"),
        "words",
        {"words.py": BY_WORDS},
        {"tale_eval.estimators": {"by_words": "words:ESTIMATOR"}},
    )


def answers(prompt: str, request: dict[str, object]) -> Reply:
    return Reply("[[0]]", output_tokens=7)


@pytest.mark.slow
def test_somebody_elses_estimator_works_in_both_harnesses_and_costs_no_call(
    words: Path, tmp_path: Path
) -> None:
    questions = gsm8k_file(tmp_path, 1)  # What is 0 plus 0?
    with chat_server(answers) as server:
        variables = server.variables | {
            "PYTHONPATH": path_with(words),
            "TALE_EVAL_CACHE": str(tmp_path / "cache"),
        }
        done = tale_eval(
            *("compare", f"gsm8k:source={questions}", "--method", "tale_ep:estimator=by_words"),
            *("--model", "openai-api/loop/m", "--log-dir", "logs", "--display", "plain"),
            cwd=tmp_path,
            variables=variables,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        done = lm_eval(
            *("run", "--model", "local-chat-completions", "--apply_chat_template"),
            *("--model_args", f"model=m,base_url={server.base_url}/chat/completions"),
            *("--tasks", "tale_gsm8k_tale_ep"),
            *("--metadata", f"tale_source={questions}", "tale_estimator=by_words"),
            *("--output_path", tmp_path / "out", "--log_samples"),
            cwd=tmp_path,
            variables=variables,
        )
        assert done.returncode == 0, done.stderr
    assert len(server.prompts()) == 2
    assert all("use less than 10 tokens" in prompt for prompt in server.prompts())
    (info,) = list_eval_logs(str(tmp_path / "logs"))
    (sample,) = read_eval_log(info).samples or []
    assert sample.store["TaleRecord:method"] == "tale_ep:estimator=by_words"
    assert (sample.store["TaleRecord:budget"], sample.store["TaleRecord:budget_status"]) == (
        10,
        "read",
    )
    (row,) = lm_eval_samples(tmp_path, "tale_gsm8k_tale_ep")
    assert row["doc"]["method"] == "tale_ep:estimator=by_words"
    assert (row["budget"], row["estimator_tokens"], row["output_tokens"]) == (10, 0, 7)


class GivesNothing:
    """Returns no reading."""

    def estimate(self, question: Question) -> Estimating:
        yield from ()
        return None  # type: ignore[return-value]


class NoReading:
    """Returns a number at once."""

    def estimate(self, question: Question) -> Estimating:
        return 5  # type: ignore[return-value]


class WantsMore:
    """Has a parameter that nobody gives."""

    def __init__(self, factor: int) -> None:
        self.factor = factor

    def estimate(self, question: Question) -> Estimating:
        yield from ()
        return BudgetReading(self.factor, "read")


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (GivesNothing(), r"estimator mine: estimate\(\) returned None: return a BudgetReading"),
        (NoReading(), r"estimator mine: estimate\(\) returned 5: return a BudgetReading"),
    ],
)
def test_an_estimator_that_gives_no_reading_is_named(made: Estimator, message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        next(estimating("mine", made, QUESTION))


def test_a_method_names_the_estimator_that_gives_no_reading(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The plan is the same in both harnesses."""
    monkeypatch.setattr("tale_eval.budgets.estimators.estimators", lambda: {"mine": GivesNothing})
    steps = methods()["tale_ep"].plan({"estimator": "mine"}).steps(QUESTION)
    with pytest.raises(InvalidValueError, match=r"estimator mine: estimate\(\) returned None"):
        next(steps)


def test_an_estimator_that_wants_more_than_is_offered_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tale_eval.budgets.estimators.estimators", lambda: {"mine": WantsMore})
    with pytest.raises(InvalidValueError, match="'factor: int' has no default, and only role can"):
        make_estimator("mine", {"role": "estimator"})
    assert make_estimator("mine", {"factor": 3})


def test_what_is_no_estimator_is_refused(tmp_path: Path) -> None:
    site = install(
        tmp_path, "none", {"none.py": "x = 5\n"}, {"tale_eval.estimators": {"none": "none:x"}}
    )
    script = (
        "from tale_eval.solvers import resolve\n"
        "try:\n    resolve('tale_ep:estimator=none')\n"
        "except ValueError as error:\n    print(error)\n"
    )
    assert "none:x of none 1.0 cannot be used (TypeError: expected an estimator's class" in python(
        site, script
    )
