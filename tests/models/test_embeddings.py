"""Texts to vectors: a model in a folder, a server, and what an estimator makes of them."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from command import lm_eval, lm_eval_samples
from evaluation import run, samples
from needs import TOPICS, answer, gsm8k_file, question, searches, texts
from server import chat_server
from tiny import tiny_model

from tale_eval.budgets.estimators import make_estimator
from tale_eval.budgets.fitted import read_fitted, write_fitted
from tale_eval.errors import InvalidValueError, SourceError
from tale_eval.models.embeddings import Local, _pooling, embedder
from tale_eval.solvers.tale_ep import tale_ep
from tale_eval.tasks.gsm8k import gsm8k

SERVED = "server#small"
TAUGHT = searches("by topic", 60)
FRESH = texts("by topic", 5, seed=1)


def vector(text: str, turned: bool) -> list[float]:
    """One dimension a topic, and one for all texts; turned, it is another model's."""
    found = [float(topic in text) for topic in TOPICS] + [1.0]
    return [*found[1:], found[0]] if turned else found


@contextmanager
def embedding_server(*, status: int = 200, turned: bool = False) -> Iterator[list[Any]]:
    """An OpenAI-compatible server, where the environment says; the requests that it had."""
    requests: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        """Serves vectors, the last text's first."""

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            requests.append({"path": self.path, "key": self.headers["Authorization"], **request})
            rows = [
                {"index": i, "embedding": vector(t, turned)} for i, t in enumerate(request["input"])
            ]
            usage = {"prompt_tokens": sum(len(t.split()) for t in request["input"])}
            body = json.dumps({"data": rows[::-1], "usage": usage}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    address = f"http://127.0.0.1:{server.server_address[1]}/v1"
    try:
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("TALE_EVAL_EMBEDDING_URL", address)
            yield requests
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fitted(folder: Path, features: str) -> None:
    """Write an estimator of these features, fitted on the searches."""
    made: Any = make_estimator("knn", {"features": features, "embed": embedder(features)})
    card = {"estimator": "knn", "parameters": {"features": features}, "model": "m"}
    write_fitted(folder, made.fit(TAUGHT), card, lambda card: "")


def test_a_server_gives_vectors_in_the_order_of_the_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALE_EVAL_EMBEDDING_KEY", "secret")
    with embedding_server() as requests:
        found = embedder(SERVED)([f"about {topic}" for topic in TOPICS])
    assert found.tolist() == [[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1]]
    (request,) = requests
    assert (request["path"], request["model"]) == ("/v1/embeddings", "small")
    assert request["key"] == "Bearer secret"


def test_a_served_estimators_call_is_a_helpers_and_is_counted(tmp_path: Path) -> None:
    with embedding_server() as requests, chat_server(answer("by topic")) as server:
        fitted(tmp_path / "knn", SERVED)
        asked = gsm8k_file(tmp_path / "fresh.jsonl", FRESH)
        task = gsm8k(source=str(asked))
        log = run(server, task, tmp_path / "logs", solver=tale_ep(estimator=str(tmp_path / "knn")))
        for sample in samples(log):
            helper, last = sample.store["TaleRecord:calls"]
            words = len(str(sample.input).split())
            assert (helper["purpose"], helper["model"], helper["input_tokens"]) == (
                "helper",
                "small",
                words,
            )
            assert (helper["output_tokens"], last["purpose"]) == (0, "answer")
        single = [r["input"][0] for r in requests if len(r["input"]) == 1]
        assert sorted(t for t in single if t in FRESH) == sorted(FRESH)  # each was asked for once


@pytest.mark.slow
def test_lm_eval_counts_the_same_call(tmp_path: Path) -> None:
    with embedding_server() as requests, chat_server(answer("by topic")) as server:
        fitted(tmp_path / "knn", SERVED)
        asked = gsm8k_file(tmp_path / "fresh.jsonl", FRESH)
        given = {"tale_source": str(asked), "tale_estimator": str(tmp_path / "knn")}
        done = lm_eval(
            *("run", "--model", "local-chat-completions", "--apply_chat_template"),
            *("--model_args", f"model=m,base_url={server.base_url}/chat/completions"),
            *("--tasks", "tale_gsm8k_tale_ep", "--output_path", tmp_path / "out"),
            *("--log_samples", "--metadata", json.dumps(given)),
            cwd=tmp_path,
            variables=server.variables
            | {"TALE_EVAL_EMBEDDING_URL": os.environ["TALE_EVAL_EMBEDDING_URL"]},
        )
        assert done.returncode == 0, done.stderr
        for row in lm_eval_samples(tmp_path, "tale_gsm8k_tale_ep"):
            helper, last = row["calls"]
            words = len(row["doc"]["question"].split())
            assert (helper["purpose"], helper["input_tokens"]) == ("helper", words)
            assert last["purpose"] == "answer"
        single = [r["input"][0] for r in requests if len(r["input"]) == 1]
        assert sorted(t for t in single if t in FRESH) == sorted(FRESH)


def test_what_the_vectors_tell_is_found(tmp_path: Path) -> None:
    with embedding_server():
        fitted(tmp_path / "knn", SERVED)
        learner = read_fitted(tmp_path / "knn", embedder).learner
        for text in FRESH:
            needed = next(TOPICS[topic] for topic in TOPICS if topic in text)
            (estimate,) = learner.estimates([question(text)])
            assert needed / 2 <= estimate <= 2.5 * needed


def test_another_model_behind_the_name_is_refused(tmp_path: Path) -> None:
    with embedding_server():
        fitted(tmp_path / "knn", SERVED)
    other = pytest.raises(InvalidValueError, match="gives other vectors than when")
    with embedding_server(turned=True), other:
        read_fitted(tmp_path / "knn", embedder)


def test_a_folder_does_not_say_where_questions_are_sent(tmp_path: Path) -> None:
    with embedding_server():
        fitted(tmp_path / "knn", SERVED)
    assert "127.0.0.1" not in (tmp_path / "knn" / "card.json").read_text()
    with pytest.raises(InvalidValueError, match="set TALE_EVAL_EMBEDDING_URL to its address"):
        read_fitted(tmp_path / "knn", embedder)
    with pytest.raises(SourceError, match="features=http://evil: no such folder"):
        embedder("http://evil")


def test_features_that_need_a_model_are_not_used_without_one(tmp_path: Path) -> None:
    with embedding_server():
        fitted(tmp_path / "knn", SERVED)
    with pytest.raises(InvalidValueError, match="nothing is given that makes them"):
        read_fitted(tmp_path / "knn")
    with pytest.raises(InvalidValueError, match="features=mine: expected 'tfidf'"):
        make_estimator("ridge", {"features": "mine"})


def test_what_gives_no_vectors_is_named() -> None:
    with pytest.raises(SourceError, match="features=none: no such folder; expected tfidf, a local"):
        embedder("none")
    with pytest.raises(InvalidValueError, match="name the model, as in server#my-model"):
        embedder("server#")
    refused = pytest.raises(SourceError, match=r"gives no vectors.*TALE_EVAL_EMBEDDING_KEY")
    with embedding_server(status=401), refused:
        embedder("server#denied")(["a"])


@pytest.mark.model
@pytest.mark.slow
def test_a_folder_of_transformers_gives_the_mean_of_its_states(
    tmp_path: Path, smollm2_folder: Path
) -> None:
    folder = tiny_model(tmp_path / "tiny", smollm2_folder)
    embed = Local(str(folder))
    short, long = "One.", "How many apples do three boxes of four apples hold?"
    together = embed([short, long])
    # padding changes nothing
    assert together == pytest.approx(np.concatenate([embed([short]), embed([long])]), abs=1e-5)
    assert together.shape == (2, 32)
    (folder / "1_Pooling").mkdir()
    said = {"pooling_mode_cls_token": True}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(said))
    assert Local(str(folder))([long]) != pytest.approx(together[1:], abs=1e-3)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_lasttoken": True}))
    last = Local(str(folder))
    assert last([short, long]) == pytest.approx(
        np.concatenate([last([short]), last([long])]), abs=1e-5
    )
    # the last token of one text, and not the padding after it
    last._tokenizer.padding_side = "left"
    assert last([short, long])[1] == pytest.approx(last([long])[0], abs=1e-5)


def test_vectors_that_are_made_in_a_way_that_is_not_known_are_refused(tmp_path: Path) -> None:
    assert _pooling(tmp_path) == "mean"
    (tmp_path / "1_Pooling").mkdir()
    said = tmp_path / "1_Pooling" / "config.json"
    modes = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    said.write_text(json.dumps({"word_embedding_dimension": 384, **modes}))
    assert _pooling(tmp_path) == "mean"
    for both in ({"pooling_mode_cls_token": True}, {"pooling_mode_max_tokens": True}):
        said.write_text(json.dumps(modes | both))
        with pytest.raises(SourceError, match=r"by pooling_mode_\w+, pooling_mode_\w+, and kn"):
            _pooling(tmp_path)
    said.write_text("{")
    with pytest.raises(SourceError, match="not JSON"):
        _pooling(tmp_path)
    said.write_text(json.dumps(modes))
    layers = ["Transformer", "Pooling", "Dense", "Normalize"]
    kinds = [{"type": f"sentence_transformers.models.{layer}"} for layer in layers]
    (tmp_path / "modules.json").write_text(json.dumps(kinds))
    with pytest.raises(SourceError, match=r"by Dense, .*serve it, and name features=server#"):
        _pooling(tmp_path)
    (tmp_path / "modules.json").write_text(json.dumps([kinds[0], kinds[1], kinds[3]]))
    assert _pooling(tmp_path) == "mean"


@pytest.mark.model
@pytest.mark.slow
def test_an_estimator_of_a_folders_vectors_is_read_again(
    tmp_path: Path, smollm2_folder: Path
) -> None:
    folder = tiny_model(tmp_path / "tiny", smollm2_folder)
    fitted(tmp_path / "knn", str(folder))
    found = read_fitted(tmp_path / "knn", embedder)
    assert found.learner.estimates([TAUGHT[0].question])[0] >= 1
    shutil.rmtree(folder)
    tiny_model(folder, smollm2_folder, seed=1)
    embedder.cache_clear()
    with pytest.raises(InvalidValueError, match="gives other vectors"):
        read_fitted(tmp_path / "knn", lambda features: Local(features))
