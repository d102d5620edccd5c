"""The YAML files that lm_eval reads: a file a task, written from the same registries as
everything else when their folder is asked for.

What a person would read and copy stands in `tasks/harness/`; what only repeats, a benchmark
and a method, is written into the user's cache, in a folder whose name is the content's hash.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from platformdirs import user_cache_path

from tale_eval import __version__
from tale_eval.datasets.benchmark import Benchmark
from tale_eval.errors import OutputError
from tale_eval.lm_eval_ext.documents import ESTIMATE, plans
from tale_eval.solvers import methods
from tale_eval.tasks import benchmarks

TEMPLATES = Path(__file__).resolve().parent.parent / "tasks" / "harness"
"""What the written files include."""

CACHE_VARIABLE = "TALE_EVAL_CACHE"
FOLDER = "lm_eval_tasks"

OLD_NAMES = {"tale_ep": "ep"}
"""Names that a method's tasks had in version 0.1.0; they go with the version after this one."""


def task_folder(problems: list[str] | None = None) -> Path:
    """The folder of all task files, written if it is not there: lm_eval's ``--include_path``.

    A file in it that was changed or deleted is written anew.

    Args:
        problems: Gets a line for each method or benchmark of another package that cannot be
            used, or whose tasks would have the name of another's; the others have their tasks.

    Raises:
        OutputError: The cache cannot be written to.
    """
    texts = task_files([] if problems is None else problems)
    digest = sha256("".join(f"{name}\0{text}\0" for name, text in sorted(texts.items())).encode())
    folder = _cache() / FOLDER / digest.hexdigest()[:16]
    if folder.is_dir():
        _mend(folder, texts)
    else:
        _write(folder, texts)
    return folder


def task_files(problems: list[str]) -> dict[str, str]:
    """Every file's text by its name."""
    texts = {path.name: path.read_text(encoding="utf-8") for path in TEMPLATES.glob("_*.yaml")}
    for name, content in _contents(problems).items():
        texts[f"{name}.yaml"] = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return texts


def _contents(problems: list[str]) -> dict[str, dict[str, Any]]:
    """Every task and group by its name.

    Names are made by joining, so two may be the same: a method "zero_cot" asks GSM8K under the
    name by which "cot" asks GSM8K-Zero. The first keeps it, and ours come first.
    """
    found = benchmarks().usable(problems)
    asked = (None, *plans(problems), ESTIMATE)
    units = [(name, method) for name in found for method in asked]
    contents: dict[str, dict[str, Any]] = {}
    owners: dict[str, str] = {}
    for name, method in sorted(units, key=lambda unit: not _is_ours(*unit)):
        whole, owner = f"tale_{name}", f"benchmark {name}"
        if method is None:
            files = {whole: {"group": whole, "task": []}}
        else:
            owner += f" with method {method}"
            files = _asked(found[name], method)
        if taken := [file for file in files if file in owners]:
            problems.append(
                f"{owner} is left out of lm-eval: {taken[0]} is {owners[taken[0]]}; rename one"
            )
            continue
        owners |= dict.fromkeys(files, owner)
        contents |= files
        if method not in (None, ESTIMATE) and owners.get(whole) == f"benchmark {name}":
            contents[whole]["task"].append(f"{whole}_{method}")
    return contents


def _is_ours(benchmark: str, method: str | None) -> bool:
    return benchmarks().is_ours(benchmark) and (
        method in (None, ESTIMATE) or methods().is_ours(method)
    )


def _asked(benchmark: Benchmark, method: str) -> dict[str, dict[str, Any]]:
    """The tasks of one benchmark and method, under old names too, and their groups."""
    whole = f"tale_{benchmark.name}"
    stems = ["_".join([whole, *map(str, fixed.values())]) for fixed in benchmark.variants]
    found: dict[str, dict[str, Any]] = {}
    for stem, fixed in zip(stems, benchmark.variants, strict=True):
        name = f"{stem}_{method}"
        found[name] = _task(name, benchmark.name, fixed, method)
        if old := OLD_NAMES.get(method):
            found[f"{stem}_{old}"] = _under_old_name(name, f"{stem}_{old}", benchmark, fixed)
    if len(stems) > 1:
        for called in filter(None, (method, OLD_NAMES.get(method))):
            found[f"{whole}_{called}"] = _group(
                f"{whole}_{called}", [f"{stem}_{called}" for stem in stems]
            )
    return found


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
    with _naming_the_cache(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(dir=folder.parent))
        for name, text in texts.items():
            (workshop / name).write_bytes(text.encode())
        workshop.chmod(0o755)  # mkdtemp's is for this user alone; a shared cache has others
        try:
            workshop.rename(folder)
        except OSError:
            # another process was first, with the same files
            shutil.rmtree(workshop)
            if not folder.is_dir():
                raise


def _mend(folder: Path, texts: Mapping[str, str]) -> None:
    """Write those files anew, each in one step, that are not what they were."""
    damaged = {name: text for name, text in texts.items() if not _holds(folder / name, text)}
    if not damaged:
        return
    with _naming_the_cache(folder), tempfile.TemporaryDirectory(dir=folder.parent) as workshop:
        for name, text in damaged.items():
            written = Path(workshop) / name
            written.write_bytes(text.encode())
            written.replace(folder / name)


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_bytes() == text.encode()
    except OSError:
        return False


@contextmanager
def _naming_the_cache(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"cannot write lm_eval's task files to {folder} ({error.strerror}); set "
            f"{CACHE_VARIABLE} to a folder that can be written to"
        ) from error
