"""The rival methods: their words, to the letter where published, and what they do with replies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import REPOSITORY, lm_eval_on_server, lm_eval_samples
from evaluation import at, run, samples, values
from inspect_ai import Task, eval, task
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalSample
from inspect_ai.scorer import choice, match
from questions import gsm8k_file
from reasoner import asked_number, reasons
from server import ChatServer, Reply, chat_server

from tale_eval.asking.question import Question
from tale_eval.budgets.plan import Ask, ReplyText, asks_of, told
from tale_eval.errors import InvalidValueError, UnknownNameError
from tale_eval.grading.thinking import without_thinking
from tale_eval.solvers import method_solver, methods, resolve
from tale_eval.solvers.concise import WORDINGS
from tale_eval.solvers.draft_then_check import is_sure
from tale_eval.solvers.plan_and_budget import parts_in, weights_in
from tale_eval.solvers.sketch import named_paradigm
from tale_eval.tasks.gsm8k import gsm8k

QUESTION = Question("What is 1 plus 1?", "cloze", "en", "bracketed")
CHOICE = Question("How long?\nA. 12 cm\nB. 15 cm\n", "choice", "en", "bracketed")
BRACKETED = (
    "Please Give the response by strictly following this format: [[answer]], for example: "
    "Answer: [[50]]."
)


def walk(
    method: str, *replies: str | tuple[str, ...], question: Question = QUESTION
) -> tuple[list[Ask], Any]:
    """What a method asks when it is told these replies, and the reply that it chose."""
    given = resolve(method)
    plan = methods()[given.name].plan(given.arguments)
    steps = plan.steps(question._replace(answer_format=plan.way.format_for(plan.way.own_format)))
    asked = next(steps)
    every = [*asks_of(asked)]
    for reply in replies:
        said = [ReplyText(text, 10) for text in ((reply,) if isinstance(reply, str) else reply)]
        try:
            asked = steps.send(told(asked, said))
        except StopIteration as end:
            return every, end.value
        every += asks_of(asked)
    return every, None


def words(method: str, *replies: str, question: Question = QUESTION) -> str:
    """The prompt that a method sends after these replies."""
    given = resolve(method)
    plan = methods()[given.name].plan(given.arguments)
    put = question._replace(answer_format=plan.way.format_for(plan.way.own_format))
    return walk(method, *replies, question=question)[0][-1].words(put)


# --- words --------------------------------------------------------------------------------


def test_chain_of_draft_is_asked_as_its_authors_code_asks() -> None:
    # configs/gsm8k_cod.yaml and compose_request() of github.com/sileix/chain-of-draft
    assert words("chain_of_draft") == (
        "Think step by step, but only keep minimum draft for each thinking step, with 5 words at "
        "most.\nReturn the answer at the end of the response after a separator ####.\n\n"
        "Q: What is 1 plus 1?\nA: \n"
    )
    assert "with 3 words at most" in words("chain_of_draft:words=3")
    assert BRACKETED in words("chain_of_draft:answer_format=bracketed")
    assert "####" not in words("chain_of_draft:answer_format=bracketed")
    assert "Return the letter of the right option at the end" in words(
        "chain_of_draft", question=CHOICE
    )


PUBLISHED = {
    # arXiv 2401.05618, source/agents/concise_agent.py
    "be_concise": "Think step-by-step through the problem to ensure you have the correct answer. "
    "Be concise.",
    # arXiv 2407.19825, as in src/prompt.py of concise-reasoning, for 100 words
    "words:limit=100": "Let’s think a bit step by step and limit the answer length to 100 words.",
    # arXiv 2502.20122, src/prompt.py
    "short": "Give concise step by step reasoning before you answer. Only retain key steps such as "
    "names, objects, numbers and mathematical operations. Use short plain words. Don't use any "
    "formatting such as emphasis, lists, or enumeration. Make sure that the intermediate results "
    "are presented in the order that they are calculated.",
    "brief": "Carefully solve the problem step by step, while using *as few words are possible*. "
    "Be careful about your choice of words. Use only necessary and essential steps. Avoid extra "
    "words. Avoid repetition. Avoid verbose statements. Avoid introductory remarks.",
    # arXiv 2503.01141, cot_prompts.json
    "step_by_step": "Think step by step before answering.",
    "think_concise": "Think step by step before answering, but be concise.",
    "no_explanation": "Only give the final answer. Do not give any explanation.",
    "bullets": "Only use bullet points. Do not use complete sentences.",
    "only_numbers": "Only use numbers or equations in your steps. Use as few words as possible.",
    "no_spaces": "Do not use any spaces or line breaks. For example, instead of 'since 20 + 4 = "
    "24' respond with 'since20+4=24'.",
    "no_grammar": "Do not use proper grammar. Avoid using connecting words like 'and', 'since', "
    "'but', or 'then', etc.",
    "abbreviate": "Abbreviate words as much as possible. Remove vowels. For example, you can "
    "replace 'concept' with 'cncpt'.",
    "word_limit:limit=25": "Only use 25 words for your answer.",
    "letter_limit:limit=50": "Only use 50 letters for your answer.",
    "token_limit:limit=100": "Only use 100 tokens for your answer.",
    "step_limit:limit=2": "List your steps (e.g. 'Step 1', 'Step 2', ...). Use at most 2 steps.",
    "chinese": "Respond in Chinese.",
    "chinese_limit:limit=10": "Respond in Chinese, but use at most 10 characters.",
}


@pytest.mark.parametrize(("variant", "text"), PUBLISHED.items())
def test_the_concise_family_is_asked_in_its_published_words(variant: str, text: str) -> None:
    assert words(f"concise:variant={variant}") == f"Q: What is 1 plus 1?\n{BRACKETED}{text}\n"


def test_a_wording_stands_where_plain_chain_of_thought_has_its_own() -> None:
    for method in ("cot", "cot:style=answer_last"):
        plain, trigger = words(method), "Let's think step by step"
        asked = words(method.replace("cot", "concise:variant=bullets"))
        text = PUBLISHED["bullets"]
        assert asked in (plain.replace(f"{trigger}:", text), plain.replace(f"{trigger}.", text))


def test_every_wording_has_a_source_and_those_with_a_number_say_so_to_the_ledger() -> None:
    assert all(wording.source for wording in WORDINGS.values())
    assert {v for v, wording in WORDINGS.items() if "{n}" in wording.text} == {
        v for v, wording in WORDINGS.items() if wording.limit
    }
    ask = walk("concise:variant=words:limit=45")[0][0]
    assert (ask.budget, dict(ask.controls)) == (None, {"words": 45})
    ask = walk("concise:variant=token_limit:limit=60")[0][0]
    assert (ask.budget, dict(ask.controls)) == (60, {"prompt": 60})


def test_the_page_of_methods_shows_every_method_and_every_wording_with_its_source() -> None:
    page = (REPOSITORY / "docs" / "methods.md").read_text()
    for variant, wording in WORDINGS.items():
        shown = wording.text.replace("{n}", "*n*")
        assert f"| `{variant}` | {shown} | {wording.source} |\n" in page
    assert all(f"`{name}`" in page for name in methods() if methods().is_ours(name))


def test_methods_without_words_of_their_own_ask_in_those_of_direct_and_cot() -> None:
    direct, cot = words("direct"), words("cot")
    assert words("self_consistency") == words("early_stop") == cot
    assert words("cascade") == words("draft_then_check") == direct
    assert words("cascade", ("[[2]]", "[[3]]")) == words("draft_then_check", "[[2]]", "no") == cot


def test_the_words_that_are_ours_are_these() -> None:
    assert words("draft_then_check", "[[2]]") == (
        "Here is a question with an answer that somebody gave at once.\n\n"
        "Question: What is 1 plus 1?\n\nAnswer given: [[2]]\n\n"
        "Are you certain that this answer is right? Say yes only if nothing in it needs to be "
        "worked out again. Reply with one word, yes or no.\n"
    )
    assert words("sketch") == (
        "Three shorthands can be used to work out a question:\n"
        "- chunked_symbolism: variables and equations, for calculations\n"
        "- conceptual_chaining: key words joined by arrows, for facts and common sense\n"
        "- expert_lexicons: the symbols and abbreviations of a field, for specialists' questions"
        "\n\nWhich one suits the question below? Do not answer it; reply with the name of the "
        'shorthand alone.\n\nQuestion: "What is 1 plus 1?"\n'
    )
    assert words("plan_and_budget") == (
        "Break the question below down into 2 to 5 smaller questions that lead to its answer, each "
        "building on those before it: fewer for an easy question, more for a hard one. Give each a "
        "hint of a few words. Do not answer anything.\n\n"
        "Write each on a line of its own, as in this example:\n"
        "1. How much do the pens cost together? Hint: price times number.\n"
        "2. How much money is left? Hint: subtract from what was paid.\n\n"
        'Question: "What is 1 plus 1?"\n'
    )
    assert words("plan_and_budget", "1. Add.\nHint: sum") == (
        "A question is worth 100 points, to be shared among the smaller questions that lead to its "
        "answer: the more work one needs, the more points. Say first how difficult the whole is, "
        "on a level from 1 (easy) to 5 (hard). Do not answer anything.\n\n"
        "Write lines as in this example, one for each smaller question:\n"
        "Level: 2\n1: 60\n2: 40\n\n"
        'Question: "What is 1 plus 1?"\n\nSmaller questions:\n1. Add. Hint: sum\n'
    )


def test_a_sketch_has_its_authors_guide_and_examples_before_the_question() -> None:
    prompt = words("sketch:paradigm=chunked_symbolism")
    guide = REPOSITORY / "tale_eval/asking/sketch_of_thought/chunked_symbolism.md"
    assert prompt.startswith(guide.read_text().rstrip() + "\n\nA car accelerates at 2.5 m/s^2")
    assert prompt.endswith("I = 12 / 4 = 3A\n</think>\n\\boxed{3}\n\nWhat is 1 plus 1?\n")
    bare = words("sketch:paradigm=chunked_symbolism:examples=0")
    assert bare == guide.read_text().rstrip() + "\n\nWhat is 1 plus 1?\n"


def test_a_sketch_states_another_answer_format_in_the_guides_place_and_in_the_examples() -> None:
    prompt = words("sketch:paradigm=expert_lexicons:answer_format=bracketed")
    assert "boxed" not in prompt
    assert f"4. **Output Format**\n   - {BRACKETED}\n   - **Use minimal words" in prompt
    assert "Choice: [[B]]." in prompt
    assert "Answer: [[Core Profitability]]." in prompt


@pytest.mark.parametrize(
    ("said", "paradigm"),
    [
        ("conceptual_chaining", "conceptual_chaining"),
        ("**Expert Lexicons**", "expert_lexicons"),
        ("Not chunked symbolism; conceptual-chaining.", "conceptual_chaining"),
        ("<think>chunked_symbolism?</think>expert_lexicons", "expert_lexicons"),
        ("I do not know", "chunked_symbolism"),
    ],
)
def test_the_model_routes_its_question_to_a_sketch(said: str, paradigm: str) -> None:
    assert named_paradigm(said) == paradigm
    asks, _ = walk("sketch", said)
    assert [ask.purpose for ask in asks] == ["helper", "answer"]
    assert words("sketch", said) == words(f"sketch:paradigm={paradigm}")


def test_plan_and_budget_states_a_share_in_words_for_each_sub_question() -> None:
    planned = "1. What is 1?\nHint: it stands there.\n2. What is the sum?\nHint: add."
    weighed = "Level: 1\n1: 60\n2: 40"
    # level 1 is 200; 60 * 4 to 40 * 1 is 6 to 1: 171.4 and 28.6, and the larger has what is left
    assert words("plan_and_budget", planned, weighed) == (
        "What is 1 plus 1?\n\n"
        "You may think following these sub-questions or feel free to use other methods that works "
        "the best towards getting the final answer:\n"
        "1. What is 1? Hint: it stands there. Please only think a little, and directly solve it "
        "using up to 172 words.\n\n"
        "2. What is the sum? Hint: add. Please only think a little, and directly solve it using "
        f"up to 28 words.\n\n{BRACKETED}\n"
    )
    asks, _ = walk("plan_and_budget:total=300", planned, weighed)
    assert [ask.purpose for ask in asks] == ["helper", "helper", "answer"]
    assert asks[-1].controls == {"words": 300}


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ("Sure!\n\n**1. Add x.**\nHint: sum\n\n2) Then y.", ["1. Add x. Hint: sum", "2. Then y."]),
        ("<think>1. no</think>1. Yes. Hint: a", ["1. Yes. Hint: a"]),
        ("No idea.", ["1. Directly solve the problem. Hint: None."]),
        ("\n".join(f"{n}. again" for n in range(1, 90)), [f"{n}. again" for n in range(1, 11)]),
    ],
)
def test_sub_questions_are_read_however_they_are_laid_out(said: str, parts: list[str]) -> None:
    assert parts_in(said) == parts


@pytest.mark.parametrize(
    ("said", "level", "weights"),
    [
        ("Level: 4\n1: 70\n2: 30", 4, [70, 30]),
        ("**Level:** [[2]]\n1. (25 points)\n2. (75 points)", 2, [25, 75]),
        ("1: 70", 3, [1, 1]),
        ("Level 7\n1: 0\n2: 100", 3, [1, 1]),
        ("", 3, [1, 1]),
    ],
)
def test_levels_and_weights_are_read_or_middling_and_equal(
    said: str, level: int, weights: list[float]
) -> None:
    assert weights_in(said, 2) == (level, weights)


@pytest.mark.parametrize(
    ("said", "sure"),
    [
        ("yes", True),
        ("**Yes.**", True),
        ("是", True),
        ("<think>no wait</think>Yes", True),
        ("no", False),
        ("Not certain, yes?", False),
        ("不是", False),
        ("", False),
        ("Perhaps", False),
    ],
)
def test_only_a_plain_yes_is_sure(said: str, sure: bool) -> None:
    assert is_sure(said) is sure


# --- what they do with replies ------------------------------------------------------------


def test_draft_then_check_reasons_only_where_the_model_doubts_or_gave_no_answer() -> None:
    asks, chosen = walk("draft_then_check", "[[2]]", "yes")
    assert [ask.purpose for ask in asks] == ["answer", "helper"]
    assert chosen == "[[2]]"
    assert "Answer given: [[2]]" in asks[1].words(QUESTION)
    asks, chosen = walk("draft_then_check", "[[2]]", "no", "So [[3]]")
    assert [ask.purpose for ask in asks] == ["answer", "helper", "answer"]
    assert chosen == "So [[3]]"
    asks, _ = walk("draft_then_check", "I cannot say", "So [[3]]")
    assert [ask.purpose for ask in asks] == ["answer", "answer"]


def test_a_cascade_reasons_only_where_its_drafts_differ() -> None:
    _, chosen = walk("cascade", ("[[0.5]]", "#### 1/2"))
    assert chosen == "[[0.5]]"
    for drafts in (("[[2]]", "[[3]]"), ("[[2]]", "none"), ("hm", "hm")):
        asks, chosen = walk("cascade", drafts, "So [[3]]")
        assert (len(asks), chosen) == (3, "So [[3]]")
    asks, _ = walk("cascade:drafts=3:temperature=0.2")
    assert [(ask.sample, ask.temperature) for ask in asks] == [(0, 0.2), (1, 0.2), (2, 0.2)]


def test_self_consistency_answers_with_the_first_reply_that_gives_the_winning_answer() -> None:
    asks, chosen = walk("self_consistency", ("[[1]]", "a [[2]]", "hm", "b [[2.0]]", "[[3]]"))
    assert [ask.sample for ask in asks] == [0, 1, 2, 3, 4]
    assert {ask.temperature for ask in asks} == {0.7}
    assert chosen == "a [[2]]"


def test_early_stop_ends_with_the_first_window_that_agrees_and_votes_if_none_does() -> None:
    method = "early_stop:window=2:max_samples=5"
    asks, chosen = walk(method, ("[[1]]", "[[2]]"), ("a [[2]]", "[[2]]"))
    assert (len(asks), chosen) == (4, "a [[2]]")
    # what agrees on no answer does not agree; the last window is what is left
    asks, chosen = walk(method, ("hm", "hm"), ("[[1]]", "[[2]]"), ("b [[2]]",))
    assert (len(asks), chosen) == (5, "b [[2]]")


def test_early_stop_votes_over_all_windows() -> None:
    method = "early_stop:window=2:max_samples=6"
    _, chosen = walk(method, ("[[1]]", "[[2]]"), ("[[3]]", "[[4]]"), ("[[5]]", "[[3]]"))
    assert chosen == "[[3]]"


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("self_consistency:samples=0", "samples=0: must be a whole number from 1 to 999"),
        ("self_consistency:temperature=0", "temperature=0: samples of one prompt differ above 0"),
        ("self_consistency:max_total_tokens=0", "max_total_tokens=0: must be a whole number"),
        ("early_stop:window=1", "window=1: must be a whole number from 2 to max_samples=40"),
        ("early_stop:window=5:max_samples=4", "window=5: must be .* from 2 to max_samples=4"),
        ("cascade:drafts=1", "drafts=1: must be a whole number from 2 to 999"),
        ("chain_of_draft:words=0", "words=0: must be a whole number from 1 up"),
        ("chain_of_draft:shots=-1", "shots=-1: must be a whole number from 0 up"),
        ("concise:variant=words", "limit=None: variant=words needs a whole number from 1 up"),
        ("concise:limit=5", "variant=be_concise names no number; .* words, sentences"),
        ("sketch:examples=4", "examples=4: must be a whole number from 0 to 3"),
        ("plan_and_budget:total=0", "total=0: must be a whole number from 1 up"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(method: str, message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        resolve(method)


def test_an_unknown_variant_or_schedule_is_named_with_all_others() -> None:
    for method in ("concise:variant=brif", "plan_and_budget:schedule=cubic"):
        with pytest.raises(UnknownNameError, match="allowed: "):
            resolve(method)


# --- in both harnesses --------------------------------------------------------------------

RIVALS = {
    "chain_of_draft": "chain_of_draft",
    "concise": "concise",
    "sketch": "sketch",
    "plan_and_budget": "plan_and_budget",
    "draft_then_check": "draft_then_check",
    "cascade": "cascade",
    "self_consistency": "self_consistency",
    "early_stop": "early_stop",
}
COMPARED = ("correct", "answer_tokens", "output_tokens", "input_tokens", "truncated")
SIZE = 4


def purposes(calls: list[dict[str, Any]]) -> list[str]:
    return sorted(call["purpose"] for call in calls)


def by_inspect(folder: Path) -> dict[str, list[EvalSample]]:
    with chat_server(reasons) as server:
        tasks = [gsm8k(source=str(gsm8k_file(folder, SIZE)), method=m) for m in RIVALS]
        logs = eval(tasks, at(server), log_dir=str(folder / "logs"), display="none", max_tasks=8)
    return dict(zip(RIVALS, map(samples, logs), strict=True))


def test_both_harnesses_get_the_same_texts_tokens_and_grades(tmp_path: Path) -> None:
    answered = by_inspect(tmp_path)
    with chat_server(reasons) as server:
        lm_eval_on_server(
            server, tmp_path, ",".join(f"tale_gsm8k_{name}" for name in RIVALS), size=SIZE
        )
    for name, found in answered.items():
        rows = {row["doc"]["id"]: row for row in lm_eval_samples(tmp_path, f"tale_gsm8k_{name}")}
        for sample in found:
            row, score = rows[sample.id], values(sample)
            assert row["doc"]["method"] == sample.store["TaleRecord:method"] == name
            (text,) = row["filtered_resps"]
            # Inspect keeps a reply's <think> block apart from its text
            assert without_thinking(text)[0].strip() == sample.output.completion
            assert {key: row[key] for key in COMPARED} == {key: score[key] for key in COMPARED}
            calls = sample.store["TaleRecord:calls"]
            assert purposes(row["calls"]) == purposes(calls)
            assert purposes(calls).count("answer") == 1
            answer = calls[sample.store["TaleRecord:answer_call"]]
            assert answer["purpose"] == "answer"
            assert answer["output_tokens"] == len(text.split())
        # a vote of five has three right to two wrong ones; drafts that differ are reasoned about
        assert [values(sample)["correct"] for sample in found] == [1] * SIZE


def test_calls_are_as_many_as_the_method_needs(tmp_path: Path) -> None:
    # for even questions all agree; for odd ones samples 1 and 3 of each window of five are
    # wrong, or 0, 2 and 4 are
    wanted = {
        "chain_of_draft": [1, 1, 1, 1],
        "concise": [1, 1, 1, 1],
        "sketch": [2, 2, 2, 2],
        "plan_and_budget": [3, 3, 3, 3],
        "draft_then_check": [2, 3, 2, 3],
        "cascade": [2, 3, 2, 3],
        "self_consistency": [5, 5, 5, 5],
        "early_stop": [5, 40, 5, 40],
    }
    for name, found in by_inspect(tmp_path).items():
        by_number = sorted(found, key=lambda sample: asked_number(str(sample.input)))
        assert [len(s.store["TaleRecord:calls"]) for s in by_number] == wanted[name], name


def replying(tokens: Callable[[int], int]) -> Callable[[str, dict[str, Any]], Reply]:
    return lambda prompt, request: Reply("[[0]]", output_tokens=tokens(request["seed"] - 1024))


def sampled_by(server: ChatServer, folder: Path, method: str, **settings: Any) -> EvalSample:
    questions = gsm8k(source=str(gsm8k_file(folder, 1)), method=method)
    (found,) = samples(run(server, questions, folder, **settings))
    return found


def test_a_total_is_kept_by_asking_no_more_than_has_room(tmp_path: Path) -> None:
    # 10, 20, 10: after these 40 are spent and the longest is 20, so a fourth might take 60 > 55
    with chat_server(replying(lambda sample: 20 if sample == 1 else 10)) as server:
        found = sampled_by(server, tmp_path, "self_consistency:samples=9:max_total_tokens=55")
    assert values(found)["output_tokens"] == 40
    assert values(found)["answer_tokens"] == 10


@pytest.mark.parametrize(("total", "asked"), [(39, 2), (40, 4), (59, 4), (60, 6)])
def test_no_window_is_asked_that_might_go_beyond_the_total(total: int, asked: int) -> None:
    # ten tokens a reply, and no window agrees
    windows = [("[[1]]", "[[2]]"), ("[[3]]", "[[4]]"), ("[[5]]", "[[6]]")]
    method = f"early_stop:window=2:max_samples=6:max_total_tokens={total}"
    asks, chosen = walk(method, *windows)
    assert (len(asks), chosen) == (asked, "[[1]]")


def test_a_total_below_one_answer_or_without_counts_is_named(tmp_path: Path) -> None:
    task = gsm8k(source=str(gsm8k_file(tmp_path, 1)), method="self_consistency:max_total_tokens=15")
    with chat_server(replying(lambda sample: 20)) as server:
        log = run(server, task, tmp_path)
    (sample,) = log.samples or []
    assert sample.error is not None
    assert "max_total_tokens=15: the first answer alone took 20 tokens" in sample.error.message
    with chat_server(lambda prompt, request: Reply("[[0]]", usage=False)) as server:
        log = run(server, task, tmp_path)
    (sample,) = log.samples or []
    assert sample.error is not None
    assert "nobody counted the tokens of a reply" in sample.error.message


def test_samples_are_drawn_with_seeds_and_a_temperature_of_their_own(tmp_path: Path) -> None:
    task = gsm8k(source=str(gsm8k_file(tmp_path, 1)), method="self_consistency:samples=3")
    with chat_server(replying(lambda sample: 1)) as server:
        run(server, task, tmp_path, epochs=2)
    assert sorted(r["seed"] for r in server.requests) == [1024, 1025, 1026, 2024, 2025, 2026]
    assert {r["temperature"] for r in server.requests} == {0.7}


@pytest.mark.parametrize("seed", [None, 7])
def test_inspects_cache_does_not_give_one_answer_for_all_samples(
    seed: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("tale_eval.tasks.PAPER_CONFIG.seed", seed)
    script = lambda prompt, request: Reply(f"[[{request.get('seed')}]]")  # noqa: E731
    asked = []
    with chat_server(script) as server:
        for _ in range(2):
            sampled_by(server, tmp_path, "self_consistency:samples=3", cache=True)
            asked.append(len(server.requests))
    # the second run is answered by the cache, each sample by its own
    assert asked == [3, 3]
    assert len({request.get("seed") for request in server.requests}) == 3


def test_greedy_samples_would_be_one_answer_and_are_refused(tmp_path: Path) -> None:
    method = "self_consistency:temperature=none"
    with chat_server(replying(lambda sample: 1)) as server:
        task = gsm8k(source=str(gsm8k_file(tmp_path, 1)), method=method)
        log = run(server, task, tmp_path, temperature=0)
        (sample,) = log.samples or []
        assert sample.error is not None
        assert "temperature=0: several samples of one prompt" in sample.error.message
        warm = sampled_by(server, tmp_path, method, temperature=0.9)
    assert values(warm)["correct"] == 1
    assert {r["temperature"] for r in server.requests[-5:]} == {0.9}


@task
def of_somebody() -> Task:
    """Two questions as inspect_evals has them: a free one and a choice."""
    return Task(
        [Sample("What is 3 plus 3?", target="6")], scorer=match(numeric=True), name="somebody"
    )


@task
def choices_of_somebody() -> Task:
    return Task(
        [Sample("What is 2 plus 2?", choices=["3", "{4}", "5"], target="B")], scorer=choice()
    )


def answers_on_a_line(prompt: str, request: dict[str, Any]) -> Reply:
    if "Three shorthands" in prompt:
        return Reply("chunked_symbolism")
    if "smaller questions" in prompt or "somebody gave at once" in prompt:
        return Reply("yes")
    assert "ANSWER: $" in prompt
    letters = "{4}" in prompt
    return Reply("ANSWER: B" if letters else f"So.\nANSWER: {2 * asked_number(prompt)}")


@pytest.mark.parametrize("name", RIVALS)
def test_each_is_read_by_other_peoples_scorers(name: str, tmp_path: Path) -> None:
    with chat_server(answers_on_a_line) as server:
        logs = eval(
            [of_somebody(), choices_of_somebody()],
            at(server),
            solver=method_solver(name),
            log_dir=str(tmp_path),
            display="none",
        )
    for log in logs:
        (sample,) = samples(log)
        ((_, score),) = (sample.scores or {}).items()
        assert score.value == "C", server.prompts()
    # the options stand in the prompt as they are, braces and all
    assert "B) {4}" in server.prompts()[-1] or "B. {4}" in server.prompts()[-1]
