"""The registry of methods: what follows from one file, ours or another package's."""

import json
from pathlib import Path

import pytest
from command import REPOSITORY, inspect, lm_eval as run_lm_eval, lm_eval_samples, tale_eval
from evaluation import right, run, samples, values
from inspect_ai.log import list_eval_logs, read_eval_log
from installed import install, path_with, python
from questions import gsm8k_file, number_in
from server import ChatServer, Reply, chat_server

from tale_eval.asking.method import Method
from tale_eval.asking.question import Question
from tale_eval.errors import InvalidValueError, UnknownNameError
from tale_eval.lm_eval_ext.documents import plans
from tale_eval.solvers import method_solver, methods, resolve
from tale_eval.tasks.gsm8k import gsm8k

OURS = [path.stem for path in sorted((REPOSITORY / "solvers").glob("[!_]*.py"))]

DRAFT = '''
"""Chain of Draft: a few words a step."""

from inspect_ai.solver import solver

from tale_eval.asking.question import FormatChoice, Question, Way
from tale_eval.budgets.plan import Plan, single
from tale_eval.inspect_ext.method import method


def words(question: Question, limit: int) -> str:
    return f"{question.text}\\nDraft each step in at most {limit} words; then #### and the answer."


@solver
@method
def draft(limit: int = 5, answer_format: FormatChoice = "none") -> Plan:
    """Ask for drafts."""
    way = Way("You write drafts.", answer_format)
    return single(lambda question: words(question, limit), way)
'''
REGISTRY = "from rivals.draft import draft\n"


@pytest.fixture(scope="module")
def rivals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with a method of its own, really installed: the folder for PYTHONPATH."""
    return install(
        tmp_path_factory.mktemp("rivals"),
        "rivals",
        {"rivals/__init__.py": "", "rivals/draft.py": DRAFT, "rivals/_registry.py": REGISTRY},
        {
            "tale_eval.methods": {"draft": "rivals.draft:draft"},
            "inspect_ai": {"rivals": "rivals._registry"},
        },
    )


def drafts(prompt: str, request: dict[str, object]) -> Reply:
    return Reply(f"{number_in(prompt)} twice\n#### {2 * number_in(prompt)}", output_tokens=9)


def variables(server: ChatServer, site: Path) -> dict[str, str]:
    return server.variables | {"PYTHONPATH": path_with(site)}


# --- ours ---------------------------------------------------------------------------------


def test_every_file_of_the_folder_is_a_method_of_its_name() -> None:
    assert [*methods()] == OURS
    for name in OURS:
        assert methods()[name].name == name
        assert methods().origin(name) == f"tale_eval.solvers.{name}"
        assert methods()[name].registered_name == f"tale_eval/{name}"


def test_both_harnesses_follow_the_plans_and_only_a_search_needs_inspect() -> None:
    assert set(OURS) - set(plans()) == {"budget_search"}
    with pytest.raises(InvalidValueError, match="budget_search runs in Inspect alone"):
        methods()["budget_search"].plan({})


def test_a_plan_says_what_is_asked_and_is_told_what_came() -> None:
    question = Question("What is 1 plus 1?", "cloze", "en", "bracketed")
    steps = methods()["tale_ep"].plan({"max_budget": 20}).steps(question)
    estimate = next(steps)
    assert (estimate.purpose, estimate.role, estimate.max_tokens) == ("estimate", "estimator", 1024)
    answer = steps.send("Budget: [[30]]")
    assert (answer.purpose, answer.budget) == ("answer", 20)
    assert answer.reading is not None
    assert (answer.reading.budget, answer.reading.status) == (20, "clamped")
    assert "use less than 20 tokens" in answer.words(question)
    with pytest.raises(StopIteration):
        steps.send("[[2]]")


@pytest.mark.parametrize("name", OURS)
def test_each_answers_in_inspect_and_is_counted(name: str, tmp_path: Path) -> None:
    arguments = {"budget": ":tokens=50"}
    task = gsm8k(source=str(gsm8k_file(tmp_path, 2)), method=name + arguments.get(name, ""))
    with chat_server(right) as server:
        answered = samples(run(server, task, tmp_path))
    assert [values(sample)["correct"] for sample in answered] == [1, 1]
    counted = sum(values(sample)["output_tokens"] for sample in answered)
    assert counted == server.total("output_tokens")


def test_a_method_is_resolved_to_what_its_label_in_logs_says() -> None:
    assert str(resolve("budget:style=answer_last:tokens=050")) == (
        "budget:tokens=50:style=answer_last"
    )
    assert resolve("cot:style=paper") == Method("cot")
    assert resolve(Method("tale_ep", {"estimator": "zero_shot"})) == Method("tale_ep")


@pytest.mark.parametrize(
    ("method", "error", "message"),
    [
        ("tale_epp", UnknownNameError, "unknown method 'tale_epp'.*Did you mean 'tale_ep'"),
        ("cot:stile=paper", UnknownNameError, "argument of method cot 'stile'"),
        ("budget", InvalidValueError, "missing a required argument: 'tokens'"),
        ("budget:tokens=0", InvalidValueError, "tokens=0: must be a whole number from 1 up"),
        ("tale_ep:estimator=zero", UnknownNameError, "unknown estimator 'zero'.*zero_shot"),
    ],
)
def test_a_mistake_is_named(method: str, error: type[Exception], message: str) -> None:
    for read in (resolve, method_solver):
        with pytest.raises(error, match=message):
            read(method)


# --- somebody else's ----------------------------------------------------------------------


@pytest.mark.slow
def test_their_method_is_a_solver_of_inspects_and_a_method_of_our_tasks(
    rivals: Path, tmp_path: Path
) -> None:
    questions = f"source={gsm8k_file(tmp_path, 2)}"
    with chat_server(drafts) as server:
        for words in (
            ("-T", questions, "--solver", "rivals/draft", "-S", "limit=3"),
            ("-T", questions, "-T", "method=draft:limit=3"),
        ):
            done = inspect(
                *("eval", "tale_eval/gsm8k", *words, "--model", "openai-api/loop/m"),
                *("--display", "plain", "--log-dir", tmp_path / "logs"),
                cwd=tmp_path,
                variables=variables(server, rivals),
            )
            assert done.returncode == 0, done.stdout + done.stderr
    assert len(server.prompts()) == 4
    assert all("at most 3 words" in prompt for prompt in server.prompts())
    for info in list_eval_logs(str(tmp_path / "logs")):
        for sample in read_eval_log(info).samples or []:
            assert sample.store["TaleRecord:method"] == "draft:limit=3"
            assert (values(sample)["correct"], values(sample)["output_tokens"]) == (1, 9)


def test_their_method_is_compared_on_our_tasks_and_on_those_of_others(
    rivals: Path, tmp_path: Path
) -> None:
    (tmp_path / "sums.py").write_text(
        "from inspect_ai import Task, task\n"
        "from inspect_ai.dataset import Sample\n"
        "from inspect_ai.scorer import includes\n"
        "@task\n"
        "def sums():\n"
        "    return Task([Sample('What is 4 plus 4?', target='8')], scorer=includes())\n"
    )
    with chat_server(drafts) as server:
        done = tale_eval(
            *("compare", f"gsm8k:source={gsm8k_file(tmp_path, 2)}", "sums.py"),
            *("--method", "draft", "--model", "openai-api/loop/m", "--log-dir", "logs"),
            *("--display", "plain"),
            cwd=tmp_path,
            variables=variables(server, rivals),
        )
    assert done.returncode == 0, done.stdout + done.stderr
    logs = [read_eval_log(info) for info in list_eval_logs(str(tmp_path / "logs"))]
    recorded = {s.store["TaleRecord:method"] for log in logs for s in log.samples or []}
    assert (len(logs), recorded) == (2, {"draft"})


def test_their_method_is_a_task_of_lm_evals_on_every_benchmark(
    rivals: Path, tmp_path: Path
) -> None:
    with chat_server(drafts) as server:
        done = run_lm_eval(
            *("run", "--model", "local-chat-completions", "--apply_chat_template"),
            *("--model_args", f"model=m,base_url={server.base_url}/chat/completions"),
            *("--tasks", "tale_gsm8k_draft"),
            *("--metadata", f"tale_source={gsm8k_file(tmp_path, 2)}", "tale_limit=4"),
            *("--output_path", tmp_path / "out", "--log_samples"),
            cwd=tmp_path,
            variables=variables(server, rivals) | {"TALE_EVAL_CACHE": str(tmp_path / "cache")},
        )
        assert done.returncode == 0, done.stderr
    assert all("at most 4 words" in prompt for prompt in server.prompts())
    system = [request["messages"][0]["content"] for request in server.requests]
    assert system == ["You write drafts."] * 2
    rows = lm_eval_samples(tmp_path, "tale_gsm8k_draft")
    assert [row["doc"]["method"] for row in rows] == ["draft:limit=4"] * 2
    assert [(row["correct"], row["output_tokens"]) for row in rows] == [(1, 9)] * 2


def test_a_package_that_cannot_be_imported_stops_only_itself(tmp_path: Path) -> None:
    broken = {"broken/__init__.py": "", "broken/bad.py": "import no_such_module\n"}
    site = install(tmp_path, "broken", broken, {"tale_eval.methods": {"bad": "broken.bad:bad"}})
    said = python(
        site,
        "from tale_eval.solvers import methods, resolve\n"
        "problems = []\n"
        "print(sorted(methods().usable(problems)))\n"
        "print(resolve('cot'), problems[0])\n"
        "try:\n    resolve('bad')\nexcept ValueError as error:\n    print(error)\n",
    ).splitlines()
    assert said[0] == str(OURS)
    expected = (
        "method 'bad' of broken.bad:bad of broken 1.0 cannot be used (ModuleNotFoundError: No "
        "module named 'no_such_module'); mend or uninstall that package"
    )
    assert said[1:] == [f"cot {expected}", expected]


def test_what_is_no_method_is_refused_by_name(tmp_path: Path) -> None:
    site = install(
        tmp_path,
        "odd",
        {"odd.py": "def odd() -> None: ...\n"},
        {"tale_eval.methods": {"odd": "odd:odd"}},
    )
    said = python(
        site,
        "from tale_eval.solvers import resolve\n"
        "try:\n    resolve('odd')\nexcept ValueError as error:\n    print(error)\n",
    )
    assert "expected a function under @solver and @method" in said
    assert "odd:odd of odd 1.0" in said


def test_two_methods_of_one_name_are_refused_with_both_origins(tmp_path: Path) -> None:
    mine = {"mine/__init__.py": "", "mine/cot.py": DRAFT.replace("def draft", "def cot")}
    site = install(tmp_path, "mine", mine, {"tale_eval.methods": {"cot": "mine.cot:cot"}})
    said = json.loads(
        python(
            site,
            "import json\nfrom tale_eval.solvers import resolve\n"
            "try:\n    resolve('cot')\nexcept ValueError as error:\n    reason = str(error)\n"
            "print(json.dumps([reason, str(resolve('direct'))]))\n",
        )
    )
    assert said == [
        "2 methods are called 'cot': tale_eval.solvers.cot and mine.cot:cot of mine 1.0; rename "
        "or uninstall one",
        "direct",
    ]
