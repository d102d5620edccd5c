"""Fitted estimators on disk: the same when read again, and refused when they are not the same."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from needs import question, searches, texts

from tale_eval.budgets.estimators import make_estimator
from tale_eval.budgets.fitted import (
    CARD,
    ESTIMATOR,
    FORMAT,
    README,
    Fitted,
    named_estimator,
    read_fitted,
    write_fitted,
)
from tale_eval.errors import InvalidValueError, SourceError, TaleEvalError, UnknownNameError
from tale_eval.solvers import methods, resolve

TAUGHT = searches("by topic", 40)
FRESH = [question(text) for text in texts("by topic", 10, seed=1)]
CARD_OF = {"estimator": "ridge", "parameters": {"alpha": 1.0, "features": "tfidf"}, "model": "m"}


def write(folder: Path, **said: Any) -> Fitted:
    made: Any = make_estimator("ridge", {})
    return write_fitted(folder, made.fit(TAUGHT), {**CARD_OF, **said}, lambda card: "for people")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "ridge")
    return tmp_path / "ridge"


def test_what_was_written_is_read_again(folder: Path) -> None:
    made: Any = make_estimator("ridge", {})
    read = read_fitted(folder)
    assert read.learner.estimates(FRESH) == made.fit(TAUGHT).estimates(FRESH)
    assert read.name == "ridge"
    assert re.fullmatch(r"ridge-[0-9a-f]{12}", read.signature)
    reading = read.estimate(FRESH[0])
    assert not isinstance(reading, Mapping)
    assert (reading.estimator, reading.status) == (read.signature, "read")
    assert read.learner.was_fitted_on(TAUGHT[0].question)
    assert not read.learner.was_fitted_on(FRESH[0])


def test_the_same_searches_give_the_same_hash_and_others_another(tmp_path: Path) -> None:
    hashes = [write(tmp_path / name).signature for name in ("a", "b")]
    assert hashes[0] == hashes[1]
    assert write(tmp_path / "c", model="another").signature != hashes[0]


@pytest.mark.parametrize("name", [CARD, ESTIMATOR])
def test_any_changed_byte_is_refused(folder: Path, name: str) -> None:
    content = (folder / name).read_bytes()
    draw = np.random.default_rng(0)
    for place in {0, 1, len(content) - 1, *draw.integers(0, len(content), 60).tolist()}:
        changed = bytearray(content)
        changed[place] ^= 1
        (folder / name).write_bytes(changed)
        with pytest.raises(TaleEvalError) as refused:
            read_fitted(folder)
        assert str(folder) in str(refused.value)
    (folder / name).write_bytes(content)
    read_fitted(folder)


def test_a_changed_byte_is_named_with_the_fix(folder: Path) -> None:
    (folder / ESTIMATOR).write_bytes((folder / ESTIMATOR).read_bytes() + b" ")
    with pytest.raises(InvalidValueError, match=r"estimator\.npz: not as it was written.*fit it"):
        read_fitted(folder)


def test_the_text_for_people_may_be_changed(folder: Path) -> None:
    (folder / README).write_text("mine")
    assert read_fitted(folder).signature


def test_another_versions_folder_is_refused(folder: Path) -> None:
    card = json.loads((folder / CARD).read_text())
    card["format"] = FORMAT + 1
    card["versions"] = {"tale-eval": "9.9"}
    (folder / CARD).write_text(json.dumps(card))
    with pytest.raises(InvalidValueError, match=r"tale-eval 9\.9 in format 2, and this one reads"):
        read_fitted(folder)


def test_what_is_no_such_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"is no folder that can be read.*tale-eval fit"):
        read_fitted(tmp_path / "none")
    with pytest.raises(SourceError, match=r"its card\.json cannot be read"):
        read_fitted(tmp_path)
    (tmp_path / CARD).write_text("[]")
    with pytest.raises(InvalidValueError, match="no card of an estimator"):
        read_fitted(tmp_path)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / ESTIMATOR).unlink()
    with pytest.raises(SourceError, match=r"its estimator\.npz cannot be read"):
        read_fitted(folder)


def test_nothing_is_written_over(folder: Path) -> None:
    with pytest.raises(InvalidValueError, match="exists: choose another --out"):
        write(folder)


def test_no_pickle_is_read(tmp_path: Path) -> None:
    """An array of objects is a pickle; it is refused though its hash is right."""

    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    folder = tmp_path / "evil"
    write(folder)
    np.savez(folder / "made.npz", level=np.array([Evil()], dtype=object), allow_pickle=True)
    content = (folder / "made.npz").read_bytes()
    (folder / "made.npz").unlink()
    (folder / ESTIMATOR).write_bytes(content)
    import hashlib

    from tale_eval.budgets import fitted

    card = json.loads((folder / CARD).read_text())
    card["files"][ESTIMATOR] = hashlib.sha256(content).hexdigest()
    del card["sha256"]
    card = {"sha256": fitted._card_hash(card), **card}
    (folder / CARD).write_bytes(fitted._dumped(card))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        read_fitted(folder)
    assert not (tmp_path / "ran").exists()


# --- as a method's estimator -----------------------------------------------------------


def test_the_label_names_the_content(folder: Path) -> None:
    found = read_fitted(folder).signature
    method = resolve(f"tale_ep:estimator={folder}")
    assert str(method) == f"tale_ep:estimator={folder}:estimator_hash={found}"
    # read again it is the same method
    assert resolve(str(method)) == method


def test_a_folder_whose_path_has_a_colon(folder: Path) -> None:
    odd = folder.with_name("a:b")
    shutil.copytree(folder, odd)
    escaped = str(odd).replace(":", r"\:")
    method = resolve(f"tale_ep:estimator={escaped}")
    assert method.arguments["estimator"] == str(odd)
    assert resolve(str(method)) == method


def test_a_folder_that_was_fitted_anew_is_refused_under_its_old_hash(folder: Path) -> None:
    label = str(resolve(f"tale_ep:estimator={folder}"))
    shutil.rmtree(folder)
    write(folder, model="another")
    with pytest.raises(InvalidValueError, match=r"its hash is ridge-\w{12}, not ridge-\w{12}: it"):
        resolve(label)


def test_the_method_asks_once_under_the_fitted_budget(folder: Path) -> None:
    plan = methods()["tale_ep"].plan({"estimator": str(folder), "max_budget": 50})
    steps = plan.steps(FRESH[0])
    ask = next(steps)
    said = read_fitted(folder).learner.estimates([FRESH[0]])[0]
    assert ask.answers
    assert ask.budget == min(50, said)
    assert ask.reading is not None
    assert ask.reading.estimator == read_fitted(folder).signature
    with pytest.raises(StopIteration):
        steps.send("[[7]]")


def test_one_that_learns_must_be_fitted_before_it_is_named() -> None:
    with pytest.raises(InvalidValueError, match=r"Knn is not fitted.*tale_ep:estimator=FOLDER"):
        resolve("tale_ep:estimator=knn")


def test_a_folder_may_have_the_name_of_an_estimator_that_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "ridge")
    method = resolve("tale_ep:estimator=ridge")
    assert method.arguments["estimator_hash"] == read_fitted(Path("ridge")).signature


def test_a_name_that_is_neither_is_told_what_there_is() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown estimator 'kn'.*a folder that"):
        named_estimator("kn", {})


def test_one_that_asks_a_model_has_no_hash() -> None:
    with pytest.raises(InvalidValueError, match="zero_shot asks a model and has no hash"):
        resolve("tale_ep:estimator_hash=abc")


def test_to_load_and_use_one_starts_no_torch_and_no_scikit_learn(folder: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from tale_eval.asking.question import Question\n"
        "from tale_eval.budgets.fitted import read_fitted\n"
        f"found = read_fitted(Path({str(folder)!r}))\n"
        "print(found.estimate(Question('What is 1 plus 1?', 'cloze', 'en', 'bracketed')).budget)\n"
        "print(*{'torch', 'transformers', 'sklearn', 'inspect_ai', 'pandas'} & {*sys.modules})\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    budget, loaded = done.stdout.split("\n")[:2]
    assert int(budget) >= 1
    assert loaded == ""
