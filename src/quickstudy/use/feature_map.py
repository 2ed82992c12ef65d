"""A map of a support set's features and of queries among them: their first two principal components."""

import torch
from torch import Tensor

from quickstudy.functional.tree import leaves
from quickstudy.learner import Predictor
from quickstudy.task import Inputs
from quickstudy.use.own_support import kept_support

__all__ = ["feature_map"]


def feature_map(predictor: Predictor, x: Inputs | None = None) -> tuple[Tensor, Tensor]:
    """Places in the plane of the support examples (S, 2), and of queries (Q, 2).

        ``z = (f − mean f_support) V₂``,    V₂ the first two right singular vectors of the support set's centred features

    Args:
        predictor: with its support set.
        x: queries as the predictor takes them; none by default.

    Raises:
        LearnerError: it does not keep its support set.

    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> from quickstudy.task import Examples
    >>> predictor = ProtoNet(torch.nn.Flatten())(Examples.of([[0.0, 0.0], [4.0, 0.0], [2.0, 1.0]], [0, 1, 1]))
    >>> support, queries = feature_map(predictor, torch.tensor([[1.0, 0.0]]))
    >>> support.shape, queries.shape
    (torch.Size([3, 2]), torch.Size([1, 2]))
    """
    support = _flat(kept_support(predictor).x)
    mean = support.mean(0)
    axes = torch.linalg.svd(support - mean, full_matrices=False).Vh[:2]
    if len(axes) < 2 or axes.shape[1] < 2:
        axes = torch.nn.functional.pad(axes, (0, 0, 0, 2 - len(axes)))
    strongest = axes.abs().argmax(1, keepdim=True)
    axes = axes * axes.gather(1, strongest).sign()  # the same features give the same map
    queries = torch.zeros(0, 2) if x is None else (_flat(predictor.encoded(x)) - mean) @ axes.mT
    return (support - mean) @ axes.mT, queries


def _flat(x: Inputs) -> Tensor:
    """All numbers of each row."""
    return torch.cat([leaf.flatten(1).float() for leaf in leaves(x)], 1)
