"""Nearest neighbours: the k nearest support examples vote, without any meta-training.

Source: Cover & Hart, 1967, Nearest neighbor pattern classification.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.distances import squared_distance
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import Categorical, Labels
from quickstudy.task import Examples, Inputs

__all__ = ["NearestNeighbours", "Neighbours"]


class Neighbours(NamedTuple):
    """What is remembered: the support set itself, features (S, D), classes (S, N) and mask (S,)."""

    features: Tensor
    classes: Tensor
    mask: Tensor


class NearestNeighbours(Learner[Neighbours]):
    """Votes of the k nearest support examples; equal votes are parted by each class's nearest example.

    Args:
        k: how many vote; at most all real support examples do.
        encoder: features to work on; the flattened inputs themselves by default.
        likelihood: `Labels()` for rows of several labels: a label's probability is the share of the k that have it, and equal
            votes are parted by the nearest row with it and the nearest without.

    >>> learner = NearestNeighbours(k=1)
    >>> learner(Examples.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]))).names(torch.tensor([[0.8]]))
    ['1']
    """

    facts = Facts(gradient="none", norm="none")

    def __init__(
        self,
        k: int = 1,
        encoder: nn.Module | None = None,
        *,
        likelihood: Categorical | Labels = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        self.likelihood = likelihood
        if k < 1:
            raise LearnerError(f"k={k}: give 1 or more.")
        self.k = k
        self.encoder = nn.Flatten() if encoder is None else encoder

    def encode(self, x: Inputs) -> Tensor:
        features: Tensor = self.encoder(x).flatten(1)
        return features

    def adapt(self, support: Examples) -> Neighbours:
        return Neighbours(support.x, support.y, support.mask)

    def predict(self, state: Neighbours, x: Tensor) -> Tensor:
        if state.mask.shape[0] == 0:
            return self.likelihood.restrict(x.new_zeros(x.shape[0], state.classes.shape[1]), state.classes.sum(0))
        far = torch.where(state.mask > 0, squared_distance(x, state.features), torch.inf)
        near, rows = far.topk(min(self.k, far.shape[1]), largest=False)
        if isinstance(self.likelihood, Labels):
            return self._labelled(state, far, near, rows)
        votes = (state.classes[rows] * near.isfinite().to(far.dtype)[..., None]).sum(1)
        of_class = torch.where(state.classes.mT * state.mask > 0, far[:, None, :], torch.inf).amin(-1)
        nearest = of_class - of_class.amin(1, keepdim=True)
        share = votes / votes.sum(1, keepdim=True).clamp(min=1)
        outputs = (share + 1e-3 * (-nearest).softmax(-1) + 1e-6).log()
        present = (state.classes * state.mask[:, None]).sum(0)
        return self.likelihood.restrict(outputs, present)

    def _labelled(self, state: Neighbours, far: Tensor, near: Tensor, rows: Tensor) -> Tensor:
        """Log-odds of each label; votes that are unanimous count as if a thousandth were of the other opinion."""
        voting = near.isfinite().to(far.dtype)[..., None]
        share = (state.classes[rows] * voting).sum(1) / voting.sum(1).clamp(min=1)
        votes = (state.classes, 1 - state.classes)
        sides = [torch.where(side.mT * state.mask > 0, far[:, None, :], torch.inf).amin(-1) for side in votes]
        nearer = torch.where(sides[0] < sides[1], 1.0, -1.0).to(far.dtype)
        present = (state.classes * state.mask[:, None]).sum(0)
        return self.likelihood.restrict((0.998 * share + 0.001).logit() + 1e-3 * nearer, present)
