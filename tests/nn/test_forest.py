"""A forest as a network says what scikit-learn's says."""

import pytest
import torch
from sklearn.ensemble import RandomForestClassifier

from quickstudy.errors import LearnerError, ShapeError
from quickstudy.nn import Forest


def test_it_is_scikit_learns() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(150, 5, generator=generator)
    x[:, 1] = x[:, 1].round()  # equal values, where a threshold could be met
    y = (x[:, 0] + x[:, 1] > 1).long()
    reference = RandomForestClassifier(12, min_samples_leaf=2, class_weight="balanced", random_state=3).fit(x.numpy(), y.numpy())
    share = torch.from_numpy(reference.predict_proba(x.numpy())[:, 1]).clamp(0.005, 0.995)
    forest = Forest.fitted(x, y, trees=12, seed=3)
    torch.testing.assert_close(forest(x)[:, 0].double(), share.logit(), rtol=1e-4, atol=1e-4)
    assert not list(forest.parameters())


def test_what_it_refuses() -> None:
    with pytest.raises(LearnerError, match=r"the rows are of \[1\]"):
        Forest.fitted(torch.zeros(3, 2), torch.ones(3, dtype=torch.int64))
    with pytest.raises(LearnerError, match="trees=0"):
        Forest(2, 0, 1, 1)
    with pytest.raises(ShapeError, match="rows of 2 columns"):
        Forest(2, 1, 1, 0)(torch.zeros(1, 3))
