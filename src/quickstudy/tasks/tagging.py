"""Tagging tasks: a few types of mentions (named entities, slots), and sentences in which their words are marked."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from quickstudy.borders.arguments import span, spelled, whole
from quickstudy.datasets.tagged_words import TaggedWords
from quickstudy.errors import Argument, TaskError
from quickstudy.inputs.kind import InputKind
from quickstudy.likelihood import Categorical
from quickstudy.task import Examples, Inputs, Task
from quickstudy.tasks.row_plan import RowPlan, task_of
from quickstudy.tasks.row_source import RowSource

__all__ = ["Tagging"]


class Tagging(RowSource[RowPlan]):
    """Tasks of N types: a row is a word, and which words are one sentence says the leaf ``unit`` of inputs.

    Column 0 is outside, and a column follows for each type, drawn anew for each task; words of other types are outside. The
    support set is grown type by type, the rarest first, by sentences at random, until K sentences have each; a sentence may have
    several, and then some types are in more than K. Queries are further sentences, some of each type.

    Source: Fritzler, Logacheva & Kretov, 2019, Few-shot classification in named entity recognition task; Hou et al., 2020,
    Few-shot slot tagging (sampling by sentences).

    Args:
        words: sentences and their types.
        ways: N.
        shots: K, or a range ``(low, high)`` from which each task draws.
        queries: sentences of each type.

    Raises:
        TaskError: fewer types than ways, or types of fewer sentences than shots and queries.

    >>> from quickstudy.datasets.tagged_file import Tagged
    >>> sentences = [Tagged(("a", "b"), ((0, 1, "x"),)), Tagged(("c",), ((0, 1, "y"),))] * 4
    >>> task = Tagging(TaggedWords(torch.randn(12, 5), sentences, ("x", "y")), ways=2, shots=1, queries=1).sample(3)
    >>> task.support.y.shape, task.query.x["unit"].shape
    (torch.Size([3, 3, 3]), torch.Size([3, 3]))
    """

    likelihood = Categorical()

    def __init__(self, words: TaggedWords, ways: int = 5, shots: int | tuple[int, int] = 1, queries: int = 2) -> None:
        whole(TaskError, ways=ways, queries=queries)
        self.words, self.ways, self.queries = words, ways, queries
        self.shots = span(TaskError, shots=shots)
        self.name = f"{words.name} {ways} types {spelled(self.shots)}-shot {queries} queries"
        if ways > len(words.types):
            needs = f" needs {ways} types, but {words.name} has {len(words.types)}. Lower it or choose another split."
            raise TaskError(Argument("ways", ways), needs)
        for name, rows in zip(words.types, words.having, strict=True):
            if len(rows) < self.shots[1] + queries:
                raise TaskError(
                    f'type "{name}" of {words.name} is in {len(rows)} sentences, but shots + queries need '
                    f"{self.shots[1] + queries}. Lower shots or queries, or leave the type out (select)."
                )

    @property
    def reads(self) -> InputKind | None:
        return self.words.reads

    @property
    def data(self) -> TaggedWords:
        return self.words

    def digest(self, plan: RowPlan) -> str:
        """Of the plan, and of the words and types of its sentences."""
        met = torch.cat([rows[real > 0] for rows, real in _sides(plan)])
        said = [self.words.sentences[number] for number in torch.unique(self.words.unit[met]).tolist()]
        return hashlib.sha256(f"{self.name}:{plan.digest()}:{self.words.types}:{said}".encode()).hexdigest()[:16]

    def plan(self, batch: int, generator: torch.Generator | None = None) -> RowPlan:
        classes = torch.stack([torch.randperm(len(self.words.types), generator=generator)[: self.ways] for _ in range(batch)])
        low, high = self.shots
        shots = torch.randint(low, high + 1, (batch,), generator=generator).tolist()
        seeds = torch.randint(2**31, (batch,), generator=generator).tolist()
        drawn = [
            self._drawn(types, k, np.random.default_rng(s)) for types, k, s in zip(classes.tolist(), shots, seeds, strict=True)
        ]
        sides = [self._rows([task[side] for task in drawn], classes) for side in (0, 1)]
        outside = torch.full((batch, 1), -1)
        return RowPlan(*sides[0], *sides[1], torch.cat([outside, classes], 1))

    def arrange(self, plan: RowPlan, gather: Callable[[Tensor], Inputs]) -> Task:
        found = task_of(plan, gather)
        return Task(*[_padded_apart(side) for side in (found.support, found.query)])

    def _drawn(self, types: Sequence[int], shots: int, rng: np.random.Generator) -> tuple[list[int], list[int]]:
        """Sentences of the support set and of the queries, in which no sentence is twice."""
        having = self.words.having
        used: set[int] = set()
        count = dict.fromkeys(types, 0)
        support: list[int] = []
        of_words = {type_: set(having[type_].tolist()) for type_ in types}
        for type_ in sorted(types, key=lambda each: len(having[each])):
            for sentence in rng.permutation(having[type_]).tolist():
                if count[type_] >= shots:
                    break
                if sentence not in used:
                    used.add(sentence)
                    support.append(sentence)
                    for each in types:
                        count[each] += sentence in of_words[each]
        queries: list[int] = []
        for type_ in types:
            free = [sentence for sentence in rng.permutation(having[type_]).tolist() if sentence not in used][: self.queries]
            used.update(free)
            queries += free
        return support, queries

    def _rows(self, sentences: Sequence[Sequence[int]], classes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Words of each task's sentences, their columns, and which are real; (B, words)."""
        starts = self.words.starts
        rows = [torch.cat([torch.arange(int(starts[s]), int(starts[s + 1])) for s in each]) for each in sentences]
        columns = []
        for each, types in zip(rows, classes, strict=True):
            column = torch.zeros(len(self.words.types) + 1, dtype=torch.long)
            column[types + 1] = torch.arange(1, len(types) + 1)
            columns.append(column[self.words.types_of[each]])
        mask = pad_sequence([torch.ones(len(each), dtype=torch.bool) for each in rows], batch_first=True)
        return pad_sequence(rows, batch_first=True), pad_sequence(columns, batch_first=True), mask


def _padded_apart(side: Examples) -> Examples:
    """Rows of padding are of no sentence, -1."""
    if not isinstance(side.x, dict) or "unit" not in side.x:  # features alone
        return side
    return side.replace(side.x | {"unit": torch.where(side.mask > 0, side.x["unit"], -1)})


def _sides(plan: RowPlan) -> list[tuple[Tensor, Tensor]]:
    return [(plan.support_rows, plan.support_mask), (plan.query_rows, plan.query_mask)]
