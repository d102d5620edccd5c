"""What a text says on how to answer, and a template without it."""

import pytest
from hypothesis import given, strategies as st

from tale_eval.asking.stated import (
    Form,
    answer_alone,
    obedient_reply,
    stated_forms,
    without_format,
    without_plain_format,
    without_reasoning,
)


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ('End with a line of the form "ANSWER: $ANSWER".', ["answer_line"]),
        ("Finish with ANSWER: $LETTER please.", ["answer_line"]),
        ("Give the result in the format of 'Answer:' on the last line.", ["answer_line"]),
        ('Die letzte Zeile hat das Format "Antwort:".', ["answer_line"]),
        ("最后一行应该以“答案：”的形式给出答案。", ["answer_line"]),
        ("Última línea, en el formato de 'Respuesta:'.", ["answer_line"]),
        ("Замечание: «Ответ:» в последней строке.", ["answer_line"]),
        ("في السطر الأخير اكتب «الجواب:» ثم العدد.", ["answer_line"]),
        ("Put your final result within \\boxed{}.", ["boxed"]),
        ("Reply as [[choice]].", ["bracketed"]),
        ("Write your result after ####.", ["hashes"]),
        ('Use the prefix "The answer is:" at the end.', ["answer_is"]),
        ("The final answer is: [Your answer]", ["answer_is"]),
        ("Finish with Final Answer: $x", ["final_answer"]),
        ("Write <answer> and </answer> around it.", ["tag"]),
        ("Reply in JSON.", ["json"]),
        ("Answer Yes or No. Include nothing else in your response.", ["alone"]),
        ("Respond with only the letter.", ["alone"]),
        ("You do not need to use a \\boxed command.", []),
        # a question's own end, a worked example, and a word that is no instruction
        ("Passage: A fox.\nQuestion: Which animal?\nAnswer:", []),
        ("Q: 1 + 1?\nANSWER: 2", []),
        ("Frage: Was ist 1 plus 1?\nAntwort:", []),
        ("问题：1 加 1 是多少？\n答案：2", []),
        ("The box is made of wood, and the answer is not far.", []),
        ("Only the brave answer letters.", []),
    ],
)
def test_a_stated_form_is_recognised(text: str, forms: list[Form]) -> None:
    assert stated_forms(text) == forms


def test_a_template_gives_up_its_words_on_format_and_reasoning() -> None:
    template = (
        'Solve this riddle step by step. The last line must be "ANSWER: $ANSWER" (without quotes).'
        "\n\nUse the passage only.\n{prompt}\n\nReasoning:"
    )
    kept, left_out = without_format(template)
    assert kept == "Use the passage only.\n{prompt}"
    assert left_out == [
        "Solve this riddle step by step.",
        'The last line must be "ANSWER: $ANSWER" (without quotes).',
        "Reasoning:",
    ]


def test_words_on_reasoning_go_alone_and_a_form_beside_them_stays() -> None:
    both = 'Think step by step before you write "ANSWER: $ANSWER".'
    template = f"Think step by step before answering. {both}\n{{prompt}}"
    assert without_reasoning(template) == (
        f"{both}\n{{prompt}}",
        ["Think step by step before answering."],
    )


def test_a_sentence_with_a_slot_stays() -> None:
    template = 'Answer {prompt} with "ANSWER: $ANSWER" at the end.'
    assert without_format(template) == (template, [])


def test_a_finished_prompt_keeps_what_may_be_data() -> None:
    prompt = (
        "The entire content of your response should be: 'ANSWER: $LETTER'.\n\n"
        'She said "the answer is no", step by step, with nothing else.'
    )
    kept, left_out = without_plain_format(prompt)
    assert kept == 'She said "the answer is no", step by step, with nothing else.'
    assert len(left_out) == 1


@given(st.lists(st.sampled_from(
    ["Think step by step.", "{prompt}", "Read it.", "Use \\boxed{}.", "\n", "{choices} ok?"]
)))  # fmt: skip
def test_no_template_loses_a_slot(parts: list[str]) -> None:
    template = " ".join(parts)
    for cut in (without_format, without_reasoning):
        kept, _ = cut(template)
        assert kept.count("{prompt}") == template.count("{prompt}")
        assert kept.count("{choices}") == template.count("{choices}")


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("So.\nANSWER: Yes", "Yes"),
        ("ANSWER: no\nor rather\n**Answer: Yes.**", "Yes"),
        ("ANSWER: 3.5", "3.5"),
        ("**ANSWER**: 12", "12"),
        ('"ANSWER: 12"', "12"),
        ("Final answer: 12.", "12"),
        ("ANSWER: \\boxed{\\frac{1}{2}}", "\\frac{1}{2}"),
        ("ANSWER: [[12]]", "12"),
        ("ANSWER: U.S.", "U.S."),
        ("No answer: 12 is a guess", None),
        ("Yes", None),
        ("ANSWER:", None),
    ],
)
def test_the_answer_of_an_answer_line(reply: str, answer: str | None) -> None:
    assert answer_alone(reply) == answer


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9 ,]{0,20}[A-Za-z0-9]", fullmatch=True))
def test_an_obedient_reply_is_read_back(answer: str) -> None:
    prompt = 'The last line must be of the form "ANSWER: $ANSWER".'
    assert answer_alone(obedient_reply(prompt, answer, "First this.")) == answer


@pytest.mark.parametrize(
    ("prompt", "reply"),
    [
        ("Hm?", "So.\n7"),
        ("Within \\boxed{}.", "So.\n\\boxed{7}"),
        ('Say "The final answer is" at the end.', "So.\nThe final answer is: 7"),
        ("Respond with only the number.", "7"),
        ('Im Format "Antwort:".', "So.\nAntwort: 7"),
        ("以“答案：”的形式给出。", "So.\n答案: 7"),
    ],
)
def test_a_reply_obeys_its_prompt(prompt: str, reply: str) -> None:
    assert obedient_reply(prompt, "7", "So.") == reply
