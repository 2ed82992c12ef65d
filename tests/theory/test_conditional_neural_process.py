"""Conditional neural processes: the stated formula, an exact case, and what the support set is worth."""

import math

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, evaluate, learners, tasks, train
from quickstudy.errors import LearnerError, ShapeError
from quickstudy.nn import MLP


class Average(nn.Module):
    """From a code of [x, y] and an input to the code's second number, the mean of y, and ln(e − 1), softplus of which is 1."""

    def forward(self, both: Tensor) -> Tensor:
        return torch.stack([both[:, 1], torch.full_like(both[:, 1], math.log(math.e - 1))], 1)


def test_a_code_that_is_the_examples_mean_predicts_it_with_the_stated_deviation() -> None:
    learner = learners.ConditionalNeuralProcess(nn.Identity(), Average(), least=0.1)
    support = Examples.of(torch.tensor([[0.0], [1.0], [5.0]]), [1.0, 2.0, 6.0], kind="values")
    torch.testing.assert_close(learner(support)(torch.zeros(2, 1)), torch.tensor([[3.0, 1.0]] * 2))


def test_the_stated_formula() -> None:
    each, after = MLP(3, (8,), outputs=4), MLP(6, (8,), outputs=2)
    learner = learners.ConditionalNeuralProcess(each, after)
    x, y, queries = torch.randn(5, 2), torch.randn(5, 1), torch.randn(3, 2)
    code = each(torch.cat([x, y], 1)).mean(0)
    found = after(torch.cat([code.expand(3, -1), queries], 1)).detach()
    expected = torch.stack([found[:, 0], 0.1 + 0.9 * nn.functional.softplus(found[:, 1])], 1)
    torch.testing.assert_close(learner(Examples(x, y, torch.ones(5)))(queries), expected)


def test_trained_on_waves_more_examples_are_better() -> None:
    learner = learners.ConditionalNeuralProcess(MLP(2, (64, 64), outputs=64), MLP(65, (64, 64), outputs=2))
    source = tasks.Sinusoid(shots=10)
    list(train(learner, source, steps=300, batch=25, optimizer=torch.optim.Adam(learner.parameters(), 3e-3), clip=1.0))
    few, many = (evaluate(learner, tasks.Sinusoid(shots=shots), tasks=200).mean for shots in (1, 10))
    assert many < 2.0 < 3.0057 and many < 0.7 * few, "the best function that ignores the support set costs 3.0057"


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(LearnerError, match="least=1.0"):
        learners.ConditionalNeuralProcess(nn.Identity(), nn.Identity(), least=1.0)
    learner = learners.ConditionalNeuralProcess(nn.Identity(), nn.Identity())
    with pytest.raises(ShapeError, match="3 numbers"):
        learner.predict(learner.adapt(Examples.of(torch.ones(1, 1), [1.0], kind="values")), torch.ones(1, 1))
