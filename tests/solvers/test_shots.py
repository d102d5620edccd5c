"""Worked examples: which are shown, how they look, and that no question is its own example."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from command import lm_eval_on_server, lm_eval_samples
from evaluation import at, run, samples, values
from hypothesis import given, strategies as st
from inspect_ai import Task, eval
from inspect_ai.dataset import Sample
from inspect_ai.scorer import match
from reasoner import reasons
from server import Reply, chat_server

from tale_eval.asking.prompts import cot_prompt, direct_prompt
from tale_eval.asking.question import Question
from tale_eval.asking.shots import Shot, Shots, drafted, explained, question_hash
from tale_eval.datasets.benchmark import Benchmark
from tale_eval.datasets.examples import make_shots, offer, shots_for
from tale_eval.errors import InvalidValueError, RowError, SourceError
from tale_eval.solvers import method_solver, methods
from tale_eval.tasks import benchmarks
from tale_eval.tasks.chain_sum import chain_sum
from tale_eval.tasks.gsm8k import gsm8k

SHOTS = (Shot("What is 7 plus 7?", "7 and 7 make 14.", "14", "7 + 7 = 14"),)


def gsm8k_folder(folder: Path, asked: int = 3, training: int = 20) -> Path:
    """Questions 0 to asked - 1, and as many from 100 on to learn from."""
    for name, first, size in (("test", 0, asked), ("train", 100, training)):
        rows = [
            {
                "question": f"What is {n} plus {n}?",
                "answer": f"Take {n} twice: {n} + {n} = <<{n}+{n}={2 * n}>>{2 * n}.\n#### {2 * n}",
            }
            for n in range(first, first + size)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def examples_in(prompt: str) -> list[int]:
    """The numbers of a prompt's worked examples."""
    return [n for n in map(int, _numbers(prompt)) if n >= 100]


def _numbers(prompt: str) -> list[str]:
    return re.findall(r"What is (\d+) plus", prompt)


# --- how they look ------------------------------------------------------------------------


def test_an_example_is_asked_as_the_question_is_and_answered_in_its_format() -> None:
    asked = cot_prompt("What is 1 plus 1?", "cloze", "en", "bracketed", SHOTS, budget=50)
    trigger = "Let's think step by step and use less than 50 tokens:\n"
    first, second, _ = asked.split(trigger)
    assert first.startswith("Q: What is 7 plus 7?\nPlease Give the response")
    assert second.startswith("7 and 7 make 14.\nAnswer: [[14]].\n\nQ: What is 1 plus 1?\n")
    assert asked == (
        cot_prompt(SHOTS[0].question, "cloze", "en", "bracketed", budget=50)
        + "7 and 7 make 14.\nAnswer: [[14]].\n\n"
        + cot_prompt("What is 1 plus 1?", "cloze", "en", "bracketed", budget=50)
    )


@pytest.mark.parametrize(
    ("answer_format", "answer"),
    [
        ("bracketed", "Choice: [[B]]."),
        ("answer_line", "ANSWER: B"),
        ("boxed", "\\boxed{B}"),
        ("hashes", "#### B"),
        ("none", "The answer is B."),
    ],
)
def test_an_examples_answer_is_written_as_the_format_asks(answer_format: Any, answer: str) -> None:
    shown = (Shot("Which?\nA. 1\nB. 2\n", "It is 2.", "B"),)
    prompt = cot_prompt("How?\nA. 3\nB. 4\n", "choice", "en", answer_format, shown)
    assert f"It is 2.\n{answer}\n\nHow?\n" in prompt


def test_direct_answers_are_shown_without_their_reasoning() -> None:
    prompt = direct_prompt("What is 1 plus 1?", "cloze", "en", "bracketed", SHOTS)
    assert "7 and 7 make" not in prompt
    assert "Q: What is 7 plus 7?\nAnswer: [[14]].\n\nPlease answer" in prompt


def test_chain_of_draft_shows_drafts_as_its_authors_do() -> None:
    plan = methods()["chain_of_draft"].plan({})
    question = Question("What is 1 plus 1?", "cloze", "en", "hashes", SHOTS)
    ask = next(plan.steps(question))
    assert ask.words(question).endswith(
        "separator ####.\n\nQ: What is 7 plus 7?\nA: 7 + 7 = 14. #### 14\n\n"
        "Q: What is 1 plus 1?\nA: \n"
    )


def test_a_worked_solution_loses_its_notes_and_its_calculations_are_a_draft() -> None:
    # GSM8K's own marks of what was calculated
    solution = "She sold 48/2 = <<48/2=24>>24 in May.\nAltogether 48+24 = <<48+24=72>>72."
    assert explained(solution) == "She sold 48/2 = 24 in May.\nAltogether 48+24 = 72."
    assert drafted(solution) == "48 / 2 = 24; 48 + 24 = 72"
    # without marks, its equations
    assert drafted("He buys 28 x 4 = 112, so 132 - 112 = 20 are left.") == (
        "28 x 4 = 112; 132 - 112 = 20"
    )
    assert drafted("It is obvious.") is None


# --- which are shown ----------------------------------------------------------------------

POOL = tuple(Shot(f"What is {n} plus {n}?", "", str(2 * n)) for n in range(30))


def test_all_questions_have_the_same_examples_but_none_has_itself() -> None:
    shots = Shots(3, seed=5)
    first, second, third, next_one = candidates = shots.candidates(POOL)
    assert shots.drawn("What is 99 plus 99?", candidates) == (first, second, third)
    assert shots.drawn(second.question, candidates) == (first, third, next_one)


@given(st.integers(0, 29), st.integers(1, 29), st.integers(0, 10_000))
def test_no_question_is_its_own_example_however_it_is_spaced(
    asked: int, count: int, seed: int
) -> None:
    question = f"  what IS {asked}\nplus {asked}? "
    shots = Shots(count, seed)
    shown = shots.drawn(question, shots.candidates(POOL + POOL))
    assert len({shot.question for shot in shown}) == count
    assert question_hash(question) not in {shot.content for shot in shown}


def test_another_seed_draws_others() -> None:
    drawn = {Shots(3, seed).candidates(POOL) for seed in range(10)}
    assert len(drawn) == 10


def of_split(number: int, split: str) -> Sample:
    return Sample(
        f"What is {number} plus {number}?",
        target=str(2 * number),
        id=f"{split}-{number}",
        metadata={
            "benchmark": "made_up",
            "subset": split,
            "kind": "cloze",
            "language": "en",
            "solution": f"{number} + {number} = {2 * number}",
        },
    )


def test_a_question_of_the_test_split_is_no_example_for_any_other() -> None:
    asked = [of_split(n, "test") for n in range(5)]
    # questions 3 and 4 stand in both splits
    offer(asked, lambda: [of_split(n, "train") for n in range(3, 8)])
    shown = shots_for("What is 0 plus 0?", Shots(3), "made_up", "test")
    assert {shot.answer for shot in shown} == {"10", "12", "14"}
    with pytest.raises(InvalidValueError, match="shots=4: the training split holds 3 worked"):
        shots_for("What is 0 plus 0?", Shots(4), "made_up", "test")


def test_where_the_training_split_is_asked_each_question_leaves_out_itself() -> None:
    training = [of_split(n, "train") for n in range(4)]
    offer(training, lambda: training)
    shown = shots_for("What is 2 plus 2?", Shots(3), "made_up", "train")
    assert {shot.answer for shot in shown} == {"0", "2", "6"}


def test_examples_without_a_solution_and_drafts_without_a_calculation_are_not_shown() -> None:
    bare, told = of_split(1, "train"), of_split(2, "train")
    assert bare.metadata is not None
    assert told.metadata is not None
    bare.metadata["solution"], told.metadata["solution"] = "", "Two and two are four."
    offer([of_split(0, "test")], lambda: [bare, told, of_split(3, "train")])
    assert len(shots_for("x", Shots(2), "made_up", "test")) == 2
    with pytest.raises(InvalidValueError, match="shots=2: the training split holds 1 worked"):
        shots_for("x", Shots(2, drafts=True), "made_up", "test")


@pytest.mark.parametrize("name", ["gsm8k_zero", "mathbench", "gpqa"])
def test_benchmarks_without_a_training_split_say_so(name: str) -> None:
    assert benchmarks()[name].training_split() is None


def test_a_generated_benchmark_shows_questions_of_its_own_kind_with_their_steps() -> None:
    arguments: dict[str, Any] = {"size": 3, "terms": 3, "digits": 2}
    split = benchmarks()["chain_sum"].training_split(**arguments)
    assert split is not None
    asked = {s.input for s in benchmarks()["chain_sum"].samples(**arguments)}
    shown = split()
    assert len(shown) == 200
    assert not asked & {s.input for s in shown}
    solution = (shown[0].metadata or {})["solution"]
    assert len(solution.splitlines()) == 2
    assert solution.endswith(f"= {shown[0].target}")


# --- a file of the user's -----------------------------------------------------------------


def write(folder: Path, *rows: dict[str, Any]) -> str:
    file = folder / "shots.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(file)


def test_a_file_is_shown_whole_in_its_order_or_drawn_from(tmp_path: Path) -> None:
    rows = [{"question": f"Q{n}", "reasoning": f"R{n}", "answer": f"{n}"} for n in range(5)]
    file = write(tmp_path, *rows)
    whole = make_shots(0, file)
    assert whole is not None
    assert [shot.answer for shot in shots_for("x", whole, "", "")] == ["0", "1", "2", "3", "4"]
    assert [shot.answer for shot in shots_for(" q2", whole, "", "")] == ["0", "1", "3", "4"]
    assert len(shots_for("x", make_shots(2, file), "", "")) == 2
    assert make_shots(0) is None


def test_a_files_options_stand_in_the_question(tmp_path: Path) -> None:
    row = {"question": "Which?", "options": ["1", "2"], "reasoning": "It is.", "answer": "B"}
    shots = make_shots(1, write(tmp_path, row))
    assert shots is not None
    assert shots.file == (Shot("Which?\nA. 1\nB. 2\n", "It is.", "B", "It is."),)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "Q"}, r"shots.jsonl:2: field 'answer': missing; this row has question"),
        ({"question": "Q", "answer": 4}, r":2: field 'answer': expected a text, got 4"),
        ({"question": " ", "answer": "4"}, r":2: field 'question': empty"),
        (
            {"question": "Q", "answer": "4", "solution": "S"},
            r":2: field 'solution': not known; a worked example has question, reasoning, answer",
        ),
        (
            {"question": "Q", "answer": "A", "options": "1, 2"},
            r":2: field 'options': expected a list",
        ),
    ],
)
def test_a_row_of_another_shape_is_named_by_its_line(
    row: dict[str, Any], message: str, tmp_path: Path
) -> None:
    good = {"question": "Q", "answer": "4"}
    with pytest.raises(RowError, match=message):
        make_shots(0, write(tmp_path, good, row))


def test_too_few_rows_and_no_file_are_named(tmp_path: Path) -> None:
    file = write(tmp_path, {"question": "Q", "answer": "4"})
    with pytest.raises(InvalidValueError, match=r"shots=3: .* holds 1 worked examples; ask for at"):
        make_shots(3, file)
    with pytest.raises(SourceError, match=r"cannot read .*none.jsonl"):
        make_shots(0, str(tmp_path / "none.jsonl"))


# --- in both harnesses --------------------------------------------------------------------

SHOWING = {"cot": "cot:shots=2", "budget": "budget:tokens=50:shots=2"} | {
    "chain_of_draft": "chain_of_draft:shots=2"
}


def test_both_harnesses_show_the_same_examples_and_none_of_the_test(tmp_path: Path) -> None:
    folder = gsm8k_folder(tmp_path)
    with chat_server(reasons) as server:
        tasks = [gsm8k(source=str(folder), method=method) for method in SHOWING.values()]
        logs = eval(tasks, at(server), log_dir=str(tmp_path / "logs"), display="none")
        inspects = server.prompts()
    with chat_server(reasons) as server:
        lm_eval_on_server(
            server,
            tmp_path,
            ",".join(f"tale_gsm8k_{name}" for name in SHOWING),
            *("--metadata", f"tale_source={folder}", "tale_shots=2"),
        )
        lm_evals = server.prompts()
    assert sorted(inspects) == sorted(lm_evals)
    assert all(len(examples_in(prompt)) == 2 for prompt in inspects)
    assert len({tuple(examples_in(prompt)) for prompt in inspects}) == 1
    for (name, method), log in zip(SHOWING.items(), logs, strict=True):
        rows = {row["doc"]["id"]: row for row in lm_eval_samples(tmp_path, f"tale_gsm8k_{name}")}
        for sample in samples(log):
            row = rows[sample.id]
            assert row["doc"]["method"] == sample.store["TaleRecord:method"] == method
            assert row["filtered_resps"] == [sample.output.completion]
            assert (row["correct"], values(sample)["correct"]) == (1, 1)


def test_a_generated_benchmark_and_another_seed_of_examples(tmp_path: Path) -> None:
    prompts = []
    for seed in (1, 2):
        task = chain_sum(size=2, method=f"cot:shots=3:shots_seed={seed}")
        with chat_server(lambda prompt, request: Reply("[[1]]")) as server:
            run(server, task, tmp_path)
        prompts.append(server.prompts())
    # the format line's own example too, in each of the four
    assert all(prompt.count("Answer: [[") == 3 + 4 for prompt in prompts[0])
    assert prompts[0] != prompts[1]


def somebody() -> Task:
    return Task([Sample("What is 3 plus 3?", target="6")], scorer=match(numeric=True))


def test_other_peoples_tasks_take_a_users_file_and_say_so_where_there_is_none(
    tmp_path: Path,
) -> None:
    shown = {"question": "What is 7 plus 7?", "reasoning": "Add.", "answer": "14"}
    asked = {"question": " what is 3 plus 3?", "reasoning": "Leak.", "answer": "6"}
    file = write(tmp_path, shown, asked)
    with chat_server(reasons) as server:
        (log,) = eval(
            somebody(),
            at(server),
            solver=method_solver(f"cot:shots_file={file}"),
            log_dir=str(tmp_path),
            display="none",
        )
        assert samples(log)
        assert "Add.\nANSWER: 14\n\nQ: What is 3 plus 3?" in server.prompts()[0]
        # the file holds the question that is asked
        assert "Leak" not in server.prompts()[0]
        (log,) = eval(
            somebody(),
            at(server),
            solver=method_solver("cot:shots=2"),
            log_dir=str(tmp_path),
            display="none",
        )
    (sample,) = log.samples or []
    assert sample.error is not None
    assert "shots=2: this task has no training split that is known here" in sample.error.message


def test_a_benchmark_of_others_offers_its_training_split_too() -> None:
    made_up = Benchmark(
        name="made_up",
        title="Made up",
        licence="mit",
        source="here",
        rows="2",
        load=lambda: [of_split(1, "test")],
        training=lambda: [of_split(2, "train")],
    )
    split = made_up.training_split()
    assert split is not None
    assert [sample.id for sample in split()] == ["train-2"]
