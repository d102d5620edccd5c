"""The matrix: models x tasks x methods x settings, each an eval set of Inspect's own.

`combination` and `sweeps` say what is run, `folders` where its logs lie, `running` and `cell`
run it.
"""

from tale_eval.matrix.combination import Combination, combinations, command
from tale_eval.matrix.folders import log_folder
from tale_eval.matrix.running import run_matrix

__all__ = ["Combination", "combinations", "command", "log_folder", "run_matrix"]
