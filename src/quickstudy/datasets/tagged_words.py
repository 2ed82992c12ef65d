"""Words of sentences with the type that each is of: from which tasks of new types are drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.tagged_file import Tagged
from quickstudy.errors import DataError
from quickstudy.inputs.kind import InputKind
from quickstudy.task import Inputs

__all__ = ["TaggedSplits", "TaggedWords"]


@dataclass(frozen=True, eq=False, repr=False)
class TaggedWords:
    """Words, each with its state, its sentence and its type.

    Args:
        states: of all words, those of a sentence in order: (R, D), any kind of decimal numbers; handed out in single precision.
        sentences: words and mentions of each sentence.
        types: names of the types that count; words of others are outside.
        name: of the data, used in messages and reports.
        chosen: numbers of the sentences that tasks are drawn from; None: all.
        reads: how a raw sentence becomes rows, if there is a backbone behind the states.

    Raises:
        DataError: as many states as words are needed, two types or more, each once.

    >>> sentences = [Tagged(("play", "Miles", "Davis"), ((1, 3, "artist"),)), Tagged(("some", "jazz"), ((1, 2, "genre"),))]
    >>> words = TaggedWords(torch.eye(5), sentences, ("artist", "genre"))
    >>> words, words.types_of.tolist(), words.unit.tolist()
    (TaggedWords(data: 5 words, 2 sentences, 2 types), [0, 1, 1, 0, 2], [0, 0, 0, 1, 1])
    """

    states: Tensor
    sentences: Sequence[Tagged]
    types: tuple[str, ...]
    name: str = "data"
    chosen: tuple[int, ...] | None = None
    reads: InputKind | None = None

    def __post_init__(self) -> None:
        words = sum(len(sentence.words) for sentence in self.sentences)
        if len(self.states) != words:
            raise DataError(f"{self.name}: {len(self.states)} states came with {words} words. Give each word its state.")
        if len(self.types) < 2 or len(set(self.types)) < len(self.types):
            raise DataError(f"{self.name} has the types {', '.join(self.types) or 'none'}. Two or more are needed, each once.")

    @cached_property
    def starts(self) -> Tensor:
        """The first row of each sentence, and one past the last of all."""
        return torch.tensor([0, *(len(sentence.words) for sentence in self.sentences)]).cumsum(0)

    @cached_property
    def unit(self) -> Tensor:
        """The sentence of each row, (R,)."""
        return torch.arange(len(self.sentences)).repeat_interleave(self.starts.diff())

    @cached_property
    def types_of(self) -> Tensor:
        """The type of each row, counted from 1; 0 is outside. (R,)"""
        number = {name: place + 1 for place, name in enumerate(self.types)}
        found = torch.zeros(int(self.starts[-1]), dtype=torch.long)
        for start, sentence in zip(self.starts.tolist(), self.sentences, strict=False):
            for first, last, name in sentence.spans:
                found[start + first : start + last] = number.get(name, 0)
        return found

    @property
    def drawn_from(self) -> Sequence[int]:
        """Numbers of the sentences that tasks are drawn from."""
        return range(len(self.sentences)) if self.chosen is None else self.chosen

    @cached_property
    def having(self) -> tuple[NDArray[np.int64], ...]:
        """For each type the numbers of the sentences that tasks are drawn from and that have it."""
        rows: list[list[int]] = [[] for _ in self.types]
        number = {name: place for place, name in enumerate(self.types)}
        for sentence in self.drawn_from:
            for place in {number[name] for _, _, name in self.sentences[sentence].spans if name in number}:
                rows[place].append(sentence)
        return tuple(np.asarray(found, dtype=np.int64) for found in rows)

    def __len__(self) -> int:
        return int(self.starts[-1])

    def __repr__(self) -> str:
        return f"TaggedWords({self.name}: {len(self):,} words, {len(self.drawn_from):,} sentences, {len(self.types)} types)"

    def gather(self, rows: Tensor) -> Inputs:
        """States and sentences of rows by number; ``rows`` of any shape."""
        return {"states": self.states[rows].float(), "unit": self.unit[rows]}

    def select(self, types: Sequence[str], sentences: Sequence[int], name: str, *, least: int = 1) -> "TaggedWords":
        """The same words, of which other types count, in tasks of some sentences.

        Args:
            types: by name, in order; those that fewer than ``least`` of the sentences have are left out.
            sentences: by number.
            name: of the part.
            least: sentences that a type must have.

        Raises:
            DataError: fewer than two types are left.
        """
        return replace(self, types=tuple(types), chosen=tuple(sentences), name=name).frequent(least)

    def frequent(self, least: int) -> "TaggedWords":
        """The same words and sentences, of which only types that ``least`` of the sentences have count.

        Raises:
            DataError: fewer than two types are left.
        """
        kept = [kind for kind, rows in zip(self.types, self.having, strict=True) if len(rows) >= least]
        return self if len(kept) == len(self.types) else replace(self, types=tuple(kept))

    def index(self, most: int, seed: int = 0) -> ClassIndex:
        """Some of the words that tasks are drawn from, as rows of classes: outside, and the types that are met.

        Args:
            most: words, at random.
            seed: of the choice.
        """
        rows = torch.cat([torch.arange(int(self.starts[s]), int(self.starts[s + 1])) for s in self.drawn_from])
        rows = rows[torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))[:most]]
        met, labels = torch.unique(self.types_of[rows], return_inverse=True)
        names = ("outside", *self.types)
        return ClassIndex(self.states[rows].float(), labels, tuple(names[kind] for kind in met.tolist()), self.name)

    def words(self, rows: Tensor) -> list[str]:
        """The words of rows (1-D), as they are written."""
        every = self._written
        return [every[row] for row in rows.tolist()]

    @cached_property
    def _written(self) -> list[str]:
        return [word for sentence in self.sentences for word in sentence.words]


class TaggedSplits(NamedTuple):
    """Types for meta-training, meta-validation and meta-test; no type and no sentence is in two."""

    train: TaggedWords
    val: TaggedWords
    test: TaggedWords
