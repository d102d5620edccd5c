"""lm_eval's generation settings in the words of Inspect's, so that both have one vocabulary."""

from typing import Any

import pytest

from tale_eval.asking.setting import Setting
from tale_eval.lm_eval_ext.generation import run_setting


@pytest.mark.parametrize(
    ("generation", "arguments", "setting"),
    [
        # what our own tasks have, with lm_eval's name of the cap, or another's
        (
            {"do_sample": True, "temperature": 0.1, "max_gen_toks": 1024, "until": []},
            {},
            {"temperature": 0.1, "max_tokens": 1024},
        ),
        ({"temperature": 1, "max_new_tokens": 64}, {}, {"temperature": 1, "max_tokens": 64}),
        # of two caps lm_eval takes its own name's
        ({"max_tokens": 9, "max_gen_toks": 5}, {}, {"max_tokens": 5, "temperature": 0}),
        ({"max_gen_toks": 5, "max_tokens": 9}, {}, {"max_tokens": 5, "temperature": 0}),
        # greedy in all its ways
        ({"do_sample": False}, {}, {"temperature": 0}),
        ({"until": ["\n\n"]}, {}, {"temperature": 0, "stop_seqs": ["\n\n"]}),
        ({"until": "Q:", "temperature": 0.0}, {}, {"temperature": 0, "stop_seqs": ["Q:"]}),
        # the backends do not agree on what this is
        (
            {"do_sample": False, "temperature": 0.7},
            {},
            {"do_sample": False, "temperature": 0.7},
        ),
        ({"do_sample": True}, {}, {"do_sample": True}),
        # arguments of the model, typed or as they were typed in
        ({}, {"pretrained": "m", "dtype": "float", "max_gen_toks": "64"}, {"max_tokens": 64}),
        ({"max_gen_toks": 9}, {"max_gen_toks": 64}, {"max_tokens": 9, "temperature": 0}),
        ({}, {"enable_thinking": "True", "num_concurrent": 4}, {"enable_thinking": True}),
        (
            {},
            {"chat_template_args": {"thinking": False}},
            {"chat_template_kwargs": {"thinking": False}},
        ),
        (
            {"reasoning_effort": "high", "temperature": 1, "top_p": 0.9, "seed": 3},
            {"seed": 4},
            {"reasoning_effort": "high", "temperature": 1, "top_p": 0.9},
        ),
        # a multiple-choice task generates nothing
        ({}, {"pretrained": "m"}, {}),
    ],
    ids=str,
)
def test_a_setting_of_lm_evals_is_one_of_inspects(
    generation: dict[str, Any], arguments: dict[str, Any], setting: dict[str, Any]
) -> None:
    assert run_setting(generation, arguments) == Setting.of(setting)


def test_a_system_instruction_and_a_missing_template_change_what_is_written() -> None:
    assert str(run_setting({}, {}, "Be brief.")) == "system_message=Be brief."
    assert str(run_setting({}, {}, chat_template=False)) == "chat_template=none"


def test_a_key_among_the_arguments_makes_no_setting_of_its_own() -> None:
    keys = ({"extra_body": {"api_key": key}} for key in ("planted", "other"))
    one, other = (run_setting({}, key) for key in keys)
    assert one == other == Setting({"extra_body.api_key": "***"})
