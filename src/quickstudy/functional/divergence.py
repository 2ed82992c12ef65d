"""How far one distribution is from another, in closed form."""

from torch import Tensor

__all__ = ["from_standard_normal"]


def from_standard_normal(mean: Tensor, spread: Tensor) -> Tensor:
    """``KL(N(μ, σ²) ‖ N(0, 1)) = ½ (μ² + σ² − 1 − log σ²)`` for each number, in nats; 0 where μ = 0 and σ = 1.

    >>> import torch
    >>> from_standard_normal(torch.tensor([0.0, 1.0]), torch.ones(2))
    tensor([0.0000, 0.5000])
    """
    return 0.5 * (mean**2 + spread**2 - 1) - spread.log()
