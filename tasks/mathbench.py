"""MathBench v1: 17 subsets from arithmetic to college, theory and application, English and Chinese
(Liu et al., arXiv 2405.12209; Apache-2.0).

inspect eval tale_eval/mathbench -T level=college -T language=en -T method=tale_ep
inspect eval tale_eval/mathbench -T level=high -T circular=true

The authors publish a zip of `mathbench_v1/<level>/<kind>_<language>.jsonl`.
"""

from pathlib import Path
from typing import Literal, NamedTuple, get_args

from inspect_ai import Task, task
from inspect_ai.dataset import Sample

from tale_eval.datasets.benchmark import Benchmark
from tale_eval.datasets.rows import DataRow, Origin, OriginKind, read_rows
from tale_eval.datasets.samples import LETTERS, content_hash, make_sample, reordered
from tale_eval.datasets.sources import Source, check_content, hub_folder, locate
from tale_eval.errors import InvalidValueError, SourceError, check_name
from tale_eval.inspect_ext.plain_errors import shown_plainly
from tale_eval.inspect_ext.scorers import circular_metrics
from tale_eval.tasks import benchmark_task

VERSION = "1-A"
FOLDER = "mathbench_v1"
# an unofficial mirror whose commit hash we do not know: its files are pinned by their content
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
# of each file of the authors' release
SHA256: dict[tuple[Level, Language], str] = {
    ("arithmetic", "en"): "e33c7074e252103dfdf74f35d25bfd78152a073b0ecc1b1da472926d5fcec01a",
    ("primary", "en"): "6a49eecaf81fdd80ba3fe8c638fcad8521393cf8e4ab642c59e7dfd11461992b",
    ("primary", "cn"): "bf5519012c5ffffd44e99db8d0ef3a7e78f0a8317e4f38f834280d881f456336",
    ("middle", "en"): "b84a24c924f1711dcc370cfc5a5081b72a822ff622a8a994392ed41047cbed62",
    ("middle", "cn"): "5c7f1e400b6bd0bba39a3c70554d9ddb6013625c304589f7112123978ebdb633",
    ("high", "en"): "da88d4214bd9315f918cb5a952260511b70c0eb379d0f061ab5f4f88423a9063",
    ("high", "cn"): "227eeb5de7872a4736bc0aeb173bb31383f5207f03366e7365767f698ffcda87",
    ("college", "en"): "02de9c31041258a8d42fde95e17c2e3b79ea0f401c83d34d71d892982c26ddef",
    ("college", "cn"): "8a3a4beb614b8789d0140a24ebb5ca7dc1be60de988f76794dff6ae6f6b88a3d",
    ("primary_knowledge", "en"): "722a212744a39fbdd550fd96b9a15b3a130e821ed995df871a83acb2571c1904",
    ("primary_knowledge", "cn"): "570224222c52cd13e3686ff770811ab3be790e62d38491a131c5ce91646188ce",
    ("middle_knowledge", "en"): "f1ec44297b490c6fea1565b3028c7a7de8b5603957c786fe3859a5c4e9d8d61f",
    ("middle_knowledge", "cn"): "735cc684033ade7b331fbc1e3defc2d01dc0baea315e389b99916b1db809b479",
    ("high_knowledge", "en"): "fe234539ec4ce1b25777d5f6be78b6dcc98e9efce57722d184699ed084dc0635",
    ("high_knowledge", "cn"): "70ad3fee2058fd69fb2c35f39b643d9fa4918887a530ba21622cc3f059a5395d",
    ("college_knowledge", "en"): "15e3c01ce68b91105c3a4bacb620d86f820e6d5ff65f6f2c2f0e94b744a4e394",
    ("college_knowledge", "cn"): "3e58f2cc279453f574f67be39bafb118648749bfa87776c3abbcba214da092ac",
}
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


def load(
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
        SourceError: The data is not there, or the hub's differs from the authors' release.
        RowError: A row has no question, not four options, or a gold that is none of them.
    """
    subsets = _chosen(level, language)
    samples: list[Sample] = []
    for subset, origin in zip(subsets, _files(source, subsets), strict=True):
        for row in read_rows(origin):
            samples += _samples(row, subset, circular)
    return samples


BENCHMARK = Benchmark(
    name="mathbench",
    title="MathBench",
    licence="apache-2.0",
    source=f"hub mirror {REPO} by sha256, file",
    rows=f"3,709 in {len(SUBSETS)} subsets",
    load=load,
    short=("level", "language"),
    variants=tuple(subset._asdict() for subset in SUBSETS),
)


@task
@shown_plainly()
def mathbench(
    level: Literal[Level, "all"] = "all",
    language: Literal[Language, "all"] = "all",
    circular: bool = False,
    method: str = "cot",
    source: str | None = None,
) -> Task:
    """MathBench, 3,709 questions over all levels and languages.

    Args:
        level: "arithmetic", "primary", "middle", "high", "college", the last four
            with "_knowledge" for their theory part, or "all".
        language: "en", "cn" or "all".
        circular: Ask each choice question four times with rotated options, as
            OpenCompass does; the question counts as right if all four are. The paper
            uses plain accuracy.
        method: How the model is asked, such as "tale_ep" or "budget:tokens=50".
        source: A file or folder in the upstream's layout, or "hub"; by default the
            folder named by TALE_EVAL_DATA, else the hub.
    """
    return benchmark_task(
        load(level, language, circular, source),
        method=method,
        version=VERSION,
        metrics=circular_metrics() if circular else None,
    )


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
        mirrored = _inside("hub", _hub_mirror(), subsets)
        for subset, origin in zip(subsets, mirrored, strict=True):
            check_content(origin, SHA256[subset], REPO)
        return mirrored
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


def _samples(row: DataRow, subset: Subset, circular: bool) -> list[Sample]:
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
