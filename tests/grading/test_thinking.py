"""What was thought is not said, whatever clothes the thinking wears."""

import pytest
from hypothesis import given, strategies as st

from tale_eval.budgets.reading import read_budget
from tale_eval.grading.answers import extract, grade
from tale_eval.grading.thinking import answer_tags, without_thinking

BLOCKS = [
    "<think>{}</think>",
    "<thinking>{}</thinking>",
    "<Thinking>{}</Thinking>",
    "<thought>{}</thought>",
    "<reasoning>{}</reasoning>",
    "<seed:think>{}</seed:think>",
    "<scratchpad>{}</scratchpad>",
    "[THINK]{}[/THINK]",
    "◁think▷{}◁/think▷",
    "<|begin_of_thought|>{}<|end_of_thought|>",
    "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>",
    "<|channel|>commentary to=tool<|message|>{}<|end|>",
]
EVERY_BLOCK = pytest.mark.parametrize("block", BLOCKS)


@EVERY_BLOCK
def test_a_block_is_thought_and_what_follows_is_said(block: str) -> None:
    assert without_thinking(f"{block.format('Is it [[58]]?')}It is 61.") == ("It is 61.", True)


@EVERY_BLOCK
def test_no_reader_looks_into_a_block(block: str) -> None:
    thinking = block.format("perhaps [[58]], or 58 tokens")
    assert grade(f"{thinking}Answer: [[61]]", "61", "cloze").correct
    assert not grade(f"{thinking}I cannot say.", "58", "cloze").correct
    assert read_budget(f"{thinking}Budget: [[61]]").budget == 61
    assert read_budget(f"{thinking}I cannot say.").budget is None
    assert extract(f"{thinking}61", "cloze").bare is False


@EVERY_BLOCK
def test_an_empty_block_is_no_reasoning(block: str) -> None:
    assert extract(f"{block.format(chr(10))}Answer: 61", "cloze").bare is True


@pytest.mark.parametrize("opening", ["<thinking>", "[THINK]", "<|channel|>analysis<|message|>"])
def test_nothing_counts_in_a_block_that_was_cut_off(opening: str) -> None:
    assert without_thinking(f"{opening}So [[58]] and") == ("", True)
    assert extract(f"{opening}So [[58]] and", "cloze").answer is None


@pytest.mark.parametrize("closing", ["</thinking>", "[/THINK]", "</reasoning>", "</seed:think>"])
def test_a_block_that_the_prompt_opened_is_thought(closing: str) -> None:
    assert without_thinking(f"Maybe [[58]].{closing}\n[[61]]") == ("\n[[61]]", True)


def test_harmony_without_its_special_tokens_is_thought_too() -> None:
    assert without_thinking("analysisWe add 58 and 3.assistantfinalIt is 61.") == (
        "It is 61.",
        True,
    )
    # a sentence may begin with the word
    assert without_thinking("analysis of 58 shows 61") == ("analysis of 58 shows 61", False)


@pytest.mark.parametrize("token", ["<|end|>", "<|return|>", "<|im_end|>", "<|eot_id|>"])
def test_the_tokens_around_a_message_are_not_said(token: str) -> None:
    assert without_thinking(f"Answer: C{token}") == ("Answer: C", False)
    assert grade(f"Answer: C{token}", "C", "choice", ["1", "2", "3"]).correct


def test_what_was_said_before_a_block_stays_said() -> None:
    assert without_thinking("[[61]]<think>Is that [[58]]?</think>") == ("[[61]]", True)
    assert without_thinking("a<think>b</think>c<think>d</think>e") == ("a\nc\ne", True)


@pytest.mark.parametrize(
    ("text", "answer", "bare"),
    [
        ("<answer>61</answer>", "61", True),
        ("<think>58 + 3</think><answer>61</answer>", "61", False),
        ("<answer>58</answer> No. <answer>61</answer>", "61", False),
        ("<answer>It makes 61 stamps.</answer>", "It makes 61 stamps", True),
        ("<answer>We add: \\boxed{61}</answer>", "61", False),
        ("We add. <answer>61", "61", False),
    ],
)
def test_a_tag_marks_an_answer(text: str, answer: str, bare: bool) -> None:
    found = extract(text, "cloze")
    assert (found.answer, found.bare) == (answer, bare)
    assert grade(text, "61", "cloze").correct


def test_tags_are_found_where_their_contents_lie() -> None:
    assert answer_tags("<answer>3</answer> or <ANSWER>4") == [(8, 9), (30, 31)]
    assert answer_tags("no <b>tag</b>") == []


@given(
    st.sampled_from(BLOCKS),
    st.text(alphabet="abc 0123.\n[]"),
    st.integers(-(10**6), 10**6),
    st.sampled_from(["Answer: [[{}]]", "\\boxed{{{}}}", "ANSWER: {}", "The answer is {}."]),
)
def test_a_block_before_it_changes_no_answer(
    block: str, thoughts: str, gold: int, form: str
) -> None:
    reply = form.format(gold)
    thought = block.format(thoughts) + reply
    assert extract(thought, "cloze").answer == extract(reply, "cloze").answer == str(gold)
    assert grade(thought, str(gold), "cloze").correct
    assert not grade(thought, str(gold + 1), "cloze").correct
