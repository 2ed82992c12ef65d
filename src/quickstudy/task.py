"""Examples, and tasks made of a support set and a query set.

Letters for shapes, used here and as suffixes of names (``z_SD``) wherever a shape is not obvious:

    B tasks in a batch      S support examples      Q query examples      N ways (classes)
    D features              P outputs               M memory slots        H heads

A learner sees ONE task and no letter B. Tasks in a batch carry B as the first axis of every tensor.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from quickstudy.borders.targets import Kind, read_targets
from quickstudy.errors import DataError, ShapeError
from quickstudy.functional.tree import leaves, map_leaves, stack

__all__ = ["Examples", "Inputs", "Task", "inputs", "pad", "stack_tasks", "unstack_tasks"]

Inputs = Any
"""A tensor, or a tree of tensors (tokens and mask, image and text); the leading axis counts examples."""


def inputs(x: Any) -> Inputs:
    """Inputs as tensors: arrays, pandas tables, numbers in lists, or lists of tensors of one shape; dictionaries and tuples
    are trees.

    Tensors stay as they are; NumPy's usual double precision becomes torch's usual single.

    Raises:
        DataError: what is no table of numbers.

    >>> inputs({"tokens": [[1, 2], [3, 4]], "mask": [torch.ones(2), torch.zeros(2)]})["mask"].shape
    torch.Size([2, 2])
    """
    return pytree.tree_map(_tensor, x, is_leaf=lambda node: isinstance(node, list))


def _tensor(leaf: Any) -> Tensor:
    if isinstance(leaf, Tensor):
        return leaf
    try:
        if isinstance(leaf, list) and any(isinstance(item, Tensor) for item in leaf):
            return torch.stack([_tensor(item) for item in leaf])
        array = np.require(leaf, requirements=["C", "W"])
        found = torch.as_tensor(array.astype(array.dtype.newbyteorder("="), copy=False))
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            f"a {type(leaf).__name__} is no input: {error}. Give tensors, or arrays or lists of numbers of one shape."
        ) from error
    return found.to(torch.get_default_dtype()) if found.dtype == torch.float64 else found


@dataclass(frozen=True)
class Examples:
    """Inputs with their targets, ``x`` beside ``y``, and which rows are real.

    Args:
        x: inputs, a tensor or a tree of tensors, leading axis S (or Q).
        y: targets, shape (S, N) one-hot rows for classes, (S, P) values for regression. The number of ways is a shape.
        mask: shape (S,), 1 for a real row and 0 for padding.

    >>> support = Examples.of(torch.randn(4, 1, 28, 28), torch.tensor([0, 1, 0, 1]))
    >>> len(support), support.y.shape, support[:2].y.tolist()
    (4, torch.Size([4, 2]), [[1.0, 0.0], [0.0, 1.0]])
    """

    x: Inputs
    y: Tensor
    mask: Tensor

    @classmethod
    def of(cls, x: Inputs, y: Any, ways: int | None = None, *, kind: Kind | None = None) -> "Examples":
        """Examples from inputs and targets: class numbers, values, or labels of which a row may have several.

        No graph is kept: examples are data. (To differentiate with respect to examples, make ``Examples(x, y, mask)``.)

        Args:
            x: inputs.
            y: a target for each input: whole numbers 0 … N−1 or one-hot rows for classes, numbers (S,) or (S, P) for values,
                rows of 0 and 1 for labels.
            ways: the number of classes, where ``y`` does not show all of them.
            kind: "classes", "values" or "labels"; needed only where ``y`` could be read in two ways, see
                `borders.targets.read_targets`.

        Raises:
            DataError: numbers are missing (NaN) or infinite, a class lies outside of ``range(ways)``, or two readings of ``y``.
            ShapeError: inputs and targets differ in number.

        >>> Examples.of(torch.zeros(3, 2), [5.0, 1.0, 3.0], kind="values").y.shape
        torch.Size([3, 1])
        """
        x = map_leaves(lambda leaf: leaf.detach(), inputs(x))
        rows = leaves(x)
        kind, y = read_targets(y, kind, ways=ways)
        if not rows:
            raise ShapeError(f"no inputs came with {len(y)} targets. Give one input for each target.")
        for leaf in rows:
            if leaf.shape[:1] != y.shape[:1]:
                raise ShapeError(
                    f"{len(leaf) if leaf.ndim else 0} inputs came with {len(y)} targets. Give one target for each input."
                )
            if leaf.is_complex() or (leaf.is_floating_point() and not torch.isfinite(leaf).all()):
                raise DataError("the inputs hold NaN, infinite or complex values. Clean or impute them first.")
        y = y.to(rows[0].device)
        if kind == "classes":
            y = y.to(rows[0].dtype if rows[0].is_floating_point() else torch.get_default_dtype())
        return cls(x, y, y.new_ones(len(y)))

    def __len__(self) -> int:
        return int(self.mask.shape[0])

    def __getitem__(self, rows: Any) -> "Examples":
        return map_leaves(lambda leaf: leaf[rows], self)

    @property
    def labels(self) -> Tensor:
        """Class numbers of the rows, shape (S,)."""
        return self.y.argmax(-1)

    def trim(self) -> "Examples":
        """The real rows alone (not usable under vmap, where shapes are fixed)."""
        return self if bool(self.mask.all()) else self[self.mask.bool()]

    def replace(self, x: Inputs) -> "Examples":
        """The same rows with other inputs, their features for example."""
        return Examples(x, self.y, self.mask)


@dataclass(frozen=True)
class Task:
    """A support set to learn from and a query set to be evaluated on; with a leading axis B on all tensors, a batch."""

    support: Examples
    query: Examples

    def __len__(self) -> int:
        """The length of the leading axis of a batch of tasks."""
        return len(self.support)

    def __getitem__(self, tasks: Any) -> "Task":
        return map_leaves(lambda leaf: leaf[tasks], self)


for _record in (Examples, Task):
    torch.export.register_dataclass(_record, serialized_type_name=f"quickstudy.{_record.__name__}")


def pad(examples: Examples, rows: int, columns: int | None = None) -> Examples:
    """``examples`` grown to ``rows`` rows of mask 0 (and ``columns`` target columns, absent classes).

    >>> pad(Examples.of(torch.ones(2, 3), torch.tensor([0, 1])), 4).mask
    tensor([1., 1., 0., 0.])
    """
    grow = rows - len(examples)
    if grow < 0:
        raise ShapeError(f"{len(examples)} examples do not fit into {rows} rows. Pad to more rows.")

    def longer(leaf: Tensor) -> Tensor:
        return torch.cat([leaf, leaf.new_zeros(grow, *leaf.shape[1:])])

    padded = map_leaves(longer, examples)
    wide = (columns or examples.y.shape[1]) - examples.y.shape[1]
    return Examples(padded.x, torch.nn.functional.pad(padded.y, (0, wide)), padded.mask)


def stack_tasks(tasks: list[Task]) -> Task:
    """One batch of tasks that may differ in ways and shots: all are padded to the largest."""
    support = max(len(task.support) for task in tasks)
    query = max(len(task.query) for task in tasks)
    ways = max(task.support.y.shape[1] for task in tasks)
    return stack([Task(pad(task.support, support, ways), pad(task.query, query, ways)) for task in tasks])


def unstack_tasks(batch: Task) -> list[Task]:
    """The tasks of a batch, one by one, padding left in place."""
    return [batch[i] for i in range(len(batch))]
