"""A normal distribution fitted to vectors of which most entries are missing, and conditioned on those that are seen.

Source: Ghahramani & Jordan, 1994, Supervised learning from incomplete data via an EM approach.
"""

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["Normal", "conditioned", "incomplete_gaussian"]

_AT_ONCE = 64
"""Vectors that are solved for at once, padded to the longest of them."""


class Normal(NamedTuple):
    """Mean (I,) and covariance (I, I)."""

    mean: Tensor
    covariance: Tensor


def incomplete_gaussian(
    values_UI: Tensor,
    seen_UI: Tensor,
    *,
    noise: float,
    shrink: float = 0.0,
    rounds: int = 25,
    weights_U: Tensor | None = None,
) -> Normal:
    """Mean and covariance of ``f ~ N(μ, Σ)``, of which ``y = f + ε``, ``ε ~ N(0, n I)`` is seen in some entries, by EM.

    A round takes the posterior mean z_u and covariance V_u of each vector, and then ``μ ← mean z_u``,
    ``Σ ← mean (V_u + (z_u − μ)(z_u − μ)ᵀ)``; where nothing is missing, what the rounds end in is known at once. The result is
    shrunk towards equal variances a and equal covariances o, ``(1 − s) Σ + s ((a − o) I + o 1 1ᵀ)``, so that pairs of entries
    that few vectors have both are not believed too much. An entry that no vector has gets the mean of all and the variance
    that the others have on average.

    Args:
        values_UI: numbers; what is not seen counts for nothing.
        seen_UI: 1 where a number is seen.
        noise: n, the variance of the noise.
        shrink: s, from 0 to 1.
        rounds: of EM.
        weights_U: of the vectors, in all sums and means; without them all count alike.

    >>> complete = torch.tensor([[1.0, 2.0], [3.0, 2.0], [2.0, 5.0], [2.0, 3.0]]).double()
    >>> found = incomplete_gaussian(complete, torch.ones(4, 2), noise=0.1, rounds=500)
    >>> found.mean, found.covariance.diagonal() + 0.1  # the variances of the numbers
    (tensor([2., 3.], dtype=torch.float64), tensor([0.5000, 1.5000], dtype=torch.float64))
    """
    values, seen = values_UI.double(), seen_UI.double()
    weights = torch.ones_like(values[:, :1]) if weights_U is None else (weights_U / weights_U.mean()).double()[:, None]
    each, known = weights * seen, seen.sum(0) > 0
    overall = (values * each).sum() / each.sum().clamp(min=1e-12)
    mean = torch.where(known, (values * each).sum(0) / each.sum(0).clamp(min=1e-12), overall)
    variance = ((values - mean) ** 2 * each).sum() / each.sum().clamp(min=1e-12)
    if bool((seen > 0)[:, known].all()):
        return Normal(mean, _shrunk(_of_complete(weights.sqrt() * (values - mean) * known, noise), known, shrink))
    unit = torch.eye(mean.shape[0]).to(mean)
    covariance = variance * (0.75 * unit + 0.25)
    for _ in range(rounds):
        moved, outer = torch.zeros_like(mean), torch.zeros_like(covariance)
        for rows in torch.split(seen.sum(1).argsort(), _AT_ONCE):
            found = _posteriors(values[rows], seen[rows], weights[rows], Normal(mean, covariance), noise)
            moved, outer = moved + found[0], outer + found[1]
        change = moved / values.shape[0]
        mean = torch.where(known, mean + change, overall)
        covariance = _shrunk(covariance + outer / values.shape[0] - change[:, None] * change, known, shrink)
    return Normal(mean, covariance)


def _of_complete(rest: Tensor, noise: float) -> Tensor:
    """Of vectors with all entries the likelihood is largest at their covariance less n, no variance below 0."""
    spread, along = torch.linalg.eigh(rest.mT @ rest / rest.shape[0])
    covariance: Tensor = (along * (spread - noise).clamp(min=0)) @ along.mT
    return covariance


def _posteriors(values: Tensor, seen: Tensor, weights: Tensor, prior: Normal, noise: float) -> tuple[Tensor, Tensor]:
    """Weighted sums over vectors of z_u − μ, and of ``V_u − Σ + (z_u − μ)(z_u − μ)ᵀ``."""
    longest = max(1, int(seen.sum(1).max()))
    real, items = seen.topk(longest, dim=1)
    rest = (values - prior.mean).gather(1, items) * real
    rows = prior.covariance[items] * real[..., None]
    system = rows.gather(2, items[:, None].expand(-1, longest, -1)) * real[:, None]
    system = system + torch.diag_embed(noise * real + 1 - real)
    root = torch.linalg.cholesky(system)
    whitened = torch.linalg.solve_triangular(root, rows, upper=False)
    z = (whitened * torch.linalg.solve_triangular(root, rest[..., None], upper=False)).sum(1)
    flat = (whitened * weights.sqrt()[..., None]).flatten(0, 1)
    return (weights * z).sum(0), z.mT @ (weights * z) - flat.mT @ flat


def _shrunk(covariance: Tensor, known: Tensor, share: float) -> Tensor:
    """Towards equal variances and covariances; an entry that was never seen is as the others on average."""
    size = known.sum()
    inside = covariance * known[:, None] * known
    diagonal = inside.diagonal().sum() / size
    beside = (inside.sum() - inside.diagonal().sum()) / (size * (size - 1)).clamp(min=1)
    unit = torch.eye(covariance.shape[0]).to(covariance)
    equal = (diagonal - beside) * unit + beside
    both = known[:, None] & known
    return torch.where(both, (1 - share) * covariance + share * equal, equal)


def conditioned(prior: Normal, x_SI: Tensor, y_S: Tensor, mask_S: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Posterior mean (I,) and variance (I,) of f, of which ``y = x f + ε`` is seen, solved in double precision.

    Args:
        prior: of f.
        x_SI: which entry each number is of, one-hot rows.
        y_S: the numbers.
        mask_S: 1 for real rows.
        noise: variance of ε.

    >>> prior = Normal(torch.zeros(2), torch.tensor([[1.0, 0.5], [0.5, 1.0]]))
    >>> conditioned(prior, torch.tensor([[1.0, 0.0]]), torch.tensor([2.0]), torch.ones(1), torch.tensor(0.0))
    (tensor([2., 1.]), tensor([0.0000, 0.7500]))
    """
    rows = (x_SI * mask_S[:, None]).double()
    mean, covariance = prior.mean.double(), prior.covariance.double()
    along = rows @ covariance
    system = along @ rows.mT + torch.diag_embed(noise.double() * mask_S + 1 - mask_S)
    root = torch.linalg.cholesky_ex(system).L
    whitened = torch.linalg.solve_triangular(root, along, upper=False)
    rest = ((y_S.double() - x_SI.double() @ mean) * mask_S)[:, None]
    moved = whitened.mT @ torch.linalg.solve_triangular(root, rest, upper=False)
    variance = (covariance.diagonal() - whitened.square().sum(0)).clamp(min=0)
    return (mean + moved[:, 0]).to(y_S.dtype), variance.to(y_S.dtype)
