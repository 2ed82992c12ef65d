"""Sentences with candidates: what is read, and what is refused with its remedy."""

import re
from typing import Any

import pytest
import torch

from quickstudy.errors import DataError
from quickstudy.functional.spelling import texts_of
from quickstudy.inputs import SentenceChoices, input_kind
from quickstudy.inputs.row_shape import RowShape

KIND = SentenceChoices(length=12, choices=3)


def test_a_text_and_a_record_are_the_same() -> None:
    one = KIND.batch(["der Hund\ta dog\n a  cat ", "ja\tyes"])
    other = KIND.batch([{"source": " der  Hund", "candidates": "a dog\ta cat"}, {"source": "ja", "candidates": ["yes", "yes"]}])
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert texts_of(one["source"]) == ["der Hund", "ja"]
    assert texts_of(one["candidates"][0]) == ["a dog", "a cat", ""] and texts_of(one["candidates"][1]) == ["yes", "", ""]


def test_letters_are_composed_cut_off_and_what_was_read_stays() -> None:
    read = KIND.batch("e\u0301te\u0301\ta summer that does not end")
    assert texts_of(read["source"]) == ["\u00e9t\u00e9"] and texts_of(read["candidates"][0])[0] == "a summer tha"
    assert all(torch.equal(KIND.batch(read)[name], read[name]) for name in read)
    assert KIND.gives(RowShape.of(read)) and not SentenceChoices(12, 4).gives(RowShape.of(read))
    assert input_kind(KIND.to_json()) == KIND
    assert KIND("ja\tyes")["candidates"].shape == (3, 12)


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        ([], "there are no sentences"),
        (["ja"], "sentence 0 (the first is 0) has no candidates"),
        (["ja\t \t"], "has no candidates"),
        ([3], "sentence 0 (the first is 0) is 3"),
        (["ja\tyes", {"source": "ja"}], 'sentence 1 (the first is 0) has no "candidates"'),
        ([{"candidates": ["yes"]}], 'has no "source"'),
        ([{"source": " ", "candidates": ["yes"]}], "sentence 0 (the first is 0) is empty"),
        ([{"source": "ja", "candidates": ["yes", ""]}], "candidate 2 of sentence 0 (the first is 0) is empty"),
        ([{"source": "ja", "candidates": ["yes", 3]}], "candidate 2 of sentence 0 (the first is 0) is 3"),
        ([{"source": "ja", "candidates": 3}], "has 3 for candidates"),
        (["ja\ta\tb\tc\td"], "has 4 candidates; at most 3 are read"),
        (b"ja\tyes", "is no sentence"),
    ],
    ids=["none", "alone", "blank", "number", "record", "no source", "empty", "empty one", "a number", "no list", "many", "bytes"],
)
def test_what_is_no_sentence_with_candidates(thing: Any, said: str) -> None:
    with pytest.raises(DataError, match=re.escape(said)):
        KIND.batch(thing)


def test_numbers_of_another_shape_are_refused() -> None:
    with pytest.raises(DataError, match="no sentences that were read"):
        KIND.batch({"source": torch.zeros(2, 9).long(), "candidates": torch.zeros(2, 3, 9).long()})
    with pytest.raises(DataError, match="choices=0"):
        SentenceChoices(choices=0)
