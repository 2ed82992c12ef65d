"""Words with features: what is read, and what is refused with its remedy."""

import re
from typing import Any

import pytest
import torch

from quickstudy.errors import DataError
from quickstudy.functional.spelling import texts_of
from quickstudy.inputs import WordForms, input_kind
from quickstudy.inputs.row_shape import RowShape

KIND = WordForms(length=12, tags=4)


def test_a_text_and_a_record_are_the_same_word() -> None:
    one = KIND.batch(["zu sein  V;PST;3;SG", "gehen V;PST"])
    other = KIND.batch([{"lemma": " zu sein", "tags": "V; PST;3;SG"}, {"lemma": "gehen", "tags": "V;PST;"}])
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert texts_of(one["lemma"]) == ["zu sein", "gehen"]
    assert one["tags"][0, :2].tolist() == one["tags"][1, :2].tolist() and one["tags"][1, 2:].tolist() == [0, 0]
    assert len(set(one["tags"][0].tolist())) == 4, "each feature has a number of its own"


def test_letters_are_composed_and_what_was_read_stays() -> None:
    read = KIND.batch("e\u0301te\u0301 N;SG")
    assert texts_of(read["lemma"]) == ["\u00e9t\u00e9"]
    assert all(torch.equal(KIND.batch(read)[name], read[name]) for name in read)
    assert KIND.gives(RowShape.of(read)) and not WordForms(9).gives(RowShape.of(read))
    assert input_kind(KIND.to_json()) == KIND
    assert KIND("go V")["lemma"].shape == (12,)


@pytest.mark.parametrize(
    ("thing", "said"),
    [
        ([], "there are no words"),
        (["go"], "is the single word 'go'"),
        ([3], "word 0 (the first is 0) is 3"),
        (["go V", {"lemma": "be"}], 'word 1 (the first is 0) has no "tags"'),
        ([{"lemma": "be", "tags": ";"}], "has no features"),
        ([{"lemma": " ", "tags": "V"}], "the lemma of word 0 (the first is 0) is empty"),
        ([{"lemma": None, "tags": "V"}], "is empty"),
        ([{"lemma": "x" * 13, "tags": "V"}], "has 13 letters; at most 12 are read"),
        (["go V;1;2;3;4"], "has 5 features; at most 4"),
        (b"go V", "is no word"),
    ],
    ids=["none", "no features", "a number", "a record", "empty features", "empty", "missing", "long", "many", "bytes"],
)
def test_what_is_no_word(thing: Any, said: str) -> None:
    with pytest.raises(DataError, match=re.escape(said)):
        KIND.batch(thing)


def test_numbers_of_another_shape_are_refused() -> None:
    with pytest.raises(DataError, match="no words that were read"):
        KIND.batch({"lemma": torch.zeros(2, 9).long(), "tags": torch.zeros(2, 4).long()})
    with pytest.raises(DataError, match="length=0"):
        WordForms(length=0)
