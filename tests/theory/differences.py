"""Central differences: an outer gradient's deviation from what they measure."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def deviation(f: Callable[[], float], weights: Sequence[Tensor], gradient: Sequence[Tensor], directions: int = 5) -> float:
    """The median over random directions of ``|slope − g·d| / |g·d|``, the slope by the best of three small steps.

    ReLU and max-pool have kinks, so single directions and larger steps say little.
    """
    generator = torch.Generator().manual_seed(1)
    found = []
    starts = [weight.detach().clone() for weight in weights]
    for _ in range(directions):
        direction = [torch.randn(w.shape, generator=generator, dtype=w.dtype) for w in weights]
        slope = sum(float((g * d).sum()) for g, d in zip(gradient, direction, strict=True))
        apart = []
        for step in (1e-4, 1e-5, 1e-6):
            values = []
            for signed in (step, -step, 0.0):
                with torch.no_grad():
                    for weight, start, d in zip(weights, starts, direction, strict=True):
                        weight.copy_(start + signed * d)
                if signed:
                    values.append(f())
            apart.append(abs((values[0] - values[1]) / (2 * step) - slope) / max(abs(slope), 1e-6))
        found.append(min(apart))
    return sorted(found)[directions // 2]
