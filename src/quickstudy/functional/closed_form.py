"""A linear model of one task solved for exactly: ridge regression.

Few examples of many features make systems of S × S numbers. They are solved in double precision, and every step has a gradient.
All weights have a bias, the weight of one more feature that is always 1, penalised like the others.
"""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["LinearModel", "ridge"]


class LinearModel(NamedTuple):
    """What is remembered of a support set: weights (P, D), biases (P,), which of the outputs the support set has (P,)."""

    weight: Tensor
    bias: Tensor
    present: Tensor

    def __call__(self, x_QD: Tensor) -> Tensor:
        """Outputs (Q, P); few outputs of many examples are computed faster in this order."""
        return (self.weight @ x_QD.mT).mT.contiguous() + self.bias


def ridge(x_SD: Tensor, y_SP: Tensor, mask_S: Tensor, penalty: Tensor) -> tuple[Tensor, Tensor]:
    """Weights W (P, D) and biases b (P,) that minimise ``Σ_s ‖W x_s + b − y_s‖² + λ ‖W, b‖²``.

    With X the rows ``(x_s, 1)``, whichever system is smaller:

        ``(W, b)ᵀ = Xᵀ (X Xᵀ + λ I)^{-1} Y   =   (Xᵀ X + λ I)^{-1} Xᵀ Y``

    Args:
        x_SD: features.
        y_SP: targets; classes as columns of zeros and ones.
        mask_S: 1 for real rows.
        penalty: λ, a positive scalar.

    >>> weight, bias = ridge(torch.tensor([[1.0], [-1.0]]), torch.tensor([[1.0], [-1.0]]), torch.ones(2), torch.tensor(2.0))
    >>> weight, bias  # 2 / (2 + λ)
    (tensor([[0.5000]]), tensor([0.]))
    """
    y_SP = y_SP * mask_S[:, None]
    if x_SD.shape[0] <= x_SD.shape[1]:
        products = _products(x_SD, mask_S)
        return _joined(x_SD, _solved(products + penalty * _unit(products), _precise(y_SP)).to(x_SD.dtype).mT)
    wide = torch.cat([x_SD, torch.ones_like(x_SD[:, :1])], 1) * mask_S[:, None]
    products = _precise(wide.mT @ wide)
    both = _solved(products + penalty * _unit(products), _precise(wide.mT @ y_SP)).to(x_SD.dtype)
    return both[:-1].mT, both[-1]


def _products(x_SD: Tensor, mask_S: Tensor) -> Tensor:
    """``X Xᵀ`` of rows with a feature of one; rows of padding are zero."""
    return _precise((x_SD @ x_SD.mT + 1) * mask_S[:, None] * mask_S)


def _joined(x_SD: Tensor, a_PS: Tensor) -> tuple[Tensor, Tensor]:
    """Weights and biases out of the share that each row has in them, which is zero for padding."""
    return a_PS @ x_SD, a_PS.sum(1)


def _solved(system: Tensor, right: Tensor) -> Tensor:
    """NaN, and no error from within, where features grew beyond all bounds: `train` says then at which step, and the remedy."""
    solution: Tensor = torch.linalg.solve_ex(system, right).result
    return solution


def _unit(square: Tensor) -> Tensor:
    return torch.eye(square.shape[-1], dtype=square.dtype, device=square.device)


def _precise(x: Tensor) -> Tensor:
    """In double precision, where the device knows it."""
    return x if x.device.type == "mps" else x.double()
