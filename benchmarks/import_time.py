"""How long Inspect waits for tale-eval's registry: python benchmarks/import_time.py

Prints the median time of `import tale_eval._registry` as a ratio to `import inspect_ai`,
over fresh interpreters that take turns.
"""

import statistics
import subprocess
import sys

RUNS = 7
MODULES = ("inspect_ai", "tale_eval._registry")


def seconds(module: str) -> float:
    """Time to import one module in a fresh interpreter."""
    script = (
        "import time; start = time.perf_counter(); "
        f"import {module}; print(time.perf_counter() - start)"
    )
    process = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return float(process.stdout)


def main() -> None:
    for module in MODULES:
        seconds(module)  # the first import compiles
    turns = [[seconds(module) for module in MODULES] for _ in range(RUNS)]
    inspect_seconds, registry_seconds = (
        statistics.median(times) for times in zip(*turns, strict=True)
    )
    print(f"import inspect_ai:          {inspect_seconds:.3f} s")
    print(f"import tale_eval._registry: {registry_seconds:.3f} s")
    print(f"ratio: {registry_seconds / inspect_seconds:.2f} (medians of {RUNS})")


if __name__ == "__main__":
    main()
