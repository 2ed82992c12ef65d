"""Inputs and states are trees of tensors; here is what the library does to every leaf of one."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

__all__ = ["bytes_of", "cat", "leading", "leaves", "map_leaves", "rows_of", "split", "stack", "to", "unstack"]

Tree = TypeVar("Tree")


def leaves(tree: Any) -> list[Any]:
    """The tensors of a tree, in order."""
    return [tree] if isinstance(tree, Tensor) else pytree.tree_leaves(tree)


def map_leaves(fn: Callable[..., Any], tree: Tree, *rest: Any) -> Tree:
    """``fn`` of each leaf (and of the leaves at the same place in the other trees).

    >>> map_leaves(lambda t: t * 2, {"a": torch.tensor(1.0)})
    {'a': tensor(2.)}
    """
    mapped: Tree = fn(tree, *rest) if isinstance(tree, Tensor) else pytree.tree_map(fn, tree, *rest)  # one leaf: 20 times faster
    return mapped


def leading(tree: Any) -> int:
    """The size of the first axis, which all leaves share."""
    return int(leaves(tree)[0].shape[0])


def rows_of(leaf: Tensor, numbers: Tensor) -> Tensor:
    """``leaf[numbers]`` for numbers of any shape, rows copied whole, which takes half the time.

    >>> rows_of(torch.tensor([10, 20, 30]), torch.tensor([[2, 0]]))
    tensor([[30, 10]])
    """
    return leaf.index_select(0, numbers.reshape(-1).to(leaf.device)).reshape(*numbers.shape, *leaf.shape[1:])


def stack(trees: Sequence[Tree]) -> Tree:
    """Trees of one shape, one beside the other along a new first axis."""
    return map_leaves(lambda *parts: torch.stack(parts), trees[0], *trees[1:])


def cat(trees: Sequence[Tree]) -> Tree:
    """Trees joined along their first axis."""
    return map_leaves(lambda *parts: torch.cat(parts), trees[0], *trees[1:])


def split(tree: Tree, counts: Sequence[int]) -> list[Tree]:
    """The inverse of `cat`: parts of so many rows each, in order.

    >>> [part.tolist() for part in split(torch.arange(4), [1, 3])]
    [[0], [1, 2, 3]]
    """
    ends = accumulate(counts)
    return [map_leaves(lambda leaf, a=end - n, b=end: leaf[a:b], tree) for n, end in zip(counts, ends, strict=True)]


def unstack(tree: Tree) -> list[Tree]:
    """The inverse of `stack`."""
    return [map_leaves(lambda leaf, i=i: leaf[i], tree) for i in range(leading(tree))]


def to(tree: Tree, device: torch.device) -> Tree:
    """The tree on another device; itself where it is there already."""
    return tree if all(leaf.device == device for leaf in leaves(tree)) else map_leaves(lambda leaf: leaf.to(device), tree)


def bytes_of(tree: Any) -> int:
    """How many bytes the tensors of a tree hold.

    >>> bytes_of((torch.zeros(3), torch.zeros(2, dtype=torch.uint8)))
    14
    """
    return sum(leaf.numel() * leaf.element_size() for leaf in leaves(tree) if isinstance(leaf, Tensor))
