"""`tale-eval gate` and `tale-eval plan` as a user or a CI job types them."""

import json
from pathlib import Path

import pytest
from command import one_line, tale_eval

CALL = {"purpose": "answer", "model": "hf/m", "counted_by": "tokenizer"}


def write_log(folder: Path, method: str, right: int, tokens: int, of: int = 400) -> None:
    """One lm-eval sample file; the first questions are right."""
    rows = [
        {
            "doc": {"prompt_version": "1", "task": "sums", "method": method, "id": f"q{i}"},
            "calls": [CALL | {"input_tokens": 9, "output_tokens": tokens + i % 7}],
            "correct": int(i < right),
        }
        for i in range(of)
    ]
    name = f"samples_tale_sums_{method}_2026-01-01T00-00-00.000000.jsonl"
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.mark.parametrize(
    ("right", "tokens", "outcome", "status"),
    [(300, 40, "pass", 0), (240, 40, "fail", 1), (296, 40, "undecided", 2)],
)
def test_the_gate_ends_with_its_outcome(
    right: int, tokens: int, outcome: str, status: int, tmp_path: Path
) -> None:
    write_log(tmp_path, "cot", 300, 100)
    write_log(tmp_path, "short", right, tokens)
    done = tale_eval(
        *("gate", tmp_path, "--max-token-ratio", 0.6, "--json", "gate.json"), cwd=tmp_path
    )
    assert done.returncode == status, done.stderr
    assert f"gate: {outcome}" in done.stdout
    written = json.loads((tmp_path / "gate.json").read_text())
    assert written["outcome"] == outcome
    assert [each["method"] for each in written["methods"]] == ["short"]
    assert written["methods"][0]["difference"] == pytest.approx((right - 300) / 400)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--baseline", "tale_ep"), "baseline 'tale_ep': no model and task has it"),
        (("--margin", "2"), "margin=2: an accuracy loss from 0 to below 1"),
        (("--max-token-ratio", "-1"), "max-token-ratio=-1: a number above 0"),
        (("--score", "f1"), "unknown score 'f1'"),
    ],
)
def test_a_gate_that_cannot_be_asked_is_no_verdict(
    options: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    write_log(tmp_path, "cot", 3, 100, of=4)
    write_log(tmp_path, "short", 3, 40, of=4)
    done = tale_eval("gate", tmp_path, *options, cwd=tmp_path)
    assert done.returncode == 3
    assert message in one_line(done.stderr, "error")


def test_a_plan_says_how_many_questions_a_verdict_needs(tmp_path: Path) -> None:
    write_log(tmp_path, "cot", 300, 100)
    write_log(tmp_path, "short", 296, 40)
    done = tale_eval("plan", tmp_path, "--margin", 0.02, "--json", "plan.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (plan,) = json.loads((tmp_path / "plan.json").read_text())["plans"]
    assert (plan["seen"]["losses"], plan["seen"]["questions"]) == (0.01, 400)
    assert f"{plan['needed']} to {plan['needed_upper']}" in done.stdout
