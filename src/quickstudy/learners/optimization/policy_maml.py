"""MAML in rounds: a step after each round of tries, on what was met in that round; with a policy's loss, reinforcement learning.

Source: Finn, Abbeel & Levine, 2017, Model-agnostic meta-learning for fast adaptation of deep networks (section 5.3); Mendonca,
Gupta, Kralev, Abbeel, Levine & Finn, 2019, Guided meta-policy search (an outer loss that imitates).
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from quickstudy.borders.arguments import number
from quickstudy.errors import LearnerError
from quickstudy.functional.policy_gradient import PolicyGradient
from quickstudy.functional.unroll import Weights, gradient
from quickstudy.learner import INNER_GRADIENTS, Facts, Learner
from quickstudy.nn.fast import FastWeights, apply, support_loss, weights_of
from quickstudy.nn.norm import convert
from quickstudy.task import Examples, Inputs

__all__ = ["PolicyMAML"]

_POLICY = PolicyGradient()


class PolicyMAML(Learner[FastWeights]):
    """Meta-learns a policy and the size of a step after each round of tries; each step is on what that round met.

        ``θ_0 = θ``,    ``θ_{k+1} = θ_k − α_k ∇L(θ_k; rows of round k)``,    meta-training minimises the query's loss

    The last column of a support row's targets is the number of its round, from 0; a round without rows changes nothing. With
    `PolicyGradient` each round is a policy gradient on what θ_k did itself. The outer loss may be that of tries of the adapted
    policy (MAML), or imitate (guided meta-policy search). As in the paper's code, how the outer loss depends on θ through which
    tries were made is left out.

    Args:
        network: from what is seen to the means of an action. A copy of it is meta-trained.
        inner_lr: α of each round at the start; there are as many rounds as numbers. Steps after the first should be smaller.
        learn_rates: meta-learn α, as logarithms.
        likelihood: of actions.

    Raises:
        LearnerError: no rounds, or a step size that is no number above 0.

    Shapes:
        support x (S, …), y (S, P + 2 or more: action, advantage, …, round) -> outputs (Q, P)

    >>> learner = PolicyMAML(nn.Linear(2, 1, bias=False), inner_lr=(0.5, 0.1))
    >>> with torch.no_grad():
    ...     _ = learner.network.weight.zero_()
    >>> support = Examples(torch.eye(2), torch.tensor([[1.0, 0.5, 0.0], [1.0, 0.5, 1.0]]), torch.ones(2))
    >>> learner(support)(torch.eye(2)).flatten()
    tensor([1.0000, 0.2000])
    """

    facts = Facts(label_order=True, norm="none", unexportable_adaptation=INNER_GRADIENTS)

    def __init__(
        self,
        network: nn.Module,
        *,
        inner_lr: Sequence[float] = (0.1, 0.025, 0.025),
        learn_rates: bool = True,
        likelihood: PolicyGradient = _POLICY,
    ) -> None:
        super().__init__()
        if not len(inner_lr):
            raise LearnerError("inner_lr=() names no round. Give a step size for each.")
        for rate in inner_lr:
            number(LearnerError, inner_lr=rate, above=True)
        self.network, self.likelihood = convert(network), likelihood
        self.log_rates = nn.Parameter(torch.tensor(list(map(float, inner_lr))).log(), requires_grad=learn_rates)

    def adapt(self, support: Examples) -> FastWeights:
        weights, present = weights_of(self.network), self.likelihood.present(support.y, support.mask)
        for number_of, log_rate in enumerate(self.log_rates):
            real = support.mask * (support.y[:, -1] == number_of).to(support.mask.dtype)
            weights = self._stepped(weights, Examples(support.x, support.y, real), log_rate.exp(), present)
        return FastWeights(weights, {}, present)

    def _stepped(self, weights: Weights, tries: Examples, rate: Tensor, present: Tensor) -> Weights:
        slope = gradient(lambda at: support_loss(self.network, at, tries, self.likelihood, present), weights)
        return {name: weight - rate * slope[name] for name, weight in weights.items()}

    def predict(self, state: FastWeights, x: Inputs) -> Tensor:
        return self.likelihood.restrict(apply(self.network, state.weights, x, state.statistics), state.present)

    def step_sizes(self) -> dict[str, Tensor]:
        """α of each round."""
        return {f"round {count}": rate.detach().exp() for count, rate in enumerate(self.log_rates)}
