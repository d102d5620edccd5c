"""Methods on tasks that know nothing of tale-eval: what is asked, kept, and scored."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Epochs, Task, eval
from inspect_ai.agent import react
from inspect_ai.dataset import Sample
from inspect_ai.event import LoggerEvent, ModelEvent
from inspect_ai.log import EvalSample, resolve_sample_attachments
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    ContentImage,
    ContentText,
    GenerateConfig,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import (
    Score,
    Scorer,
    Target,
    accuracy,
    choice,
    exact,
    f1,
    includes,
    match,
    math,
    model_graded_qa,
    pattern,
    scorer,
)
from inspect_ai.solver import (
    Generate,
    Solver,
    TaskState,
    basic_agent,
    chain,
    chain_of_thought,
    generate,
    multiple_choice,
    prompt_template,
    solver,
    system_message,
    use_tools,
)
from inspect_ai.tool import Tool, tool
from offline_evals import offline

from tale_eval.asking.stated import LETTERS_SENTENCE
from tale_eval.inspect_ext.check import Checked, check
from tale_eval.inspect_ext.foreign import REPLY
from tale_eval.inspect_ext.own_task import own_task
from tale_eval.logs import read_records
from tale_eval.solvers import method_solver, methods

METHODS = ("direct", "cot", "budget:tokens=50", "tale_ep")


@solver
def the_tasks_own() -> Solver:
    """The solver that `--solver` puts another in the place of."""

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        return await chain(*own_task(state).steps)(state, generate)

    return solve


def checked(task: str | Task, arguments: dict[str, Any] | None = None) -> dict[str, Checked]:
    solvers = {label: method_solver(label) for label in METHODS}
    found = check(task, {"own": the_tasks_own(), **solvers}, arguments)
    return {one.method: one for one in found}


EVALS: dict[str, dict[str, Any]] = {
    "boolq": {},
    "squad": {},
    "paws": {},
    "drop": {},
    "aime2024": {},
    "math": {},
    "gsm8k": {},
    "mgsm": {"languages": ["en"]},
    "mgsm de": {"languages": ["de"]},
    "mgsm zh": {"languages": ["zh"]},
    "mgsm te": {"languages": ["te"]},
    "bbeh_mini": {},
    "commonsense_qa": {},
    "arc_easy": {},
    "hellaswag": {},
    "race_h": {},
    "winogrande": {},
    "mmlu_0_shot": {},
    "mmlu_5_shot": {},
    "truthfulqa": {"target": "mc2"},
    "truthfulqa mc1": {"target": "mc1"},
    "assistant_bench_closed_book_zero_shot": {},
    "assistant_bench_closed_book_one_shot": {},
    "sec_qa_v1_5_shot": {},
    "docvqa": {},
    "agent_threat_bench_memory_poison": {},
}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with offline(tmp_path):
        yield


@pytest.mark.slow
@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("name", EVALS)
def test_an_unmodified_eval_scores_every_method_as_its_own_solver(name: str) -> None:
    found = checked(f"inspect_evals/{name.split()[0]}", EVALS[name])
    own = found.pop("own")
    assert own.told_apart, own
    assert set(found) == set(METHODS)
    for one in found.values():
        assert one.told_apart, one
        assert one.right == own.right
        assert one.wrong == own.wrong
        assert one.asked


# --- Eight tasks of our own ---


@tool
def adder() -> Tool:
    async def execute(x: int, y: int) -> int:
        """Add two numbers.

        Args:
            x: One.
            y: The other.
        """
        return x + y

    return execute


@scorer(metrics=[accuracy()])
def in_a_box() -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        return Score(value="C" if f"\\boxed{{{target.text}}}" in state.output.completion else "I")

    return score


@scorer(metrics=[accuracy()])
def in_tags() -> Scorer:
    async def score(state: TaskState, target: Target) -> Score:
        return Score(value="C" if f"<answer>{target.text}<" in state.output.completion else "I")

    return score


def questions(*targets: str | list[str]) -> list[Sample]:
    return [Sample(f"Which is number {n}?", target=target) for n, target in enumerate(targets)]


def with_image(text: str, target: str) -> Sample:
    pixel = ContentImage(image="data:image/png;base64,iVBORw0KGgo=")
    return Sample([ChatMessageUser(content=[ContentText(text=text), pixel])], target=target)


def after_a_chat(text: str, target: str) -> Sample:
    said: list[ChatMessage] = [
        ChatMessageSystem(content="You are terse."),
        ChatMessageUser(content="Which is the first?"),
        ChatMessageAssistant(content="The oak."),
        ChatMessageUser(content=text),
    ]
    return Sample(said, target=target)


TASKS: dict[str, Callable[[], Task]] = {
    "a list target": lambda: Task(
        dataset=questions(["elm", "elm tree"], ["ash", "ash tree"]),
        solver=[system_message("In as few words as possible."), generate()],
        scorer=[f1(), exact()],
    ),
    "an image": lambda: Task(
        dataset=[with_image("Which tree?", "elm"), with_image("And here?", "ash")],
        scorer=match(),
    ),
    "chat history": lambda: Task(
        dataset=[after_a_chat("Which now?", "elm"), after_a_chat("And then?", "ash")],
        scorer=includes(),
    ),
    "several scorers": lambda: Task(
        dataset=questions("12", "15"), scorer=[match(numeric=True), includes(), model_graded_qa()]
    ),
    "tools in a loop of its own": lambda: Task(
        dataset=questions("12", "15"), solver=react(tools=[adder()]), scorer=match(numeric=True)
    ),
    "tools": lambda: Task(
        dataset=questions("12", "15"), solver=[use_tools(adder()), generate()], scorer=match()
    ),
    "boxed, by Inspect's scorer": lambda: Task(dataset=questions("12", "15"), scorer=math()),
    "boxed, by a scorer of its own": lambda: Task(dataset=questions("12", "15"), scorer=in_a_box()),
    "a setup that writes the format": lambda: Task(
        dataset=questions("12", "15"),
        setup=prompt_template("{prompt}\nWrite the result between <answer> and </answer>."),
        scorer=in_tags(),
    ),
    "a pattern": lambda: Task(
        dataset=questions("12", "15"),
        solver=[prompt_template("{prompt} Finish with: #### and the number."), generate()],
        scorer=pattern(r"####\s*(\d+)"),
    ),
}


@pytest.mark.parametrize("name", TASKS)
def test_right_answers_score_and_wrong_ones_do_not(name: str) -> None:
    found = checked(TASKS[name]())
    found.pop("own")
    for one in found.values():
        assert one.told_apart, one
        assert one.asked


@pytest.mark.parametrize("name", ["a list target", "boxed, by Inspect's scorer", "several letters"])
def test_every_method_there_is_asks_so_that_the_scorer_reads_it(name: str) -> None:
    letters = Task(
        dataset=[Sample("Which?", choices=["x", "y", "z"], target=["A", "C"])],
        solver=multiple_choice(multiple_correct=True),
        scorer=choice(),
    )
    task = letters if name == "several letters" else TASKS[name]()
    # a search needs to be told which of several scorers decides
    deciding = {"score": "exact"} if name == "a list target" else {}
    solvers = {}
    for label, definition in methods().items():
        given = {**definition.example, **(deciding if label == "budget_search" else {})}
        solvers[label] = method_solver(definition.method(given))
    found = check(task, solvers)
    assert [one.method for one in found] == list(methods())
    assert [one for one in found if not one.told_apart] == []


# --- What is sent and kept ---


def scripted(reply: str, then: ModelOutput | None = None) -> Callable[..., ModelOutput]:
    """A model that says this, and later that, if there is anything."""
    left = [ModelOutput.from_content("mockllm/model", reply), *([then] if then else [])]

    def answer(messages: Any, tools: Any, tool_choice: Any, config: GenerateConfig) -> ModelOutput:
        output = left.pop(0) if len(left) > 1 else deepcopy(left[0])
        output.usage = ModelUsage(input_tokens=1, output_tokens=2, total_tokens=3)
        return output

    return answer


def run(
    task: Task,
    folder: Path,
    *,
    method: str = "cot",
    reply: str = "So.\nANSWER: 12",
    then: ModelOutput | None = None,
    **given: Any,
) -> EvalSample:
    model = get_model("mockllm/model", custom_outputs=scripted(reply, then))
    solvers = {} if method == "" else {"solver": method_solver(method)}
    (log,) = eval(task, model=model, display="none", log_dir=str(folder), **solvers, **given)
    assert log.samples
    return log.samples[0]


def sent(sample: EvalSample) -> list[tuple[str, str]]:
    """The conversation that the model was sent first."""
    sample = resolve_sample_attachments(sample, "full")
    event = next(event for event in sample.events if isinstance(event, ModelEvent))
    return [(message.role, message.text) for message in event.input]


def asked(sample: EvalSample) -> dict[str, Any]:
    prefix = "AskedFor:"
    return {k.removeprefix(prefix): v for k, v in sample.store.items() if k.startswith(prefix)}


GIVEN = (
    'Solve it step by step. The last line must be "ANSWER: $ANSWER" (without quotes).\n\n'
    "Use whole numbers.\n{prompt}"
)
ANSWER_LINE = (
    'The last line of your response must be of the form "ANSWER: $ANSWER" (without quotes), '
    "where $ANSWER is the answer to the question."
)


def test_examples_stay_and_the_template_gives_way_to_the_method(tmp_path: Path) -> None:
    task = Task(
        dataset=questions("12"),
        solver=[system_message("Example: 1 + 1 is 2."), prompt_template(GIVEN), generate()],
        scorer=match(numeric=True),
    )
    sample = run(task, tmp_path)
    assert sent(sample) == [
        ("system", "Example: 1 + 1 is 2."),
        (
            "user",
            f"Q: Use whole numbers.\nWhich is number 0?\n{ANSWER_LINE}Let's think step by step:\n",
        ),
    ]
    assert asked(sample)["kept"] == ["system_message", "prompt_template", "generate"]
    assert asked(sample)["left_out"] == [
        "Solve it step by step.",
        'The last line must be "ANSWER: $ANSWER" (without quotes).',
    ]
    assert asked(sample)["found"] == "scorer match()"


def test_the_tasks_words_stay_untouched_where_the_user_says_so(tmp_path: Path) -> None:
    task = Task(
        dataset=questions("12"), solver=[prompt_template(GIVEN), generate()], scorer=match()
    )
    sample = run(task, tmp_path, method="cot:answer_format=task")
    words = GIVEN.replace("{prompt}", "Which is number 0?")
    assert sent(sample)[-1] == ("user", f"Q: {words}\nLet's think step by step:\n")
    assert asked(sample)["found"] == "answer_format=task"


def test_without_a_format_the_question_is_asked_alone(tmp_path: Path) -> None:
    task = Task(
        dataset=questions("12"), solver=[prompt_template(GIVEN), generate()], scorer=match()
    )
    sample = run(task, tmp_path, method="cot:answer_format=none")
    assert sent(sample)[-1] == ("user", "Q: Which is number 0?\nLet's think step by step:\n")


def test_a_format_in_the_question_is_not_said_twice(tmp_path: Path) -> None:
    question = "What is 5 + 7? Put it within \\boxed{}."
    sample = run(Task(dataset=[Sample(question, target="12")], scorer=match()), tmp_path)
    assert sent(sample)[-1] == ("user", f"Q: {question}\nLet's think step by step:\n")
    assert asked(sample)["found"] == "the question itself states it (boxed)"


@pytest.mark.parametrize(
    ("question", "label"),
    [
        ('Was ist 5 + 7? Die letzte Zeile sei "Antwort: x".', "Antwort"),
        ("5 加 7 等于多少？最后一行写“答案：”和数字。", "答案"),
    ],
)
def test_a_format_in_another_language_is_not_said_twice_and_is_followed_by_the_check(
    question: str, label: str, tmp_path: Path
) -> None:
    data = [Sample(question, target="12"), Sample(question + " ", target="15")]
    task = Task(dataset=data, scorer=pattern(label + r"[:：]\s*(\d+)"))
    (one,) = check(task, {"cot": method_solver("cot")})
    assert one.told_apart, one
    assert "ANSWER" not in sent(run(task, tmp_path))[-1][1]


def test_a_chinese_question_is_asked_in_chinese_as_in_lm_eval(tmp_path: Path) -> None:
    task = Task(dataset=[Sample("5 加 7 等于多少？", target="12")], scorer=match())
    assert sent(run(task, tmp_path))[-1] == (
        "user",
        "Q: 5 加 7 等于多少？\n回答的最后一行必须是“ANSWER: $ANSWER”（不含引号），"
        "其中 $ANSWER 是问题的答案。\n让我们一步一步思考：\n",
    )


@pytest.mark.parametrize(
    "metadata",
    [
        {"benchmark": "humaneval", "kind": "code", "language": "python", "subset": "x"},
        {"benchmark": "arc", "kind": "choice", "language": "en"},
    ],
)
def test_fields_of_somebodys_data_do_not_make_it_ours(
    metadata: dict[str, str], tmp_path: Path
) -> None:
    task = Task(dataset=[Sample("5 + 7?", target="12", metadata=metadata)], scorer=match())
    sample = run(task, tmp_path)
    assert sample.error is None
    assert asked(sample)["found"] == "scorer match()"


@pytest.mark.parametrize("method", ["cot", "self_consistency:samples=2"])
def test_options_behind_z_are_numbered_as_inspect_numbers_them(method: str, tmp_path: Path) -> None:
    choices = [f"tree {n}" for n in range(30)]
    task = Task(dataset=[Sample("Which?", choices=choices, target="2")], scorer=choice())
    sample = run(task, tmp_path, method=method, reply="So.\nANSWER: 2")
    assert "\nZ) tree 25\n1) tree 26\n2) tree 27\n" in sent(sample)[-1][1]
    assert sample.scores is not None
    assert sample.scores["choice"].value == "C"


def test_a_request_to_reason_is_the_methods_own_business(tmp_path: Path) -> None:
    task = Task(dataset=questions("12"), solver=[chain_of_thought(), generate()], scorer=match())
    sample = run(task, tmp_path, method="direct")
    assert "step-by-step" not in sent(sample)[-1][1]
    assert asked(sample)["left_out"] == ["chain_of_thought()"]


def test_a_scorer_of_whole_replies_is_shown_the_answer_alone(tmp_path: Path) -> None:
    task = Task(dataset=questions("12"), scorer=exact())
    sample = run(task, tmp_path, reply="Five and seven.\nANSWER: 12")
    assert sample.output.completion == "12"
    assert asked(sample)["alone"] is True
    assert sample.output.metadata == {REPLY: "Five and seven.\nANSWER: 12"}
    assert sample.scores is not None
    assert sample.scores["exact"].value == "C"
    # the tokens are those of the whole reply
    assert sample.store["TaleRecord:calls"][0]["output_tokens"] == 2


def test_a_reply_without_an_answer_line_stays_whole(tmp_path: Path) -> None:
    sample = run(Task(dataset=questions("12"), scorer=exact()), tmp_path, reply="12")
    assert sample.output.completion == "12"
    assert not sample.output.metadata


def test_the_user_can_have_any_scorer_shown_the_answer_alone(tmp_path: Path) -> None:
    task = Task(dataset=questions("12"), scorer=match(location="end"))
    sample = run(task, tmp_path, method="cot:answer_format=answer_only")
    assert sample.output.completion == "12"


def test_an_anchored_pattern_reads_the_answer_alone(tmp_path: Path) -> None:
    task = Task(dataset=questions("Yes", "No"), scorer=pattern(r"\A\W*(Yes|No)\W*\Z"))
    sample = run(task, tmp_path, reply="It is so.\nANSWER: Yes")
    assert sample.scores is not None
    assert sample.scores["pattern"].value == "C"
    assert asked(sample)["found"] == "scorer pattern() reads the answer alone"


@pytest.mark.parametrize("stated", [True, False])
def test_several_right_options_are_asked_for(stated: bool, tmp_path: Path) -> None:
    """By the task's solver, or by its targets where it has none."""
    target = ["A", "C"]
    task = Task(
        dataset=[Sample("Which?", choices=["x", "y", "z"], target=target)],
        solver=multiple_choice(multiple_correct=True) if stated else generate(),
        scorer=choice(),
    )
    sample = run(task, tmp_path, reply="ANSWER: C, A")
    assert LETTERS_SENTENCE in sent(sample)[-1][1]
    assert sample.scores is not None
    assert sample.scores["choice"].value == "C"


def test_one_right_option_is_asked_for_in_the_words_of_before(tmp_path: Path) -> None:
    task = Task(dataset=[Sample("Which?", choices=["x", "y"], target="A")], scorer=choice())
    sample = run(task, tmp_path, reply="ANSWER: A")
    assert sent(sample)[-1][1].startswith("Which?\n\nA) x\nB) y\nThe last line of your response")


def test_a_solver_of_its_own_is_kept_without_its_cap(tmp_path: Path) -> None:
    @solver
    def shouting() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            state.user_prompt.text = state.user_prompt.text.upper()
            state = await generate(state, max_tokens=5)
            state.output.completion = state.output.completion.replace("12", "twelve")
            return state

        return solve

    sample = run(Task(dataset=questions("twelve"), solver=shouting(), scorer=match()), tmp_path)
    assert sent(sample)[-1][1].startswith("Q: WHICH IS NUMBER 0?")
    event = next(event for event in sample.events if isinstance(event, ModelEvent))
    assert event.config.max_tokens is None
    assert asked(sample)["left_out"] == ["max_tokens=5"]
    assert sample.scores is not None
    assert sample.scores["match"].value == "C"


def test_tools_are_offered_and_the_loop_is_the_tasks_own(tmp_path: Path) -> None:
    agent = basic_agent(init=[system_message("Go.")], tools=[adder()])
    solver = [prompt_template("A riddle: {prompt}"), agent]
    task = Task(dataset=questions("12"), solver=solver, scorer=match())
    submitted = ModelOutput.for_tool_call("mockllm/model", "submit", {"answer": "12"})
    sample = run(task, tmp_path, method="budget:tokens=50", then=submitted)
    event = next(event for event in sample.events if isinstance(event, ModelEvent))
    assert {"adder", "submit"} <= {tool.name for tool in event.tools}
    prompt = dict(sent(sample))["user"]
    assert prompt.startswith("Q: A riddle: Which is number 0?")
    assert "use less than 50 tokens" in prompt
    assert asked(sample)["tools"] is True
    assert sample.scores is not None
    assert sample.scores["match"].value == "C"
    # both turns are counted: the first, and the one after being told to go on
    (record,) = read_records([str(tmp_path)]).records
    assert record.costs["output_tokens"] == 2 + 2


def test_a_grading_model_reads_the_whole_reply(tmp_path: Path) -> None:
    def grading(messages: list[ChatMessage], *rest: Any) -> ModelOutput:
        submission = messages[-1].text.split("[Submission]:")[1].split("[Criterion]")[0]
        right = "elm" in submission and "bark" in submission
        output = ModelOutput.from_content("mockllm/model", f"GRADE: {'C' if right else 'I'}")
        output.usage = ModelUsage(input_tokens=1, output_tokens=2, total_tokens=3)
        return output

    for reply, grade in (("The bark says: elm.", "C"), ("The bark says: ash.", "I")):
        sample = run(
            Task(dataset=questions("elm"), scorer=model_graded_qa()),
            tmp_path,
            reply=reply,
            model_roles={"grader": get_model("mockllm/model", custom_outputs=grading)},
        )
        assert sample.scores is not None
        assert sample.scores["model_graded_qa"].value == grade
        assert asked(sample)["found"] == "scorer model_graded_qa() reads any reply"


def test_what_was_chosen_is_said_once_a_run(tmp_path: Path) -> None:
    task = Task(dataset=questions("12", "15", "99"), scorer=match(location="begin"))
    model = get_model("mockllm/model", custom_outputs=scripted("ANSWER: 12"))
    solver = method_solver("cot")
    (log,) = eval(task, model=model, solver=solver, display="none", log_dir=str(tmp_path))
    events = [event for sample in log.samples or [] for event in sample.events]
    said = [event.message.message for event in events if isinstance(event, LoggerEvent)]
    (line,) = [message for message in said if "answers are asked for as" in message]
    assert "answer_line (from scorer match(location=begin) reads the answer alone)" in line
    assert "the scorer is shown the answer alone" in line


# --- How the task is known ---


def test_the_task_is_known_without_scores_too(tmp_path: Path) -> None:
    task = Task(
        dataset=questions("12"), solver=[prompt_template(GIVEN), generate()], scorer=match()
    )
    sample = run(task, tmp_path, score=False)
    assert asked(sample)["found"] == "scorer match()"
    assert sent(sample)[-1][1].startswith("Q: Use whole numbers.")


def test_two_tasks_of_one_name_are_told_apart(tmp_path: Path) -> None:
    def named(template: str) -> Task:
        return Task(
            dataset=questions("12"),
            solver=[prompt_template(template), generate()],
            scorer=match(),
            name="same",
        )

    model = get_model("mockllm/model", custom_outputs=scripted("ANSWER: 12"))
    logs = eval(
        [named("One. {prompt}"), named("Two. {prompt}")],
        model=model,
        solver=method_solver("cot"),
        display="none",
        log_dir=str(tmp_path),
        max_tasks=2,
    )
    firsts = {sent(log.samples[0])[-1][1].split()[1] for log in logs if log.samples}
    assert firsts == {"One.", "Two."}


def test_a_method_within_the_tasks_own_solver_is_asked_once(tmp_path: Path) -> None:
    task = Task(
        dataset=questions("12"),
        solver=[prompt_template("Now: {prompt}"), method_solver("cot")],
        scorer=match(),
    )
    sample = run(task, tmp_path, method="")
    assert sent(sample)[-1][1].startswith("Q: Now: Which is number 0?")
    assert sum(isinstance(event, ModelEvent) for event in sample.events) == 1


# --- Refusals ---


def error_of(task: Task, folder: Path, method: str) -> str:
    sample = run(task, folder, method=method, fail_on_error=False)
    assert sample.error is not None
    return sample.error.message


def test_a_second_answer_with_tools_is_refused(tmp_path: Path) -> None:
    task = Task(dataset=questions("12"), solver=[use_tools(adder()), generate()], scorer=match())
    assert "the task has tools" in error_of(task, tmp_path, "budget_search")


def test_a_solver_that_asks_the_model_itself_is_refused(tmp_path: Path) -> None:
    @solver
    def by_itself() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            state.output = await get_model().generate(state.messages)
            return state

        return solve

    task = Task(dataset=questions("12"), solver=by_itself(), scorer=match())
    assert "asks the model itself" in error_of(task, tmp_path, "cot")
    assert run(task, tmp_path, method="cot:answer_format=none").error is None


def test_a_sample_without_a_question_is_refused(tmp_path: Path) -> None:
    task = Task(dataset=[Sample([ChatMessageSystem(content="Hm.")], target="12")], scorer=match())
    assert "no user message" in error_of(task, tmp_path, "cot")


# --- The check ---


def test_a_score_that_tells_nothing_apart_is_found() -> None:
    @scorer(metrics=[accuracy()])
    def picky() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            return Score(value="C" if state.output.completion == f"={target.text}=" else "I")

        return score

    task = Task(dataset=questions("12", "15"), scorer=picky())
    (one,) = check(task, {"cot": method_solver("cot")})
    assert one.told_apart is False
    assert one.right == {"picky": "I"}
    assert one.answers == ("12", "15")


def test_a_scorer_that_always_says_right_is_found() -> None:
    (one,) = check(
        Task(dataset=questions("12", "15"), scorer=giving(1, 1)), {"cot": method_solver("cot")}
    )
    assert one.told_apart is False


@pytest.mark.parametrize(("right", "wrong"), [(5, 1), (0, 3), (float("nan"), float("nan"))])
def test_scores_that_are_neither_right_nor_wrong_say_nothing(right: float, wrong: float) -> None:
    task = Task(dataset=questions("12", "15"), scorer=giving(right, wrong))
    (one,) = check(task, {"cot": method_solver("cot")})
    assert one.told_apart is None
    assert f"(score {right} and {wrong}) are neither right nor wrong" in one.problem


def giving(right: float, wrong: float) -> Scorer:
    @scorer(metrics=[accuracy()], name="score")
    def gives() -> Scorer:
        async def score(state: TaskState, target: Target) -> Score:
            return Score(value=right if target.text in state.output.completion else wrong)

        return score

    return gives()


def test_a_limit_of_the_tasks_own_is_no_verdict_on_its_score() -> None:
    task = Task(dataset=questions("12", "15"), scorer=match(), message_limit=1)
    (one,) = check(task, {"cot": method_solver("cot")})
    assert one.told_apart is None
    assert one.problem == "the task's own message limit of 1 ended the sample"


def test_where_every_option_is_right_there_is_no_wrong_answer() -> None:
    task = Task(dataset=[Sample("Which?", choices=["x"], target="A")], scorer=choice())
    (one,) = check(task, {"cot": method_solver("cot")})
    assert one.problem == "every answer is right: there is none but 'A' to choose"


def test_a_tasks_own_epochs_and_reducers_are_no_matter_to_the_check() -> None:
    epochs = Epochs(5, ["mean", "pass_at_5"])
    task = Task(dataset=questions("12", "15"), scorer=match(), epochs=epochs)
    (one,) = check(task, {"cot": method_solver("cot")})
    assert one.told_apart


def test_what_only_a_model_grades_is_not_checked() -> None:
    task = Task(dataset=questions("elm", "ash"), scorer=model_graded_qa())
    (one,) = check(task, {"cot": method_solver("cot")})
    assert one.told_apart is None
    assert one.problem == "only a model grades it, and a check asks none"


def test_a_check_asks_no_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/")
    task = Task(dataset=questions("elm", "ash"), scorer=model_graded_qa(model="openai/gpt-4o"))
    (one,) = check(task, {"cot": method_solver("cot")})
    assert one.told_apart is None
    assert "Model APIs disabled" in one.problem


def test_a_task_without_a_target_is_not_checked() -> None:
    (one,) = check(Task(dataset=[Sample("Hm?")], scorer=includes()), {"cot": method_solver("cot")})
    assert one.problem == "the sample has no target, so that nobody knows a right answer"
