"""What our lm-eval tasks cost beside lm_eval's own: wall time with a model that answers at once.

python benchmarks/harness_overhead.py            # needs TALE_EVAL_DATA with gsm8k/test.jsonl

The stock task is lm_eval's gsm8k_cot on the same 1,319 questions (its 8 worked examples
in the prompt included), read from the same file. TALE-EP asks twice and is compared with
twice the stock task. All runs are in one process, in turns.
"""

import contextlib
import io
import logging
import os
import time
from pathlib import Path
from statistics import median
from typing import Any

REPEATS = 3


def main() -> None:
    folder = os.environ.get("TALE_EVAL_DATA")
    if not folder:
        print("left out: set TALE_EVAL_DATA to a folder with gsm8k/test.jsonl")
        return
    import lm_eval
    import lm_eval.tasks
    from lm_eval.tasks._yaml_loader import load_yaml

    from tale_eval.lm_eval_ext import register

    register()
    logging.disable(logging.WARNING)
    stock_file = Path(lm_eval.tasks.__file__).parent / "gsm8k" / "gsm8k-cot.yaml"
    stock = load_yaml(stock_file) | {
        "dataset_path": "json",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": {"test": str(Path(folder) / "gsm8k" / "test.jsonl")}},
    }
    stock.pop("tag", None)
    runs: dict[str, Any] = {
        "gsm8k_cot (lm_eval's own)": stock,
        "tale_gsm8k_cot": "tale_gsm8k_cot",
        "tale_gsm8k_tale_ep": "tale_gsm8k_tale_ep",
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(REPEATS):
        for name, task in runs.items():
            start = time.perf_counter()
            with contextlib.redirect_stderr(io.StringIO()):
                lm_eval.simple_evaluate(model="dummy", tasks=[task], bootstrap_iters=0)
            seconds[name].append(time.perf_counter() - start)
    base = median(seconds["gsm8k_cot (lm_eval's own)"])
    print(f"{'task':28} {'seconds':>8} {'ratio':>6}  all runs")
    for name, times in seconds.items():
        allowed = 2 * base if name.endswith("_ep") else base
        shown = ", ".join(f"{t:.1f}" for t in times)
        print(f"{name:28} {median(times):8.2f} {median(times) / allowed:6.2f}  {shown}")
    print("ratio: to gsm8k_cot; of tale_gsm8k_tale_ep to twice gsm8k_cot")


if __name__ == "__main__":
    main()
