"""Texts beside features: they survive selection, and become bytes and texts again."""

from dataclasses import replace

import pytest
import torch

from quickstudy.datasets.arrays import from_arrays
from quickstudy.datasets.text_rows import TextRows, as_bytes, as_texts, raw_texts, texts_of
from quickstudy.errors import DataError

TEXTS = ["one", "zwei Ä", "三", "four four", "five", "six"]


def test_texts_follow_their_rows_through_selections() -> None:
    index = replace(from_arrays(torch.eye(6), torch.tensor([0, 0, 1, 1, 2, 2])), x=TextRows(torch.eye(6), TEXTS))
    part = index.select(["2", "0"]).rows(torch.tensor([3, 0]))
    assert texts_of(part) == ["six", "one"]
    assert part.gather(torch.tensor([0])).argmax() == 5
    raw = raw_texts(part)
    assert as_texts(raw.gather(torch.arange(2))) == ["six", "one"]  # type: ignore[arg-type]


def test_bytes_are_texts_again() -> None:
    assert as_texts(as_bytes(TEXTS)) == TEXTS


def test_rows_without_texts_are_refused() -> None:
    with pytest.raises(DataError, match="keeps no texts"):
        texts_of(from_arrays(torch.eye(4), torch.tensor([0, 0, 1, 1])))
    with pytest.raises(DataError, match="2 rows came with 1 texts"):
        TextRows(torch.eye(2), ["one"])
