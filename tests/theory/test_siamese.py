"""Siamese networks are a logistic regression on differences, and a nearest neighbour in the city-block distance."""

import pytest
import torch
from scipy.spatial.distance import cdist
from torch import nn

from quickstudy import Examples, Task, learners
from quickstudy.functional import pair_contrastive, pair_cross_entropy
from quickstudy.functional.pairs import PairLoss


def test_with_equal_weights_the_best_pair_is_the_nearest_in_city_blocks() -> None:
    x, labels = torch.randn(15, 6), torch.arange(15) % 5
    queries = torch.randn(100, 6)
    found = learners.SiameseNet(nn.Flatten(), features=6)(Examples.of(x, labels))(queries).argmax(-1)
    nearest = cdist(queries.numpy(), x.numpy(), "cityblock").argmin(1)
    assert found.tolist() == labels[nearest].tolist()


@pytest.mark.parametrize("loss", [pair_cross_entropy, pair_contrastive])
def test_the_objective_weighs_pairs_of_one_class_as_much_as_the_others(loss: PairLoss) -> None:
    """Pair by pair: the paper's draws are half of one class and half of two."""
    x, labels = torch.randn(11, 4, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 0])
    learner = learners.SiameseNet(nn.Flatten(), features=4, loss=loss).double()
    with torch.no_grad():
        learner.weight.copy_(torch.randn(4))
        learner.bias.fill_(0.3)
    losses: dict[bool, list[float]] = {True: [], False: []}
    for a in range(11):
        for b in range(11):
            if a != b:
                same = bool(labels[a] == labels[b])
                logit = ((x[a] - x[b]).abs() * learner.weight).sum() + learner.bias
                losses[same].append(float(loss(logit, torch.tensor(float(same))).detach()))
    expected = sum(sum(part) / len(part) for part in losses.values()) / 2
    task = Task(Examples.of(x[:3], labels[:3]), Examples.of(x[3:], labels[3:]))
    assert float(learner.objective(task).detach()) == pytest.approx(expected, rel=1e-10)


def test_cross_entropy_of_pairs_is_that_of_torch_without_overflow() -> None:
    logits, same = torch.tensor([-300.0, -1.0, 0.5, 300.0]), torch.tensor([1.0, 0.0, 1.0, 0.0])
    expected = nn.functional.binary_cross_entropy_with_logits(logits, same, reduction="none")
    torch.testing.assert_close(pair_cross_entropy(logits, same), expected)


def test_the_contrastive_loss_rests_where_a_margin_parts_the_classes() -> None:
    logits, same = torch.tensor([90.0, -1.0, -5.0, 5.0], requires_grad=True), torch.tensor([1.0, 0.0, 0.0, 0.0])
    pair_contrastive(logits, same).sum().backward()
    assert logits.grad is not None and logits.grad[:3].tolist() == [0, 0, 0] and float(logits.grad[3]) > 0


def test_at_the_start_pairs_half_a_unit_apart_are_undecided() -> None:
    learner = learners.SiameseNet(nn.Flatten(), features=9)
    torch.testing.assert_close(learner.compare(torch.zeros(1, 9), torch.full((1, 9), 0.5)), torch.zeros(1, 1))
