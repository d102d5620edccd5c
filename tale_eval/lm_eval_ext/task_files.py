"""The YAML files that lm_eval reads: a file a task, written from the same registries as
everything else when their folder is asked for.

What a person would read and copy stands in `tasks/harness/`; what only repeats, a benchmark
and a method, is written into the user's cache, in a folder whose name is the content's hash.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from platformdirs import user_cache_path

from tale_eval import __version__
from tale_eval.datasets.benchmark import Benchmark
from tale_eval.errors import OutputError
from tale_eval.lm_eval_ext.documents import ESTIMATE, plans
from tale_eval.tasks import benchmarks

TEMPLATES = Path(__file__).resolve().parent.parent / "tasks" / "harness"
"""What the written files include."""

CACHE_VARIABLE = "TALE_EVAL_CACHE"
FOLDER = "lm_eval_tasks"

OLD_NAMES = {"tale_ep": "ep"}
"""Names that a method's tasks had in version 0.1.0; they go with the version after this one."""


def task_folder(problems: list[str] | None = None) -> Path:
    """The folder of all task files, written if it is not there: lm_eval's ``--include_path``.

    Args:
        problems: Gets a line for each method or benchmark of another package that cannot be
            used; the others have their tasks.

    Raises:
        OutputError: The cache cannot be written to.
    """
    texts = task_files([] if problems is None else problems)
    digest = sha256("".join(f"{name}\0{text}\0" for name, text in sorted(texts.items())).encode())
    folder = _cache() / FOLDER / digest.hexdigest()[:16]
    if not folder.is_dir():
        _write(folder, texts)
    return folder


def task_files(problems: list[str]) -> dict[str, str]:
    """Every file's text by its name."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in TEMPLATES.glob("_*.yaml")}
    methods = [*plans(problems)]
    for benchmark in benchmarks().usable(problems).values():
        for content in _contents(benchmark, methods):
            name = content.get("task") if "dataset_kwargs" in content else content["group"]
            texts[f"{name}.yaml"] = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return texts


def _contents(benchmark: Benchmark, methods: list[str]) -> Iterator[dict[str, Any]]:
    """The files of one benchmark: its tasks, under old names too, and their groups."""
    whole = f"tale_{benchmark.name}"
    grouped: list[str] = []
    for method in [*methods, ESTIMATE]:
        names = []
        for fixed in benchmark.variants:
            stem = "_".join([whole, *map(str, fixed.values())])
            names.append(f"{stem}_{method}")
            yield _task(f"{stem}_{method}", benchmark.name, fixed, method)
            if method in OLD_NAMES:
                yield _under_old_name(names[-1], f"{stem}_{OLD_NAMES[method]}", benchmark, fixed)
        if len(benchmark.variants) > 1:
            yield _group(f"{whole}_{method}", names)
            if method in OLD_NAMES:
                old = f"{whole}_{OLD_NAMES[method]}"
                yield _group(old, [n.removesuffix(method) + OLD_NAMES[method] for n in names])
        if method != ESTIMATE:
            grouped.append(f"{whole}_{method}")
    yield {"group": whole, "task": grouped}


def _task(name: str, benchmark: str, fixed: Mapping[str, str], method: str) -> dict[str, Any]:
    tale = {"benchmark": benchmark, **fixed, "method": method, "version": __version__}
    template = "_estimate.yaml" if method == ESTIMATE else "_answer.yaml"
    return {"include": template, "task": name, "dataset_kwargs": {"tale": tale}}


def _under_old_name(
    name: str, old: str, benchmark: Benchmark, fixed: Mapping[str, str]
) -> dict[str, Any]:
    """A task under the name that it had; not among those that `tale` stands for."""
    (method,) = OLD_NAMES
    content = _task(old, benchmark.name, fixed, method)
    content["dataset_kwargs"]["tale"]["renamed"] = name
    return {**content, "tag": "tale_old_names"}


def _group(name: str, tasks: list[str]) -> dict[str, Any]:
    """A group with two means: of all questions, and of the subsets, each counting alike."""
    shown = ["correct", "output_tokens"] if not name.endswith(ESTIMATE) else ["estimator_tokens"]
    unweighted = {
        "group": "unweighted",
        "group_alias": "unweighted",
        "task": tasks,
        "aggregate_metric_list": [{"metric": m, "weight_by_size": False} for m in shown],
    }
    return {
        "group": name,
        "task": [unweighted],
        "aggregate_metric_list": [{"metric": m, "weight_by_size": True} for m in shown],
    }


def _cache() -> Path:
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser().resolve() if named else user_cache_path("tale-eval")


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    """Write the files beside the folder, and move the finished whole into its place."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(dir=folder.parent))
        for name, text in texts.items():
            (workshop / name).write_text(text, encoding="utf-8")
        workshop.chmod(0o755)  # mkdtemp's is for this user alone; a shared cache has others
        try:
            workshop.rename(folder)
        except OSError:
            # another process was first, with the same files
            shutil.rmtree(workshop)
            if not folder.is_dir():
                raise
    except OSError as error:
        raise OutputError(
            f"cannot write lm_eval's task files to {folder} ({error.strerror}); set "
            f"{CACHE_VARIABLE} to a folder that can be written to"
        ) from error
