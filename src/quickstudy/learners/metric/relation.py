"""Relation Networks: the similarity is a network too, learned together with the features.

Source: Sung, Yang, Zhang, Xiang, Torr & Hospedales, 2018, Learning to compare: relation network for few-shot learning.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.functional.pairs import PairLoss, pair_squared_error
from quickstudy.learner import Facts, Learner
from quickstudy.task import Examples, Inputs, Task

__all__ = ["ClassMaps", "RelationNet"]


class ClassMaps(NamedTuple):
    """What is remembered: the sum of each class's feature maps (N, C, H, W), and how many examples it has (N,)."""

    maps: Tensor
    counts: Tensor


class RelationNet(Learner[ClassMaps]):
    """Scores the relation between a query and each class by a network on the feature maps of both.

        ``r_n(x) = σ(h(Σ_{s in class n} f(x_s), f(x)))``,    loss ``mean over queries and classes of (r_n(x) − y_n)²``

    The outputs are the scores before σ, of which the largest is the largest relation.

    Deviations: h has no batch norm (see `nn.Relation`) and f's uses running averages in evaluation; the released code takes
    batch statistics in both, so that its numbers are transductive.

    Args:
        encoder: f, from inputs to feature maps (C, H, W) or whatever else ``relation`` takes.
        relation: h without σ, from the classes' summed maps (N, …) and the queries' (Q, …) to scores (Q, N), each pair
            by itself; `nn.Relation` is the paper's.
        loss: of each score; `pair_squared_error` is the paper's, `pair_cross_entropy` learns faster where ways are many.

    >>> from quickstudy.nn.relation import Conv4Maps, Relation
    >>> learner = RelationNet(Conv4Maps(hidden=8), Relation(8))
    >>> support = Examples.of(torch.randn(5, 1, 28, 28), torch.arange(5))
    >>> learner(support)(torch.randn(2, 1, 28, 28)).shape
    torch.Size([2, 5])
    """

    facts = Facts(norm="running")

    def __init__(self, encoder: nn.Module, relation: nn.Module, *, loss: PairLoss = pair_squared_error) -> None:
        super().__init__()
        self.encoder, self.relation, self.loss = encoder, relation, loss

    def encode(self, x: Inputs) -> Tensor:
        maps: Tensor = self.encoder(x)
        return maps

    def adapt(self, support: Examples) -> ClassMaps:
        weight_SN = support.y * support.mask[:, None]
        return ClassMaps(torch.tensordot(weight_SN.mT, support.x, 1), weight_SN.sum(0))

    def predict(self, state: ClassMaps, x: Tensor) -> Tensor:
        return self.likelihood.restrict(self.relation(state.maps, x), state.counts)

    def update(self, state: ClassMaps, more: Examples) -> ClassMaps:
        """The maps of the union of what was seen and ``more``."""
        fresh = self.adapt(more)
        return ClassMaps(state.maps + fresh.maps, state.counts + fresh.counts)

    def objective(self, task: Task) -> Tensor:
        state = self.adapt(task.support)
        present = (state.counts > 0).to(task.query.y.dtype)
        losses = self.loss(self.relation(state.maps, task.query.x), task.query.y) * present
        return (losses.sum(-1) * task.query.mask).sum() / (task.query.mask.sum() * present.sum()).clamp(min=1)
