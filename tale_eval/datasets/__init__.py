"""What all benchmarks are made of: rows, sources, samples, and how a benchmark describes itself.

Every loader returns a list of Inspect samples with stable ids, the bare question as input and
the exact gold answer as target. The benchmarks themselves are the files of `tale_eval.tasks`.
"""

from typing import Any


def __getattr__(name: str) -> Any:
    # lm_eval_ext.documents still asks here for a loader by its benchmark's name
    from tale_eval.tasks import benchmarks

    if name in benchmarks():
        return benchmarks()[name].load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
