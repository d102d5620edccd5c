"""What is read from logs: one row per (model, task, method, setting, sample, epoch). Pure.

Anybody may have written a log. What cannot be true of an answer is refused here, so that
whoever counts with these rows may rely on them.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import zip_longest
from typing import NamedTuple

from tale_eval.asking.prompts import Language, with_options
from tale_eval.asking.question import Question
from tale_eval.asking.setting import Setting
from tale_eval.asking.variant import Variant
from tale_eval.budgets.elasticity import QuestionTrials
from tale_eval.budgets.needs import Search
from tale_eval.budgets.traces import SearchTrace
from tale_eval.errors import InvalidValueError
from tale_eval.shown.masking import masked, masked_text
from tale_eval.tokens.costs import COST_KEYS

MALFORMED = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)
"""What readers raise on data of another shape than they expect."""

# the same few labels stand in all rows of a log
_masked_label = lru_cache(maxsize=1024)(masked_text)


@lru_cache(maxsize=1024)
def _masked_setting(setting: Setting) -> Setting:
    # all at once: a name may say that its value is a key
    return Setting({str(k): str(v) for k, v in masked(dict(setting.values)).items()})


def reason(error: Exception) -> str:
    """What is wrong with the data, on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


@dataclass(frozen=True)
class Labelled:
    """What a row is called in tables, without keys and passwords.

    Attributes:
        model: Name of the model.
        task: Name of the task, its arguments that choose the questions included.
        method: Name of the method, or of the foreign solver.
        setting: The run's generation settings that change what is written.
    """

    model: str
    task: str
    method: str
    setting: Setting = field(default_factory=Setting, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("model", "task", "method"):
            object.__setattr__(self, name, _masked_label(getattr(self, name)))
        object.__setattr__(self, "setting", _masked_setting(self.setting))

    @property
    def variant(self) -> Variant:
        """What its row is about, within a model and task."""
        return Variant(self.method, self.setting)


@dataclass(frozen=True)
class Record(Labelled):
    """One answer.

    Attributes:
        model, task, method, setting: As in `Labelled`.
        sample_id: What was asked.
        epoch: Repetition, from 1.
        correct: 1 right, 0 wrong, between for partial credit; None if it was not scored.
        error: Why the sample failed; None if it did not.
        bare: Nothing but labels stood before the answer; None if nobody looked.
        costs: The values of `tale_eval.tokens.costs.COST_KEYS`; None where unknown.
        unread: It has a score that says neither right nor wrong, such as 7 of 10.
        undecided: Its formula could not be compared in time, and counts as wrong; None if nobody
            looked.
        rotation_of: The question that this sample asks with its options rotated; None where
            a sample is a question of its own.
        controls: How its budget was imposed and as what, as `Call.controls` of its answer's call.
        until_decided: How many questions its run would have asked had no verdict been settled
            before; None of a run whose number does not hang on how they were answered.
        answer: What was judged, as its scorer read it, or a hash of it where that is long; empty
            where the reply holds no answer. None where no scorer said.
        scorer: The scorer or metric that said whether it is right; None where that is not known.
        text: What was asked; None unless the texts were asked for.

    Raises:
        InvalidValueError, OverflowError: A score or cost that is no such number.
    """

    sample_id: str
    epoch: int
    correct: float | None
    error: str | None
    bare: bool | None
    costs: dict[str, float | None]
    rotation_of: str | None = None
    unread: bool = False
    undecided: bool | None = None
    controls: Mapping[str, int | str] = field(default_factory=dict)
    until_decided: int | None = None
    answer: str | None = None
    scorer: str | None = None
    text: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        assert self.costs.keys() == set(COST_KEYS)
        for name, value in {"correct": self.correct, **self.costs}.items():
            _check_numbers(name, (value,))
        _check_share(self.correct)

    @property
    def question(self) -> str:
        """What counts as one question: all of its rotations together."""
        return self.rotation_of or self.sample_id


def alike(
    first: Record,
    changing: Mapping[str, Sequence[object]],
    costs: Mapping[str, Sequence[float | None]],
) -> list[Record]:
    """Records that share all but some of their values, which are given by column.

    As many as one by one, in a fifth of the time and a third of the memory: a folder of logs may
    hold a million. What is checked of each record is checked of each column.

    Args:
        first: The first of them, or any other with what they share.
        changing: By the name of a field.
        costs: By the name of a cost; those that are not named are the first's.

    Raises:
        InvalidValueError, OverflowError, TypeError: A score or cost that is no such number, or
            columns of different lengths.
    """
    if len({len(values) for values in (*changing.values(), *costs.values())}) != 1:
        raise InvalidValueError("the columns are not of one length")
    for name, values in costs.items():
        _check_numbers(name, set(values))
    credits = set(changing.get("correct", ()))
    _check_numbers("correct", credits)
    for credit in credits:
        _check_share(credit)
    shared = {name: value for name, value in vars(first).items() if name not in changing}
    fields, columns = tuple(changing), zip(*changing.values(), strict=True)
    keys, priced = tuple(costs), zip(*costs.values(), strict=True)
    common = _sharing_keys(first.costs)
    records = []
    for row, prices in zip_longest(columns, priced, fillvalue=()):
        record = object.__new__(Record)
        mine = common.copy()
        mine.update(zip(keys, prices, strict=True))
        own = vars(record)
        own.update(shared)
        own.update(zip(fields, row, strict=True))
        own["costs"] = mine
        records.append(record)
    return records


def _sharing_keys(values: Mapping[str, float | None]) -> dict[str, float | None]:
    """The same, as a dictionary whose copies take a third of the memory.

    Python keeps the names of an object's attributes once for all objects of a class.
    """

    class Costs:
        pass

    kept = Costs()
    for name, value in values.items():
        setattr(kept, name, value)
    return vars(kept)


def _check_numbers(name: str, values: Iterable[object]) -> None:
    for value in values:
        if value is not None and not (isinstance(value, int | float) and math.isfinite(value)):
            raise InvalidValueError(f"{name} is {value!r}; expected a number")


def _check_share(credit: object) -> None:
    if credit is not None and not 0 <= credit <= 1:  # type: ignore[operator]
        raise InvalidValueError(f"correct is {credit}; expected a share from 0 to 1")


@dataclass(frozen=True)
class Searched(Labelled):
    """One question's budget search, or the budget that an estimator gave it.

    Attributes:
        model, task, method, setting: As in `Labelled`.
        question: Sample id and epoch: what a search and an estimate share.
        trace: The search; None for an estimate.
        estimate: The estimated budget in tokens; None if it could not be read.
        text: What was asked, without options; None if that was not read.
        options: Of a choice question, in the order in which they were shown.
        language: Of the instructions.
        unlike: The estimator was fitted on no question like this one.
        seconds: How long a fitted estimator took; None if a model was asked.

    Raises:
        InvalidValueError: A search that cannot have taken place, or an estimate that is no
            budget.
    """

    question: str
    trace: SearchTrace | None
    estimate: int | None
    text: str | None = None
    options: tuple[str, ...] = ()
    language: Language = "en"
    unlike: bool = False
    seconds: float | None = None

    @property
    def asked(self) -> Question:
        """The question as methods put it."""
        text = self.text or ""
        whole = with_options(text, list(self.options)) if self.options else text
        return Question(whole, "choice" if self.options else "cloze", self.language, "bracketed")

    @property
    def search(self) -> Search | None:
        """What an estimator learns from it; None where the vanilla answer was not counted."""
        assert self.trace is not None
        asked = (*self.trace.trials, *self.trace.surplus)
        trials = tuple(t for trial in asked if (t := trial.trial()).counted)
        if not any(trial.budget is None for trial in trials):
            return None
        return Search(self.asked, QuestionTrials(self.question, trials), self.trace.budget)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.estimate is not None and not (isinstance(self.estimate, int) and self.estimate > 0):
            raise InvalidValueError(
                f"question {self.question!r}: the budget is {self.estimate!r}; expected a whole "
                "number from 1 up"
            )
        if self.trace is not None:
            asked = (*self.trace.trials, *self.trace.surplus)
            QuestionTrials(self.question, tuple(trial.trial() for trial in asked))
            if self.trace.budget not in [trial.budget for trial in self.trace.trials]:
                raise InvalidValueError(
                    f"question {self.question!r}: the search chose the budget "
                    f"{self.trace.budget}, under which nothing was asked"
                )


@dataclass(frozen=True)
class RunSettings(Labelled):
    """How one log came to be.

    Attributes:
        model, task, method, setting: As in `Labelled`.
        log: Where the log lies: a path, or a URL such as s3://….
        values: Settings by section, such as {"generation": {"temperature": 0}}.
        sha256: Of the log's content; None where nobody asked for it. With it `log` is the log's
            own name, which says nothing of where it lies.
    """

    log: str
    values: Mapping[str, Mapping[str, object]]
    sha256: str | None = None


Names = tuple[str, str]
"""A model and a task: answers of others are compared with none of these."""


class Found(NamedTuple):
    """What some place holds.

    Attributes:
        records: Its answers.
        settings: How the runs came to be.
        problems: One line for what could not be used, or only in part.
    """

    records: list[Record]
    settings: list[RunSettings]
    problems: list[str]


@dataclass(frozen=True)
class Part:
    """A log, or several of which all is read at once.

    Attributes:
        names: Whose answers it has; none where it cannot be used.
        read: Reads it, each time anew.
    """

    names: frozenset[Names]
    read: Callable[[], Found]

    @classmethod
    def held(
        cls, records: list[Record], settings: list[RunSettings], problems: Iterable[str] = ()
    ) -> "Part":
        """One that was read already."""
        found = Found(records, settings, list(problems))
        return cls(frozenset((each.model, each.task) for each in records), lambda: found)

    @classmethod
    def told(cls, *problems: str) -> "Part":
        """One that cannot be used, and why."""
        return cls.held([], [], problems)
