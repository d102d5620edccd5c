"""Recipes of whole circles: what is sampled, learnt and compared. Strict YAML.

model: smollm2                    # the embedded model, a folder, or a name on the hub
train: chain_sum:size=200:seed=1  # questions to learn from, as `tale-eval compare` takes tasks
test: chain_sum:size=100:seed=100000
pilot: 32                         # questions that are asked first; 0 for none
rounds: 1                         # of sampling; each after the first samples what was trained
learner: obey                     # the adapter that later rounds sample; needed for several
seeds: [1, 2, 3]                  # an adapter for each
options: {max_tokens: 256, M: {batch_size: 32}}      # of every run, as `inspect eval-set` has them
sampling:                         # what is asked of the training questions, and how often
  - {methods: ["cot:shots=4"], options: {epochs: 4, temperature: 0.8}, rounds: [1]}
corpora:                          # options of `tale-eval corpus`
  obey: {target: obey, per_question: 3}
  random: {target: random}        # a control
adapters:                         # options of `tale-eval train`; one for each corpus if left out
  obey: {corpus: obey, config: tiny-cpu-sft}
evaluation:
  base: [cot, direct]             # methods of the model as it is
  adapters: [cot, budget]         # methods of each adapter, unless it names `methods`
  sweep: ["budget.tokens=10,25,50"]
  options: {max_tokens: 256}
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

import yaml

from tale_eval.asking.method import Method
from tale_eval.asking.prompts import SYSTEM_PROMPT
from tale_eval.errors import InvalidValueError, SourceError, UnknownNameError, check_name
from tale_eval.solvers import resolve
from tale_eval.tasks import named_benchmark
from tale_eval.training.alike import Prompted, asks_alike
from tale_eval.training.corpus import TrainingKind
from tale_eval.training.targets import TARGETS

SHIPPED = Path(__file__).parent / "circles"

_CORPUS = {
    "kind", "target", "method", "setting", "style", "answer_format", "system_prompt", "budget",
    "validation", "seed", "per_question", "per_length", "grain",
}  # fmt: skip
_ADAPTER = {"corpus", "config", "seeds", "methods", "batch_size", "epochs", "lr", "launch"}
_TOP = {
    "model", "provider", "sampled_as", "train", "test", "pilot", "rounds", "learner", "seeds",
    "options", "sampling", "corpora", "adapters", "evaluation", "baseline", "margin",
}  # fmt: skip


@dataclass(frozen=True)
class Sampling:
    """What is asked of the training questions.

    Attributes:
        methods: By which methods.
        options: Options of `inspect eval-set` by name.
        rounds: In which rounds; None for all.
    """

    methods: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    rounds: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Adapter:
    """What is trained.

    Attributes:
        name: Its name.
        corpus: Of which corpus.
        config: The recipe of `tale-eval train`; None for its default.
        seeds: One adapter for each.
        methods: How each is evaluated.
        options: Further options of `tale-eval train`.
        launch: What starts the training, such as "accelerate launch --num_processes 2"; None for
            this Python.
    """

    name: str
    corpus: str
    config: str | None
    seeds: tuple[int, ...]
    methods: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    launch: str | None = None


@dataclass(frozen=True)
class CircleRecipe:
    """A circle, as `circle_recipe` reads it; see this file's head for what each key means.

    Attributes:
        name: File name without its ending.
        provider: Inspect's provider that asks base and adapters, such as "vllm"; None for the
            fastest that is installed for the embedded model, and "hf" for others.
        sampled_as: Inspect's name of the model where another server samples the first round.
        corpora: Options of `tale-eval corpus` by name.
    """

    name: str
    model: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    sampling: tuple[Sampling, ...]
    corpora: Mapping[str, Mapping[str, Any]]
    adapters: tuple[Adapter, ...]
    base_methods: tuple[str, ...]
    sweep: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    evaluation_options: Mapping[str, Any] = field(default_factory=dict)
    provider: str | None = None
    sampled_as: str | None = None
    pilot: int = 32
    rounds: int = 1
    learner: str | None = None
    baseline: str = "cot"
    margin: float = 0.02

    def sampled_in(self, number: int) -> list[Sampling]:
        """What a round asks."""
        return [s for s in self.sampling if s.rounds is None or number in s.rounds]

    def kind_of(self, corpus: str) -> TrainingKind:
        """What a corpus is for."""
        kind: TrainingKind = self.corpora[corpus].get("kind", "sft")
        return kind


def circle_recipe(written: str) -> CircleRecipe:
    """Read one of our circles by its name, or a YAML file; everything that names something is
    looked up.

    Raises:
        SourceError: There is no such file, or it is no YAML.
        UnknownNameError: A key, method, task, target, kind or corpus that nobody knows.
        InvalidValueError: A value that makes no sense; an adapter that no method of the
            evaluation asks as its corpus does.
    """
    path = _path(written)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise SourceError(f"{path}: not readable as YAML ({error})") from error
    top = _section(path, "circle", content, _TOP)
    for key in ("model", "train", "test", "sampling", "corpora"):
        if not top.get(key):
            raise InvalidValueError(f"{path}: {key} is missing")
    evaluation = _section(
        path, "evaluation", top.get("evaluation") or {}, {"base", "adapters", "sweep", "options"}
    )
    corpora = {
        str(name): _section(path, f"corpora.{name}", given or {}, _CORPUS)
        for name, given in _mapping(path, "corpora", top["corpora"]).items()
    }
    of_adapters = _texts(path, "evaluation.adapters", evaluation.get("adapters", ["cot"]))
    recipe = CircleRecipe(
        name=path.stem,
        model=str(top["model"]),
        train=_texts(path, "train", top["train"]),
        test=_texts(path, "test", top["test"]),
        sampling=_samplings(path, top["sampling"]),
        corpora=corpora,
        adapters=_adapters(path, top, corpora, of_adapters),
        base_methods=_texts(path, "evaluation.base", evaluation.get("base", ["cot"])),
        sweep=_texts(path, "evaluation.sweep", evaluation.get("sweep", [])),
        options=_options(path, "options", top.get("options")),
        evaluation_options=_options(path, "evaluation.options", evaluation.get("options")),
        provider=top.get("provider"),
        sampled_as=top.get("sampled_as"),
        pilot=_number(path, "pilot", top.get("pilot", 32), 0),
        rounds=_number(path, "rounds", top.get("rounds", 1), 1),
        learner=top.get("learner"),
        baseline=str(top.get("baseline", "cot")),
        margin=float(top.get("margin", 0.02)),
    )
    _check(path, recipe)
    return recipe


def _path(written: str) -> Path:
    if written.endswith((".yaml", ".yml")):
        if not Path(written).is_file():
            raise SourceError(f"{written}: there is no such file")
        return Path(written)
    check_name("circle", written, sorted(path.stem for path in SHIPPED.glob("*.yaml")))
    return SHIPPED / f"{written}.yaml"


def _mapping(path: Path, name: str, value: Any) -> Mapping[Any, Any]:
    if not isinstance(value, dict):
        raise InvalidValueError(f"{path}: {name} must hold keys and values, not {value!r:.60}")
    return value


def _section(path: Path, name: str, value: Any, known: Collection[str]) -> Mapping[str, Any]:
    for key in _mapping(path, name, value):
        if key not in known:
            raise UnknownNameError(f"key of {name} in {path.name}:", str(key), sorted(known))
    return dict(value)


def _texts(path: Path, name: str, value: Any) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise InvalidValueError(f"{path}: {name} must be a text or a list of texts, not {value!r}")
    return tuple(texts)


def _number(path: Path, name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidValueError(f"{path}: {name} must be a whole number from {least} up")
    return value


def _options(path: Path, name: str, value: Any) -> Mapping[str, Any]:
    return _mapping(path, name, value or {})


def _samplings(path: Path, value: Any) -> tuple[Sampling, ...]:
    if not isinstance(value, list):
        raise InvalidValueError(f"{path}: sampling must be a list of methods and options")
    found = []
    for at, each in enumerate(value, start=1):
        name = f"sampling {at}"
        section = _section(path, name, each, {"methods", "options", "rounds"})
        methods = _texts(path, f"{name}.methods", section.get("methods", []))
        if not methods:
            raise InvalidValueError(f"{path}: {name} names no methods")
        options = _options(path, f"{name}.options", section.get("options"))
        rounds = section.get("rounds")
        if rounds is not None and not (isinstance(rounds, list) and rounds):
            raise InvalidValueError(f"{path}: {name}.rounds must be a list of rounds, as [1]")
        found.append(Sampling(methods, options, None if rounds is None else tuple(rounds)))
    return tuple(found)


def _adapters(
    path: Path,
    top: Mapping[str, Any],
    corpora: Mapping[str, Any],
    usual_methods: tuple[str, ...],
) -> tuple[Adapter, ...]:
    given = _mapping(path, "adapters", top.get("adapters") or {name: {} for name in corpora})
    found = []
    for name, value in given.items():
        section = _section(path, f"adapters.{name}", value or {}, _ADAPTER)
        corpus = section.get("corpus", name)
        check_name(f"corpus of adapters.{name}", corpus, list(corpora))
        seeds = section.get("seeds", top.get("seeds", [1]))
        if not isinstance(seeds, list) or not seeds or not all(type(s) is int for s in seeds):
            raise InvalidValueError(f"{path}: seeds must be a list of whole numbers, not {seeds!r}")
        methods = section.get("methods")
        options = {k: section[k] for k in ("batch_size", "epochs", "lr") if k in section}
        found.append(
            Adapter(
                name=str(name),
                corpus=corpus,
                config=section.get("config"),
                seeds=tuple(dict.fromkeys(seeds)),
                methods=_texts(path, f"adapters.{name}.methods", methods)
                if methods
                else usual_methods,
                options=options,
                launch=section.get("launch"),
            )
        )
    return tuple(found)


def _check(path: Path, recipe: CircleRecipe) -> None:
    for task in (*recipe.train, *recipe.test):
        if named_benchmark(task) is None:
            raise InvalidValueError(
                f"{path}: {task} is no benchmark of tale-eval, and a corpus is made of those alone"
            )
    for each in recipe.sampling:
        for method in each.methods:
            resolve(method)
    for name, corpus in recipe.corpora.items():
        check_name(f"kind of corpora.{name}", corpus.get("kind", "sft"), get_args(TrainingKind))
        check_name(f"target of corpora.{name}", corpus.get("target", "search"), list(TARGETS))
    for number in range(1, recipe.rounds + 1):
        if not recipe.sampled_in(number):
            raise InvalidValueError(f"{path}: no entry of sampling is asked in round {number}")
    if recipe.rounds > 1 and recipe.learner is None:
        raise InvalidValueError(f"{path}: rounds: {recipe.rounds} needs learner: an adapter's name")
    if recipe.learner is not None:
        check_name("learner", recipe.learner, [adapter.name for adapter in recipe.adapters])
    for method in recipe.base_methods:
        _swept(method, recipe.sweep)
    for adapter in recipe.adapters:
        _check_asked_alike(path, recipe, adapter)


def _swept(method: str, sweep: Collection[str]) -> str:
    """A method with the first value that it is swept over; checked."""
    found = Method.parse(method)
    for written in sweep:
        key, _, values = written.partition("=")
        name, _, argument = key.partition(".")
        if name == found.name and argument:
            found = Method(name, {**found.arguments, argument: values.partition(",")[0]})
    return str(resolve(found))


def prompted_by(corpus: Mapping[str, Any]) -> Prompted:
    """How a corpus of these options asks."""
    kind, budget = corpus.get("kind", "sft"), corpus.get("budget", "none")
    return Prompted(
        style=corpus.get("style", "paper"),
        answer_format=corpus.get("answer_format", "bracketed"),
        system_prompt=corpus.get("system_prompt", SYSTEM_PROMPT),
        budgeted=budget != "none" if kind == "grpo" else corpus.get("target") == "obey",
    )


def _check_asked_alike(path: Path, recipe: CircleRecipe, adapter: Adapter) -> None:
    """See that an adapter is evaluated by the prompts that it was trained on, among others."""
    prompted = prompted_by(recipe.corpora[adapter.corpus])
    asked = [_swept(method, recipe.sweep) for method in adapter.methods]
    if not any(asks_alike(method, prompted) for method in asked):
        raise InvalidValueError(
            f"{path}: adapter {adapter.name} is trained on the prompts of {prompted}, and its "
            f"evaluation asks by {', '.join(adapter.methods) or 'nothing'}: no prompt is the same; "
            f"add {prompted} to evaluation.adapters, or change corpora.{adapter.corpus}"
        )
