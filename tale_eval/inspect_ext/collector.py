"""How often Python looks for garbage: a run makes many objects that live until its log is written.

At Python's own thresholds the collector takes a fifth of a run's CPU time.
"""

import gc

USUAL = (10_000, 10, 10)
"""For every run: a tenth of its CPU time less, and an eighth of its memory more."""

FAST = (100_000, 50, 1_000)
"""With `--fast`, and for reports: the oldest objects are hardly looked through at all."""


def collect_less(thresholds: tuple[int, int, int] = USUAL) -> None:
    """Raise the collector's thresholds; what somebody has set higher, or switched off, stays so."""
    now = gc.get_threshold()
    if now[0] != 0:
        gc.set_threshold(*map(max, now, thresholds))
