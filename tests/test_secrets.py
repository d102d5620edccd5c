"""No key reaches what tale-eval writes or prints: planted ones are searched for."""

import json
from pathlib import Path
from typing import Any

import pytest
from command import inspect, inspect_eval, lm_eval, tale_eval
from evaluation import right
from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSample, EvalSpec, write_eval_log
from inspect_ai.scorer import Score
from questions import gsm8k_file
from server import chat_server, send

from tale_eval.shown.masking import masked, masked_text

KEY = "sk-planted-0123456789abcdef"
PASSWORD = "planted-hunter2"
ENVIRONMENT_KEY = "planted-in-the-environment"
REPORT = ("--html", "r.html", "--csv", "r.csv", "--json", "r.json", "--markdown", "r.md")
CHAT = ("--model", "local-chat-completions", "--apply_chat_template")


def report(logs: Path, folder: Path) -> str:
    """Every page and file of a report, and what the command printed."""
    done = tale_eval("report", logs, *REPORT, cwd=folder)
    assert done.returncode == 0, done.stderr
    files = [path.read_text() for path in folder.glob("r.*")]
    assert len(files) == 4
    return "\n".join([*files, done.stdout, done.stderr])


def test_no_key_of_an_inspect_run_is_shown(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    with chat_server(right) as server:
        (log,) = inspect_eval(
            server,
            *("tale_eval/gsm8k", "-T", f"source={gsm8k_file(tmp_path, 20)}", "-T", "method=cot"),
            *(
                "-M",
                f"api_key={PASSWORD}",
                "-M",
                f"default_headers={{Authorization: Bearer {KEY}}}",
            ),
            cwd=tmp_path,
            log_dir=logs,
            variables={"OPENAI_API_KEY": ENVIRONMENT_KEY, "LOOP_API_KEY": ENVIRONMENT_KEY},
        )
    kept = log.model_dump_json()
    assert PASSWORD not in kept
    assert ENVIRONMENT_KEY not in kept
    corpus = ("corpus", "sft", logs, "--out", "c", "--target", "shortest")
    made = tale_eval(*corpus, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    shown = report(logs, tmp_path) + (tmp_path / "c" / "README.md").read_text() + made.stdout
    assert "default_headers" in shown
    for key in (KEY, PASSWORD, ENVIRONMENT_KEY):
        assert key not in shown


@pytest.mark.slow
def test_no_key_of_a_refused_inspect_run_is_in_its_report(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    with chat_server(right, fault_of=lambda request: _Refused()) as server:
        inspect(
            *("eval", "tale_eval/gsm8k", "-T", f"source={gsm8k_file(tmp_path, 2)}"),
            *("--model", "openai-api/loop/m", "--log-dir", logs, "--display", "plain"),
            *("--no-fail-on-error", "--max-retries", 1),
            cwd=tmp_path,
            variables=server.variables | {"LOOP_API_KEY": KEY},
        )
    shown = report(logs, tmp_path)
    assert "0 (2)" in shown
    assert KEY not in shown


@pytest.mark.parametrize("refused", [False, True], ids=["answered", "refused"])
def test_no_key_of_an_lm_eval_run_is_shown(refused: bool, tmp_path: Path) -> None:
    with chat_server(right, fault_of=lambda request: _Refused() if refused else None) as server:
        address = server.base_url.replace("http://", f"http://me:{PASSWORD}@")
        done = lm_eval(
            *("run", *CHAT, "--tasks", "tale_gsm8k_cot", "--log_samples", "--output_path", "out"),
            *("--model_args", f"model=m,base_url={address}/chat/completions,max_retries=1"),
            *("--metadata", f"tale_source={gsm8k_file(tmp_path, 2)}"),
            cwd=tmp_path,
            variables=server.variables | {"OPENAI_API_KEY": KEY},
        )
    assert (done.returncode == 0) == (not refused), done.stderr
    for line in done.stderr.splitlines():
        if line.startswith("error: "):
            assert KEY not in line
            assert PASSWORD not in line
    if not refused:
        samples = "".join(path.read_text() for path in (tmp_path / "out").rglob("samples_*.jsonl"))
        shown = report(tmp_path / "out", tmp_path)
        assert "***@127.0.0.1" in shown
        for text in (samples, shown):
            assert KEY not in text
            assert PASSWORD not in text


def test_no_key_among_the_arguments_of_a_task_is_shown(tmp_path: Path) -> None:
    spec = EvalSpec(
        created="2026-01-01T00:00:00+00:00",
        task="judge",
        task_args_passed={"judge_api_key": PASSWORD, "url": f"http://me:{PASSWORD}@host"},
        dataset=EvalDataset(),
        model=f"local/http://me:{PASSWORD}@host/m",
        solver=f"ask:api_key={PASSWORD}",
        config=EvalConfig(),
    )
    sample = EvalSample(id=1, epoch=1, input="?", target="", scores={"s": Score(value="C")})
    log = EvalLog(status="success", eval=spec, samples=[sample])
    (tmp_path / "logs").mkdir()
    write_eval_log(log, str(tmp_path / "logs" / "a.eval"))
    shown = report(tmp_path / "logs", tmp_path)
    assert "judge(judge_api_key=***, url=http://***@host)" in shown
    assert PASSWORD not in shown


NAMES = (
    "api_key apikey API-KEY key openai_api_key token hf_token access_token use_auth_token "
    "secret client_secret password db_passwd Authorization credentials github_token "
    "aws_session_token refresh_token x-amz-security-token clientSecret openaiApiKey dbPassword"
)


@pytest.mark.parametrize("name", NAMES.split())
def test_what_is_called_a_key_is_masked_wherever_it_stands(name: str) -> None:
    assert masked({"a": [{name: KEY, "b": 1}]}) == {"a": [{name: "***", "b": 1}]}
    assert KEY not in masked_text(f"model=m,{name}={KEY},limit=3")
    assert "limit=3" in masked_text(f"model=m,{name}={KEY},limit=3")
    assert KEY not in masked_text(json.dumps({name: KEY}))


SETTINGS: list[dict[str, Any]] = [
    {"max_tokens": 1024},
    {"reasoning_tokens": "9"},
    {"pad_token": "</s>"},
    {"tale_tokens": 50},
    {"tokenizer": "gpt2"},
    {"api_key": None},
    {"url": "http://host/a@b"},
]


@pytest.mark.parametrize("setting", SETTINGS)
def test_settings_stay(setting: dict[str, Any]) -> None:
    assert masked(setting) == setting


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"http://me:{PASSWORD}@host/v1", "http://***@host/v1"),
        (f"401 for https://{KEY}@host: no", "401 for https://***@host: no"),
        (f"https://host/v1?api_key={PASSWORD}&x=1", "https://host/v1?api_key=***&x=1"),
        (f"Authorization: Bearer {PASSWORD}", "Authorization: Bearer ***"),
        (f"Authorization: Token {PASSWORD}", "Authorization: Token ***"),
        (f"http://me:{PASSWORD}@home@host", "http://***@host"),
        (f'password="{PASSWORD} and more", n=3', 'password="***", n=3'),
        (f'password="{PASSWORD}', 'password="***'),
        (f'{{\\"apiKey\\": \\"{PASSWORD}\\"}}', '{\\"apiKey\\": \\"***\\"}'),
        (f"model_args: api_key={PASSWORD}", "model_args: api_key=***"),
        (f"ghp_{'aB3' * 12} AKIA{'A1B2' * 4} AIza{'aB3_' * 9}", "*** *** ***"),
        (f"Incorrect API key provided: {KEY}.", "Incorrect API key provided: ***."),
        (f"a hub's hf_{'aB3' * 11}.", "a hub's ***."),
        ("me@example.org, 50 tokens: 3", "me@example.org, 50 tokens: 3"),
        (
            "logs/hf_smollm2-135m-instruct-0.1.2/a.eval",
            "logs/hf_smollm2-135m-instruct-0.1.2/a.eval",
        ),
    ],
)
def test_keys_in_running_text(text: str, expected: str) -> None:
    assert masked_text(text) == expected


@pytest.mark.parametrize("piece", ["_", "a", "api_", "key", "key='", "a=", "a://", "://"])
def test_a_long_text_takes_no_quadratic_time(piece: str) -> None:
    text = piece * (10**6 // len(piece))  # hours, if every letter began the search anew
    assert masked({"x": text}).keys() == {"x"}


class _Refused:
    """The server does not take the key, and repeats it, as some do."""

    delivers = False

    def send(self, handler: Any, body: bytes) -> None:
        sent = handler.headers["Authorization"]
        error = {"error": {"message": f"Incorrect API key provided: {sent}"}}
        send(handler, 401, json.dumps(error).encode())
