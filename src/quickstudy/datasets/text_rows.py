"""Texts beside what an encoder made of them, and texts as rows of bytes, so that a method of its own can read them."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.held_rows import Part
from quickstudy.datasets.task_table import Table
from quickstudy.errors import DataError

__all__ = ["TextRows", "as_bytes", "as_texts", "raw_texts", "texts_of"]


class TextRows:
    """Rows of numbers, each with the text that it was made of.

    Args:
        rows: (R, D), in memory.
        texts: as many.

    Raises:
        DataError: not as many.

    >>> rows = TextRows(torch.eye(2), ("lost my card", "what is the weather"))
    >>> rows.gather(torch.tensor([1])), rows.texts[1]
    (tensor([[0., 1.]]), 'what is the weather')
    """

    def __init__(self, rows: Tensor, texts: Sequence[str]) -> None:
        if rows.shape[0] != len(texts):
            raise DataError(f"{rows.shape[0]} rows came with {len(texts)} texts. Give each row its text.")
        self.rows, self.texts = rows, tuple(texts)

    def __len__(self) -> int:
        return len(self.texts)

    def gather(self, rows: Tensor) -> Tensor:
        """The numbers of rows (1-D)."""
        return self.rows[rows]


def as_bytes(texts: Sequence[str]) -> Tensor:
    """Texts as rows of UTF-8 bytes (R, length), filled up with zeros.

    >>> as_bytes(["hi", "é"]).tolist()
    [[104, 105], [195, 169]]
    """
    coded = [torch.frombuffer(bytearray(text.encode("utf-8", "replace")), dtype=torch.uint8) for text in texts]
    return pad_sequence(coded, batch_first=True)


def as_texts(rows: Tensor) -> list[str]:
    """The texts of rows of bytes.

    >>> as_texts(as_bytes(["hi", "one more"]))
    ['hi', 'one more']
    """
    return [row.numpy().tobytes().rstrip(b"\0").decode("utf-8", "replace") for row in rows.cpu()]


def raw_texts(data: ClassIndex | Table) -> ClassIndex | Table:
    """The same rows, with bytes of their texts for inputs.

    Raises:
        DataError: rows that keep no texts.
    """
    return replace(data, x=as_bytes(texts_of(data)), reads=None)


def texts_of(data: ClassIndex | Table) -> list[str]:
    """The text of each row.

    Raises:
        DataError: rows that keep no texts.
    """
    rows, order = data.x, torch.arange(len(data))
    while isinstance(rows, Part):
        rows, order = rows.rows, rows.chosen[order]
    if not isinstance(rows, TextRows):
        raise DataError(f"{data.name} keeps no texts beside its rows. Give it TextRows.")
    return [rows.texts[row] for row in order.tolist()]
