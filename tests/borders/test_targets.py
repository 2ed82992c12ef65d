"""What targets mean: read as what they are where that is certain, refused with both readings where it is not."""

from typing import Any

import numpy as np
import pytest
import torch

from quickstudy import Examples
from quickstudy.borders.targets import class_names, read_targets
from quickstudy.errors import DataError, ShapeError, UserError

ONE_HOT = [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
RAGGED = [[1, 0], [1]]


@pytest.mark.parametrize("as_", [list, tuple, np.asarray, torch.as_tensor])
@pytest.mark.parametrize(
    ("y", "kind", "rows"),
    [
        ([1, 0, 2], "classes", ONE_HOT),
        ([False, True, True], "classes", [[1, 0], [0, 1], [0, 1]]),
        ([[1], [0], [2]], "classes", ONE_HOT),
        (ONE_HOT, "classes", ONE_HOT),
        ([[0.0, 1.0], [1.0, 0.0]], "classes", [[0, 1], [1, 0]]),
        ([0.25, 1.0, 3.0], "values", [[0.25], [1], [3]]),
        ([[0.25], [1.0]], "values", [[0.25], [1]]),
        ([[3, 0], [1, 1]], "values", [[3, 0], [1, 1]]),
        ([[3.0, 0.0], [1.0, 1.0]], "values", [[3, 0], [1, 1]]),
        ([[1, 1, 0], [0, 0, 0]], "labels", [[1, 1, 0], [0, 0, 0]]),
        ([[True, True], [False, True]], "labels", [[1, 1], [0, 1]]),
    ],
)
def test_what_is_certain(y: Any, kind: str, rows: Any, as_: Any) -> None:
    found, numbers = read_targets(as_(y))
    assert found == kind and numbers.tolist() == rows and numbers.dtype == torch.float32
    examples = Examples.of(torch.zeros(len(y), 2), as_(y))
    assert examples.y.tolist() == rows and examples.mask.tolist() == [1] * len(y)


@pytest.mark.parametrize("y", [[1.0, 5.0, 3.0], [0.0, 1.0, 0.0], [[2.0], [0.0]], [1, 5, 3], [[4], [0]], [1, 2, 3]])
def test_two_readings_are_named_and_either_can_be_chosen(y: Any) -> None:
    with pytest.raises(DataError, match=r'class numbers, or values\? Say which: .*kind="classes".*kind="values"'):
        Examples.of(torch.zeros(len(y), 1), y)
    flat = torch.as_tensor(y).reshape(-1)
    classes = Examples.of(torch.zeros(len(y), 1), y, kind="classes")
    assert classes.y.shape == (len(y), int(flat.max()) + 1) and torch.equal(classes.labels, flat.long())
    assert Examples.of(torch.zeros(len(y), 1), y, 9).y.shape == (len(y), 9), "ways says that they are classes"
    values = Examples.of(torch.zeros(len(y), 1), y, kind="values")
    assert values.y[:, 0].tolist() == flat.tolist() and values.y.is_floating_point()


def test_a_pandas_column() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    table = pandas.DataFrame({"a": [0.5, 1.5], "b": [1, 2], "class": [1, 0], "part": ["x", "y"]})
    examples = Examples.of(table[["a", "b"]], table["class"])
    assert examples.x.tolist() == [[0.5, 1], [1.5, 2]] and examples.y.tolist() == [[0, 1], [1, 0]]
    with pytest.raises(DataError, match="is no input"):
        Examples.of(table, table["class"])
    with pytest.raises(DataError, match="NaN or infinite values"):
        Examples.of(table[["a"]], pandas.array([1, None], dtype="Int64"))


@pytest.mark.parametrize(
    ("y", "arguments", "error", "scene"),
    [
        (["cat", "dog"], {}, DataError, r"text \('cat', 'dog'\).*datasets.from_arrays"),
        (["1", "0"], {"kind": "classes"}, DataError, "text"),
        ([0.5, float("nan")], {}, DataError, "NaN or infinite"),
        ([0, None], {}, DataError, "missing for some rows"),
        ([0.5, 1e300], {}, DataError, "NaN or infinite"),
        ([1j, 0], {}, DataError, "complex128, not numbers"),
        ([np.datetime64("2020-01-01")] * 2, {}, DataError, "datetime64"),
        (RAGGED, {}, DataError, "no table of numbers"),
        (torch.zeros(2, 3, 4), {}, ShapeError, r"shape \(2, 3, 4\)"),
        (3, {}, ShapeError, r"shape \(\)"),
        ([0.5, 1.0], {"kind": "classes"}, DataError, 'whole numbers from 0, but one is 0.5.*kind="values"'),
        ([-1, 0], {"kind": "classes"}, DataError, r"-1\.\.0, outside of 0\.\.0"),
        ([0, 3], {"ways": 3}, DataError, r"0\.\.3, outside of 0\.\.2"),
        ([[1, 1], [0, 1]], {"kind": "classes"}, DataError, 'not one-hot.*kind="labels"'),
        ([[1, 0, 0], [0, 1, 0]], {"ways": 2}, DataError, "3 columns, more than ways=2"),
        ([2, 0], {"kind": "labels"}, DataError, "rows of 0 and 1"),
        ([0, 1], {"kind": "class"}, DataError, "kind='class'"),
        ([0, 1], {"ways": 2.0}, DataError, "ways=2.0"),
        ([0, 1], {"ways": 0}, DataError, "ways=0"),
        ([0, 2_000_000_000], {"kind": "classes"}, DataError, "2,000,000,001 columns"),
        ([0, 2_000_000_000], {}, DataError, "class numbers, or values"),
    ],
)
def test_what_is_no_target(y: Any, arguments: dict[str, Any], error: type[UserError], scene: str) -> None:
    with pytest.raises(error, match=scene):
        Examples.of(torch.zeros(2, 1), y, **arguments)


@pytest.mark.parametrize(
    ("y", "names", "numbers"),
    [
        (["dog", "cat", "dog"], ("cat", "dog"), [1, 0, 1]),
        (np.array(["b", "a"], dtype=object), ("a", "b"), [1, 0]),
        ([7, 3, 7, 40], ("3", "7", "40"), [1, 0, 1, 2]),
        ([7.0, 3.0], ("3", "7"), [1, 0]),
        (np.array([[7.0], [3.0]]), ("3", "7"), [1, 0]),
        ([True, False], ("0", "1"), [1, 0]),
        (ONE_HOT, ("0", "1", "2"), [1, 0, 2]),
        ([2_000_000_000, -5], ("-5", "2000000000"), [1, 0]),
        ([["u"], ["v"]], ("u", "v"), [0, 1]),
        (["a", "A"], ("A", "a"), [1, 0]),
    ],
)
def test_names_of_classes(y: Any, names: tuple[str, ...], numbers: list[int]) -> None:
    found, inverse = class_names(y)
    assert found == names and inverse.tolist() == numbers and inverse.dtype == torch.int64


@pytest.mark.parametrize(
    ("y", "scene"),
    [
        (["cat", float("nan"), "dog"], "row 1 has no name"),
        (["cat", None, "dog"], "row 1 has no name"),
        (["cat", "", "dog"], "row 1 has no name"),
        (["cat", "cat ", "dog"], "'cat' and 'cat ' differ in spaces alone"),
        ([0, float("nan")], "NaN or infinite"),
        ([0.37, 1.2], "0.37, which is no class number"),
        ([[1, 1], [0, 1]], "not one-hot"),
        ([["a", "b"]], "one number or one name for each row"),
        ([object()], "row 0 holds"),
    ],
)
def test_what_names_no_class(y: Any, scene: str) -> None:
    with pytest.raises(DataError, match=f"mine.*{scene}"):
        class_names(y, "mine")
