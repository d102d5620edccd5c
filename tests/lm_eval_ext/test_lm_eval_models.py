"""lm_eval's models with counts: replies keep them, estimates come first, all in lm_eval's hands."""

import asyncio
import json
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
from questions import gsm8k_file

from tale_eval.errors import InvalidValueError, UnknownNameError
from tale_eval.lm_eval_ext import register
from tale_eval.lm_eval_ext.documents import plans
from tale_eval.lm_eval_ext.replies import Reply
from tale_eval.tokens.ledger import Call

CALL = Call(purpose="answer", model="m", output_tokens=3, counted_by="provider")


def test_a_reply_keeps_its_calls_through_what_lm_eval_does_to_it() -> None:
    reply = Reply("  a<stop>b", [CALL])
    for kept in (reply.split("<stop>")[0], reply.lstrip(), pickle.loads(pickle.dumps(reply))):  # noqa: S301
        assert isinstance(kept, Reply)
        assert kept.calls == (CALL,)
    assert reply.split("<stop>")[0] == "  a"


def test_importing_the_door_loads_no_lm_eval() -> None:
    import subprocess

    code = "import sys, tale_eval.lm_eval_ext, tale_eval.logs; print('lm_eval' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """lm_eval with our models and tasks, undone after the test."""
    import lm_eval.api.registry
    import lm_eval.evaluator
    import lm_eval.tasks

    for module in (lm_eval.tasks, lm_eval.evaluator):
        monkeypatch.setattr(module, "TaskManager", module.TaskManager)
    monkeypatch.setattr(lm_eval.api.registry, "get_model", lm_eval.api.registry.get_model)
    register()


@pytest.fixture
def only_ours(registered: None) -> None:
    """Likewise, where lm_eval's own tasks need not be read: 14,000 files, and most of the time."""
    from tale_eval.lm_eval_ext.registration import register_tasks

    register_tasks({"tale_gsm8k_cot", "tale_gsm8k_estimate", "tale_gsm8k_tale_ep"})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("asked", "reads_lm_evals"),
    [
        ({"tale_gsm8k_cot", "tale_mathbench"}, False),
        # a group of the user's may hold any task
        ({"tale_gsm8k_cot", "tale_mine"}, True),
    ],
)
@pytest.mark.usefixtures("registered")
def test_lm_evals_own_tasks_are_read_only_where_one_may_be_meant(
    asked: set[str], reads_lm_evals: bool, tmp_path: Path
) -> None:
    from lm_eval.tasks import TaskManager

    from tale_eval.lm_eval_ext.registration import register_tasks

    (tmp_path / "mine.yaml").write_text("group: tale_mine\ntask: [gsm8k_cot, tale_gsm8k_cot]\n")
    register_tasks(asked)
    known = TaskManager(include_path=tmp_path).all_tasks
    assert asked <= set(known)
    assert ("gsm8k_cot" in known) is reads_lm_evals


class Scripted:
    """What stands behind a model class in these tests: replies by prompt, requests kept."""

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []

    def reply(self, context: str) -> str:
        return "Budget: [[40]]" if "estimate the minimum" in context else "So [[2]]"


def scripted_model() -> Any:
    """A model of lm_eval's, with ours in front as `register` puts it."""
    from lm_eval.api.model import LM

    from tale_eval.lm_eval_ext.registration import _counting_class

    class Model(LM):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.script = Scripted()

        def loglikelihood(self, requests: Any) -> Any: ...
        def loglikelihood_rolling(self, requests: Any) -> Any: ...
        def generate_until(self, requests: Any, disable_tqdm: bool = False) -> list[str]:
            self.script.batches.append(requests)
            return [self.script.reply(request.args[0]) for request in requests]

    return _counting_class(Model, "scripted")()


@pytest.mark.usefixtures("registered")
def test_simple_evaluate_runs_tale_ep_with_any_model(tmp_path: Path) -> None:
    import lm_eval

    model = scripted_model()
    results = lm_eval.simple_evaluate(
        model=model,
        tasks=["tale_gsm8k_tale_ep"],
        metadata={"tale_source": str(gsm8k_file(tmp_path, 3))},
        bootstrap_iters=0,
    )
    estimates, answers = model.script.batches
    assert (len(estimates), len(answers)) == (3, 3)
    assert [request.args[1]["max_tokens"] for request in estimates] == [1024] * 3
    assert all("use less than 40 tokens" in request.args[0] for request in answers)
    # without a chat template the system prompt stands before the question, as lm_eval does it
    assert answers[0].args[0].startswith("You are a helpful assistant.")
    metrics = results["results"]["tale_gsm8k_tale_ep"]
    assert metrics["correct,none"] == pytest.approx(1 / 3)  # only 1 plus 1 is 2
    assert metrics["calls,none"] == "nobody 6"


@pytest.mark.usefixtures("only_ours")
def test_a_second_stage_asks_what_the_first_estimated_and_nothing_else(tmp_path: Path) -> None:
    import lm_eval

    def stage(model: Any, task: str, limit: int, **metadata: str) -> Any:
        return lm_eval.simple_evaluate(
            model=model,
            tasks=[task],
            metadata={"tale_source": str(gsm8k_file(tmp_path, 3)), **metadata},
            limit=limit,
            bootstrap_iters=0,
        )

    first = stage(scripted_model(), "tale_gsm8k_estimate", 2)
    file = tmp_path / "samples.jsonl"
    rows = first["samples"]["tale_gsm8k_estimate"]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))

    model = scripted_model()
    results = stage(model, "tale_gsm8k_tale_ep", 2, tale_estimates=str(file))
    (answers,) = model.script.batches
    assert ["use less than 40 tokens" in request.args[0] for request in answers] == [True, True]
    assert results["results"]["tale_gsm8k_tale_ep"]["correct,none"] == 0.5

    wider = scripted_model()
    with pytest.raises(InvalidValueError, match=r"samples\.jsonl holds no estimate for question"):
        stage(wider, "tale_gsm8k_tale_ep", 3, tale_estimates=str(file))
    assert wider.script.batches == []


@pytest.mark.usefixtures("only_ours")
def test_a_killed_run_asks_only_what_its_cache_does_not_hold(tmp_path: Path) -> None:
    import lm_eval

    def evaluate(model: Any) -> Any:
        return lm_eval.simple_evaluate(
            model=model,
            tasks=["tale_gsm8k_tale_ep"],
            metadata={"tale_source": str(gsm8k_file(tmp_path, 3))},
            gen_kwargs="do_sample=False",
            use_cache=str(tmp_path / "cache"),
            bootstrap_iters=0,
        )

    class Killed(Exception):
        pass

    first = scripted_model()
    script = first.script

    def reply(context: str) -> str:
        if "use less than" in context and "2 plus 2" in context:
            raise Killed
        text = Scripted.reply(script, context)
        return text

    # the way lm_eval's own models keep what they have got so far
    def generate(requests: Any, disable_tqdm: bool = False) -> list[str]:
        texts = []
        for request in requests:
            texts.append(reply(request.args[0]))
            first.cache_hook.add_partial("generate_until", request.args, Reply(texts[-1], [CALL]))
        return texts

    backend = type(first).__mro__[2]
    original = backend.generate_until
    backend.generate_until = lambda self, requests, **kwargs: generate(requests)
    with pytest.raises(Killed):
        evaluate(first)
    backend.generate_until = original

    second = scripted_model()
    results = evaluate(second)
    ((only,),) = second.script.batches
    assert "2 plus 2" in only.args[0]
    assert "use less than 40" in only.args[0]
    assert results["results"]["tale_gsm8k_tale_ep"]["budget_missing,none"] == 0


@pytest.mark.usefixtures("only_ours")
def test_a_model_that_only_scores_is_named(tmp_path: Path) -> None:
    import lm_eval

    model = scripted_model()

    def refuse(context: str) -> str:
        raise NotImplementedError

    model.script.reply = refuse
    with pytest.raises(InvalidValueError, match="scripted cannot generate text"):
        lm_eval.simple_evaluate(
            model=model,
            tasks=["tale_gsm8k_cot"],
            metadata={"tale_source": str(gsm8k_file(tmp_path, 1))},
        )


@pytest.mark.usefixtures("only_ours")
def test_a_model_without_chat_template_is_named_before_it_is_asked(tmp_path: Path) -> None:
    import lm_eval

    class Tokenizer:
        chat_template = None

    model = scripted_model()
    model.tokenizer = Tokenizer()
    type(model).tokenizer_name = "none"
    with pytest.raises(InvalidValueError, match="scripted has no chat template"):
        lm_eval.simple_evaluate(
            model=model,
            tasks=["tale_gsm8k_cot"],
            metadata={"tale_source": str(gsm8k_file(tmp_path, 1))},
            apply_chat_template=True,
        )
    assert model.script.batches == []


def gold_reply(document: Any) -> str:
    """What a right model says."""
    if document["kind"] == "choice":
        return f"I think so. Choice: [[{document['gold']}]]"
    return f"I think so. Answer: [[{document['gold']}]]"


@pytest.mark.slow
@pytest.mark.usefixtures("registered")
def test_every_task_builds_its_requests_and_scores_a_gold_answer_as_right(
    data_folder: Path, tmp_path: Path
) -> None:
    from lm_eval.tasks import TaskManager

    columns = (
        "Record ID,Question,Correct Answer,Incorrect Answer 1,Incorrect Answer 2,Incorrect Answer 3"
    )
    (tmp_path / "gpqa.csv").write_text(f"{columns}\nr1,Which one?,this,that,those,these\n")
    gpqa = {"tale_source": str(tmp_path / "gpqa.csv")}
    names = [n for n in TaskManager().all_subtasks if n.startswith("tale_")]
    # twenty-two tasks a method, TALE-EP's under two names, and its estimate's
    assert len(names) == 22 * (len(plans()) + 2)
    for metadata, chosen in (
        ({}, [n for n in names if "gpqa" not in n]),
        (gpqa, [n for n in names if "gpqa" in n]),
    ):
        for name, task in TaskManager(metadata=metadata).load(chosen)["tasks"].items():
            task.build_all_requests(limit=2, rank=0, world_size=1)
            assert task.instances, name
            for instance in task.instances:
                assert instance.doc["prompt"] in instance.args[0]
                assert instance.args[1]["until"] == []
                scored = task.process_results(instance.doc, [gold_reply(instance.doc)])
                assert scored.keys() <= task.aggregation().keys(), name
                assert shown(name) <= scored.keys(), name
                if not name.endswith("estimate"):
                    assert scored["correct"] == 1, (name, instance.doc["id"])


def shown(name: str) -> set[str]:
    """Metrics that a task has whatever the model; TALE-EP's want a reply with its estimate."""
    if name.endswith("_estimate"):
        return {"budget", "estimator_tokens", "budget_missing", "budget_echoed", "budget_status"}
    answer = {"correct", "answer_tokens", "output_tokens", "input_tokens", "truncated", "calls"}
    # Plan-and-Budget's is in words
    of_tokens = name.endswith("_budget") and not name.endswith("_and_budget")
    budgeted = {"budget", "within_budget"} if of_tokens else set()
    return answer | budgeted | {"bare_answer", "no_answer", "failed", "error"}


@pytest.mark.slow
@pytest.mark.usefixtures("registered")
def test_groups_have_a_mean_of_questions_and_a_mean_of_subsets(data_folder: Path) -> None:
    import lm_eval

    model = scripted_model()
    model.script.reply = lambda context: "Choice: [[A]]"
    results = lm_eval.simple_evaluate(
        model=model, tasks=["tale_mathbench_cot"], bootstrap_iters=0, log_samples=True
    )
    subsets = {
        name: [sample["correct"] for sample in samples]
        for name, samples in results["samples"].items()
    }
    assert len(subsets) == 17
    everything = [value for values in subsets.values() for value in values]
    weighted = results["groups"]["tale_mathbench_cot"]["correct,none"]
    unweighted = results["groups"]["tale_mathbench_cot::unweighted"]["correct,none"]
    assert weighted == pytest.approx(sum(everything) / 3709)
    means = [sum(values) / len(values) for values in subsets.values()]
    assert unweighted == pytest.approx(sum(means) / 17)
    assert weighted != unweighted


def failing_api_model() -> Any:
    """An API model of lm_eval's whose server is gone, with ours in front."""
    from lm_eval.api.model import LM

    from tale_eval.lm_eval_ext.api import ApiCounts

    class Model(LM):  # type: ignore[misc]
        def __init__(self, max_retries: int) -> None:
            super().__init__()

        def loglikelihood(self, requests: Any) -> Any: ...
        def loglikelihood_rolling(self, requests: Any) -> Any: ...
        def generate_until(self, requests: Any) -> Any: ...

        async def amodel_call(self, *args: Any, **kwargs: Any) -> Any:
            raise ConnectionRefusedError("gone")

        def model_call(self, *args: Any, **kwargs: Any) -> Any:
            raise ConnectionRefusedError("gone")

    return type("Api", (ApiCounts, Model), {"backend_name": "api"})(max_retries=1)


def test_a_text_that_failed_is_marked_and_a_likelihood_is_an_error() -> None:
    model = failing_api_model()
    (reply,) = asyncio.run(model.amodel_call(None, None, ["a"]))
    (alone,) = model.parse_generations(model.model_call(["a"]))
    assert reply.error == alone.error == "ConnectionRefusedError: gone"
    with pytest.raises(ConnectionRefusedError):
        asyncio.run(model.amodel_call(None, None, ["a"], generate=False))
    with pytest.raises(ConnectionRefusedError):
        model.model_call(["a"], generate=False)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"error": {"message": "no\\tsuch  model", "code": 7}}', "no such model"),
        ('{"error": "model is loading"}', "model is loading"),
        ('{"detail": "bad key"}', "bad key"),
        ('{"detail": [{"loc": ["n"], "msg": "x"}]}', "[{'loc': ['n'], 'msg': 'x'}]"),
        ('{"code": 3}', '{"code": 3}'),
        ("<html>\n<h1>502</h1>", "<html> <h1>502</h1>"),
        ("x" * 999, "x" * 300),
        ("", ""),
    ],
)
def test_a_servers_reason_is_read_from_whatever_it_sends(body: str, reason: str) -> None:
    from tale_eval.lm_eval_ext.api import _reason

    assert _reason(body) == reason


def test_another_name_of_the_cap_is_refused() -> None:
    model = type(failing_api_model())
    with pytest.raises(UnknownNameError, match=r"unknown cap 'max_new'; allowed: max_tokens"):
        model(max_retries=1, cap="max_new")


def draws(settings: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(settings.get(name) for name in ("do_sample", "temperature", "seed"))


@pytest.mark.usefixtures("registered")
def test_greedy_tasks_of_one_cache_keep_their_answers_apart_though_they_ask_the_same(
    tmp_path: Path,
) -> None:
    import lm_eval

    from tale_eval.lm_eval_ext.registration import register_tasks

    tasks = [f"tale_gsm8k_{name}" for name in ("direct", "cot", "self_consistency", "cascade")]
    register_tasks(tasks)
    model = scripted_model()
    results = lm_eval.simple_evaluate(
        model=model,
        tasks=tasks,
        metadata={"tale_source": str(gsm8k_file(tmp_path, 2))},
        gen_kwargs="do_sample=False",
        use_cache=str(tmp_path / "cache"),
        bootstrap_iters=0,
    )
    calls = {task: len(results["samples"][task][0]["calls"]) for task in tasks}
    assert list(calls.values()) == [1, 1, 5, 2]
    asked = [request for batch in model.script.batches for request in batch]
    drawn = [draws(request.args[1]) for request in asked if request.args[1].get("do_sample")]
    # a model of which nobody knows whether it takes seeds is sent none
    assert drawn == [(True, 0.7, None)] * (2 * (5 + 2))
    # what is sent is the prompt alone, without the name that tells the methods apart
    assert not any("self_consistency" in request.args[0] for request in asked)


@pytest.mark.usefixtures("registered")
def test_samples_at_the_runs_own_temperature_are_refused_where_it_is_greedy(
    tmp_path: Path,
) -> None:
    import lm_eval

    from tale_eval.lm_eval_ext.registration import register_tasks

    register_tasks(["tale_gsm8k_self_consistency"])
    model = scripted_model()
    with pytest.raises(InvalidValueError, match="temperature=0: several samples of one prompt"):
        lm_eval.simple_evaluate(
            model=model,
            tasks=["tale_gsm8k_self_consistency"],
            metadata={
                "tale_source": str(gsm8k_file(tmp_path, 1)),
                "tale_temperature": "none",
            },
            gen_kwargs="do_sample=False",
            bootstrap_iters=0,
        )
    assert model.script.batches == []


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.usefixtures("registered")
def test_transformers_draws_samples_that_differ_and_are_the_same_the_next_time(
    tmp_path: Path,
) -> None:
    import lm_eval
    from tiny import byte_model

    from tale_eval.lm_eval_ext.registration import register_tasks

    register_tasks(["tale_gsm8k_early_stop"])
    model = byte_model(tmp_path / "model")

    def drawn() -> tuple[list[int | None], list[str]]:
        results = lm_eval.simple_evaluate(
            model="hf",
            model_args={"pretrained": str(model), "dtype": "float32"},
            tasks=["tale_gsm8k_early_stop"],
            metadata={
                "tale_source": str(gsm8k_file(tmp_path, 1)),
                **{"tale_window": 3, "tale_max_samples": 3, "tale_temperature": 1.0},
            },
            gen_kwargs="max_gen_toks=8",
            apply_chat_template=True,
            batch_size=2,
            device="cpu",
            bootstrap_iters=0,
        )
        (sample,) = results["samples"]["tale_gsm8k_early_stop"]
        assert len(sample["calls"]) == 3
        return [call.get("seed") for call in sample["calls"]], sample["filtered_resps"]

    first, second = drawn(), drawn()
    assert first == second
    assert sorted(filter(None, first[0])) == [1, 2]


# --- replies in which nothing but thinking can be seen ---


def chosen(content: str | None, **message: Any) -> dict[str, Any]:
    return {"finish_reason": "length", "message": {"content": content, **message}}


@pytest.mark.parametrize(
    ("ends", "text", "choice", "silent"),
    [
        (None, "So", chosen("So"), False),
        (None, "", chosen(None, reasoning_content="Two and"), True),
        (None, "<think>Two and", chosen("<think>Two and"), True),
        # lm_eval cuts thinking off where it is told how it ends
        ("</think>", "", chosen("Two and two</think>"), True),
        ("</think>", "It is", chosen("Two and two</think>It is"), False),
        # what the chat template opened never ended
        ("[END]", "Two and", chosen("Two and"), True),
        ("[END]", "It is", chosen("Two and[END]It is"), False),
        (None, "", chosen("", tool_calls=[{"id": "1"}]), False),
        (None, "So", {"finish_reason": "length", "text": "So"}, False),
    ],
)
def test_a_servers_reply_is_silent_where_nothing_but_thinking_came(
    ends: str | None, text: str, choice: dict[str, Any], silent: bool
) -> None:
    model = failing_api_model()
    model.think_end_token = ends
    usage = {"prompt_tokens": 9, "completion_tokens": 5}
    (call,) = model._reply(text, choice, usage).calls
    assert (call.silent, call.truncated) == (silent, True)


def decoding_model(ends: str | int | None) -> Any:
    """A local model of lm_eval's that writes letters; token 0 ends a reply."""
    from types import SimpleNamespace

    from tale_eval.lm_eval_ext.models import HuggingFaceCounts

    class Letters:
        eot_token_id = 0
        label = "hf/letters"
        model = SimpleNamespace(generation_config=SimpleNamespace(eos_token_id=0))
        think_end_token = ends

        def tok_decode(self, tokens: list[int]) -> str:
            return "".join(chr(token) for token in tokens if token)

    class Model(HuggingFaceCounts, Letters):  # type: ignore[misc]
        def __init__(self) -> None: ...
        def loglikelihood(self, requests: Any) -> Any: ...
        def loglikelihood_rolling(self, requests: Any) -> Any: ...

    return Model()


@pytest.mark.parametrize(
    ("ends", "written", "silent"),
    [
        (None, "abcd", False),
        ("x", "abcd", True),
        ("x", "abxd", False),
        (ord("x"), "abcd", True),
        (ord("x"), "abxd", False),
        (None, "", True),
    ],
)
def test_a_local_models_reply_is_silent_where_its_thinking_never_ended(
    ends: str | int | None, written: str, silent: bool
) -> None:
    from collections import deque

    model = decoding_model(ends)
    ids = [ord(letter) for letter in written]
    model._counted_rows = deque([model._count(ids, 3, len(ids))])
    (call,) = model.tok_decode(ids).calls
    assert (call.silent, call.truncated, call.output_tokens) == (silent, True, len(ids))
