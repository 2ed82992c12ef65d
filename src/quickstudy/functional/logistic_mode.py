"""Logistic regressions under normal priors: the mode of the posterior, Laplace's covariance there, and the evidence.

Source: Spiegelhalter & Lauritzen, 1990, Sequential updating of conditional probabilities on directed graphical structures;
MacKay, 1992, The evidence framework applied to classification networks.
"""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Mode", "logistic_mode"]

_SHARES = (1.0, 0.5, 0.25, 0.0625, 0.0)


class Mode(NamedTuple):
    """Of each of C posteriors: its mode (C, D), a root R (C, D, D) of its covariance ``R Rᵀ``, and its log evidence (C,)."""

    weight: Tensor
    root: Tensor
    evidence: Tensor


def logistic_mode(x_SD: Tensor, y_S: Tensor, mask_S: Tensor, mean_CD: Tensor, root_CDD: Tensor, steps: int = 10) -> Mode:
    """Newton's method for ``p(y = 1 | x) = σ(wᵀ x)``, ``w ~ N(μ, A Aᵀ)``, for C priors at once.

        ``w = μ + A v``,    ``v = argmax  Σ_s m_s log p(y_s | x_s) − ½ ‖v‖²``,    ``H = I + Aᵀ Xᵀ diag(m p (1 − p)) X A``

        ``w ~ N(μ + A v, A H⁻¹ Aᵀ)``,    ``log evidence = Σ_s m_s log p(y_s | x_s) − ½ ‖v‖² − ½ log det H``

    A step goes as far as fits best, of 1, ½, ¼ and 1/16 of it. Gradients are those of the optimum itself: the last step alone is
    differentiated, and at the optimum Newton's map does not depend on where it begins. A may be singular.

    Args:
        x_SD: rows; give a column of ones for a bias.
        y_S: 1 or 0.
        mask_S: m, 1 for real rows.
        mean_CD, root_CDD: μ and A of the priors.
        steps: of Newton's method.

    >>> one = torch.ones(1, 1)
    >>> mode = logistic_mode(one, torch.ones(1), torch.ones(1), torch.zeros(1, 1), torch.ones(1, 1, 1))
    >>> bool((mode.weight - torch.sigmoid(-mode.weight)).abs() < 1e-6)  # w = 1 − p at the mode
    True
    """
    rows_CSD = x_SD @ root_CDD
    offset_CS = mean_CD @ x_SD.mT

    def fit(v_CD: Tensor, rows: Tensor = rows_CSD, offset: Tensor = offset_CS) -> Tensor:
        f = (rows @ v_CD[..., None])[..., 0] + offset
        return ((f * y_S - torch.nn.functional.softplus(f)) * mask_S).sum(-1) - v_CD.square().sum(-1) / 2

    def step(v_CD: Tensor, rows: Tensor, offset: Tensor) -> tuple[Tensor, Tensor]:
        p = ((rows @ v_CD[..., None])[..., 0] + offset).sigmoid()
        slope = (rows.mT @ ((y_S - p) * mask_S)[..., None])[..., 0] - v_CD
        lower = torch.linalg.cholesky_ex(_hessian(rows, p, mask_S)).L
        return torch.cholesky_solve(slope[..., None], lower)[..., 0], lower

    v_CD = torch.zeros_like(mean_CD)
    still = rows_CSD.detach(), offset_CS.detach()
    for _ in range(steps):
        along, _ = step(v_CD, *still)
        tried = torch.stack([v_CD + share * along for share in _SHARES])  # (T, C, D)
        best = torch.stack([fit(each, *still) for each in tried.unbind(0)]).argmax(0)  # (C,)
        chosen = torch.nn.functional.one_hot(best, len(_SHARES)).to(tried.dtype)
        v_CD = torch.einsum("ct,tcd->cd", chosen, tried).detach()
    along, _ = step(v_CD, rows_CSD, offset_CS)
    v_CD = v_CD + along
    lower = step(v_CD, rows_CSD, offset_CS)[1]
    evidence = fit(v_CD) - lower.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    weight = mean_CD + (root_CDD @ v_CD[..., None])[..., 0]
    root = torch.linalg.solve_triangular(lower, root_CDD.mT, upper=False).mT
    return Mode(weight, root, evidence)


def _hessian(rows_CSD: Tensor, p_CS: Tensor, mask_S: Tensor) -> Tensor:
    found = (rows_CSD * (p_CS * (1 - p_CS) * mask_S)[..., None]).mT @ rows_CSD
    return found + torch.eye(found.shape[-1], dtype=found.dtype, device=found.device)
