"""Word pieces are those of BERT's uncased tokenizer, number by number."""

import numpy as np
import pytest
import torch

from quickstudy.errors import DataError
from quickstudy.inputs.kinds import input_kind
from quickstudy.inputs.wordpiece import WordPieces

TOKENIZED = {
    "How do I freeze my card?": [101, 2129, 2079, 1045, 13184, 2026, 4003, 1029, 102],
    "unaffable café NAÏVE": [101, 14477, 20961, 3468, 7668, 15743, 102],
    "don't e-mail me@home.org!!": [101, 2123, 1005, 1056, 1041, 1011, 5653, 2033, 1030, 2188, 1012, 8917, 999, 999, 102],
    "東京 2026年": [101, 1879, 1755, 16798, 2575, 1840, 102],
    "a\tb\u200bc\r\n  d": [101, 1037, 4647, 1040, 102],
    "☃ ÅÄÖ ß ﬁ": [101, 100, 9779, 2080, 1096, 1984, 102],
    f"{'x' * 101} ok": [101, 100, 7929, 102],
    "$5.00 ≠ €5": [101, 1002, 1019, 1012, 4002, 1027, 1574, 2629, 102],
}
"""By the tokenizers package and the tokenizer.json of all-MiniLM-L6-v2."""


@pytest.mark.parametrize("text", TOKENIZED)
def test_numbers_are_those_of_the_tokenizer(text: str) -> None:
    numbers = TOKENIZED[text]
    assert WordPieces(16)(text).tolist() == numbers + [0] * (16 - len(numbers))


def test_one_answer_by_every_door() -> None:
    reads = WordPieces(8)
    rows = reads.batch(["lost card", "rain"])
    for things in (np.array(["lost card", "rain"]), rows, rows.int(), rows.numpy()):
        assert torch.equal(reads.batch(things), rows)
    assert torch.equal(reads.batch("rain"), rows[1:]) and torch.equal(reads("rain"), rows[1])
    assert input_kind(reads.to_json()) == reads


def test_a_long_text_is_cut_and_keeps_its_end_mark() -> None:
    found = WordPieces(6)("one two three four five six seven " * 100_000)
    assert found.tolist() == [101, 2028, 2048, 2093, 2176, 102]


@pytest.mark.parametrize(
    ("things", "message"),
    [
        (["ok", ""], r"text 1 \(the first is 0\) is empty"),
        (["ok", 3], r"text 1 \(the first is 0\) is 3, no text"),
        ([], "there are no texts"),
        (b"bytes", "is no text. Give a text or a list of texts."),
        (torch.zeros(2, 9, dtype=torch.int64), r"Give texts, or what was read: whole numbers \(Q, 8\)"),
        (torch.zeros(2, 8), "of torch.float32 are no texts"),
        (torch.full((1, 8), 30522), r"lie in 0..30521, not 30522..30522"),
    ],
)
def test_what_is_no_text_is_refused(things: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        WordPieces(8).batch(things)


@pytest.mark.parametrize("length", [2, 513, True, 8.0])
def test_lengths_have_bounds(length: object) -> None:
    with pytest.raises(DataError, match="must be a whole number from 3 to 512"):
        WordPieces(length)  # type: ignore[arg-type]
