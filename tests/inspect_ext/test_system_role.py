"""A model without a system role, through Inspect: the sample's error says how to ask."""

from pathlib import Path

import pytest
from inspect_ai import eval
from inspect_ai.log import EvalSample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from jinja2 import TemplateError

from tale_eval.tasks.chain_sum import chain_sum


def sample(method: str, folder: Path, refusal: Exception) -> EvalSample:
    """One sum, asked of a model that refuses every system message so."""

    def reply(messages: list, *_: object) -> ModelOutput:
        if messages[0].role == "system":
            raise refusal
        output = ModelOutput.from_content("m", "[[1]]")
        output.usage = ModelUsage(input_tokens=9, output_tokens=4, total_tokens=13)
        return output

    model = get_model("mockllm/model", custom_outputs=reply, memoize=False)
    task = chain_sum(size=1, method=method)
    settings = {"display": "none", "fail_on_error": False, "log_dir": str(folder)}
    (log,) = eval(task, model, **settings)
    assert log.samples is not None
    return log.samples[0]


REFUSED = TemplateError("The roles must alternate")
BY_A_SERVER = ValueError("400: System messages are unsupported")


@pytest.mark.parametrize(
    ("method", "refusal"),
    [
        ("cot", REFUSED),
        ("direct", BY_A_SERVER),
        # its estimator is asked first
        ("tale_ep", REFUSED),
        ("budget_search", BY_A_SERVER),
    ],
)
def test_every_method_names_the_argument_that_leaves_the_system_prompt_out(
    method: str, refusal: Exception, tmp_path: Path
) -> None:
    error = sample(method, tmp_path, refusal).error
    assert error is not None
    assert "takes no system message" in error.message
    assert str(refusal) in error.message
    assert "ask without one: system_prompt=, as in the method cot:system_prompt=" in error.message


def test_without_a_system_prompt_the_model_answers(tmp_path: Path) -> None:
    found = sample("cot:system_prompt=", tmp_path, REFUSED)
    assert (found.error, found.output.completion) == (None, "[[1]]")


def test_another_error_keeps_its_own_words(tmp_path: Path) -> None:
    error = sample("cot", tmp_path, ValueError("no such thing")).error
    assert error is not None
    assert "no such thing" in error.message
    assert "system_prompt" not in error.message
