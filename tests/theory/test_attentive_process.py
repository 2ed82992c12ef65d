"""Attentive processes: the stated formula by hand, and what the blank and the sum are for."""

import math

import pytest
import torch
from torch import nn

from quickstudy import Examples, learners
from quickstudy.errors import LearnerError
from quickstudy.nn import MLP


class Doubled(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x


def made(after: nn.Module | None = None) -> learners.AttentiveProcess:
    """Keys and values are pairs (x, y) themselves, a query asks by (x, 0)."""
    ask = nn.Linear(1, 2, bias=False)
    with torch.no_grad():
        ask.weight.copy_(torch.tensor([[1.0], [0.0]]))
    return learners.AttentiveProcess(nn.Identity(), Doubled(), ask, nn.Identity() if after is None else after, heads=1)


def test_the_formula_by_hand() -> None:
    learner = made()
    x, y = torch.tensor([[1.0], [-2.0]]), torch.tensor([[0.5], [3.0]])
    found = learner.predict(learner.adapt(Examples(x, y, torch.ones(2))), torch.tensor([[0.7]]))[0]
    logits = torch.tensor([0.7 * 1.0, 0.7 * -2.0, 0.0]) / math.sqrt(2)
    share = logits.softmax(0)[:2]
    values = 2 * torch.cat([x, y], 1)
    right = torch.cat([torch.tensor([0.7]), share @ values, values.sum(0) / 4, torch.tensor([2 / 8])])
    torch.testing.assert_close(found, right)


def test_without_examples_there_is_nothing_to_look_at() -> None:
    learner = made()
    state = learner.adapt(Examples(torch.zeros(2, 1), torch.zeros(2, 1), torch.zeros(2)))
    assert learner.predict(state, torch.tensor([[0.7]])).tolist() == [[pytest.approx(0.7), 0, 0, 0, 0, 0]]


def test_evidence_adds_up() -> None:
    """Twice the same examples count twice in the sum, which a mean would not show."""
    learner = made()
    x, y = torch.ones(1, 1), torch.ones(1, 1)
    one, two = (learner.predict(learner.adapt(Examples(x.repeat(n, 1), y.repeat(n, 1), torch.ones(n))), x)[0] for n in (1, 2))
    torch.testing.assert_close(two[3:], 2 * one[3:])


def test_heads_part_the_numbers() -> None:
    with pytest.raises(LearnerError, match="cannot be parted among heads=4"):
        learners.AttentiveProcess(MLP(2, outputs=6), MLP(2, outputs=6), MLP(1, outputs=6), MLP(14, outputs=1))(
            Examples.of(torch.zeros(2, 1), [0.5, 1.5])
        )
    with pytest.raises(LearnerError, match="heads"):
        learners.AttentiveProcess(nn.Identity(), nn.Identity(), nn.Identity(), nn.Identity(), heads=0)


def test_a_mean_does_not_grow() -> None:
    """With means twice the same examples are what they are once; whether there are any is known."""
    networks = [nn.Identity(), Doubled(), nn.Linear(1, 2, bias=False), nn.Identity()]
    learner = learners.AttentiveProcess(*networks, heads=1, evidence="mean")
    x, y = torch.tensor([[1.0], [3.0]]), torch.tensor([[0.5], [1.5]])
    one, two = (learner.predict(learner.adapt(Examples(x.repeat(n, 1), y.repeat(n, 1), torch.ones(2 * n))), x)[0] for n in (1, 2))
    assert one[3:].tolist() == two[3:].tolist() == [4.0, 2.0, 1.0]
    none = learner.predict(learner.adapt(Examples(x, y, torch.zeros(2))), x)[0]
    assert none[1:].tolist() == [0.0] * 5
    with pytest.raises(LearnerError, match="evidence"):
        learners.AttentiveProcess(*networks, evidence="most")
