"""From the logs of searches to a fitted estimator, a plan, and what both harnesses make of it."""

import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command import lm_eval, lm_eval_samples, one_line, tale_eval
from evaluation import run, samples
from inspect_ai._util.error import PrerequisiteError
from inspect_ai.log import list_eval_logs, read_eval_log
from needs import answer, gsm8k_file, need, question, searched, searches, texts
from server import ChatServer, chat_server

from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.analysis.problems import problems
from tale_eval.asking.setting import Setting
from tale_eval.budgets.elasticity import QuestionTrials
from tale_eval.budgets.fitted import read_fitted
from tale_eval.budgets.needs import Search
from tale_eval.cli.totals import with_totals_divided
from tale_eval.errors import InvalidValueError, UnknownNameError
from tale_eval.inspect_ext.command_line import read_options
from tale_eval.inspect_ext.logs.searches import read_searches
from tale_eval.lm_eval_ext.documents import documents
from tale_eval.logs import read_records
from tale_eval.matrix import Combination
from tale_eval.records import Searched
from tale_eval.solvers import resolve
from tale_eval.solvers.budget_search import budget_search
from tale_eval.solvers.tale_ep import tale_ep
from tale_eval.tasks.gsm8k import gsm8k
from tale_eval.training.fitting import FEWEST, Lesson, fit_to_folder, learner_of, lesson
from tale_eval.training.overlap import words
from tale_eval.training.planning import plan_to_folder, summary

SHAPE = "by topic"
TAUGHT, FRESH = texts(SHAPE, 60), texts(SHAPE, 30, seed=1)
MODEL = "openai-api/loop/m"


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Searches of sixty questions, and zero-shot estimates of the same."""
    folder = tmp_path_factory.mktemp("logs")
    asked = gsm8k_file(folder / "taught.jsonl", TAUGHT)
    with chat_server(answer(SHAPE)) as server:
        task = gsm8k(source=str(asked))
        samples(run(server, task, folder / "search", solver=budget_search(strategy="halving")))
        samples(run(server, task, folder / "search", solver=tale_ep()))
    return folder


@pytest.fixture(scope="module")
def found(logs: Path) -> list[Searched]:
    searched_or_estimated, left_out = read_searches([str(logs / "search")])
    assert left_out == []
    return searched_or_estimated


@pytest.fixture(scope="module")
def fitted(found: list[Searched], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fitted") / "ridge"
    fit_to_folder(*learner_of("ridge"), lesson(found), folder, {"logs": ["search.eval"]})
    return folder


# --- what is learnt from -----------------------------------------------------------------


def test_a_search_is_read_with_its_question(found: list[Searched]) -> None:
    taught = lesson(found)
    assert taught.model == MODEL
    assert {s.question.text for s in taught.searches.values()} == set(TAUGHT)
    for search in taught.searches.values():
        assert search.needed == searched(SHAPE, search.question.text).needed
    ((method, estimates),) = taught.estimates.items()
    assert method == "tale_ep"
    assert set(estimates.values()) == {100}
    assert estimates.keys() == taught.searches.keys()


def test_logs_without_a_search_are_refused(found: list[Searched]) -> None:
    with pytest.raises(InvalidValueError, match=r"no budget search in these logs.*budget_search"):
        lesson([item for item in found if item.trace is None])


def test_searches_of_two_models_are_not_mixed(found: list[Searched]) -> None:
    both = [*found, *(replace(item, model="openai/other") for item in found)]
    with pytest.raises(
        InvalidValueError, match=r"searches of 2 models.*--model: openai-api/loop/m"
    ):
        lesson(both)
    assert lesson(both, model=MODEL).searches.keys() == lesson(found).searches.keys()
    with pytest.raises(UnknownNameError, match="unknown model 'openai/none'"):
        lesson(both, model="openai/none")


def test_searches_at_two_settings_are_not_mixed(found: list[Searched]) -> None:
    efforts = [
        replace(item, setting=Setting(item.setting.values | {"reasoning_effort": effort}))
        for effort in ("low", "high")
        for item in found
    ]
    refused = (
        "these logs hold budget_search:strategy=halving at 2 settings, and what is needed at one "
        "says nothing of another: choose one with --setting, or name the logs of one: "
        "reasoning_effort=high; reasoning_effort=low"
    )
    with pytest.raises(InvalidValueError, match=re.escape(refused)):
        lesson(efforts)
    taught = lesson(efforts, setting=["reasoning_effort=low"])
    assert len(taught.searches) == len(TAUGHT)
    assert [("reasoning_effort=low" in setting) for setting in taught.settings] == [True]
    # the estimates are those of the same setting, too
    (estimates,) = taught.estimates.values()
    assert estimates.keys() == taught.searches.keys()


def test_too_few_searches_are_refused(found: list[Searched]) -> None:
    few = [item for item in found if item.trace is not None][: FEWEST - 1]
    with pytest.raises(InvalidValueError, match="too few searches: 19 questions that vanilla CoT"):
        lesson(few)


def test_copies_of_a_text_are_no_more_questions(found: list[Searched]) -> None:
    some = [item for item in found if item.trace is not None][: FEWEST - 1]
    copies = [
        replace(item, question=f"copy {number} of {item.question}")
        for item in some
        for number in range(3)
    ]
    with pytest.raises(InvalidValueError, match="too few searches: 19 questions that vanilla CoT"):
        lesson(copies)


def test_a_question_that_was_searched_twice_is_refused(found: list[Searched]) -> None:
    with pytest.raises(InvalidValueError, match="60 questions were searched in these logs more th"):
        lesson([*found, *found])


def test_questions_of_an_evaluation_are_kept_out(found: list[Searched]) -> None:
    taught = lesson(found, kept_out=[words(text) for text in TAUGHT[:10]])
    assert taught.left_out == {"in the evaluation": 10}
    assert {s.question.text for s in taught.searches.values()} == set(TAUGHT[10:])


def test_what_asks_a_model_is_not_fitted() -> None:
    with pytest.raises(InvalidValueError, match="zero_shot asks a model and is not fitted; those"):
        learner_of("zero_shot")
    with pytest.raises(UnknownNameError, match="unknown argument of estimator knn 'neighbors'"):
        learner_of("knn:neighbors=3")
    with pytest.raises(InvalidValueError, match="neighbours=three: must be a whole number"):
        learner_of("knn:neighbours=three")


# --- what is written -----------------------------------------------------------------------


def test_the_card_says_how_good_it_is_beside_what_it_must_beat(fitted: Path) -> None:
    card = read_fitted(fitted).card
    assert (card["estimator"], card["model"]) == ("ridge", MODEL)
    assert card["questions"] == {"searched": 60, "left_out": {}, "not_solved": 0, "fitted": 60}
    assert [*card["validation"]["scores"]] == ["ridge", "fixed", "tale_ep"]
    assert card["validation"]["scores"]["tale_ep"]["estimated"] == 100
    against = card["validation"]["against"]
    assert (against["fixed"]["verdict"], against["fixed"]["questions"]) == ("better", 60)
    readme = (fitted / "README.md").read_text()
    assert "ridge is better than fixed" in readme
    assert "60.61 % in range, 109.64 tokens" in readme
    assert card["sha256"] in readme


@pytest.mark.parametrize("name", ["knn", "ridge", "gradient_boosting", "quantile"])
def test_the_same_searches_give_the_same_bytes_in_whatever_order_they_come(
    name: str, found: list[Searched], tmp_path: Path
) -> None:
    for folder, items in (("a", found), ("b", found[::-1])):
        fit_to_folder(*learner_of(name), lesson(items), tmp_path / folder, {})
    for file in ("card.json", "README.md", "estimator.npz", "chances.npz"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def made(shape: str, count: int = 120) -> Lesson:
    named = {str(i): s for i, s in enumerate(searches(shape, count))}
    return Lesson("m", ["t"], ["budget_search"], named, {}, {})


def test_the_card_says_that_random_needs_cannot_be_learnt(tmp_path: Path) -> None:
    for name in ("knn", "ridge"):
        fit_to_folder(*learner_of(name), made("random"), tmp_path / name, {})
        readme = (tmp_path / name / "README.md").read_text()
        assert f"{name} is not shown to be better than fixed" in readme


def test_the_oracles_quality_is_a_ceiling_and_called_one(tmp_path: Path) -> None:
    made_of, quality = fit_to_folder(*learner_of("oracle"), made(SHAPE), tmp_path / "o", {})
    score = quality.scores["oracle"]
    assert (score.covered.value, score.right.value) == (1, 1)
    assert "the very questions: a ceiling" in (tmp_path / "o" / "README.md").read_text()
    assert made_of.card["validation"]["folds"] == 0


# --- a total, divided ----------------------------------------------------------------------


def test_a_total_is_divided_and_never_exceeded(tmp_path: Path) -> None:
    source, _ = fit_to_folder(*learner_of("ridge"), made(SHAPE, 300), tmp_path / "ridge", {})
    fresh = texts(SHAPE, 100, seed=3)
    questions = [question(text) for text in fresh]
    plan, written = plan_to_folder(source, questions, 8_000, tmp_path / "plan", {"tasks": ["t"]})
    read = read_fitted(tmp_path / "plan")
    budgets = [read.learner.estimate(q).budget or 0 for q in questions]
    assert sum(budgets) == plan.spent == 8_000 - plan.left
    assert plan.left >= 0
    right = sum(b >= need(SHAPE, text) for b, text in zip(budgets, fresh, strict=True))
    evenly = sum(need(SHAPE, text) <= 80 for text in fresh)
    assert right > evenly
    # what was promised is what came; the reasoner writes just its budget
    assert plan.written == pytest.approx(plan.spent)
    assert plan.written_at_most == pytest.approx(plan.spent)
    assert plan.right == pytest.approx(right, rel=0.15)
    assert f"8,000 tokens: budgets of {plan.spent:,} in all, {plan.left:,} left" in summary(plan)[0]
    assert written.signature == read.signature
    unknown = read.learner.estimate(question("What is 1 plus 1?"))
    assert (unknown.budget, unknown.status) == (None, "missing")


def test_what_a_model_writes_beyond_its_budgets_is_foretold(tmp_path: Path) -> None:
    """Every answer takes thrice its budget, or nothing: 1.5 times on average, sd 1.5."""

    def careless(search: Search, number: int) -> Search:
        wrote = 3 * (number % 2)
        trials = tuple(
            trial
            if trial.budget is None
            else replace(
                trial, attempts=(replace(trial.attempts[0], output_tokens=wrote * trial.budget),)
            )
            for trial in search.trials.trials
        )
        return replace(search, trials=QuestionTrials(search.trials.id, trials))

    taught = made(SHAPE, 400)
    searched_so = {name: careless(s, int(name)) for name, s in taught.searches.items()}
    source, _ = fit_to_folder(
        *learner_of("fixed"), replace(taught, searches=searched_so), tmp_path / "fixed", {}
    )
    questions = [question(text) for text in texts(SHAPE, 100, seed=3)]
    plan, _ = plan_to_folder(source, questions, 8_000, tmp_path / "plan", {"tasks": ["t"]})
    assert plan.written == pytest.approx(1.5 * plan.spent, rel=0.1)
    # of n equal budgets b the sum scatters by 1.5 b sqrt(n): by 15 % of the sum of 100
    assert plan.written_at_most is not None
    assert 1.2 * plan.written < plan.written_at_most < 1.6 * plan.written


def test_a_question_that_is_asked_twice_counts_twice(tmp_path: Path) -> None:
    source, _ = fit_to_folder(*learner_of("fixed"), made(SHAPE), tmp_path / "fixed", {})
    questions = [question(text) for text in FRESH[:5]] * 2
    plan, written = plan_to_folder(source, questions, 1_000, tmp_path / "plan", {"tasks": ["t"]})
    asked = sum(written.learner.estimates(questions))
    assert asked <= plan.spent <= 1_000


def test_a_plan_is_no_estimator_to_divide_by(tmp_path: Path) -> None:
    source, _ = fit_to_folder(*learner_of("fixed"), made(SHAPE), tmp_path / "fixed", {})
    questions = [question(text) for text in FRESH]
    _, plan = plan_to_folder(source, questions, 1_000, tmp_path / "plan", {"tasks": ["t"]})
    with pytest.raises(FileNotFoundError, match=r"has no chances\.npz, from which budgets are"):
        plan_to_folder(plan, questions, 1_000, tmp_path / "again", {"tasks": ["t"]})


def test_a_total_of_several_epochs_is_divided_once_for_all_of_them(tmp_path: Path) -> None:
    source, _ = fit_to_folder(*learner_of("fixed"), made(SHAPE), tmp_path / "fixed", {})
    questions = [question(text) for text in FRESH]
    once, _ = plan_to_folder(source, questions, 1_000, tmp_path / "once", {"tasks": ["t"]})
    plan, written = plan_to_folder(
        source, questions, 3_002, tmp_path / "plan", {"tasks": ["t"]}, epochs=3
    )
    # 1,000 an epoch, and the 2 that are no three
    assert plan.spent == 3 * once.spent == 3 * sum(written.learner.estimates(questions))
    assert plan.left == 3 * once.left + 2
    assert (plan.even, plan.right) == (once.even, pytest.approx(3 * once.right))
    assert plan.written == pytest.approx(3 * (once.written or 0))
    assert summary(plan)[0].startswith("30 questions, 3 times each, 3,002 tokens: budgets of")
    with pytest.raises(InvalidValueError, match="total=29: 30 questions need at least one token"):
        plan_to_folder(source, questions, 87, tmp_path / "little", {"tasks": ["t"]}, epochs=3)


def test_a_total_is_of_a_fitted_estimator_and_divided_before_the_run(
    fitted: Path, tmp_path: Path
) -> None:
    undivided = re.escape(
        "total=900: a method sees one question, and a total is divided over all of a run: run it "
        f"with 'tale-eval compare', or divide it by 'tale-eval allocate {fitted} TASK --total 900 "
        "--out PLAN' and name estimator=PLAN"
    )
    with pytest.raises(PrerequisiteError, match=undivided):
        tale_ep(estimator=str(fitted), total=900)
    method = f"tale_ep:estimator={fitted}:total=900"
    # a matrix may be made of it, since it will be divided
    assert ":total=900" in str(resolve(method))
    source = gsm8k_file(tmp_path / "asked.jsonl", FRESH)
    with pytest.raises(InvalidValueError, match=undivided):
        documents(
            {"benchmark": "gsm8k", "method": "tale_ep"},
            tale_source=str(source),
            tale_estimator=str(fitted),
            tale_total=900,
            models_of_tale_eval=True,
        )
    for wrong, message in (
        ("tale_ep:total=900", "the estimator zero_shot does not say where tokens help most"),
        (f"{method}:min_budget=20", "min_budget=20: budgets that are raised are no part of total"),
        (f"tale_ep:estimator={fitted}:total=0", "total=0: must be a whole number from 1 up"),
    ):
        with pytest.raises(InvalidValueError, match=message):
            resolve(wrong)
    plan_to_folder(
        read_fitted(fitted), [question(t) for t in FRESH], 900, tmp_path / "plan", {"tasks": []}
    )
    assert tale_ep(estimator=str(tmp_path / "plan"), total=900)
    with pytest.raises(InvalidValueError, match=r"total=800: the plan .*plan divides 900 tokens"):
        resolve(f"tale_ep:estimator={tmp_path / 'plan'}:total=800")


@pytest.mark.parametrize(
    ("task", "options", "log_dir", "message"),
    [
        ("inspect_evals/gsm8k", [], "logs", "which questions task inspect_evals/gsm8k asks is kno"),
        ("chain_sum", ["--sample-id", "1"], "logs", "which questions --sample-id asks is known to"),
        ("chain_sum", ["--sample-shuffle", "7", "--limit", "3"], "logs", "questions --sample-shuf"),
        ("chain_sum", [], "s3://bucket/logs", "s3://bucket/logs is no local folder; make it with"),
        ("chain_sum:size=30", ["--limit", "20", "--epochs", "5"], "logs", "total=18: 20 questions"),
    ],
)
def test_a_total_over_questions_that_are_not_known_is_refused(
    task: str, options: list[str], log_dir: str, message: str, fitted: Path, tmp_path: Path
) -> None:
    matrix = [Combination(task, f"tale_ep:estimator={fitted}:total=90", MODEL)]
    place = log_dir if "://" in log_dir else str(tmp_path / log_dir)
    with pytest.raises(InvalidValueError, match=message):
        with_totals_divided(matrix, place, read_options(options))


def test_a_matrix_divides_each_total_over_the_questions_that_it_will_ask(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = f"gsm8k:source={gsm8k_file(tmp_path / 'asked.jsonl', FRESH)}"
    written = ("cot", *(f"tale_ep:estimator={fitted}:total={total}" for total in (1200, 2400)))
    matrix = [Combination(task, method, MODEL) for method in written]
    options = read_options(["--limit", "11-20", "--epochs", "2"])
    divided = with_totals_divided(matrix, str(tmp_path / "logs"), options)
    assert divided[0] == matrix[0]
    for combination, total in zip(divided[1:], (1200, 2400), strict=True):
        method = resolve(combination.method)
        assert method.arguments["total"] == str(total)
        assert method.arguments["estimator_hash"].startswith("allocated-")
        plan = read_fitted(Path(method.arguments["estimator"]))
        assert plan.card["plan"]["questions"] == 10
        known = [plan.learner.estimate(question(text)).status for text in FRESH]
        assert known == ["missing"] * 10 + ["read"] * 10 + ["missing"] * 10
        assert 2 * sum(plan.learner.estimates([question(t) for t in FRESH[10:20]])) <= total
    said = capsys.readouterr().out
    assert said.count("10 questions, 2 times each") == 2
    # a second call finds the plans, and so its own logs
    assert with_totals_divided(matrix, str(tmp_path / "logs"), options) == divided
    assert with_totals_divided(divided, str(tmp_path / "logs"), options) == divided
    assert capsys.readouterr().out == ""


def test_two_matrices_into_one_folder_share_their_plans(
    fitted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    matrix = [Combination("chain_sum:size=40", f"tale_ep:estimator={fitted}:total=900", MODEL)]

    def divided(_: int) -> list[Combination]:
        return with_totals_divided(matrix, str(tmp_path / "logs"), read_options([]))

    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(divided, range(4))
    assert others == [first] * 3
    assert capsys.readouterr().out.count("40 questions, 900 tokens") == 1


# --- the commands, and both harnesses ------------------------------------------------------


@pytest.fixture(scope="module")
def answered(
    fitted: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, ChatServer]:
    """Fresh questions, searched and answered under fitted budgets by both harnesses."""
    folder = tmp_path_factory.mktemp("answered")
    odd = folder / "my:ridge"
    shutil.copytree(fitted, odd)
    asked = gsm8k_file(folder / "fresh.jsonl", FRESH)
    escaped = str(odd).replace(":", r"\:")
    with chat_server(answer(SHAPE)) as server:
        variables = server.variables | {"TALE_EVAL_CACHE": str(folder / "cache")}
        done = tale_eval(
            *("compare", f"gsm8k:source={asked}", "--method", f"tale_ep:estimator={escaped}"),
            *("--method", "budget_search:strategy=halving:speculative=true"),
            *("--model", MODEL, "--log-dir", "logs", "--display", "none"),
            cwd=folder,
            variables=variables,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        inspects = len(server.exchanges)
        done = lm_eval(
            *("run", "--model", "local-chat-completions", "--apply_chat_template"),
            *("--model_args", f"model=m,base_url={server.base_url}/chat/completions"),
            *("--tasks", "tale_gsm8k_tale_ep", "--output_path", folder / "out", "--log_samples"),
            *("--metadata", json.dumps({"tale_source": str(asked), "tale_estimator": str(odd)})),
            cwd=folder,
            variables=variables,
        )
        assert done.returncode == 0, done.stderr
        assert len(server.exchanges) - inspects == len(FRESH)
    return folder, odd, server


@pytest.mark.slow
def test_both_harnesses_ask_under_the_fitted_budgets_and_say_whose(
    answered: tuple[Path, Path, ChatServer],
) -> None:
    folder, odd, _ = answered
    estimator = read_fitted(odd)
    label = f"tale_ep:estimator={str(odd).replace(':', chr(92) + ':')}"
    label += f":estimator_hash={estimator.signature}"
    budgets = {text: estimator.learner.estimates([question(text)])[0] for text in FRESH}
    logs = [read_eval_log(info) for info in list_eval_logs(str(folder / "logs"))]
    (log,) = [log for log in logs if "search" not in log.location]
    for sample in log.samples or []:
        store = sample.store
        assert store["TaleRecord:method"] == label
        assert store["TaleRecord:budget"] == budgets[str(sample.input)]
        assert store["TaleRecord:budget_status"] == "read"
        assert store["TaleRecord:estimator"] == estimator.signature
        assert 0 < store["TaleRecord:estimate_seconds"] < 60
        # a local estimate costs no tokens and no call
        assert [call["purpose"] for call in store["TaleRecord:calls"]] == ["answer"]
    rows = lm_eval_samples(folder, "tale_gsm8k_tale_ep")
    assert {row["doc"]["method"] for row in rows} == {label}
    assert {row["doc"]["question"]: row["budget"] for row in rows} == budgets
    assert {row["estimator_tokens"] for row in rows} == {0}


@pytest.mark.slow
def test_elasticity_shows_estimators_side_by_side(
    answered: tuple[Path, Path, ChatServer], logs: Path
) -> None:
    folder, odd, _ = answered
    done = tale_eval(
        *("elasticity", folder / "logs", "--estimator", odd),
        *("--json", "out.json", "--estimates", "picture.svg"),
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    (report,) = json.loads((folder / "out.json").read_text())
    run_by, computed = sorted(report["scores"])
    # what was run, and what the folder says of the searched questions, is the same
    ran, said = report["scores"][computed], report["scores"][run_by]
    assert {k: v for k, v in ran.items() if k != "seconds"} == said
    assert "ms an estimate" in done.stdout
    assert len(report["pairs"][run_by]) == len(FRESH)
    assert (folder / "picture.svg").read_text().count("<path") > len(FRESH)
    # of the questions that it was fitted on it says nothing
    done = tale_eval("elasticity", logs / "search", "--estimator", odd, cwd=folder)
    assert "fitted on 60 of the 60 searched questions, which are left out" in done.stderr


@pytest.mark.slow
def test_fit_and_allocate_from_the_command_line(logs: Path, tmp_path: Path) -> None:
    asked = gsm8k_file(tmp_path / "fresh.jsonl", FRESH)
    done = tale_eval(
        *("fit", logs / "search", "--estimator", "knn:neighbours=9", "--out", "knn"),
        *("--against", f"gsm8k:source={gsm8k_file(tmp_path / 'kept.jsonl', TAUGHT[:12])}"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "48 questions fitted: knn, knn-" in done.stdout
    assert "60.61 % in range, 109.64 tokens" in done.stdout
    card = read_fitted(tmp_path / "knn").card
    assert card["parameters"]["neighbours"] == 9
    assert (card["held_out"], card["questions"]["left_out"]) == (12, {"in the evaluation": 12})
    done = tale_eval(
        *("allocate", "knn", f"gsm8k:source={asked}", "--total", 3000, "--out", "plan"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"30 questions, 3,000 tokens: budgets of [\d,]+ in all", done.stdout)
    with chat_server(answer(SHAPE)) as server:
        done = tale_eval(
            *("compare", f"gsm8k:source={asked}", "--method", "tale_ep:estimator=plan"),
            *("--model", MODEL, "--log-dir", "logs", "--display", "none"),
            cwd=tmp_path,
            variables=server.variables,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    # the reasoner writes just its budget
    assert sum(reply.output_tokens for reply in server.replies) <= 3000
    (info,) = list_eval_logs(str(tmp_path / "logs"))
    stores = [sample.store for sample in read_eval_log(info).samples or []]
    assert sum(store["TaleRecord:budget"] for store in stores) <= 3000


@pytest.mark.slow
def test_a_sweep_of_totals_from_the_command_line(fitted: Path, tmp_path: Path) -> None:
    asked = gsm8k_file(tmp_path / "fresh.jsonl", FRESH)
    words = (
        *("compare", f"gsm8k:source={asked}", "--method", f"tale_ep:estimator={fitted}"),
        *("--sweep", "tale_ep.total=1500,4500", "--model", MODEL, "--log-dir", "logs"),
        *("--display", "none"),
    )
    with chat_server(answer(SHAPE)) as server:
        done = tale_eval(*words, cwd=tmp_path, variables=server.variables)
        assert done.returncode == 0, done.stdout + done.stderr
        asked_so_far = len(server.exchanges)
        again = tale_eval(*words, cwd=tmp_path, variables=server.variables)
        assert again.returncode == 0, again.stdout + again.stderr
        assert len(server.exchanges) == asked_so_far == 2 * len(FRESH)
    rows = leaderboard(read_records([str(tmp_path / "logs")]).records, baseline=None)
    spent, right = {}, {}
    for row in rows:
        (total,) = re.findall(r":total=(\d+)", row.label)
        spent[total] = sum(record.costs["output_tokens"] or 0 for record in row.records)
        right[total] = row.accuracy
    # the reasoner writes just its budget
    assert 0 < spent["1500"] <= 1500 < spent["4500"] <= 4500
    assert right["1500"] < right["4500"]


@pytest.mark.slow
def test_a_users_mistake_is_one_line(logs: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for arguments, message in (
        (["fit", logs / "search", "--out", "there"], "there exists: choose another --out"),
        (["fit", logs / "search", "--out", "x", "--estimator", "knnn"], "unknown estimator 'knnn'"),
        (
            ["allocate", "there", "chain_sum", "--total", 9, "--out", "x"],
            "card.json cannot be read",
        ),
    ):
        done = tale_eval(*arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert message in one_line(done.stderr, "error")


def test_questions_unlike_the_fitted_ones_are_counted_in_the_report(
    fitted: Path, tmp_path: Path
) -> None:
    french = "Un boulanger remplit 6 plateaux de 14 pains. Combien de pains sont cuits ?"
    asked = gsm8k_file(tmp_path / "mixed.jsonl", [*FRESH[:3], french])

    def any_answer(prompt: str, request: dict[str, Any]) -> Any:
        return answer(SHAPE)(prompt.replace(french, FRESH[0]), request)

    with chat_server(any_answer) as server:
        log = run(
            server,
            gsm8k(source=str(asked)),
            tmp_path / "logs",
            solver=tale_ep(estimator=str(fitted)),
        )
    statuses = [sample.store["TaleRecord:budget_status"] for sample in samples(log)]
    assert sorted(statuses) == ["outside", "read", "read", "read"]
    rows = leaderboard(read_records([str(tmp_path / "logs")]).records, baseline=None)
    assert rows[0].means["budget_outside"] == 0.25
    said = " ".join(problems(rows, None))
    assert "1 of 4 questions are unlike those that its estimator was fitted on" in said
