"""lm_eval's files as anybody may have left them: read as far as they go, the rest is named."""

import json
from pathlib import Path
from typing import Any

import pytest

from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.grading.choice import ScoreChoice
from tale_eval.lm_eval_ext.samples import SAMPLE_FILES, read_sample_files
from tale_eval.places import find_files
from tale_eval.records import Record

DATE = "2026-01-01T00-00-00.000000"
FOREIGN: dict[str, Any] = {
    "doc": {"question": "?"},
    "filter": "none",
    "doc_hash": "h",
    "exact_match": 1.0,
}
OURS: dict[str, Any] = {
    "doc": {"prompt_version": "1", "task": "gsm8k", "method": "cot", "id": "q"},
    "calls": [{"purpose": "answer", "model": "m", "counted_by": "provider", "output_tokens": 5}],
    "correct": 1,
}
RESULTS = {"config": {"model": "hf", "model_args": {"pretrained": "gpt2"}}}


def read(folder: Path, samples: bytes, results: object = RESULTS) -> tuple[list[Record], list[str]]:
    """The records and problems of one run; whatever is read can be counted, too."""
    (folder / f"samples_t_{DATE}.jsonl").write_bytes(samples)
    (folder / f"results_{DATE}.json").write_text(json.dumps(results))
    problems: list[str] = []
    (names,) = find_files([str(folder)], [SAMPLE_FILES], problems)
    records, settings = read_sample_files(names, None, problems)
    assert len(leaderboard(records)) == len(settings) == bool(records)
    return records, problems


def line(row: object) -> bytes:
    """As lm_eval writes a row."""
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\u0085", "\x0b", "\x1c"])
def test_a_reply_may_hold_what_only_python_takes_for_the_end_of_a_line(
    separator: str, tmp_path: Path
) -> None:
    reply = {"resps": [[f"a{separator}b"]]}
    records, problems = read(tmp_path, line(OURS | reply) + line(OURS | reply))
    assert (len(records), problems) == (2, [])


@pytest.mark.parametrize(
    "results",
    [
        [],
        {"config": None},
        {"config": ["x"]},
        {"config": {"model": "hf", "model_args": 7}},
        RESULTS | {"configs": None},
        RESULTS | {"configs": {"t": [1]}},
        RESULTS | {"configs": {"t": {"generation_kwargs": ["x"]}}},
        RESULTS | {"versions": 1},
    ],
    ids=str,
)
def test_an_aggregate_file_of_another_shape_costs_the_models_name_alone(
    results: object, tmp_path: Path
) -> None:
    (record,), (problem,) = read(tmp_path, line(OURS), results)
    assert (record.model, record.correct) == ("unknown (lm-eval)", 1)
    assert f"results_{DATE}.json: cannot be read, so the model of " in problem
    assert "\n" not in problem


@pytest.mark.parametrize("arguments", [{"pretrained": "gpt2"}, "pretrained=gpt2,dtype=float", None])
def test_the_models_arguments_are_a_table_or_as_they_were_typed(
    arguments: Any, tmp_path: Path
) -> None:
    (record,), problems = read(
        tmp_path, line(OURS), {"config": {"model": "hf", "model_args": arguments}}
    )
    assert record.model == ("hf/gpt2 (lm-eval)" if arguments else "hf (lm-eval)")
    assert problems == []


@pytest.mark.parametrize(
    "bad",
    [
        b'{"doc": "\xe9"}\n',
        b"{\n",
        b"[1]\n",
        b"[" * 100_000 + b"\n",
        *map(
            line,
            [
                FOREIGN | {"exact_match": 10**400},
                FOREIGN | {"exact_match": float("nan")},
                FOREIGN | {"exact_match": "maybe"},
                FOREIGN | {"exact_match": [1]},
                OURS | {"correct": "yes"},
                OURS | {"doc": {**OURS["doc"], "method": {}}},
                OURS | {"budget": "x"},
                OURS | {"calls": 5},
                OURS | {"calls": [{**OURS["calls"][0], "output_tokens": 10**400}]},
            ],
        ),
    ],
    ids=lambda bad: bad[:40].decode(errors="replace") + "…" + bad[-30:].decode(errors="replace"),
)
def test_a_row_of_another_shape_is_named_and_the_others_count(bad: bytes, tmp_path: Path) -> None:
    (record,), (problem,) = read(tmp_path, bad + line(OURS))
    assert record.sample_id == "q"
    assert f"samples_t_{DATE}.jsonl:1: not a sample of lm_eval's (" in problem
    assert "\n" not in problem


def test_a_row_of_an_old_version_has_no_filter_and_perhaps_no_hash(tmp_path: Path) -> None:
    old = {"doc": {"question": "?"}, "doc_id": 4, "exact_match": 0.0}
    rows = [FOREIGN | {"filter": None}, old, {**old, "doc_hash": "h2"}]
    del rows[0]["filter"]
    records, problems = read(tmp_path, b"".join(map(line, rows)))
    assert [(r.sample_id, r.correct) for r in records] == [("h", 1), ("4", 0), ("h2", 0)]
    assert {r.method for r in records} == {"task's own prompt (none)"}
    assert problems == []


def test_what_is_wrong_with_every_row_is_said_once(tmp_path: Path) -> None:
    rows = [FOREIGN | {"exact_match": [n % 2, 1]} for n in range(1, 1235)]
    records, (problem,) = read(tmp_path, b"".join(map(line, rows)))
    assert records == []
    assert ":1: not a sample of lm_eval's (InvalidValueError: exact_match is [1, 1]" in problem
    assert problem.endswith("left out, and so are 1,233 others of this file")


def test_a_metric_that_is_a_list_gives_way_to_one_that_can_be_read(tmp_path: Path) -> None:
    pair = FOREIGN | {"exact_match": [1, 0], "acc": 1.0, "metrics": ["acc", "exact_match"]}
    (record,), problems = read(tmp_path, line(pair))
    assert (record.correct, problems) == (1, [])


def test_which_of_several_metrics_was_taken_is_said_and_may_be_chosen(tmp_path: Path) -> None:
    row = FOREIGN | {"exact_match": 0.0, "acc_norm": 1.0, "acc": 0.5, "metrics": ["acc_norm"]}
    (record,), (problem,) = read(tmp_path, line(row) * 3)[0][:1], read(tmp_path, line(row))[1]
    assert record.correct == 0
    assert problem.endswith(
        "its metric exact_match says what is right; it has acc, acc_norm too, which --score NAME "
        "takes"
    )
    for name, correct in (("acc_norm", 1), ("acc", 0.5)):
        choice, problems = ScoreChoice(name), []
        paths = [str(path) for path in tmp_path.glob("samples_*")]
        (record,), _ = read_sample_files(paths, None, problems, choice)
        assert (record.correct, problems, choice.found) == (correct, [], True)


def test_a_scale_beyond_0_to_1_is_unread_and_not_failed(tmp_path: Path) -> None:
    rows = [FOREIGN | {"exact_match": grade, "doc_hash": f"h{grade}"} for grade in (100, 1.0, 0.0)]
    records, problems = read(tmp_path, b"".join(map(line, rows)))
    assert [(r.correct, r.unread, r.error) for r in records] == [(None, True, None)] * 3
    assert problems == []


def test_that_a_file_has_not_the_wanted_metric_is_said(tmp_path: Path) -> None:
    read(tmp_path, line(FOREIGN))
    paths = [str(path) for path in tmp_path.glob("samples_*")]
    choice, problems = ScoreChoice("acc_norm"), []
    read_sample_files(paths, None, problems, choice)
    assert not choice.found
    assert problems[0].endswith("has no metric acc_norm; its metric exact_match says what is right")


AROUND = FOREIGN | {
    "method": "budget:tokens=50",
    "budget": 50,
    "filter": "strict",
    "metrics": ["exact_match", "method", "calls", "output_tokens", "budget", "failed"],
    "failed": 0,
    "calls": [{**OURS["calls"][0], "budget": 50, "controls": {"prompt": 50}}],
}
"""A row of somebody else's task that was asked by a method."""


def test_an_answer_to_anothers_task_by_a_method_is_a_row_like_ours(tmp_path: Path) -> None:
    rows = [AROUND, AROUND | {"filter": "loose", "exact_match": 0.0}]
    (record,), (problem,) = read(tmp_path, b"".join(map(line, rows)))
    assert (record.task, record.method, record.correct) == ("t", "budget:tokens=50", 1)
    assert (record.costs["output_tokens"], record.costs["within_budget"]) == (5, 1)
    assert record.controls == {"prompt": 50}
    # the task's first filter; none of the counts beside the metrics is taken for a score
    assert problem.endswith(
        "its filter strict takes out the answers; it has loose too, which --score NAME takes"
    )
    choice, problems = ScoreChoice("loose"), []
    paths = [str(path) for path in tmp_path.glob("samples_*")]
    (record,), _ = read_sample_files(paths, None, problems, choice)
    assert (record.correct, problems, choice.found) == (0, [], True)


def test_a_failed_request_of_anothers_task_is_an_error_and_no_wrong_answer(tmp_path: Path) -> None:
    failed = AROUND | {"failed": 1, "error": "HTTP 500: gone", "metrics": ["failed", "error"]}
    del failed["exact_match"]
    (record,), problems = read(tmp_path, line(failed))
    assert (record.correct, record.error, problems) == (None, "HTTP 500: gone", [])


def test_what_spoils_answers_to_anothers_task_is_said_once_a_file(tmp_path: Path) -> None:
    row = AROUND | {"asked_to_reason": "step by step", "method": "direct"}
    rows = [row | {"doc_id": n, "doc_hash": str(n), "cut_at_stop": n % 2} for n in range(4)]
    records, (against, cut) = read(tmp_path, b"".join(map(line, rows)))
    assert len(records) == 4
    assert "asks for reasoning ('step by step'), which its method direct asks to leave" in against
    assert "2 answers end at a stop text of the task's that may stand in reasoning" in cut


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    for name in ("a#b", "a?b", "a%20b", "a::b"):
        (tmp_path / name).mkdir()
        records, problems = read(tmp_path / name, line(OURS))
        assert (len(records), problems) == (1, [])
        assert records[0].model == "hf/gpt2 (lm-eval)"


def test_names_show_no_key(tmp_path: Path) -> None:
    document = {**OURS["doc"], "task": "t(api_key=planted)", "method": "m:token=planted"}
    model = {"model": "local", "model_args": {"model": "http://me:planted@host/m"}}
    (record,), _ = read(tmp_path, line(OURS | {"doc": document}), {"config": model})
    assert (record.task, record.method) == ("t(api_key=***)", "m:token=***")
    assert record.model == "local/http://***@host/m (lm-eval)"


def run(folder: Path, day: int, correct: int, task: str = "t", **document: object) -> None:
    """One run's file, of that day of January."""
    folder.mkdir(exist_ok=True)
    row = OURS | {"doc": OURS["doc"] | document, "correct": correct}
    path = folder / f"samples_{task}_2026-01-{day:02}T00-00-00.000000.jsonl"
    path.write_bytes(line(row))


def read_folders(*folders: Path) -> tuple[list[Record], list[str]]:
    problems: list[str] = []
    (names,) = find_files([str(folder) for folder in folders], [SAMPLE_FILES], problems)
    records, _ = read_sample_files(names, None, problems)
    # how the model is called is in other files, and not asked here
    return records, [problem for problem in problems if "results_" not in problem]


def test_the_newest_run_counts_in_whatever_order_the_files_are_named(tmp_path: Path) -> None:
    for folder, day in ((tmp_path, 2), (tmp_path, 1)):
        run(folder, day, correct=day - 1)
    old, new = (str(tmp_path / f"samples_t_2026-01-0{day}T00-00-00.000000.jsonl") for day in (1, 2))
    for names in ([old, new], [new, old]):
        problems: list[str] = []
        (record,), _ = read_sample_files(names, None, problems)
        assert record.correct == 1
        assert f"{old}: left out, {new} is a newer run of this task" in problems


def test_one_task_asked_with_several_budgets_is_several_runs(tmp_path: Path) -> None:
    run(tmp_path, 1, correct=0, method="budget(tokens=50)")
    run(tmp_path, 2, correct=1, method="budget(tokens=100)")
    records, problems = read_folders(tmp_path)
    assert [(record.method, record.correct) for record in records] == [
        ("budget(tokens=50)", 0),
        ("budget(tokens=100)", 1),
    ]
    assert problems == []


def test_a_folder_named_twice_is_read_once(tmp_path: Path) -> None:
    run(tmp_path, 1, correct=1)
    run(tmp_path / "inner", 2, correct=1)
    records, problems = read_folders(tmp_path, tmp_path / "inner", tmp_path)
    assert (len(records), problems) == (2, [])


def test_the_first_stage_of_tale_ep_is_no_answer(tmp_path: Path) -> None:
    run(tmp_path, 1, correct=0, task="tale_gsm8k_estimate", method="estimate")
    records, (problem,) = read_folders(tmp_path)
    assert records == []
    assert "holds TALE-EP's estimates" in problem


def test_a_row_of_0_1_0_costs_what_its_day_cost_and_holds_its_reasoning(tmp_path: Path) -> None:
    """Its calls do not say when they were made, and left the reasoning out of the output."""
    call = {"purpose": "answer", "model": "deepseek/deepseek-chat", "counted_by": "provider"}
    call |= {"input_tokens": 2000, "output_tokens": 40, "reasoning_tokens": 360}
    name = "samples_t_2025-07-01T18-00-00.000000.jsonl"
    (tmp_path / name).write_bytes(line(OURS | {"calls": [call]}))
    (record,), _ = read_sample_files([str(tmp_path / name)], None, [])
    assert record.costs["output_tokens"] == 400
    # by night 0.135 $ a million in and 0.55 $ out, half of what it is by day
    assert record.costs["dollars"] == pytest.approx(0.00049)


# --- at which setting ---


def run_at(folder: Path, day: int, tokens: int, **results: Any) -> None:
    """One run's files, of that day of January, whose answer took so many tokens."""
    folder.mkdir(exist_ok=True)
    row = OURS | {"calls": [{**OURS["calls"][0], "output_tokens": tokens}]}
    date = f"2026-01-{day:02}T00-00-00.000000"
    (folder / f"samples_t_{date}.jsonl").write_bytes(line(row))
    (folder / f"results_{date}.json").write_text(json.dumps(RESULTS | results))


def capped(cap: int) -> dict[str, Any]:
    return {"configs": {"t": {"generation_kwargs": {"max_gen_toks": cap, "temperature": 0.1}}}}


@pytest.mark.parametrize("apart", [True, False], ids=["two folders", "one folder"])
def test_two_caps_are_two_rows(apart: bool, tmp_path: Path) -> None:
    for day, cap in enumerate((64, 512), start=1):
        run_at(tmp_path / (str(day) if apart else "both"), day, cap // 2, **capped(cap))
    records, problems = read_folders(tmp_path)
    rows = leaderboard(records)
    assert {row.label: row.means["output_tokens"] for row in rows} == {
        "cot · max_tokens=64": 32,
        "cot · max_tokens=512": 256,
    }
    assert {str(row.setting.only({"temperature"})) for row in rows} == {"temperature=0.1"}
    assert problems == []


def test_the_newest_run_of_each_setting_counts(tmp_path: Path) -> None:
    for day, (cap, tokens) in enumerate([(64, 1), (512, 2), (64, 3)], start=1):
        run_at(tmp_path, day, tokens, **capped(cap))
    records, (problem,) = read_folders(tmp_path)
    assert [(r.setting.values["max_tokens"], r.costs["output_tokens"]) for r in records] == [
        ("64", 3),
        ("512", 2),
    ]
    assert "2026-01-01" in problem.partition(": left out, ")[0]


@pytest.mark.parametrize(
    ("one", "other", "labels"),
    [
        (
            {"config": {"model": "hf", "model_args": "pretrained=gpt2,enable_thinking=True"}},
            {"config": {"model": "hf", "model_args": {"pretrained": "gpt2"}}},
            ["cot · enable_thinking=default", "cot · enable_thinking=true"],
        ),
        (
            {"system_instruction": "Be brief."},
            {"system_instruction": None},
            ["cot · system_message=default", "cot · system_message=Be brief."],
        ),
        (
            {"chat_template": None},
            {"chat_template": ""},
            ["cot · chat_template=default", "cot · chat_template=none"],
        ),
    ],
)
def test_what_else_changes_what_is_written_makes_a_row(
    one: dict[str, Any], other: dict[str, Any], labels: list[str], tmp_path: Path
) -> None:
    run_at(tmp_path, 1, 1, **one)
    run_at(tmp_path, 2, 2, **other)
    records, _ = read_folders(tmp_path)
    assert [row.label for row in leaderboard(records)] == labels


def test_how_many_are_asked_at_once_makes_none(tmp_path: Path) -> None:
    for day, folder in enumerate("ab", start=1):
        more = {"num_concurrent": day, "base_url": f"http://{folder}", "dtype": folder}
        run_at(
            tmp_path / folder,
            day,
            day,
            config={"model": "hf", "model_args": {"pretrained": "gpt2", **more}},
        )
    (row,) = leaderboard(read_folders(tmp_path)[0])
    assert (row.label, row.n) == ("cot", 2)


def test_another_tasks_own_metric_has_a_setting_too(tmp_path: Path) -> None:
    for day, cap in enumerate((64, 512), start=1):
        run_at(tmp_path / str(day), day, 1, **capped(cap))
        for path in (tmp_path / str(day)).glob("samples_*"):
            path.write_bytes(line(FOREIGN))
    assert [row.label for row in leaderboard(read_folders(tmp_path)[0])] == [
        "task's own prompt (none) · max_tokens=64",
        "task's own prompt (none) · max_tokens=512",
    ]


# --- answers cut off in their reasoning ---


@pytest.mark.parametrize(
    ("call", "cut"),
    [
        ({"truncated": True, "silent": True}, True),
        ({"truncated": True, "silent": False}, False),
        ({"truncated": False, "silent": True}, False),
        ({"truncated": True}, None),  # of a version that did not look
        ({}, None),
    ],
)
def test_a_call_says_whether_its_answer_was_cut_off_in_its_reasoning(
    call: dict[str, Any], cut: bool | None, tmp_path: Path
) -> None:
    (record,), _ = read(tmp_path, line(OURS | {"calls": [{**OURS["calls"][0], **call}]}))
    assert record.costs["cut_in_reasoning"] is cut
