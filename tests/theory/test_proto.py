"""Prototypical networks are linear classifiers on features, and stay right far from the origin."""

import pytest
import torch
from scipy.spatial.distance import cdist
from torch import nn

from quickstudy import Examples, learners
from quickstudy.errors import LearnerError
from quickstudy.functional import class_means, cosine_distance, squared_distance
from quickstudy.nn import MLP


def task(shift: float = 0.0) -> tuple[Examples, torch.Tensor]:
    x = torch.randn(12, 5, dtype=torch.float64) + shift
    return Examples.of(x, torch.arange(12) % 4), torch.randn(7, 5, dtype=torch.float64) + shift


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_it_is_a_linear_layer(scale: float) -> None:
    """w_n = 2 s c_n, b_n = −s ‖c_n‖²; the rest, −s ‖x‖², is the same for all classes."""
    support, x = task()
    learner = learners.ProtoNet(nn.Flatten(), scale=scale).double()
    means = torch.stack([support.x[support.labels == n].mean(0) for n in range(4)])
    layer = nn.Linear(5, 4).double()
    with torch.no_grad():
        layer.weight.copy_(2 * scale * means)
        layer.bias.copy_(-scale * (means**2).sum(1))
    torch.testing.assert_close(learner(support).probabilities(x), layer(x).softmax(-1).detach(), rtol=1e-6, atol=1e-9)


def test_the_outer_gradient_is_that_of_the_linear_layer() -> None:
    support, x = task()
    labels = torch.tensor([0, 1, 2, 3, 0, 1, 2])
    learner = learners.ProtoNet(MLP(5, (6,))).double()
    features, queries = learner.encode(support.x), learner.encode(x)
    loss = nn.functional.cross_entropy(learner.predict(learner.adapt(support.replace(features)), queries), labels)
    found = torch.autograd.grad(loss, list(learner.encoder.parameters()))
    features, queries = learner.encode(support.x), learner.encode(x)
    means = torch.stack([features[support.labels == n].mean(0) for n in range(4)])
    linear = nn.functional.cross_entropy(queries @ (2 * means).mT - (means**2).sum(1), labels)
    expected = torch.autograd.grad(linear, list(learner.encoder.parameters()))
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_distances_are_the_same_without_a_gradient_and_bend_at_zero() -> None:
    a, b = torch.randn(7, 5, dtype=torch.float64), torch.randn(4, 5, dtype=torch.float64)
    with torch.no_grad():
        quiet = squared_distance(a, b)
    torch.testing.assert_close(squared_distance(a, b), quiet)
    bend = torch.autograd.functional.hessian(lambda x: squared_distance(x, torch.zeros(1, 2)).sum(), torch.zeros(1, 2))
    torch.testing.assert_close(bend.reshape(2, 2), 2 * torch.eye(2))


@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_distances_are_scipys_even_far_from_the_origin(shift: float) -> None:
    a, b = torch.randn(7, 5) + shift, torch.randn(4, 5) + shift
    truth = torch.from_numpy(cdist(a.double(), b.double(), "sqeuclidean"))
    torch.testing.assert_close(squared_distance(a, b).double(), truth, rtol=1e-4, atol=1e-4)
    truth = torch.from_numpy(cdist(a.double(), b.double(), "cosine"))
    torch.testing.assert_close(cosine_distance(a, b).double(), truth, rtol=1e-4, atol=1e-5)


def test_one_shot_is_the_nearest_neighbour() -> None:
    support = Examples.of(torch.randn(5, 8), torch.tensor([3, 1, 4, 0, 2]))
    x = torch.randn(200, 8)
    names = [learner(support).names(x) for learner in (learners.ProtoNet(nn.Flatten()), learners.NearestNeighbours())]
    assert names[0] == names[1]


def test_means_weigh_classes_by_their_own_counts() -> None:
    x = torch.tensor([[0.0], [2.0], [4.0], [9.0], [99.0]])
    support = Examples(x, nn.functional.one_hot(torch.tensor([0, 0, 0, 1, 1]), 3).float(), torch.tensor([1.0, 1, 1, 1, 0]))
    assert class_means(support.x, support.y, support.mask).flatten().tolist() == [2, 9, 0]
    logits = learners.ProtoNet(nn.Flatten())(support)(torch.tensor([[0.0]]))
    torch.testing.assert_close(logits, torch.tensor([[-4, -81, -1e4]]))


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_a_scale_that_is_not_positive_is_refused(scale: float) -> None:
    with pytest.raises(LearnerError, match="positive|finite"):
        learners.ProtoNet(nn.Flatten(), scale=scale)
