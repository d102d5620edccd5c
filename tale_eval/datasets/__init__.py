"""What all benchmarks are made of: rows, sources, samples, and how a benchmark describes itself.

Every loader returns a list of Inspect samples with stable ids, the bare question as input and
the exact gold answer as target. The benchmarks themselves are the files of `tale_eval.tasks`.
"""
