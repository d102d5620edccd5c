"""MathBench v1: five stages, theory and application, two languages (Liu et al., 2024), Apache-2.0.

The authors publish a zip of `mathbench_v1/<level>/<kind>_<language>.jsonl`.
"""

from pathlib import Path
from typing import Literal, NamedTuple, get_args

from inspect_ai.dataset import Sample

from tale_eval.datasets.rows import Origin, OriginKind, Row, read_rows
from tale_eval.datasets.samples import LETTERS, content_hash, make_sample, reordered
from tale_eval.datasets.sources import Source, hub_folder, locate
from tale_eval.errors import InvalidValueError, SourceError, check_name

FOLDER = "mathbench_v1"
# An unofficial mirror whose commit hash we do not know, so this is NOT pinned. Every
# sample's id holds a hash of its question, so changed data shows as changed ids.
REPO = "budecosystem/mathbench"
REVISION = "main"

Language = Literal["en", "cn"]
Level = Literal[
    "arithmetic",
    "primary",
    "middle",
    "high",
    "college",
    "primary_knowledge",
    "middle_knowledge",
    "high_knowledge",
    "college_knowledge",
]
# how the questions of each level are answered
KINDS: dict[Level, Literal["cloze", "single_choice"]] = {
    "arithmetic": "cloze",
    "primary": "cloze",
    "middle": "single_choice",
    "high": "single_choice",
    "college": "single_choice",
    "primary_knowledge": "single_choice",
    "middle_knowledge": "single_choice",
    "high_knowledge": "single_choice",
    "college_knowledge": "single_choice",
}


class Subset(NamedTuple):
    """One of the 17 files."""

    level: Level
    language: Language

    @property
    def name(self) -> str:
        return f"{self.level}/{KINDS[self.level]}_{self.language}"


SUBSETS = tuple(
    Subset(level, language)
    for level in get_args(Level)
    for language in get_args(Language)
    if (level, language) != ("arithmetic", "cn")
)


def mathbench(
    level: Literal[Level, "all"] = "all",
    language: Literal[Language, "all"] = "all",
    circular: bool = False,
    source: Source = None,
) -> list[Sample]:
    """Load MathBench: 3709 questions in 17 subsets.

    Golds of cloze questions are kept to the last digit ("-35947632.9663", "13/17").

    Args:
        level: One of the nine levels, or "all".
        language: "en", "cn" or "all"; arithmetic exists in English only.
        circular: Circular evaluation as its authors do it: each choice question four times
            in a row, its options in the orders ABCD, BCDA, CDAB, DABC. Metadata
            "circular_group" is the id of the question, "rotation" 0 to 3. A cloze question
            is alone in its group.
        source: Where from (see `tale_eval.datasets.sources`): the folder `mathbench_v1`,
            its parent, or one `.jsonl` file if level and language leave one subset.

    Raises:
        UnknownNameError: No such level or language.
        InvalidValueError: No subset has that level in that language, or one file was given
            for several subsets.
        SourceError: The data is not there.
        RowError: A row has no question, not four options, or a gold that is none of them.
    """
    subsets = _chosen(level, language)
    samples: list[Sample] = []
    for subset, origin in zip(subsets, _files(source, subsets), strict=True):
        for row in read_rows(origin):
            samples += _samples(row, subset, circular)
    return samples


def _chosen(level: str, language: str) -> list[Subset]:
    check_name("level of mathbench", level, ("all", *get_args(Level)))
    check_name("language of mathbench", language, ("all", *get_args(Language)))
    of_level = [subset for subset in SUBSETS if level in ("all", subset.level)]
    chosen = [subset for subset in of_level if language in ("all", subset.language)]
    if not chosen:
        existing = ", ".join(subset.name for subset in of_level)
        raise InvalidValueError(
            f"mathbench has no level={level!r} with language={language!r}, only {existing}"
        )
    return chosen


def _files(source: Source, subsets: list[Subset]) -> list[Origin]:
    path = locate(source, FOLDER)
    if path is None:
        return _inside("hub", _hub_mirror(), subsets)
    if not path.is_file():
        return _inside("file", path / FOLDER if (path / FOLDER).exists() else path, subsets)
    if len(subsets) > 1:
        raise InvalidValueError(
            f"{path} is one file, but level and language leave {len(subsets)} subsets; "
            f"name one level and one language, or give the folder {FOLDER}"
        )
    return [Origin("file", str(path), path.name)]


def _inside(kind: OriginKind, folder: Path, subsets: list[Subset]) -> list[Origin]:
    names = [f"{subset.name}.jsonl" for subset in subsets]
    for name in names:
        if not (folder / name).exists():
            raise SourceError(
                f"there is no {folder / name}; expected the folder {FOLDER} of the authors' "
                "release, or its parent"
            )
    return [Origin(kind, str(folder / name), name) for name in names]


def _hub_mirror() -> Path:
    snapshot = hub_folder(REPO, REVISION, f"*{FOLDER}/*.jsonl")
    # the mirror is not ours: find the authors' folder wherever it lies
    for found in sorted(snapshot.rglob(f"{FOLDER}/{SUBSETS[0].level}")):
        return found.parent
    raise SourceError(f"{REPO} (revision {REVISION}) holds no {FOLDER}; pass source=PATH")


def _samples(row: Row, subset: Subset, circular: bool) -> list[Sample]:
    question, gold, options = row.text("question"), row.text("answer"), None
    if KINDS[subset.level] == "single_choice":
        options = row.texts("options", len(LETTERS))
        if gold not in tuple(LETTERS):
            raise row.error("answer", f"expected one of {', '.join(LETTERS)}, got {gold!r}")
    digest = content_hash(question, options, gold)
    sample = make_sample(
        row,
        sample_id=f"mathbench-{subset.level}-{subset.language}-{row.line:05d}-{digest}",
        question=question,
        gold=gold,
        options=options,
        benchmark="mathbench",
        subset=subset.name,
        language=subset.language,
        topic=row.text("topic"),
    )
    return _circle(sample, options, gold) if circular else [sample]


def _circle(sample: Sample, options: list[str] | None, gold: str) -> list[Sample]:
    group = {**(sample.metadata or {}), "circular_group": sample.id}
    if options is None:
        return [sample.model_copy(update={"metadata": {**group, "rotation": 0}})]
    rotations = []
    for shift in range(len(options)):
        places = [*range(shift, len(options)), *range(shift)]
        choices, target = reordered(options, gold, places)
        rotations.append(
            sample.model_copy(
                update={
                    "id": f"{sample.id}-rot{shift}",
                    "choices": choices,
                    "target": target,
                    "metadata": {**group, "rotation": shift},
                }
            )
        )
    return rotations
