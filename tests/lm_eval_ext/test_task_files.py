"""The task files: written when they are asked for, from the same registries as everything else."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from command import lm_eval, lm_eval_samples, one_line
from questions import gsm8k_file

from tale_eval.errors import InvalidValueError, OutputError
from tale_eval.lm_eval_ext.documents import documents, plans
from tale_eval.lm_eval_ext.task_files import TEMPLATES, task_files, task_folder
from tale_eval.solvers import methods
from tale_eval.tasks import benchmarks


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache."""
    monkeypatch.setenv("TALE_EVAL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def contents() -> dict[str, dict[str, Any]]:
    """Every written file but the templates, by its name."""
    problems: list[str] = []
    texts = task_files(problems)
    assert problems == []
    return {n: yaml.safe_load(t) for n, t in texts.items() if not n.startswith("_")}


def test_a_task_is_a_benchmark_and_a_method_as_compare_takes_them() -> None:
    written = contents()["tale_mathbench_college_en_budget.yaml"]
    assert written["include"] == "_answer.yaml"
    tale = written["dataset_kwargs"]["tale"]
    del tale["version"]
    assert tale == {
        "benchmark": "mathbench",
        "level": "college",
        "language": "en",
        "method": "budget",
    }


def test_every_benchmark_has_every_method_and_a_group() -> None:
    written = contents()
    tasks = {c["task"] for c in written.values() if "dataset_kwargs" in c}
    groups = {c["group"]: c["task"] for c in written.values() if "group" in c}
    assert set(plans()) == {*methods()} - {"budget_search"}
    for name in benchmarks():
        for method in plans():
            assert f"tale_{name}_{method}" in tasks | groups.keys()
        assert groups[f"tale_{name}"] == [f"tale_{name}_{method}" for method in plans()]
    (unweighted,) = groups["tale_mathbench_cot"]
    assert len(unweighted["task"]) == 17
    assert set(unweighted["task"]) <= tasks


def test_the_names_of_version_0_1_0_are_there_and_say_their_new_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    written = contents()
    old, new = (written[f"tale_gsm8k_{name}.yaml"] for name in ("ep", "tale_ep"))
    assert old["tag"] == "tale_old_names"
    tale = old["dataset_kwargs"]["tale"]
    assert tale == new["dataset_kwargs"]["tale"] | {"renamed": "tale_gsm8k_tale_ep"}
    (unweighted,) = written["tale_mathbench_ep.yaml"]["task"]
    assert "tale_mathbench_middle_cn_ep" in unweighted["task"]
    documents(tale, tale_source=str(gsm8k_file(tmp_path, 1)), models_of_tale_eval=True)
    assert "this task is called tale_gsm8k_tale_ep now" in caplog.text


def test_a_second_call_gives_the_same_folder_and_writes_nothing(cache: Path) -> None:
    folder = task_folder()
    times = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert task_folder() == folder
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == times
    assert [folder] == [*(cache / "lm_eval_tasks").iterdir()]
    for template in TEMPLATES.glob("_*.yaml"):
        assert (folder / template.name).read_text() == template.read_text()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_text("task: another\n"),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\xff\xfe"),
    ],
    ids=["deleted", "changed", "emptied", "no text"],
)
def test_a_damaged_file_is_written_anew_and_no_other(
    cache: Path, damage: Callable[[Path], object]
) -> None:
    folder = task_folder()
    whole = {path: path.read_bytes() for path in folder.iterdir()}
    times = {path: path.stat().st_mtime_ns for path in whole}
    damaged = folder / "tale_gsm8k_cot.yaml"
    damage(damaged)
    assert task_folder() == folder
    assert {path: path.read_bytes() for path in folder.iterdir()} == whole
    changed = {path for path in whole if path.stat().st_mtime_ns != times[path]}
    assert changed == {damaged}
    assert [folder] == [*(cache / "lm_eval_tasks").iterdir()]


def test_a_damaged_file_that_cannot_be_written_is_named(cache: Path) -> None:
    damaged = task_folder() / "_answer.yaml"
    damaged.unlink()
    damaged.mkdir()
    with pytest.raises(OutputError, match=r"cannot write lm_eval's task files.*TALE_EVAL_CACHE"):
        task_folder()


@pytest.mark.slow
def test_a_task_that_is_not_there_is_one_line_with_what_may_be_meant(
    cache: Path, tmp_path: Path
) -> None:
    done = lm_eval(
        *("run", "--model", "dummy", "--tasks", "tale_gsm8k_cott"),
        cwd=tmp_path,
        variables={"TALE_EVAL_CACHE": str(cache)},
    )
    assert done.returncode == 2
    assert one_line(done.stderr, "error") == (
        "error: --tasks tale_gsm8k_cott: there is no such task; 'tale-eval lm-eval ls tasks' "
        "lists them. Did you mean 'tale_gsm8k_cot'?"
    )


def test_other_contents_have_another_folder(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = task_folder()
    monkeypatch.setattr("tale_eval.lm_eval_ext.task_files.__version__", "9.9.9")
    other = task_folder()
    assert other != folder
    assert "version: 9.9.9" in (other / "tale_gsm8k_cot.yaml").read_text()


def test_processes_that_write_at_once_get_one_whole_folder(cache: Path) -> None:
    command = [sys.executable, "-c"]
    command += ["from tale_eval.lm_eval_ext.task_files import task_folder; print(task_folder())"]

    def folder(_: int) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    with ThreadPoolExecutor(4) as pool:
        (only,) = set(pool.map(folder, range(4)))
    problems: list[str] = []
    assert {path.name for path in Path(only).iterdir()} == task_files(problems).keys()
    assert [Path(only)] == [*(cache / "lm_eval_tasks").iterdir()]


def test_a_cache_that_cannot_be_written_to_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TALE_EVAL_CACHE", str(tmp_path / "file"))
    with pytest.raises(OutputError, match=r"cannot write lm_eval's task files.*TALE_EVAL_CACHE"):
        task_folder()


def test_a_folder_that_another_version_wrote_says_so() -> None:
    tale = {"benchmark": "gsm8k", "method": "cot", "version": "0.0.9"}
    with pytest.raises(InvalidValueError, match=r"written by tale-eval 0\.0\.9, and .* anew"):
        documents(tale)


@pytest.mark.slow
def test_a_task_of_the_users_own_includes_a_template(tmp_path: Path) -> None:
    """As the comment in tasks/harness/_tale.yaml says."""
    path = lm_eval("--path", cwd=tmp_path).stdout.strip()
    (tmp_path / "mine.yaml").write_text(
        f"include: {path}/_answer.yaml\n"
        "task: my_short_chain_of_thought\n"
        "dataset_kwargs:\n"
        '  tale: {benchmark: gsm8k, method: "budget:tokens=30:style=answer_last"}\n'
    )
    done = lm_eval(
        *("run", "--model", "dummy", "--include_path", tmp_path),
        *("--tasks", "my_short_chain_of_thought"),
        *("--metadata", f"tale_source={gsm8k_file(tmp_path, 2)}"),
        *("--output_path", tmp_path / "out", "--log_samples"),
        cwd=tmp_path,
        plain=True,
    )
    assert done.returncode == 0, done.stderr
    rows = lm_eval_samples(tmp_path, "my_short_chain_of_thought")
    assert {row["doc"]["method"] for row in rows} == {"budget:tokens=30:style=answer_last"}
    assert "use less than 30 tokens" in rows[0]["doc"]["prompt"]
