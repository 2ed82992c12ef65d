"""A fresh network trained on the support set alone: what deep learning does without meta-learning."""

from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.unroll import Adam, Rule
from quickstudy.learner import INNER_GRADIENTS, Facts, Learner
from quickstudy.likelihood import Categorical, Likelihood
from quickstudy.nn.fast import FastWeights, apply, fit
from quickstudy.nn.norm import convert
from quickstudy.task import Examples, Inputs

__all__ = ["FromScratch"]


class FromScratch(Learner[FastWeights]):
    """Trains a network on each support set, starting from the random weights it was built with.

    Args:
        network: any network from inputs to at least as many outputs as the tasks have ways.
        rule: of the descent.
        steps: of the descent, each on the whole support set.
        likelihood: of the outputs.

    >>> import torch
    >>> learner = FromScratch(nn.Linear(1, 2), steps=200, rule=Adam(0.1))
    >>> learner(Examples.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]))).names(torch.tensor([[0.9]]))
    ['1']
    """

    facts = Facts(gradient="none", norm="support", label_order=True, unexportable_adaptation=INNER_GRADIENTS)

    def __init__(
        self,
        network: nn.Module,
        *,
        rule: Rule = Adam(1e-3),  # noqa: B008  a frozen record
        steps: int = 100,
        likelihood: Likelihood = Categorical(),  # noqa: B008  a frozen record
    ) -> None:
        super().__init__()
        if steps < 0:
            raise LearnerError("steps must be 0 or more.")
        self.network = convert(network)
        self.rule, self.steps, self.likelihood = rule, steps, likelihood

    def adapt(self, support: Examples) -> FastWeights:
        return fit(self.network, support, self.likelihood, rule=self.rule, steps=self.steps)

    def predict(self, state: FastWeights, x: Inputs) -> Tensor:
        return self.likelihood.restrict(apply(self.network, state.weights, x, state.statistics), state.present)
