"""Linear models of one task solved for exactly: ridge regression, and logistic regression by Newton's method.

Few examples of many features make systems of S × S numbers. They are solved in double precision, and every step has a gradient.
All weights have a bias, the weight of one more feature that is always 1, penalised like the others.
"""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["LinearModel", "logistic", "ridge"]


class LinearModel(NamedTuple):
    """What is remembered of a support set: weights (P, D), biases (P,), which of the outputs the support set speaks of (P,)."""

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
        return _joined(x_SD, _solve(_products(x_SD, mask_S), y_SP, penalty))
    wide = torch.cat([x_SD, torch.ones_like(x_SD[:, :1])], 1) * mask_S[:, None]
    both = _solve(wide.mT @ wide, wide.mT @ y_SP, penalty)
    return both[:-1].mT, both[-1]


def logistic(x_SD: Tensor, y_SN: Tensor, mask_S: Tensor, penalty: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """Weights W (N, D) and biases b (N,) after Newton's steps on ``Σ_s −log softmax(W x_s + b)[y_s] + ½ λ ‖W, b‖²`` from zero.

    The optimum is ``(W, b)ᵀ = Xᵀ A / λ`` with X the rows ``(x_s, 1)``, and a step (iteratively reweighted least squares) solves
    for A: with ``K = X Xᵀ / λ``, probabilities P of the logits ``F = K A``, ``D_n`` the diagonal matrix of column n of P and
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
    y_SN = _precise(y_SN * mask_S[:, None])
    products = _products(x_SD, mask_S) / penalty
    unit, padding = _unit(products), torch.diag_embed(_precise(1 - mask_S))
    present = y_SN.sum(0) > 0
    share = 1 / present.sum().clamp(min=1)
    a_SN = torch.linalg.solve(unit + share * products, y_SN - share * present * mask_S[:, None])
    for _ in range(steps - 1):
        f = products @ a_SN
        p = torch.where(present, f, -torch.inf).softmax(-1) * mask_S[:, None]
        b = p * (f - (p * f).sum(-1, keepdim=True)) + y_SN - p
        e_NSS = torch.linalg.inv(unit + p.mT[..., None] * products) * p.mT[:, None]
        pulled = torch.einsum("nij,jn->in", e_NSS, products @ b)
        shared = torch.linalg.solve(e_NSS.sum(0) + padding, pulled.sum(-1))
        aim_SN = b - pulled + torch.einsum("nij,j->in", e_NSS, shared)
        a_SN = a_SN + _length(a_SN, aim_SN, products, y_SN, present) * (aim_SN - a_SN)
    return _joined(x_SD, (a_SN / penalty).to(x_SD.dtype))


def _length(a_SN: Tensor, aim_SN: Tensor, products: Tensor, y_SN: Tensor, present: Tensor) -> Tensor:
    """How much of the way to take: 1, ½ … or 1/64, whichever lowers the objective most; all where only rounding differs."""
    shares = 0.5 ** torch.arange(7, dtype=a_SN.dtype, device=a_SN.device)
    tried = a_SN.detach() + shares[:, None, None] * (aim_SN - a_SN).detach()
    f = products.detach() @ tried
    losses = -(torch.where(present, f, -torch.inf).log_softmax(-1).nan_to_num(neginf=0.0) * y_SN).sum((1, 2))
    objectives = losses + (tried * f).sum((1, 2)) / 2
    return shares[(objectives - 1e-9 * objectives * (shares == 1)).argmin()]


def _products(x_SD: Tensor, mask_S: Tensor) -> Tensor:
    """``X Xᵀ`` of rows with a feature of one; rows of padding are zero."""
    return _precise((x_SD @ x_SD.mT + 1) * mask_S[:, None] * mask_S)


def _joined(x_SD: Tensor, a_SP: Tensor) -> tuple[Tensor, Tensor]:
    """Weights and biases out of the share that each row has in them, which is zero for padding."""
    return a_SP.mT @ x_SD, a_SP.sum(0)


def _solve(products: Tensor, right: Tensor, penalty: Tensor) -> Tensor:
    system = _precise(products) + penalty * _unit(products)
    solved: Tensor = torch.linalg.solve(system, _precise(right))
    return solved.to(right.dtype)


def _unit(square: Tensor) -> Tensor:
    return torch.eye(square.shape[-1], dtype=_precise(square[:0]).dtype, device=square.device)


def _precise(x: Tensor) -> Tensor:
    """In double precision, where the device knows it."""
    return x if x.device.type == "mps" else x.double()
