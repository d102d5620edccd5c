"""`tale-eval check`, and the check before `tale-eval compare`."""

from pathlib import Path

import pytest
from command import one_line
from inspect_ai.scorer import Target
from typer.testing import CliRunner

from tale_eval.cli import app
from tale_eval.cli.check import check_first
from tale_eval.errors import InvalidValueError, UnknownNameError
from tale_eval.inspect_ext.own_task import letters_of

TASKS = """
from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.scorer import Score, accuracy, match, model_graded_qa, scorer


def questions(size):
    return [Sample(f"What is {n} plus {n}?", target=str(2 * n)) for n in range(6, 6 + size)]


@task
def sums(size: int = 2):
    return Task(dataset=questions(size), scorer=match(numeric=True))


@task
def graded():
    return Task(dataset=questions(2), scorer=model_graded_qa())


@scorer(metrics=[accuracy()])
def shout():
    async def score(state, target):
        return Score(value="C" if state.output.completion == f"{target.text}!" else "I")

    return score


@task
def shouted():
    return Task(dataset=questions(2), scorer=shout())
"""


@pytest.fixture
def tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "foreign.py").write_text(TASKS)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["check", *arguments])
    return done.exit_code, done.output


@pytest.mark.usefixtures("tasks")
def test_a_score_that_tells_right_from_wrong_is_status_0() -> None:
    status, shown = run("foreign.py@sums", "--method", "cot", "--method", "tale_ep", "-T", "size=3")
    assert status == 0
    assert shown.count("12 → match C") == 2
    assert shown.count("14 → match I") == 2


@pytest.mark.usefixtures("tasks")
def test_an_argument_that_the_task_does_not_have_is_named() -> None:
    given = ("--method", "cot", "--method", "direct", "-T", "size=2", "-T", "sise=3")
    status, shown = run("foreign.py@sums", *given)
    assert status == 0
    assert shown.count("note: foreign.py@sums has no argument sise: left out") == 1


@pytest.mark.usefixtures("tasks")
def test_a_score_that_does_not_is_status_1() -> None:
    status, shown = run("foreign.py@shouted", "foreign.py@graded", "--method", "cot")
    assert status == 1
    assert "12 → shout I" in shown
    assert "NO" in shown
    assert "only a model grades it, and a check asks none" in shown


@pytest.mark.usefixtures("tasks")
@pytest.mark.parametrize(
    ("task", "reason"),
    [
        ("foreign.py@graded", "only a model grades it"),
        ("foreign.py@missing", "Task named 'missing' not found"),
    ],
)
def test_a_task_that_cannot_be_checked_is_status_3(task: str, reason: str) -> None:
    status, shown = run(task, "--method", "cot")
    assert status == 3
    assert f"note: {task} · cot: " in shown
    assert reason in shown


def test_a_mistake_in_the_command_is_named() -> None:
    with pytest.raises(UnknownNameError, match="'ct'"):
        check_first(["foreign.py@sums"], ["ct"], [])
    with pytest.raises(InvalidValueError, match="-T size: write an argument"):
        check_first(["foreign.py@sums"], ["cot"], ["-T", "size"])


@pytest.mark.usefixtures("tasks")
def test_a_comparison_does_not_start_on_a_score_that_tells_nothing_apart() -> None:
    with pytest.raises(InvalidValueError) as caught:
        check_first(["foreign.py@sums", "foreign.py@shouted"], ["cot"], ["--limit", "2"])
    message = str(caught.value)
    assert "foreign.py@shouted · cot: the right answer '12' scores shout I" in message
    assert "foreign.py@sums" not in message
    assert "--no-check" in message


@pytest.mark.usefixtures("tasks")
def test_a_comparison_without_the_check_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    monkeypatch.setattr(
        "tale_eval.matrix.running.run_cells", lambda *given: started.append(1) or []
    )
    command = ["compare", "foreign.py@shouted", "--method", "cot", "--model", "mockllm/model"]
    refused = CliRunner().invoke(app, command)
    assert isinstance(refused.exception, InvalidValueError)
    assert not started
    done = CliRunner().invoke(app, [*command, "--no-check"])
    assert done.exit_code == 0, done.output
    assert started


@pytest.mark.usefixtures("tasks")
def test_a_comparison_gives_the_task_its_arguments() -> None:
    with pytest.raises(InvalidValueError, match="'12'"):
        check_first(["foreign.py@shouted"], ["cot"], ["--limit", "1"])
    # one question has no other's answer for a wrong one; the next number is taken
    check_first(["foreign.py@sums"], ["cot"], ["-T", "size=1"])
    check_first(["foreign.py@sums:size=1"], ["cot"], ["-Tsize=2"])


@pytest.mark.usefixtures("tasks")
def test_what_cannot_be_checked_is_noted_and_the_comparison_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    check_first(["foreign.py@graded"], ["cot"], [])
    assert one_line(capsys.readouterr().err, "note").endswith(
        "foreign.py@graded · cot: not checked: only a model grades it, and a check asks none"
    )


def test_our_own_tasks_show_their_judgement_without_the_costs_beside_it() -> None:
    status, shown = run("chain_sum", "--method", "cot", "-T", "size=2")
    assert status == 0
    assert "tale.correct" in shown
    assert "tokens" not in shown


def test_our_own_tasks_need_no_check(capsys: pytest.CaptureFixture[str]) -> None:
    check_first(["chain_sum:size=3", "gsm8k"], ["cot"], [])
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("target", "letters"),
    [
        (["A"], ["A"]),
        (["A", "C"], ["A", "C"]),
        (["A,C"], ["A", "C"]),
        (["AC"], ["A", "C"]),
        (["12"], ["12"]),
    ],
)
def test_the_letters_of_a_target(target: list[str], letters: list[str]) -> None:
    assert letters_of(Target(target)) == letters
