"""Chat templates that drop, begin or strip something: found before weights are loaded.

Each template is a few lines: it writes "[role]content<end>", and does one thing otherwise.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from tiny import PLAIN, byte_model, byte_tokenizer, write_recipe

from tale_eval.errors import InvalidValueError, RowError
from tale_eval.training import preflight
from tale_eval.training.rendering import Place, Rendered, Template
from tale_eval.training.train import train

HERE = Path("rows.jsonl")
THOUGHT = "<think>Six and seven.</think>That is [[13]]"


def template(content: str, begins: str = "[assistant]") -> str:
    """`PLAIN` with another content of the assistant's, and another end of the prompt."""
    return (
        "{% for m in messages %}[{{ m.role }}]"
        "{% if m.role == 'assistant' %}" + content + "{% else %}{{ m.content }}{% endif %}<end>"
        "{% endfor %}{% if add_generation_prompt %}" + begins + "{% endif %}"
    )


CUTS_AT_THINK = template("{{ m.content.split('</think>')[-1] }}")
KEEPS_THE_LAST = template(
    "{% if loop.last %}{{ m.content }}{% else %}{{ m.content.split('</think>')[-1] }}{% endif %}"
)
OPENS_THINK = template("{{ m.content }}", "[assistant]<think>\n")
CUTS_AND_OPENS = template("{{ m.content.split('</think>')[-1] }}", "[assistant]<think>\n")
OPENS_IN_BOTH = template("<think>\n{{ m.content }}", "[assistant]<think>\n")
EMPTY_THOUGHT = template("<think>\n\n</think>{{ m.content }}")
STRIPS = template("{{ m.content | trim }}")
SQUEEZES = template("{{ m.content.split() | join(' ') }}")
SHOUTS = template("{{ m.content | upper }}")
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('No system turn here') }}"
NO_SYSTEM += "{% endif %}" + PLAIN
NOTHING_GOES = "{{ raise_exception('Turns must alternate') }}"


def says(role: str, text: str) -> dict[str, str]:
    return {"role": role, "content": text}


def rendered(chat_template: str, answer: str, *before: dict[str, str]) -> Rendered:
    """The seventh line of a file, rendered."""
    prompt = [*before, says("user", "6 + 7?")]
    place = Place(HERE, 7, "completion")
    tokenizer = byte_tokenizer(chat_template)
    return Template(tokenizer, "m").rendered(place, prompt, [says("assistant", answer)])


def learnt(chat_template: str, answer: str, *before: dict[str, str]) -> str:
    tokens = rendered(chat_template, answer, *before).answer
    return str(byte_tokenizer(chat_template).decode(tokens))


@pytest.mark.parametrize("chat_template", [PLAIN, KEEPS_THE_LAST, STRIPS, OPENS_IN_BOTH])
def test_what_a_template_keeps_is_learnt_whole_with_its_end(chat_template: str) -> None:
    assert learnt(chat_template, THOUGHT) == f"{THOUGHT}<end>"


def test_thinking_of_earlier_turns_may_go_as_it_does_in_evaluation() -> None:
    earlier = (says("user", "1 + 1?"), says("assistant", "<think>Easy.</think>2"))
    assert learnt(KEEPS_THE_LAST, THOUGHT, *earlier) == f"{THOUGHT}<end>"


def test_whitespace_around_an_answer_may_go() -> None:
    assert learnt(STRIPS, "\n [[13]] \n") == "[[13]]<end>"


def test_an_answer_may_begin_in_the_prompt_that_begins_its_thinking() -> None:
    """The row has the opening tag, the prompt ends with it: the model writes on after it."""
    assert learnt(OPENS_THINK, "<think>\nSix.</think>[[13]]") == "Six.</think>[[13]]<end>"


@pytest.mark.parametrize(
    ("chat_template", "answer", "problem"),
    [
        (
            CUTS_AT_THINK,
            THOUGHT,
            r"drops the thinking before </think>: the answer begins with '<think>Six and seven.*, "
            r"and the template writes '\[assistant\]That is \[\[13\]\]<end>'; give --model a copy",
        ),
        (CUTS_AND_OPENS, THOUGHT, "drops the thinking before </think>"),
        (CUTS_AT_THINK, "Six and\nseven.</think>\n[[13]]", "drops the thinking before </think>"),
        (
            SQUEEZES,
            "Six\n\nand  seven: [[13]]",
            r"drops text: the answer begins with 'Six\\n\\nand",
        ),
        (SHOUTS, "Six and seven", "drops text: .*, and the template writes '.assistant.SIX AND"),
        (
            OPENS_THINK,
            "Six and seven.</think>[[13]]",
            r"ends the prompt with '<think>\\n', which it does not write before an answer: there "
            r"stands 'Six and seven.</think>\[\[13\]\]<end>', .*; give --model a copy of its "
            "folder whose chat_template.jinja",
        ),
        (OPENS_THINK, "[[13]]", r"ends the prompt with '<think>\\n'"),
        (
            template("{{ m.content }}", "[assistant]\n"),
            "[[13]]",
            r"ends the prompt with '\\n', which it does not write before an answer",
        ),
        (
            # a line break right after a tag would not be written
            template("{{ '\\n' + m.content }}", "[assistant]\n"),
            "\n[[13]]",
            r"the answer's beginning '\\n\[\[13\]\]<end>' merges with the end of the prompt",
        ),
    ],
)
def test_what_a_template_does_otherwise_is_refused_by_file_line_and_fix(
    chat_template: str, answer: str, problem: str
) -> None:
    with pytest.raises(RowError, match=rf"^rows.jsonl:7: completion: .*{problem}") as raised:
        rendered(chat_template, answer)
    assert "\n" not in str(raised.value)


def test_a_template_without_a_system_role_names_the_options_that_leave_it_out() -> None:
    system = says("system", "Be brief.")
    with pytest.raises(
        RowError,
        match=r"rows.jsonl:7: prompt: the chat template of m refuses the system message 'Be "
        r"brief.' \(No system turn here\); .*--system-prompt '' and evaluate with .*"
        "cot:system_prompt=",
    ):
        rendered(NO_SYSTEM, "[[13]]", system)
    assert learnt(NO_SYSTEM, "[[13]]") == "[[13]]<end>"


@pytest.mark.parametrize(
    ("chat_template", "words"),
    [
        (NOTHING_GOES, "Turns must alternate"),
        (template("{{ m.content }}", "{{ 1 + 'a' }}"), "unsupported operand"),
        ("{{ nobody.said.this }}", "'nobody' is undefined"),
    ],
)
def test_a_template_that_refuses_everything_says_its_own_words(
    chat_template: str, words: str
) -> None:
    message = rf"rows.jsonl:7: .* refuses messages of system, user \(.*{words}"
    with pytest.raises(RowError, match=message):
        rendered(chat_template, "[[13]]", says("system", "Be brief."))


# --- before weights are loaded ---


def job(folder: Path, kind: Any, chat_template: str, *rows: dict[str, str]) -> dict[str, Any]:
    """The arguments of a training on these rows by a model of this template."""
    data = folder / "rows.jsonl"
    data.write_text("".join(json.dumps({"prompt": "6 + 7?", **row}) + "\n\n" for row in rows))
    return {
        "kind": kind,
        "model": str(byte_model(folder / "base", chat_template)),
        "data": data,
        "out": folder / "out",
        "config": str(write_recipe(folder / "r.yaml", kind)),
    }


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    def loaded(*_: object) -> None:
        raise AssertionError("weights were loaded")

    monkeypatch.setattr("tale_eval.training.train.make_trainer", loaded)


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize(
    ("chat_template", "chosen", "rejected", "message"),
    [
        # the pair differs in its thinking alone, which the template drops
        (CUTS_AT_THINK, "<think>a</think>[[13]]", "<think>a b</think>[[13]]", "chosen: .* drops"),
        (PLAIN, "[[13]]", "<think>a b</think>[[13]]", None),
        (STRIPS, "[[13]]", "[[13]]\n\n", "chosen and rejected are the same tokens"),
        (PLAIN, "[[13]]", "[[13]]", "chosen and rejected are the same tokens"),
    ],
)
def test_a_pair_that_is_one_answer_to_the_model_is_refused(
    chat_template: str, chosen: str, rejected: str, message: str | None, tmp_path: Path
) -> None:
    good = {"chosen": "short", "rejected": "long and wordy"}
    arguments = job(tmp_path, "dpo", chat_template, good, {"chosen": chosen, "rejected": rejected})
    if message is None:
        with pytest.raises(AssertionError, match="weights were loaded"):
            train(**arguments)
        return
    # the second row, after a blank line
    with pytest.raises(RowError, match=rf"rows.jsonl:3: {message}"):
        train(**arguments)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("no_weights")
def test_what_a_template_puts_before_every_answer_is_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = job(tmp_path, "sft", EMPTY_THOUGHT, {"completion": "a"}, {"completion": "b"})
    with pytest.raises(AssertionError, match="weights were loaded"):
        train(**arguments)
    (note,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note")]
    assert r"writes '<think>\n\n</think>' before an answer: that is learnt too" in note


@pytest.mark.usefixtures("no_weights")
def test_a_template_that_does_not_end_an_answer_names_the_row_and_the_ways(tmp_path: Path) -> None:
    endless = PLAIN.replace("<end>", "\n")
    arguments = job(tmp_path, "sft", endless, {"completion": "thirteen"})
    with pytest.raises(RowError, match=r"rows.jsonl:1: completion: .*would not learn to stop; let"):
        train(**arguments)


# --- layers ---


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return byte_model(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import GPT2Config

    folder = tmp_path_factory.mktemp("gpt2")
    GPT2Config(n_embd=8, n_layer=1, n_head=2, vocab_size=50, n_positions=16).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    ("key", "wanted", "missing"),
    [
        ("target_modules", ["k_proj", "o_pro", "down_proj"], "'o_pro'"),
        ("target_modules", ["w1", "v_proj", "w2"], "'w1', 'w2'"),
        ("target_modules", [r".*\.q_proj"], r"'.*\\.q_proj'"),
        ("target_modules", r".*\.(wq|wv)", r"'.*\\.(wq|wv)'"),
        ("modules_to_save", ["lm_haed"], "'lm_haed'"),
    ],
)
def test_a_layer_that_is_not_there_is_named_beside_those_that_are(
    key: str, wanted: object, missing: str, llama: Path
) -> None:
    with pytest.raises(InvalidValueError) as raised:
        preflight.trained_weights(str(llama), {"target_modules": ["q_proj"], key: wanted})
    layers = "embed_tokens, q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, lm_head"
    assert str(raised.value) == (
        f"lora: {key}: {llama} has no layer {missing}; it has {layers}; all-linear takes every "
        "linear one but the output"
    )


@pytest.mark.parametrize(
    ("wanted", "weights"),
    [
        # rank 1: 8 + 8 for q (8 to 8), 8 + 4 for v (8 to 4)
        (["q_proj", "v_proj"], 28),
        (["self_attn.q_proj"], 16),
        (r".*\.q_proj", 16),
    ],
)
def test_layers_by_name_by_path_and_by_expression(wanted: Any, weights: int, llama: Path) -> None:
    assert preflight.trained_weights(str(llama), {"r": 1, "target_modules": wanted}) == weights


def test_gpt2s_layers_are_of_another_kind_and_listed_all_the_same(gpt2: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"no layer 'v_proj'; it has .*c_attn \(Conv1D\), "):
        preflight.trained_weights(str(gpt2), {"target_modules": ["c_attn", "v_proj"]})
    # rank 1 on one layer of width 8 to 24
    lora = {"r": 1, "target_modules": ["c_attn"], "fan_in_fan_out": True}
    assert preflight.trained_weights(str(gpt2), lora) == 8 + 24
