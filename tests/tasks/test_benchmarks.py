"""The registry of benchmarks: what follows from one file, and from somebody else's package."""

import inspect
import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from command import tale_eval as run_tale_eval
from evaluation import LOOP, values
from inspect_ai.dataset import Sample
from inspect_ai.log import list_eval_logs, read_eval_log
from installed import install, path_with, python
from server import Reply, chat_server

from tale_eval import tasks
from tale_eval.datasets.benchmark import Benchmark, table
from tale_eval.errors import InvalidValueError, SourceError, UnknownNameError, check_name
from tale_eval.matrix import combinations
from tale_eval.tasks import benchmark_task, benchmarks, licence, task_arguments
from tale_eval.training.candidates import evaluation_questions
from tale_eval.training.card import Settings, data_card
from tale_eval.training.corpus import Corpus
from tale_eval.training.overlap import words

README = Path(__file__).parents[2] / "README.md"
LICENCES = {
    "chain_sum": "apache-2.0",
    "gpqa": "cc-by-4.0",
    "gsm8k": "mit",
    "gsm8k_zero": "unknown",
    "gsm_symbolic": "apache-2.0",
    "mathbench": "apache-2.0",
}
FILES = (path.stem for path in Path(tasks.__path__[0]).glob("*.py"))
OURS = sorted(stem for stem in FILES if not stem.startswith("_"))

TOY = '''
"""Which side of a coin is up."""

from inspect_ai import Task, task
from inspect_ai.dataset import Sample

from tale_eval.datasets.benchmark import Benchmark
from tale_eval.datasets.rows import DataRow, Origin
from tale_eval.datasets.samples import make_sample
from tale_eval.errors import check_name
from tale_eval.tasks import benchmark_task

SIDES = ("heads", "tails")


def load(side: str = "heads", source: str | None = None) -> list[Sample]:
    check_name("side of coin", side, SIDES)
    row = DataRow(Origin("generated", "coin", None), 1, {})
    question = f"The coin shows {side}: 0 heads or 1?"
    return [
        make_sample(
            row,
            sample_id=f"coin-{side}-1",
            question=question,
            gold=str(int(side == "heads")),
            benchmark="coin",
            subset=side,
            language="en",
        )
    ]


BENCHMARK = Benchmark(
    name="coin",
    title="Coins",
    licence="cc0-1.0",
    source="written by hand",
    rows="2",
    load=load,
    short=("side",),
    task="TASK",
)


@task
def coin(side: str = "heads", method: str = "cot", source: str | None = None) -> Task:
    return benchmark_task(load(side, source), method=method, version="1-A")
'''
TAILS = "The coin shows tails: 0 heads or 1?"


def described(name: str, **more: Any) -> Benchmark:
    def load(size: int = 1, side: str = "heads", source: str | None = None) -> list[Any]:
        return []

    return Benchmark(name, "T", "mit", "by hand", "2", load, **more)


# --- what ours say of themselves ------------------------------------------------------


def test_every_file_of_the_folder_is_a_benchmark_of_its_name() -> None:
    assert [*benchmarks()] == OURS
    assert set(OURS) >= set(LICENCES)
    for name in OURS:
        assert benchmarks()[name].name == name
        assert benchmarks()[name].task == f"tale_eval/{name}"
        assert benchmarks().origin(name) == f"tale_eval.tasks.{name}"


@pytest.mark.parametrize("name", OURS)
def test_a_task_takes_what_its_loader_takes_and_a_method(name: str) -> None:
    task = getattr(import_module(f"tale_eval.tasks.{name}"), name)
    loader = inspect.signature(benchmarks()[name].load).parameters
    own = inspect.signature(task).parameters
    assert set(own) == set(loader) | {"method"}
    for key, parameter in loader.items():
        assert own[key].default == parameter.default
        if key != "source":  # a path in Python, a text on the command line
            assert own[key].annotation == parameter.annotation


@pytest.mark.parametrize("name", OURS)
def test_what_may_follow_a_slash_and_each_lm_eval_variant_are_arguments(name: str) -> None:
    benchmark = benchmarks()[name]
    for names in (benchmark.short, *benchmark.variants):
        assert set(names) <= set(benchmark.arguments)


def test_lm_eval_asks_mathbench_subset_by_subset_and_the_others_whole() -> None:
    variants = {name: benchmarks()[name].variants for name in LICENCES}
    mathbench = variants.pop("mathbench")
    assert len(mathbench) == 17
    assert mathbench[0] == {"level": "arithmetic", "language": "en"}
    assert all(of_one == ({},) for of_one in variants.values())


def test_licences_as_the_hub_names_them() -> None:
    assert {name: licence(name) for name in LICENCES} == LICENCES


# --- what is made of it ---------------------------------------------------------------


def test_a_line_of_the_table() -> None:
    bare = Benchmark("toy", "Toy", "unknown", "by hand", "any", lambda source=None: [])
    assert table([described("coin"), bare]) == [
        "| task | arguments | rows | source | licence |",
        "|---|---|---|---|---|",
        "| `coin` | `size`, `side` | 2 | by hand | mit |",
        "| `toy` | | any | by hand | unknown |",
    ]


def test_the_readme_shows_the_table() -> None:
    lines = table(benchmarks()[name] for name in OURS)
    assert "\n".join(["", *lines, ""]) in README.read_text(encoding="utf-8")


def card_of(*names: str) -> str:
    rows = [{"benchmark": name, "tokens": 3} for name in names]
    corpus = Corpus("sft", rows, [], len(rows), {})
    settings = Settings("m", ["a.eval"], "search", [], 0, "paper", "bracketed", 0, 1024)
    return data_card(corpus, settings)


@pytest.mark.parametrize(
    ("names", "front", "line"),
    [
        (["gsm8k"], "license: mit", "gsm8k: mit"),
        (["gsm8k", "gpqa"], "license: other", "gpqa: cc-by-4.0; gsm8k: mit"),
        (["gone"], "license: unknown", "gone: unknown"),
        (
            ["gone", "gsm8k_zero"],
            "license: unknown",
            "gone: unknown; gsm8k_zero: unknown",
        ),
    ],
)
def test_a_corpus_card_states_the_licences(names: list[str], front: str, line: str) -> None:
    card = card_of(*names)
    assert f"\n{front}\n" in card
    assert f"\n- licence of the questions: {line}\n" in card


# --- a benchmark more is one file -----------------------------------------------------


@pytest.fixture
def one_file_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The folder with one more file in it."""
    (tmp_path / "coin.py").write_text(TOY.replace("TASK", ""), encoding="utf-8")
    (tmp_path / "_notes.py").write_text("raise RuntimeError('no benchmark')", encoding="utf-8")
    monkeypatch.setattr(tasks, "__path__", [*tasks.__path__, str(tmp_path)])
    benchmarks.cache_clear()
    yield
    benchmarks.cache_clear()
    sys.modules.pop("tale_eval.tasks.coin", None)
    vars(tasks).pop("coin", None)


@pytest.mark.usefixtures("one_file_more")
def test_a_benchmark_more_is_one_file() -> None:
    assert set(benchmarks()) == {*OURS, "coin"}
    assert benchmarks().origin("coin") == "tale_eval.tasks.coin"
    assert task_arguments("coin/tails") == ("tale_eval/coin", {"side": "tails"})
    assert evaluation_questions(["coin/tails"]) == [words(TAILS)]
    assert "coin: cc0-1.0" in card_of("coin")
    assert "| `coin` | `side` | 2 | written by hand | cc0-1.0 |" in table(benchmarks().values())
    with pytest.raises(UnknownNameError, match=r"argument of task coin 'sied'.*'side'"):
        combinations(["coin:sied=tails"], ["cot"], ["mockllm/model"])
    with pytest.raises(InvalidValueError, match="coin takes at most 1 part"):
        task_arguments("coin/tails/up")


# --- somebody else's package ----------------------------------------------------------


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with a benchmark, a broken one, one that is none, and one of a taken name."""
    files = {
        "toys/__init__.py": "",
        "toys/coin.py": TOY.replace("TASK", "toys/coin"),
        "toys/broken.py": "raise OSError('the dice are gone')",
    }
    points = {
        "tale_eval.benchmarks": {
            "coin": "toys.coin:BENCHMARK",
            "dice": "toys.broken:BENCHMARK",
            "sides": "toys.coin:SIDES",
            "gsm8k": "toys.coin:BENCHMARK",
        },
        "inspect_ai": {"toys": "toys.coin"},
    }
    return install(tmp_path_factory.mktemp("toys"), "toys", files, points)


FOUND = """
import json
from tale_eval.errors import TaleEvalError
from tale_eval.matrix import Combination, combinations, command
from tale_eval.tasks import benchmarks, licence, task_arguments

def error(task):
    try:
        combinations([task], ["cot"], ["mockllm/model"])
    except TaleEvalError as refused:
        return f"{type(refused).__name__}: {refused}"

names = ["dice", "sides", "gsm8k", "coin:sied=tails", "coin/tails", "coin:method=cot", "mathbench"]
print(json.dumps({
    "names": list(benchmarks()),
    "origin": benchmarks().origin("coin"),
    "named": task_arguments("coin/tails"),
    "command": command(Combination("coin/tails", "cot", "mockllm/model"), "logs", [])[3:],
    "licence": licence("coin"),
    "errors": {name: error(name) for name in names},
}))
"""


@pytest.fixture(scope="module")
def found(toys: Path) -> Any:
    """What a process finds with that package installed."""
    return json.loads(python(toys, FOUND))


def test_another_packages_benchmark_is_used_like_ours(found: Any) -> None:
    assert found["names"] == [*OURS, "dice", "coin", "sides"]
    assert found["named"] == ["toys/coin", {"side": "tails"}]
    assert found["command"] == [
        *("eval-set", "toys/coin", "--model", "mockllm/model"),
        *("--log-dir", "logs/coin_tails/cot/mockllm_model"),
        *("-T", 'method="cot"', "-T", "side=tails"),
    ]
    assert found["origin"] == "toys.coin:BENCHMARK of toys 1.0"
    assert found["licence"] == "cc0-1.0"
    assert found["errors"]["coin/tails"] is None
    assert found["errors"]["coin:method=cot"] == (
        "InvalidValueError: task 'coin:method=cot': the method is named by --method cot"
    )
    assert found["errors"]["coin:sied=tails"].startswith(
        "UnknownNameError: unknown argument of task coin 'sied'; allowed: side, source."
    )


def test_a_benchmark_that_cannot_be_imported_stops_only_itself(found: Any) -> None:
    assert found["errors"]["dice"] == (
        "InvalidValueError: benchmark 'dice' of toys.broken:BENCHMARK of toys 1.0 cannot be used "
        "(OSError: the dice are gone); mend or uninstall that package"
    )
    assert found["errors"]["mathbench"] is None


def test_an_entry_point_that_names_no_benchmark_is_refused(found: Any) -> None:
    assert (
        "benchmark 'sides' of toys.coin:SIDES of toys 1.0 cannot be used (TypeError: expected a "
        "tale_eval.datasets.benchmark.Benchmark, got ('heads', 'tails'))"
    ) in found["errors"]["sides"]


def test_two_benchmarks_of_one_name_are_refused_with_both_origins(found: Any) -> None:
    assert found["errors"]["gsm8k"] == (
        "InvalidValueError: 2 benchmarks are called 'gsm8k': tale_eval.tasks.gsm8k and "
        "toys.coin:BENCHMARK of toys 1.0; rename or uninstall one"
    )


# --- whatever it does -----------------------------------------------------------------


def sample(**changed: Any) -> Sample:
    metadata = {"benchmark": "b", "subset": "all", "kind": "cloze", "language": "en"}
    more = {key: changed.pop(key) for key in [*changed] if key in Sample.model_fields}
    kept = {key: value for key, value in (metadata | changed).items() if value is not None}
    return Sample(input="?", target="1", metadata=kept, **more)


@pytest.mark.parametrize(
    ("loaded", "message"),
    [
        ([sample(), sample(subset=None)], "question 2: metadata 'subset' is not there; give it a"),
        ([sample(benchmark=None)], "question 1: metadata 'benchmark' is not there; .*make_sample"),
        ([sample(kind="free")], "metadata 'kind' is 'free'; give it one of cloze, choice"),
        ([sample(language="fr")], "metadata 'language' is 'fr'; give it one of en, cn"),
        ([sample(language=None)], "metadata 'language' is not there; give it one of en, cn"),
        ([sample(subset=5)], "metadata 'subset' is 5; give it a text"),
        ([sample(kind="choice")], "'kind' is 'choice', and it has 0 choices"),
        ([sample(choices=["1", "2"])], "'kind' is 'cloze', and it has 2 choices"),
        ([Sample(input="?")], "question 1: metadata 'benchmark' is not there"),
        ([{"input": "?"}], "returns Inspect's samples, and this is {'input': '[?]'}"),
        ([], "has no questions"),
        (None, "returns Inspect's samples, and this is None"),
    ],
)
def test_samples_that_say_too_little_are_refused_with_what_is_missing(
    loaded: Any, message: str
) -> None:
    benchmark = Benchmark("b", "B", "mit", "by hand", "1", lambda: loaded)
    with pytest.raises(InvalidValueError, match=f"^benchmark b.*{message}"):
        benchmark.samples()
    with pytest.raises(InvalidValueError, match=r"^this task"):
        benchmark_task(loaded, method="cot", version="1-A")


def test_samples_without_an_id_are_numbered_as_inspect_numbers_them() -> None:
    benchmark = Benchmark("b", "B", "mit", "by hand", "2", lambda: iter([sample(), sample()]))
    assert [found.id for found in benchmark.samples()] == [1, 2]
    named = Benchmark("b", "B", "mit", "by hand", "1", lambda: [sample(id="b-1")])
    assert [found.id for found in named.samples()] == ["b-1"]


def test_a_loader_that_fails_is_named_and_errors_of_ours_stay() -> None:
    def broken(side: str = "heads") -> list[Sample]:
        check_name("side", side, ["heads"])
        raise ZeroDivisionError("no coins")

    benchmark = Benchmark("b", "B", "mit", "by hand", "1", broken)
    cannot = r"^benchmark b: its questions cannot be loaded \(ZeroDivisionError: no coins\)$"
    with pytest.raises(SourceError, match=cannot):
        benchmark.samples()
    with pytest.raises(UnknownNameError, match="unknown side 'tails'"):
        benchmark.samples(side="tails")


@pytest.mark.parametrize("name", ["a/b", "a:b", "", " ", ".."])
def test_a_benchmarks_name_is_one_that_a_file_could_have(name: str) -> None:
    with pytest.raises(InvalidValueError, match="a name has letters, digits"):
        described(name)


POOR = """
from inspect_ai.dataset import Sample
from tale_eval import Benchmark

def fails():
    raise OSError("the coins are gone")

def bare():
    return [Sample("?", target="1")]

FAILS = Benchmark("fails", "F", "mit", "by hand", "1", fails)
BARE = Benchmark("bare", "B", "mit", "by hand", "1", bare)
"""
ASKED_OF_THEM = """
import json
from tale_eval.lm_eval_ext.documents import documents
from tale_eval.tasks import benchmarks
from tale_eval.training.candidates import evaluation_questions

def said(ask):
    try:
        ask()
    except (ValueError, OSError) as error:
        return f"{type(error).__name__}: {error}"

print(json.dumps({
    "other": said(lambda: benchmarks()["other"]),
    "documents": {
        name: said(lambda: documents({"benchmark": name, "method": "cot"}))
        for name in ("fails", "bare")
    },
    "against": {
        name: said(lambda: evaluation_questions([name])) for name in ("fails", "bare")
    },
}))
"""


def test_another_packages_mistakes_are_one_line_in_lm_eval_and_beside_a_corpus(
    tmp_path: Path,
) -> None:
    points = {"fails": "poor:FAILS", "bare": "poor:BARE", "other": "poor:BARE"}
    site = install(tmp_path, "poor", {"poor.py": POOR}, {"tale_eval.benchmarks": points})
    said = json.loads(python(site, ASKED_OF_THEM))
    expected = {
        "fails": "SourceError: benchmark fails: its questions cannot be loaded (OSError: the "
        "coins are gone)",
        "bare": "InvalidValueError: benchmark bare, question 1: metadata 'benchmark' is not "
        "there; give it a text, as tale_eval.datasets.samples.make_sample does",
    }
    assert said["documents"] == said["against"] == expected
    assert "'other' names the benchmark 'bare'; call the entry point, or the file" in said["other"]


@pytest.mark.slow
def test_another_packages_benchmark_runs_in_the_matrix(
    toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", path_with(toys))
    with chat_server(lambda prompt, request: Reply("[[0]]", output_tokens=3)) as server:
        for name, value in server.variables.items():
            monkeypatch.setenv(name, value)
        arguments = ["compare", "coin/tails", "--method", "direct", "--model", LOOP]
        done = run_tale_eval(*arguments, "--log-dir", tmp_path / "logs", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (info,) = list_eval_logs(str(tmp_path / "logs"))
    log = read_eval_log(info)
    assert (log.status, log.eval.task) == ("success", "toys/coin")
    (asked,) = log.samples or []
    assert asked.input == TAILS
    assert values(asked)["correct"] == 1
    assert (log.eval.metadata or {})["method"] == "direct"
