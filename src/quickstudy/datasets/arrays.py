"""Your own arrays or torch data set as an index of classes."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.errors import DataError

__all__ = ["from_arrays", "from_dataset", "split_classes"]

_IN_MEMORY = 2**30


def from_arrays(
    x: Any,
    y: Any,
    *,
    classes: Sequence[str] | None = None,
    name: str = "data",
    groups: Any = None,
) -> ClassIndex:
    """An index of NumPy arrays or tensors: rows ``x`` (R, …) of classes ``y`` (R,), numbers or names.

    Args:
        x: rows, uint8 (scaled to [0, 1] when gathered) or numbers; or a list of equal arrays or PIL images.
        y: a class for each row; numbers or strings, in any order and with gaps.
        classes: names of the classes, in the order of the sorted values of ``y``.
        name: used in messages and reports.
        groups: a group for each row (a patient, a recording); support and query of a task never share one.

    Raises:
        DataError: lengths differ, values are missing, rows differ in shape, or all rows are of one class.

    >>> from_arrays(np.zeros((4, 2), dtype="float32"), ["cat", "cat", "dog", "dog"]).classes
    ('cat', 'dog')
    """
    if isinstance(x, list | tuple):
        rows = _stack([_example(item, f"{name}: item {n}") for n, item in enumerate(x)], range(len(x)), name)
    else:
        rows = _example(x, name)
    values, labels = _numbered(y, f"{name}: labels")
    if classes is not None and len(classes) != len(values):
        raise DataError(
            f"{name}: {len(classes)} class names were given, but y holds {len(values)} different classes. Give one name to each."
        )
    group_names: tuple[str, ...] = ()
    if groups is not None:
        group_names, groups = _numbered(groups, f"{name}: groups")
    return ClassIndex(rows, labels, values if classes is None else tuple(classes), name, groups, group_names)


def from_dataset(dataset: Any, *, name: str | None = None) -> ClassIndex:
    """An index of any map-style torch data set that returns ``(x, label)``.

    Labels are read from ``dataset.targets`` or ``dataset.labels`` where there is such a list, else by one pass. Small data
    is stacked in memory, larger data (over 1 GiB) is read on demand.

    Raises:
        DataError: items differ in shape, are no pairs, or no tensors, arrays or images.

    >>> from torch.utils.data import TensorDataset
    >>> from_dataset(TensorDataset(torch.zeros(4, 3), torch.tensor([0, 0, 1, 1])))
    ClassIndex(TensorDataset: 4 rows of 2 classes)
    """
    name = name or type(dataset).__name__
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__") or len(dataset) == 0:
        raise DataError(f"{name} is no map-style data set with items. It needs __len__ and __getitem__, and at least one item.")
    items = _Items(dataset, name)
    first = items.pair(0)[0]
    small = first.numel() * first.element_size() * len(dataset) <= _IN_MEMORY
    known = getattr(dataset, "targets", getattr(dataset, "labels", None))
    if known is None:
        pairs = (items.pair(row) for row in range(len(dataset)))
        rows, known = zip(*((x if small else None, label) for x, label in pairs), strict=True)
        x = _stack(rows, range(len(dataset)), name) if small else items
    else:
        x = items.gather(torch.arange(len(dataset))) if small else items
    values, labels = _numbered(known, f"{name}: labels")
    return ClassIndex(x, labels, _named(values, getattr(dataset, "classes", None)), name)


class _Items:
    """Rows of a torch data set, read on demand."""

    def __init__(self, dataset: Any, name: str) -> None:
        self.dataset, self.name = dataset, name

    def __len__(self) -> int:
        return len(self.dataset)

    def gather(self, rows: Tensor) -> Tensor:
        numbers = rows.tolist()
        return _stack([self.pair(row)[0] for row in numbers], numbers, self.name)

    def pair(self, row: int) -> tuple[Tensor, Any]:
        item = self.dataset[row]
        if not isinstance(item, tuple | list) or len(item) < 2:
            raise DataError(f"{self.name}: item {row} is a {type(item).__name__}. Items must be pairs (x, label).")
        return _example(item[0], f"{self.name}: item {row}"), item[1]


def _example(x: Any, where: str) -> Tensor:
    """A tensor, array or image as uint8 or floating point; an image becomes (channels, height, width)."""
    if isinstance(x, Image.Image):
        plain = x.convert("RGB" if x.mode in ("P", "PA", "CMYK") else "L") if x.mode in ("P", "PA", "CMYK", "1") else x
        pixels = _example(np.asarray(plain), where)
        return pixels[None] if pixels.ndim == 2 else pixels.permute(2, 0, 1)
    if not isinstance(x, Tensor):
        try:
            array = np.require(x, requirements=["C", "W"])
            x = torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False))
        except (TypeError, ValueError) as error:
            raise DataError(f"{where}: a {type(x).__name__} of no numbers ({error}). Give tensors, arrays or images.") from error
    kept: Tensor = x if x.dtype == torch.uint8 or (x.is_floating_point() and x.dtype != torch.float64) else x.float()
    return kept


def _stack(items: Sequence[Tensor], numbers: Sequence[int], name: str) -> Tensor:
    if not items:
        raise DataError(f"{name} holds no rows. Give at least one of each class.")
    for number, item in zip(numbers, items, strict=True):
        if item.shape != items[0].shape or item.dtype != items[0].dtype:
            raise DataError(
                f"{name}: item {numbers[0]} is {_scene(items[0])}, item {number} is {_scene(item)}. "
                "Bring all items to one size and mode first (a transform that resizes and converts)."
            )
    return torch.stack(list(items))


def _scene(item: Tensor) -> str:
    return f"{str(item.dtype).removeprefix('torch.')} of shape {tuple(item.shape)}"


def _numbered(labels: Any, what: str) -> tuple[tuple[str, ...], Tensor]:
    """Names of the different values in order, and which of them each label is."""
    try:
        found = labels.cpu() if isinstance(labels, Tensor) else [v.item() if isinstance(v, Tensor) else v for v in labels]
        array = np.asarray(found)
        values, inverse = np.unique(array, return_inverse=True)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{what} must be one number or one name for each row ({error}).") from error
    if array.ndim != 1:
        raise DataError(f"{what} must be one number or one name for each row, not an array of shape {array.shape}.")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise DataError(f"{what} are missing (NaN or infinite) for some rows. Leave these rows out.")
    return tuple(map(str, values)), torch.from_numpy(inverse.astype(np.int64))


def _named(values: tuple[str, ...], names: Sequence[Any] | None) -> tuple[str, ...]:
    """Names that a data set gives its classes, where its labels are numbers into them."""
    numbers = [int(value) for value in values if value.isdecimal()]
    if names is None or len(numbers) < len(values) or max(numbers) >= len(names):
        return values
    named = tuple(str(names[number]) for number in numbers)
    return named if len(set(named)) == len(named) else values


def split_classes(index: ClassIndex, fractions: tuple[float, float, float] = (0.6, 0.2, 0.2), seed: int = 0) -> Splits:
    """Parts the classes (never the rows of a class) at random into meta-training, meta-validation and meta-test.

    Raises:
        DataError: a part would hold fewer than two classes.

    >>> index = from_arrays(torch.zeros(20, 1), torch.arange(20) % 10)
    >>> [len(part.classes) for part in split_classes(index)]
    [6, 2, 2]
    """
    if len(fractions) != 3 or min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise DataError(f"fractions={fractions} must be three numbers that add up to 1.")
    order = torch.randperm(len(index.classes), generator=torch.Generator().manual_seed(seed)).tolist()
    cuts = [round(sum(fractions[:n]) * len(order)) for n in range(4)]
    parts = [order[low:high] for low, high in itertools.pairwise(cuts)]
    if min(map(len, parts)) < 2:
        raise DataError(
            f"{index.name} has {len(order)} classes; split by {fractions} a part would hold fewer than two. "
            "Give more classes or other fractions."
        )
    return Splits(*[index.select(part, f"{index.name}/{n}") for n, part in zip(Splits._fields, parts, strict=True)])
