"""Pairs of inputs that a network mixes on its way: mixup in input space or at a hidden layer.

Sources: Zhang, Cisse, Dauphin & Lopez-Paz, 2018, mixup: beyond empirical risk minimization; Verma, Lamb, Beckham, Najafi,
Mitliagkas, Lopez-Paz & Bengio, 2019, Manifold mixup.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from quickstudy.errors import TaskError
from quickstudy.functional.tree import map_leaves

__all__ = ["BetaShare", "Mixed", "mix"]


@dataclass(frozen=True)
class BetaShare:
    """Shares ``λ ~ Beta(a, b)``, from uniform numbers by the quantile function: the same numbers give the same shares.

    Raises:
        TaskError: a or b is not above 0.

    >>> BetaShare(2.0, 2.0)(torch.tensor([0.5]))
    tensor([0.5000])
    """

    a: float = 2.0
    b: float = 2.0

    def __post_init__(self) -> None:
        if not (self.a > 0 and self.b > 0):
            raise TaskError(f"a share of Beta({self.a}, {self.b}) cannot be drawn: both numbers must be above 0.")

    def __call__(self, uniform: Tensor) -> Tensor:
        from scipy.special import betaincinv

        return torch.from_numpy(betaincinv(self.a, self.b, uniform.numpy())).to(uniform.dtype)


class Mixed(NamedTuple):
    """Examples in pairs, to be mixed after so many blocks of a network: what `nn.Mixing` takes beside plain inputs.

    Args:
        first, second: inputs (S, …) of the two.
        share: λ of the first, (S,).
        level: after how many blocks each pair is mixed, (S,) of type int64; 0 mixes the inputs themselves.
    """

    first: Any
    second: Any
    share: Tensor
    level: Tensor


def mix(first: Any, second: Any, share: Tensor) -> Any:
    """``λ a + (1 − λ) b`` with λ given for each of the leading axes; a share of 1 is the first, bit for bit.

    >>> mix(torch.zeros(2, 3), torch.ones(2, 3), torch.tensor([1.0, 0.25]))
    tensor([[0.0000, 0.0000, 0.0000],
            [0.7500, 0.7500, 0.7500]])
    """

    def one(a: Tensor, b: Tensor) -> Tensor:
        weight = share.to(a.dtype).view(*share.shape, *[1] * (a.ndim - share.ndim))
        return weight * a + (1 - weight) * b

    return map_leaves(one, first, second)
