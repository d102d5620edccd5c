"""Somebody else's package, really installed: what it brings is found by its entry points."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path


def install(
    folder: Path,
    name: str,
    files: Mapping[str, str],
    entry_points: Mapping[str, Mapping[str, str]],
) -> Path:
    """Install a package of these files with pip, without an index and without building.

    Args:
        folder: An empty folder, or one with packages that this function installed.
        name: Of the distribution, in version 1.0.
        files: The text of each file by its path, such as "toys/__init__.py".
        entry_points: By group, then by name, such as "toys.coin:BENCHMARK".

    Returns:
        The folder to put on PYTHONPATH.
    """
    site = folder / "site-packages"
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    described = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "entry_points.txt": "".join(map(_group, entry_points, entry_points.values())),
        "RECORD": "",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
        for path, text in described.items():
            archive.writestr(f"{name}-1.0.dist-info/{path}", text)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--no-index"]
    command = [*pip, "--no-deps", "--target", site, wheel]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return site


def path_with(site: Path) -> str:
    """The PYTHONPATH of a process that finds what `install` installed."""
    return os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])


def python(site: Path, script: str) -> str:
    """What a script prints in a process of its own, with that package installed."""
    command = [sys.executable, "-c", script]
    environment = os.environ | {"PYTHONPATH": path_with(site)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _group(name: str, points: Mapping[str, str]) -> str:
    return "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in points.items()), "", ""])
