"""Linear models of one task solved for exactly: ridge regression, and logistic regression by Newton's method.

Few examples of many features make systems of S × S numbers. They are solved in double precision, and every step has a gradient.
All weights have a bias, the weight of one more feature that is always 1, penalised like the others.
"""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["LinearModel", "logistic", "ridge"]

_NEVER = -1e30
"""The logit of a class that is not there: its probability is exactly zero."""


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


def logistic(x_SD: Tensor, y_SN: Tensor, mask_S: Tensor, penalty: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Weights W (N, D) and biases b (N,) after Newton's steps on ``Σ_s −log softmax(W x_s + b)[y_s] + ½ λ ‖W, b‖²`` from zero.

    The optimum is ``(W, b)ᵀ = Xᵀ A / λ`` with X the rows ``(x_s, 1)``, and a step (iteratively reweighted least squares) solves
    for A: with ``K = X Xᵀ / λ``, probabilities P of the logits ``F = K A``, ``D_n`` the diagonal matrix of class n of P and
    ``E_n = (I + D_n K)^{-1} D_n``,

        ``b_n = p_n (f_n − Σ_m p_m f_m) + y_n − p_n``,   ``a_n ← b_n − E_n K b_n + E_n (Σ_m E_m)^{-1} Σ_m E_m K b_m``

    which are N + 1 systems of S × S numbers instead of one of N S × N S. The first step, where all classes are alike, is one:
    the ridge regression ``A = (I + K / N)^{-1} (Y − 1 / N)``. Later ones go as far towards ``A`` as lowers the objective most:
    whole steps can lead astray where the penalty is small beside the squared features. Classes without a row stay out.
    scikit-learn's ``C`` is 1 / λ, and 2 / λ for two classes, whose log-odds alone it penalises.

    Source: Rasmussen & Williams, 2006, Gaussian processes for machine learning, algorithm 3.3.

    Args:
        x_SD: features.
        y_SN: classes.
        mask_S: 1 for real rows.
        penalty: λ, a positive scalar.
        steps: of Newton's method.

    >>> weight, bias = logistic(torch.tensor([[1.0], [-1.0]]), torch.eye(2), torch.ones(2), torch.tensor(1.0), steps=5)
    >>> weight[0] - 2 * torch.sigmoid(-2 * weight[0])  # w = 2 (1 − p) for logits ±w
    tensor([0.])
    """
    y_NS = _precise((y_SN * mask_S[:, None]).mT)
    products = _products(x_SD, mask_S) / penalty
    unit, padding = _unit(products), torch.diag(_precise(1 - mask_S))
    present_N1 = y_NS.sum(1, keepdim=True) > 0
    alike = 1 / present_N1.to(y_NS.dtype).sum().clamp(min=1)
    a_NS = _solved(unit + alike * products, (y_NS - alike * present_N1 * mask_S).mT).mT
    f_NS = a_NS @ products
    for _ in range(steps - 1):
        p = torch.where(present_N1, f_NS, _NEVER).softmax(0) * mask_S
        b = p * (f_NS - (p * f_NS).sum(0)) + y_NS - p
        e_NSS = torch.linalg.inv_ex(unit + p[..., None] * products).inverse * p[:, None]
        pulled = (e_NSS @ (b @ products)[..., None])[..., 0]
        aim = b - pulled + e_NSS @ _solved(e_NSS.sum(0) + padding, pulled.sum(0))
        ahead = aim @ products
        share = _share((a_NS.detach(), aim.detach()), (f_NS.detach(), ahead.detach()), y_NS, present_N1)
        a_NS, f_NS = a_NS + share * (aim - a_NS), f_NS + share * (ahead - f_NS)
    return _joined(x_SD, (a_NS / penalty).to(x_SD.dtype))


def _share(a_NS: tuple[Tensor, Tensor], f_NS: tuple[Tensor, Tensor], y_NS: Tensor, present_N1: Tensor) -> Tensor:
    """How much of the way to go: 1, ½ … or 1/64, whichever lowers the objective most; all where only rounding differs."""
    shares = 0.5 ** torch.arange(7, dtype=y_NS.dtype, device=y_NS.device)
    a, f = (start + shares[:, None, None] * (end - start) for start, end in (a_NS, f_NS))
    objectives = ((a / 2 - y_NS) * f + y_NS * torch.where(present_N1, f, _NEVER).logsumexp(1, keepdim=True)).sum((1, 2))
    return shares[(objectives - 1e-9 * objectives * (shares == 1)).argmin()]


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
