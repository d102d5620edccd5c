"""compare --until-decided: asks in blocks, and no more once the verdicts are settled."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from command import REPOSITORY, tale_eval
from questions import gsm8k_file, number_in
from server import ChatServer, Reply, chat_server

from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.errors import InvalidValueError, UnknownNameError
from tale_eval.inspect_ext.command_line import read_options
from tale_eval.logs import read_records
from tale_eval.matrix.combination import combinations
from tale_eval.matrix.decided import Asking, ask_until_decided, asking_of, pairs_of
from tale_eval.matrix.running import cells_of

MODEL = "openai-api/loop/m"
QUESTIONS = 90
DIRECT = "without any reasoning process"


def reply(prompt: str, _: dict[str, Any]) -> Reply:
    """Right, but for direct answers; with 100 tokens a third of the questions is wrong."""
    number = number_in(prompt)
    wrong = DIRECT in prompt or ("100 tokens" in prompt and number % 3 == 0)
    return Reply(f"[[{2 * number + wrong}]]", output_tokens=20)


METHODS = ("cot", "direct", "budget:tokens=50", "budget:tokens=100")


@dataclass
class Decided:
    """A server, and a folder in which `compare --until-decided` asks it."""

    server: ChatServer
    folder: Path

    def compare(
        self, *options: object, until: bool = True, methods: tuple[str, ...] = METHODS
    ) -> subprocess.CompletedProcess[str]:
        source = gsm8k_file(self.folder, QUESTIONS)
        decided = ("--until-decided", "--margin", 0.3, "--block", 20) if until else ()
        named = [word for method in methods for word in ("--method", method)]
        words = ["compare", f"gsm8k:source={source}", *named, "--model", MODEL, *decided]
        return tale_eval(*words, *options, "--max-retries", 1, cwd=self.folder)

    def asked(self) -> Counter[str]:
        """How many questions each kind of prompt was asked; none may be asked twice."""
        prompts = self.server.prompts()
        assert len(set(prompts)) == len(prompts)
        return Counter(map(_kind, prompts))


def _kind(prompt: str) -> str:
    if DIRECT in prompt:
        return "direct"
    return "100" if "100 tokens" in prompt else "50" if "50 tokens" in prompt else "cot"


@pytest.fixture
def decided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Decided]:
    with chat_server(reply) as server:
        own = {
            "INSPECT_CACHE_DIR": str(tmp_path / "cache"),
            "XDG_DATA_HOME": str(tmp_path / "data"),
        }
        for name, value in (server.variables | own).items():
            monkeypatch.setenv(name, value)
        yield Decided(server, tmp_path)


@pytest.mark.slow
def test_a_settled_pair_is_asked_no_more_and_the_report_says_the_same(decided: Decided) -> None:
    done = decided.compare()
    assert done.returncode == 0, done.stdout + done.stderr
    asked = decided.asked()
    # a method that always loses, and one that never does, are settled within 40 questions
    assert asked["direct"] <= 40
    assert asked["50"] <= 40
    # a loss of 0.33 is not to be told from one of 0.3: all is asked, of the baseline too
    assert (asked["100"], asked["cot"]) == (QUESTIONS, QUESTIONS)
    said = [line for line in done.stdout.splitlines() if line.startswith("  ")]
    assert [line.rpartition(": ")[2] for line in said] == [
        f"worse after {asked['direct']} of 90 questions",
        f"not worse after {asked['50']} of 90 questions",
        "undecided after 90 of 90 questions",
    ]
    read = read_records([str(decided.folder / "logs")])
    assert {record.until_decided for record in read.records} == {QUESTIONS}
    rows = leaderboard(read.records, "cot", 0.3)
    assert {row.method: row.comparison.verdict for row in rows if row.comparison} == {
        "direct": "worse",
        "budget:tokens=50": "not worse",
        "budget:tokens=100": "undecided",
    }
    report = tale_eval("report", "logs", "--margin", 0.3, cwd=decided.folder)
    assert "asked until its verdict was settled" in report.stderr

    again = decided.compare()
    assert again.returncode == 0, again.stderr
    assert decided.asked() == asked
    ordinary = decided.compare(until=False)
    assert ordinary.returncode == 2
    assert "holds a run of --until-decided" in ordinary.stderr
    other = decided.compare("--sample-shuffle", 7)
    assert "holds a run in the order 1024: --sample-shuffle 1024" in other.stderr
    assert decided.asked() == asked


@pytest.mark.slow
def test_what_was_ended_between_blocks_goes_on_where_it_was(decided: Decided) -> None:
    first = decided.compare("--limit", 20)
    assert first.returncode == 0, first.stderr
    assert set(decided.asked().values()) == {20}
    # one run further than the others, as if the rest had been killed
    alone = decided.compare("--limit", 40, methods=("cot", "budget:tokens=100"))
    assert alone.returncode == 0, alone.stderr
    assert (decided.asked()["cot"], decided.asked()["direct"]) == (40, 20)
    rest = decided.compare()
    assert rest.returncode == 0, rest.stderr
    assert (decided.asked()["100"], decided.asked()["cot"]) == (QUESTIONS, QUESTIONS)
    assert decided.asked()["direct"] <= 40


@pytest.mark.slow
def test_logs_in_another_order_are_not_gone_on_with(decided: Decided) -> None:
    assert decided.compare("--limit", 2, until=False, methods=("cot",)).returncode == 0
    done = decided.compare()
    assert done.returncode == 2
    assert "holds a run without --until-decided, in another order" in done.stderr
    assert decided.asked() == {"cot": 2}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sample-id", "3"], "it asks questions in a random order"),
        (["--sample-shuffle"], "give a seed, such as 1024"),
        (["--limit", "0"], "leaves no question"),
    ],
)
def test_options_that_leave_no_random_order(options: list[str], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        asked(options)


def test_a_margin_that_makes_no_sense() -> None:
    with pytest.raises(InvalidValueError, match="margin=2: an accuracy loss"):
        asked([], margin=2)


def asked(options: list[str], margin: float = 0.02) -> Asking:
    return asking_of(
        read_options(options),
        baseline="cot",
        margin=margin,
        correction="holm",
        block=100,
        score=None,
    )


def test_a_score_that_no_log_has_ends_it_with_those_that_there_are(tmp_path: Path) -> None:
    logs = REPOSITORY / "tests" / "fixtures" / "version_0_1_0" / "logs"
    (cot,) = cells_of(combinations(["gsm8k"], ["cot"], ["a/b"]), str(tmp_path), read_options([]), 1)
    (direct,) = cells_of(
        combinations(["gsm8k"], ["direct"], ["a/b"]), str(tmp_path), read_options([]), 1
    )
    cells = [replace(cell, folder=str(logs)) for cell in (cot, direct)]
    with pytest.raises(UnknownNameError, match="unknown score 'nope'; allowed: tale"):
        ask_until_decided(cells, Asking(score="nope"), 1, lambda _: None, lambda _: None)


def test_the_last_question_of_each_block() -> None:
    some = asked(["--limit", "101-330"])
    assert [some.last(blocks) for blocks in (1, 2, 3, 4)] == [200, 300, 330, 330]
    assert [asked([]).last(blocks) for blocks in (1, 5)] == [100, 500]


@pytest.mark.parametrize("methods", [["direct", "budget:tokens=50"], ["cot"]])
def test_without_a_baseline_there_is_nothing_to_settle(methods: list[str], tmp_path: Path) -> None:
    matrix = combinations(["gsm8k"], methods, ["a/b"])
    with pytest.raises(InvalidValueError, match="name it and another one by --method"):
        pairs_of(cells_of(matrix, str(tmp_path), read_options([]), 1), "cot")


def test_each_setting_has_its_own_baseline(tmp_path: Path) -> None:
    matrix = combinations(
        ["gsm8k"], ["cot", "direct"], ["a/b", "a/c"], ["reasoning_effort=low,high"]
    )
    pairs = pairs_of(cells_of(matrix, str(tmp_path), read_options([]), 1), "cot")
    assert len(pairs) == 4
    for pair in pairs:
        ours, theirs = pair.cell.combination, pair.baseline.combination
        assert (ours.method, theirs.method) == ("direct", "cot")
        assert (ours.model, ours.swept) == (theirs.model, theirs.swept)
