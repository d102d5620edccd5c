"""What several test files share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real benchmark data that TALE_EVAL_DATA names."""
    folder = os.environ.get("TALE_EVAL_DATA")
    if not folder:
        pytest.skip("set TALE_EVAL_DATA to a folder with the real benchmarks")
    return Path(folder)
