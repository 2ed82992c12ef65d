"""X and y as scikit-learn's users have them: arrays, tables, tensors, lists of files or texts; labels of any type."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from quickstudy.borders.arguments import shown
from quickstudy.errors import DataError, ShapeError
from quickstudy.functional.tree import leaves, map_leaves, to
from quickstudy.inputs.column import is_missing
from quickstudy.inputs.columns import Columns
from quickstudy.inputs.images import Images
from quickstudy.inputs.kind import InputKind
from quickstudy.inputs.texts import Texts
from quickstudy.task import Inputs, inputs

__all__ = [
    "are_features",
    "chunks",
    "labels",
    "place",
    "plain_table",
    "positions",
    "raw_things",
    "sorted_labels",
    "values",
    "width",
]


def raw_things(X: Any, reads: InputKind) -> Any:
    """Raw things in a form of which rows can be taken: a list, or an array, tensor or table of rows.

    Raises:
        DataError: one thing instead of many.
    """
    if isinstance(X, str | bytes | dict) or not hasattr(X, "__len__"):
        raise DataError(f"X is {shown(X)}. Give a list of {reads.things}, one for each row.")
    if hasattr(X, "iloc") and not isinstance(reads, Columns):
        if X.ndim == 2 and X.shape[1] != 1:
            raise DataError(f"X is a table of {X.shape[1]} columns, and {reads.things} are one. Give that column alone.")
        return list(X.iloc[:, 0] if X.ndim == 2 else X)
    if isinstance(X, np.ndarray) and X.dtype.kind in "OUST":
        return list(X.ravel() if X.ndim == 2 and X.shape[1] == 1 and not isinstance(reads, Columns) else X)
    if isinstance(reads, Images) and isinstance(X, np.ndarray | Tensor):
        if X.ndim < 3:
            raise DataError(f"X of shape {tuple(X.shape)} holds no images. Give files, or an array (Q, H, W) or deeper.")
        return list(X)  # each is one image, whatever its sides: an array could be read as one or as many
    return X


def are_features(X: Any, reads: InputKind | None) -> bool:
    """Whether rows are features for a learner that reads raw things, too: decimal numbers, of which these never consist.

    >>> are_features(np.zeros((3, 1280)), Images(128)), are_features(np.zeros((3, 2048)), None)
    (True, False)
    """
    decimal = (isinstance(X, Tensor) and X.is_floating_point()) or (isinstance(X, np.ndarray) and X.dtype.kind == "f")
    return decimal and X.ndim == 2 and reads is not None and not isinstance(reads, Columns | Texts)


def plain_table(X: Any) -> Any:
    """Rows of numbers as scikit-learn can check them, or a tensor as it is.

    Raises:
        DataError: a sparse tensor, one of complex numbers, or one without rows.
        ShapeError: a tensor of one axis.
    """
    if isinstance(X, list | tuple) and len(X) and isinstance(X[0], Tensor) and X[0].ndim:
        X = inputs(list(X))
    if not isinstance(X, Tensor):
        return X
    if X.layout != torch.strided:
        raise DataError("X is a sparse tensor, and sparse input is not supported. Give X.to_dense().")
    if X.is_complex():
        raise DataError("Complex data not supported: X is a tensor of complex numbers. Give real ones.")
    if X.ndim < 2:
        raise ShapeError(
            f"Expected a tensor of rows, got one of shape {tuple(X.shape)}. Reshape your data: X[:, None] or X[None]."
        )
    if not X.numel():
        raise DataError(f"X has the shape {tuple(X.shape)}, without a number. Give at least one row.")
    return X.detach()


def place(x: Inputs, learner: nn.Module) -> Inputs:
    """Inputs on the learner's device, decimal ones in the precision of its weights.

    A learner without weights computes in the precision of its inputs; single numbers, a penalty for example, count as none.
    """
    held = [tensor for tensor in [*learner.parameters(), *learner.buffers()] if tensor.is_floating_point() and tensor.ndim]
    if not held:
        return x
    dtype = held[0].dtype
    return to(map_leaves(lambda leaf: leaf.to(dtype) if leaf.is_floating_point() else leaf, x), held[0].device)


def width(x: Inputs) -> int:
    """How many numbers a row has, over all tensors of a tree."""
    return sum(leaf[0].numel() for leaf in leaves(x))


def chunks(X: Any, rows: int, size: int) -> Iterator[tuple[Any, int]]:
    """Parts of ``X`` of at most ``size`` rows, and how many rows each has."""
    for start in range(0, rows, size):
        part = slice(start, min(start + size, rows))
        yield X.iloc[part] if hasattr(X, "iloc") else X[part], part.stop - start


def _array(y: Any) -> Any:
    if isinstance(y, Tensor):
        return y.detach().cpu().float().numpy() if y.dtype == torch.bfloat16 else y.detach().cpu().numpy()
    if isinstance(y, list | tuple) and any(isinstance(item, Tensor) for item in y):
        return np.asarray([item.item() if isinstance(item, Tensor) and item.numel() == 1 else item for item in y])
    if isinstance(y, list | tuple) and any(isinstance(item, str) for item in y):
        found = np.empty(len(y), dtype=object)  # NumPy would turn a missing name into the text "nan"
        found[:] = y
        return found
    return y


def labels(y: Any) -> NDArray[Any]:
    """Labels, one for each row: texts, whole numbers, truth values, whatever can be sorted.

    Raises:
        ValueError: none, missing ones, or no labels.
    """
    from sklearn.utils.validation import assert_all_finite, column_or_1d

    found = column_or_1d(_array(y), warn=True)
    if found.dtype.kind == "O":
        items = found.tolist()
        lacking = next((row for row, item in enumerate(items) if is_missing(item)), None)
        if lacking is not None:
            raise DataError(
                f"Input y contains NaN: row {lacking} has no label ({items[lacking]!r}). Name it, or leave the row out."
            )
        if items and all(hasattr(item, "__float__") and not isinstance(item, str) for item in items):
            found = np.asarray(items)
    assert_all_finite(found, input_name="y")
    if found.dtype.kind == "c":
        raise DataError("Complex data not supported: y holds complex numbers. Give labels.")
    if found.dtype.kind == "f" and bool((found != found.round()).any()):
        wrong = found[found != found.round()][0]
        raise DataError(f"Unknown label type: continuous. y holds {wrong:.6g}; for values use FewShotRegressor.")
    return np.asarray(found)


def sorted_labels(y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """The different labels, sorted, and the number of each row's.

    Raises:
        DataError: labels of kinds that have no order.
    """
    try:
        classes, numbers = np.unique(y, return_inverse=True)
    except TypeError as error:
        kinds = ", ".join(sorted({type(item).__name__ for item in y.tolist()}))
        raise DataError(f"y holds labels of several types ({kinds}), which cannot be sorted. Give labels of one type.") from error
    return classes, numbers.reshape(-1)


def positions(y: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.int64]:
    """The number of each row's label among sorted ``classes``.

    Raises:
        DataError: a label that is none of them.

    >>> positions(np.array(["b", "a"]), np.array(["a", "b", "c"])).tolist()
    [1, 0]
    """
    found = np.searchsorted(classes, y).clip(max=max(len(classes) - 1, 0))
    strange = y[classes[found] != y]
    if len(strange):
        raise DataError(
            f"y holds the label {strange[0]!r}, which is none of classes={shown(classes.tolist())}. Name it there too."
        )
    return found.astype(np.int64)


def values(y: Any) -> NDArray[Any]:
    """Targets as numbers, (S,) or (S, P).

    Raises:
        ValueError: no finite real numbers, or more than two axes.
    """
    from sklearn.utils.validation import check_array

    return np.asarray(check_array(_array(y), ensure_2d=False, dtype="numeric", input_name="y"))
