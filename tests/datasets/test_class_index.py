"""The index of classes: gathering, selecting, and what it refuses."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import DataError
from quickstudy.inputs.images import Images

LABELS = torch.tensor([0, 0, 1, 1, 2])


@dataclass(frozen=True)
class Lazy:
    x: Tensor

    def __len__(self) -> int:
        return len(self.x)

    def gather(self, rows: Tensor) -> Tensor:
        return self.x[rows]


def index(x: object = None, labels: Tensor = LABELS, classes: tuple[str, ...] = ("a", "b", "c"), **more: object) -> ClassIndex:
    return ClassIndex(torch.arange(10.0).view(5, 2) if x is None else x, labels, classes, "toy", **more)  # type: ignore[arg-type]


def test_gather_gives_the_shape_of_the_rows_then_of_an_example() -> None:
    rows = torch.tensor([[0, 4, 1], [2, 2, 3]])
    assert index().gather(rows).shape == (2, 3, 2)
    assert torch.equal(index().gather(rows)[0, 1], torch.tensor([8.0, 9.0]))


def test_pixels_are_scaled_by_their_reader_and_numbers_left_alone() -> None:
    pixels = torch.tensor([0, 51, 255, 1, 2], dtype=torch.uint8).view(5, 1, 1, 1)
    reads = Images(1, strokes=False)
    for rows in (pixels, Lazy(pixels)):
        found = index(rows, reads=reads).gather(torch.arange(3))
        assert found.dtype == torch.float32 and torch.equal(found, reads.batch(pixels[:3]))
        assert torch.allclose(found.flatten(), torch.tensor([0.0, 0.2, 1.0]))
    assert index(torch.full((5, 1), 300.0)).gather(torch.tensor(0)).item() == 300
    for kind in (torch.uint8, torch.int64, torch.float64, torch.bool):
        whole = torch.tensor([[0], [51], [255], [1], [2]]).to(kind)
        assert torch.equal(index(whole).gather(torch.arange(5)), whole) and index(whole).gather(torch.arange(5)).dtype == kind


def test_rows_that_carry_a_graph_are_data() -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    rows = torch.arange(10.0).view(5, 2) * weight
    for given in (rows, Lazy(rows)):
        found = index(given).gather(torch.tensor([1, 4]))
        assert not found.requires_grad and found.tolist() == [[2.0, 3.0], [8.0, 9.0]]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_rows_read_on_demand_equal_rows_in_memory(dtype: torch.dtype) -> None:
    x = torch.randint(0, 255, (5, 3, 2)).to(dtype)
    rows = torch.tensor([[4, 0], [1, 1]])
    assert torch.equal(index(Lazy(x)).gather(rows), index(x).gather(rows))
    lazy, eager = index(Lazy(x)).select(["c", "a"]), index(x).select(["c", "a"])
    assert torch.equal(lazy.gather(torch.arange(3)), eager.gather(torch.arange(3)))


def test_select_numbers_classes_in_the_order_given() -> None:
    whole = index(groups=torch.tensor([5, 6, 7, 8, 9]))
    part = whole.select(["c", "a"], "part")
    assert part.classes == ("c", "a") and part.name == "part"
    assert part.labels.tolist() == [1, 1, 0]
    assert part.groups is not None and part.groups.tolist() == [5, 6, 9]
    assert part.gather(torch.tensor([2])).tolist() == [[8.0, 9.0]]
    assert whole.select([2, 0]).labels.tolist() == part.labels.tolist()
    assert whole.counts.tolist() == [2, 2, 1]


def test_rows_of_one_number_each() -> None:
    assert index(torch.arange(5.0)).gather(torch.tensor([[1], [2]])).tolist() == [[1.0], [2.0]]


@pytest.mark.parametrize(
    ("make", "scene"),
    [
        (lambda: index(labels=torch.zeros(5, dtype=torch.long), classes=("a",)), "all 5 rows are of one class.*add examples"),
        (lambda: index(labels=torch.tensor([0, 0, 1, 1, 3])), r"labels must lie in 0\.\.2"),
        (lambda: index(labels=torch.tensor([0, 0, 1, 1, -1])), r"labels must lie in 0\.\.2"),
        (lambda: index(labels=LABELS[:4]), "5 rows came with 4 labels. Give one"),
        (lambda: index(labels=torch.tensor([0, 0, 1, 1, 1])), 'no rows of "c". Leave'),
        (lambda: index(labels=LABELS.float()), "labels must be int64.*float32.*from_arrays"),
        (lambda: index(labels=LABELS.to(torch.uint8)), "labels must be int64.*uint8.*from_arrays"),
        (lambda: index(classes=("a", "b", "a")), "more than one class is called 'a'. Give each"),
        (lambda: index(classes=("a", "", "c")), "a class is called ''. Give each"),
        (lambda: index(classes=("a", " ", "c")), "a class is called ' '. Give each"),
        (lambda: index(classes=("a", 7, "c")), "a class is called 7. Give each"),  # type: ignore[arg-type]
        (lambda: index(classes=("cat", "cat ", "c")), "'cat' and 'cat ' differ in spaces alone"),
        (lambda: index(classes=("a", "\udcff", "c")), "no valid UTF-8. Rename it"),
        (lambda: index(np.zeros((5, 2))), "rows must be a tensor, or a tree of tensors, not ndarray. Call datasets.from_arrays"),
        (lambda: index(labels=[0, 0, 1, 1, 2]), "labels must be int64.*not list. Call datasets.from_arrays"),  # type: ignore[arg-type]
        (lambda: index(labels=torch.tensor([0, 0, 1, 1, 2 * 10**9])), r"labels must lie in 0\.\.2"),
        (lambda: index(groups=torch.tensor([0, 0, 1, 1, 2 * 10**9])), "group number 2,000,000,000 is above.*without gaps"),
        (lambda: index(groups=torch.zeros(3, dtype=torch.long)), "3 groups came with 5 rows. Give one"),
        (lambda: index(groups=LABELS - 1), "groups must be int64 from 0"),
        (lambda: index().select(["a", "z"]), 'no class \'z\'. It has "a", "b", "c"'),
        (lambda: index().select([0, 3]), "no class 3"),
        (lambda: index().select([0, 0]), "select two or more classes, each once"),
        (lambda: index().select([]), "select two or more classes, each once"),
    ],
)
def test_bad_input_is_named_with_its_remedy(make: object, scene: str) -> None:
    with pytest.raises(DataError, match=f"toy.*{scene}"):
        make()  # type: ignore[operator]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_nan_and_infinite_values_are_found_and_placed(value: float) -> None:
    x = torch.zeros(5, 2, 2)
    x[3, 1, 0] = x[4, 0, 0] = value
    message = '2 rows hold NaN or infinite values, the first is row 3 of class "b". Clean or leave them out'
    with pytest.raises(DataError, match=message):
        index(x)
    lazy = index(Lazy(x))
    assert lazy.gather(torch.tensor([0, 1])).sum() == 0
    with pytest.raises(DataError, match='the first is row 3 of class "b"'):
        lazy.gather(torch.tensor([[0, 3]]))
