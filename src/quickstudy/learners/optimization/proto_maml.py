"""Proto-MAML: gradient steps on body and head, from a head that the support set's prototypes give.

Source: Triantafillou et al., 2020, Meta-Dataset: a dataset of datasets for learning to learn from few examples.
"""

from collections import OrderedDict
from dataclasses import replace

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.distances import class_means
from quickstudy.functional.unroll import SGD, Weights
from quickstudy.learner import INNER_GRADIENTS, Facts, Learner
from quickstudy.nn.fast import FastWeights, NormPolicy, apply, fit, weights_of
from quickstudy.nn.norm import convert, counting
from quickstudy.task import Examples, Inputs

__all__ = ["ProtoMAML"]


class ProtoMAML(Learner[FastWeights]):
    """MAML for any number of ways: the head is not meta-learned but made of each class's mean feature ``c_n``.

        ``w_n = 2 s c_n``,  ``b_n = −s ‖c_n‖²``,  ``θ_{t+1} = θ_t − α ∇L_S(θ_t)`` for body and head together

    Before the first step, predictions are those of `ProtoNet`: ``w_n·z + b_n = −s ‖z − c_n‖² + s ‖z‖²``. The outer gradient
    runs through the prototypes as well, also with ``first_order``. No class has an output of its own, so renaming the
    classes renames the outputs.

    Args:
        body: any network from inputs to features. A copy of it is meta-trained.
        inner_lr: α.
        inner_steps: T in meta-training; 0 is ProtoNet.
        test_steps: T in eval mode; as in training by default.
        first_order: treat the inner gradients as constants (a surrogate gradient).
        norm: "support" or "batch" (transductive), see `MAML`.
        scale: s, 1 in the paper; less where features are many and large, for a softmax that is not saturated.

    Raises:
        LearnerError: a negative step size or number of steps, or a scale that is not positive.

    >>> learner = ProtoMAML(nn.Flatten(), inner_lr=0.1, inner_steps=5)
    >>> support = Examples.of(torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([0, 1, 2]))
    >>> learner(support).names(torch.tensor([[0.1], [1.2], [1.9]]))
    ['0', '1', '2']
    """

    facts = Facts(norm="support", unexportable_adaptation=INNER_GRADIENTS)

    def __init__(
        self,
        body: nn.Module,
        *,
        inner_lr: float = 0.1,
        inner_steps: int = 5,
        test_steps: int | None = None,
        first_order: bool = False,
        norm: NormPolicy = "support",
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        if inner_steps < 0 or (test_steps or 0) < 0 or not inner_lr >= 0:
            raise LearnerError("inner_lr, inner_steps and test_steps must be 0 or more.")
        if not scale > 0:
            raise LearnerError(f"scale={scale} must be positive: it turns distances into logits.")
        self.network = convert(nn.Sequential(OrderedDict(body=body, head=_Head())))
        self.inner_lr, self.inner_steps, self.first_order, self.norm = inner_lr, inner_steps, first_order, norm
        self.test_steps = inner_steps if test_steps is None else test_steps
        self.scale = scale
        self.facts = replace(
            self.facts, transductive=norm == "batch", norm=norm, gradient="surrogate" if first_order else "exact"
        )

    def adapt(self, support: Examples) -> FastWeights:
        return fit(
            self.network,
            support,
            self.likelihood,
            rule=SGD(self.inner_lr),
            steps=self.inner_steps if self.training else self.test_steps,
            policy=self.norm,
            first_order=self.first_order,
            start=weights_of(self.network) | self._head(support),
        )

    def _head(self, support: Examples) -> Weights:
        """Weights and biases of a linear head that ranks classes by the distance to their prototypes."""
        with counting(support.mask):
            features = self.network.get_submodule("body")(support.x).flatten(1)
        means = class_means(features, support.y, support.mask)
        return {"head.weight": 2 * self.scale * means, "head.bias": -self.scale * (means**2).sum(1)}

    def predict(self, state: FastWeights, x: Inputs) -> Tensor:
        return self.likelihood.restrict(apply(self.network, state.weights, x, state.statistics), state.present)


class _Head(nn.Module):
    """A linear layer whose weights (N, D) and biases (N,) come with each task; its own are empty."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(0, 0), requires_grad=False)
        self.bias = nn.Parameter(torch.empty(0), requires_grad=False)

    def forward(self, features: Tensor) -> Tensor:
        return nn.functional.linear(features.flatten(1), self.weight, self.bias)
