"""Users without ratings: what is known, what is asked, and recall at k."""

import pytest
import torch

from quickstudy.checks.sources import check_source
from quickstudy.errors import TaskError
from quickstudy.likelihood import Gaussian
from quickstudy.metrics import recall_10, recall_at
from quickstudy.metrics.predicted import Predicted
from quickstudy.tasks import Visits
from quickstudy.tasks.source import generator_of


def taken() -> torch.Tensor:
    return (torch.rand(40, 12, generator=generator_of(0)) < 0.4).float()


def test_it_keeps_the_promises_of_sources() -> None:
    check_source(Visits(taken(), 2))


def test_known_items_are_taken_and_all_others_are_asked() -> None:
    source = Visits(taken(), 2, left=1, columns=13)
    plan = source.each(generator_of(1))
    tasks = source.gather(plan)
    assert len(plan) == len(source) == int((taken().sum(1) >= 3).sum())
    known, asked = tasks.support.x.argmax(-1), tasks.query.x.argmax(-1)
    assert tasks.support.x.shape[1:] == (2, 13) and tasks.query.x.shape[1:] == (10, 13)
    assert bool((taken()[plan.user].gather(1, known) == 1).all()), "what is known was taken"
    assert torch.equal(torch.cat([known, asked], 1).sort(1).values, torch.arange(12).expand(len(plan), 12))
    assert torch.equal(tasks.query.y[..., 0], taken()[plan.user].gather(1, asked))


def test_users_with_too_few_are_left_out_or_all_refused() -> None:
    with pytest.raises(TaskError, match="no user of shop took 14 items"):
        Visits(taken(), 10, left=4, name="shop")


@pytest.mark.parametrize(("k", "expected"), [(1, 1.0), (2, 0.5), (3, 2 / 3), (10, 1.0)])
def test_recall_is_of_what_can_be_found(k: int, expected: float) -> None:
    """Of four items in order, the first, third and fourth are taken."""
    said = Predicted.of(torch.tensor([[0.9], [0.7], [0.5], [0.1]]), Gaussian())
    y = torch.tensor([[1.0], [0.0], [1.0], [1.0]])
    assert recall_at(k)(said, y) == pytest.approx(expected)
    assert recall_10(said, torch.zeros(4, 1)) != recall_10(said, torch.zeros(4, 1)), "nothing was taken: undefined"
