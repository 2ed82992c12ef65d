"""k-DPPs: random subsets of k items, of which unlike ones are more probable.

    ``P(Y) = det L_Y / e_k(λ)``  for |Y| = k,  L = E Eᵀ,  λ its eigenvalues, e_k their elementary symmetric polynomial

Source: Kulesza & Taskar, 2012, Determinantal point processes for machine learning, sections 3.3 (dual) and 5.2 (k-DPPs).
"""

import torch
from torch import Tensor

__all__ = ["inclusion", "log_symmetric", "sample_k_dpp", "spectrum"]

_NOTHING = 1e-12


def spectrum(features: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (R,) that are not zero, and eigenvectors (C, R), of ``L = E Eᵀ``, in double precision.

    They come from the small matrix Eᵀ E, whose eigenvalues are the same: ``L v = λ v`` for ``v = E w / √λ``.

    Args:
        features: E, a row for each item, (C, D).

    >>> spectrum(torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.0, 0.0]]))[0]
    tensor([1., 4.], dtype=torch.float64)
    """
    e_CD = features.double()
    values, w_DD = torch.linalg.eigh(e_CD.mT @ e_CD)
    real = values > _NOTHING * values[-1].clamp(min=_NOTHING)
    return values[real], e_CD @ w_DD[:, real] / values[real].sqrt()


def log_symmetric(values: Tensor, k: int) -> Tensor:
    """``log e_l(λ_1 … λ_n)`` for all l ≤ k and n ≤ R, (k + 1, R + 1): ``e_l^n = e_l^{n−1} + λ_n e_{l−1}^{n−1}``.

    >>> log_symmetric(torch.tensor([1.0, 2.0, 3.0]), 2)[:, -1].exp()  # 1, 1 + 2 + 3, 1·2 + 1·3 + 2·3
    tensor([ 1.0000,  6.0000, 11.0000], dtype=torch.float64)
    """
    logs = values.double().log()
    columns = [torch.tensor([0.0] + k * [-torch.inf], dtype=torch.float64)]
    for log_value in logs:
        before = columns[-1]
        columns.append(torch.cat([before[:1], torch.logaddexp(before[1:], log_value + before[:-1])]))
    return torch.stack(columns, 1)


def sample_k_dpp(
    values: Tensor, vectors: Tensor, k: int, generator: torch.Generator | None = None, table: Tensor | None = None
) -> Tensor:
    """k items (k,) of a k-DPP, exactly, in exchangeable order.

    k eigenvectors are drawn first, then items of the elementary DPP that they span, each with a probability that falls with
    what of it the items before explain.

    Args:
        values, vectors: of L, from `spectrum`; at least k of them.
        k: items.
        generator: of the random numbers.
        table: ``log_symmetric(values, k)``, if it is known.
    """
    table = log_symmetric(values, k) if table is None else table
    coins = torch.rand(values.shape[0], generator=generator, dtype=torch.float64).log()
    logs, left, taken = values.log(), k, []
    for n in range(values.shape[0], 0, -1):
        if left and coins[n - 1] < logs[n - 1] + table[left - 1, n - 1] - table[left, n]:
            taken.append(n - 1)
            left -= 1
    v_CK = vectors[:, taken]
    rest, known, items = v_CK.square().sum(1), torch.zeros_like(v_CK), []
    for place, coin in enumerate(torch.rand(k, generator=generator, dtype=torch.float64)):
        edges = rest.clamp(min=0).cumsum(0)
        item = int(torch.searchsorted(edges, coin * edges[-1], right=True).clamp(max=edges.shape[0] - 1))
        known[:, place] = (v_CK @ v_CK[item] - known[:, :place] @ known[item, :place]) / rest[item].sqrt()
        rest = rest - known[:, place].square()
        rest[item] = 0
        items.append(item)
    return torch.tensor(items)


def inclusion(values: Tensor, vectors: Tensor, k: int) -> Tensor:
    """How probable each item is to be among the k, (C,), in closed form.

        ``P(i ∈ Y) = Σ_n v_n(i)² λ_n e_{k−1}(λ without λ_n) / e_k(λ)``

    >>> inclusion(*spectrum(torch.eye(4)), 2)
    tensor([0.5000, 0.5000, 0.5000, 0.5000], dtype=torch.float64)
    """
    whole = log_symmetric(values, k)[k, -1]
    others = torch.arange(values.shape[0])
    share = torch.stack(
        [values[n].log() + log_symmetric(values[others != n], k - 1)[k - 1, -1] - whole for n in range(values.shape[0])]
    )
    return vectors.square() @ share.exp()
