"""Baselines of a value over time that know one subject alone, or lines pooled over subjects."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.task import Examples

__all__ = ["Time", "last_value", "pooled_ridge", "process_of_time", "shrunken_line", "support_mean"]

Time = Callable[[Any], NDArray[np.float64]]
"""From inputs (R, …) to the time of each row (R,)."""


def last_value(time: Time) -> Callable[[Examples], Callable[[Any], Tensor]]:
    """The latest value of the support set, for ever."""

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        last = support.y[int(time(support.x).argmax())]
        return lambda x: last.expand(len(time(x)), -1)

    return fitted


def support_mean(time: Time) -> Callable[[Examples], Callable[[Any], Tensor]]:
    """The mean of the support set."""
    return lambda support: lambda x: support.y.mean(0).expand(len(time(x)), -1)


def shrunken_line(time: Time, penalty: float) -> Callable[[Examples], Callable[[Any], Tensor]]:
    """A line through the support set by ridge regression: the slope is shrunk to zero, the level is free.

    >>> of = shrunken_line(lambda x: x[:, 0].double().numpy(), penalty=0.0)
    >>> of(Examples.of(torch.tensor([[0.0], [1.0]]), torch.tensor([0.5, 1.5])))(torch.tensor([[3.0]]))
    tensor([[3.5000]])
    """

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        at, y = time(support.x), support.y[:, 0].double().numpy()
        apart = at - at.mean()
        slope = apart @ (y - y.mean()) / max(apart @ apart + penalty, 1e-12)
        return lambda x: _column(y.mean() + slope * (time(x) - at.mean()), support)

    return fitted


def pooled_ridge(
    design: Callable[[Any], NDArray[np.float64]], x: Any, y: Tensor, penalty: float, *, shifted: bool = True
) -> Callable[[Examples], Callable[[Any], Tensor]]:
    """One ridge regression on rows of many subjects, moved up or down to a new subject's support set.

    Args:
        design: from inputs to columns of the regression.
        x, y: rows of meta-training (R, …) and their values (R, 1).
        penalty: of the regression.
        shifted: False leaves the support set out.
    """
    from sklearn.linear_model import Ridge

    model = Ridge(penalty).fit(design(x), y[:, 0].double().numpy())

    def fitted(support: Examples) -> Callable[[Any], Tensor]:
        shift = float(support.y.double().mean() - model.predict(design(support.x)).mean()) if shifted else 0.0
        return lambda rows: _column(model.predict(design(rows)) + shift, support)

    return fitted


def process_of_time(time: Time, mean: float, deviation: float) -> Callable[[Examples], Callable[[Any], tuple[Tensor, Tensor]]]:
    """A Gaussian process of one subject: level, line, smooth curve and noise, weighed by its marginal likelihood.

    Args:
        time: in units over which a curve bends.
        mean, deviation: of values, by which they are scaled.
    """
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, DotProduct, WhiteKernel

    line = ConstantKernel(0.1, (1e-3, 10)) * DotProduct(1.0, (0.01, 10))
    curve = ConstantKernel(0.1, (1e-3, 10)) * RBF(1.0, (0.2, 5))
    kernel = ConstantKernel(1.0, (0.01, 100)) + line + curve + WhiteKernel(1e-3, (1e-5, 0.1))

    def fitted(support: Examples) -> Callable[[Any], tuple[Tensor, Tensor]]:
        model = GaussianProcessRegressor(kernel, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a value at the border of its range, which few rows bring about
            model.fit(time(support.x)[:, None], (support.y[:, 0].double().numpy() - mean) / deviation)

        def predict(x: Any) -> tuple[Tensor, Tensor]:
            middle, spread = model.predict(time(x)[:, None], return_std=True)
            return _column(mean + deviation * middle, support), _column(deviation * spread, support)

        return predict

    return fitted


def _column(values: NDArray[np.float64], support: Examples) -> Tensor:
    return torch.from_numpy(np.asarray(values))[:, None].to(support.y.dtype)
