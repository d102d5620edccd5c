"""The benchmark loaders: where data comes from, what a sample holds, what is refused."""

import csv
import json
import os
import re
import sys
from collections import Counter
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas
import pytest
from huggingface_hub import constants as hub_constants
from hypothesis import given, strategies as st
from inspect_ai.dataset import Sample

from tale_eval.asking.prompts import cot_prompt
from tale_eval.datasets.samples import content_hash, reordered
from tale_eval.errors import (
    InvalidValueError,
    MissingExtraError,
    RowError,
    SourceError,
    UnknownNameError,
)
from tale_eval.tasks.chain_sum import load as chain_sum
from tale_eval.tasks.gpqa import load as gpqa
from tale_eval.tasks.gsm8k import load as gsm8k
from tale_eval.tasks.gsm8k_zero import load as gsm8k_zero, plain_number
from tale_eval.tasks.gsm_symbolic import load as gsm_symbolic
from tale_eval.tasks.mathbench import SHA256, SUBSETS, load as mathbench

GSM8K_ROW = {"question": "What is 2 + 3?", "answer": "2 + 3 = <<2+3=5>>5\n#### 5"}
CHOICE_ROW = {"question": "Even?", "options": ["1", "2", "3", "5"], "answer": "B", "topic": "N"}
CLOZE_ROW = {"question": "16 / 52=", "answer": "4/13", "topic": "Four Operations"}
GPQA_ROW = {
    "Record ID": "rec1",
    "Question": "Which?",
    "Correct Answer": "right",
    "Incorrect Answer 1": "wrong 1",
    "Incorrect Answer 2": "wrong 2",
    "Incorrect Answer 3": "wrong 3",
    "High-level domain": "Physics",
    "Subdomain": "Optics",
}


@pytest.fixture(autouse=True)
def no_data_folder_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TALE_EVAL_DATA", raising=False)


def write_jsonl(path: Path, *rows: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_csv(path: Path, *rows: dict[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def write_mathbench(folder: Path) -> Path:
    for subset in SUBSETS:
        row = CLOZE_ROW if "cloze" in subset.name else CHOICE_ROW
        write_jsonl(folder / f"{subset.name}.jsonl", row)
    return folder


def metadata(sample: Sample) -> dict[str, Any]:
    assert sample.metadata is not None
    return sample.metadata


# --- what a sample holds -------------------------------------------------------------


def test_a_gsm8k_sample_has_bare_question_gold_solution_and_stable_id(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "test.jsonl", GSM8K_ROW)
    [sample] = gsm8k(source=path)
    assert sample.input == "What is 2 + 3?"
    assert sample.choices is None
    assert sample.target == "5"
    # the hash is sha256 of {"gold":"5","options":null,"question":"What is 2 + 3?"}
    assert sample.id == "gsm8k-test-00001-a0ac43e1"
    assert metadata(sample) == {
        "benchmark": "gsm8k",
        "subset": "test",
        "language": "en",
        "kind": "cloze",
        "source": "file",
        "source_file": "test.jsonl",
        "solution": "2 + 3 = <<2+3=5>>5",
    }


def test_a_gsm8k_zero_sample_has_the_number_as_gold(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "test.jsonl", {"question": "How much is 48?", "answer": 48.0})
    [sample] = gsm8k_zero(source=path)
    assert (sample.input, sample.target) == ("How much is 48?", "48")
    assert str(sample.id).startswith("gsm8k_zero-test-00001-")
    assert metadata(sample)["kind"] == "cloze"


def test_a_mathbench_choice_sample_has_options_letter_and_topic(tmp_path: Path) -> None:
    write_mathbench(tmp_path / "mathbench_v1")
    [sample] = mathbench(level="college", language="cn", source=tmp_path)
    assert sample.choices == ["1", "2", "3", "5"]
    assert sample.target == "B"
    assert re.fullmatch("mathbench-college-cn-00001-[0-9a-f]{8}", str(sample.id))
    assert metadata(sample) == {
        "benchmark": "mathbench",
        "subset": "college/single_choice_cn",
        "language": "cn",
        "kind": "choice",
        "source": "file",
        "source_file": "college/single_choice_cn.jsonl",
        "topic": "N",
    }


def test_a_mathbench_cloze_gold_is_kept_to_the_last_digit(tmp_path: Path) -> None:
    golds = ["-35947632.9663", "13/17", "1234567890123", " 7 "]
    rows = [{**CLOZE_ROW, "answer": gold} for gold in golds]
    path = write_jsonl(tmp_path / "cloze_en.jsonl", *rows)
    samples = mathbench(level="arithmetic", source=path)
    assert [sample.target for sample in samples] == [
        "-35947632.9663",
        "13/17",
        "1234567890123",
        "7",
    ]


def test_a_gpqa_sample_has_its_record_id_and_domain(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "gpqa_diamond.csv", GPQA_ROW)
    [sample] = gpqa(source=path)
    assert re.fullmatch("gpqa-diamond-rec1-[0-9a-f]{8}", str(sample.id))
    assert metadata(sample)["subset"] == "gpqa_diamond"
    assert metadata(sample)["domain"] == "Physics"
    assert metadata(sample)["subdomain"] == "Optics"


def test_the_question_loses_only_the_whitespace_around_it(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "t.jsonl", {**GSM8K_ROW, "question": "\n A  b,\r\n\tc? \u3000"})
    assert gsm8k(source=path)[0].input == "A  b,\r\n\tc?"


@pytest.mark.parametrize(
    "other",
    [("Q?", ["a", "b"], "B"), ("Q?", ["b", "a"], "A"), ("Q!", ["a", "b"], "A"), ("Q?", None, "A")],
)
def test_the_hash_in_an_id_depends_on_question_options_and_gold(other: Any) -> None:
    assert content_hash(*other) != content_hash("Q?", ["a", "b"], "A")


# --- defects of the released code that concern golds ---------------------------------


@pytest.mark.parametrize(
    ("written", "gold"),
    [("2,125", "2125"), ("1,450,000", "1450000"), ("-3", "-3"), ("1,234.5", "1234.5")],
)
def test_gsm8k_golds_are_not_truncated_at_commas(tmp_path: Path, written: str, gold: str) -> None:
    row = {"question": "Q?", "answer": f"a #### b\n#### {written}"}
    assert gsm8k(source=write_jsonl(tmp_path / "t.jsonl", row))[0].target == gold


@pytest.mark.parametrize(
    ("written", "gold"), [("31", "31"), (31, "31"), ("1,750", "1750"), (2.5, "2.5"), (" -4 ", "-4")]
)
@pytest.mark.parametrize("asked", ["{}", cot_prompt("{}", "cloze", "en", "bracketed")])
def test_gsm8k_takes_the_fields_of_the_released_code(
    tmp_path: Path, written: object, gold: str, asked: str
) -> None:
    """Its own results state the question as its prompt asked it."""
    row = {"question": asked.replace("{}", "How many?"), "ground truth": written, "prediction": "x"}
    (sample,) = gsm8k(source=write_jsonl(tmp_path / "t.jsonl", row))
    assert (sample.input, sample.target) == ("How many?", gold)
    assert metadata(sample)["solution"] == ""
    # the same question with its solution has the same id
    known = {"question": "How many?", "answer": f"so\n#### {gold}"}
    assert sample.id == gsm8k(source=write_jsonl(tmp_path / "k.jsonl", known))[0].id


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("many", "expected a number, got 'many'"),
        ("", "empty"),
        (None, "expected a number, got None"),
        (True, "expected a number, got True"),
    ],
)
def test_a_ground_truth_that_is_no_number_is_named(
    tmp_path: Path, written: object, message: str
) -> None:
    path = write_jsonl(tmp_path / "t.jsonl", {"question": "Q?", "ground truth": written})
    with pytest.raises(RowError, match=rf"t.jsonl:1: field 'ground truth': {message}"):
        gsm8k(source=path)


@pytest.mark.parametrize(
    ("written", "gold"),
    [
        ("0.5", "0.5"),
        ("48.0", "48"),
        ("48", "48"),
        ("-1.0", "-1"),
        ("7.220", "7.22"),
        ("100", "100"),
        ("1e2", "100"),
        ("-0.0", "0"),
        ("0.1234567890123456789012345678901", "0.1234567890123456789012345678901"),
    ],
)
def test_gsm8k_zero_golds_are_not_cast_by_int_or_float(
    tmp_path: Path, written: str, gold: str
) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(f'{{"question": "Q?", "answer": {written}}}')
    assert gsm8k_zero(source=path)[0].target == gold


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6))
def test_a_plain_number_keeps_its_value_and_has_no_zeros_at_the_end(value: Decimal) -> None:
    text = plain_number(value)
    assert Decimal(text) == value
    assert re.fullmatch(r"-?(0|[1-9]\d*)(\.\d*[1-9])?", text)


def test_gpqa_gold_is_not_always_a(tmp_path: Path) -> None:
    rows = [{**GPQA_ROW, "Record ID": f"rec{i}"} for i in range(400)]
    samples = gpqa(source=write_csv(tmp_path / "gpqa.csv", *rows))
    for sample in samples:
        assert sample.choices is not None
        assert sample.choices["ABCD".index(str(sample.target))] == "right"
    letters = Counter(str(sample.target) for sample in samples)
    # 100 each are expected; 60 is more than four standard deviations away
    assert set(letters) == set("ABCD")
    assert min(letters.values()) > 60


# --- the order of options --------------------------------------------------------------


@given(st.permutations(range(4)), st.integers(0, 3))
def test_the_gold_follows_its_option_into_any_order(order: list[int], gold: int) -> None:
    options = ["a", "b", "c", "d"]
    turned, letter = reordered(options, "ABCD"[gold], order)
    assert turned["ABCD".index(letter)] == options[gold]
    assert sorted(turned) == options


def test_equal_option_texts_do_not_confuse_the_gold() -> None:
    assert reordered(["x", "x", "y", "x"], "D", [3, 2, 1, 0]) == (["x", "y", "x", "x"], "A")


def test_a_gpqa_question_has_one_order_in_every_subset_and_place(tmp_path: Path) -> None:
    rows = [{**GPQA_ROW, "Record ID": f"rec{i}"} for i in range(9)]
    diamond = gpqa("diamond", source=write_csv(tmp_path / "d.csv", rows[7]))
    main = gpqa("main", source=write_csv(tmp_path / "m.csv", *rows))
    assert diamond[0].choices == main[7].choices
    assert len({tuple(sample.choices or ()) for sample in main}) > 1


def test_a_gpqa_file_without_record_ids_is_ordered_by_content(tmp_path: Path) -> None:
    rows = [{**GPQA_ROW, "Question": f"Which of {i}?"} for i in range(9)]
    for row in rows:
        del row["Record ID"]
    one = gpqa(source=write_csv(tmp_path / "one.csv", rows[7]))
    nine = gpqa(source=write_csv(tmp_path / "nine.csv", *rows))
    assert one[0].choices == nine[7].choices
    assert re.fullmatch("gpqa-diamond-00009-[0-9a-f]{8}", str(nine[7].id))


def test_the_gpqa_seed_changes_orders_but_no_ids(tmp_path: Path) -> None:
    rows = [{**GPQA_ROW, "Record ID": f"rec{i}"} for i in range(20)]
    path = write_csv(tmp_path / "g.csv", *rows)
    first, again, other = gpqa(source=path), gpqa(source=path), gpqa(seed=7, source=path)
    assert [s.choices for s in first] == [s.choices for s in again]
    assert [s.choices for s in first] != [s.choices for s in other]
    assert [s.id for s in first] == [s.id for s in other]


def test_circular_evaluation_asks_abcd_bcda_cdab_dabc(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "c.jsonl", CHOICE_ROW)
    [base] = mathbench("high", "en", source=path)
    samples = mathbench("high", "en", circular=True, source=path)
    assert [(sample.choices, sample.target) for sample in samples] == [
        (["1", "2", "3", "5"], "B"),
        (["2", "3", "5", "1"], "A"),
        (["3", "5", "1", "2"], "D"),
        (["5", "1", "2", "3"], "C"),
    ]
    assert [sample.id for sample in samples] == [f"{base.id}-rot{i}" for i in range(4)]
    assert [metadata(sample)["rotation"] for sample in samples] == [0, 1, 2, 3]
    assert {metadata(sample)["circular_group"] for sample in samples} == {base.id}


def test_circular_evaluation_asks_a_cloze_question_once(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "c.jsonl", CLOZE_ROW)
    [base] = mathbench("primary", "en", source=path)
    [sample] = mathbench("primary", "en", circular=True, source=path)
    assert (sample.id, sample.target) == (base.id, "4/13")
    assert metadata(sample)["circular_group"] == base.id


# --- where data comes from ---------------------------------------------------------------


def test_a_folder_or_one_file_in_it_give_the_same_samples(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "train.jsonl", GSM8K_ROW, GSM8K_ROW)
    assert gsm8k("train", source=str(tmp_path)) == gsm8k("train", source=path)


def test_gsm8k_reads_the_parquet_layout_of_the_hub(tmp_path: Path) -> None:
    (tmp_path / "main").mkdir()
    table = pandas.DataFrame([GSM8K_ROW, GSM8K_ROW])
    table.to_parquet(tmp_path / "main" / "test-00000-of-00001.parquet")
    samples = gsm8k(source=tmp_path)
    path = write_jsonl(tmp_path / "lines.jsonl", GSM8K_ROW, GSM8K_ROW)
    assert [sample.id for sample in samples] == [sample.id for sample in gsm8k(source=path)]
    assert metadata(samples[0])["source_file"] == "main/test-00000-of-00001.parquet"


@pytest.mark.parametrize("name", ["test.jsonl", "test.json", "gsm8k_zero.json"])
def test_gsm8k_zero_knows_its_authors_file_names(tmp_path: Path, name: str) -> None:
    write_jsonl(tmp_path / name, {"question": "Q?", "answer": 1.0})
    assert metadata(gsm8k_zero(source=tmp_path)[0])["source_file"] == name


def test_mathbench_takes_its_folder_or_the_parent(tmp_path: Path) -> None:
    folder = write_mathbench(tmp_path / "mathbench_v1")
    assert mathbench(source=folder) == mathbench(source=tmp_path)


@pytest.mark.parametrize(
    ("level", "language", "count"),
    [
        ("all", "all", 17),
        ("all", "en", 9),
        ("all", "cn", 8),
        ("arithmetic", "all", 1),
        ("primary", "all", 2),
        ("high_knowledge", "cn", 1),
    ],
)
def test_mathbench_level_and_language_choose_among_17_subsets(
    tmp_path: Path, level: str, language: str, count: int
) -> None:
    samples = mathbench(level, language, source=write_mathbench(tmp_path))
    assert len({metadata(sample)["subset"] for sample in samples}) == len(samples) == count
    assert len({sample.id for sample in samples}) == count


def test_the_data_folder_variable_serves_every_benchmark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALE_EVAL_DATA", str(tmp_path))
    write_jsonl(tmp_path / "gsm8k" / "test.jsonl", GSM8K_ROW)
    write_jsonl(tmp_path / "gsm8k_zero" / "test.jsonl", {"question": "Q?", "answer": 1.0})
    write_mathbench(tmp_path / "mathbench_v1")
    write_csv(tmp_path / "gpqa" / "gpqa_main.csv", GPQA_ROW)
    assert [len(gsm8k()), len(gsm8k_zero()), len(mathbench()), len(gpqa("main"))] == [1, 1, 17, 1]


def test_no_machine_path_enters_a_sample(tmp_path: Path) -> None:
    write_mathbench(tmp_path / "mathbench_v1")
    write_csv(tmp_path / "gpqa_diamond.csv", GPQA_ROW)
    for sample in mathbench(source=tmp_path) + gpqa(source=tmp_path):
        assert str(tmp_path) not in sample.model_dump_json()


def test_a_benchmark_missing_from_the_data_folder_is_not_sought_on_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALE_EVAL_DATA", str(tmp_path))
    for load in (gsm8k, gsm8k_zero, mathbench, gpqa):
        with pytest.raises(SourceError, match=r"TALE_EVAL_DATA.*there is no folder"):
            load()


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No network, and an empty cache of the hub that a test may fill."""
    monkeypatch.setattr(hub_constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(hub_constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.usefixtures("hub_cache")
@pytest.mark.parametrize("load", [gsm8k, gsm8k_zero, mathbench, gpqa])
def test_without_the_hub_the_error_says_what_to_do(
    load: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALE_EVAL_DATA", str(tmp_path))
    with pytest.raises(SourceError, match=r"(?s)Hub.*pass source=PATH, or set TALE_EVAL_DATA"):
        load(source="hub")


def test_pinned_hub_files_are_read_from_the_cache_without_network(hub_cache: Path) -> None:
    def snapshot(repository: str, revision: str) -> Path:
        return hub_cache / f"datasets--{repository}" / "snapshots" / revision

    gsm8k_folder = snapshot("openai--gsm8k", "cc7b047b6e5bb11b4f1af84efc572db110a51b3c")
    (gsm8k_folder / "main").mkdir(parents=True)
    parquet = gsm8k_folder / "main" / "test-00000-of-00001.parquet"
    pandas.DataFrame([GSM8K_ROW]).to_parquet(parquet)
    zero = snapshot("dcml0714--GSM8K-Zero", "f39c43ecf9c6dc9a102505e7519d08102f41267b")
    write_jsonl(zero / "test.json", {"question": "Q?", "answer": 0.1})
    gpqa_folder = snapshot("Idavidrein--gpqa", "633f5ee89ab8ad4522a9f850766b73f62147ffdd")
    write_csv(gpqa_folder / "gpqa_main.csv", {**GPQA_ROW, "Incorrect Answer 1": "None"})

    for load, folder in ((gsm8k, gsm8k_folder), (gsm8k_zero, zero)):
        [from_hub], [from_file] = load(source="hub"), load(source=folder)
        assert (from_hub.id, from_hub.target) == (from_file.id, from_file.target)
    [from_hub], [from_file] = gpqa("main", source="hub"), gpqa("main", source=gpqa_folder)
    assert (from_hub.id, from_hub.choices) == (from_file.id, from_file.choices)
    assert "None" in (from_hub.choices or [])
    assert metadata(from_hub)["source"] == "hub"
    assert metadata(from_hub)["source_file"] == "gpqa_main.csv"


def mathbench_mirror(hub_cache: Path, place: str = "mathbench_v1") -> Path:
    """A download of MathBench's mirror, each file with a row of ours."""
    repository = hub_cache / "datasets--budecosystem--mathbench"
    folder = write_mathbench(repository / "snapshots" / ("0" * 40) / place)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    return folder


def sha256_of(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("place", ["mathbench_v1", "data/mathbench_v1"])
def test_mathbench_is_found_wherever_it_lies_in_the_hub_mirror(
    hub_cache: Path, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = mathbench_mirror(hub_cache, place)
    for subset in SUBSETS:
        monkeypatch.setitem(SHA256, subset, sha256_of(folder / f"{subset.name}.jsonl"))
    samples = mathbench(source="hub")
    assert len(samples) == 17
    assert metadata(samples[0])["source"] == "hub"
    assert metadata(samples[0])["source_file"] == "arithmetic/cloze_en.jsonl"


def test_mathbench_from_the_hub_must_be_the_authors_release(hub_cache: Path) -> None:
    folder = mathbench_mirror(hub_cache)
    file = "college/single_choice_en.jsonl"
    released = "02de9c31041258a8d42fde95e17c2e3b79ea0f401c83d34d71d892982c26ddef"
    with pytest.raises(SourceError) as refused:
        mathbench("college", "en", source="hub")
    message = str(refused.value)
    assert message.startswith(f"{file} of budecosystem/mathbench on the Hugging Face Hub")
    assert f"expected sha256 {released}, found {sha256_of(folder / file)} in " in message
    assert "pass source=PATH" in message
    # a copy that the user names is the user's own
    assert len(mathbench("college", "en", source=folder)) == 1


def test_only_the_mathbench_files_that_are_read_are_checked(
    hub_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = mathbench_mirror(hub_cache) / "college" / "single_choice_en.jsonl"
    monkeypatch.setitem(SHA256, ("college", "en"), sha256_of(file))
    assert len(mathbench("college", "en", source="hub")) == 1


def test_each_mathbench_file_has_a_hash() -> None:
    assert list(SHA256) == list(SUBSETS)
    assert len(set(SHA256.values())) == 17
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in SHA256.values())


# --- what is refused: sources -----------------------------------------------------------


def test_a_missing_path_is_named_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=re.escape(str(tmp_path / "nowhere.jsonl"))):
        gsm8k(source="nowhere.jsonl")


def test_a_folder_without_the_data_file_names_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"train\.jsonl or main/train-00000-of-00001\.parquet"):
        gsm8k("train", source=tmp_path)
    with pytest.raises(SourceError, match=r"gpqa_extended\.csv"):
        gpqa("extended", source=tmp_path)


def test_a_missing_mathbench_subset_is_not_skipped(tmp_path: Path) -> None:
    (write_mathbench(tmp_path) / "high" / "single_choice_en.jsonl").unlink()
    assert len(mathbench(language="cn", source=tmp_path)) == 8
    with pytest.raises(SourceError, match=r"high/single_choice_en\.jsonl"):
        mathbench(source=tmp_path)


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").mkdir()
    with pytest.raises(SourceError, match=r"test\.jsonl: Is a directory; expected a file"):
        gsm8k(source=tmp_path)


def test_a_file_in_the_place_of_a_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_jsonl(tmp_path / "gsm8k", GSM8K_ROW)
    for folder in (file, file.parent):
        monkeypatch.setenv("TALE_EVAL_DATA", str(folder))
        with pytest.raises(SourceError, match="there is no folder"):
            gsm8k()


def test_an_unknown_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"\.jsonl, \.json, \.csv, \.parquet"):
        gsm8k(source=write_jsonl(tmp_path / "test.txt", GSM8K_ROW))


@pytest.mark.parametrize("content", ["", "\n \n", "\ufeff"])
def test_a_file_without_rows_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SourceError, match="holds no rows"):
        gsm8k(source=path)


def test_a_csv_with_nothing_but_a_header_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gpqa.csv"
    path.write_text(",".join(GPQA_ROW) + "\n")
    with pytest.raises(SourceError, match="holds no rows"):
        gpqa(source=path)


def test_a_broken_parquet_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "test.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(SourceError, match="as a parquet file"):
        gsm8k(source=path)


# --- what is refused: rows --------------------------------------------------------------


def test_blank_lines_a_byte_order_mark_and_crlf_are_fine(tmp_path: Path) -> None:
    line = json.dumps(GSM8K_ROW)
    path = tmp_path / "test.jsonl"
    path.write_bytes(f"\ufeff{line}\r\n\r\n{line}\r\n\n\n".encode())
    ids = [str(sample.id)[:17] for sample in gsm8k(source=path)]
    assert ids == ["gsm8k-test-00001-", "gsm8k-test-00003-"]


def test_unusual_line_separators_inside_a_text_end_no_line(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    row = {**GSM8K_ROW, "question": "a\u2028b\x85c"}
    path.write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    assert gsm8k(source=path)[0].input == "a\u2028b\x85c"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"question": "Q?", "answer": ', "not valid JSON: Expecting value at column 30"),
        ('{"question": "Q?", "answer": 1' + "0" * 5000 + "}", "JSON beyond what can be read"),
        ('{"question": "Q?", "answer": 1.0e99999999999999999999}', "beyond what can be read"),
        ("[" * 200_000, "JSON beyond what can be read"),
        (r'{"question": "\ud83d?", "answer": "#### 5"}', "half a surrogate pair"),
        ('["Q?", "#### 5"]', "expected one JSON object a line"),
        ('{"answer": "#### 5"}', "field 'question': missing"),
        ('{"question": "Q?"}', "field 'answer': missing"),
        ('{"question": " ", "answer": "#### 5"}', "field 'question': empty"),
        ('{"question": 7, "answer": "#### 5"}', "field 'question': expected a text, got 7"),
        ('{"question": null, "answer": "#### 5"}', "expected a text, got None"),
        ('{"question": "Q?", "answer": "5"}', "field 'answer': no '####'"),
        ('{"question": "Q?", "answer": "#### "}', "expected a number after '####', got ''"),
        ('{"question": "Q?", "answer": "#### five"}', "got 'five'"),
        ('{"question": "Q?", "answer": "#### 5 apples"}', "got '5 apples'"),
        ('{"question": "Q?", "answer": "#### 1,2"}', "got '1,2'"),
    ],
)
def test_a_bad_gsm8k_row_is_named_by_file_and_line(tmp_path: Path, line: str, problem: str) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(f"{json.dumps(GSM8K_ROW)}\n\n{line}\n")
    with pytest.raises(RowError, match=re.escape(f"{path}:3: ")) as error:
        gsm8k(source=path)
    assert problem in str(error.value)


@pytest.mark.parametrize("answer", ['"0.5"', "true", "null", "[1]", "NaN", "-Infinity"])
def test_a_gsm8k_zero_gold_must_be_a_finite_number(tmp_path: Path, answer: str) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(f'{{"question": "Q?", "answer": {answer}}}')
    with pytest.raises(RowError, match=r":1: field 'answer': expected a (finite )?number"):
        gsm8k_zero(source=path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"answer": "E"}, "field 'answer': expected one of A, B, C, D, got 'E'"),
        ({"answer": "AB"}, "got 'AB'"),
        ({"answer": "b"}, "got 'b'"),
        ({"answer": 1}, "field 'answer': expected a text, got 1"),
        ({"options": ["1", "2", "3"]}, "field 'options': expected a list of 4 texts"),
        ({"options": "1234"}, "field 'options': expected a list of 4 texts"),
        ({"options": ["1", "2", "", "4"]}, "field 'options[2]': empty"),
        ({"options": ["1", "2", 3, "4"]}, "field 'options[2]': expected a text, got 3"),
        ({"topic": None}, "field 'topic': expected a text, got None"),
    ],
)
def test_a_bad_mathbench_row_is_refused(
    tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    path = write_jsonl(tmp_path / "c.jsonl", CHOICE_ROW, {**CHOICE_ROW, **change})
    with pytest.raises(RowError, match=re.escape(f"{path}:2: ")) as error:
        mathbench("middle", "en", source=path)
    assert problem in str(error.value)


def test_a_bad_csv_row_is_named_by_its_first_line(tmp_path: Path) -> None:
    fine = {**GPQA_ROW, "Record ID": "rec2", "Question": "two\nlines"}
    path = write_csv(tmp_path / "gpqa.csv", fine, {**GPQA_ROW, "Correct Answer": ""})
    with pytest.raises(RowError, match=re.escape(f"{path}:4: field 'Correct Answer': empty")):
        gpqa(source=path)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("Question,Correct Answer\nQ?\n", ":2: 1 cells, but the header has 2"),
        ('Question\n"Q?\n', ":2: not valid CSV: unexpected end of data"),
        ("Question\nQ?\n", ":2: field 'Correct Answer': missing; this row has Question"),
    ],
)
def test_a_malformed_csv_is_refused(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "gpqa.csv"
    path.write_text(content)
    with pytest.raises(RowError, match=re.escape(problem)):
        gpqa(source=path)


def test_a_repeated_gpqa_record_id_is_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "gpqa.csv", GPQA_ROW, GPQA_ROW)
    with pytest.raises(RowError, match=":3: field 'Record ID': 'rec1' stands on line 2 already"):
        gpqa(source=path)


def test_bytes_that_are_not_utf8_are_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    path.write_bytes(b'{"question": "Q?", "answer": "#### 5"}\n{"question": "caf\xe9"}\n')
    with pytest.raises(RowError, match=":2: not UTF-8"):
        gsm8k(source=path)


# --- what is refused: parameters ----------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gsm8k("tset"), "'tset'; allowed: test, train. Did you mean 'test'"),
        (lambda: mathbench(level="colege"), "Did you mean 'college'"),
        (lambda: mathbench(language="zh"), "'zh'; allowed: all, en, cn"),
        (lambda: gpqa("gpqa_diamond"), "allowed: diamond, main, extended"),
    ],
)
def test_an_unknown_name_lists_the_allowed_ones(call: Any, message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        call()


def test_chinese_arithmetic_does_not_exist() -> None:
    with pytest.raises(InvalidValueError, match="only arithmetic/cloze_en"):
        mathbench("arithmetic", "cn")


def test_one_mathbench_file_cannot_stand_for_several_subsets(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "c.jsonl", CHOICE_ROW)
    with pytest.raises(InvalidValueError, match="leave 2 subsets"):
        mathbench("college", source=path)


@pytest.mark.parametrize("size", [0, -1, "many", 1.5])
def test_a_generated_benchmark_needs_a_positive_size(size: Any) -> None:
    for make in (gsm_symbolic, chain_sum):
        with pytest.raises(InvalidValueError, match=re.escape(f"size={size!r}")):
            make(size=size)


@pytest.mark.parametrize("terms", [0, -2, "4-2", "0-3", "2-", "two", "2,4", 1.5])
def test_a_bad_range_of_terms_or_digits_is_refused(terms: Any) -> None:
    with pytest.raises(InvalidValueError, match=re.escape(f"terms={terms!r}")):
        chain_sum(terms=terms)
    with pytest.raises(InvalidValueError, match=re.escape(f"digits={terms!r}")):
        chain_sum(digits=terms)


def test_without_reasoning_gym_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(MissingExtraError, match=r"chain_sum.*tale-eval\[symbolic\]"):
        chain_sum()


# --- generated benchmarks -------------------------------------------------------------------


def test_chain_sums_are_right_and_of_the_size_asked_for() -> None:
    samples = chain_sum(size=60, terms="2-4", digits="1-2")
    expressions = [str(sample.input).partition(": ")[2].removesuffix(" =") for sample in samples]
    for sample, expression in zip(samples, expressions, strict=True):
        value, *steps = re.findall(r"[+-]? ?\d+", expression)
        total = sum((int(step.replace(" ", "")) for step in steps), int(value))
        assert sample.target == str(total)
    numbers = [re.findall(r"\d+", expression) for expression in expressions]
    assert {len(found) for found in numbers} == {2, 3, 4}
    assert {len(number) for found in numbers for number in found} == {1, 2}


def test_a_chain_sum_keeps_the_generators_wording() -> None:
    [sample] = chain_sum(size=1)
    pattern = r"State the final answer to the following arithmetic problem: \d [+-] \d ="
    assert re.fullmatch(pattern, str(sample.input))
    assert re.fullmatch("chain_sum-terms2-digits1-seed1024-00001-[0-9a-f]{8}", str(sample.id))


@pytest.mark.parametrize("make", [gsm_symbolic, chain_sum])
def test_a_generated_benchmark_is_its_seed(make: Any) -> None:
    samples = make(size=30)
    assert make(size=30) == samples
    assert make(size=10) == samples[:10]
    assert [s.input for s in make(size=30, seed=7)] != [s.input for s in samples]
    assert len({sample.id for sample in samples}) == 30
    assert all(re.fullmatch(r"-?\d+(\.\d+)?", str(sample.target)) for sample in samples)
    assert metadata(samples[0])["source"] == "generated"
    assert metadata(samples[0])["source_file"] is None


# --- the real data ----------------------------------------------------------------------------


def unique_ids(samples: list[Sample]) -> bool:
    return len({sample.id for sample in samples}) == len(samples)


@pytest.mark.parametrize(("split", "count", "commas"), [("test", 1319, 14), ("train", 7473, 79)])
def test_real_gsm8k_is_whole(data_folder: Path, split: str, count: int, commas: int) -> None:
    path = data_folder / "gsm8k" / f"{split}.jsonl"
    samples = gsm8k(split, source=path)
    assert len(samples) == count
    assert unique_ids(samples)
    lines = path.read_text(encoding="utf-8").splitlines()
    written = [json.loads(line)["answer"].split("#### ")[1] for line in lines]
    assert sum("," in gold for gold in written) == commas
    assert [sample.target for sample in samples] == [gold.replace(",", "") for gold in written]


def test_real_gsm8k_zero_is_whole(data_folder: Path) -> None:
    samples = gsm8k_zero(source=data_folder / "gsm8k_zero")
    assert len(samples) == 2978
    assert unique_ids(samples)
    golds = [str(sample.target) for sample in samples]
    assert sum("." in gold for gold in golds) == 65
    assert not any(re.search(r"\.\d*0$|e", gold) for gold in golds)
    assert golds[2733] == "-1"


def test_real_mathbench_is_whole(data_folder: Path) -> None:
    samples = mathbench(source=data_folder)
    assert len(samples) == 3709
    assert unique_ids(samples)
    counts = Counter(metadata(sample)["subset"] for sample in samples)
    assert len(counts) == 17
    knowledge = {"primary": (208, 109), "middle": (334, 175), "high": (470, 281)}
    for level, (cn, en) in {**knowledge, "college": (316, 316)}.items():
        assert counts[f"{level}_knowledge/single_choice_cn"] == cn
        assert counts[f"{level}_knowledge/single_choice_en"] == en
    applied = Counter({name: n for name, n in counts.items() if "_knowledge/" not in name})
    assert applied.pop("arithmetic/cloze_en") == 300
    assert set(applied.values()) == {150}


def test_real_mathbench_is_the_pinned_release(data_folder: Path) -> None:
    files = {subset: f"mathbench_v1/{subset.name}.jsonl" for subset in SUBSETS}
    assert {subset: sha256_of(data_folder / file) for subset, file in files.items()} == SHA256


def test_real_mathbench_arithmetic_keeps_every_digit(data_folder: Path) -> None:
    samples = mathbench("arithmetic", source=data_folder)
    assert samples[0].target == "-35947632.9663"
    golds = [str(sample.target) for sample in samples if "/" not in str(sample.target)]
    digits = [len(Decimal(gold).as_tuple().digits) for gold in golds]
    assert sum(count > 6 for count in digits) == 80
    assert max(digits) == 13


def test_real_mathbench_circles_have_four_orders_of_one_question(data_folder: Path) -> None:
    samples = mathbench("middle", "en", circular=True, source=data_folder)
    assert len(samples) == 4 * 150
    assert unique_ids(samples)
    for first in range(0, len(samples), 4):
        group = samples[first : first + 4]
        assert len({metadata(sample)["circular_group"] for sample in group}) == 1
        assert {str(sample.target) for sample in group} == set("ABCD")
        golds = [(s.choices or [])["ABCD".index(str(s.target))] for s in group]
        assert len(set(golds)) == 1


def test_the_data_folder_variable_finds_the_real_data(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALE_EVAL_DATA", os.fspath(data_folder))
    assert len(gsm8k()) == 1319
