"""Viterbi is the best of all sequences, and spans are what their tags mean."""

import itertools

import pytest
import torch

from quickstudy.functional.linear_chain import chain_nll
from quickstudy.functional.spans import Span, allowed, decoded, spans, viterbi


@pytest.mark.parametrize("seed", range(5))
def test_viterbi_is_the_best_of_all_sequences(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores, start, follows = (torch.randn(*shape, generator=generator) for shape in ((4, 3), (3,), (3, 3)))

    def total(path: tuple[int, ...]) -> float:
        steps = sum(float(follows[a, b]) for a, b in itertools.pairwise(path))
        return float(start[path[0]]) + steps + sum(float(scores[place, tag]) for place, tag in enumerate(path))

    best = max(itertools.product(range(3), repeat=4), key=total)
    assert viterbi(scores, start, follows).tolist() == list(best)


def test_the_likelihood_of_a_chain_is_that_of_all_its_sequences_and_padding_changes_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    scores, start, follows = (torch.randn(*shape, generator=generator).double() for shape in ((1, 3, 2), (2,), (2, 2)))

    def total(path: tuple[int, ...]) -> torch.Tensor:
        return (
            start[path[0]]
            + sum(scores[0, i, t] for i, t in enumerate(path))
            + sum(follows[a, b] for a, b in itertools.pairwise(path))
        )

    paths = list(itertools.product(range(2), repeat=3))
    every = torch.stack([total(path) for path in paths])
    for path, expected in zip(paths, -every.log_softmax(0), strict=True):
        found = chain_nll(scores, torch.tensor([path]), torch.ones(1, 3), start, follows)
        torch.testing.assert_close(found[0], expected)
        longer, tags = torch.nn.functional.pad(scores, (0, 0, 0, 2), value=9.0), torch.tensor([[*path, 0, 0]])
        real = torch.tensor([[1.0, 1.0, 1.0, 0.0, 0.0]])
        torch.testing.assert_close(chain_nll(longer, tags, real, start, follows)[0], expected)


def test_no_inside_follows_another_type_or_the_outside() -> None:
    """Of two types: outside, begin 1, inside 1, begin 2, inside 2."""
    start, follows = allowed(5, "bio")
    assert start.tolist() == [True, True, False, True, False]
    assert follows[:, 2].tolist() == [False, True, True, False, False]
    assert follows[:, 4].tolist() == [False, False, False, True, True]
    assert follows[:, [0, 1, 3]].all()
    assert all(part.all() for part in allowed(4, "io"))


def test_sentences_are_decoded_apart_and_never_break_the_rules() -> None:
    generator = torch.Generator().manual_seed(1)
    scores, unit = torch.randn(200, 5, generator=generator), torch.arange(200) // 7
    tags = decoded(scores, unit, "bio")
    start, follows = allowed(5, "bio")
    for before, after, same in zip(tags, tags[1:], unit[1:] == unit[:-1], strict=False):
        assert follows[before, after] if same else start[after]
    assert torch.equal(tags[:7], decoded(scores[:7], unit[:7], "bio"))
    assert torch.equal(decoded(scores, unit, "io"), scores.argmax(1))


@pytest.mark.parametrize(
    ("tags", "unit", "scheme", "expected"),
    [
        ([0, 0], [0, 0], "io", set()),
        ([1, 1, 2], [0, 0, 0], "io", {Span(0, 0, 2, 1), Span(0, 2, 3, 2)}),
        ([1, 1], [0, 1], "io", {Span(0, 0, 1, 1), Span(1, 1, 2, 1)}),
        ([1, 2, 2, 0, 3], [4] * 5, "bio", {Span(4, 0, 3, 1), Span(4, 4, 5, 2)}),
        ([1, 1, 2], [0, 0, 0], "bio", {Span(0, 0, 1, 1), Span(0, 1, 3, 1)}),
        ([2, 4], [0, 0], "bio", {Span(0, 0, 1, 1), Span(0, 1, 2, 2)}),  # as conlleval reads an inside without a beginning
    ],
)
def test_spans_of_tags(tags: list[int], unit: list[int], scheme: str, expected: set[Span]) -> None:
    assert spans(torch.tensor(tags), torch.tensor(unit), scheme) == expected  # type: ignore[arg-type]
