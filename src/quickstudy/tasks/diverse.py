"""Tasks of dissimilar classes: a k-DPP over the mean images of classes.

Source: Kulesza & Taskar, 2012, Determinantal point processes for machine learning; Kumar, Deleu & Bengio, 2023, The effect of
diversity in meta-learning, for tasks.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import TaskError
from quickstudy.functional.dpp import log_symmetric, sample_k_dpp, spectrum
from quickstudy.functional.plain_numbers import plain_numbers
from quickstudy.tasks.samplers import ClassSampler

__all__ = ["Diverse", "class_points"]

_ROWS = 20
_SIZE = 128


def class_points(index: ClassIndex) -> Tensor:
    """Each class as a point of unit length, (C, D ≤ 128): the mean of its first rows, in the data's principal directions.

    >>> class_points(ClassIndex(torch.eye(4), torch.arange(4), tuple("abcd"))).shape
    torch.Size([4, 4])
    """
    order = torch.argsort(index.labels, stable=True)
    counts = index.counts
    starts = counts.cumsum(0) - counts
    means = torch.stack(
        [
            plain_numbers(index.gather(order[start : start + min(count, _ROWS)])).mean(0)
            for start, count in zip(starts.tolist(), counts.tolist(), strict=True)
        ]
    ).double()
    directions = torch.linalg.eigh((means - means.mean(0)).mT @ (means - means.mean(0)))[1][:, -_SIZE:]
    return torch.nn.functional.normalize((means - means.mean(0)) @ directions, dim=1)


class Diverse(ClassSampler):
    """The classes of a task are a k-DPP: the probability of a set is the squared volume that its classes span.

    Where font styles or patients keep some classes out of a task, it is the k-DPP of the others.

    Args:
        index: of the classes.
        embed: classes as points (C, D); at most D classes can be drawn at once.

    Raises:
        TaskError: when drawing, more ways than the points span dimensions.

    >>> index = ClassIndex(torch.tensor([[2.0, 0], [2.1, 0], [0, 2], [-2, 1]]), torch.arange(4), tuple("abcd"))
    >>> Diverse(index).draw(torch.tensor([2]), torch.ones(1, 4, dtype=torch.bool), None).shape
    torch.Size([1, 2])
    """

    name = "diverse"

    def __init__(self, index: ClassIndex, *, embed: Callable[[ClassIndex], Tensor] = class_points) -> None:
        super().__init__(index)
        self.points = embed(index).double()
        self._all = spectrum(self.points)
        self._tables: dict[int, Tensor] = {}

    def draw(self, ways: Tensor, possible: Tensor, generator: torch.Generator | None) -> Tensor:
        found = torch.zeros(len(ways), int(ways.max()), dtype=torch.long)
        for task, count in enumerate(ways.tolist()):
            may = possible[task]
            if bool(may.all()):
                self._require(self._all[0], count)
                table = self._table(count)
                found[task, :count] = sample_k_dpp(*self._all, count, generator, table)
            else:
                values, vectors = spectrum(self.points[may])
                self._require(values, count)
                found[task, :count] = may.nonzero()[:, 0][sample_k_dpp(values, vectors, count, generator)]
        return found

    def _table(self, count: int) -> Tensor:
        if count not in self._tables:
            self._tables[count] = log_symmetric(self._all[0], count)
        return self._tables[count]

    def _require(self, values: Tensor, ways: int) -> None:
        if len(values) < ways:
            raise TaskError(
                f"{ways} diverse classes are requested, but the points of the classes span {len(values)} dimensions. Lower ways, "
                "or give an embedding of more dimensions."
            )
