"""Which examples of a support set look mislabelled: the others of their class leave them to another class.

Source: Northcutt, Jiang & Chuang, 2021, Confident learning: estimating uncertainty in dataset labels.
"""

from dataclasses import dataclass

import torch

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
    """Examples that, left out, are as sure of another class as that class's own examples are on average.

        ``t_j = mean of p_i(j) over the examples i of class j``,   suspect if ``p_i(j) ≥ t_j`` and ``p_i(j) > p_i(y_i)``

    for the most probable such j. The thresholds t_j are the learner's own, so that one which is always sure does not make all
    errors suspect, and one which never is misses none. An error is no proof: it may be a hard example with a right label.

    Args:
        found: what was predicted for each example left out.

    Returns:
        Suspects, the least probable label first.

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
    labels = found.y[found.tried].argmax(1)
    rows = found.tried.nonzero().flatten()
    if not len(rows):
        return []
    member = torch.nn.functional.one_hot(labels, probabilities.shape[1]).double()
    count = member.sum(0)
    usual = torch.where(count > 0, (probabilities * member).sum(0) / count.clamp(min=1), torch.inf)
    sure = torch.where((probabilities >= usual) & (member == 0), probabilities, -1.0)
    other, likelier = sure.max(1)
    own = (probabilities * member).sum(1)
    suspects = [
        Suspect(int(rows[i]), int(labels[i]), int(likelier[i]), float(own[i]), float(other[i]))
        for i in (other > own).nonzero().flatten().tolist()
    ]
    return sorted(suspects, key=lambda each: (each.own, each.row))
