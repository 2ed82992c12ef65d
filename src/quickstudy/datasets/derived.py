"""Additional classes: rotated by quarter turns, or mixed from two classes; images are computed on demand.

Sources: Santoro, Bartunov, Botvinick, Wierstra & Lillicrap, 2016, Meta-learning with memory-augmented neural networks (rotated
characters as new classes); Ni, Goldblum, Sharaf, Kong & Goldstein, 2021, Data augmentation for meta-learning (task augmentation);
Yun, Han, Oh, Chun, Choe & Yoo, 2019, CutMix.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex, Rows
from quickstudy.datasets.held_rows import taken
from quickstudy.errors import DataError

__all__ = ["Blend", "halves", "mixed_classes", "overlaid", "rotated_classes"]

Blend = Callable[[Tensor, Tensor], Tensor]
"""From images of two classes (R, …) images of one new class."""

_TRIES = 100


def halves(a: Tensor, b: Tensor) -> Tensor:
    """The left half of one image beside the right half of the other.

    >>> halves(torch.zeros(1, 1, 1, 4), torch.ones(1, 1, 1, 4)).flatten().tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    middle = a.shape[-1] // 2
    return torch.cat([a[..., :middle], b[..., middle:]], -1)


def overlaid(a: Tensor, b: Tensor) -> Tensor:
    """The mean of two images.

    >>> overlaid(torch.tensor([0, 255], dtype=torch.uint8), torch.tensor([10, 255], dtype=torch.uint8)).tolist()
    [5, 255]
    """
    return ((a.float() + b.float()) / 2).to(a.dtype)


@dataclass(frozen=True)
class _Rotated:
    rows: Tensor | Rows
    turns: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.turns) * len(self.rows)

    def gather(self, rows: Tensor) -> Tensor:
        found, which = _rows(self.rows, rows % len(self.rows)), rows // len(self.rows)
        for place, turn in enumerate(self.turns):
            here = which == place
            found[here] = torch.rot90(found[here], turn, (-2, -1))
        return found


@dataclass(frozen=True)
class _Mixed:
    rows: Tensor | Rows
    first: Tensor
    second: Tensor
    blend: Blend

    def __len__(self) -> int:
        return len(self.rows) + len(self.first)

    def gather(self, rows: Tensor) -> Tensor:
        made = rows >= len(self.rows)
        places = (rows - len(self.rows))[made]
        found = _rows(self.rows, torch.where(made, 0, rows))
        if made.any():
            found[made] = self.blend(_rows(self.rows, self.first[places]), _rows(self.rows, self.second[places]))
        return found


def _rows(x: Any, rows: Tensor) -> Tensor:
    found: Tensor = taken(x, rows)
    return found


def _image_shape(index: ClassIndex) -> torch.Size:
    first: Any = taken(index.x, torch.zeros(1, dtype=torch.long))
    if not isinstance(first, Tensor):
        raise DataError(f"{index.name}: rows of several tensors are no images, from which other classes could be made.")
    return first.shape[1:]


def rotated_classes(index: ClassIndex, turns: Sequence[int] = (0, 1, 2, 3)) -> ClassIndex:
    """Each class rotated by quarter turns counts as further classes, ``name/rot090`` and so on; groups and families stay.

    Args:
        index: of square images.
        turns: in quarter turns, 0 for the class itself.

    Raises:
        DataError: images that are not square, or classes that are rotated already.

    >>> index = ClassIndex(torch.rand(4, 1, 3, 3), torch.tensor([0, 0, 1, 1]), ("a", "b"))
    >>> rotated_classes(index), rotated_classes(index).classes[2:4]
    (ClassIndex(data: 16 rows of 8 classes), ('a/rot090', 'b/rot090'))
    """
    wanted = tuple(int(turn) for turn in turns)
    if not wanted or len(set(wanted)) < len(wanted) or not set(wanted) <= {0, 1, 2, 3}:
        raise DataError(f"turns={tuple(turns)}: give some of the quarter turns 0, 1, 2 and 3, each once.")
    shape = _image_shape(index)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise DataError(f"{index.name}: only square images can be rotated, not rows of shape {tuple(shape)}.")
    if any(re.search(r"/rot\d{3}$", name) for name in index.classes):
        raise DataError(f"{index.name} already holds rotated classes. Build it without them, or do not rotate it again.")
    classes = tuple(f"{name}/rot{90 * turn:03d}" if turn else name for turn in wanted for name in index.classes)
    labels = torch.cat([index.labels + place * len(index.classes) for place in range(len(wanted))])
    return replace(
        index,
        x=_Rotated(index.x, wanted),
        labels=labels,
        classes=classes,
        groups=None if index.groups is None else index.groups.repeat(len(wanted)),
        families=index.families * len(wanted),
    )


def mixed_classes(index: ClassIndex, count: int | None = None, *, blend: Blend = halves, seed: int = 0) -> ClassIndex:
    """New classes beside the old ones, each made of two: every row is an image of the one mixed with one of the other.

    Rows of one group (font style, patient) are mixed with each other, so that support and query still never share one.

    Args:
        index: of the classes.
        count: of new classes; as many as there are by default.
        blend: what is made of two images.
        seed: of the pairs.

    Raises:
        DataError: fewer pairs of classes that can be mixed than new classes.

    >>> index = ClassIndex(torch.rand(6, 1, 4, 4), torch.tensor([0, 0, 1, 1, 2, 2]), ("a", "b", "c"))
    >>> mixed_classes(index, 2)
    ClassIndex(data: 10 rows of 5 classes)
    """
    _image_shape(index)
    have, count = len(index.classes), len(index.classes) if count is None else count
    generator = torch.Generator().manual_seed(seed)
    by_group = _by_group(index)
    fewest = int(index.counts.min())
    pairs: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
    for a, b in torch.randint(have, (max(1, count) * _TRIES, 2), generator=generator).tolist():
        if len(pairs) >= count:
            break
        if a != b and (a, b) not in pairs:
            made = _paired(by_group[a], by_group[b])
            if made is not None and len(made[0]) >= fewest:
                pairs[a, b] = made
    if len(pairs) < max(1, count):
        raise DataError(
            f"{index.name}: {count} mixed classes were requested, but only {len(pairs)} pairs can be mixed. Lower count."
        )
    first, second = (torch.cat([made[side] for made in pairs.values()]) for side in (0, 1))
    sizes = torch.tensor([len(made[0]) for made in pairs.values()])
    return replace(
        index,
        x=_Mixed(index.x, first, second, blend),
        labels=torch.cat([index.labels, have + torch.arange(count).repeat_interleave(sizes)]),
        classes=index.classes + tuple(f"{index.classes[a]} | {index.classes[b]}" for a, b in pairs),
        groups=None if index.groups is None else torch.cat([index.groups, index.groups[first]]),
        families=index.families + tuple(index.families[a] for a, _ in pairs) if index.families else (),
    )


def _by_group(index: ClassIndex) -> list[dict[int, Tensor]]:
    """The rows of each class by their group."""
    groups = torch.zeros_like(index.labels) if index.groups is None else index.groups
    found: list[dict[int, Tensor]] = [{} for _ in index.classes]
    key = index.labels * (int(groups.max()) + 1) + groups
    order = key.argsort(stable=True)
    for rows in order.split(torch.unique(key, return_counts=True)[1].tolist()):  # type: ignore[no-untyped-call]
        found[int(index.labels[rows[0]])][int(groups[rows[0]])] = rows
    return found


def _paired(a: dict[int, Tensor], b: dict[int, Tensor]) -> tuple[Tensor, Tensor] | None:
    """Rows of two classes side by side, group by group; the shorter list comes round again. None with too few shared groups."""
    shared = sorted(a.keys() & b.keys())
    if len(shared) < min(2, len(a), len(b)) or not shared:
        return None
    sides: list[list[Tensor]] = [[], []]
    for group in shared:
        most = torch.arange(max(len(a[group]), len(b[group])))
        for side, rows in zip(sides, (a[group], b[group]), strict=True):
            side.append(rows[most % len(rows)])
    return torch.cat(sides[0]), torch.cat(sides[1])
