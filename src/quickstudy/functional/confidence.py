"""Logits stretched to a confidence that is given: the order of classes stays, how sure the answer is comes from elsewhere."""

import torch
from torch import Tensor

__all__ = ["as_sure_as"]

_STEPS = 30
_MOST = 1e4
"""The largest factor, where classes are tied and no factor parts them."""


def as_sure_as(logits: Tensor, others: Tensor, stretch: Tensor, present: Tensor) -> Tensor:
    """``τ · logits`` with the τ > 0 of each row that makes its answer as sure as that of other logits, by a stretch s.

        ``ℓ(f) = ln Σ_{n ≠ best} e^{f_n − f_best}``,    ``ℓ(τ f) − ln(N − 1) = s · (ℓ(f') − ln(N − 1))``

    ℓ is the logarithm of the odds that the best class is wrong, and ln(N − 1) that of guessing. Rows keep the order of how sure
    f' is of them, whatever s: unlike a temperature, s changes no confidence relative to another. The left side is convex and
    falls in τ, so that Newton's method from 0 climbs to the solution. Rows whose classes are all tied stay as they are.

    Args:
        logits: f, (Q, N).
        others: f', (Q, N).
        stretch: s, a positive scalar; 1 for the very confidence of f'.
        present: 1 for the classes of the task, (N,); the others have logits of about −1e4 in both.

    >>> flat, sure = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.0, 0.0, 3.0]])
    >>> as_sure_as(flat, sure, torch.tensor(1.0), torch.ones(3))
    tensor([[3., 0., 0.]])
    """
    guess = (present.sum() - 1).clamp(min=1).log()
    gaps = _gaps(logits)
    wanted = guess + stretch * (torch.logsumexp(-_gaps(others), -1) - guess)
    factor = torch.zeros_like(wanted)
    for _ in range(_STEPS):
        shares = torch.softmax(-factor[..., None] * gaps, -1)
        slope = (shares * gaps).sum(-1)
        ahead = torch.logsumexp(-factor[..., None] * gaps, -1) - wanted
        factor = (factor + torch.where(slope > 0, ahead / slope.clamp(min=1e-12), 0)).clamp(0.0, _MOST)
    return torch.where(factor > 0, factor, 1)[..., None] * logits


def _gaps(logits: Tensor) -> Tensor:
    """How far each other class is behind the best, (Q, N − 1)."""
    best = logits.argmax(-1, keepdim=True)
    rest = torch.arange(logits.shape[-1] - 1, device=logits.device)
    rest = rest + (rest >= best)
    return logits.gather(-1, best) - logits.gather(-1, rest)
