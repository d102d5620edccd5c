"""A method around a task that is not ours, in lm_eval's own hands, with a scripted model."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command import lm_eval, one_line

from tale_eval.errors import InvalidValueError, UnknownNameError
from tale_eval.lm_eval_ext.around import MARK, checked_method, put_method_around
from tale_eval.lm_eval_ext.cautions import cuts_reasoning
from tale_eval.lm_eval_ext.labels import BESIDE_METRICS
from tale_eval.lm_eval_ext.replies import Reply
from tale_eval.lm_eval_ext.results import AGGREGATIONS
from tale_eval.tokens.costs import COST_KEYS
from tale_eval.tokens.ledger import Call

Answer = Callable[[Any], str]


def rows(**metadata: object) -> dict[str, Any]:
    """Three sums and their answers."""
    from datasets import Dataset

    made = [{"question": f"What is {n} plus {n}?", "answer": str(2 * n)} for n in range(3)]
    return {"test": Dataset.from_list(made), "train": Dataset.from_list(made)}


def a_task(**changed: Any) -> Any:
    """A task as its YAML file would make it: "Q: …\\nA:", and a filter that reads "answer is n"."""
    from lm_eval.api.task import ConfigurableTask

    config: dict[str, Any] = {
        "task": "sums",
        "custom_dataset": rows,
        "test_split": "test",
        "fewshot_split": "train",
        "num_fewshot": 0,
        "output_type": "generate_until",
        "doc_to_text": "Q: {{question}}\nA:",
        "doc_to_target": "The answer is {{answer}}.",
        "process_results": matches,
        "metric_list": [{"metric": "right", "aggregation": "mean", "higher_is_better": True}],
        "generation_kwargs": {"until": ["Q:"], "do_sample": False},
        "filter_list": [
            {
                "name": "strict",
                "filter": [
                    {"function": "regex", "regex_pattern": r"answer is (\d+)"},
                    {"function": "take_first"},
                ],
            },
            {"name": "whole", "filter": [{"function": "take_first"}]},
        ],
        **changed,
    }
    task = ConfigurableTask(config=config)
    task.set_fewshot_seed(1)
    return task


def matches(document: dict[str, Any], results: list[str]) -> dict[str, int]:
    """The task's own metric: whether a response is the answer, as a filter left it."""
    return {"right": int(results[0] == document["answer"])}


def scripted(answer: Answer) -> Any:
    """A model of lm_eval's with ours in front; its requests are kept, batch by batch."""
    from lm_eval.api.model import LM

    from tale_eval.lm_eval_ext.registration import _counting_class

    class Model(LM):  # type: ignore[misc]
        batches: list[list[Any]]
        tokenizer_name = "scripted"

        def loglikelihood(self, requests: Any) -> Any: ...
        def loglikelihood_rolling(self, requests: Any) -> Any: ...
        def apply_chat_template(self, messages: Any, add_generation_prompt: bool = True) -> str:
            return "".join(f"[{m['role']}]{m['content'].strip()}<end>" for m in messages)

        def generate_until(self, requests: Any, disable_tqdm: bool = False) -> list[str]:
            self.batches.append([(r.args[0], r.args[1]) for r in requests])
            return [answer(request.args[0]) for request in requests]

    model = _counting_class(Model, "scripted")()
    model.batches = []
    return model


def counted(text: str, tokens: int) -> Reply:
    return Reply(
        text,
        [Call(purpose="answer", model="m", output_tokens=tokens, counted_by="provider")],
    )


def reply(prompt: str) -> Reply:
    """Right, with as many tokens as the question's number and ten."""
    if "estimate the minimum" in prompt:
        return counted("Budget: [[40]]", 5)
    n = int(prompt.rpartition(" plus ")[0].rpartition(" ")[2])
    return counted(f"They make {2 * n}. The answer is {2 * n}.", 10 + n)


def run(
    task: Any, method: str, answer: Answer = reply, **options: Any
) -> tuple[Any, list[dict[str, Any]], dict[str, Any]]:
    """The model after a run, the rows of its samples, and the task's results."""
    from lm_eval.evaluator import evaluate

    put_method_around({"sums": task}, method)
    model = scripted(answer)
    done = evaluate(model, {"tasks": {"sums": task}}, bootstrap_iters=0, **options)
    return model, done["samples"]["sums"], done["results"]["sums"]


def notes(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name.endswith("cautions")]


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """What is said of tasks, whatever the launcher did to the logger before."""
    from tale_eval.lm_eval_ext.cautions import LOGGER

    before = LOGGER.propagate, LOGGER.handlers
    LOGGER.propagate, LOGGER.handlers = True, []
    yield caplog
    LOGGER.propagate, LOGGER.handlers = before


def test_a_base_model_is_asked_between_the_question_and_the_answer_cue() -> None:
    model, samples, results = run(a_task(num_fewshot=1), "budget:tokens=50")
    ((context, settings), *_) = model.batches[0]
    *_, asked = context.split("\n\n")
    assert context.startswith("Q: What is ")
    assert asked == (
        "Q: What is 0 plus 0?\nLet's think step by step and use less than 50 tokens:\nA:"
    )
    # the worked example is the task's own, to the letter
    assert "use less than" not in context.removesuffix(asked)
    assert settings == {"until": ["Q:"], "do_sample": False}
    # the row has what was sent
    assert samples[0]["arguments"] == [(context, {**settings, MARK: "budget:tokens=50"})] * 1
    assert results["right,strict"] == 1
    assert results["right,whole"] == 0


def test_what_was_spent_stands_beside_the_tasks_own_metrics_for_each_filter() -> None:
    _, samples, results = run(a_task(), "tale_ep")
    assert [(s["filter"], s["right"]) for s in samples] == [("strict", 1)] * 3 + [("whole", 0)] * 3
    for sample in samples:
        n = sample["doc_id"]
        assert (sample["method"], sample["budget"], sample["answer_tokens"]) == (
            "tale_ep",
            40,
            10 + n,
        )
        assert (sample["output_tokens"], sample["estimator_tokens"]) == (15 + n, 5)
        assert [call["purpose"] for call in sample["calls"]] == ["estimate", "answer"]
        # the document is the task's own: nothing of ours is in it
        assert sample["doc"].keys() == {"question", "answer"}
        assert sample["resps"] == [[f"They make {2 * n}. The answer is {2 * n}."]]
    assert samples[1]["filtered_resps"] == ["2"]
    assert (results["output_tokens,strict"], results["method,strict"]) == (16, "tale_ep 3")
    json.dumps(samples)


def test_an_estimator_sees_the_question_alone_and_no_stop_text() -> None:
    model, _, _ = run(a_task(num_fewshot=2), "tale_ep")
    estimates, answers = model.batches
    assert [context.count("What is") for context, _ in estimates] == [1, 1, 1]
    context, settings = estimates[2]
    assert context.endswith('Question: "Q: What is 2 plus 2?"\n')
    assert settings == {"until": [], "do_sample": False, "max_tokens": 1024}
    assert [context.count("What is") for context, _ in answers] == [3, 3, 3]
    assert all(context.endswith("less than 40 tokens:\nA:") for context, _ in answers)


@pytest.mark.parametrize("multiturn", [True, False])
def test_with_roles_only_the_last_users_question_changes(multiturn: bool) -> None:
    options = {
        "apply_chat_template": True,
        "fewshot_as_multiturn": multiturn,
        "system_instruction": "Be brief.",
    }
    model, _, _ = run(a_task(num_fewshot=1, description="Sums."), "tale_ep", **options)
    estimates, answers = model.batches
    (estimate, _), (context, _) = estimates[0], answers[0]
    # what helps the method has the user's system message, and nothing of the task's
    assert estimate.startswith("[system]Be brief.<end>[user]Task: Analyze the given question")
    assert context.startswith("[system]Be brief.\n\nSums.<end>[user]Q: What is")
    assert context.endswith(
        "Q: What is 0 plus 0?\nLet's think step by step and use less than 40 tokens:\nA:<end>"
    )
    assert context.count("[user]") == (2 if multiturn else 1)
    assert context.count("use less than") == 1


def test_the_beginning_of_an_answer_stays_behind_the_methods_words() -> None:
    model, _, _ = run(a_task(gen_prefix="Well,"), "cot")
    ((context, _), *_) = model.batches[0]
    assert context == "Q: What is 0 plus 0?\nLet's think step by step:\nA: Well,"


def test_own_asks_what_the_task_asks_and_counts() -> None:
    model, samples, results = run(a_task(), "own")
    assert model.batches[0][0] == (
        "Q: What is 0 plus 0?\nA:",
        {"until": ["Q:"], "do_sample": False},
    )
    assert (results["right,strict"], results["output_tokens,strict"]) == (1, 11)
    assert {sample["method"] for sample in samples} == {"task's own prompt"}


def test_no_format_is_stated_beside_the_tasks_own_unless_it_is_asked_for() -> None:
    model, _, _ = run(a_task(), "cot")
    assert "format" not in model.batches[0][0][0]
    model, _, _ = run(a_task(), "cot:answer_format=boxed")
    assert "Put your final answer within \\boxed{}" in model.batches[0][0][0]


def test_a_cap_as_the_budgets_control_takes_the_place_of_the_tasks(
    heard: pytest.LogCaptureFixture,
) -> None:
    model, samples, _ = run(a_task(), "budget:tokens=50:control=cap")
    context, settings = model.batches[0][0]
    assert context == "Q: What is 0 plus 0?\nLet's think step by step:\nA:"
    assert settings == {"until": ["Q:"], "do_sample": False, "max_gen_toks": 70}
    assert samples[0]["calls"][0]["controls"] == {"cap": 70}
    assert notes(heard) == []


def test_repeats_are_all_paid_for_and_the_first_is_the_answer() -> None:
    _, samples, _ = run(a_task(repeats=3), "cot")
    for sample in samples:
        n = sample["doc_id"]
        assert (sample["answer_tokens"], sample["output_tokens"]) == (10 + n, 3 * (10 + n))


def test_a_failed_request_is_no_wrong_answer() -> None:
    def sometimes(prompt: str) -> Reply:
        return Reply("", error="HTTP 500: gone") if "1 plus" in prompt else reply(prompt)

    _, samples, results = run(a_task(), "cot", sometimes)
    assert [sample.get("right") for sample in samples[:3]] == [1, None, 1]
    assert (samples[1]["failed"], samples[1]["error"]) == (1, "HTTP 500: gone")
    assert (results["right,strict"], results["failed,strict"]) == (1, 1 / 3)


def test_one_methods_cached_answers_are_not_anothers() -> None:
    """lm_eval looks a request up by its prompt and settings, before our model sees it."""
    requests = {}
    for method in ("cot", "budget:tokens=50", "own"):
        task = a_task()
        put_method_around({"sums": task}, method)
        task.build_all_requests(limit=1, rank=0, world_size=1)
        requests[method] = task.instances[0].args
    assert requests["own"][1].get(MARK) is None
    assert len({json.dumps(args) for args in requests.values()}) == 3


def test_what_would_cut_the_reasoning_is_said_before_the_run(
    heard: pytest.LogCaptureFixture,
) -> None:
    short = {"until": ["\n\n", "Q:"], "max_gen_toks": 300, "do_sample": False}
    run(a_task(generation_kwargs=short), "cot")
    assert notes(heard) == [
        "sums by cot: a reply ends after 300 tokens (the task's max_gen_toks), which may cut the "
        "reasoning; --gen_kwargs max_gen_toks=1024",
        "sums by cot: a reply ends at '\\n\\n', which may cut the reasoning; "
        """--gen_kwargs '{"until": ["Q:"]}'""",
    ]


def test_a_cap_that_leaves_room_and_a_method_without_reasoning_say_nothing(
    heard: pytest.LogCaptureFixture,
) -> None:
    roomy = {"until": ["Q:"], "max_gen_toks": 1024, "do_sample": False}
    run(a_task(generation_kwargs=roomy), "cot")
    run(a_task(generation_kwargs=roomy | {"max_gen_toks": 30, "until": ["\n"]}), "direct")
    assert notes(heard) == []


def test_direct_around_a_prompt_that_asks_for_reasoning_says_so(
    heard: pytest.LogCaptureFixture,
) -> None:
    asking = a_task(doc_to_text="Q: {{question}}\nA: Let's think step by step.")
    _, samples, _ = run(asking, "direct")
    assert notes(heard) == [
        "sums by direct: the task's own prompt asks for reasoning ('step by step'), which the "
        "method asks to leave out: what is measured is no direct answering"
    ]
    assert {sample["asked_to_reason"] for sample in samples} == {"step by step"}
    long = "First add them, one after the other, and mind the carry. The answer is {{answer}}."
    _, samples, _ = run(a_task(num_fewshot=1, doc_to_target=long), "direct")
    assert {sample["asked_to_reason"] for sample in samples} == {"its worked examples"}
    _, samples, _ = run(a_task(num_fewshot=1, doc_to_target="{{answer}}"), "direct")
    assert "asked_to_reason" not in samples[0]


def test_a_metric_that_compares_the_whole_reply_is_named(
    heard: pytest.LogCaptureFixture,
) -> None:
    whole: dict[str, Any] = {
        "process_results": None,
        "doc_to_target": "answer",
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
        "generation_kwargs": {"until": ["Q:"], "max_gen_toks": 1024},
    }
    run(a_task(**whole), "cot")
    assert notes(heard) == []
    run(a_task(**whole, filter_list=None), "cot")
    assert notes(heard) == [
        "sums by cot: its metric compares the whole reply with the answer, so a reply that "
        "reasons counts as wrong; run a task whose filter takes the answer out"
    ]


def test_cut_answers_are_flagged_and_counted(heard: pytest.LogCaptureFixture) -> None:
    def cut(prompt: str) -> Reply:
        whole = reply(prompt)
        if "0 plus" in prompt:
            return Reply(whole, [whole.calls[0].model_copy(update={"truncated": True})])
        # as lm_eval's local models cut a reply at a stop text
        first = whole.split("\n")[0] if "1 plus" in prompt else whole.split(".")[0]
        assert isinstance(first, Reply)
        return first

    settings = {"until": ["Q:"], "max_gen_toks": 1024, "do_sample": False}
    _, samples, _ = run(a_task(generation_kwargs=settings), "cot", cut)
    assert [s["truncated"] for s in samples[:3]] == [True, None, None]
    assert [s["cut_at_stop"] for s in samples[:3]] == [0, 0, 1]
    assert notes(heard) == [
        "sums by cot: 1 of 3 answers were cut at the cap on a reply",
        "sums by cot: 1 of 3 answers were cut at a stop text",
    ]


TOTAL = "self_consistency:samples=2:max_total_tokens=11"


def test_an_answer_beyond_a_total_ends_its_question_and_not_the_run() -> None:
    # first answers take 10, 11 and 12 tokens
    _, samples, results = run(a_task(), TOTAL)
    assert [s["failed"] for s in samples[:3]] == [0, 0, 1]
    assert samples[2]["error"].startswith("max_total_tokens=11: the first answer alone took 12")
    # it was paid for, and is not among the answers
    assert [call["output_tokens"] for call in samples[2]["calls"]] == [12]
    assert results["right,strict"] == 1


def test_a_total_below_every_answer_ends_the_run_with_the_reason() -> None:
    with pytest.raises(InvalidValueError, match="the first answer alone took 10 tokens"):
        run(a_task(), "self_consistency:samples=2:max_total_tokens=9")


@pytest.mark.slow
def test_a_task_of_ours_in_a_configuration_file_has_its_method_already(tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text("model: dummy\ntasks: [tale_gsm8k_cot]\nlimit: 1\n")
    done = lm_eval("run", "--config", "run.yaml", "--method", "direct", cwd=tmp_path)
    assert done.returncode != 0
    assert "--method direct: tale_gsm8k_cot has a method in its name" in one_line(
        done.stderr, "error"
    )


@pytest.mark.parametrize("stop", ["\n", "\n\n", ".", ",", " ", "。"])
def test_stops_that_stand_in_reasoning(stop: str) -> None:
    assert cuts_reasoning(stop)


@pytest.mark.parametrize("stop", ["Q:", "</s>", "Question:", "问题：", "", "```"])
def test_stops_that_begin_another_question_or_end_the_text(stop: str) -> None:
    assert not cuts_reasoning(stop)


def test_a_task_that_asks_for_likelihoods_is_refused_when_its_requests_are_built() -> None:
    task = a_task(
        output_type="multiple_choice",
        doc_to_choice=["0", "2"],
        doc_to_target=0,
        generation_kwargs=None,
        filter_list=None,
        process_results=None,
        metric_list=[{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
    )
    with pytest.raises(InvalidValueError, match=r"--tasks sums: asks for likelihoods"):
        run(task, "cot")


def test_more_worked_examples_than_there_are_is_named() -> None:
    says = "--num_fewshot 7: sums has 3 worked examples, and shows no question as its own"
    with pytest.raises(InvalidValueError, match=says):
        run(a_task(num_fewshot=7), "cot")


@pytest.mark.parametrize(
    ("method", "error", "says"),
    [
        ("nope", UnknownNameError, "unknown method 'nope'; allowed: "),
        ("budget_search", InvalidValueError, "budget_search runs in Inspect alone"),
        ("budget", InvalidValueError, "missing a required argument: 'tokens'"),
        ("cot:system_prompt=Hi", InvalidValueError, "give --system_instruction"),
        ("cot:answer_format=answer_only", InvalidValueError, "filters read the whole reply"),
    ],
)
def test_a_method_that_cannot_be_put_around_is_named(
    method: str, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        checked_method(method)


def test_every_name_that_is_written_beside_a_metric_is_known_to_the_reader() -> None:
    assert set(AGGREGATIONS) <= BESIDE_METRICS | set(COST_KEYS)
    assert set(AGGREGATIONS) >= BESIDE_METRICS


def test_a_metric_with_the_name_of_a_count_is_refused() -> None:
    task = a_task(
        metric_list=[{"metric": "calls", "aggregation": "mean", "higher_is_better": True}]
    )
    with pytest.raises(InvalidValueError, match="its metric 'calls' has the name of one of"):
        run(task, "cot")


def test_answers_alone_may_be_wanted_without_metrics() -> None:
    task = a_task()
    task.override_metric("bypass")  # what --predict_only does
    _, samples, _ = run(task, "cot")
    assert [s["output_tokens"] for s in samples[:3]] == [10, 11, 12]
