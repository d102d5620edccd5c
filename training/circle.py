"""The whole of a training: sample, make corpora, train, evaluate, report. Each step is a command.

The steps are those of `tale-eval compare`, `corpus`, `train` and `report`, as a user would type
them, so that each can be done by hand. A step that is done is not done again, and one that was
ended goes on where it was: a circle is resumed by the same command.
"""

import json
import shlex
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from tale_eval.errors import InvalidValueError, RunError
from tale_eval.models.adapters import PROVENANCE, is_adapter, named_model
from tale_eval.models.embedded import embedded_provider
from tale_eval.models.smollm2 import model_folder
from tale_eval.training.candidates import Candidate, read_candidates
from tale_eval.training.circle_recipe import Adapter, CircleRecipe
from tale_eval.training.preflight import RUN
from tale_eval.training.recipe import SHIPPED
from tale_eval.training.targets import bin_name, length_bin

EMBEDDED = "smollm2"
_DONE = "done"
_PROGRAM = "tale-eval"

Words = Sequence[str]
Run = Callable[[Words], int]
"""Runs a command, "tale-eval" or what launches it first, and gives its exit status."""


@dataclass(frozen=True)
class Step:
    """One command of a circle.

    Attributes:
        name: What it is called, such as "train obey-seed-1"; its mark's name too.
        words: What follows `tale-eval`; asked for when it is due, as adapters' names have hashes.
        out: The folder that it makes; None where there is no such thing.
        made_of: What else decides what comes out, such as the commands that sampled; likewise.
        launch: What starts it in place of this Python.
        before: What is done before, such as writing a recipe.
        after: What is looked at behind it.
        always: It is never skipped.
    """

    name: str
    words: Callable[[], list[str]]
    out: Path | None = None
    made_of: Callable[[], list[str]] = list
    launch: str | None = None
    before: Callable[[], None] | None = None
    after: Callable[[], None] | None = None
    always: bool = False


@dataclass(frozen=True)
class Circle:
    """A recipe in a folder.

    Attributes:
        recipe: What is done.
        folder: Where everything lies.
        model: The base model: a folder, or a name on the hub.
    """

    recipe: CircleRecipe
    folder: Path
    model: str

    @classmethod
    def of(cls, recipe: CircleRecipe, folder: Path) -> "Circle":
        """The circle of a recipe; "smollm2" is the embedded model.

        Raises:
            MissingExtraError, SourceError: The embedded model is asked for and cannot be had.
        """
        embedded = recipe.model == EMBEDDED
        return cls(recipe, folder, str(model_folder()) if embedded else recipe.model)

    @property
    def asked_as(self) -> str:
        """How `compare` is told of the base model."""
        return f"{self.provider}/{self.model}"

    @property
    def provider(self) -> str:
        """Inspect's provider that asks base and adapters."""
        fastest = embedded_provider() if self.recipe.model == EMBEDDED else "hf"
        return self.recipe.provider or fastest

    def steps(self) -> Iterator[Step]:
        """Every step in order."""
        recipe = self.recipe
        if recipe.pilot:
            yield from self._pilot()
        for number in range(1, recipe.rounds + 1):
            yield from self._samples(number)
            if number < recipe.rounds:
                yield from self._learner(number)
        made = {
            name: self._corpus(name, self.folder / "corpora" / name, recipe.rounds)
            for name in recipe.corpora
        }
        yield from made.values()
        for adapter in recipe.adapters:
            for seed in adapter.seeds:
                name, out = adapter_name(adapter, seed), self.adapter_folder(adapter, seed)
                yield self._train(adapter, seed, name, made[adapter.corpus], out)
        yield from self._evaluations()
        yield self._report()

    # --- sampling ---

    def sampled(self, number: int) -> str:
        """How `compare` is told of the model that a round samples."""
        if number > 1:
            return self._as_adapter(f"learner-{number - 1}", self._learner_folder(number - 1))
        return self.recipe.sampled_as or self.asked_as

    def _name_of(self, number: int) -> str:
        """The name of a round's model in its logs."""
        if number > 1 and not is_adapter(self._learner_folder(number - 1)):
            # its name ends in the hash of what is not trained yet
            return f"{self.provider}/learner-{number - 1}-…"
        return named_model(self.sampled(number)).name

    def _pilot(self) -> Iterator[Step]:
        folder = self.folder / "pilot"
        first = self.recipe.sampled_in(1)
        for at, sampling in enumerate(first, start=1):
            options = {**self.recipe.options, **sampling.options}
            options |= {"limit": self.recipe.pilot, "epochs": 1}
            words = self._compare(
                self.recipe.train, sampling.methods, [self.sampled(1)], folder, options
            )
            last = at == len(first)
            look = partial(_show_pilot, str(folder)) if last else None
            yield Step(f"pilot {at}", partial(list, words), after=look)

    def _samples(self, number: int) -> Iterator[Step]:
        for at in range(len(self.recipe.sampled_in(number))):
            yield Step(f"sample {number}.{at + 1}", partial(self._sampling_words, number, at))

    def _sampling_words(self, number: int, at: int) -> list[str]:
        sampling, folder = self.recipe.sampled_in(number)[at], self._samples_folder(number)
        options = {**self.recipe.options, **sampling.options}
        model = [self.sampled(number)]
        return self._compare(self.recipe.train, sampling.methods, model, folder, options)

    def _all_sampling(self, rounds: int) -> list[str]:
        return [
            shlex.join(self._sampling_words(number, at))
            for number in range(1, rounds + 1)
            for at in range(len(self.recipe.sampled_in(number)))
        ]

    def _samples_folder(self, number: int) -> Path:
        return self.folder / "samples" / f"round-{number}"

    def _learner(self, number: int) -> Iterator[Step]:
        """What the next round samples: the learner, by what was sampled until now."""
        adapter = next(a for a in self.recipe.adapters if a.name == self.recipe.learner)
        corpus = self.folder / "rounds" / str(number) / "corpus"
        made = self._corpus(adapter.corpus, corpus, number, f"round-{number}-{adapter.corpus}")
        yield made
        out = self._learner_folder(number)
        yield self._train(adapter, adapter.seeds[0], f"learner-{number}", made, out)

    def _learner_folder(self, number: int) -> Path:
        return self.folder / "rounds" / str(number) / f"learner-{number}"

    # --- corpora and adapters ---

    def _corpus(self, name: str, out: Path, rounds: int, called: str | None = None) -> Step:
        given = dict(self.recipe.corpora[name])
        kind = given.pop("kind", "sft")

        def words() -> list[str]:
            found = ["corpus", kind, *self._sources(kind, given, rounds), *option_words(given)]
            for task in self.recipe.test:
                found += ["--against", task]
            if rounds > 1 and kind != "grpo":
                for number in range(1, rounds + 1):
                    found += ["--model", self._name_of(number)]
            return [*found, "--out", str(out)]

        return Step(f"corpus {called or name}", words, out, partial(self._all_sampling, rounds))

    def _sources(self, kind: str, given: Mapping[str, Any], rounds: int) -> list[str]:
        if kind == "grpo" and given.get("budget") != "search":
            return [*self.recipe.train]
        return [str(self._samples_folder(number)) for number in range(1, rounds + 1)]

    def adapter_folder(self, adapter: Adapter, seed: int) -> Path:
        """Where an adapter lies."""
        return self.folder / "adapters" / adapter_name(adapter, seed)

    def _train(self, adapter: Adapter, seed: int, name: str, corpus: Step, out: Path) -> Step:
        kind = self.recipe.kind_of(adapter.corpus)
        config = self.folder / "recipes" / f"{name}.yaml"
        text = seeded_recipe(adapter.config, kind, seed)
        words = ["train", kind, "--model", self.model, "--data", str(corpus.out)]
        words += ["--out", str(out), "--config", str(config), *option_words(adapter.options)]

        def before() -> None:
            config.parent.mkdir(parents=True, exist_ok=True)
            config.write_text(text, encoding="utf-8")

        def made_of() -> list[str]:
            return [text, shlex.join(corpus.words()), *corpus.made_of()]

        return Step(f"train {name}", lambda: words, out, made_of, adapter.launch, before)

    def _as_adapter(self, name: str, folder: Path) -> str:
        if self.provider == "vllm":
            return f"{name}=vllm/{self.model}:{folder}"
        return f"{name}={self.provider}/{folder}"

    # --- evaluation ---

    def _evaluations(self) -> Iterator[Step]:
        recipe, folder = self.recipe, self.folder / "evaluation"
        options = {**recipe.options, **recipe.evaluation_options}
        base = self._compare(recipe.test, recipe.base_methods, [self.asked_as], folder, options)
        yield Step("evaluate base", lambda: base)
        groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for adapter in recipe.adapters:
            groups[adapter.methods] += [
                self._as_adapter(adapter_name(adapter, seed), self.adapter_folder(adapter, seed))
                for seed in adapter.seeds
            ]
        for at, (methods, models) in enumerate(groups.items(), start=1):
            words = self._compare(recipe.test, methods, models, folder, options)
            yield Step(f"evaluate adapters {at}", partial(list, words))

    def _compare(
        self,
        tasks: Words,
        methods: Words,
        models: Words,
        folder: Path,
        options: Mapping[str, Any],
    ) -> list[str]:
        words = ["compare", *tasks]
        for method in methods:
            words += ["--method", method]
        for model in models:
            words += ["--model", model]
        evaluates = folder.name == "evaluation"
        for sweep in self.recipe.sweep if evaluates else ():
            # one method's sweep is none of a run without it
            method = sweep.partition("=")[0].partition(".")[0]
            if method in {each.partition(":")[0] for each in methods}:
                words += ["--sweep", sweep]
        return [*words, "--log-dir", str(folder), *option_words(options)]

    def _report(self) -> Step:
        folder, recipe = self.folder, self.recipe
        words = ["report", str(folder / "evaluation"), "--baseline", recipe.baseline]
        words += ["--margin", f"{recipe.margin:g}", "--html", str(folder / "report.html")]
        words += ["--json", str(folder / "report.json"), "--markdown", str(folder / "report.md")]
        return Step("report", lambda: words, always=True)


def adapter_name(adapter: Adapter, seed: int) -> str:
    """What an adapter is called: the report joins those that differ in their seed alone."""
    return f"{adapter.name}-seed-{seed}"


def option_words(options: Mapping[str, Any]) -> list[str]:
    """Options of a command line by name: {"max_tokens": 9, "M": {"a": 1}} and so on.

    True is a flag, False its opposite; a list repeats the option, keys and values are joined.
    """
    words = []
    for name, value in options.items():
        option = f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            words.append(option if value else f"--no-{option.removeprefix('--')}")
            continue
        if isinstance(value, Mapping):
            value = [f"{key}={each}" for key, each in value.items()]
        for each in value if isinstance(value, list) else [value]:
            words += [option, str(each)]
    return words


def seeded_recipe(config: str | None, kind: str, seed: int) -> str:
    """A recipe of `tale-eval train` with this seed, as YAML.

    Args:
        config: One of ours by its name, or a YAML file; None for `paper-sft` and the like.
        kind: Which of its sections has the seed.
        seed: Of the order of rows, and of what is drawn.
    """
    name = config or default_recipe(kind)
    path = Path(name) if name.endswith((".yaml", ".yml")) else SHIPPED / f"{name}.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    content[kind]["seed"] = seed
    if "data_seed" in content[kind]:
        content[kind]["data_seed"] = seed
    return f"# {name} with seed {seed}\n{yaml.safe_dump(content, sort_keys=False)}"


def default_recipe(kind: str) -> str:
    """The recipe of a kind of training where none is named."""
    return {"grpo": "l1-max-grpo"}.get(kind, f"paper-{kind}")


def run_circle(circle: Circle, run: Run, say: Callable[[str], None] = print) -> None:
    """Do what is not done yet.

    Args:
        circle: The circle.
        run: Runs a command's words, those after `tale-eval`.
        say: Is told what is done.

    Raises:
        RunError: A command failed; its name and its words.
        InvalidValueError: What is there was made by another recipe; the pilot shows that there
            is nothing to learn from.
    """
    for step in circle.steps():
        mark = circle.folder / _DONE / f"{step.name.replace(' ', '-')}.json"
        made_by = {"words": step.words(), "of": step.made_of()}
        if not step.always and _is_done(step, made_by, mark):
            say(f"done before: {step.name}")
        else:
            _do(step, made_by, mark, run, say)
        if step.after is not None:
            step.after()


def _do(
    step: Step,
    made_by: Mapping[str, list[str]],
    mark: Path,
    run: Run,
    say: Callable[[str], None],
) -> None:
    if step.before is not None:
        step.before()
    command = command_of(step, made_by["words"])
    say(f"{step.name}: {shlex.join(command)}")
    _write(mark, {**made_by, "finished": False})
    status = run(command)
    if status != 0:
        raise RunError(
            f"{step.name} failed with status {status}; what is done is kept: mend it and run the "
            f"circle again. The command was: {shlex.join(command)}"
        )
    _write(mark, {**made_by, "finished": True})


def command_of(step: Step, words: Words) -> list[str]:
    """A step's command as a user would type it; a training that was begun goes on."""
    begun = step.out is not None and (step.out / RUN).is_file()
    start = [_PROGRAM] if step.launch is None else [*shlex.split(step.launch), "-m", "tale_eval"]
    return [*start, *words, *(["--resume"] if begun else [])]


def _is_done(step: Step, made_by: Mapping[str, list[str]], mark: Path) -> bool:
    """Whether a step has been done, by this very command.

    What lies in its folder and was made by another one is not made over.
    """
    told: dict[str, Any] = json.loads(mark.read_text("utf-8")) if mark.is_file() else {}
    same = all(told.get(key) == value for key, value in made_by.items())
    if step.out is None:
        return same and bool(told["finished"])
    if step.out.exists() and not same:
        raise InvalidValueError(
            f"{step.out} was made by another recipe, or by hand: remove the folder and what was "
            "made of it, or choose another --out"
        )
    # of an adapter the provenance is written last
    return (step.out / PROVENANCE if step.name.startswith("train") else step.out).exists()


def _write(mark: Path, told: Mapping[str, Any]) -> None:
    mark.parent.mkdir(parents=True, exist_ok=True)
    partly = mark.with_suffix(".partial")
    partly.write_text(json.dumps(told), encoding="utf-8")
    partly.replace(mark)


def _show_pilot(logs: str) -> None:
    print("\n".join(pilot_lines(logs)))


def pilot_lines(logs: str) -> list[str]:
    """What the pilot shows of what there is to learn from, a line for each method.

    Raises:
        InvalidValueError: No answer is right: whatever follows would be in vain.
    """
    sampled = read_candidates([logs])
    by_method: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in sampled.candidates:
        by_method[candidate.method].append(candidate)
    right = [c for c in sampled.candidates if c.correct]
    if not right:
        raise InvalidValueError(
            f"the pilot: {sampled.model} never answers right: 0 of {len(sampled.candidates)} "
            f"answers to {len({c.question for c in sampled.candidates})} questions by "
            f"{', '.join(sorted(by_method))}, so there is nothing to learn from. Take easier "
            "questions, a larger model, or methods with worked examples (cot:shots=4); pilot: 0 "
            "goes on all the same"
        )
    lines = ["the pilot, right answers by method and by how many tokens they took:"]
    for method, answers in sorted(by_method.items()):
        lengths = Counter(length_bin(c.tokens or 0) for c in answers if c.correct)
        counts = ", ".join(f"{lengths[n]} of {bin_name(n)}" for n in sorted(lengths))
        lines.append(
            f"  {method}: {lengths.total()} of {len(answers)}{': ' if counts else ''}{counts}"
        )
    if len({length_bin(c.tokens or 0) for c in right}) == 1:
        lines.append("  all right answers are of about one length: obey would learn no other")
    return lines


def run_command(command: Words) -> int:
    """Run a step in a process of its own: its memory is given back, and its faults are its own."""
    first, *rest = command
    if first == _PROGRAM:
        return subprocess.run([sys.executable, "-m", "tale_eval", *rest], check=False).returncode
    # accelerate and torchrun lie beside this Python
    beside = Path(sys.executable).with_name(first)
    start = str(beside) if beside.is_file() else first
    return subprocess.run([start, *rest], check=False).returncode
