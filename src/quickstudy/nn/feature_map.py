"""Maps of a frozen backbone's features, of which little is meta-learned: whitening within classes, and a linear map.

Source: Hatch & Stolcke, 2006, Generalized linear kernels for one-versus-all classification: application to speaker
recognition (within-class covariance normalisation).
"""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.store import pieces_of
from quickstudy.errors import DataError, LearnerError
from quickstudy.storage.blueprint import Recorded

__all__ = ["LinearMap", "Whitening"]


class Whitening(Recorded, nn.Module):
    """Directions in which examples of one class differ are shortened; the result has unit length.

        ``u = (x − m) / ‖x − m‖``,    ``z = u + V ((g − 1) · Vᵀ u)``,    ``g_i = (e / (l_i + e))^p``,    ``z / ‖z‖``

    V holds the R first eigenvectors of the covariance of u within meta-training classes, l their eigenvalues, of mean 1, m is
    zero or the mean of x: buffers, see `fitted`. With ``p = 0`` nothing is shortened; ``p = ½`` and e towards 0 is textbook
    whitening, up to a scale. Before it is fitted, V is zero. Choose p and e on meta-validation tasks: trained through easy
    tasks they go too far.

    Args:
        features: D.
        rank: R, of the directions that are shortened.
        strength: p at the start.
        floor: e at the start.
        learn: meta-train p and log e; otherwise they stay.

    Raises:
        LearnerError: sizes or a floor that are not positive, or more directions than features.

    Shapes:
        (examples, features) -> the same

    >>> rows = torch.tensor([[9.0, 1.0], [-9.0, 1.0], [9.0, -1.0], [-9.0, -1.0]])
    >>> index = ClassIndex(rows, torch.tensor([0, 0, 1, 1]), ("a", "b"))
    >>> layer = Whitening.fitted(index, rank=1, strength=0.5, floor=1e-3, learn=False)
    >>> layer(torch.tensor([[9.0, 1.0], [-9.0, 1.0]])).round(decimals=2)  # the first number no longer counts for most
    tensor([[ 0.2700,  0.9600],
            [-0.2700,  0.9600]])
    """

    mean: Tensor
    directions: Tensor
    spreads: Tensor

    def __init__(self, features: int, rank: int = 100, *, strength: float = 0.25, floor: float = 1.0, learn: bool = True) -> None:
        super().__init__()
        if not 1 <= rank <= features or not floor > 0:
            raise LearnerError(f"rank={rank} lies from 1 to the {features} features, and floor={floor} is positive.")
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("directions", torch.zeros(features, rank))
        self.register_buffer("spreads", torch.ones(rank))
        self.strength = nn.Parameter(torch.tensor(float(strength)), requires_grad=learn)
        self.log_floor = nn.Parameter(torch.tensor(float(floor)).log(), requires_grad=learn)

    @classmethod
    def fitted(
        cls,
        index: ClassIndex,
        rank: int = 100,
        *,
        centre: bool = False,
        strength: float = 0.25,
        floor: float = 1.0,
        learn: bool = True,
        of: Sequence[int] | None = None,
    ) -> Self:
        """Of the classes of meta-training, in two passes over their rows, 1,000 at a time, in double precision.

        Args:
            index: features (R, D) and their classes, for example `datasets.encoded` of the meta-training classes.
            centre: take away the mean of their rows. It suits data like them, and does harm on others: 1 to 2 points on satellite
                tiles by the mean of photos.
            rank, strength, floor, learn: as above.
            of: numbers of the classes that count; None counts all. What others would gain from these, tasks of the others tell.

        Raises:
            DataError: rows that are no vectors of features, or no class with two examples that differ.
            LearnerError: as above.
        """
        counted = torch.ones(len(index.classes), dtype=torch.bool)
        if of is not None:
            counted = torch.zeros_like(counted).index_fill(0, torch.tensor(of), True)
        mean = _mean(index, counted) * centre
        layer = cls(mean.shape[0], rank, strength=strength, floor=floor, learn=learn)
        values, vectors = torch.linalg.eigh(_within(index, mean, counted))
        values, vectors = values.flip(0)[:rank].clamp(min=0), vectors.flip(1)[:, :rank]
        if not float(values[0]) > 1e-12:
            raise DataError(f"{index.name}: the examples of each class are equal, so there is no spread to shorten.")
        for buffer, found in ((layer.mean, mean), (layer.directions, vectors), (layer.spreads, values / values.mean())):
            buffer.copy_(found)
        return layer

    def forward(self, x: Tensor) -> Tensor:
        mean, directions, spreads = (part.to(x.dtype) for part in (self.mean, self.directions, self.spreads))
        unit = nn.functional.normalize(x - mean, dim=-1)
        floor = self.log_floor.exp()
        shares = (floor / (spreads + floor)) ** self.strength
        return nn.functional.normalize(unit + (unit @ directions * (shares - 1)) @ directions.mT, dim=-1)

    def extra_repr(self) -> str:
        return f"{self.directions.shape[0]}, rank={self.directions.shape[1]}"


class LinearMap(Recorded, nn.Module):
    """``x + B A x`` of rank R, or ``x + M x`` with a full matrix; B and M start at zero, so the map starts as the identity.

    Few meta-training classes are enough for it, because it begins at what the backbone knows; dropout and an early end of
    training keep it there.

    Args:
        features: D.
        rank: R; None for a full matrix.
        dropout: share of features that are left out of A x or M x in training.

    Raises:
        LearnerError: a rank outside of 1 to features, or a share outside of [0, 1).

    Shapes:
        (examples, features) -> the same

    >>> x = torch.randn(3, 8)
    >>> bool((LinearMap(8, rank=2)(x) == x).all()), sum(p.numel() for p in LinearMap(8, rank=2).parameters())
    (True, 32)
    """

    def __init__(self, features: int, rank: int | None = None, *, dropout: float = 0.1) -> None:
        super().__init__()
        if not 1 <= (features if rank is None else rank) <= features or not 0 <= dropout < 1:
            raise LearnerError(f"rank={rank} lies from 1 to the {features} features, and dropout={dropout} in [0, 1).")
        self.drop = nn.Dropout(dropout)
        self.inner = nn.Linear(features, rank, bias=False) if rank else nn.Identity()
        self.outer = nn.Linear(rank or features, features, bias=False)
        nn.init.zeros_(self.outer.weight)

    def forward(self, x: Tensor) -> Tensor:
        moved: Tensor = self.outer(self.inner(self.drop(x)))
        return x + moved

    def of_rank(self, rank: int) -> "LinearMap":
        """The nearest map of rank R (its change in the Frobenius norm, by singular values), for a small file.

        Training a full matrix and cutting it afterwards does better than training one of low rank, which leaves the identity
        faster.

        >>> layer = LinearMap(4).eval()
        >>> _ = nn.init.constant_(layer.outer.weight, 0.5)
        >>> bool(torch.allclose(layer(torch.eye(4)), layer.of_rank(1)(torch.eye(4)), atol=1e-6))
        True
        """
        found = LinearMap(self.outer.out_features, rank, dropout=self.drop.p).train(self.training)
        with torch.no_grad():
            change = self.outer(self.inner(torch.eye(self.outer.out_features).to(self.outer.weight))).mT
            u, values, v = torch.linalg.svd(change)
            root = values[:rank].sqrt()
            found.outer.weight.copy_(u[:, :rank] * root)
            found.inner.get_parameter("weight").copy_(root[:, None] * v[:rank])
        return found


def _mean(index: ClassIndex, counted: Tensor) -> Tensor:
    """Of all rows of the classes that count, in double precision."""
    total: Tensor | None = None
    for x, labels in pieces_of(index):
        if x.ndim != 2 or not x.is_floating_point():
            shape = tuple(x.shape[1:])
            raise DataError(
                f"{index.name}: a row is {str(x.dtype).removeprefix('torch.')} of shape {shape}, no vector of features. Give "
                "datasets.encoded(index, backbone)."
            )
        part = x[counted[labels]].double().sum(0)
        total = part if total is None else total + part
    assert total is not None
    return total / index.counts[counted].sum()


def _within(index: ClassIndex, mean: Tensor, counted: Tensor) -> Tensor:
    """The covariance within the classes that count, of rows that are centred and of unit length."""
    products = mean.new_zeros(mean.shape[0], mean.shape[0])
    sums = mean.new_zeros(len(index.classes), mean.shape[0])
    for x, labels in pieces_of(index):
        here = counted[labels]
        unit = nn.functional.normalize(x[here].double() - mean, dim=-1)
        products += unit.T @ unit
        sums.index_add_(0, labels[here], unit)
    between = sums.T @ (sums / index.counts[:, None])
    return (products - between) / (index.counts[counted] - 1).sum().clamp(min=1)
