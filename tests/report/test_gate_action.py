"""The GitHub Action in docs/gate.md, run step by step as GitHub runs it, on a server of our own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from command import REPOSITORY
from questions import gsm8k_file, number_in
from server import ChatServer, Reply, chat_server

QUESTIONS = 40


def action() -> dict[str, Any]:
    """The job of the page's example."""
    page = (REPOSITORY / "docs" / "gate.md").read_text(encoding="utf-8")
    (written,) = page.split("```yaml\n")[1:]
    jobs = yaml.safe_load(written.partition("\n```\n")[0])["jobs"]
    return dict(jobs["gate"])


@pytest.fixture(params=["as good", "worse", "too few"])
def case(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(case: str) -> Iterator[ChatServer]:
    def reply(prompt: str, _: dict[str, Any]) -> Reply:
        short = "50 tokens" in prompt
        wrong = short and case == "worse"
        # tokens vary, for a ratio's interval
        return Reply(
            f"[[{2 * number_in(prompt) + wrong}]]",
            output_tokens=(20 if short else 100) + number_in(prompt) % 7,
        )

    with chat_server(reply) as running:
        yield running


@pytest.mark.slow
def test_the_action_of_the_page(case: str, server: ChatServer, tmp_path: Path) -> None:
    job = action()
    steps = {step["name"]: step["run"] for step in job["steps"] if "run" in step}
    assert list(steps) == ["install", "ask", "gate"]
    assert steps["install"].startswith("pip install tale-eval")
    summary = tmp_path / "summary.md"
    own = {
        "TASK": f"gsm8k:source={gsm8k_file(tmp_path, QUESTIONS)}",
        "MODEL": "openai-api/loop/m",
        "QUESTIONS": "21" if case == "too few" else str(QUESTIONS),
        # 40 questions that never differ prove 0.15: 0.85^40 = 0.0015; 21 do not: 0.85^21 = 0.033
        "MARGIN": "0.15",
    }
    assert own.keys() < job["env"].keys()
    variables = server.variables | own | {"GITHUB_STEP_SUMMARY": str(summary)}
    ended, said = 0, ""
    for name in ("ask", "gate"):
        done = step(steps[name], tmp_path, variables)
        ended, said = done.returncode, done.stdout
        assert name == "gate" or ended == 0, done.stdout + done.stderr
    outcome = {"as good": "pass", "worse": "fail", "too few": "undecided"}[case]
    assert ended == (1 if case == "worse" else 0)
    assert f"gate: {outcome}" in summary.read_text(encoding="utf-8")
    assert ("::error::worse than the baseline" in said) == (case == "worse")
    assert ("::warning::undecided" in said) == (case == "too few")
    uploaded = next(s["with"]["path"] for s in job["steps"] if "upload" in s.get("uses", ""))
    assert (tmp_path / uploaded).is_file()


def step(script: str, folder: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a step as GitHub does: bash -e, with the programs of this environment."""
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("INSPECT_", "TALE_EVAL_"))
    }
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env=inherited | variables | {"PATH": path, "XDG_DATA_HOME": str(folder / "data")},
        capture_output=True,
        text=True,
        check=False,
    )
