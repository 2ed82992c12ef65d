"""Meta-SGD: an initialisation together with a step size, sign included, for every single weight.

Source: Li, Zhou, Chen & Li, 2017, Meta-SGD: learning to learn quickly for few-shot learning.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.unroll import Preconditioned, Weights
from quickstudy.learner import INNER_GRADIENTS, Facts, Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.nn.fast import FastWeights, NormPolicy, apply, fit, weights_of
from quickstudy.nn.norm import convert
from quickstudy.task import Examples, Inputs

__all__ = ["MetaSGD"]


class MetaSGD(Learner[FastWeights]):
    """Meta-learns θ and α, both of the network's size; a task takes one step (or T) along ``α ⊙ ∇L``.

        ``θ_{t+1} = θ_t − α ⊙ ∇L_S(θ_t)``,    meta-training minimises ``L_Q(θ_T)`` in θ and α

    The step sizes are free in sign, so that α learns the direction of a step as well as its length. With all of them held
    at one number this is MAML.

    Args:
        network: any network from inputs to at least as many outputs as the tasks have ways. A copy of it is meta-trained.
        inner_lr: what every step size starts at; the paper draws one number from [0.005, 0.1]. On Omniglot, with the mean
            cross-entropy as loss, 0.25 to 0.5 learns faster.
        inner_steps: T in meta-training; 1 in the paper.
        test_steps: T in eval mode; as in training by default.
        norm: "support" or "batch" (transductive, as in the paper's experiments), see `MAML`.
        likelihood: of the outputs.

    Raises:
        LearnerError: fewer than one inner step, or test steps below 0.
        ShapeError: (at adaptation) fewer outputs than ways.

    >>> learner = MetaSGD(nn.Linear(2, 3), inner_lr=0.1)
    >>> {name: tuple(rate.shape) for name, rate in learner.rates.items()}
    {'network/bias': (3,), 'network/weight': (3, 2)}
    >>> learner(Examples.of(torch.eye(2), torch.tensor([0, 1])))(torch.eye(2)).shape
    torch.Size([2, 2])
    """

    facts = Facts(label_order=True, norm="support", unexportable_adaptation=INNER_GRADIENTS)

    def __init__(
        self,
        network: nn.Module,
        *,
        inner_lr: float = 0.05,
        inner_steps: int = 1,
        test_steps: int | None = None,
        norm: NormPolicy = "support",
        likelihood: Likelihood = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        if inner_steps < 1 or (test_steps or 0) < 0:
            raise LearnerError("inner_steps must be 1 or more (step sizes are learned from steps), test_steps 0 or more.")
        self.network = convert(network)
        self.rates = nn.ParameterDict({_key(name): torch.full_like(w, inner_lr) for name, w in weights_of(self.network).items()})
        self.inner_steps, self.norm, self.likelihood = inner_steps, norm, likelihood
        self.test_steps = inner_steps if test_steps is None else test_steps
        self.facts = replace(self.facts, transductive=norm == "batch", norm=norm)

    def adapt(self, support: Examples) -> FastWeights:
        return fit(
            self.network,
            support,
            self.likelihood,
            rule=Preconditioned(self._scaled),
            steps=self.inner_steps if self.training else self.test_steps,
            policy=self.norm,
            first_order=False,
        )

    def _scaled(self, grads: Weights) -> Weights:
        """``α ⊙ g``."""
        return {name: self.rates[_key(name)] * g for name, g in grads.items()}

    def step_sizes(self) -> dict[str, Tensor]:
        """α of each weight tensor."""
        return {name: self.rates[_key(name)].detach() for name in weights_of(self.network)}

    def predict(self, state: FastWeights, x: Inputs) -> Tensor:
        return self.likelihood.restrict(apply(self.network, state.weights, x, state.statistics), state.present)


def _key(name: str) -> str:
    """A weight's place in the learner as the name of its step size: a dot would mean a module."""
    return f"network.{name}".replace(".", "/")
