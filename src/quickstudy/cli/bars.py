"""Curves in a terminal: numbers as columns of blocks."""

import math
from collections.abc import Sequence
from itertools import pairwise

__all__ = ["bars", "on_log_scale"]

_BLOCKS = " ▁▂▃▄▅▆▇█"
_ASCII = " .:-=+*#%"


def bars(values: Sequence[float], width: int, height: int = 1, *, ascii_only: bool = False) -> list[str]:
    """Rows of text, the top one first: a column for each value, or for the mean of neighbours where there are more than fit.

    The lowest column is one eighth of a row, the highest fills all; a value that is not finite leaves a gap. Positive values
    that span more than a factor of ten are drawn by their logarithms.

    Args:
        values: in order.
        width: columns at most.
        height: rows.
        ascii_only: for terminals that know no blocks.

    >>> bars([1, 2, 3, 4, 5, 6, 7, 8], 80)
    ['▁▂▃▄▅▆▇█']
    >>> bars([1, 1, 8, 8], 2, height=2)
    [' █', '▁█']
    """
    means = [_mean(part) for part in _split(values, width)]
    if on_log_scale(means):
        means = [math.log(value) if math.isfinite(value) else value for value in means]
    finite = [value for value in means if math.isfinite(value)]
    if not finite:
        return [" " * len(means)] * height
    low, span = min(finite), max(finite) - min(finite)
    most = 8 * height
    # where nothing moves, the line lies in the middle
    full = [1 + round((most - 1) * ((value - low) / span if span else 0.5)) if math.isfinite(value) else 0 for value in means]
    blocks = _ASCII if ascii_only else _BLOCKS
    return ["".join(blocks[min(max(eighths - 8 * row, 0), 8)] for eighths in full) for row in reversed(range(height))]


def on_log_scale(values: Sequence[float]) -> bool:
    """Whether these values are drawn by their logarithms."""
    finite = [value for value in values if math.isfinite(value)]
    return len(finite) > 1 and min(finite) > 0 and max(finite) > 10 * min(finite)


def _split(values: Sequence[float], width: int) -> list[Sequence[float]]:
    """Neighbours together, in no more than ``width`` groups of nearly the same size."""
    count = max(1, min(width, len(values)))
    cuts = [round(n * len(values) / count) for n in range(count + 1)]
    return [values[low:high] for low, high in pairwise(cuts)]


def _mean(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else math.nan
