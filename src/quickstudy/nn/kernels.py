"""Kernels between rows of features, for Gaussian processes: each with its diagonal, and a mixture of them.

Source: Rasmussen & Williams, 2006, Gaussian processes for machine learning; Ralaivola, Swamidass, Saigo & Baldi, 2005, Graph
kernels for chemical informatics (Tanimoto and min-max).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.distances import squared_distance
from quickstudy.storage.blueprint import Recorded

__all__ = ["CosineKernel", "Kernel", "MixtureKernel", "RBFKernel", "TanimotoKernel"]


class Kernel(Recorded, nn.Module, ABC):
    """A positive semidefinite function k of two rows of features.

    Shapes:
        features (A, …), features (B, …) -> (A, B)
    """

    @abstractmethod
    def forward(self, a: Any, b: Any) -> Tensor:
        """``k(a_i, b_j)`` for all pairs."""

    @abstractmethod
    def diagonal(self, a: Any) -> Tensor:
        """``k(a_i, a_i)``, (A,)."""


class RBFKernel(Kernel):
    """The radial basis function with a learned length for each column, ``exp(−½ Σ_d (a_d − b_d)² / l_d²)``.

    Args:
        columns: D, numbers in a row.
        length: l_d at the start.

    Raises:
        LearnerError: a length that is not positive.

    >>> RBFKernel(1, length=2.0)(torch.tensor([[0.0]]), torch.tensor([[2.0]])).exp().log()
    tensor([[0.6065]], grad_fn=<LogBackward0>)
    """

    def __init__(self, columns: int, *, length: float = 1.0) -> None:
        super().__init__()
        if not length > 0:
            raise LearnerError(f"length={length} must be positive.")
        self.log_length = nn.Parameter(torch.full((columns,), float(length)).log())

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        scale = (-self.log_length).exp()
        return (-squared_distance(a * scale, b * scale).clamp(min=0) / 2).exp()

    def diagonal(self, a: Tensor) -> Tensor:
        return torch.ones_like(a[:, 0])


class CosineKernel(Kernel):
    """The cosine of the angle between two rows: features of unit length, multiplied.

    >>> CosineKernel()(torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor([[1., 0.]])
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return _unit(a) @ _unit(b).mT

    def diagonal(self, a: Tensor) -> Tensor:
        return _unit(a).square().sum(1)


def _unit(x: Tensor) -> Tensor:
    return x / (x.square().sum(-1, keepdim=True) + 1e-12).sqrt()


class TanimotoKernel(Kernel):
    """The share of counts that two rows have in common, ``Σ_d min(a_d, b_d) / Σ_d max(a_d, b_d)``; of bits, Tanimoto's.

    Counts above ``most`` are taken as ``most``: then the sum of minima is a product of thermometer codes, one for each count
    from 1 to ``most``. A row of zeros has nothing in common with any row, itself included.

    Args:
        most: largest count that differs from the one below it.

    Raises:
        LearnerError: ``most`` below 1.

    >>> TanimotoKernel()(torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([[1.0, 1.0, 2.0]]))
    tensor([[0.4000]])
    """

    def __init__(self, *, most: int = 4) -> None:
        super().__init__()
        if most < 1:
            raise LearnerError(f"most={most} must be at least 1.")
        self.most = most

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        common = self._at_least(a, 1) @ self._at_least(b, 1).mT
        for count in range(2, self.most + 1):
            common = common + self._at_least(a, count) @ self._at_least(b, count).mT
        return common / (self._sum(a)[:, None] + self._sum(b) - common).clamp(min=1)

    def diagonal(self, a: Tensor) -> Tensor:
        return (self._sum(a) > 0).to(a.dtype)

    def _at_least(self, a: Tensor, count: int) -> Tensor:
        return (a >= count).to(a.dtype)

    def _sum(self, a: Tensor) -> Tensor:
        return a.clamp(max=self.most).floor().sum(1)


class MixtureKernel(Kernel):
    """A sum of kernels with learned positive weights, each of its own features, ``Σ_i w_i k_i(a_i, b_i)``.

    Args:
        kernels: by name; features come as a dictionary with these names.
        weights: w_i at the start, in the same order; all 1 by default.

    Raises:
        LearnerError: no kernels, or other than one positive weight for each.

    >>> both = MixtureKernel({"near": RBFKernel(2), "along": CosineKernel()}, weights=(2.0, 1.0))
    >>> rows = {"near": torch.zeros(3, 2), "along": torch.ones(3, 4)}
    >>> both.diagonal(rows).tolist()
    [3.0, 3.0, 3.0]
    """

    def __init__(self, kernels: Mapping[str, Kernel], *, weights: Sequence[float] | None = None) -> None:
        super().__init__()
        given = [1.0] * len(kernels) if weights is None else [float(weight) for weight in weights]
        if not kernels or len(given) != len(kernels) or not all(weight > 0 for weight in given):
            raise LearnerError(f"{len(kernels)} kernels and weights={weights}: give a positive weight for each of one or more.")
        self.kernels = nn.ModuleDict(dict(kernels))
        self.log_weights = nn.Parameter(torch.tensor(given).log())

    def forward(self, a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> Tensor:
        weights = self.log_weights.exp()
        parts = [weights[i] * kernel(a[name], b[name]) for i, (name, kernel) in enumerate(self.kernels.items())]
        return torch.stack(parts).sum(0)

    def diagonal(self, a: Mapping[str, Tensor]) -> Tensor:
        weights = self.log_weights.exp()
        parts = [weights[i] * self._kernel(name).diagonal(a[name]) for i, name in enumerate(self.kernels)]
        return torch.stack(parts).sum(0)

    def _kernel(self, name: str) -> Kernel:
        found = self.kernels[name]
        assert isinstance(found, Kernel)
        return found
