"""Your own arrays or torch data set as an index of classes."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from quickstudy.borders.targets import class_names
from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.class_names import report_near_names
from quickstudy.datasets.class_parts import check_enough_classes, cuts_of
from quickstudy.datasets.image_rows import image_rows, kept
from quickstudy.errors import DataError
from quickstudy.functional.tree import bytes_of, map_leaves, stack
from quickstudy.inputs.decoding import decoded
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.task import Inputs

__all__ = ["from_arrays", "from_dataset", "split_classes"]

_IN_MEMORY = 2**30


def from_arrays(
    x: Any,
    y: Any,
    *,
    classes: Sequence[str] | None = None,
    name: str = "data",
    groups: Any = None,
    reads: InputKind | None = None,
) -> ClassIndex:
    """An index of NumPy arrays or tensors: rows ``x`` (R, …) of classes ``y`` (R,), numbers or names.

    Rows of 8- or 16-bit values in the shape of images, (H, W), (3, H, W) or (H, W, 3), are images: the index carries their
    reader, so that learner and predictor scale them alike. All other numbers keep their values. Whole numbers of 32 or 64 bits in
    tensors stay whole (token numbers), as all whole numbers in dictionaries do; those of arrays and lists become floating point.

    Args:
        x: rows; a dictionary of them, ``{"tokens": …, "mask": …}``; or a list of equal arrays, PIL images or dictionaries.
        y: a class for each row; whole numbers or names, in any order and with gaps.
        classes: names of the classes, in the order of the sorted values of ``y``.
        name: used in messages and reports.
        groups: a group for each row (a patient, a recording); support and query of a task never share one.
        reads: the reader of the rows, images of any size, texts or rows of a table; each is read by it.

    Raises:
        DataError: lengths differ, values or names are missing, rows differ in shape, or all rows are of one class.

    >>> from_arrays(np.zeros((4, 2), dtype="float32"), ["cat", "cat", "dog", "dog"]).classes
    ('cat', 'dog')
    >>> from_arrays(np.zeros((4, 28, 28), dtype="uint8"), [0, 0, 1, 1]).reads
    Images(size=(28, 28), channels=1, strokes=False)
    """
    if reads is not None:
        rows = kept(reads.batch(x)) if isinstance(reads, Images) else reads.batch(x)
    elif isinstance(x, list | tuple):
        rows = _stack([_example(item, f"{name}: item {n}") for n, item in enumerate(x)], range(len(x)), name)
        rows, reads = _as_images(rows, name, last=bool(x) and not isinstance(x[0], Tensor | Image.Image))
    else:
        rows, reads = _as_images(_example(x, name), name, last=not isinstance(x, Tensor))
    values, labels = class_names(y, f"{name}: labels")
    if classes is not None and len(classes) != len(values):
        raise DataError(
            f"{name}: {len(classes)} class names were given, but y holds {len(values)} different classes. Give one name to each."
        )
    group_names: tuple[str, ...] = ()
    if groups is not None:
        group_names, groups = class_names(groups, f"{name}: groups")
    names = values if classes is None else tuple(map(str, classes))
    found = ClassIndex(rows, labels, names, name, groups, group_names, reads)
    report_near_names(names, name)
    return found


def from_dataset(dataset: Any, *, name: str | None = None) -> ClassIndex:
    """An index of any map-style torch data set that returns ``(x, label)``; of images as in `from_arrays`.

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
    reads = items.images(map_leaves(lambda leaf: leaf[None], first))[1]
    small = bytes_of(first) * len(dataset) <= _IN_MEMORY
    known = getattr(dataset, "targets", getattr(dataset, "labels", None))
    if known is None:
        pairs = (items.pair(row) for row in range(len(dataset)))
        rows, known = zip(*((x if small else None, label) for x, label in pairs), strict=True)
        x = items.images(_stack(rows, range(len(dataset)), name))[0] if small else items
    else:
        x = items.gather(torch.arange(len(dataset))) if small else items
    values, labels = class_names(list(known) if isinstance(known, tuple) else known, f"{name}: labels")
    names = _named(values, getattr(dataset, "classes", None))
    found = ClassIndex(x, labels, names, name, reads=reads)
    report_near_names(names, name)
    return found


class _Items:
    """Rows of a torch data set, read on demand."""

    def __init__(self, dataset: Any, name: str) -> None:
        self.dataset, self.name = dataset, name
        self.last = False

    def __len__(self) -> int:
        return len(self.dataset)

    def gather(self, rows: Tensor) -> Inputs:
        numbers = rows.tolist()
        return self.images(_stack([self.pair(row)[0] for row in numbers], numbers, self.name))[0]

    def images(self, rows: Inputs) -> tuple[Inputs, Images | None]:
        """Rows as images, with their reader, where they are some."""
        return _as_images(rows, self.name, last=self.last)

    def pair(self, row: int) -> tuple[Inputs, Any]:
        item = self.dataset[row]
        if not isinstance(item, tuple | list) or len(item) < 2:
            raise DataError(f"{self.name}: item {row} is a {type(item).__name__}. Items must be pairs (x, label).")
        self.last = not isinstance(item[0], Tensor | Image.Image)
        return _example(item[0], f"{self.name}: item {row}"), item[1]


def _example(x: Any, where: str) -> Inputs:
    """Numbers of their own kind; an image becomes (channels, height, width), a dictionary one of tensors."""
    if isinstance(x, Mapping):
        return {str(key): _example(value, f"{where}, {key!r}") for key, value in x.items()}
    if isinstance(x, Image.Image):
        opened = decoded(x)
        if opened.mode == "F":
            return torch.from_numpy(np.asarray(opened) / np.float32(255))[None]
        pixels = np.array(opened if opened.mode in ("L", "RGB") else opened.convert("L" if opened.mode == "1" else "RGB"))
        return torch.from_numpy(pixels)[None] if pixels.ndim == 2 else torch.from_numpy(pixels).permute(2, 0, 1)
    if not isinstance(x, Tensor):
        try:
            array = np.require(x, requirements=["C", "W"])
            x = torch.from_numpy(array.astype(array.dtype.newbyteorder("="), copy=False))
        except (TypeError, ValueError) as error:
            raise DataError(f"{where}: a {type(x).__name__} of no numbers ({error}). Give tensors, arrays or images.") from error
    found: Tensor = x.detach()
    return found


def _as_images(x: Inputs, name: str, *, last: bool) -> tuple[Inputs, Images | None]:
    """Images with their reader; else numbers of the precision that torch usually has. ``last``: they were arrays."""
    if not isinstance(x, Tensor):
        return map_leaves(lambda leaf: _numbers(leaf, name, whole=True), x), None
    rows, reads = image_rows(x, name, last=last) if x.ndim else (x, None)
    whole = not last and rows.dtype in (torch.int32, torch.int64)
    return (_numbers(rows, name, whole=whole) if reads is None else rows), reads


def _numbers(rows: Tensor, name: str, *, whole: bool) -> Tensor:
    if rows.is_complex():
        raise DataError(f"{name} holds complex numbers, which no network here takes. Give real and imaginary parts as numbers.")
    keeps = rows.dtype != torch.float64 if rows.is_floating_point() else whole
    return rows if keeps else rows.to(torch.get_default_dtype())


def _stack(items: Sequence[Inputs], numbers: Sequence[int], name: str) -> Inputs:
    if not items:
        raise DataError(f"{name} holds no rows. Give at least one of each class.")
    for number, item in zip(numbers, items, strict=True):
        if _scene(item) != _scene(items[0]):
            raise DataError(
                f"{name}: item {numbers[0]} is {_scene(items[0])}, item {number} is {_scene(item)}. "
                "Bring all items to one size and mode first (a transform that resizes and converts)."
            )
    return stack(items)


def _scene(item: Inputs) -> str:
    if not isinstance(item, Tensor):
        return " and ".join(f"{key} {_scene(item[key])}" for key in sorted(item))
    return f"{str(item.dtype).removeprefix('torch.')} of shape {tuple(item.shape)}"


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
    check_enough_classes(len(index.classes), fractions, index.name, _adapts(index.reads))
    order = torch.randperm(len(index.classes), generator=torch.Generator().manual_seed(seed)).tolist()
    parts = [order[low:high] for low, high in itertools.pairwise(cuts_of(len(order), fractions))]
    return Splits(*[index.select(part, f"{index.name}/{n}") for n, part in zip(Splits._fields, parts, strict=True)])


def _adapts(reads: InputKind | None) -> str:
    return "images FOLDER" if isinstance(reads, Images) else ""
