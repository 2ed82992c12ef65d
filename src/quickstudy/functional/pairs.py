"""Pairs of examples, of one class or not: the pairs of each class, and losses; logits are high where two are alike."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import softplus

__all__ = ["PairLoss", "by_class", "pair_contrastive", "pair_cross_entropy", "pair_squared_error"]

PairLoss = Callable[[Tensor, Tensor], Tensor]
"""From logits and whether each pair is of one class (1 or 0), both of one shape, the loss of each pair."""

_NEVER = -1e9
"""The logit of a pair that must have no weight: finite, so that gradients stay finite."""


def by_class(logits: Tensor, weights: Tensor) -> Tensor:
    """Logits of pairs (Q, S) for each class (Q, N, S): those with its own real examples, and else one that never wins.

    Args:
        logits: of each query with each support example.
        weights: of each support example in each class (S, N), 0 where it is of another or padding.

    >>> by_class(torch.tensor([[1.0, 2.0]]), torch.eye(2)).amax(-1)
    tensor([[1., 2.]])
    """
    return torch.where(weights.mT > 0, logits[:, None, :], _NEVER)


def pair_cross_entropy(logits: Tensor, same: Tensor) -> Tensor:
    """``−log p`` of what is true of the pair, with ``p(same) = σ(logit)``.

    >>> pair_cross_entropy(torch.tensor([0.0, 100.0]), torch.tensor([1.0, 1.0]))
    tensor([0.6931, 0.0000])
    """
    return softplus(logits) - same * logits


def pair_squared_error(logits: Tensor, same: Tensor) -> Tensor:
    """``(σ(logit) − same)²`` (Sung et al., 2018, Learning to compare).

    >>> pair_squared_error(torch.tensor([0.0]), torch.tensor([1.0]))
    tensor([0.2500])
    """
    return (logits.sigmoid() - same) ** 2


def pair_contrastive(logits: Tensor, same: Tensor, margin: float = 1.0) -> Tensor:
    """Pulls pairs of one class together and pushes others a margin apart, in the distance ``d = −log σ(logit) ≥ 0``.

        ``½ d²`` for one class,    ``½ max(0, margin − d)²`` for two

    Source: Hadsell, Chopra & LeCun, 2006, Dimensionality reduction by learning an invariant mapping; their distance is
    Euclidean, this one is made of whatever the logit is made of, and has a slope everywhere.

    >>> pair_contrastive(torch.tensor([0.0, 0.0, -2.0]), torch.tensor([1.0, 0.0, 0.0]))
    tensor([0.2402, 0.0471, 0.0000])
    """
    distance = softplus(-logits)
    return (same * distance**2 + (1 - same) * (margin - distance).relu() ** 2) / 2
