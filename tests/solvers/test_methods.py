"""The registry of methods: what follows from one file, ours or another package's."""

import json
from pathlib import Path
from typing import Any

import pytest
from command import (
    REPOSITORY,
    inspect,
    lm_eval as run_lm_eval,
    lm_eval_samples,
    one_line,
    tale_eval,
)
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


@pytest.mark.slow
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


TWICE = (
    DRAFT.replace("def draft", "def twice")
    .replace(
        "    way = Way(",
        """    def steps(question):
        said = yield Ask(lambda q: f"{q.text} First try.")
        yield Ask(lambda q: f"{q.text} You said {said!r}. Once more.")

    return Plan(steps, Way("", answer_format))
    way = Way(""",
    )
    .replace("import Plan, single", "import Ask, Plan, single")
)


@pytest.mark.slow
def test_a_plan_of_several_answers_asks_each_anew_in_both_harnesses(tmp_path: Path) -> None:
    files = {"again/__init__.py": "", "again/twice.py": TWICE}
    site = install(tmp_path, "again", files, {"tale_eval.methods": {"twice": "again.twice:twice"}})
    questions = gsm8k_file(tmp_path, 1)
    task = ("--tasks", "tale_gsm8k_twice", "--metadata", f"tale_source={questions}")

    def script(prompt: str, request: dict[str, object]) -> Reply:
        return Reply("[[0]]" if "Once more" in prompt else "[[1]]", output_tokens=5)

    with chat_server(script) as server:
        api = f"model=m,base_url={server.base_url}/chat/completions"
        model = ("--model", "local-chat-completions", "--apply_chat_template", "--model_args", api)
        env = variables(server, site) | {"TALE_EVAL_CACHE": str(tmp_path / "cache")}
        done = tale_eval(
            *("compare", f"gsm8k:source={questions}", "--method", "twice", "--log-dir", "logs"),
            *("--model", "openai-api/loop/m", "--display", "plain"),
            cwd=tmp_path,
            variables=env,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        done = run_lm_eval(
            *("run", *model, *task, "--output_path", tmp_path / "out", "--log_samples"),
            cwd=tmp_path,
            variables=env,
        )
        assert done.returncode == 0, done.stderr
        # one user message each: no earlier answer is sent along
        sent = [[m["role"] for m in request["messages"]] for request in server.requests]
        assert sent == [["user"]] * 4
        path = run_lm_eval("--path", cwd=tmp_path, variables=env).stdout.strip()
        alone = ("run", "--include_path", path, *model, *task)
        refused = run_lm_eval(*alone, cwd=tmp_path, variables=env, plain=True)
        assert "method twice asks several things about each question" in refused.stderr
    prompts = server.prompts()
    assert prompts[:2] == prompts[2:]
    assert prompts[1] == "What is 0 plus 0? You said '[[1]]'. Once more."
    (info,) = list_eval_logs(str(tmp_path / "logs"))
    (sample,) = read_eval_log(info).samples or []
    (row,) = lm_eval_samples(tmp_path, "tale_gsm8k_twice")
    assert (values(sample)["correct"], values(sample)["output_tokens"]) == (1, 10)
    assert (row["correct"], row["output_tokens"], row["answer_tokens"]) == (1, 10, 5)


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


# --- whatever they do ---------------------------------------------------------------------

PREAMBLE = """
from inspect_ai.solver import Solver, solver
from tale_eval import Plan, Way, method, single

WAY = Way("", "none")

def once() -> Plan:
    return single(lambda question: question.text, WAY)
"""
FAULTY = {
    "ends": "raise SystemExit(3)\n",
    "later": """
from __future__ import annotations
from typing import TYPE_CHECKING
from inspect_ai.solver import solver
from tale_eval import Way, method, single
if TYPE_CHECKING:
    from tale_eval import Plan

@solver
@method
def later() -> Plan:
    return single(lambda question: question.text, Way("", "none"))
""",
    "other_name": "@solver\n@method\ndef its_name() -> Plan:\n    return once()\n",
    "untyped": "@solver\n@method\ndef untyped(limit=5) -> Plan:\n    return once()\n",
    "positional": "@solver\n@method\ndef positional(x: int = 5, /) -> Plan:\n    return once()\n",
    "keywords": "@solver\n@method\ndef keywords(**x: int) -> Plan:\n    return once()\n",
    "no_return": "@solver\n@method\ndef no_return():\n    return once()\n",
    "estimate": "@solver\n@method\ndef estimate() -> Plan:\n    return once()\n",
    "zero_cot": "@solver\n@method\ndef zero_cot() -> Plan:\n    return once()\n",
    "refuses": "@solver\n@method\ndef refuses() -> Plan:\n    raise ValueError('not today')\n",
    "gives_none": "@solver\n@method\ndef gives_none() -> Plan:\n    return None\n",
    "asks_nothing": """
@solver
@method
def asks_nothing() -> Plan:
    return Plan(lambda question: (_ for _ in ()), WAY)
""",
    "asks_text": """
@solver
@method
def asks_text() -> Plan:
    return Plan(lambda question: (text for text in [question.text]), WAY)
""",
    "no_generator": """
@solver
@method
def no_generator() -> Plan:
    return Plan(lambda question: [question.text], WAY)
""",
}
ALONE = ("ends", "later")
UNUSABLE = {
    "ends": "(SystemExit: 3)",
    "later": "method later: its annotations cannot be read (NameError: name 'Plan' is not "
    "defined); import what they name outside of TYPE_CHECKING",
    "other_name": "'other_name' names the method 'its_name'; call the entry point, or the file, "
    "and the method alike",
    "untyped": "method untyped: limit has no type; annotate it, as in 'limit: int'",
    "positional": "method positional: 'x: int = 5' cannot be given by its name",
    "keywords": "method keywords: '**x: int' cannot be given by its name",
    "no_return": "method no_return: annotate what its function returns, as '-> Plan' ",
}
REFUSED = {
    "refuses": "method refuses: not today",
    "gives_none": "method gives_none: its function returned None, and its annotation says a Plan: "
    "return one",
}
MISASKED = {
    "asks_nothing": "method asks_nothing: its plan asks nothing: yield an Ask for the answer",
    "asks_text": "method asks_text: its plan yields 'What is 1 plus 1?': yield an Ask ",
    "no_generator": "method no_generator: its plan's steps are ['What is 1 plus 1?']: write a ",
}

ASKED_OF_THEM = """
import json
from tale_eval.asking.question import Question
from tale_eval.lm_eval_ext.task_files import task_files
from tale_eval.solvers import methods, resolve

def said(ask):
    try:
        ask()
    except ValueError as error:
        return str(error)

question = Question("What is 1 plus 1?", "cloze", "en", "bracketed")
problems, files = [], []
usable = [*methods().usable(problems)]
tasks = task_files(files)
print(json.dumps({
    "usable": usable,
    "problems": problems,
    "files": files,
    "tasks": tasks,
    "refused": {name: said(lambda: resolve(name)) for name in REFUSED},
    "misasked": {
        name: said(lambda: next(methods()[name].plan({}).steps(question))) for name in MISASKED
    },
    "got": methods().get("nope", "none"),
    "unknown": said(lambda: resolve("nope")),
}))
"""


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with a method for each way to be wrong, really installed."""
    files = {"faulty/__init__.py": ""} | {
        f"faulty/{name}.py": text if name in ALONE else PREAMBLE + text
        for name, text in FAULTY.items()
    }
    points = {name: f"faulty.{name}:{name}" for name in FAULTY}
    points |= {"other_name": "faulty.other_name:its_name", "direct": "faulty.zero_cot:zero_cot"}
    folder = tmp_path_factory.mktemp("faulty")
    return install(folder, "faulty", files, {"tale_eval.methods": points})


@pytest.fixture(scope="module")
def said(faulty: Path) -> Any:
    """What a process says of them."""
    names = f"REFUSED, MISASKED = {[*REFUSED]}, {[*MISASKED]}\n"
    return json.loads(python(faulty, names + ASKED_OF_THEM))


def test_each_fault_is_one_line_with_the_method_its_package_and_the_fix(said: Any) -> None:
    for name, reason in UNUSABLE.items():
        (line,) = [line for line in said["problems"] if f"method {name!r} of " in line]
        assert "of faulty 1.0 cannot be used" in line
        assert reason in line
        assert "\n" not in line
    assert len(said["problems"]) == len(UNUSABLE) + 1  # "direct" is there twice
    assert set(said["usable"]) == (set(OURS) | set(FAULTY)) - set(UNUSABLE) - {"direct"}


def test_a_function_that_refuses_or_returns_something_else_is_named(said: Any) -> None:
    assert said["refused"] == REFUSED


def test_a_plan_that_asks_nothing_or_something_else_is_named(said: Any) -> None:
    for name, message in MISASKED.items():
        assert said["misasked"][name].startswith(message)


def test_a_name_that_is_not_there_is_a_key_that_is_not_there(said: Any) -> None:
    assert said["got"] == "none"
    assert methods().get("nope") is None
    # "direct", which two have here, is not offered
    offered = ", ".join(name for name in OURS if name != "direct")
    assert said["unknown"].startswith(f"unknown method 'nope'; allowed: {offered}")


def test_tasks_of_one_name_are_those_of_the_first_and_ours_come_first(said: Any) -> None:
    assert [line for line in said["files"] if "left out of lm-eval" in line] == [
        "benchmark gsm8k with method zero_cot is left out of lm-eval: tale_gsm8k_zero_cot is "
        "benchmark gsm8k_zero with method cot; rename one"
    ]
    assert "benchmark: gsm8k_zero" in said["tasks"]["tale_gsm8k_zero_cot.yaml"]
    assert "- tale_gsm8k_zero_cot" not in said["tasks"]["tale_gsm8k.yaml"]
    assert "- tale_gsm8k_zero_cot" in said["tasks"]["tale_gsm8k_zero.yaml"]
    assert "- tale_gpqa_zero_cot" in said["tasks"]["tale_gpqa.yaml"]
    (line,) = [line for line in said["files"] if "no lm-eval task" in line]
    assert line.startswith("method 'estimate' of faulty.estimate:estimate of faulty 1.0 has no lm-")
    assert "method: estimate" in said["tasks"]["tale_gsm8k_estimate.yaml"]
    assert "include: _estimate.yaml" in said["tasks"]["tale_gsm8k_estimate.yaml"]


def test_lm_eval_goes_on_with_the_others_and_names_the_faults(faulty: Path, tmp_path: Path) -> None:
    variables = {"PYTHONPATH": path_with(faulty), "TALE_EVAL_CACHE": str(tmp_path / "cache")}
    done = run_lm_eval("--path", cwd=tmp_path, variables=variables)
    assert done.returncode == 0, done.stderr
    notes = [line for line in done.stderr.splitlines() if line.startswith("note: ")]
    assert len(notes) == len(UNUSABLE) + 3
    assert (Path(done.stdout.strip()) / "tale_gsm8k_cot.yaml").is_file()
    done = run_lm_eval(
        *("run", "--model", "dummy", "--tasks", "tale_gsm8k_asks_nothing"),
        *("--metadata", f"tale_source={gsm8k_file(tmp_path, 1)}"),
        cwd=tmp_path,
        variables=variables,
    )
    assert done.returncode == 2
    assert one_line(done.stderr, "error") == f"error: {MISASKED['asks_nothing']}"


def test_inspect_names_a_plan_that_asks_nothing(faulty: Path, tmp_path: Path) -> None:
    with chat_server(drafts) as server:
        inspect(
            *("eval", "tale_eval/gsm8k", "-T", "method=asks_nothing"),
            *("-T", f"source={gsm8k_file(tmp_path, 1)}", "--model", "openai-api/loop/m"),
            *("--display", "plain", "--log-dir", tmp_path / "logs"),
            cwd=tmp_path,
            variables=variables(server, faulty),
        )
    (info,) = list_eval_logs(str(tmp_path / "logs"))
    (sample,) = read_eval_log(info).samples or []
    assert sample.error is not None
    assert MISASKED["asks_nothing"] in sample.error.message
