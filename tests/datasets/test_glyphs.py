"""Glyphs: counts, writing systems apart, styles that differ, no twins, the same everywhere."""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch

from quickstudy.datasets.class_index import ClassIndex, Splits
from quickstudy.datasets.glyphs import glyphs
from quickstudy.tasks.few_shot import FewShot

MODULE = sys.modules["quickstudy.datasets.glyphs"]
UNSEEN = {"ARABIC", "ARMENIAN", "CANADIAN", "GEORGIAN", "HEBREW", "LAO"}


@pytest.fixture(scope="module")
def splits() -> Splits:
    return glyphs()


@pytest.fixture
def hebrew_only(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """A small build: Hebrew and Lao letters alone."""
    monkeypatch.setattr(
        MODULE, "_wanted", lambda character: "\u05d0" <= character <= "\u05ea" or "\u0e81" <= character <= "\u0ea5"
    )
    return list(MODULE._fonts())


def pixels(index: ClassIndex) -> torch.Tensor:
    assert isinstance(index.x, torch.Tensor)
    return index.x


def styles_of(index: ClassIndex) -> torch.Tensor:
    """How many rows each class has in each style, (C, G)."""
    assert index.groups is not None
    table = torch.zeros(len(index.classes), len(index.group_names))
    return table.index_put_((index.labels, index.groups), torch.ones(len(index)), accumulate=True)


def test_counts_and_memory(splits: Splits) -> None:
    classes = [len(part.classes) for part in splits]
    assert sum(classes) > 1500 and min(classes) >= 30 and classes[2] > 500
    assert sum(pixels(part).nbytes for part in splits) < 200e6
    for part in splits:
        assert pixels(part).dtype == torch.uint8 and pixels(part).shape[1:] == (1, 28, 28)
        assert part.counts.min() >= 40 and part.counts.max() <= 52
        assert part.reads is not None and part.reads.size == (28, 28)


def test_no_writing_system_is_in_two_parts(splits: Splits) -> None:
    words = [{word for name in part.classes for word in name.replace("-", " ").split()[:2]} for part in splits]
    assert words[2] >= UNSEEN
    assert not words[0] & UNSEEN and not words[1] & UNSEEN
    assert not words[0] & {"COPTIC", "LISU", "OLD"} and words[1] & {"COPTIC", "LISU", "OLD"}
    assert {"LATIN", "CYRILLIC", "GREEK"} <= words[0]
    assert len({name for part in splits for name in part.classes}) == sum(len(part.classes) for part in splits)


def test_every_class_has_four_styles_and_no_placeholder_font(splits: Splits) -> None:
    for part in splits:
        assert ((styles_of(part) > 0).sum(1) >= 4).all()
        assert all(name.startswith(("DejaVu", "STIX")) for name in part.group_names)


@pytest.mark.parametrize("part", Splits._fields)
def test_twenty_shots_and_fifteen_queries_of_other_styles(splits: Splits, part: str) -> None:
    index = getattr(splits, part)
    plan = FewShot(index, ways=5, shots=20, queries=15).plan(8, torch.Generator().manual_seed(0))
    assert plan.support_mask.all() and plan.query_mask.all()
    for support, query in zip(index.groups[plan.support_rows], index.groups[plan.query_rows], strict=True):
        assert not set(support.tolist()) & set(query.tolist())


def test_every_row_shows_ink_that_is_not_clipped(splits: Splits) -> None:
    for part in splits:
        x = pixels(part)[:, 0]
        assert int(x.flatten(1).amax(1).min()) > 60
        border = torch.cat([x[:, 0], x[:, -1], x[..., 0], x[..., -1]], 1)
        assert float((border > 127).any(1).float().mean()) < 0.03


def test_no_image_is_in_two_classes(splits: Splits) -> None:
    owner: dict[bytes, tuple[str, int]] = {}
    for part in splits:
        labels = part.labels.tolist()
        for row, image in enumerate(pixels(part).numpy()):
            mine = (part.name, labels[row])
            assert owner.setdefault(image.tobytes(), mine) == mine


def test_rows_of_a_style_differ_and_look_alike(splits: Splits) -> None:
    index = splits.test
    assert index.groups is not None
    rows = torch.where((index.labels == 0) & (index.groups == index.groups[0]))[0]
    own = torch.nn.functional.normalize(index.gather(rows).flatten(1), dim=1)
    other = torch.nn.functional.normalize(index.gather(torch.where(index.labels == 9)[0]).flatten(1), dim=1)
    assert len({pixels(index)[row].numpy().tobytes() for row in rows}) == len(rows) >= 3
    assert (own @ own.mT).mean() > (own @ other.mT).mean() + 0.2


def test_characters_whose_twins_come_earlier_are_dropped(splits: Splits) -> None:
    names = {name for part in splits for name in part.classes}
    assert {"LATIN CAPITAL LETTER A", "LATIN CAPITAL LETTER ESH", "LATIN SMALL LETTER E", "HEBREW LETTER ALEF"} <= names
    twins = {"GREEK CAPITAL LETTER ALPHA", "GREEK CAPITAL LETTER SIGMA", "CYRILLIC SMALL LETTER IE", "LISU LETTER A"}
    assert not twins & names


def test_the_cache_gives_the_same_and_a_damaged_one_is_built_again(
    hebrew_only: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUICKSTUDY_CACHE", str(tmp_path))
    monkeypatch.setattr(MODULE, "_part", lambda name: Splits._fields[sum(map(ord, name)) % 3])
    first = glyphs()
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    with monkeypatch.context() as sealed:
        sealed.setattr(MODULE, "_build", lambda files: pytest.fail("built again"))
        assert torch.equal(pixels(glyphs().val), pixels(first.val))
    file.write_bytes(whole[: len(whole) // 2])
    assert torch.equal(pixels(glyphs().val), pixels(first.val))
    assert file.read_bytes() == whole


def test_two_builds_are_equal_on_any_number_of_threads(hebrew_only: list[Path]) -> None:
    first = MODULE._build(hebrew_only)
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        second = MODULE._build(hebrew_only)
    finally:
        torch.set_num_threads(threads)
    assert len(first["names"]) > 30
    assert all(np.array_equal(first[key], second[key]) for key in ("x", "labels", "styles", "names"))


def test_a_style_that_repeats_another_does_not_count() -> None:
    image = np.zeros((28, 28), dtype=np.uint8)
    image[5:20, 10:14] = 255
    almost = image.copy()
    almost[5, 10] = 200
    other = np.roll(image, 3, axis=1)
    blank = np.zeros_like(image)
    assert MODULE._unlike(np.stack([blank, image, almost, other, image])) == [1, 3]


def test_look_alikes_lose_to_the_earlier() -> None:
    drawn = np.zeros((4, 28, 28), dtype=np.uint8)
    drawn[0, 5:20, 10:14] = drawn[1, 5:20, 10:14] = drawn[2, 10:14, 5:20] = drawn[3, 10:14, 5:20] = 255
    drawn[1, 19, 10:14] = 128
    pairs = defaultdict(list, {"a": [(0, 0)], "b": [(0, 1)], "c": [(0, 2)], "d": [(1, 3)]})
    assert MODULE._distinct(drawn, pairs) == ["a", "c"], "b looks like a; d is c drawn in another style"
