"""The chain's marginals are those of all sequences, sentence by sentence; with zeros it is the learner inside."""

import itertools

import pytest
import torch
from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.linear_chain import chain_marginals, chain_nll
from quickstudy.learners import AbstractTransitions, MatchingNet, OnWords
from quickstudy.nn import Frozen, WordStates
from quickstudy.task import Examples


def learner(**given: float) -> AbstractTransitions:
    torch.manual_seed(0)
    return AbstractTransitions(OnWords(Frozen(WordStates(50, 4, heads=2)), MatchingNet(nn.Identity())), **given)


def words(sizes: list[int]) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    unit = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return {"states": torch.randn(len(unit), 4, generator=generator), "unit": unit}


def state_of(made: AbstractTransitions) -> object:
    x = words([4, 3, 2])
    support = Examples(made.encode(x), torch.eye(3)[torch.arange(9) % 3], torch.ones(9))
    return made.adapt(support)


def test_marginals_are_those_of_all_sequences_and_their_sum_is_the_likelihoods() -> None:
    generator = torch.Generator().manual_seed(0)
    scores, start, follows = (torch.randn(*shape, generator=generator).double() for shape in ((4, 3), (3,), (3, 3)))
    paths = torch.tensor(list(itertools.product(range(3), repeat=4)))
    nll = chain_nll(scores.expand(len(paths), 4, 3), paths, torch.ones(len(paths), 4), start, follows)
    expected = torch.stack([torch.stack([nll[paths[:, i] == t].neg().logsumexp(0) for t in range(3)]) for i in range(4)])
    torch.testing.assert_close(chain_marginals(scores, torch.zeros(4), start, follows), expected)


def test_sentences_do_not_depend_on_each_other_and_padding_changes_nothing() -> None:
    made, sizes = learner(again=2.0), [3, 1, 5]
    nn.init.normal_(made.starts)
    state, x = state_of(made), words(sizes)
    whole = made.predict(state, made.encode(x))
    parts = []
    for number in range(3):
        chosen = x["unit"] == number
        parts.append(made.predict(state, made.encode({name: leaf[chosen] for name, leaf in x.items()})))
    torch.testing.assert_close(whole, torch.cat(parts), rtol=1e-5, atol=1e-5)
    longer = {"states": torch.cat([x["states"], torch.zeros(2, 4)]), "unit": torch.cat([x["unit"], torch.tensor([-1, -1])])}
    torch.testing.assert_close(made.predict(state, made.encode(longer))[:9], whole, rtol=1e-5, atol=1e-5)


def test_with_zeros_it_is_the_learner_inside() -> None:
    made = learner()
    state, x = state_of(made), words([3, 2])
    inside = made.learner.predict(state, made.learner.encode(x)).softmax(-1)
    torch.testing.assert_close(made.predict(state, made.encode(x)).exp(), inside, rtol=1e-5, atol=1e-6)


def test_types_share_their_transitions() -> None:
    made = learner()
    made.starts.data, made.steps.data = torch.tensor([0.1, 0.2]), torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    start, follows = made.transitions(3)
    assert start.tolist() == pytest.approx([0.1, 0.2, 0.2])
    assert follows.tolist() == [[1.0, 2.0, 2.0], [3.0, 4.0, 5.0], [3.0, 5.0, 4.0]]


def test_words_without_sentences_are_refused() -> None:
    with pytest.raises(LearnerError, match="which words are one sentence"):
        learner().encode(torch.zeros(3, 4))
