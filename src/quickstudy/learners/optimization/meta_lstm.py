"""The optimizer as a recurrent network whose cell state is the learner's weights, with a learned initialisation.

Source: Ravi & Larochelle, 2017, Optimization as a model for few-shot learning.
"""

from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.checkpointing import repeated
from quickstudy.functional.unroll import Weights, gradient_and_value
from quickstudy.learner import INNER_GRADIENTS, Facts, Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.nn.fast import FastWeights, NormPolicy, apply, statistics_of, support_loss, weights_of
from quickstudy.nn.gated_descent import GatedDescent
from quickstudy.nn.norm import convert
from quickstudy.task import Examples, Inputs

__all__ = ["MetaLSTM"]


class MetaLSTM(Learner[FastWeights]):
    """Meta-learns an initialisation θ_0 and the gates by which each weight forgets itself and takes its gradient in.

        ``θ_t = f_t ⊙ θ_{t−1} − i_t ⊙ ∇L_S(θ_{t−1})``,    meta-training minimises ``L_Q(θ_T)``

    The gates are those of `nn.gated_descent.GatedDescent`, shared by all weights of the network. With ``f = 1`` and a
    constant ``i`` it is gradient descent. Gradients and losses that the gates read are constants (the paper's assumption),
    which makes the outer gradient a surrogate: that of ``θ_T`` as a function of θ_0 and the gates alone.

    Deviations: each step takes the whole support set (the paper's five-shot tasks use mini-batches), and norms follow the
    policy named here instead of running averages over the support sets of meta-training.

    Args:
        network: any network from inputs to at least as many outputs as the tasks have ways. A copy of it is meta-trained.
        rule: the gates.
        inner_steps: T in meta-training; the paper's 12 at one shot, 5 at five.
        test_steps: T in eval mode; as in training by default.
        norm: "support" or "batch" (transductive), see `MAML`.
        likelihood: of the outputs.

    Raises:
        LearnerError: fewer than one step.
        ShapeError: (at adaptation) fewer outputs than ways.

    >>> import torch
    >>> learner = MetaLSTM(nn.Linear(2, 3), GatedDescent(), inner_steps=5)
    >>> learner(Examples.of(torch.eye(2), torch.tensor([0, 1])))(torch.eye(2)).shape
    torch.Size([2, 2])
    """

    facts = Facts(label_order=True, norm="support", gradient="surrogate", unexportable_adaptation=INNER_GRADIENTS)

    def __init__(
        self,
        network: nn.Module,
        rule: GatedDescent,
        *,
        inner_steps: int = 12,
        test_steps: int | None = None,
        norm: NormPolicy = "support",
        likelihood: Likelihood = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        self.inner_steps, self.test_steps = inner_steps, inner_steps if test_steps is None else test_steps
        if min(self.inner_steps, self.test_steps) < 1:
            raise LearnerError(f"{inner_steps} inner and {test_steps} test steps: the gates need at least one.")
        self.network, self.rule = convert(network), rule
        self.norm, self.likelihood = norm, likelihood
        self.facts = replace(self.facts, transductive=norm == "batch", norm=norm)

    def adapt(self, support: Examples) -> FastWeights:
        present = self.likelihood.present(support.y, support.mask)

        def loss(weights: Weights) -> Tensor:
            return support_loss(self.network, weights, support, self.likelihood, present)

        def step(carry: tuple[Weights, Any]) -> tuple[Weights, Any]:
            weights, memory = carry
            grads, value = gradient_and_value(loss, weights, first_order=True)
            after: tuple[Weights, Any] = self.rule(weights, grads, value, memory)
            return after

        weights = weights_of(self.network)
        steps = self.inner_steps if self.training else self.test_steps
        weights, _ = repeated(step, (weights, self.rule.init(weights)), steps)
        return FastWeights(weights, statistics_of(self.network, weights, support, self.norm), present)

    def predict(self, state: FastWeights, x: Inputs) -> Tensor:
        return self.likelihood.restrict(apply(self.network, state.weights, x, state.statistics), state.present)
