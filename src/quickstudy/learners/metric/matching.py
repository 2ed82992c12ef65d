"""Matching Networks: a query attends over the support set, and its classes vote by their share of the attention.

Source: Vinyals, Blundell, Lillicrap, Kavukcuoglu & Wierstra, 2016, Matching networks for one shot learning.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.distances import cosine_distance
from quickstudy.functional.pairs import by_class
from quickstudy.learner import Facts, Learner
from quickstudy.task import Examples, Inputs

__all__ = ["Keys", "MatchingNet"]


class Keys(NamedTuple):
    """What is remembered: the support set's features (S, D), its classes (S, N) and which rows are real (S,)."""

    features: Tensor
    classes: Tensor
    mask: Tensor


class MatchingNet(Learner[Keys]):
    """A soft nearest neighbour in a learned feature space.

        ``p(n | x) = Σ_{i in class n} a_i``,    ``a = softmax_i(−s · d(f(x), g(x_i)))``,    ``d = 1 − cosine``

    The outputs are ``log Σ_{i in class n} exp(−s d_i)``, whose softmax these probabilities are, without a clip at zero.

    Deviations: the cosine has a scale (the paper has none, and without one no attention can be sure: 5 ways give at most
    p = 0.65); with `squared_distance` and one shot it is a prototypical network. The paper's full-context embeddings are
    modules to be passed, `nn.SupportContext` and `nn.QueryContext`; the first reads the support set in its order.

    Args:
        encoder: f and g before any context, any network from inputs to features (D,).
        support_context: features (S, D) and mask (S,) -> features that depend on the whole support set (S, D).
        query_context: features (Q, D), support features (S, D) and mask (S,) -> query features that depend on it (Q, D).
        distance: of features (Q, D) and (S, D), a tensor (Q, S).
        scale: s, of the distances.
        learn_scale: meta-train the scale.

    Raises:
        LearnerError: a scale that is not positive.

    >>> learner = MatchingNet(nn.Flatten())
    >>> support = Examples.of(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 2.0]]), torch.tensor([0, 1, 1]))
    >>> learner(support).probabilities(torch.tensor([[1.0, 1.0]]))
    tensor([[0.3333, 0.6667]])
    """

    facts = Facts(norm="running")

    def __init__(
        self,
        encoder: nn.Module,
        support_context: nn.Module | None = None,
        query_context: nn.Module | None = None,
        *,
        distance: Callable[[Tensor, Tensor], Tensor] = cosine_distance,
        scale: float = 10.0,
        learn_scale: bool = False,
    ) -> None:
        super().__init__()
        if not scale > 0:
            raise LearnerError(f"scale={scale} must be positive: distances become logits by -scale.")
        self.encoder, self.support_context, self.query_context = encoder, support_context, query_context
        self.distance = distance
        self.log_scale = nn.Parameter(torch.tensor(float(scale)).log(), requires_grad=learn_scale)
        self.facts = replace(self.facts, ordered=support_context is not None)

    def encode(self, x: Inputs) -> Tensor:
        features: Tensor = self.encoder(x).flatten(1)
        return features

    def adapt(self, support: Examples) -> Keys:
        features = support.x if self.support_context is None else self.support_context(support.x, support.mask)
        return Keys(features, support.y, support.mask)

    def predict(self, state: Keys, x: Tensor) -> Tensor:
        if self.query_context is not None:
            x = self.query_context(x, state.features, state.mask)
        logits_QS = -self.log_scale.exp() * self.distance(x, state.features)
        weight_SN = state.classes * state.mask[:, None]
        logits_QNS = by_class(logits_QS, weight_SN)
        return self.likelihood.restrict(logits_QNS.logsumexp(-1), weight_SN.sum(0))
