"""Reading a folder of logs such as they pile up: every row counted once, every oddity named."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from command import REPOSITORY
from inspect_ai import Task, eval, score, task_with
from inspect_ai.dataset import Sample
from inspect_ai.log import (
    EvalConfig,
    EvalDataset,
    EvalError,
    EvalLog,
    EvalSample,
    EvalSpec,
    read_eval_log,
    write_eval_log,
)
from inspect_ai.model import GenerateConfig, Model, ModelOutput, ModelUsage, StopReason, get_model
from inspect_ai.scorer import Score, match
from inspect_ai.solver import Generate, Solver, TaskState, generate, solver
from questions import asks_for_budget, gsm8k_file, number_in
from server import ChatServer, Reply, chat_server

from tale_eval.analysis.leaderboard import LeaderboardRow, leaderboard
from tale_eval.analysis.problems import problems, setting_problems
from tale_eval.errors import SourceError
from tale_eval.grading.choice import ScoreChoice
from tale_eval.inspect_ext.logs.scored import scored_costs
from tale_eval.inspect_ext.logs.searches import read_searches
from tale_eval.inspect_ext.logs.whole import sample_record, whole_records
from tale_eval.inspect_ext.scorers import tale
from tale_eval.logs import ReadLogs, read_records
from tale_eval.tasks.gsm8k import gsm8k
from tale_eval.tokens.costs import COST_KEYS
from tale_eval.tokens.pricing import Price, Prices
from tale_eval.training.candidates import read_candidates

SIZE = 4
OWN = "task's own solver"
QUESTIONS = [Sample(f"What is {n} plus {n}?", target=str(2 * n), id=n) for n in range(SIZE)]


def right_if_even(prompt: str, request: dict[str, Any]) -> Reply:
    """Budget the question at 30 tokens; answer it in 12, rightly if its number is even."""
    if asks_for_budget(prompt):
        return Reply("Budget: [[30]]", output_tokens=6)
    n = number_in(prompt)
    answer = 2 * n + n % 2
    # a task's own solver puts the bare question
    text = str(answer) if prompt == f"What is {n} plus {n}?" else f"So it is [[{answer}]]"
    return Reply(text, output_tokens=12)


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with chat_server(right_if_even) as running:
        yield running


@dataclass(frozen=True)
class Runs:
    """Runs that leave their logs in one folder."""

    server: ChatServer
    folder: Path

    @property
    def model(self) -> Model:
        return get_model(
            "openai-api/loop/m", base_url=self.server.base_url, api_key="none", memoize=False
        )

    def run(self, task: Task | str, **options: Any) -> EvalLog:
        quiet = {"display": "none", "log_dir": str(self.folder), "max_retries": 1}
        (log,) = eval(task, model=self.model, **quiet | options)
        return log

    def score_again(self, log: EvalLog, name: str) -> None:
        """Another scorer's verdicts beside the first one's, in a file of their own."""
        scored = score(log, tale(), action="append", model=self.model, display="none")
        write_eval_log(scored, str(self.folder / name))

    def gsm8k(self, name: str, method: str = "cot", **options: Any) -> EvalLog:
        """Our own task, under a name that tells its rows from the others."""
        source = gsm8k_file(self.folder, SIZE)
        return self.run(task_with(gsm8k(source=str(source), method=method), name=name), **options)


@pytest.fixture
def runs(server: ChatServer, tmp_path: Path) -> Runs:
    return Runs(server, tmp_path)


@solver
def fails_at_the_last() -> Solver:
    async def solve(state: TaskState, generate: Generate) -> TaskState:
        if number_in(state.input_text) == SIZE - 1:
            raise RuntimeError("the solver gave up")
        return await generate(state)

    return solve


def row_of(reading: ReadLogs, task: str, method: str = "cot") -> LeaderboardRow:
    (row,) = [r for r in leaderboard(reading.records) if (r.task, r.method) == (task, method)]
    return row


def about(reading: ReadLogs, name: str) -> list[str]:
    """The problems of the log of this name, its folder left out."""
    return [line[line.index(name) :] for line in reading.problems if f"/{name}:" in line]


def file_name(log: EvalLog) -> str:
    return Path(log.location).name


def test_three_methods_and_a_foreign_task_in_one_folder(runs: Runs) -> None:
    for method in ("direct", "cot", "tale_ep"):
        runs.gsm8k("sums", method)
    runs.run(Task(dataset=QUESTIONS, solver=generate(), scorer=match(), name="foreign"))
    reading = read_records([str(runs.folder)])
    assert reading.problems == []
    rows = leaderboard(reading.records)
    assert [(row.task, row.method) for row in rows] == [
        ("foreign", OWN),
        ("sums", "cot"),
        ("sums", "direct"),
        ("sums", "tale_ep"),
    ]
    assert {(row.n, row.errors, row.questions, row.epochs) for row in rows} == {(4, 0, 4, 1)}
    assert {row.accuracy for row in rows} == {0.5}
    assert [row.means["output_tokens"] for row in rows] == [12, 12, 12, 18]
    assert [row.means["estimator_tokens"] for row in rows] == [0, 0, 0, 6]
    assert {row.means["input_tokens"] for row in rows} == {20, 40}
    assert [row.comparison.paired for row in rows if row.comparison] == [4, 4]


def test_a_run_that_failed_keeps_its_answers_and_is_named(runs: Runs) -> None:
    task = Task(dataset=QUESTIONS, solver=fails_at_the_last(), scorer=match(), name="failing")
    log = runs.run(task, max_samples=1)
    assert log.status == "error"
    reading = read_records([str(runs.folder)])
    assert about(reading, file_name(log)) == [
        f"{file_name(log)}: the run ended with status error",
    ]
    row = row_of(reading, "failing", OWN)
    assert (row.n, row.errors, row.questions) == (3, 1, 4)
    assert row.accuracy == pytest.approx(2 / 3)
    (message,) = [record.error for record in reading.records if record.error]
    assert "the solver gave up" in message


def test_a_sample_that_failed_is_an_error_and_not_a_wrong_answer(runs: Runs) -> None:
    task = Task(dataset=QUESTIONS, solver=fails_at_the_last(), scorer=match(), name="failing")
    assert runs.run(task, fail_on_error=False).status == "success"
    reading = read_records([str(runs.folder)])
    row = row_of(reading, "failing", OWN)
    assert (row.n, row.errors, row.questions) == (3, 1, 4)
    assert row.accuracy == pytest.approx(2 / 3)
    line, counted = problems([row], baseline=None)
    assert line.endswith(f"{OWN}: 1 of 4 samples failed or have no score")
    assert f"{OWN}: more than 1 % of its samples failed" in counted


def test_a_cancelled_run_keeps_its_answers_and_is_named(runs: Runs) -> None:
    log = runs.gsm8k("sums")
    log.status = "cancelled"
    log.samples = (log.samples or [])[:2]
    write_eval_log(log, log.location)
    reading = read_records([str(runs.folder)])
    assert about(reading, file_name(log)) == [
        f"{file_name(log)}: the run ended with status cancelled",
    ]
    row = row_of(reading, "sums")
    assert (row.n, row.errors, row.questions) == (2, 0, 2)


def test_a_run_cancelled_before_its_first_answer_is_named(runs: Runs) -> None:
    log = runs.gsm8k("sums")
    log.status = "cancelled"
    log.samples = []
    write_eval_log(log, log.location)
    reading = read_records([str(runs.folder)])
    assert (reading.records, reading.settings) == ([], [])
    assert about(reading, file_name(log)) == [
        f"{file_name(log)}: the run ended with status cancelled",
        f"{file_name(log)}: holds no finished sample",
    ]


def test_files_that_are_no_whole_logs_are_named_and_skipped(runs: Runs) -> None:
    whole = Path(runs.gsm8k("sums").location).read_bytes()
    # the directory at its end is whole, the samples in its middle are not
    other = Path(runs.gsm8k("other").location)
    content = other.read_bytes()
    half = len(content) // 2
    broken = {
        other.name: content[:200] + bytes(half - 200) + content[half:],
        "cut.eval": whole[: len(whole) // 2],
        "text.eval": b"this is no log",
        "empty.eval": b"",
        "2026-01-01T00-00-00+00-00_cut_1.json": b'{"version": 2, "status": "success"',
        "2026-01-01T00-00-00+00-00_other_2.json": b'{"name": "a package", "version": "1.0"}',
    }
    for name, content in broken.items():
        (runs.folder / name).write_bytes(content)
    reading = read_records([str(runs.folder)])
    for name in broken:
        (line,) = about(reading, name)
        assert line.startswith(f"{name}: not a readable log (")
        assert "\n" not in line
    assert len(reading.problems) == len(broken)
    assert row_of(reading, "sums").n == 4


@pytest.mark.parametrize("name", ["a.eval", "z.eval"])
def test_a_log_scored_again_takes_the_place_of_the_first(name: str, runs: Runs) -> None:
    log = runs.run(Task(dataset=QUESTIONS, solver=generate(), scorer=match(), name="foreign"))
    runs.score_again(log, name)
    reading = read_records([str(runs.folder)])
    line, which = reading.problems
    assert f"{file_name(log)}: left out, " in line
    assert line.endswith(f"/{name} is a newer log of this run")
    assert f"{name}: its score match says what is right; it has tale too" in which
    row = row_of(reading, "foreign", OWN)
    assert (row.n, row.repeated) == (4, 0)


def test_epochs_are_counted_in_the_answers_and_not_in_the_questions(runs: Runs) -> None:
    runs.gsm8k("sums", epochs=3)
    reading = read_records([str(runs.folder)])
    row = row_of(reading, "sums")
    assert (row.n, row.errors, row.questions, row.epochs, row.repeated) == (12, 0, 4, 3, 0)
    assert row.accuracy == 0.5


def test_a_replayed_run_has_the_tokens_of_the_first_and_no_seconds(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))
    runs.gsm8k("first", cache=True)
    asked = len(runs.server.requests)
    runs.gsm8k("replayed", cache=True)
    assert len(runs.server.requests) == asked
    reading = read_records([str(runs.folder)])
    first, replayed = row_of(reading, "first"), row_of(reading, "replayed")
    for row in (first, replayed):
        assert (row.n, row.accuracy, row.means["output_tokens"]) == (4, 0.5, 12)
    assert first.means["seconds"] is not None
    assert replayed.means["seconds"] is None


def test_a_folder_with_everything_in_it(
    runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))
    for method in ("direct", "cot", "tale_ep"):
        runs.gsm8k("sums", method)
    foreign = Task(dataset=QUESTIONS, solver=generate(), scorer=match(), name="foreign")
    scored_once = runs.run(foreign)
    runs.score_again(scored_once, "again.eval")
    failing = Task(dataset=QUESTIONS, solver=fails_at_the_last(), scorer=match(), name="failing")
    failed = runs.run(failing, max_samples=1)
    cancelled = runs.gsm8k("cancelled")
    cancelled.status, cancelled.samples = "cancelled", (cancelled.samples or [])[:2]
    write_eval_log(cancelled, cancelled.location)
    runs.gsm8k("thrice", epochs=3)
    runs.gsm8k("cached", cache=True)
    runs.gsm8k("replayed", cache=True)
    whole = Path(failed.location).read_bytes()
    (tmp_path / "cut.eval").write_bytes(whole[: len(whole) // 2])

    reading = read_records([str(tmp_path)])
    denominators = {
        (row.task, row.method): (row.n, row.errors, row.questions)
        for row in leaderboard(reading.records)
    }
    assert denominators == {
        ("sums", "direct"): (4, 0, 4),
        ("sums", "cot"): (4, 0, 4),
        ("sums", "tale_ep"): (4, 0, 4),
        ("foreign", OWN): (4, 0, 4),
        ("failing", OWN): (3, 1, 4),
        ("cancelled", "cot"): (2, 0, 2),
        ("thrice", "cot"): (12, 0, 4),
        ("cached", "cot"): (4, 0, 4),
        ("replayed", "cot"): (4, 0, 4),
    }
    odd = {"cut.eval", "again.eval", *(file_name(log) for log in (scored_once, failed, cancelled))}
    assert {line.partition(": ")[0].rpartition("/")[2] for line in reading.problems} == odd
    assert len(reading.problems) == len(odd)


def test_by_path_and_by_name_are_one_task(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    source = gsm8k_file(runs.folder, SIZE)
    monkeypatch.chdir(REPOSITORY)
    for task, method in (("tale_eval/gsm8k", "cot"), ("tasks/gsm8k.py", "direct")):
        log = runs.run(task, task_args={"source": str(source), "method": method})
        assert log.status == "success", log.error
    reading = read_records([str(runs.folder)])
    rows = leaderboard(reading.records)
    assert [(row.task, row.method) for row in rows] == [("gsm8k", "cot"), ("gsm8k", "direct")]
    assert rows[1].comparison is not None
    assert rows[1].comparison.paired == 4


def test_arguments_that_choose_the_questions_are_a_part_of_the_tasks_name(runs: Runs) -> None:
    source = str(gsm8k_file(runs.folder, SIZE))
    for arguments in ({}, {"split": "train"}):
        log = runs.run(
            "tale_eval/gsm8k", task_args={"source": source, "method": "cot", **arguments}
        )
        assert log.status == "success", log.error
    rows = leaderboard(read_records([str(runs.folder)]).records)
    assert [(row.task, row.n) for row in rows] == [("gsm8k", 4), ("gsm8k(split=train)", 4)]


@pytest.mark.parametrize("method", ["direct", "cot", "tale_ep", "budget_search"])
def test_the_short_summaries_of_a_log_say_what_its_samples_say(method: str, runs: Runs) -> None:
    log = runs.gsm8k("sums", method, epochs=2)

    records = read_records([str(runs.folder)]).records

    samples = read_eval_log(log.location).samples or []
    assert len(records) == 2 * SIZE
    assert records == [sample_record(log.eval, sample, None, log.plan.config) for sample in samples]


@pytest.mark.parametrize("prices", [None, {}])
def test_what_our_scorer_wrote_is_worked_out_once_a_sample(
    prices: Prices | None, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = runs.gsm8k("sums", "tale_ep")
    counted: list[object] = []

    def counting(scores: Any, **given: Any) -> Any:
        counted.append(scores)
        return scored_costs(scores, **given)

    for module in ("whole", "costs"):
        monkeypatch.setattr(f"tale_eval.inspect_ext.logs.{module}.scored_costs", counting)
    records, _ = whole_records(log.location, prices, [], ScoreChoice())
    assert len(records) == len(counted) == SIZE


def test_runs_that_were_not_made_alike_are_named(runs: Runs) -> None:
    runs.gsm8k("sums", "cot")
    runs.gsm8k("sums", "direct", temperature=0.7)
    other = runs.gsm8k("sums", "tale_ep")
    other.eval.task_version = "2-A"
    write_eval_log(other, other.location)
    read = read_records([str(runs.folder)])
    # how they were asked is in their rows' labels, and the rest in a note
    assert [row.label for row in leaderboard(read.records)] == [
        "cot · temperature=0.1",
        "direct · temperature=0.7",
        "tale_ep · temperature=0.1",
    ]
    (line,) = setting_problems(read.settings)
    assert line.partition(", sums: ")[2] == (
        "the runs differ in versions 'task': \"1-A\" for cot · temperature=0.1, "
        'direct · temperature=0.7; "2-A" for tale_ep · temperature=0.1'
    )


def test_runs_that_were_made_alike_are_not_named(runs: Runs) -> None:
    runs.gsm8k("sums", "cot")
    runs.gsm8k("sums", "tale_ep")
    assert setting_problems(read_records([str(runs.folder)]).settings) == []


def test_runs_whose_estimates_were_capped_otherwise_are_named(runs: Runs) -> None:
    """A default may change from one version to the next, and the label does not show it."""
    runs.gsm8k("sums", "cot")
    runs.gsm8k("sums", "tale_ep")
    earlier = runs.gsm8k("sums", "tale_ep")
    for sample in earlier.samples or []:
        sample.store["TaleRecord:calls"][0]["max_tokens"] = 256
    write_eval_log(earlier, earlier.location)
    (line,) = setting_problems(read_records([str(runs.folder)]).settings)
    assert "the runs differ in estimator 'max_tokens': " in line
    assert sorted(line.partition("'max_tokens': ")[2].split("; ")) == [
        "1024 for tale_ep",
        "256 for tale_ep",
    ]


def test_the_same_log_named_twice_is_counted_once(runs: Runs) -> None:
    log = runs.gsm8k("sums")
    reading = read_records([str(runs.folder), log.location])
    assert (row_of(reading, "sums").n, reading.problems) == (4, [])


def test_a_folder_without_logs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no Inspect log \(\.eval or \.json\) and no samples_"):
        read_records([str(tmp_path)])


# --- logs made by hand ---


def spec_of(name: str = "", **more: Any) -> EvalSpec:
    common = {"created": "2026-01-01T00:00:00+00:00", "task": "sums", "model": "m"}
    return EvalSpec.model_validate(
        {**common, "task_id": name, "dataset": EvalDataset(), "config": EvalConfig(), **more}
    )


def write_log(path: Path, *samples: EvalSample, **more: Any) -> Path:
    spec = spec_of(path.name, **more)
    write_eval_log(EvalLog(status="success", eval=spec, samples=list(samples)), str(path))
    return path


CALL = {"purpose": "answer", "model": "m", "counted_by": "provider", "output_tokens": 5}
STORE = {
    "TaleRecord:method": "tale_ep",
    "TaleRecord:calls": [CALL],
    "TaleRecord:budget": 30,
    "TaleRecord:budget_status": "read",
}
TRIAL = {"rule": "all", "attempts": [{"output_tokens": 9, "correct": True, "text": ""}]}


def searched(**trace: Any) -> dict[str, Any]:
    return {"TaleRecord:search": {"status": "searched", "trials": [TRIAL], **trace}}


def of_records(folder: str) -> tuple[int, list[str]]:
    reading = read_records([folder])
    leaderboard(reading.records)
    return len(reading.records), reading.problems


def of_searches(folder: str) -> tuple[int, list[str]]:
    found, problems = read_searches([folder])
    return len(found), problems


def of_candidates(folder: str) -> tuple[int, list[str]]:
    sampled = read_candidates([folder])
    return len(sampled.candidates), sampled.problems


@pytest.mark.parametrize(
    ("reader", "stored"),
    [
        (of_records, {"TaleRecord:answer_call": 99}),
        (of_records, {"TaleRecord:budget": "x"}),
        (of_records, {"TaleRecord:calls": [{**CALL, "output_tokens": 10**400}]}),
        (of_records, {"TaleRecord:search": "x"}),
        (of_searches, {"TaleRecord:budget": "x"}),
        (of_searches, {"TaleRecord:budget": 0}),
        (of_searches, {"TaleRecord:search": "x"}),
        (of_searches, searched(trials=[])),
        (of_searches, searched(budget=7)),
        (of_candidates, {"TaleRecord:answer_call": 99}),
        (of_candidates, {"TaleRecord:search": "x"}),
        (of_candidates, searched() | {"TaleRecord:calls": []}),
    ],
)
def test_a_log_that_says_what_cannot_be_is_named_and_the_others_count(
    reader: Callable[[str], tuple[int, list[str]]], stored: dict[str, Any], tmp_path: Path
) -> None:
    asked = {"benchmark": "gsm8k", "kind": "cloze", "language": "en"}
    for name, store in (("bad.eval", STORE | stored), ("good.eval", STORE)):
        sample = EvalSample(id=1, epoch=1, input="?", target="", store=store, metadata=asked)
        write_log(tmp_path / name, sample)
    usable, (problem,) = reader(str(tmp_path))
    assert usable == 1
    assert "/bad.eval: not a readable log (" in problem
    assert "\n" not in problem


@pytest.mark.parametrize("costs", [{}, dict.fromkeys(COST_KEYS, 1)], ids=["samples", "summaries"])
def test_the_rotations_of_a_question_are_one_question(
    costs: dict[str, float], tmp_path: Path
) -> None:
    write_log(
        tmp_path / "a.eval",
        *(
            EvalSample(
                id=f"q{question}-rot{rotation}",
                epoch=1,
                input="?",
                target="",
                metadata={"circular_group": f"q{question}", "rotation": rotation},
                scores={"tale": Score(value={"correct": int(rotation < right), **costs})},
            )
            for question, right in enumerate([4, 3])
            for rotation in range(4)
        ),
    )
    row = row_of(read_records([str(tmp_path)]), "sums", OWN)
    assert (row.n, row.questions, row.accuracy, row.circular) == (8, 2, 7 / 8, 0.5)


def used(read: int, wrote: int) -> ModelUsage:
    return ModelUsage(input_tokens=read, output_tokens=wrote, total_tokens=read + wrote)


def asked(**more: Any) -> EvalSample:
    return EvalSample(id=1, epoch=1, input="?", target="", **more)


def test_a_graders_tokens_are_counted_with_a_ledger_as_without_one() -> None:
    usage = {"m": used(50, 100), "grader": used(500, 300)}
    roles = {"model_roles": {"grader": {"model": "grader"}}}
    foreign = sample_record(spec_of(**roles), asked(model_usage=usage), None).costs
    call = {**CALL, "output_tokens": 100, "input_tokens": 50}
    ours = sample_record(
        spec_of(), asked(model_usage=usage, store=STORE | {"TaleRecord:calls": [call]}), None
    ).costs
    for costs in (foreign, ours):
        assert (costs["answer_tokens"], costs["scorer_tokens"]) == (100, 300)
        assert (costs["output_tokens"], costs["input_tokens"]) == (100, 50)
    # the same model may grade its own answers
    usage = {"m": used(550, 400)}
    ours = sample_record(
        spec_of(), asked(model_usage=usage, store=STORE | {"TaleRecord:calls": [call]}), None
    ).costs
    assert (ours["answer_tokens"], ours["scorer_tokens"]) == (100, 300)


@pytest.mark.parametrize(
    ("stop_reason", "truncated"), [("stop", False), ("max_tokens", True), ("unknown", None)]
)
def test_what_a_foreign_log_says_of_a_reply_and_what_it_does_not(
    stop_reason: StopReason, truncated: bool | None
) -> None:
    output = ModelOutput.from_content("m", "72", stop_reason=stop_reason)
    costs = sample_record(
        spec_of(), asked(output=output, model_usage={"m": used(5, 7)}), None
    ).costs
    assert costs["truncated"] is truncated
    assert costs["calls"] is None  # usage is a sum: of how many calls nobody knows


def test_a_users_prices_change_dollars_and_nothing_else() -> None:
    calls = [{**CALL, "counted_by": "tokenizer", "output_tokens": 20, "input_tokens": 40}]
    counted = dict.fromkeys(COST_KEYS, 1.0) | {"output_tokens": 20.0, "input_tokens": 40.0}
    counted |= {"scorer_tokens": 0.0, "scorer_dollars": 0.0}
    sample = asked(
        store=STORE | {"TaleRecord:calls": calls},
        scores={"token_cost": Score(value=counted)},
        model_usage={"m": used(90, 256)},  # of a padded batch
    )
    prices = {"m": Price.model_validate({"input": "1", "output": "2"})}
    priced = sample_record(spec_of(), sample, prices).costs
    assert priced == counted | {"dollars": (40 * 1 + 20 * 2) / 1e6}
    # what was counted is not what the ledger holds: nobody can price it
    sample.scores = {"token_cost": Score(value=counted | {"output_tokens": 21.0})}
    priced = sample_record(spec_of(), sample, prices).costs
    assert (priced["output_tokens"], priced["dollars"]) == (21, None)


def test_the_runs_batch_tier_and_day_price_what_the_ledger_does_not_say() -> None:
    """A call of 0.1.0, whose ledger had none of them: 2 $ a million in and 8 $ out, or half."""
    model = "openai/o3"
    call = {**CALL, "model": model, "input_tokens": 1000, "output_tokens": 200}
    sample = asked(store=STORE | {"TaleRecord:calls": [call]})

    def dollars(config: GenerateConfig | None = None, **more: Any) -> float | None:
        spec = spec_of(model=model, created="2026-11-02T00:00:00+00:00", **more)
        return sample_record(spec, sample, None, config).costs["dollars"]

    assert dollars() == pytest.approx(0.0036)
    assert dollars(GenerateConfig(batch=True)) == pytest.approx(0.0018)
    assert dollars(model_args={"service_tier": "flex"}) == pytest.approx(0.0018)


def test_a_sum_of_unknown_calls_has_no_price_where_length_decides_it() -> None:
    """Above 200,000 tokens a call of this model costs twice as much; these may be many."""
    model = "anthropic/claude-sonnet-4-5"
    few = asked(model_usage={model: used(150_000, 300)})
    many = asked(model_usage={model: used(450_000, 900)})
    dollars = [sample_record(spec_of(model=model), s, None).costs["dollars"] for s in (few, many)]
    assert dollars == [pytest.approx(0.4545), None]


def test_a_failed_sample_is_not_scored_even_where_a_scorer_had_run() -> None:
    error = EvalError(message="lost", traceback="", traceback_ansi="")
    record = sample_record(spec_of(), asked(error=error, scores={"m": Score(value="I")}), None)
    assert (record.correct, record.error) == (None, "lost")


def test_tokens_of_a_padded_batch_are_named(tmp_path: Path) -> None:
    path = write_log(tmp_path / "a.eval", asked(model_usage={"hf/m": used(5, 256)}), model="hf/m")
    (problem,) = read_records([str(path)]).problems
    assert "the tokens of 1 answers are those of the longest reply of their batch" in problem
    assert "tale_eval/token_cost" in problem


@pytest.mark.parametrize(
    ("store", "more", "method"),
    [
        (STORE, {"model_roles": {"estimator": {"model": "a/b"}}}, "tale_ep estimator=a/b"),
        (STORE, {"model_roles": {"grader": {"model": "a/b"}}}, "tale_ep"),
        (
            STORE | {"TaleRecord:method": "tale_ep:estimator_role=mine"},
            {"model_roles": {"mine": {"model": "a/b"}}},
            "tale_ep:estimator_role=mine mine=a/b",
        ),
        (
            {},
            {"solver": "agent", "solver_args_passed": {"n": 9, "api_key": "k"}},
            "agent(api_key=***, n=9)",
        ),
        ({}, {"solver": "agent"}, "agent"),
    ],
)
def test_runs_that_differ_in_what_asked_are_different_methods(
    store: dict[str, Any], more: dict[str, Any], method: str
) -> None:
    assert sample_record(spec_of(**more), asked(store=store), None).method == method


def test_a_sample_that_was_stopped_with_its_run_counts_nowhere(tmp_path: Path) -> None:
    """One sample failed; Inspect stopped the others, which are no failures of the method."""
    store = {"TaleRecord:method": "tale_ep"}

    def failed(message: str) -> EvalSample:
        return asked(error=EvalError(message=message, traceback="", traceback_ansi=""))

    ended = [asked(store=store), failed("ValueError('x')"), failed("CancelledError()")]
    samples = [each.model_copy(update={"id": n}) for n, each in enumerate(ended)]
    path = write_log(tmp_path / "a.eval", *samples)
    read = read_records([str(path)])
    assert [(r.sample_id, r.method, r.error) for r in read.records] == [
        ("0", "tale_ep", None),
        # the method of the run, though this one wrote none down
        ("1", "tale_ep", "ValueError('x')"),
    ]
    assert any("1 samples were stopped unfinished" in problem for problem in read.problems)


@pytest.mark.parametrize(
    ("more", "method"),
    [
        (
            {"solver": "tale_eval/budget", "solver_args_passed": {"tokens": 50}},
            "budget:tokens=50",
        ),
        ({"task": "tale_eval/gsm8k", "task_args_passed": {"method": "cot"}}, "cot"),
    ],
)
def test_a_run_of_which_no_sample_began_is_its_methods_all_the_same(
    more: dict[str, Any], method: str
) -> None:
    assert sample_record(spec_of(**more), asked(store={}), None).method == method


def test_tokens_of_a_scorer_that_ran_after_ours_are_not_known() -> None:
    costs = dict.fromkeys(COST_KEYS, 0.0) | {"output_tokens": 9.0}
    ours, grader = Score(value=costs), Score(value="C")
    usage = {"a/b": used(5, 9), "grader": used(5, 30)}
    both = {"token_cost": ours, "graded": grader}
    found = sample_record(spec_of(), asked(scores=both, model_usage=usage), None)
    assert (found.costs["scorer_tokens"], found.costs["scorer_dollars"]) == (None, None)
    alone = sample_record(spec_of(), asked(scores=both, model_usage={"a/b": used(5, 9)}), None)
    assert alone.costs["scorer_tokens"] == 0


def test_logs_without_the_answers_own_reasoning_say_all_the_rest_of_their_costs() -> None:
    known = dict.fromkeys(COST_KEYS, 1.0) | {"scorer_tokens": 7.0}
    new = {"answer_reasoning_tokens", "answer_words"}
    older = {key: value for key, value in known.items() if key not in new}
    costs = scored_costs({"tale": Score(value=dict(older))})
    assert costs == known | dict.fromkeys(new)


@pytest.mark.parametrize(
    ("calls", "reasoning", "answers"),
    [
        (1, 30, 30),  # one call: all of it is the answer's
        (2, 30, None),  # some of it may be the estimator's
        (1, 0, None),  # a text of reasoning may stand beside it
        (1, math.nan, None),
    ],
)
def test_the_answers_reasoning_in_a_log_of_0_1_0_is_known_where_there_was_one_call(
    calls: float, reasoning: float, answers: float | None
) -> None:
    since = {"scorer_tokens", "scorer_dollars", "counted_tokens", "uncounted_calls"}
    since |= {"estimate_cut_off", "cut_in_reasoning", "answer_reasoning_tokens", "answer_words"}
    told: dict[str, float] = dict.fromkeys(set(COST_KEYS) - since, 0.0)
    told |= {"calls": calls, "output_tokens": 100, "answer_tokens": 90, "input_tokens": 9}
    told |= {"reasoning_tokens": reasoning, "unsolved": math.nan}
    costs = scored_costs({"tale": Score(value=told)})
    assert costs is not None
    assert (costs["answer_tokens"], costs["answer_reasoning_tokens"]) == (90, answers)
