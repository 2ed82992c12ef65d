"""Siamese networks: one network compares two examples; a query takes the class of its best pair.

Source: Koch, Zemel & Salakhutdinov, 2015, Siamese neural networks for one-shot image recognition.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.functional.pairs import PairLoss, by_class, pair_cross_entropy
from quickstudy.learner import Facts, Learner
from quickstudy.task import Examples, Inputs, Task

__all__ = ["SiameseNet", "Twins"]


class Twins(NamedTuple):
    """What is remembered: the support set's features (S, D), its classes (S, N) and which rows are real (S,)."""

    features: Tensor
    classes: Tensor
    mask: Tensor


class SiameseNet(Learner[Twins]):
    """Compares pairs by a learned weighted L1 distance between features.

        ``p(same | x, x') = σ(Σ_j w_j |f(x)_j − f(x')_j| + b)``,    class of a query: that of ``argmax_i p(same | x, x_i)``

    Meta-training uses every pair of different examples in a task, support and query alike, whether they are of one
    class; pairs of one class weigh as much together as all the others, as the paper's sampling makes them.

    Deviations: the paper trains on pairs drawn from the whole data set, here they come from tasks; its penalty on weights
    is the optimizer's matter, its last sigmoid layer the encoder's. At the start all features weigh alike, and pairs that
    differ by ½ in the mean are undecided: where all pairs start as unlike, w shrinks to nothing before features are learned.

    Args:
        encoder: any network from inputs to features (D,).
        features: D.
        loss: of pairs; `pair_cross_entropy` is the paper's, `pair_contrastive` the usual other one (both in
            `quickstudy.functional.pairs`).

    >>> learner = SiameseNet(nn.Flatten(), features=1)
    >>> learner(Examples.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]))).names(torch.tensor([[0.9]]))
    ['1']
    """

    facts = Facts(norm="running")

    def __init__(self, encoder: nn.Module, *, features: int, loss: PairLoss = pair_cross_entropy) -> None:
        super().__init__()
        self.encoder, self.loss = encoder, loss
        self.weight = nn.Parameter(torch.full((features,), -1 / features**0.5))
        self.bias = nn.Parameter(torch.tensor(features**0.5 / 2))

    def encode(self, x: Inputs) -> Tensor:
        features: Tensor = self.encoder(x).flatten(1)
        return features

    def adapt(self, support: Examples) -> Twins:
        return Twins(support.x, support.y, support.mask)

    def predict(self, state: Twins, x: Tensor) -> Tensor:
        weight_SN = state.classes * state.mask[:, None]
        logits_QNS = by_class(self.compare(x, state.features), weight_SN)
        return self.likelihood.restrict(logits_QNS.amax(-1), weight_SN.sum(0))

    def compare(self, a: Tensor, b: Tensor) -> Tensor:
        """Logits of "one class" for all pairs of features (A, D) and (B, D), shape (A, B)."""
        return (a[:, None] - b).abs() @ self.weight + self.bias

    def objective(self, task: Task) -> Tensor:
        x = torch.cat([task.support.x, task.query.x])
        y = torch.cat([task.support.y, task.query.y])
        mask = torch.cat([task.support.mask, task.query.mask])
        same = y @ y.mT
        real = mask[:, None] * mask * (1 - torch.eye(x.shape[0], dtype=x.dtype, device=x.device))
        losses = self.loss(self.compare(x, x), same)
        return (_mean(losses, real * same) + _mean(losses, real * (1 - same))) / 2


def _mean(values: Tensor, weights: Tensor) -> Tensor:
    return (values * weights).sum() / weights.sum().clamp(min=1)
