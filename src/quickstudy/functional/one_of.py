"""Targets that choose among candidates, which differ from row to row, so that columns are no classes."""

from dataclasses import dataclass

from torch import Tensor

from quickstudy.likelihood import Categorical, Likelihood

__all__ = ["OneOf"]


@dataclass(frozen=True)
class OneOf(Categorical):
    """One of M candidates: outputs are a logit for each of a row's own candidates, the score is accuracy (recall at 1 of M).

    As `Categorical`, but a column is a place in a list and no class: all of them are there in each task, whatever the support
    set has.

    >>> import torch
    >>> OneOf().restrict(torch.ones(1, 3), OneOf().present(torch.eye(3)[:1], torch.ones(1)))
    tensor([[1., 1., 1.]])
    """

    def present(self, y: Tensor, mask: Tensor) -> Tensor:
        return Likelihood.present(self, y, mask)

    def restrict(self, outputs: Tensor, present: Tensor) -> Tensor:
        return Likelihood.restrict(self, outputs, present)
