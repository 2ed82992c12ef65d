"""Parts of data of one's own by names: a fifth of the patients or series for validation, another for the test."""

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["parts_by_name"]


def parts_by_name(names: Sequence[Any]) -> dict[Any, str]:
    """A part for each name: a fifth of them is "val", another "test", one at least of each; always the same for the same names.

    Args:
        names: different ones, sorted.

    >>> sorted(parts_by_name(["ann", "bob", "cy", "di", "eve"]).values())
    ['test', 'train', 'train', 'train', 'val']
    """
    order, fifth = np.random.default_rng(0).permutation(len(names)), max(1, len(names) // 5)
    return {names[place]: "test" if rank < fifth else "val" if rank < 2 * fifth else "train" for rank, place in enumerate(order)}
