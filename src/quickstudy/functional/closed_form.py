"""Linear models of one task solved for exactly: ridge regression, and logistic regression by Newton's method.

Few examples of many features make systems of S × S numbers. They are solved in double precision and every step has a gradient.
"""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["LinearModel", "logistic", "ridge", "with_bias"]


class LinearModel(NamedTuple):
    """What is remembered of a support set: weights (P, D), biases (P,), which of the outputs the support set speaks of (P,)."""

    weight: Tensor
    bias: Tensor
    present: Tensor


def with_bias(x_SD: Tensor, mask_S: Tensor) -> Tensor:
    """Features with a last column of ones, (S, D + 1); rows of padding are zero, and so weigh nothing in any product of them.

    >>> with_bias(torch.tensor([[2.0], [3.0]]), torch.tensor([1.0, 0.0]))
    tensor([[2., 1.],
            [0., 0.]])
    """
    return torch.cat([x_SD, torch.ones_like(x_SD[:, :1])], 1) * mask_S[:, None]


def ridge(x_SD: Tensor, y_SP: Tensor, penalty: Tensor) -> Tensor:
    """Weights (D, P) that minimise ``‖X W − Y‖² + λ ‖W‖²``.

        ``W = Xᵀ (X Xᵀ + λ I)^{-1} Y``   (S × S, where examples are fewer)   ``= (Xᵀ X + λ I)^{-1} Xᵀ Y``   (D × D)

    Args:
        x_SD: features; rows of padding are zero, here and in ``y_SP``.
        y_SP: targets, classes as columns of zeros and ones.
        penalty: λ, a positive scalar.

    >>> ridge(torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0], [2.0]]), torch.tensor(5.0))  # 5 / (5 + 5)
    tensor([[0.5000]])
    """
    if x_SD.shape[0] <= x_SD.shape[1]:
        return x_SD.mT @ _solve(x_SD @ x_SD.mT, y_SP, penalty)
    return _solve(x_SD.mT @ x_SD, x_SD.mT @ y_SP, penalty)


def _solve(products: Tensor, right: Tensor, penalty: Tensor) -> Tensor:
    system = _precise(products) + penalty * _unit(products)
    return torch.linalg.solve(system, _precise(right)).to(right.dtype)


def logistic(x_SD: Tensor, y_SN: Tensor, mask_S: Tensor, penalty: Tensor, steps: int) -> Tensor:
    """Weights (D, N) after some steps of Newton's method on ``Σ_s −log softmax(x_s W)[y_s] + ½ λ ‖W‖²`` from zero.

    The optimum is ``W = Xᵀ A``, and a step (iteratively reweighted least squares) solves for A: with ``K = X Xᵀ / λ``,
    probabilities P of the logits ``F = K A``, ``D_n`` the diagonal matrix of column n of P and ``E_n = (I + D_n K)^{-1} D_n``,

        ``b_n = p_n (f_n − Σ_m p_m f_m) + y_n − p_n``,   ``A ← b_n − E_n K b_n + E_n (Σ_m E_m)^{-1} Σ_m E_m K b_m``

    which are N + 1 systems of S × S numbers instead of one of N S × N S. Five steps reach four digits where the penalty is of
    the size of the squared features; weaker ones need more. Classes without a row stay out. scikit-learn's ``C`` is 1 / λ, and
    2 / λ for two classes, whose log-odds alone it penalises.

    Source: Rasmussen & Williams, 2006, Gaussian processes for machine learning, algorithm 3.3.

    Args:
        x_SD: features; rows of padding are zero.
        y_SN: classes.
        mask_S: 1 for real rows.
        penalty: λ, a positive scalar.
        steps: of Newton's method.

    >>> x, y = torch.tensor([[1.0], [-1.0]]), torch.eye(2)
    >>> logistic(x, y, torch.ones(2), torch.tensor(1.0), steps=5)  # w = 2 (1 − p) for logits ±w
    tensor([[ 0.5213, -0.5213]])
    """
    y_SN = _precise(y_SN * mask_S[:, None])
    products = _precise(x_SD @ x_SD.mT) / penalty
    unit, padding = _unit(products), torch.diag_embed(_precise(1 - mask_S))
    present = y_SN.sum(0) > 0
    a_SN = torch.zeros_like(y_SN)
    for _ in range(steps):
        f = products @ a_SN
        p = torch.where(present, f, -torch.inf).softmax(-1) * mask_S[:, None]
        b = p * (f - (p * f).sum(-1, keepdim=True)) + y_SN - p
        e_NSS = torch.linalg.inv(unit + p.mT[..., None] * products) * p.mT[:, None]
        pulled = torch.einsum("nij,jn->in", e_NSS, products @ b)
        shared = torch.linalg.solve(e_NSS.sum(0) + padding, pulled.sum(-1))
        a_SN = b - pulled + torch.einsum("nij,j->in", e_NSS, shared)
    return x_SD.mT @ (a_SN / penalty).to(x_SD.dtype)


def _unit(square: Tensor) -> Tensor:
    return torch.eye(square.shape[-1], dtype=_precise(square[:0]).dtype, device=square.device)


def _precise(x: Tensor) -> Tensor:
    """In double precision, where the device knows it."""
    return x if x.device.type == "mps" else x.double()
