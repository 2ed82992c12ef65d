"""A linear model of one task solved for exactly: ridge regression.

Few examples of many features make systems of S × S numbers. They are solved in double precision, and every step has a gradient.
All weights have a bias, the weight of one more feature that is always 1, penalised like the others.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

__all__ = ["LinearModel", "Start", "answered", "balanced", "ridge", "started"]


class Start(NamedTuple):
    """Features (S, D) of rows, and the outputs (S, P) that a model of a task starts at and shrinks to."""

    features: Tensor
    outputs: Tensor


def started(features: Tensor, prior: nn.Module | None) -> Tensor | Start:
    """Features as they are, or with the outputs ``prior(f(x))`` of a network that knows no task."""
    return features if prior is None else Start(features, prior(features).flatten(1))


class LinearModel(NamedTuple):
    """What is remembered of a support set: weights (P, D), biases (P,), which of the outputs the support set has (P,)."""

    weight: Tensor
    bias: Tensor
    present: Tensor

    def __call__(self, x_QD: Tensor) -> Tensor:
        """Outputs (Q, P); few outputs of many examples are computed faster in this order."""
        return (self.weight @ x_QD.mT).mT.contiguous() + self.bias


def answered(present: Tensor, mask_S: Tensor) -> Tensor:
    """Which outputs (N,) a model that starts at a prior has: those of the support set, and all where there are no rows at all."""
    return torch.where(mask_S.sum() > 0, present, torch.ones_like(present))


def ridge(x_SD: Tensor, y_SP: Tensor, mask_S: Tensor, penalty: Tensor) -> tuple[Tensor, Tensor]:
    """Weights W (P, D) and biases b (P,) that minimise ``Σ_s m_s ‖W x_s + b − y_s‖² + λ ‖W, b‖²``.

    With X the rows ``√m_s (x_s, 1)`` and Y the rows ``√m_s y_s``, whichever system is smaller:

        ``(W, b)ᵀ = Xᵀ (X Xᵀ + λ I)^{-1} Y   =   (Xᵀ X + λ I)^{-1} Xᵀ Y``

    Args:
        x_SD: features.
        y_SP: targets; classes as columns of zeros and ones.
        mask_S: m, the weight of each row, 0 for padding.
        penalty: λ, a positive scalar.

    >>> weight, bias = ridge(torch.tensor([[1.0], [-1.0]]), torch.tensor([[1.0], [-1.0]]), torch.ones(2), torch.tensor(2.0))
    >>> weight, bias  # 2 / (2 + λ)
    (tensor([[0.5000]]), tensor([0.]))
    """
    root = mask_S.sqrt()[:, None]
    wide, y_SP = torch.cat([x_SD, torch.ones_like(x_SD[:, :1])], 1) * root, y_SP * root
    if x_SD.shape[0] <= x_SD.shape[1]:
        products = _precise(wide @ wide.mT)
        both = wide.mT @ _solved(products + penalty * _unit(products), _precise(y_SP)).to(x_SD.dtype)
    else:
        products = _precise(wide.mT @ wide)
        both = _solved(products + penalty * _unit(products), _precise(wide.mT @ y_SP)).to(x_SD.dtype)
    return both[:-1].mT, both[-1]


def balanced(y_SN: Tensor, mask_S: Tensor) -> Tensor:
    """Weights of rows (S,), ``S / (N n_c)`` for a row of class c with n_c of S rows: each of the N classes counts the same.

    Those of scikit-learn's ``class_weight="balanced"``: they sum to the number of rows, and rows of padding weigh nothing.

    Args:
        y_SN: classes, one-hot.
        mask_S: 1 for real rows.

    >>> balanced(torch.eye(2)[[0, 0, 0, 1]], torch.ones(4))
    tensor([0.6667, 0.6667, 0.6667, 2.0000])
    """
    counts = (y_SN * mask_S[:, None]).sum(0)
    each = mask_S.sum() / (counts.clamp(min=1) * (counts > 0).sum().clamp(min=1))
    return (y_SN * each).sum(1) * mask_S


def _solved(system: Tensor, right: Tensor) -> Tensor:
    """NaN, and no error from within, where features grew beyond all bounds: `train` says then at which step, and the remedy."""
    solution: Tensor = torch.linalg.solve_ex(system, right).result
    return solution


def _unit(square: Tensor) -> Tensor:
    return torch.eye(square.shape[-1], dtype=square.dtype, device=square.device)


def _precise(x: Tensor) -> Tensor:
    """In double precision, where the device knows it."""
    return x if x.device.type == "mps" else x.double()
