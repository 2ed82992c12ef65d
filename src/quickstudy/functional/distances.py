"""Distances and similarities between rows, and the class means they are taken to."""

import torch
from torch import Tensor
from torch.linalg import vecdot, vector_norm

__all__ = ["class_means", "cosine_distance", "squared_distance"]


def squared_distance(a: Tensor, b: Tensor) -> Tensor:
    """Squared Euclidean distances ``‖a_i − b_j‖²``, shapes (Q, D), (N, D) -> (Q, N).

    Written as ``‖a‖² − 2 a·b + ‖b‖²``, one matrix product, after both were moved by the mean of ``b``, which leaves
    the distances as they are and saves digits where all rows lie far from the origin.

    >>> squared_distance(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]]))
    tensor([[25.]])
    """
    centre = b.mean(0)
    a, b = a - centre, b - centre
    return _squares(a)[:, None] - ((2 * b) @ a.mT).mT.contiguous() + _squares(b)


def _squares(x: Tensor) -> Tensor:
    """Squared lengths of rows; by the norm, whose second derivative at zero is NaN, only where no gradient is asked for."""
    squares: Tensor = vecdot(x, x) if torch.is_grad_enabled() else vector_norm(x, dim=-1) ** 2
    return squares


def cosine_distance(a: Tensor, b: Tensor, eps: float = 1e-8) -> Tensor:
    """One minus the cosines between rows, shapes (Q, D), (N, D) -> (Q, N); a zero row is at distance 1 of everything.

    >>> cosine_distance(torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([[0., 1.]])
    """
    return 1 - _unit(a, eps) @ _unit(b, eps).mT


def _unit(x: Tensor, eps: float) -> Tensor:
    return x / ((x**2).sum(-1, keepdim=True) + eps**2).sqrt()


def class_means(z_SD: Tensor, y_SN: Tensor, mask_S: Tensor) -> Tensor:
    """The mean of each class's real rows, ``c_n = Σ_s y_sn m_s z_s / Σ_s y_sn m_s``, shape (N, D); 0 where a class has none.

    >>> class_means(torch.tensor([[1.0], [3.0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.ones(2))
    tensor([[2.],
            [0.]])
    """
    weight_SN = y_SN * mask_S[:, None]
    return (weight_SN.mT @ z_SD) / weight_SN.sum(0).clamp(min=1)[:, None]
