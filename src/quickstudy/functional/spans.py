"""Spans of words: sequences of tags decoded by a constrained Viterbi, and the spans that tags mean.

Source: Viterbi, 1967, Error bounds for convolutional codes; Ramshaw & Marcus, 1995, Text chunking using transformation-based
learning (tags B, I, O).

Tags are numbers. As "io", 0 is outside and n the inside of type n. As "bio", 0 is outside, 2 n − 1 begins a span of type n and
2 n goes on with it.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor

__all__ = ["Scheme", "Span", "allowed", "decoded", "spans", "viterbi"]

Scheme = Literal["io", "bio"]


class Span(NamedTuple):
    """Words ``first`` to ``last`` (left out) of sentence ``unit``, of a type counted from 1."""

    unit: int
    first: int
    last: int
    type: int


def allowed(tags: int, scheme: Scheme) -> tuple[Tensor, Tensor]:
    """Which tag may stand first (N,), and which (column) may follow which (row), (N, N), of ``tags`` tags.

    >>> start, follows = allowed(3, "bio")  # outside, begin, inside
    >>> start.tolist(), follows.tolist()
    ([True, True, False], [[True, True, False], [True, True, True], [True, True, True]])
    """
    start, follows = torch.ones(tags, dtype=torch.bool), torch.ones(tags, tags, dtype=torch.bool)
    if scheme == "bio":
        inside = torch.arange(2, tags, 2)
        start[inside] = False
        follows[:, inside] = False
        follows[inside - 1, inside] = follows[inside, inside] = True
    return start, follows


def viterbi(scores: Tensor, start: Tensor, follows: Tensor) -> Tensor:
    """The tags (T,) of one sentence that maximise ``start[t_1] + Σ scores[i, t_i] + Σ follows[t_i, t_{i+1}]``.

    Args:
        scores: of each tag for each word, (T, N): log-probabilities.
        start: of each tag for the first word, (N,).
        follows: of each tag (column) after each other (row), (N, N); −∞ forbids.

    >>> scores = torch.tensor([[0.0, -1.0, -5.0], [-3.0, -4.0, 0.0]])  # "inside" cannot follow "outside"
    >>> start, follows = (torch.where(may, 0.0, -torch.inf) for may in allowed(3, "bio"))
    >>> viterbi(scores, start, follows).tolist()
    [1, 2]
    """
    best, before = scores[0] + start, []
    for row in scores[1:]:
        ways = best[:, None] + follows
        best, place = ways.max(0)
        best = best + row
        before.append(place)
    path = [best.argmax()]
    for place in reversed(before):
        path.append(place[path[-1]])
    return torch.stack(path[::-1])


def decoded(scores: Tensor, unit: Tensor, scheme: Scheme) -> Tensor:
    """The most probable allowed tags (R,) of all words, sentence by sentence.

    Args:
        scores: log-probabilities (R, N), or logits.
        unit: the sentence of each word, (R,), the words of one side by side and in order.
        scheme: of the tags.
    """
    if scheme == "io" or not scores.shape[0]:  # any tag may follow any: the best of each word
        return scores.argmax(-1)
    start, follows = (torch.where(may, 0.0, -torch.inf).to(scores) for may in allowed(scores.shape[1], scheme))
    _, sizes = torch.unique_consecutive(unit, return_counts=True)
    return torch.cat([viterbi(part, start, follows) for part in torch.split(scores.log_softmax(-1), sizes.tolist())])


def spans(tags: Tensor, unit: Tensor, scheme: Scheme) -> set[Span]:
    """The spans that tags mean; two of one type side by side are one as "io". Places count from the first word of all.

    >>> sorted(spans(torch.tensor([1, 1, 0, 2, 2]), torch.tensor([0, 0, 0, 0, 1]), "io"))[0]
    Span(unit=0, first=0, last=2, type=1)
    >>> len(spans(torch.tensor([1, 1, 2]), torch.zeros(3), "bio"))  # a span of one word, then one of two
    2
    """
    found: set[Span] = set()
    first, type_, where = 0, 0, None
    for place, (tag, sentence) in enumerate([*zip(tags.tolist(), unit.tolist(), strict=True), (0, None)]):
        kind, begins = (tag, False) if scheme == "io" else ((tag + 1) // 2, tag % 2 == 1)
        if type_ and (kind != type_ or begins or sentence != where):
            found.add(Span(int(where or 0), first, place, type_))
            type_ = 0
        if kind and not type_:
            first, type_ = place, kind
        where = sentence
    return found
