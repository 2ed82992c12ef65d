"""Weights of features: they start at scikit-learn's TF-IDF."""

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfTransformer

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.nn import FeatureWeights, UnitLength


def test_fitted_weights_and_unit_length_are_tf_idf() -> None:
    counts = np.random.default_rng(0).poisson(0.4, (30, 12)).astype(np.float32)
    counts[:, 0] = 1  # in every row, so it tells nothing
    index = ClassIndex(torch.from_numpy(counts), torch.arange(30) % 3, ("a", "b", "c"))
    found = UnitLength(FeatureWeights.fitted(index))(torch.from_numpy(counts))
    known = TfidfTransformer().fit_transform(counts).toarray()
    assert np.allclose(found.detach().numpy(), known, atol=1e-6)


def test_weights_that_are_not_fitted_change_nothing_and_learn() -> None:
    x = torch.rand(3, 5)
    layer = FeatureWeights(5)
    assert torch.equal(layer(x), x)
    layer(x).sum().backward()
    assert torch.allclose(layer.logarithms.grad, x.sum(0))  # type: ignore[arg-type]
