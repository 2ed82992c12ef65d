"""Each feature by its rank among the rows of meta-training, as a number of a standard normal distribution.

Source: van der Waerden, 1952, Order tests for the two-sample problem and their power (normal scores).
"""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.store import pieces_of
from quickstudy.errors import DataError, LearnerError
from quickstudy.storage.blueprint import Recorded

__all__ = ["RankGaussian"]

_MOST = 0.999
"""Ranks end here and at 0.001, so that scores lie within ±3.09, also of rows beyond all others."""


class RankGaussian(Recorded, nn.Module):
    """``z_j = Φ⁻¹(F_j(x_j))`` with the distribution F_j of feature j among the rows that it was fitted to.

    Features of any scale and shape become comparable, outliers lose their weight, and a monotone change of a feature (another
    unit, a gamma curve) changes nothing. Between K + 1 quantiles q the score rises in straight lines,
    ``z = g_0 + Σ_k (g_{k+1} − g_k) · clip((x − q_k) / (q_{k+1} − q_k), 0, 1)`` with ``g_k = Φ⁻¹(k / K)``.
    A feature that is the same in all rows is zero. Before it is fitted, x between −3 and 3 stays as it is.

    Args:
        features: D.
        knots: K.

    Raises:
        LearnerError: sizes that are not positive.

    Shapes:
        (examples, features) -> the same

    >>> index = ClassIndex(torch.arange(101.0)[:, None] ** 3, torch.arange(101) % 2, ("a", "b"))
    >>> RankGaussian.fitted(index)(torch.tensor([[0.0], [50.0**3], [1e9]])).round(decimals=2)
    tensor([[-3.0900],
            [ 0.0000],
            [ 3.0900]])
    """

    quantiles: Tensor
    scores: Tensor

    def __init__(self, features: int, knots: int = 32) -> None:
        super().__init__()
        if features < 1 or knots < 1:
            raise LearnerError(f"features={features} and knots={knots} must be positive.")
        shares = torch.linspace(0, 1, knots + 1, dtype=torch.float64).clamp(1 - _MOST, _MOST)
        scores = torch.special.ndtri(shares).float()
        self.register_buffer("scores", scores)
        self.register_buffer("quantiles", scores[:, None].repeat(1, features))

    @classmethod
    def fitted(cls, index: ClassIndex, knots: int = 32, *, of: Sequence[int] | None = None) -> Self:
        """To the rows of the meta-training classes.

        Args:
            index: rows (R, D) of features.
            knots: as above.
            of: numbers of the classes whose rows count; None counts all.

        Raises:
            DataError: rows that are no vectors of features.
            LearnerError: as above.
        """
        parts = [(x, torch.ones_like(y) if of is None else torch.isin(y, torch.tensor(of))) for x, y in pieces_of(index)]
        x = torch.cat([x[counted.bool()] for x, counted in parts])
        if x.ndim != 2 or not x.is_floating_point():
            raise DataError(f"{index.name}: rows of shape {tuple(x.shape[1:])} are no vectors of features.")
        layer = cls(x.shape[1], knots)
        ordered = x.double().sort(0).values
        places = torch.linspace(0, 1, knots + 1, dtype=torch.float64) * (len(ordered) - 1)
        low, share = places.floor().long(), places.frac()[:, None]
        layer.quantiles.copy_(torch.lerp(ordered[low], ordered[(low + 1).clamp(max=len(ordered) - 1)], share))
        return layer

    def forward(self, x: Tensor) -> Tensor:
        widths, rises = self.quantiles.diff(dim=0), self.scores.diff()
        steps = widths <= 0  # of equal quantiles the score jumps, by half at the value itself
        widths = widths.masked_fill(steps, 1.0)
        found = self.scores[0].expand_as(x).to(x.dtype)
        for knot, low in enumerate(self.quantiles[:-1]):
            there = torch.where(steps[knot], ((x - low).sign() + 1) / 2, ((x - low) / widths[knot]).clamp(0, 1))
            found = found + rises[knot].to(x.dtype) * there.to(x.dtype)
        return found

    def extra_repr(self) -> str:
        return f"{self.quantiles.shape[1]}, knots={len(self.quantiles) - 1}"
