"""A matrix whose logs lie on S3: the same folders and resume, and no locks."""

from pathlib import Path

import pytest
from command import tale_eval
from questions import gsm8k_file, number_in
from server import Reply, chat_server

pytestmark = pytest.mark.slow
moto = pytest.importorskip("moto.server", reason="needs moto[server]")
pytest.importorskip("s3fs")
boto3 = pytest.importorskip("boto3")


def test_a_matrix_on_s3_runs_once_and_says_that_there_are_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    own = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_DEFAULT_REGION": "us-east-1"}
    keys = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none"}
    for name, value in (own | keys).items():
        monkeypatch.setenv(name, value)
    # the buckets of all such servers of a process are the same
    boto3.client("s3").create_bucket(Bucket="matrix")
    with chat_server(lambda prompt, _: Reply(f"[[{2 * number_in(prompt)}]]")) as chat:
        for name, value in chat.variables.items():
            monkeypatch.setenv(name, value)
        task = f"gsm8k:source={gsm8k_file(tmp_path, 3)}"
        words = ("compare", task, "--method", "cot", "--model", "openai-api/loop/m")
        for _ in range(2):
            sweep = ("--sweep", "reasoning_effort=low,high", "--log-dir", "s3://matrix/logs")
            done = tale_eval(*words, *sweep, cwd=tmp_path)
            assert done.returncode == 0, done.stdout + done.stderr
            assert "s3://matrix/logs has no locks" in done.stderr
        assert "2 runs, 2 of them done" in done.stdout
        assert len(chat.requests) == 6
    server.stop()
