"""BOIL, body only in the inner loop: the head stays as it was meta-trained, and each task moves the features toward it.

Source: Oh, Yoo, Kim & Yun, 2021, BOIL: towards representation change for few-shot learning.
"""

from collections import OrderedDict
from dataclasses import replace

from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.unroll import SGD
from quickstudy.learner import INNER_GRADIENTS, Facts, Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.nn.fast import FastWeights, NormPolicy, apply, fit, weights_of
from quickstudy.nn.norm import convert
from quickstudy.task import Examples, Inputs

__all__ = ["BOIL"]


class BOIL(Learner[FastWeights]):
    """MAML whose inner loop leaves the head alone: the opposite of `ANIL`.

        ``θ_0 = θ``,    ``θ_{t+1} = θ_t − α ∇_θ L_S(θ_t, w)``,    meta-training minimises ``L_Q(θ_T, w)`` in θ and w

    Args:
        body: any network from inputs to features; it adapts. A copy of it is meta-trained.
        head: from features to at least as many outputs as the tasks have ways, for example ``nn.Linear(64, 5)``, or
            `quickstudy.nn.MLP` without hidden layers, which can be saved and loaded. A copy of it is meta-trained.
        inner_lr: α.
        inner_steps: T in meta-training; 0 is the network itself.
        test_steps: T in eval mode; as in training by default.
        norm: "support" or "batch" (transductive), see `MAML`.
        likelihood: of the outputs.

    Raises:
        LearnerError: a negative step size or number of steps.
        ShapeError: (at adaptation) fewer outputs than ways.

    >>> import torch
    >>> learner = BOIL(nn.Linear(2, 4), nn.Linear(4, 2), inner_lr=0.1, inner_steps=5)
    >>> state = learner.adapt(Examples.of(torch.eye(2), torch.tensor([0, 1])))
    >>> sorted(state.weights)
    ['body.bias', 'body.weight']
    """

    facts = Facts(label_order=True, norm="support", unexportable_adaptation=INNER_GRADIENTS)

    def __init__(
        self,
        body: nn.Module,
        head: nn.Module,
        *,
        inner_lr: float = 0.4,
        inner_steps: int = 1,
        test_steps: int | None = None,
        norm: NormPolicy = "support",
        likelihood: Likelihood = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        if inner_steps < 0 or (test_steps or 0) < 0 or not inner_lr >= 0:
            raise LearnerError("inner_lr, inner_steps and test_steps must be 0 or more.")
        self.network = convert(nn.Sequential(OrderedDict(body=body, head=head)))
        self.inner_lr, self.inner_steps, self.norm = inner_lr, inner_steps, norm
        self.test_steps = inner_steps if test_steps is None else test_steps
        self.likelihood = likelihood
        self.facts = replace(self.facts, transductive=norm == "batch", norm=norm)

    def adapt(self, support: Examples) -> FastWeights:
        return fit(
            self.network,
            support,
            self.likelihood,
            rule=SGD(self.inner_lr),
            steps=self.inner_steps if self.training else self.test_steps,
            policy=self.norm,
            first_order=False,
            start={name: weight for name, weight in weights_of(self.network).items() if name.startswith("body.")},
        )

    def predict(self, state: FastWeights, x: Inputs) -> Tensor:
        return self.likelihood.restrict(apply(self.network, state.weights, x, state.statistics), state.present)
