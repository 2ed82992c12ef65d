"""Prototypical Networks: a class is the mean of its examples' features, a query belongs to the nearest.

Source: Snell, Swersky & Zemel, 2017, Prototypical networks for few-shot learning.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.against_rest import against_rest, with_rest
from quickstudy.functional.distances import class_means, squared_distance
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import Categorical, Labels
from quickstudy.task import Examples

__all__ = ["ProtoNet", "Prototypes"]


class Prototypes(NamedTuple):
    """What is remembered of a support set: class means (N, D) and how many examples each has (N,); of labels also the rests'."""

    means: Tensor
    counts: Tensor


class ProtoNet(Learner[Prototypes]):
    """Classifies by the distance to class means in a learned feature space.

        ``c_n = mean of f(x) over class n``,    ``p(n | x) ∝ exp(−s · d(f(x), c_n))``,    ``d = ‖·‖²``

    With ``likelihood=Labels()`` a row may have several labels, and each is compared with the rest:
    ``logit_n = s · (d(f(x), c_rest(n)) − d(f(x), c_n))``, where c_rest(n) is the mean of the rows without label n.

    Args:
        encoder: any network from inputs to features (D,).
        distance: of features (Q, D) and means (N, D), a tensor (Q, N); `squared_distance` is the paper's,
            `cosine_distance` the usual other one (both in `quickstudy.functional.distances`).
        scale: of the distances, 1 in the paper; about 10 with cosine, which is useless without a scale.
        learn_scale: meta-train the scale.
        likelihood: `Labels()` for rows of several labels.

    Raises:
        LearnerError: a scale that is not positive.

    >>> learner = ProtoNet(nn.Flatten())
    >>> state = learner.adapt(Examples.of(torch.tensor([[0.0], [2.0]]), torch.tensor([0, 1])))
    >>> learner.predict(state, torch.tensor([[0.5]])).softmax(-1)
    tensor([[0.8808, 0.1192]])
    """

    facts = Facts(norm="running")

    def __init__(
        self,
        encoder: nn.Module,
        *,
        distance: Callable[[Tensor, Tensor], Tensor] = squared_distance,
        scale: float = 1.0,
        learn_scale: bool = False,
        likelihood: Categorical | Labels = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        if not scale > 0:
            raise LearnerError(f"scale={scale} must be positive: distances become logits by -scale.")
        self.encoder = encoder
        self.distance, self.likelihood = distance, likelihood
        self.log_scale = nn.Parameter(torch.tensor(float(scale)).log(), requires_grad=learn_scale)

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x).flatten(1)  # type: ignore[no-any-return]

    def adapt(self, support: Examples) -> Prototypes:
        y = with_rest(support.y) if isinstance(self.likelihood, Labels) else support.y
        return Prototypes(class_means(support.x, y, support.mask), (y * support.mask[:, None]).sum(0))

    def predict(self, state: Prototypes, x: Tensor) -> Tensor:
        logits = -self.log_scale.exp() * self.distance(x, state.means)
        if isinstance(self.likelihood, Labels):
            return self.likelihood.restrict(against_rest(logits, state.counts), state.counts.chunk(2)[0])
        return self.likelihood.restrict(logits, state.counts)

    def update(self, state: Prototypes, more: Examples) -> Prototypes:
        """The prototypes of the union of what was seen and ``more``."""
        fresh = self.adapt(more)
        counts = state.counts + fresh.counts
        total = state.means * state.counts[:, None] + fresh.means * fresh.counts[:, None]
        return Prototypes(total / counts.clamp(min=1)[:, None], counts)
