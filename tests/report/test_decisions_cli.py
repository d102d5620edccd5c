"""`tale-eval gate` and `tale-eval plan` as a user or a CI job types them."""

import json
from pathlib import Path

import pytest
from command import one_line, tale_eval

from tale_eval.cli.decisions import gate

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
    assert written["methods"][0]["outcome"] == outcome
    assert written["methods"][0]["difference"] == pytest.approx((right - 300) / 400)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--baseline", "tale_ep"), "baseline 'tale_ep': no model and task has it"),
        (("--margin", "2"), "margin=2: an accuracy loss from 0 to below 1"),
        (("--max-token-ratio", "-1"), "max-token-ratio=-1: a number above 0"),
        (("--margin", "nan"), "margin=nan: an accuracy loss from 0 to below 1"),
        (("--score", "f1"), "unknown score 'f1'; allowed: none in these logs"),
        (("--correction", "fdr"), "unknown correction 'fdr'; allowed: holm, none"),
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


def test_what_is_not_judged_is_said_by_the_gate_and_the_plan(tmp_path: Path) -> None:
    write_log(tmp_path, "cot", 300, 100)
    write_log(tmp_path, "short", 300, 40)
    # of a task that the baseline was not asked
    elsewhere = tmp_path / "samples_tale_sums_short_2026-01-01T00-00-00.000000.jsonl"
    other = tmp_path / "samples_tale_sums2_short_2026-01-01T00-00-00.000000.jsonl"
    other.write_text(elsewhere.read_text().replace('"task": "sums"', '"task": "other_sums"'))
    for command, status in (("gate", 0), ("plan", 0)):
        done = tale_eval(command, tmp_path, cwd=tmp_path)
        assert done.returncode == status, done.stderr
        assert "other_sums: only short was run, there is nothing to compare it with" in done.stderr


def test_a_plan_names_the_verdicts_that_the_pilot_has_settled(tmp_path: Path) -> None:
    """Methods far apart: what equally accurate ones would need says nothing of them."""
    for method, right in (("cot", 200), ("better", 300), ("close", 196), ("worst", 100)):
        write_log(tmp_path, method, right, 100)
    done = tale_eval("plan", tmp_path, "--json", "plan.json", cwd=tmp_path)
    assert "settled by the pilot already: better (not worse), worst (worse)" in done.stdout
    plans = json.loads((tmp_path / "plan.json").read_text())["plans"]
    assert {plan["method"]: plan["verdict"] for plan in plans} == {
        "better": "not worse",
        "close": "undecided",
        "worst": "worse",
    }


def test_a_methods_name_does_nothing_to_the_terminal(tmp_path: Path) -> None:
    for method, right in (("cot", 150), ("short", 150), ("long", 146)):
        write_log(tmp_path, method, right, 100, of=200)
    for log in tmp_path.glob("*.jsonl"):
        log.write_text(log.read_text().replace('"short"', r'"\u001b[31mshort"'))
    for command, said in (
        (("gate",), "by itself, undecided with the correction"),
        (("plan", "--correction", "none"), "settled by the pilot already"),
    ):
        done = tale_eval(*command, tmp_path, cwd=tmp_path)
        assert said in done.stdout
        assert "\x1b" not in done.stdout + done.stderr


def test_a_number_of_questions_beyond_all_bounds_is_no_range(tmp_path: Path) -> None:
    write_log(tmp_path, "cot", 30, 100, of=40)
    write_log(tmp_path, "short", 20, 100, of=40)
    done = tale_eval("plan", tmp_path, "--margin", "0.0001", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("over 100,000") == 1


def test_a_mistyped_option_is_not_taken_for_undecided(tmp_path: Path) -> None:
    write_log(tmp_path, "cot", 3, 100, of=4)
    for options in (("--margn", "0.02"), ("--margin", "two")):
        done = tale_eval("gate", tmp_path, *options, cwd=tmp_path)
        assert done.returncode == 3, done.stderr


def test_a_file_that_cannot_be_written_is_no_verdict(tmp_path: Path) -> None:
    write_log(tmp_path, "cot", 300, 100)
    write_log(tmp_path, "short", 300, 40)
    done = tale_eval("gate", tmp_path, "--json", tmp_path, cwd=tmp_path)
    assert done.returncode == 3
    assert "cannot be written" in one_line(done.stderr, "error")


def test_what_breaks_down_is_no_verdict(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no more memory")

    monkeypatch.setattr("tale_eval.logs.open_logs", broken)
    with pytest.raises(SystemExit) as ended:
        gate(["logs"])
    assert ended.value.code == 3
    assert "RuntimeError: no more memory" in capsys.readouterr().err


def test_several_methods_pass_or_fail_together_by_holms_correction(tmp_path: Path) -> None:
    """200 questions that never differ: p = 0.98^200 = 0.0176, below 0.025 and above its half."""
    for method, right in (("cot", 150), ("short", 150), ("long", 146)):
        write_log(tmp_path, method, right, 100, of=200)
    done = tale_eval("gate", tmp_path, "--json", "gate.json", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "2 verdicts with Holm's correction" in done.stdout
    written = json.loads((tmp_path / "gate.json").read_text())
    assert written["correction"] == "holm"
    found = {each["method"]: each for each in written["methods"]}
    assert (found["short"]["accuracy"], found["short"]["alone"]) == ("undecided", "pass")
    assert found["short"]["together"] == 2
    assert found["short"]["chances"]["not_worse"] == pytest.approx(2 * 0.98**200, abs=1e-4)
    assert "undecided with the correction for 2 verdicts" in found["short"]["reason"]
    free = tale_eval("gate", tmp_path, "--correction", "none", "--json", "free.json", cwd=tmp_path)
    assert "not corrected for their number" in free.stdout
    methods = json.loads((tmp_path / "free.json").read_text())["methods"]
    assert {each["method"]: each["accuracy"] for each in methods}["short"] == "pass"


def test_a_report_says_the_correction_and_takes_another(tmp_path: Path) -> None:
    for method, right in (("cot", 150), ("short", 150), ("long", 146)):
        write_log(tmp_path, method, right, 100, of=200)
    for correction, verdict in (("holm", "undecided"), ("none", "not worse")):
        done = tale_eval(
            *("report", tmp_path, "--correction", correction, "--json", "report.json"),
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        written = json.loads((tmp_path / "report.json").read_text())
        (short,) = (row for row in written["rows"] if row["method"] == "short")
        assert (short["verdict"], short["verdict_alone"]) == (verdict, "not worse")
        assert written["verdicts"][0] in done.stdout
    wrong = tale_eval("report", tmp_path, "--correction", "fdr", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "correction" in one_line(wrong.stderr, "error")


def test_a_plan_for_several_methods_is_for_their_corrected_verdicts(tmp_path: Path) -> None:
    for method, right in (("cot", 300), ("short", 296), ("long", 296)):
        write_log(tmp_path, method, right, 100)
    needed = {}
    for correction in ("holm", "none"):
        done = tale_eval(
            *("plan", tmp_path, "--correction", correction, "--json", "plan.json"), cwd=tmp_path
        )
        assert ("least level that this leaves it (1.2 %)" in done.stdout) == (correction == "holm")
        plans = json.loads((tmp_path / "plan.json").read_text())["plans"]
        assert [plan["together"] for plan in plans] == [2, 2]
        needed[correction] = plans[0]["needed"]
    assert needed["holm"] > needed["none"]


def test_a_plan_says_how_many_questions_a_verdict_needs(tmp_path: Path) -> None:
    write_log(tmp_path, "cot", 300, 100)
    write_log(tmp_path, "short", 296, 40)
    done = tale_eval("plan", tmp_path, "--margin", 0.02, "--json", "plan.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (plan,) = json.loads((tmp_path / "plan.json").read_text())["plans"]
    assert (plan["seen"]["losses"], plan["seen"]["questions"]) == (0.01, 400)
    assert f"{plan['needed']} to {plan['needed_upper']}" in done.stdout
