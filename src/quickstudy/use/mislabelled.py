"""Which examples of a support set look mislabelled: the others of their class leave them to another class.

Source: Northcutt, Jiang & Chuang, 2021, Confident learning: estimating uncertainty in dataset labels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from quickstudy.use.own_support import LeftOut

__all__ = ["Suspect", "mislabelled"]


@dataclass(frozen=True)
class Suspect:
    """An example that looks mislabelled.

    Args:
        row: its number in the support set.
        label: the number of its class.
        likelier: the number of the class it seems to be of.
        own: the left-out probability of its class.
        other: that of the likelier one.
    """

    row: int
    label: int
    likelier: int
    own: float
    other: float


def mislabelled(found: LeftOut) -> list[Suspect]:
    """Examples that, left out, are as sure of another class as half of that class's own examples are.

        ``s_i(j) = o_ij − log Σ_{k≠j} exp o_ik``,   ``t_j = median of s_i(j) over the examples i of class j``

    with outputs o (logits), so that s are log-odds: suspect if ``s_i(j) ≥ t_j`` and ``s_i(j) > s_i(y_i)`` for the most probable
    such j. That is confident learning with a threshold for each class, in log-odds: probabilities of a learner that is always
    sure are all 1, and each of its errors would be suspect. An error is no proof: it may be a hard example with a right label.

    Args:
        found: what was predicted for each example left out.

    Returns:
        Suspects, first those whose log-odds of the other class are farthest above those of their label.

    Raises:
        LearnerError: the targets are no classes.

    >>> from quickstudy.learners.metric.proto import ProtoNet
    >>> from quickstudy.task import Examples
    >>> from quickstudy.use.own_support import left_out
    >>> support = Examples.of([[0.0], [1.0], [8.0], [9.0], [0.5], [8.5]], [0, 0, 1, 1, 1, 1])
    >>> [(each.row, each.likelier) for each in mislabelled(left_out(ProtoNet(torch.nn.Flatten())(support)))]
    [(4, 0)]
    """
    probabilities = found.probabilities[found.tried].double()
    outputs, labels = found.outputs[found.tried].double(), found.y[found.tried].argmax(1)
    rows = found.tried.nonzero().flatten()
    if not len(rows):
        return []
    odds = torch.stack([_log_odds(outputs, column) for column in range(outputs.shape[1])], 1)
    usual = torch.full((outputs.shape[1],), torch.inf, dtype=torch.double)
    for label in sorted(set(labels.tolist())):
        usual[label] = odds[labels == label, label].quantile(0.5)
    member = torch.nn.functional.one_hot(labels, outputs.shape[1]).bool()
    surest, likelier = torch.where((odds >= usual) & ~member, odds, -torch.inf).max(1)
    suspect = surest > odds[member]
    own, other = probabilities[member], probabilities.gather(1, likelier[:, None])[:, 0]
    order = (odds[member] - surest).argsort(stable=True)
    return [
        Suspect(int(rows[i]), int(labels[i]), int(likelier[i]), float(own[i]), float(other[i]))
        for i in order.tolist()
        if bool(suspect[i])
    ]


def _log_odds(outputs: Tensor, column: int) -> Tensor:
    """Of one class against all others, (S,)."""
    others = [other for other in range(outputs.shape[1]) if other != column]
    return outputs[:, column] - outputs[:, others].logsumexp(1)
