"""Conditional neural processes: a code of the support set, and a network from code and input to a value with its deviation.

Source: Garnelo, Rosenbaum, Maddison, Ramalho, Saxton, Shanahan, Teh, Rezende & Eslami, 2018, Conditional neural processes.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from quickstudy.borders.arguments import number
from quickstudy.errors import LearnerError, ShapeError
from quickstudy.learner import Facts, Learner
from quickstudy.likelihood import Likelihood, MeanAndDeviation
from quickstudy.nn.set_encoder import PairEncoder
from quickstudy.task import Examples

__all__ = ["ConditionalNeuralProcess", "SetCode"]


_WITH_DEVIATION = MeanAndDeviation()


class SetCode(NamedTuple):
    """What is remembered of a support set: its code (C,)."""

    code: Tensor


class ConditionalNeuralProcess(Learner[SetCode]):
    """Values with a deviation each, of a support set of any size, none included.

        ``r = 1/S Σ_s h([x_s, y_s])``,    ``(μ, ω) = g([r, x])``,    ``y ~ N(μ, σ²)``,    ``σ = l + (1 − l) softplus(ω)``

    Adapting is one pass of a small network over the examples, predicting another one over the queries. With another likelihood g
    gives the outputs as they are, for example the means of actions. The paper's l is 0.1, so
    values should have a deviation near 1 (`ScaledTargets` sees to that).

    Args:
        each: h, from an input and its value, side by side, to a code (C,).
        after: g, from a code and an input, side by side, to 2 P numbers: means, then ω.
        least: l, the smallest deviation.
        likelihood: of the outputs.

    Raises:
        LearnerError: a smallest deviation that is not between 0 and 1.
        ShapeError: in `predict`, a network g that does not give two numbers for each value.

    Shapes:
        support x (S, …), y (S, P) -> outputs (Q, 2 P)

    >>> from quickstudy.nn.mlp import MLP
    >>> learner = ConditionalNeuralProcess(MLP(2, (16,), outputs=8), MLP(9, (16,), outputs=2))
    >>> predictor = learner(Examples.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0.5, 2.5])))
    >>> predictor(torch.tensor([[0.5]])).shape
    torch.Size([1, 2])
    """

    facts = Facts(norm="support")

    def __init__(
        self, each: nn.Module, after: nn.Module, *, least: float = 0.1, likelihood: Likelihood = _WITH_DEVIATION
    ) -> None:
        super().__init__()
        number(LearnerError, least=least, above=True)
        if not least < 1:
            raise LearnerError(f"least={least} must be below 1. The paper takes 0.1.")
        self.each, self.after, self.least, self.likelihood = PairEncoder(each), after, least, likelihood

    def adapt(self, support: Examples) -> SetCode:
        return SetCode(self.each(support))

    def predict(self, state: SetCode, x: Tensor) -> Tensor:
        flat = x.flatten(1)
        found: Tensor = self.after(torch.cat([state.code.expand(flat.shape[0], -1), flat], 1))
        if not isinstance(self.likelihood, MeanAndDeviation):
            return found
        if found.shape[1] % 2:
            raise ShapeError(
                f"the network after gives {found.shape[1]} numbers. It must give a mean and a spread for each value."
            )
        mean, spread = found.chunk(2, 1)
        return torch.cat([mean, self.least + (1 - self.least) * nn.functional.softplus(spread)], 1)
