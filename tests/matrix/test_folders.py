"""The log folder of a combination says what was asked of it, and no two share one."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval
from inspect_ai.model import get_model

from tale_eval.errors import InvalidValueError
from tale_eval.inspect_ext.command_line import read_options
from tale_eval.matrix.combination import Combination, combinations
from tale_eval.matrix.folders import asked_of, folders, log_folder, mark
from tale_eval.tasks.chain_sum import chain_sum

MODEL = "mockllm/model"
BASE = "chain_sum_size=1/cot/mockllm_model"
ONE = Combination("chain_sum:size=1", "cot", MODEL)


def folder(*options: str, at: str = "logs", of: Combination = ONE) -> str:
    (found,) = folders([of], at, read_options(options))
    return found.removeprefix(f"{at}/")


@pytest.mark.parametrize(
    ("options", "setting"),
    [
        ([], ""),
        (["--reasoning-effort", "high"], "--reasoning_effort=high"),
        (["--max-tokens=512", "--temperature", "0"], "--max_tokens=512,temperature=0"),
        (["--seed", "7"], "--seed=7"),
        (["--token-limit", "500"], "--token_limit=500"),
        (["-M", "enable_thinking=false", "-M", "device=cpu"], "--argument.enable_thinking=false"),
        (["--model-role", "estimator=a"], "--role.estimator=a"),
        (["--extra-body", '{"thinking_token_budget": 9}'], "--extra_body.thinking_token_budget=9"),
        # these change how it is asked, and nothing that is written
        (["--max-connections", "5", "--timeout", "9", "--cache", "--max-retries", "1"], ""),
        (["--limit", "5", "--epochs", "3", "--display", "none"], ""),
        # this repeats what the benchmark says by itself
        (["--temperature", "0.1", "--max-tokens", "1024"], ""),
    ],
)
def test_what_changes_the_text_is_in_the_name(options: list[str], setting: str) -> None:
    assert folder(*options) == BASE + setting


def test_somebody_elses_task_may_have_other_settings_of_its_own() -> None:
    found = folder("--temperature", "0.1", of=Combination("inspect_evals/gsm8k", "cot", MODEL))
    assert found == "inspect_evals_gsm8k/cot/mockllm_model--temperature=0.1"


def test_a_sweep_and_an_option_of_one_value_have_one_folder() -> None:
    (swept, _) = combinations(
        [ONE.task], [ONE.method], [MODEL], ["reasoning_effort=high,low"], read_options([])
    )
    assert folder(of=swept) == folder("--reasoning-effort", "high")


@pytest.mark.parametrize(
    "value", ["x" * 500, "Be brief!", "a/../../b", "sk-0123456789abcdefghij", "größer?", "\n", "."]
)
def test_a_value_that_is_no_file_name_is_in_it_by_its_hash(value: str) -> None:
    found = folder("--system-message", value)
    assert found.startswith(f"{BASE}--system_message-")
    assert len(found) - len(BASE) <= 40
    assert folder("--system-message", f"{value}!") != found


def test_a_key_in_a_setting_is_not_in_the_folders_name() -> None:
    found = folder("--extra-body", '{"api_key": "opensesame"}', "--extra-headers", '{"a": "b"}')
    assert "opensesame" not in found
    assert found != folder("--extra-body", '{"api_key": "other"}', "--extra-headers", '{"a": "b"}')


def test_a_long_method_has_a_name_that_every_file_system_takes() -> None:
    names = [
        Path(log_folder(Combination("gsm8k", f"cot:system_prompt={'ä' * 300}{end}", MODEL), "logs"))
        for end in "ab"
    ]
    assert names[0] != names[1]
    assert all(len(part.encode()) <= 255 for name in names for part in name.parts)


def test_two_combinations_of_one_folder_are_refused() -> None:
    methods = ["cot:system_prompt=Who?", "cot:system_prompt=Who!"]
    matrix = [Combination("gsm8k", method, MODEL) for method in methods]
    with pytest.raises(InvalidValueError, match=r"share the log folder.*two --log-dir"):
        folders(matrix, "logs", read_options([]))


def written_by_0_1_0(at: Path, **generation: Any) -> str:
    """A log where version 0.1.0 had it, whatever the settings were."""
    eval(
        chain_sum(size=1),
        model=get_model(MODEL),
        log_dir=str(at / BASE),
        display="none",
        **generation,
    )
    return str(at)


pytest.importorskip("reasoning_gym")


def test_a_folder_of_0_1_0_is_gone_on_with_at_its_own_setting_alone(tmp_path: Path) -> None:
    at = written_by_0_1_0(tmp_path, reasoning_effort="high", max_connections=3)
    assert folder("--reasoning-effort", "high", at=at) == BASE
    assert folder("--reasoning-effort", "low", at=at) == f"{BASE}--reasoning_effort=low"
    assert folder("--reasoning-effort=high", "--max-tokens=9", at=at) == (
        f"{BASE}--max_tokens=9,reasoning_effort=high"
    )
    assert folder(at=at) == f"{BASE}--setting=default"


def test_a_folder_of_0_1_0_without_settings_is_gone_on_with(tmp_path: Path) -> None:
    at = written_by_0_1_0(tmp_path)
    assert folder(at=at) == BASE
    assert folder("--token-limit", "5", at=at) == f"{BASE}--token_limit=5"


def test_a_folder_of_0_1_0_with_a_limit_is_another_than_without(tmp_path: Path) -> None:
    at = written_by_0_1_0(tmp_path, token_limit=500)
    assert folder(at=at) == f"{BASE}--setting=default"
    assert folder("--token-limit", "500", at=at) == BASE


def test_a_long_model_leaves_room_for_its_setting() -> None:
    long = Combination("gsm8k", "cot", f"a/{'b' * 300}")
    found = folder("--reasoning-effort", "high", of=long)
    assert found.endswith("--reasoning_effort=high")
    assert len(found.rpartition("/")[2].encode()) <= 255


def test_a_mark_says_of_which_setting_a_folder_is(tmp_path: Path) -> None:
    at = written_by_0_1_0(tmp_path, reasoning_effort="high")
    high = asked_of(ONE, read_options(["--reasoning-effort", "high"]))
    mark(f"{at}/{BASE}", high)
    assert folder("--reasoning-effort", "high", at=at) == BASE
    assert folder(at=at) == f"{BASE}--setting=default"
    # the first mark counts: the logs are older than any other
    mark(f"{at}/{BASE}", {})
    assert folder("--reasoning-effort", "high", at=at) == BASE
