"""One number in a channel has no variance: a batch norm that meets it inside a task says so."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quickstudy import Examples, Task, learners
from quickstudy.errors import ShapeError
from quickstudy.execution.batching import choose, over_tasks
from quickstudy.learner import Learner
from quickstudy.nn import MLP, norm
from quickstudy.task import pad, stack_tasks

WORDS = r"batch norm layers\.1 cannot take its statistics from a single row\. Give two or more support rows"


def net() -> nn.Module:
    torch.manual_seed(0)
    return MLP(4, (8,), outputs=2, norm=True)


def rows(count: int) -> Examples:
    return Examples.of(torch.rand(count, 4, generator=torch.Generator().manual_seed(count)), torch.arange(count) % 2, ways=2)


KINDS: dict[str, Callable[..., Learner[Any]]] = {
    "MAML": learners.MAML,
    "MAML, batch": lambda network: learners.MAML(network, norm="batch"),
    "IMAML": learners.IMAML,
    "Reptile": learners.Reptile,
    "MetaSGD": learners.MetaSGD,
    "FromScratch": learners.FromScratch,
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("padded", [False, True])
def test_one_support_row_is_refused_padded_or_not(name: str, padded: bool) -> None:
    one = pad(rows(1), 3) if padded else rows(1)
    with pytest.raises(ShapeError, match=WORDS):
        KINDS[name](net())(one)


def test_running_statistics_and_other_norms_take_one_row() -> None:
    torch.manual_seed(0)
    grouped = nn.Sequential(nn.Linear(4, 8), nn.GroupNorm(2, 8), nn.Linear(8, 2))
    for learner in (learners.MAMLPlusPlus(net()), learners.MAML(grouped), learners.MAML(MLP(4, (8,), outputs=2))):
        assert float(learner(rows(1))(rows(6).x)[:, 0].abs().max()) < 10
    encoder = learners.ProtoNet(nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8)))
    torch.testing.assert_close(encoder(rows(1)).probabilities(rows(1).x), torch.tensor([[1.0, 0.0]]))


def test_one_image_has_a_variance_over_its_positions() -> None:
    stock, x = nn.BatchNorm2d(3).double(), torch.randn(1, 3, 4, 4, dtype=torch.float64)
    exact = norm.convert(stock)
    for mask in (None, torch.ones(1, dtype=torch.float64)):
        with norm.recording(mask):
            torch.testing.assert_close(exact(x), stock.train()(x))
    padded = torch.cat([x, torch.randn_like(x)])
    with norm.recording(torch.tensor([1.0, 0.0], dtype=torch.float64)):
        torch.testing.assert_close(exact(padded)[:1], stock(x))


def mixed() -> Task:
    """A task of four support rows beside one of a single row."""
    return stack_tasks([Task(rows(4), rows(6)), Task(rows(1), rows(6))])


def test_tasks_of_one_row_run_one_by_one_and_are_refused_there(caplog: pytest.LogCaptureFixture) -> None:
    learner = learners.MAML(net()).eval()
    assert choose(learner, mixed()) == "loop" and "a support set has one row" in caplog.text
    assert choose(learner, stack_tasks([Task(rows(4), rows(6)), Task(rows(2), rows(6))])) == "vmap"
    with pytest.raises(ShapeError, match=WORDS):
        over_tasks(lambda task: learner.adapt(task.support), mixed(), "loop")


def test_forced_under_vmap_its_outputs_are_no_numbers_and_the_others_stay_right() -> None:
    learner = learners.MAML(net()).eval()

    def answer(task: Task) -> Tensor:
        return learner.predict(learner.adapt(task.support), task.query.x)

    with torch.no_grad():
        found = over_tasks(answer, mixed(), "vmap")
        torch.testing.assert_close(found[0], answer(Task(rows(4), rows(6))))
    assert bool(found[1, :, 0].isnan().all())  # the other class is absent


def test_a_single_query_under_the_batch_policy_is_still_refused() -> None:
    predictor = learners.MAML(net(), norm="batch")(rows(4))
    with pytest.raises(ShapeError, match=r"single row\. Give more queries at once, or use norm=\"support\""):
        predictor(rows(1).x)
