"""What is wrong in the paper's released code, and does not happen here.

Each defect in prompts, golds, grading and counting has a test of its name: these here,
and in other files

- golds cut at commas: test_loaders.test_gsm8k_golds_are_not_truncated_at_commas
- golds cast by int(): test_loaders.test_gsm8k_zero_golds_are_not_cast_by_int_or_float
- GPQA's gold always A: test_loaders.test_gpqa_gold_is_not_always_a,
  test_loaders.test_the_gold_follows_its_option_into_any_order
- the failing trial dropped from the elasticity data:
  test_search.test_halving_keeps_the_last_feasible_budget_and_the_failing_trial
- budgets of 0 in a search: test_search.test_halvings_run_from_half_down_to_one
"""

import json
from pathlib import Path

import pytest
from inspect_ai.model import ModelOutput, ModelUsage
from records import answer

from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.asking.prompts import ANSWER_FORMAT, cot_prompt, estimator_prompt
from tale_eval.budgets.reading import read_budget
from tale_eval.errors import InvalidValueError
from tale_eval.grading.answers import grade
from tale_eval.inspect_ext.counting import count
from tale_eval.tasks.gsm8k import load as gsm8k
from tale_eval.tokens.costs import cost_values
from tale_eval.tokens.ledger import Call

QUESTION = "Ann has 24 clips and buys 48. How many has she?"

# --- the estimator ---


@pytest.mark.parametrize("wording", ["released", "appendix"])
def test_estimator_prompt_does_not_leak_the_answer_format(wording: str) -> None:
    prompt = estimator_prompt(QUESTION, "released" if wording == "released" else "appendix")
    assert "[[budget]]" in prompt
    for leaked in ("[[answer]]", "[[50]]", "[[choice]]", "[[A]]", "step by step"):
        assert leaked not in prompt
    for line in ANSWER_FORMAT.values():
        assert line not in prompt


def test_an_answer_is_not_read_as_the_budget() -> None:
    # the first [[n]] was taken, whatever it was
    assert read_budget("Answer: [[72]]. Budget: [[30]].").budget == 30
    assert read_budget("Budget: [[30]]. Answer: [[72]].").budget == 30
    assert read_budget("Answer: [[72]]").budget is None


@pytest.mark.parametrize(
    "estimate", ["", "I cannot say.", "[[budget]]", "[[-1]]", "[[0]]", "-1 tokens"]
)
def test_missing_budget_never_becomes_minus_one(estimate: str) -> None:
    budget = read_budget(estimate).budget
    assert budget is None
    # without a budget the prompt is plain chain of thought
    prompt = cot_prompt(QUESTION, "cloze", "en", "bracketed", budget=budget)
    assert "less than" not in prompt


@pytest.mark.parametrize("budget", [-1, 0])
def test_a_prompt_with_a_budget_below_one_cannot_be_made(budget: int) -> None:
    with pytest.raises(InvalidValueError):
        cot_prompt(QUESTION, "cloze", "en", "bracketed", budget=budget)


@pytest.mark.parametrize(
    ("estimate", "budget"),
    [
        ("[[50-80]]", 80),
        ("between 50 and 80 tokens", 80),
        ("Budget: 50", 50),
        ("About 50 tokens.", 50),
        ("[[1,200]]", 1200),
    ],
)
def test_ranges_and_unbracketed_numbers_are_budgets(estimate: str, budget: int) -> None:
    assert read_budget(estimate).budget == budget


# --- the prompts ---


def test_budget_stands_in_the_chinese_cloze_prompt() -> None:
    prompt = cot_prompt("她有多少个回形针？", "cloze", "cn", "bracketed", budget=30)
    assert "使用少于 30 tokens" in prompt


def test_a_budget_does_not_leak_into_the_next_prompt() -> None:
    before = cot_prompt(QUESTION, "cloze", "en", "bracketed")
    cot_prompt(QUESTION, "cloze", "en", "bracketed", budget=30)
    assert cot_prompt(QUESTION, "cloze", "en", "bracketed") == before
    assert "less than" not in before


def test_a_second_budget_is_not_a_no_op() -> None:
    first = cot_prompt(QUESTION, "cloze", "en", "bracketed", budget=30)
    second = cot_prompt(QUESTION, "cloze", "en", "bracketed", budget=60)
    assert "less than 30 tokens" in first
    assert second == first.replace("30", "60")


# --- grading ---


def test_gsm8k_is_not_scored_as_multiple_choice(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(json.dumps({"question": QUESTION, "answer": "24 + 48 = 72\n#### 72"}))
    (sample,) = gsm8k("test", source=path)
    assert sample.choices is None
    assert sample.metadata is not None
    assert sample.metadata["kind"] == "cloze"
    # the same number, however it is written
    for reply in ("Answer: [[72]]", "Answer: [[72.00]]", "72 clips", "\\boxed{72}"):
        assert grade(reply, str(sample.target), "cloze").correct


def test_a_gold_mentioned_before_another_final_answer_is_wrong() -> None:
    assert not grade("It may be [[72]]. But no: [[96]]", "72", "cloze").correct
    assert not grade("Choice: [[A]]? No. Choice: [[B]]", "A", "choice", ["x", "y"]).correct
    assert grade("It may be [[96]]. But no: [[72]]", "72", "cloze").correct


# --- counting ---


def test_tokens_are_averaged_over_all_questions_not_the_correct_ones() -> None:
    answers = [
        answer("cot", "a", 1, 100),
        answer("cot", "b", 0, 300),
        answer("cot", "c", 0, 200),
    ]
    (row,) = leaderboard(answers, baseline=None)
    assert row.means["output_tokens"] == 200
    # the released code's 600 tokens for one right answer go by their own name
    assert row.measure("tokens_per_correct").value == 600


def test_estimator_tokens_are_counted() -> None:
    def call(purpose: str, tokens: int) -> Call:
        return Call.model_validate(
            {
                "purpose": purpose,
                "model": "openai/gpt-4o-mini",
                "input_tokens": 50,
                "output_tokens": tokens,
                "counted_by": "provider",
            }
        )

    costs = cost_values([call("estimate", 7), call("answer", 60)])
    assert (costs["estimator_tokens"], costs["answer_tokens"]) == (7, 60)
    assert costs["output_tokens"] == 67
    # 100 tokens in and 67 out
    assert costs["dollars"] == pytest.approx((100 * 0.15 + 67 * 0.6) / 1e6)


def test_each_model_counts_by_its_own_tokenizer_not_by_gpt4s() -> None:
    # gpt-4's tokenizer would count 2 tokens in this text
    output = ModelOutput.from_content("anthropic/claude-sonnet-4-0", "Answer: 72")
    output.usage = ModelUsage(input_tokens=20, output_tokens=9, total_tokens=29)
    counted = count(output, "anthropic/claude-sonnet-4-0")
    assert (counted.output_tokens, counted.counted_by) == (9, "provider")


def test_reasoning_tokens_are_visible() -> None:
    output = ModelOutput.from_content("openai/o1", "Answer: 72")
    output.usage = ModelUsage(
        input_tokens=20, output_tokens=509, total_tokens=529, reasoning_tokens=500
    )
    counted = count(output, "openai/o1")
    assert (counted.output_tokens, counted.reasoning_tokens) == (509, 500)
