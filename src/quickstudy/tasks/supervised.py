"""Supervised pre-training as a task: an empty support set, queries of all classes, columns that never change."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.row_hashes import content_of
from quickstudy.functional.tree import leaves, map_leaves
from quickstudy.inputs.kind import InputKind
from quickstudy.likelihood import Categorical
from quickstudy.task import Examples, Inputs, Task
from quickstudy.tasks.row_source import RowSource
from quickstudy.tasks.source import Plan

__all__ = ["Supervised", "SupervisedPlan"]


@dataclass(frozen=True)
class SupervisedPlan(Plan):
    """Row numbers of the query examples, (B, Q)."""

    rows: Tensor


class Supervised(RowSource[SupervisedPlan]):
    """One ordinary mini-batch of all classes as the query set of a task whose support set is empty.

    So the one outer loop also pre-trains backbones and the traditional baselines.

    Args:
        index: the classes; class number = target column, for ever.
        examples: rows in a mini-batch.

    >>> from quickstudy.datasets.arrays import from_arrays
    >>> task = Supervised(from_arrays(torch.randn(60, 4), torch.arange(60) % 6), examples=8).sample(1)
    >>> task.support.x.shape, task.query.y.shape
    (torch.Size([1, 0, 4]), torch.Size([1, 8, 6]))
    """

    likelihood = Categorical()

    def __init__(self, index: ClassIndex, examples: int = 64) -> None:
        self.index, self.examples = index, examples
        self.name = f"{index.name} supervised"

    @property
    def reads(self) -> InputKind | None:
        return self.index.reads

    def plan(self, batch: int, generator: torch.Generator | None = None) -> SupervisedPlan:
        return SupervisedPlan(torch.randint(len(self.index), (batch, self.examples), generator=generator))

    @property
    def data(self) -> ClassIndex:
        return self.index

    def named_columns(self, plan: SupervisedPlan) -> tuple[Tensor, Sequence[str]]:
        return torch.arange(len(self.index.classes)).expand(len(plan), -1), self.index.classes

    def planned_rows(self, plan: SupervisedPlan) -> Tensor:
        return plan.rows

    def arrange(self, plan: SupervisedPlan, gather: Callable[[Tensor], Inputs]) -> Task:
        x = gather(plan.rows)
        first = leaves(x)[0].dtype
        kind = first if first.is_floating_point else torch.get_default_dtype()
        y = torch.nn.functional.one_hot(self.index.labels[plan.rows], len(self.index.classes)).to(kind)
        query = Examples(x, y, y.new_ones(y.shape[:2]))
        return Task(map_leaves(lambda leaf: leaf[:, :0], query), query)

    def digest(self, plan: SupervisedPlan) -> str:
        """Of the plan, the classes' names and the content of every row in it."""
        parts = [super().digest(plan), content_of(self.index, plan.rows), *self.index.classes]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
