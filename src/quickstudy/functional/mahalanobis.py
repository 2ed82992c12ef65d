"""Mahalanobis distances to classes whose covariances are regularised by that of the whole support set.

Source: Bateni, Goyal, Masrani, Wood & Sigal, 2020, Improved few-shot visual classification (Simple CNAPS).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from quickstudy.functional.distances import class_means, squared_distance

__all__ = ["Ellipsoids", "ellipsoids", "mahalanobis_distance"]


class Ellipsoids(NamedTuple):
    """Classes as means with covariances Q_n, kept as ``Q_n^{-1} = I − Bᵀ K_n B`` in the span of the support set.

    Few examples make it small: (S, D) and (N, S, S) numbers instead of (N, D, D); many never make it larger than that.

    Args:
        means: of the classes, (N, D).
        basis: B, (R, D) with R = min(S, D): the centred support features, or the unit matrix where these are more than D.
        inner: K_n, (N, R, R).
        counts: how many examples each class has, (N,).
    """

    means: Tensor
    basis: Tensor
    inner: Tensor
    counts: Tensor


def ellipsoids(z_SD: Tensor, y_SN: Tensor, mask_S: Tensor) -> Ellipsoids:
    """Means and regularised covariances of the classes.

        ``Q_n = λ_n Σ_n + (1 − λ_n) Σ + I``,    ``λ_n = S_n / (S_n + 1)``

    Σ_n is the covariance of the S_n examples of class n (of one example: zero), Σ that of all S. With the centred features
    B, every such sum is ``Bᵀ M_n B + I`` with an S × S matrix M_n, so that its inverse needs an S × S system alone:
    ``K_n = (I + M_n B Bᵀ)^{-1} M_n``. The paper inverts D × D matrices; the numbers are the same.

    >>> found = ellipsoids(torch.tensor([[0.0], [2.0]]), torch.tensor([[1.0], [1.0]]), torch.ones(2))
    >>> found.means, mahalanobis_distance(torch.tensor([[4.0]]), found)
    (tensor([[1.]]), tensor([[1.5000]]))
    """
    weight_NS = (y_SN * mask_S[:, None]).mT
    counts = weight_NS.sum(1)
    share = (counts / (counts + 1))[:, None, None]
    spread = _between_rows if z_SD.shape[0] <= z_SD.shape[1] else _between_features
    centre = (mask_S @ z_SD) / mask_S.sum().clamp(min=1)
    basis = (z_SD - centre) * mask_S[:, None]
    mixed = share * spread(basis, weight_NS) + (1 - share) * spread(basis, mask_S[None])
    unit = torch.eye(mixed.shape[1], dtype=z_SD.dtype, device=z_SD.device)
    if spread is _between_rows:
        inner = torch.linalg.solve(unit + mixed @ (basis @ basis.mT), mixed)
    else:
        inner, basis = unit - torch.linalg.inv(unit + mixed), unit
    return Ellipsoids(class_means(z_SD, y_SN, mask_S), basis, inner.contiguous(), counts)  # as a file keeps it


def _between_rows(z_SD: Tensor, weight_NS: Tensor) -> Tensor:
    """Matrices C_n with ``Zᵀ C_n Z`` = the covariance (divided by S_n − 1) of the rows that class n weighs, (N, S, S)."""
    counts = weight_NS.sum(1)[:, None, None]
    outer = weight_NS[:, :, None] * weight_NS[:, None, :] / counts.clamp(min=1)
    return (torch.diag_embed(weight_NS) - outer) / (counts - 1).clamp(min=1)


def _between_features(z_SD: Tensor, weight_NS: Tensor) -> Tensor:
    """The covariances themselves, (N, D, D)."""
    counts = weight_NS.sum(1)[:, None, None]
    away_NSD = z_SD - (weight_NS @ z_SD)[:, None] / counts.clamp(min=1)
    return (weight_NS[..., None] * away_NSD).mT @ away_NSD / (counts - 1).clamp(min=1)


def mahalanobis_distance(x_QD: Tensor, classes: Ellipsoids) -> Tensor:
    """``½ (x − μ_n)ᵀ Q_n^{-1} (x − μ_n)``, shape (Q, N); the logits of Simple CNAPS are its negative."""
    along_QNR = (x_QD @ classes.basis.mT)[:, None] - classes.means @ classes.basis.mT
    explained = torch.einsum("qnr,nrs,qns->qn", along_QNR, classes.inner, along_QNR)
    return (squared_distance(x_QD, classes.means) - explained) / 2
