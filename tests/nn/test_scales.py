"""Ranks, scales and weighted blocks of features: quantiles of a normal distribution, textbook z-scores, mean cosines."""

import numpy as np
import pytest
import torch
from scipy.stats import norm
from sklearn.preprocessing import QuantileTransformer
from torch import nn

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import DataError, LearnerError
from quickstudy.nn import ColumnRange, FeatureScales, RankGaussian, WeightedBlocks


def index(rows: int = 257, features: int = 4) -> ClassIndex:
    torch.manual_seed(0)
    x = torch.randn(rows, features) * torch.tensor([1.0, 30.0, 0.1, 5.0]) + 3
    return ClassIndex(x, torch.arange(rows) % 3, ("a", "b", "c"))


def rows_of(data: ClassIndex) -> torch.Tensor:
    x: torch.Tensor = data.gather(torch.arange(len(data)))
    return x


def test_ranks_are_normal_scores_of_quantiles() -> None:
    """At the knots they are scikit-learn's quantile transformer, whose ends are clipped as ours."""
    data = index()
    layer = RankGaussian.fitted(data, 32)
    oracle = QuantileTransformer(n_quantiles=33, output_distribution="normal").fit(rows_of(data).double().numpy())
    knots = layer.quantiles
    wanted = np.clip(oracle.transform(knots.double().numpy()), norm.ppf(0.001), norm.ppf(0.999))
    torch.testing.assert_close(layer(knots), torch.from_numpy(wanted).float(), rtol=0, atol=2e-3)
    assert float(layer(rows_of(data)).std(0).sub(1).abs().max()) < 0.1


def test_another_unit_or_a_curve_of_a_feature_changes_no_rank_at_the_knots() -> None:
    data = index()
    bent = ClassIndex((rows_of(data) / 40).exp(), data.labels, data.classes)
    one, other = RankGaussian.fitted(data, 16), RankGaussian.fitted(bent, 16)  # 257 rows: every knot is a row
    torch.testing.assert_close(one(one.quantiles), other(other.quantiles), rtol=0, atol=1e-4)


def test_ranks_end_and_equal_values_have_the_middle_rank() -> None:
    data = ClassIndex(torch.tensor([[1.0, 0.0], [1.0, 5.0], [1.0, 9.0]]), torch.tensor([0, 1, 1]), ("a", "b"))
    layer = RankGaussian.fitted(data)
    found = layer(torch.tensor([[1.0, -1e9], [1.0, 1e9]]))
    assert found[:, 0].tolist() == pytest.approx([0, 0], abs=1e-5) and found[:, 1].tolist() == pytest.approx(
        [-3.0902, 3.0902], abs=1e-3
    )
    torch.testing.assert_close(RankGaussian(2)(torch.tensor([[0.5, -2.0]])), torch.tensor([[0.5, -2.0]]))


def test_ranks_of_some_classes_are_those_of_an_index_of_them() -> None:
    data = index()
    some, alone = RankGaussian.fitted(data, of=[0, 2]), RankGaussian.fitted(data.select([0, 2]))
    assert torch.equal(some.quantiles, alone.quantiles)


def test_scales_are_z_scores_with_a_least_deviation() -> None:
    data = index()
    x = rows_of(data).double().numpy()
    deviation = x.std(0, ddof=1)
    wanted = (x - x.mean(0)) / np.maximum(deviation, 0.1 * deviation.mean())
    torch.testing.assert_close(FeatureScales.fitted(data)(rows_of(data)).double(), torch.from_numpy(wanted), rtol=1e-4, atol=1e-4)
    with pytest.raises(DataError, match="all rows are the same"):
        FeatureScales.fitted(ClassIndex(torch.ones(4, 2), torch.tensor([0, 0, 1, 1]), ("a", "b")))


def test_a_cosine_of_weighted_blocks_is_the_weighted_mean_of_their_cosines() -> None:
    layer = WeightedBlocks({"a": ColumnRange(0, 3), "b": nn.Linear(5, 4)}, weights=(2.0, 1.0))
    x = torch.randn(2, 5)
    parts = [nn.functional.cosine_similarity(*block(x), dim=0) for block in layer.blocks.values()]
    found = layer(x)
    torch.testing.assert_close(found[0] @ found[1], 0.8 * parts[0] + 0.2 * parts[1])
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2))
    with pytest.raises(LearnerError, match="give a positive one for each"):
        WeightedBlocks({"a": nn.Identity()}, weights=(1.0, 2.0))


@pytest.mark.parametrize("layer", [RankGaussian, FeatureScales])
def test_rows_that_are_no_vectors_are_refused(layer: type[RankGaussian] | type[FeatureScales]) -> None:
    images = ClassIndex(torch.zeros(4, 1, 2, 2), torch.tensor([0, 0, 1, 1]), ("a", "b"))
    with pytest.raises(DataError, match="no vectors of features"):
        layer.fitted(images)
    with pytest.raises(LearnerError, match="features=0"):
        layer(0)
