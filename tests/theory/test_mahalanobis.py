"""The Mahalanobis head is the paper's formula, and the linear discriminant where examples abound."""

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from torch import nn

from quickstudy import Examples, learners
from quickstudy.errors import LearnerError
from quickstudy.functional import ellipsoids, mahalanobis_distance


def formula(support: Examples, x: torch.Tensor) -> torch.Tensor:
    """Simple CNAPS written down in NumPy: one covariance matrix after another, inverted."""
    z, labels = support.x.numpy(), support.labels.numpy()
    whole = np.cov(z.T)
    columns = []
    for n in range(support.y.shape[1]):
        mine = z[labels == n]
        own = np.cov(mine.T) if len(mine) > 1 else np.zeros_like(whole)
        share = len(mine) / (len(mine) + 1)
        away = x.numpy() - mine.mean(0)
        columns.append((away @ np.linalg.inv(share * own + (1 - share) * whole + np.eye(z.shape[1])) * away).sum(1) / 2)
    return torch.from_numpy(np.stack(columns, 1))


@pytest.mark.parametrize("features", [3, 12, 40], ids=["S > D", "S = D", "S < D"])
@pytest.mark.parametrize("labels", [[0, 1, 2] * 4, [0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 1]], ids=["balanced", "one shot to eight"])
def test_it_is_the_papers_formula(features: int, labels: list[int]) -> None:
    support = Examples.of(5 * torch.randn(12, features, dtype=torch.float64) + 3, torch.tensor(labels))
    x = 5 * torch.randn(7, features, dtype=torch.float64) + 3
    found = mahalanobis_distance(x, ellipsoids(support.x, support.y, support.mask))
    torch.testing.assert_close(found, formula(support, x))


def test_a_scale_is_that_of_the_features() -> None:
    support = Examples.of(torch.randn(12, 5, dtype=torch.float64), torch.tensor([0, 1, 2] * 4))
    x = torch.randn(7, 5, dtype=torch.float64)
    learner = learners.MahalanobisProtoNet(nn.Flatten(), scale=8.0).double()
    longer = Examples(8 * support.x, support.y, support.mask)
    torch.testing.assert_close(learner(support)(x), -formula(longer, 8 * x))
    with pytest.raises(LearnerError, match=r"scale=0\.0 must be positive"):
        learners.MahalanobisProtoNet(nn.Flatten(), scale=0.0)


@pytest.mark.parametrize("features", [3, 40])
def test_padding_is_not_seen(features: int) -> None:
    x, labels = torch.randn(12, features, dtype=torch.float64), torch.tensor([0, 1, 2] * 4)
    whole = Examples.of(x, labels)
    padded = Examples(whole.x, whole.y, (torch.arange(12) < 9).double())
    queries = torch.randn(5, features, dtype=torch.float64)
    found = mahalanobis_distance(queries, ellipsoids(padded.x, padded.y, padded.mask))
    torch.testing.assert_close(found, formula(whole[:9], queries))


def test_with_many_examples_it_is_the_linear_discriminant() -> None:
    """Classes of one covariance, wide against the unit matrix: probabilities are those of linear discriminant analysis."""
    spread = 30 * torch.tensor([[2.0, 1.5, 0.0], [0.0, 0.5, 0.2], [0.0, 0.0, 1.0]], dtype=torch.float64)
    centres = 40 * torch.randn(4, 3, dtype=torch.float64)
    labels = torch.arange(40_000) % 4
    x = centres[labels] + torch.randn(40_000, 3, dtype=torch.float64) @ spread
    queries = centres[torch.arange(400) % 4] + torch.randn(400, 3, dtype=torch.float64) @ spread
    found = learners.MahalanobisProtoNet(nn.Flatten())(Examples.of(x, labels)).probabilities(queries)
    baseline = LinearDiscriminantAnalysis().fit(x.numpy(), labels.numpy()).predict_proba(queries.numpy())
    assert baseline.max(1).mean() < 0.95, "the classes must overlap, or any rule would agree"
    torch.testing.assert_close(found, torch.from_numpy(baseline), rtol=0, atol=0.03)


def test_one_example_at_each_class_leaves_the_tasks_covariance() -> None:
    """Of one example Σ_n = 0 and λ_n = ½, so that all classes share ``½ Σ + I``: the rule is linear in x."""
    support = Examples.of(torch.randn(5, 8, dtype=torch.float64), torch.arange(5))
    classes = ellipsoids(support.x, support.y, support.mask)
    torch.testing.assert_close(classes.inner, classes.inner[:1].expand_as(classes.inner))
    x = torch.randn(3, 8, dtype=torch.float64)
    ahead = [(d := mahalanobis_distance(p, classes))[:, :1] - d for p in (x, x + 1, x + 2)]
    torch.testing.assert_close(ahead[2] - ahead[1], ahead[1] - ahead[0])


def test_the_state_is_small_where_examples_are_few() -> None:
    z = torch.randn(5, 1600)
    classes = ellipsoids(z, torch.eye(5), torch.ones(5))
    assert sum(part.numel() for part in classes) < 3 * z.numel()
