"""Own arrays and torch data sets as an index of classes, and what is refused."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset, IterableDataset, Subset, TensorDataset

from quickstudy.datasets import arrays as module
from quickstudy.datasets.arrays import from_arrays, from_dataset, split_classes
from quickstudy.errors import DataError
from quickstudy.inputs.images import Images


class Items(Dataset[Any]):
    """A map-style data set of a list, which counts how often it is read."""

    def __init__(self, items: list[Any], **facts: Any) -> None:
        self.items, self.reads = items, 0
        self.__dict__.update(facts)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, row: int) -> Any:
        self.reads += 1
        return self.items[row]


def images(*modes: str, size: tuple[int, int] = (8, 6)) -> list[Image.Image]:
    return [Image.new(mode, size, 1) for mode in modes]


@pytest.mark.parametrize("kind", [np.asarray, torch.as_tensor, list])
def test_labels_in_any_order_with_gaps(kind: Any) -> None:
    index = from_arrays(np.arange(8.0).reshape(4, 2), kind([7, 3, 7, 40]))
    assert index.classes == ("3", "7", "40") and index.labels.tolist() == [1, 0, 1, 2]
    assert index.gather(torch.tensor([3])).tolist() == [[6.0, 7.0]]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int8", "int64", "float16", "float32", "float64", "bool"])
def test_numpy_types(dtype: str) -> None:
    """Whole numbers keep their values; in the shape of images 8 and 16 bits are scaled, by the reader that the index carries."""
    for shape in ((4, 6), (4, 2, 3)):
        index = from_arrays(np.ones(shape, dtype=dtype), [0, 1, 0, 1])
        found = index.gather(torch.arange(4))
        assert found.is_floating_point() and found.dtype != torch.float64
        scale = {"uint8": 255, "uint16": 65_535}.get(dtype, 1) if len(shape) == 3 else 1
        assert found.unique().item() == pytest.approx(1 / scale)
        assert (index.reads is not None) == (scale > 1)


PIXELS = np.random.default_rng(0).integers(0, 256, (4, 6, 5, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "rows",
    [
        PIXELS,
        torch.from_numpy(PIXELS),
        torch.from_numpy(PIXELS).permute(0, 3, 1, 2),
        PIXELS.transpose(0, 3, 1, 2),
        list(PIXELS),
        [Image.fromarray(pixels) for pixels in PIXELS],
        np.concatenate([PIXELS, np.full((4, 6, 5, 1), 255, np.uint8)], 3),
        PIXELS.astype(np.uint16) * 257,
    ],
    ids=["array", "tensor", "tensor, channels first", "array, channels first", "list", "PIL", "RGBA", "16 bits"],
)
def test_rows_of_pixels_are_images_and_carry_their_reader(rows: Any) -> None:
    index = from_arrays(rows, [0, 1, 0, 1])
    assert index.reads == Images((6, 5), channels=3, strokes=False)
    expected = torch.from_numpy(PIXELS).permute(0, 3, 1, 2).float() / 255
    assert torch.equal(index.gather(torch.arange(4)), expected)
    assert isinstance(index.x, torch.Tensor) and index.x.dtype == torch.uint8, "no more memory than before"
    assert torch.equal(index.reads.batch(PIXELS), expected), "and so a predictor reads the raw pixels"
    assert torch.equal(from_dataset(Items([(row, n % 2) for n, row in enumerate(rows)])).gather(torch.arange(4)), expected)


def test_greys_are_images_and_flat_rows_are_numbers() -> None:
    grey = from_arrays(PIXELS[..., 0], [0, 1, 0, 1])
    assert grey.reads == Images((6, 5), strokes=False) and grey.gather(torch.arange(4)).shape == (4, 1, 6, 5)
    flat = from_arrays(PIXELS[:, 0, :, 0], [0, 1, 0, 1])
    assert flat.reads is None and flat.gather(torch.arange(4)).tolist() == PIXELS[:, 0, :, 0].tolist()
    with pytest.raises(DataError, match=r"rows of shape \(7, 6, 5\) are no images of 1 or 3 channels.*divided by 255"):
        from_arrays(np.zeros((4, 7, 6, 5), dtype=np.uint8), [0, 1, 0, 1])


def test_a_reader_may_be_given() -> None:
    index = from_arrays(PIXELS, [0, 1, 0, 1], reads=Images(28))
    assert torch.equal(index.gather(torch.arange(4)), torch.stack([Images(28)(pixels) for pixels in PIXELS]))
    assert index.reads == Images(28)


def test_names_that_are_missing_empty_or_nearly_equal(caplog: pytest.LogCaptureFixture) -> None:
    rows = np.zeros((4, 2))
    for y, words in (
        (["cat", "dog", float("nan"), "cat"], "row 2 has no name"),
        (["cat", "dog", None, "cat"], "row 2 has no name"),
        (np.array(["cat", "dog", float("nan"), "cat"], dtype=object), "row 2 has no name"),
        (["cat", "dog", "", "cat"], "row 2 has no name"),
        (["cat", "dog", "cat ", "cat"], "'cat' and 'cat ' differ in spaces alone"),
    ):
        with pytest.raises(DataError, match=words):
            from_arrays(rows, y)
        with pytest.raises(DataError, match=words):
            from_dataset(Items([(row, None) for row in rows], targets=y))
        with pytest.raises(DataError, match="groups: .*" + words):
            from_arrays(rows, [0, 1, 0, 1], groups=y)
    assert from_arrays(rows, ["cat", "Cat", "cat", "dog"]).counts.tolist() == [1, 2, 1]
    assert "1 pairs of class names are nearly equal: 'Cat' and 'cat'" in caplog.text


def test_arrays_that_may_not_be_written_or_run_backwards() -> None:
    fixed = np.arange(8, dtype=np.float32).reshape(4, 2)
    fixed.setflags(write=False)
    assert from_arrays(fixed, [0, 1, 0, 1]).gather(torch.tensor(3)).tolist() == [6, 7]
    assert from_arrays(fixed[::-1], [0, 1, 0, 1]).gather(torch.tensor(3)).tolist() == [0, 1]
    assert from_arrays(fixed.astype(">f4"), [0, 1, 0, 1]).gather(torch.tensor(3)).tolist() == [6, 7]


def test_names_and_groups() -> None:
    index = from_arrays(torch.zeros(4, 1), ["b", "a", "b", "a"], groups=["p2", "p1", "p1", "p2"])
    assert index.classes == ("a", "b") and index.labels.tolist() == [1, 0, 1, 0]
    assert index.groups is not None and index.groups.tolist() == [1, 0, 0, 1] and index.group_names == ("p1", "p2")
    assert from_arrays(torch.zeros(4, 1), [0, 1, 0, 1], classes=["no", "yes"]).classes == ("no", "yes")


def test_a_list_of_images() -> None:
    index = from_arrays(images("RGB", "RGB", "RGB"), [0, 1, 0])
    assert index.gather(torch.arange(3)).shape == (3, 3, 6, 8)
    assert from_arrays(images("L", "1", "L"), [0, 1, 0]).gather(torch.arange(3)).shape == (3, 1, 6, 8)


@pytest.mark.parametrize(
    ("x", "y", "scene"),
    [
        (np.zeros((4, 2)), [0, 0, 0, 0], "all 4 rows are of one class.*add examples"),
        (np.zeros((4, 2)), [0, 1, 0], "4 rows came with 3 labels"),
        (np.array([[0.0], [np.nan], [1], [1]]), ["u", "v", "u", "v"], 'NaN or infinite.*row 1 of class "v"'),
        (np.array([[0.0], [1e300], [1], [1]]), [0, 1, 0, 1], "NaN or infinite"),
        (np.zeros((4, 2)), [0, 1, np.nan, 1], "labels hold NaN.*leave these rows out"),
        (np.zeros((4, 2)), [0, 1, None, 1], "labels: row 2 has no name"),
        (np.zeros((4, 2)), np.ones((4, 4)), "not one-hot"),
        (np.array([[None], ["x"], [1], [2]], dtype=object), [0, 1, 0, 1], "of no numbers.*Give tensors"),
        ("text", [0, 1, 0, 1], "of no numbers.*Give tensors"),
        ([], [], "holds no rows. Give at least one"),
        (
            [np.zeros((2, 3)), np.zeros((2, 3)), np.zeros((3, 2))],
            [0, 1, 0],
            r"item 0 is .*\(2, 3\), item 2 is .*\(3, 2\).*one size",
        ),
        (images("L", "RGB"), [0, 1], r"item 0 is .*\(1, 6, 8\), item 1 is .*\(3, 6, 8\).*one size and mode"),
        (
            images("L") + images("L", size=(9, 9)),
            [0, 1],
            r"item 0 is .*\(1, 6, 8\), item 1 is .*\(1, 9, 9\).*one size and mode",
        ),
        (images("L", "I;16"), [0, 1], "item 0 is uint8 .*, item 1 is float32.*one size and mode"),
    ],
)
def test_bad_arrays(x: Any, y: Any, scene: str) -> None:
    with pytest.raises(DataError, match=f"mine.*{scene}"):
        from_arrays(x, y, name="mine")


def test_class_names_must_be_as_many_as_classes() -> None:
    with pytest.raises(DataError, match="3 class names were given, but y holds 2 different classes. Give one name to each"):
        from_arrays(np.zeros((4, 2)), [0, 1, 0, 1], classes=["a", "b", "c"])


@pytest.mark.parametrize("attribute", ["targets", "labels"])
@pytest.mark.parametrize("kind", [list, np.asarray, torch.as_tensor])
def test_a_list_of_labels_spares_a_pass(attribute: str, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = Items([(torch.full((3,), float(i)), None) for i in range(6)], **{attribute: kind([4, 2, 4, 2, 9, 9])})
    index = from_dataset(data, name="six")
    assert index.labels.tolist() == [1, 0, 1, 0, 2, 2] and index.name == "six"
    monkeypatch.setattr(module, "_IN_MEMORY", 0)
    data.reads = 0
    lazy = from_dataset(data)
    assert data.reads == 1
    assert torch.equal(lazy.gather(torch.tensor([[5, 1]])), index.gather(torch.tensor([[5, 1]])))


@pytest.mark.parametrize("memory", [0, 2**30])
@pytest.mark.parametrize("label", [int, torch.tensor, np.int64, str])
def test_without_a_list_each_item_is_read_once(memory: int, label: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IN_MEMORY", memory)
    data = Items([(np.full((2, 2), i, dtype=np.uint8), label(i % 2)) for i in range(6)])
    index = from_dataset(data)
    assert data.reads == 7, "the first once more, to learn its size"
    assert index.classes == ("0", "1") and index.labels.tolist() == [0, 1] * 3
    assert index.gather(torch.tensor([3])).unique().item() == pytest.approx(3 / 255)


def test_names_of_classes_follow_the_labels() -> None:
    items = [(torch.zeros(1), i) for i in (2, 0, 2, 0)]
    assert from_dataset(Items(items, classes=["ant", "bee", "cat"])).classes == ("ant", "cat")
    assert from_dataset(Items(items, classes=["ant"])).classes == ("0", "2")
    assert from_dataset(Subset(Items(items), [0, 1])).classes == ("0", "2")
    assert from_dataset(TensorDataset(torch.zeros(4, 2), torch.tensor([0, 1, 1, 0]))).counts.tolist() == [2, 2]


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        yield from [(torch.zeros(1), 0)]


@pytest.mark.parametrize(
    ("dataset", "scene"),
    [
        (Items([]), "no map-style data set with items. It needs"),
        (Stream(), "no map-style data set with items. It needs"),
        (Items([torch.zeros(2), torch.zeros(2)]), r"item 0 is a Tensor. Items must be pairs"),
        (Items([(object(), 0), (object(), 1)]), "item 0: a .*of no numbers.*Give tensors"),
        (
            Items([(image, i) for i, image in enumerate(images("RGB", "RGB", "L"))]),
            r"item 0 is .*\(3, 6, 8\), item 2 is .*\(1, 6, 8\)",
        ),
        (Items([(torch.zeros(2, i), i) for i in (3, 4)]), r"item 0 is .*\(2, 3\), item 1 is .*\(2, 4\).*one size and mode"),
        (Items([(torch.zeros(2), 0), (torch.zeros(2), 0)]), "all 2 rows are of one class"),
        (Items([(torch.zeros(2), torch.zeros(2)), (torch.zeros(2), 0)]), "labels are no table of numbers"),
        (Items([(torch.zeros(2), 0)] * 3, targets=[0, 1]), "3 rows came with 2 labels"),
    ],
)
def test_bad_data_sets(dataset: Any, scene: str) -> None:
    with pytest.raises(DataError, match=scene):
        from_dataset(dataset)


def test_mixed_sizes_are_found_when_read_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_IN_MEMORY", 0)
    index = from_dataset(Items([(torch.zeros(2 + (i == 3)), i % 2) for i in range(4)], targets=[0, 1, 0, 1]))
    with pytest.raises(DataError, match=r"item 1 is .*\(2,\), item 3 is .*\(3,\)"):
        index.gather(torch.tensor([1, 3]))


def test_parts_share_no_class_and_depend_on_the_seed_alone() -> None:
    index = from_arrays(torch.arange(60.0)[:, None], torch.arange(60) % 20, groups=torch.arange(60) % 3)
    parts = split_classes(index, (0.5, 0.25, 0.25), seed=3)
    assert [len(part.classes) for part in parts] == [10, 5, 5]
    assert len({label for part in parts for label in part.classes}) == 20
    again = split_classes(index, (0.5, 0.25, 0.25), seed=3)
    assert parts.train.classes == again.train.classes
    assert parts.train.classes != split_classes(index, (0.5, 0.25, 0.25), seed=4).train.classes
    values = parts.val.gather(torch.arange(len(parts.val)))[:, 0].long() % 20
    assert [parts.val.classes[label] for label in parts.val.labels.tolist()] == [str(v) for v in values.tolist()]
    assert parts.test.name == "data/test" and parts.test.groups is not None


@pytest.mark.parametrize(
    ("fractions", "scene"),
    [
        ((0.9, 0.05, 0.05), "10 classes. To meta-train, .*at least 36 classes are needed. Give more, or other fractions"),
        ((0.5, 0.5, 0.5), "must be three numbers that add up to 1"),
        ((1.5, -0.25, -0.25), "must be three numbers that add up to 1"),
    ],
)
def test_parts_too_small_or_wrong(fractions: tuple[float, float, float], scene: str) -> None:
    index = from_arrays(torch.zeros(20, 1), torch.arange(20) % 10)
    with pytest.raises(DataError, match=scene):
        split_classes(index, fractions)
