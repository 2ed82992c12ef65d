"""Controls: a learner without what it should learn from. A gain that a control has too is no adaptation."""

from dataclasses import replace
from typing import Any

import torch

from quickstudy.learner import Learner
from quickstudy.task import Examples
from quickstudy.wrapper import LearnerWrapper

__all__ = ["NoSupport", "ShuffledSupport"]


class ShuffledSupport(LearnerWrapper):
    """The learner on support sets whose targets are shuffled among their real rows.

    Evaluate it with ``strategy="loop"``: it draws random numbers.

    Args:
        learner: the one inside.

    >>> from quickstudy.learners.baselines.nearest_centroid import NearestCentroid
    >>> support = Examples.of(torch.eye(4), torch.tensor([0, 0, 0, 1]))
    >>> state = ShuffledSupport(NearestCentroid()).adapt(support)
    """

    def __init__(self, learner: Learner[Any]) -> None:
        super().__init__(learner)
        self.facts = replace(learner.facts, stochastic=True)

    def adapt(self, support: Examples) -> Any:
        real = support.mask.bool()
        order = real.nonzero()[:, 0]
        y = support.y.clone()
        y[order] = support.y[order[torch.randperm(len(order))]]
        return super().adapt(Examples(support.x, y, support.mask))


class NoSupport(LearnerWrapper):
    """The learner before adaptation: each support set has padding alone.

    Args:
        learner: that answers without any support example.
    """

    def adapt(self, support: Examples) -> Any:
        return super().adapt(Examples(support.x, torch.zeros_like(support.y), torch.zeros_like(support.mask)))
