"""`inspect eval` with our tasks and solvers: by path, by name, installed, and mistaken."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import REPOSITORY, inspect, inspect_eval
from inspect_ai.log import EvalLog
from questions import asks_for_budget, gsm8k_file, number_in
from server import ChatServer, Reply, chat_server

pytestmark = pytest.mark.slow


def right_if_even(prompt: str, request: dict[str, Any]) -> Reply:
    """Budget the question at 30 tokens; answer it rightly if its number is even."""
    if asks_for_budget(prompt):
        return Reply("Budget: [[30]]", output_tokens=6)
    n = number_in(prompt)
    return Reply(f"{n} and {n} make [[{2 * n + n % 2}]]", output_tokens=12)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with chat_server(right_if_even) as running:
        yield running


def scores(log: EvalLog) -> dict[str | int, Any]:
    """The scores of every sample, without the seconds, which are never twice the same."""
    values = {}
    for sample in log.samples or []:
        (score,) = (sample.scores or {}).values()
        assert isinstance(score.value, dict)
        values[sample.id] = {k: str(v) for k, v in score.value.items() if k != "seconds"}
    return values


BY_NAME = ("tale_eval/gsm8k", "--solver", "tale_eval/tale_ep")
BY_PATH = ("tasks/gsm8k.py", "--solver", "solvers/tale_ep.py")


def test_paths_in_the_checkout_and_registered_names_give_the_same_scores(
    server: ChatServer, tmp_path: Path
) -> None:
    source = ("-T", f"source={gsm8k_file(tmp_path, 3)}")
    (named,) = inspect_eval(server, *BY_NAME, *source, cwd=tmp_path, log_dir=tmp_path / "named")
    (pathed,) = inspect_eval(server, *BY_PATH, *source, cwd=REPOSITORY, log_dir=tmp_path / "path")
    assert (named.eval.task, pathed.eval.task) == ("tale_eval/gsm8k", "gsm8k")
    assert scores(named) == scores(pathed)
    assert [s["correct"] for s in scores(named).values()] == ["1", "0", "1"]


@pytest.mark.parametrize(
    ("flags", "answer_settings", "estimate_settings"),
    [
        pytest.param(
            [],
            {"temperature": 0.1, "seed": 1024, "max_tokens": 1024},
            {"temperature": 0.1, "seed": 1024, "max_tokens": 256},
            id="the paper's settings by default",
        ),
        pytest.param(
            ["--temperature", 0.7, "--max-tokens", 50, "--seed", 7],
            {"temperature": 0.7, "seed": 7, "max_tokens": 50},
            {"temperature": 0.7, "seed": 7, "max_tokens": 256},
            id="the user's flags win",
        ),
    ],
)
def test_generation_settings_that_reach_the_model(
    flags: list[object],
    answer_settings: dict[str, float],
    estimate_settings: dict[str, float],
    server: ChatServer,
    tmp_path: Path,
) -> None:
    source = ("-T", f"source={gsm8k_file(tmp_path, 1)}")
    inspect_eval(server, *BY_NAME, *source, *flags, cwd=tmp_path, log_dir=tmp_path / "logs")
    estimate, answer = server.requests
    assert answer_settings.items() <= answer.items()
    assert estimate_settings.items() <= estimate.items()


MISTAKES = [
    ("tale_eval/gsm8k -T method=tale_epp", "unknown method 'tale_epp'; allowed: direct, cot"),
    ("tale_eval/gsm8k -T method=budget", "method budget: missing a required argument: 'tokens'"),
    ("tale_eval/gsm8k -T method=budget:tokens", "write 'tokens' as tokens=VALUE"),
    ("tale_eval/gsm8k -T method=budget:tokens=0", "tokens=0: a budget is a whole number from 1"),
    ("tale_eval/gsm8k -T method=budget:tokens=2.5", "tokens=2.5: Input should be a valid integer"),
    ("tale_eval/gsm8k -T method=cot:stile=paper", "unknown argument of method cot 'stile'"),
    ("tale_eval/gsm8k -T method=cot:style=papr", "unknown style 'papr'; allowed: paper, answer"),
    ("tale_eval/gsm8k --solver tale_eval/budget", "missing a required argument: 'tokens'"),
    ("tale_eval/gsm8k --solver tale_eval/cot -S stile=paper", "unexpected keyword argument 'stile'"),
    ("tale_eval/gsm8k -T split=dev", "unknown split of gsm8k 'dev'; allowed: test, train"),
    ("tale_eval/gsm8k -T source=nowhere", "source='nowhere': there is no"),
    ("tale_eval/gsm8k -T source=broken.jsonl", "broken.jsonl:2: not valid JSON"),
    ("tale_eval/gsm8k -T source=empty.jsonl", "empty.jsonl holds no rows"),
    ("tale_eval/mathbench -T level=collage", "Did you mean 'college'?"),
    ("tale_eval/mathbench -T language=fr", "unknown language of mathbench 'fr'; allowed: all, en"),
    ("tale_eval/gpqa -T subset=platinum", "unknown subset of gpqa 'platinum'; allowed: diamond"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_mistake_ends_in_one_plain_message(arguments: str, message: str, tmp_path: Path) -> None:
    gsm8k_file(tmp_path, 1)
    (tmp_path / "broken.jsonl").write_text('{"question": "?", "answer": "#### 1"}\n{"question"\n')
    (tmp_path / "empty.jsonl").write_text("\n")
    source = [] if "source=" in arguments else ["-T", "source=gsm8k.jsonl"]
    model = ["--model", "mockllm/model", "--display", "plain"]
    done = inspect("eval", *arguments.split(), *source, *model, cwd=tmp_path)
    printed = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == 1
    assert "ERROR: " in printed
    # the terminal may break a path where it likes
    assert message.replace(" ", "") in printed.replace(" ", "")
    assert "Traceback" not in printed


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from this checkout, with hatchling from the package index."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", REPOSITORY, "--no-deps", "-w", folder]
    done = subprocess.run(build, capture_output=True, text=True, check=False)
    if "No matching distribution found for hatchling" in done.stderr:
        pytest.skip("hatchling cannot be had: no package index")
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_one_package_and_runs_by_name_in_an_empty_folder(
    wheel: Path, server: ChatServer, tmp_path: Path
) -> None:
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    assert sorted(p.name.partition("-")[0] for p in site.iterdir()) == ["tale_eval", "tale_eval"]
    assert {p.name for p in (site / "tale_eval").iterdir()} >= {"tasks", "solvers", "py.typed"}

    # the installed copy must come before an editable one
    variables = {"PYTHONPATH": str(site)}
    where = [sys.executable, "-c", "import tale_eval.tasks.gsm8k as m; print(m.__file__)"]
    found = subprocess.run(
        where, cwd=empty, env=os.environ | variables, capture_output=True, text=True, check=True
    )
    assert Path(found.stdout.strip()).is_relative_to(site)

    source = ("-T", f"source={gsm8k_file(tmp_path, 2)}")
    (log,) = inspect_eval(
        server, *BY_NAME, *source, cwd=empty, log_dir=tmp_path / "logs", variables=variables
    )
    assert [s["correct"] for s in scores(log).values()] == ["1", "0"]


def test_the_source_distribution_builds_the_same_wheel() -> None:
    raise NotImplementedError
