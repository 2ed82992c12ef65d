"""Baselines of values over time: they are those of statsmodels, of scikit-learn, and of a count by hand."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.linear_model import Ridge

from quickstudy import Examples
from quickstudy.evaluation.mixed_effects import MixedEffects
from quickstudy.evaluation.over_time import last_value, pooled_ridge, process_of_time, shrunken_line, support_mean

TIMES, VALUES = np.array([3.0, 0.0, 1.0, 7.0]), np.array([2.5, 1.0, 0.5, 4.0])
SUPPORT = Examples.of(torch.from_numpy(TIMES)[:, None], torch.from_numpy(VALUES))


def time(x: Any) -> NDArray[np.float64]:
    return np.asarray(x[:, 0].double())


def design(x: Any) -> NDArray[np.float64]:
    return np.stack([np.ones(len(x)), time(x)], 1)


def test_the_last_value_is_the_latest_not_the_last_row() -> None:
    assert last_value(time)(SUPPORT[:3])(torch.zeros(2, 1)).flatten().tolist() == [2.5, 2.5]
    assert support_mean(time)(SUPPORT)(torch.zeros(1, 1)).item() == 2.0


@pytest.mark.parametrize("penalty", [0.1, 3.0])
def test_a_shrunken_line_is_scikit_learns_ridge(penalty: float) -> None:
    model = Ridge(penalty).fit(TIMES[:, None], VALUES)
    found = shrunken_line(time, penalty)(SUPPORT)(torch.tensor([[10.0], [2.0]], dtype=torch.float64))
    np.testing.assert_allclose(found[:, 0].numpy(), model.predict([[10.0], [2.0]]))


def test_one_value_is_a_line_without_a_slope() -> None:
    assert shrunken_line(time, 0.0)(SUPPORT[:1])(torch.ones(1, 1)).item() == 2.5


def test_a_pooled_ridge_is_moved_to_the_support_set() -> None:
    x, y = torch.randn(30, 1, dtype=torch.float64), torch.randn(30, 1, dtype=torch.float64)
    model = Ridge(2.0).fit(design(x), y[:, 0].numpy())
    queries = torch.tensor([[5.0]], dtype=torch.float64)
    shift = VALUES.mean() - model.predict(design(SUPPORT.x)).mean()
    expected = model.predict(design(queries))[0]
    assert pooled_ridge(design, x, y, 2.0, shifted=False)(SUPPORT)(queries).item() == pytest.approx(expected)
    assert pooled_ridge(design, x, y, 2.0)(SUPPORT)(queries).item() == pytest.approx(expected + shift)


def test_mixed_effects_are_the_predictions_of_statsmodels() -> None:
    """For the tasks of the fit itself statsmodels gives the random effects and their covariance."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    generator = np.random.default_rng(0)
    tasks = np.repeat(np.arange(20), 6)
    at = generator.uniform(0, 2, 120)
    effects = generator.normal(size=(20, 2)) * [2.0, 1.0] + [5.0, -1.0]
    y = effects[tasks, 0] + effects[tasks, 1] * at + 0.3 * generator.normal(size=120)
    x = torch.from_numpy(at)[:, None]
    ours = MixedEffects.fitted(design, x, torch.from_numpy(y), torch.from_numpy(tasks))
    theirs = MixedLM(y, design(x), groups=tasks, exog_re=design(x)).fit()
    np.testing.assert_allclose(ours.fixed, theirs.fe_params)
    mine = tasks == 7
    queries = torch.tensor([[0.0], [1.5]], dtype=torch.float64)
    mean, deviation = ours(Examples.of(x[mine], torch.from_numpy(y[mine])))(queries)
    wanted = design(queries) @ (theirs.fe_params + theirs.random_effects[7])
    np.testing.assert_allclose(mean[:, 0].numpy(), wanted, rtol=1e-6)
    left = theirs.random_effects_cov[7]
    variance = np.einsum("qd,de,qe->q", design(queries), left, design(queries)) + theirs.scale
    np.testing.assert_allclose(deviation[:, 0].numpy(), np.sqrt(variance), rtol=1e-6)


def test_a_process_of_one_subject_passes_through_its_values() -> None:
    mean, deviation = process_of_time(time, 2.0, 1.5)(SUPPORT)(torch.cat([SUPPORT.x, torch.full((1, 1), 50.0)]))
    assert float((mean[:4] - SUPPORT.y).abs().max()) < 0.6
    assert float(deviation[4]) > 2 * float(deviation[:4].max())
