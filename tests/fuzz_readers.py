"""Fuzzing what reads a model's text: `make fuzz`, or for one reader

    python tests/fuzz_readers.py READER [--seconds 60]

atheris mutates the hostile texts towards code that no text has reached yet. A reading that
raises, takes longer than its limit or says something impossible ends the run with the input
that did it, written to fuzz-READER-…; put it into tests/test_hostile.py. The worker process
that compares formulas has no coverage to offer and is left out.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tale_eval"]):
    from tale_eval.budgets.reading import read_budget
    from tale_eval.grading import answers
    from tale_eval.grading.answers import extract, grade
    from tale_eval.grading.numbers import normalise, parse_number
    from tale_eval.shown.masking import masked_text

from hostile import hostile_texts

OPTIONS = ("12", "1/2", "B", "all of the above")
SEED_CHARS = 200
LONGEST = 4096
LIMIT_SECONDS = 5
KEY = "sk-" + "planted" * 3


def read_cloze(text: str) -> None:
    found = extract(text, "cloze")
    assert (found.answer is None) == (found.via == "none")
    assert grade(text, "72", "cloze") == grade(text, "72", "cloze")


def read_choice(text: str) -> None:
    found = extract(text, "choice", OPTIONS)
    assert (found.answer is None) == (found.via == "none")
    assert grade(text, "B", "choice", OPTIONS).extraction == found


def read_as_budget(text: str) -> None:
    budget = read_budget(text).budget
    assert budget is None or 1 <= budget < 10**9


def read_number(text: str) -> None:
    value = parse_number(text)
    # texts over 400 characters are not read
    assert value is None or len(str(value)) > 400 or parse_number(str(value)) == value
    assert len(normalise(text)) <= 4 * len(text)


def read_beside_a_key(text: str) -> None:
    for around in (f"{text} {KEY} {text}", f"{text}\n{KEY}"):
        assert KEY not in masked_text(around)


READERS: dict[str, Callable[[str], None]] = {
    "cloze": read_cloze,
    "choice": read_choice,
    "budget": read_as_budget,
    "number": read_number,
    "secret": read_beside_a_key,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("--seconds", type=int, default=60)
    asked = parser.parse_args()
    # a formula is compared in another process, which this one cannot see into
    answers.same_expression = lambda answer, target: None
    read = READERS[asked.reader]

    def one_input(data: bytes) -> None:
        read(data.decode("utf-8", errors="surrogateescape"))

    with tempfile.TemporaryDirectory() as corpus:
        for number, text in enumerate(hostile_texts(SEED_CHARS).values()):
            seed = text.encode("utf-8", errors="surrogatepass")
            (Path(corpus) / f"{number:03}").write_bytes(seed)
        settings = {
            "max_total_time": asked.seconds,
            "timeout": LIMIT_SECONDS,
            "max_len": LONGEST,
            "artifact_prefix": f"fuzz-{asked.reader}-",
            "print_final_stats": 1,
        }
        flags = [f"-{name}={value}" for name, value in settings.items()]
        atheris.Setup([sys.argv[0], *flags, corpus], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
