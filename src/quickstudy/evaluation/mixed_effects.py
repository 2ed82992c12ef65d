"""The statistician's baseline for repeated measurements: a linear mixed-effects model, fitted by statsmodels.

Source: Laird & Ware, 1982, Random-effects models for longitudinal data.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.errors import MissingExtra
from quickstudy.task import Examples

__all__ = ["Design", "MixedEffects"]

Design = Callable[[Any], NDArray[np.float64]]
"""From inputs (R, …) to the columns of effects (R, D), the constant among them."""


@dataclass(frozen=True)
class MixedEffects:
    """``y = z(x) (β + u_task) + ε`` with ``u ~ N(0, G)`` and ``ε ~ N(0, σ²)``: β, G, σ² are fitted to many tasks.

    For a new task the mean and the deviation of ``z(x) (β + u)`` given its support set are exact (the best linear unbiased
    prediction); β, G and σ² are taken as known.

    Args:
        design: z.
        fixed: β, (D,).
        covariance: G, (D, D).
        noise: σ².
    """

    design: Design
    fixed: NDArray[np.float64]
    covariance: NDArray[np.float64]
    noise: float

    @classmethod
    def fitted(cls, design: Design, x: Any, y: Tensor, tasks: Tensor) -> "MixedEffects":
        """By restricted maximum likelihood, to rows (R, …) with values (R,) of numbered tasks (R,).

        Raises:
            MissingExtra: statsmodels is not installed.
        """
        try:
            from statsmodels.regression.mixed_linear_model import MixedLM
        except ImportError as error:
            raise MissingExtra.of("statistics", "a mixed-effects model") from error
        z = design(x)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of convergence on the border: a variance of zero is an answer
            found = MixedLM(y.double().numpy(), z, groups=tasks.numpy(), exog_re=z).fit()
        return cls(design, np.asarray(found.fe_params), np.asarray(found.cov_re), float(found.scale))

    def __call__(self, support: Examples) -> Callable[[Any], tuple[Tensor, Tensor]]:
        """A function from inputs to means and deviations, (Q, 1) each."""
        z, y = self.design(support.x), support.y[:, 0].double().numpy()
        gain = self.covariance @ z.T @ np.linalg.inv(z @ self.covariance @ z.T + self.noise * np.eye(len(z)))
        effects = self.fixed + gain @ (y - z @ self.fixed)
        left = self.covariance - gain @ z @ self.covariance

        def predict(x: Any) -> tuple[Tensor, Tensor]:
            rows = self.design(x)
            variance = np.einsum("qd,de,qe->q", rows, left, rows).clip(0) + self.noise
            return tuple(torch.from_numpy(v)[:, None].to(support.y.dtype) for v in (rows @ effects, np.sqrt(variance)))  # type: ignore[return-value]

        return predict
