"""Texts as hashed n-grams: the stated definition, computed by other means, and what is refused."""

import math
import zlib
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from quickstudy.errors import DataError
from quickstudy.inputs.kinds import input_kind
from quickstudy.inputs.texts import Texts


def test_the_stated_definition() -> None:
    """ "AAA b" is " aaa b ": counts of its 2-grams, hashed and signed by hand."""
    counts = {" a": 1, "aa": 2, "a ": 1, " b": 1, "b ": 1}
    expected = torch.zeros(16, dtype=torch.double)
    for gram, count in counts.items():
        mark = zlib.crc32(gram.encode())
        expected[mark % 16] += (1 + math.log(count)) * (1 if mark < 2**31 else -1)
    found = Texts(width=16, low=2, high=2)("AAA  b")
    torch.testing.assert_close(found.double(), expected / expected.norm(), atol=1e-7, rtol=1e-6)


def test_every_door_gives_one_answer() -> None:
    texts, things = Texts(width=128), ["Grüße aus Köln", "lost card"]
    expected = texts.batch(things)
    for door in (tuple(things), np.array(things), np.array(things, dtype=object), pd.Series(things), expected, expected.numpy()):
        assert torch.equal(texts.batch(door), expected)
    assert torch.equal(texts.batch(things[0]), expected[:1]) and torch.equal(texts(things[1]), expected[1])
    assert input_kind(texts.to_json()) == texts


def test_a_long_text_is_cut_at_the_stated_length() -> None:
    texts = Texts(width=64, length=100)
    long = "word " * 400_000
    assert torch.equal(texts(long), texts(long[:100]))
    assert not torch.equal(texts(long[:90] + "something"), texts(long[:100]))


def test_case_counts_when_it_is_meant() -> None:
    assert torch.equal(Texts(64)("Card"), Texts(64)("card"))
    assert not torch.equal(Texts(64, lowercase=False)("Card"), Texts(64, lowercase=False)("card"))


@pytest.mark.parametrize(
    "thing", [None, 3, 3.5, b"bytes", {"text": "x"}, "", "  ", [None], [1], ["a", ""], [["a"]], [], float("nan")]
)
def test_what_is_no_text(thing: Any) -> None:
    with pytest.raises(DataError, match="text"):
        Texts(16).batch(thing)


@pytest.mark.parametrize("tensor", [torch.zeros(2, 15), torch.zeros(2, 16, dtype=torch.long), torch.full((1, 16), float("nan"))])
def test_numbers_that_are_no_texts_once_read(tensor: torch.Tensor) -> None:
    with pytest.raises(DataError):
        Texts(16).batch(tensor)


@pytest.mark.parametrize("call", [{"width": 0}, {"width": 2.5}, {"low": 3, "high": 2}, {"high": 99}, {"length": True}])
def test_sizes_that_are_none(call: dict[str, Any]) -> None:
    with pytest.raises(DataError):
        Texts(**call)


def test_lone_surrogates_are_characters_like_others() -> None:
    assert float(Texts(16)("\ud800x").norm()) == pytest.approx(1)
