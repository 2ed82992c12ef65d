"""Your own arrays or torch data set as an index of classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.errors import DataError

__all__ = ["from_arrays", "from_dataset", "split_classes"]


def from_arrays(
    x: Any, y: Any, *, classes: Sequence[str] | None = None, name: str = "data", groups: Any = None
) -> ClassIndex:
    """An index of NumPy arrays or tensors: rows ``x`` (R, …) of classes ``y`` (R,), numbers or names.

    Args:
        x: rows, uint8 (scaled to [0, 1] when gathered) or numbers.
        y: a class for each row; numbers or strings, in any order and with gaps.
        classes: names of the classes, in the order of the sorted values of ``y``.
        name: used in messages and reports.
        groups: a group for each row (a patient, a recording); support and query of a task never share one.

    Raises:
        DataError: lengths differ, values are missing, or all rows are of one class.

    >>> from_arrays(np.zeros((4, 2), dtype="float32"), ["cat", "cat", "dog", "dog"]).classes
    ('cat', 'dog')
    """
    rows = _rows(x, name)
    values, labels = np.unique(np.asarray(y), return_inverse=True)
    if classes is not None and len(classes) != len(values):
        raise DataError(f"{name}: {len(classes)} class names were given, but y holds {len(values)} different classes.")
    named = tuple(str(value) for value in (values if classes is None else classes))
    group_names: tuple[str, ...] = ()
    if groups is not None:
        found, groups = np.unique(np.asarray(groups), return_inverse=True)
        groups, group_names = torch.from_numpy(groups.astype(np.int64)), tuple(map(str, found))
    numbers = torch.from_numpy(labels.reshape(-1).astype(np.int64))
    return ClassIndex(rows, numbers, named, name, groups, group_names)


def _rows(x: Any, name: str) -> Tensor:
    try:
        rows = x if isinstance(x, Tensor) else torch.as_tensor(np.asarray(x))
    except (TypeError, ValueError) as error:
        raise DataError(f"{name}: the rows do not form one array ({error}). Bring them to one shape and to numbers.") from error
    if rows.dtype == torch.uint8:
        return rows
    return rows.float() if not rows.is_floating_point() or rows.dtype == torch.float64 else rows


def from_dataset(dataset: Any, *, name: str | None = None) -> ClassIndex:
    """An index of any map-style torch data set that returns ``(x, label)``.

    Labels are read from ``dataset.targets`` or ``dataset.labels`` where there is such a list, else by one pass. Small data
    is stacked in memory, larger data (over 1 GiB) is read on demand.

    Raises:
        DataError: items differ in shape, or are no tensors, arrays or pictures.

    >>> from torch.utils.data import TensorDataset
    >>> from_dataset(TensorDataset(torch.zeros(4, 3), torch.tensor([0, 0, 1, 1])))
    ClassIndex(TensorDataset: 4 rows of 2 classes)
    """
    name = name or type(dataset).__name__
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__") or len(dataset) == 0:
        raise DataError(f"{name} is no map-style data set with items. It needs __len__ and __getitem__, and at least one item.")
    rows = _Items(dataset, name)
    known = getattr(dataset, "targets", getattr(dataset, "labels", None))
    labels = [dataset[i][1] for i in range(len(dataset))] if known is None else known
    numbers = np.asarray([label.item() if isinstance(label, Tensor) else label for label in labels])
    first = rows.gather(torch.tensor([0]))
    small = first.numel() * first.element_size() * len(dataset) <= 2**30
    x = rows.gather(torch.arange(len(dataset))) if small else rows
    values, inverse = np.unique(numbers, return_inverse=True)
    named = getattr(dataset, "classes", None)
    texts = tuple(map(str, named if named is not None and len(named) == len(values) else values))
    return ClassIndex(x, torch.from_numpy(inverse.reshape(-1).astype(np.int64)), texts, name)


class _Items:
    """Rows of a torch data set, read on demand."""

    def __init__(self, dataset: Any, name: str) -> None:
        self.dataset, self.name = dataset, name

    def __len__(self) -> int:
        return len(self.dataset)

    def gather(self, rows: Tensor) -> Tensor:
        items = [self._item(int(row)) for row in rows]
        for row, item in zip(rows.tolist(), items, strict=True):
            if item.shape != items[0].shape:
                raise DataError(
                    f"{self.name}: item {int(rows[0])} has shape {tuple(items[0].shape)}, item {row} has {tuple(item.shape)}. "
                    "Bring all items to one size and mode first (a transform that resizes and converts)."
                )
        return torch.stack(items)

    def _item(self, row: int) -> Tensor:
        x = self.dataset[row][0]
        if isinstance(x, Tensor):
            return x
        array = np.array(x)
        if array.dtype == object:
            raise DataError(f"{self.name}: item {row} is a {type(x).__name__}. Give tensors, arrays or pictures.")
        tensor = torch.from_numpy(array)
        is_picture = hasattr(x, "getbands")
        return (tensor[None] if tensor.ndim == 2 else tensor.permute(2, 0, 1)) if is_picture else tensor


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
    parts = [order[low:high] for low, high in zip(cuts, cuts[1:], strict=False)]
    if min(map(len, parts)) < 2:
        raise DataError(
            f"{index.name} has {len(order)} classes; split by {fractions} a part would hold fewer than two. "
            "Give more classes or other fractions."
        )
    return Splits(*[index.select(part, f"{index.name}/{n}") for n, part in zip(Splits._fields, parts, strict=True)])
