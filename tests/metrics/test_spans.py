"""The F1 of spans is seqeval's, of sentences apart; tasks that are pooled keep their sentences apart."""

import pytest
import torch
from seqeval.metrics import f1_score, precision_score, recall_score
from torch import Tensor

from quickstudy import metrics
from quickstudy.errors import LearnerError
from quickstudy.functional.spans import decoded
from quickstudy.likelihood import Categorical
from quickstudy.metrics.predicted import Predicted, pool

NAMES = {"io": ["O", "I-a", "I-b"], "bio": ["O", "B-a", "I-a", "B-b", "I-b"]}


def drawn(seed: int, scheme: str, words: int = 300) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs that are often right, targets that are sequences of tags as they may be, and sentences."""
    generator = torch.Generator().manual_seed(seed)
    tags, unit = len(NAMES[scheme]), torch.randint(0, 3, (words,), generator=generator).cumsum(0) // 8
    y = torch.eye(tags)[decoded(torch.randn(words, tags, generator=generator), unit, scheme)]  # type: ignore[arg-type]
    return 2 * y + torch.randn(words, tags, generator=generator), y, unit


def named(tags: Tensor, unit: Tensor, scheme: str) -> list[list[str]]:
    _, sizes = torch.unique_consecutive(unit, return_counts=True)
    return [[NAMES[scheme][tag] for tag in part.tolist()] for part in tags.split(sizes.tolist())]


@pytest.mark.parametrize("seed", range(4))
def test_they_are_those_of_seqeval(seed: int) -> None:
    outputs, y, unit = drawn(seed, "io")
    said = Predicted.of(outputs, Categorical(), unit)
    true, found = (named(tags, unit, "io") for tags in (y.argmax(1), outputs.argmax(1)))
    assert metrics.span_f1(said, y) == pytest.approx(f1_score(true, found))
    assert metrics.span_precision(said, y) == pytest.approx(precision_score(true, found))
    assert metrics.span_recall(said, y) == pytest.approx(recall_score(true, found))


@pytest.mark.parametrize("seed", range(4))
def test_with_beginnings_they_are_seqevals_after_the_viterbi(seed: int) -> None:
    outputs, y, unit = drawn(seed, "bio")
    true, found = (named(tags, unit, "bio") for tags in (y.argmax(1), decoded(outputs, unit, "bio")))
    assert metrics.span_f1_bio(Predicted.of(outputs, Categorical(), unit), y) == pytest.approx(f1_score(true, found))


def test_ends_must_be_right_and_a_span_ends_with_its_sentence() -> None:
    y = torch.eye(2)[torch.tensor([1, 1, 0, 1])]
    assert metrics.span_f1(Predicted.of(y, Categorical(), torch.tensor([0, 0, 0, 0])), y) == 1.0
    short = torch.eye(2)[torch.tensor([1, 0, 0, 1])]
    assert metrics.span_f1(Predicted.of(short, Categorical(), torch.zeros(4)), y) == 0.5
    counts = metrics.span_counts(Predicted.of(y, Categorical(), torch.tensor([0, 1, 1, 1])), y)
    assert counts == (3, 3, 3)  # two words of one type in two sentences are two spans
    nothing = torch.eye(2)[torch.zeros(4, dtype=torch.long)]
    assert metrics.span_f1(Predicted.of(nothing, Categorical(), torch.zeros(4)), nothing) == 0.0


def test_pooled_tasks_keep_their_sentences_apart() -> None:
    y = torch.eye(2)[torch.tensor([1, 1])]
    said = Predicted.of(y, Categorical(), torch.tensor([5, 5]))
    together, targets = pool([(said, y), (said, y)])
    assert metrics.span_counts(together, targets) == (2, 2, 2)
    assert pool([(said, y), (Predicted.of(y, Categorical()), y)])[0].unit is None
    assert said[torch.tensor([1])].unit is not None and said.among(torch.tensor([True, True])).unit is not None


def test_without_sentences_there_are_no_spans() -> None:
    y = torch.eye(2)
    with pytest.raises(LearnerError, match="nothing says which rows belong together"):
        metrics.span_f1(Predicted.of(y, Categorical()), y)
