"""Rows in memory, a tensor or a tree of tensors, and rows read on demand: one way of counting, taking and checking them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.errors import DataError
from quickstudy.functional.tree import leading, leaves, map_leaves, rows_of
from quickstudy.task import Inputs

__all__ = ["Part", "count_of", "finite_rows", "held", "on_demand", "part_of", "placed", "taken"]


def on_demand(x: Any) -> bool:
    """Whether rows are read by a ``gather`` of their own."""
    return not isinstance(x, Tensor) and hasattr(x, "gather")


def held(x: Any, name: str) -> Any:
    """Rows as they are kept: without a graph.

    Raises:
        DataError: neither tensors nor rows read on demand, or tensors of different numbers of rows.

    >>> held({"tokens": torch.zeros(3, 7).long(), "mask": torch.ones(3, 7)}, "texts")["tokens"].dtype
    torch.int64
    """
    if on_demand(x):
        return x
    found = leaves(x)
    if not found or not all(isinstance(leaf, Tensor) and leaf.ndim for leaf in found):
        odd = next((leaf for leaf in found if not isinstance(leaf, Tensor)), x)
        what = f"{name}: rows must be a tensor, or a tree of tensors, not {type(odd).__name__}"
        raise DataError(f"{what}. Call datasets.from_arrays(x, y).")
    if len({len(leaf) for leaf in found}) > 1:
        raise DataError(f"{name}: tensors of {[len(leaf) for leaf in found]} rows belong together. Give as many rows of each.")
    return map_leaves(lambda leaf: leaf.detach() if leaf.requires_grad else leaf, x)


def count_of(x: Any) -> int:
    """How many rows there are."""
    return len(x) if on_demand(x) else leading(x)


def taken(x: Any, rows: Tensor) -> Inputs:
    """Rows by number (1-D), as they are kept.

    >>> taken({"a": torch.arange(4), "b": torch.eye(4)}, torch.tensor([2, 0]))["a"]
    tensor([2, 0])
    """
    return x.gather(rows) if on_demand(x) else map_leaves(lambda leaf: rows_of(leaf, rows), x)


def placed(found: Inputs, rows: Tensor) -> Inputs:
    """Rows taken by ``rows.flatten()`` in the shape of ``rows``, without a graph."""

    def one(leaf: Tensor) -> Tensor:
        leaf = leaf.detach() if leaf.requires_grad else leaf
        return leaf.reshape(*rows.shape, *leaf.shape[1:])

    return map_leaves(one, found)


def part_of(x: Any, rows: Tensor) -> Any:
    """Some rows by number (1-D): in memory where all are, else read on demand as before."""
    return Part(x, rows) if on_demand(x) else map_leaves(lambda leaf: leaf[rows], x)


def finite_rows(x: Inputs) -> Tensor:
    """Which rows hold no NaN and no infinite value, (R,)."""
    sound = [
        torch.isfinite(leaf).reshape(len(leaf), -1).all(1)
        if leaf.is_floating_point()
        else torch.ones(len(leaf), dtype=torch.bool, device=leaf.device)
        for leaf in leaves(x)
    ]
    return torch.stack(sound).all(0) if len(sound) > 1 else sound[0]


@dataclass(frozen=True)
class Part:
    """Some rows of others that are read on demand."""

    rows: Any
    chosen: Tensor

    def __len__(self) -> int:
        return len(self.chosen)

    @cached_property
    def hashes(self) -> NDArray[np.uint64] | None:
        stored = getattr(self.rows, "hashes", None)
        return None if stored is None else np.asarray(stored[self.chosen.numpy()])

    def gather(self, rows: Tensor) -> Inputs:
        """Rows by number (1-D)."""
        return self.rows.gather(self.chosen[rows])
