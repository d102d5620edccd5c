"""Logs on S3: written there by Inspect and read from there, on a local server that speaks it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval, score
from inspect_ai.log import write_eval_log
from inspect_ai.model import get_model
from questions import gsm8k_file, number_in
from server import Reply, chat_server

from tale_eval.analysis.leaderboard import leaderboard
from tale_eval.errors import SourceError
from tale_eval.inspect_ext.scorers import tale
from tale_eval.logs import read_records
from tale_eval.tasks.gsm8k import gsm8k

pytestmark = pytest.mark.slow
moto = pytest.importorskip("moto.server", reason="needs moto[server]")
pytest.importorskip("s3fs")
boto3 = pytest.importorskip("boto3")


# s3fs keeps the first address that it was given, so one server serves all tests
@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    """An empty bucket, and the environment in which it is found."""
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        environment.setenv("AWS_ACCESS_KEY_ID", "none")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "none")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3").create_bucket(Bucket="bucket")
        yield "s3://bucket"
    server.stop()


def right_if_even(prompt: str, request: dict[str, Any]) -> Reply:
    n = number_in(prompt)
    return Reply(f"So it is [[{2 * n + n % 2}]]", output_tokens=12)


def test_logs_on_s3_are_read_like_those_on_disk(bucket: str, tmp_path: Path) -> None:
    source = str(gsm8k_file(tmp_path, 4))
    with chat_server(right_if_even) as server:
        model = get_model(
            "openai-api/loop/m", base_url=server.base_url, api_key="none", memoize=False
        )
        first, _ = (
            eval(
                gsm8k(source=source, method=method),
                model=model,
                log_dir=f"{bucket}/logs/{method}",
                max_retries=1,
                display="none",
            )[0]
            for method in ("direct", "cot")
        )
        again = score(first, tale(), action="overwrite", model=model, display="none")
    write_eval_log(again, f"{bucket}/logs/direct/again.eval")
    write_eval_log(again, str(tmp_path / "again.eval"))

    reading = read_records([f"{bucket}/logs"])
    (problem,) = reading.problems
    assert problem == (
        f"{first.location}: left out, {bucket}/logs/direct/again.eval is a newer log of this run"
    )
    rows = leaderboard(reading.records)
    assert [(row.task, row.method, row.n, row.accuracy) for row in rows] == [
        ("gsm8k", "cot", 4, 0.5),
        ("gsm8k", "direct", 4, 0.5),
    ]
    assert [row.means["output_tokens"] for row in rows] == [12, 12]
    on_disk = read_records([str(tmp_path / "again.eval")])
    assert on_disk.records == [r for r in reading.records if r.method == "direct"]
    assert read_records([f"{bucket}/logs/direct/again.eval"]).records == on_disk.records


def test_an_empty_folder_on_s3_is_an_error(bucket: str) -> None:
    with pytest.raises(SourceError, match="in s3://bucket/nothing"):
        read_records([f"{bucket}/nothing"])
