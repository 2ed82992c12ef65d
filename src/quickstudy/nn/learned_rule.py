"""A descent rule that is a network: from one weight's gradients after another to its steps."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from quickstudy.functional.unroll import Weights
from quickstudy.storage.blueprint import Recorded

__all__ = ["LearnedRule", "Memory"]

Memory = tuple[tuple[Tensor, Tensor], ...]
"""Pairs of tensors with a row for each coordinate; (h, c) for each layer of a recurrent rule."""


class LearnedRule(Recorded, nn.Module, ABC):
    """A `functional.Rule` with weights of its own. Each coordinate has its row in every tensor of the memory, and no more."""

    @abstractmethod
    def init(self, weights: Weights) -> Memory:
        """The empty memory of all coordinates, in the order of the names."""

    @abstractmethod
    def forward(self, grads: Weights, memory: Memory) -> tuple[Weights, Memory]:
        """What to subtract from each weight, and what is remembered."""
