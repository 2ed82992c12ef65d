"""Plans, mixtures and supervised tasks."""

import pytest
import torch

from quickstudy import datasets
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import ShapeError, TaskError
from quickstudy.tasks import FewShot, Mixture, Sinusoid, Supervised
from quickstudy.tasks.source import generator_of, rows_seen


def index(name: str = "toys", low: float = 0, width: int = 2) -> ClassIndex:
    labels = torch.arange(60) % 6
    return datasets.from_arrays(low + torch.arange(60.0)[:, None].expand(-1, width) / 60, labels, name=name)


def test_a_plan_is_sliced_and_has_a_digest() -> None:
    plan = Sinusoid(3, 4).plan(10, generator_of(0))
    assert len(plan) == 10 and len(plan[2:5]) == 3
    assert plan[2:5].digest() == plan[torch.tensor([2, 3, 4])].digest() != plan[2:6].digest()
    assert torch.equal(plan[2:5].support_x, plan.support_x[2:5])


def test_generators_depend_on_every_seed() -> None:
    draws = {
        torch.rand(1, generator=generator_of(*seeds)).item() for seeds in [(0,), (1,), (0, 0), (0, 1), (1, 0), (10,), (1, 0, 0)]
    }
    assert len(draws) == 7


@pytest.mark.parametrize("apart", [1, 10**9], ids=["dense", "sparse"])
def test_rows_seen(apart: int) -> None:
    """Numbers far apart are sorted, so that no table of all rows between them is ever made."""
    rows, others = apart * torch.tensor([[7, 3], [3, 9]]), apart * torch.tensor([[9], [1]])
    distinct, places = rows_seen(rows, others)
    assert distinct.tolist() == [apart, 3 * apart, 7 * apart, 9 * apart]
    assert torch.equal(distinct[places[0]], rows) and torch.equal(distinct[places[1]], others)


def test_supervised_is_an_ordinary_mini_batch() -> None:
    data = index()
    source = Supervised(data, 32)
    plan = source.plan(2, generator_of(0))
    task = source.gather(plan)
    assert task.support.x.shape == (2, 0, 2) and task.support.y.shape == (2, 0, 6) and task.support.mask.shape == (2, 0)
    assert torch.equal(task.query.x, data.gather(plan.rows)) and torch.equal(task.query.y.argmax(-1), data.labels[plan.rows])
    assert len(torch.unique(source.plan(50, generator_of(1)).rows)) == 60, "all rows serve"


def test_a_mixture_draws_each_task_from_one_source_by_weight() -> None:
    mixture = Mixture([FewShot(index(), 2, 1, 3), FewShot(index("far", 100), 4, 2, 2)], [1, 3])
    task = mixture.sample(1000, generator_of(0))
    far = task.query.x[..., 0].amax(1) >= 100
    assert abs(far.float().mean() - 0.75) < 5 * (0.75 * 0.25 / 1000) ** 0.5
    assert task.support.x.shape == (1000, 8, 2) and task.query.y.shape == (1000, 8, 4)
    ways, support = (task.support.y.sum(1) > 0).sum(1), task.support.mask.sum(1)
    assert torch.equal(ways, torch.where(far, 4, 2)) and torch.equal(support.long(), torch.where(far, 8, 2))
    one_source = (task.query.x[..., 0] >= 100) == far[:, None]
    assert (one_source | (task.query.mask == 0)).all()


def test_a_mixture_keeps_its_order_in_slices_and_knows_its_parts() -> None:
    mixture = Mixture([FewShot(index(), 2, 1, 3), FewShot(index("far", 100), 4, 2, 2)])
    plan = mixture.plan(12, generator_of(0))
    whole, part = mixture.gather(plan), mixture.gather(plan[5:9])
    for number in range(4):
        mine, theirs = part[number].query.trim(), whole[5 + number].query.trim()
        assert torch.equal(mine.x, theirs.x) and torch.equal(mine.labels, theirs.labels)
    other = Mixture([FewShot(index(), 2, 1, 3), FewShot(index("far", 200), 4, 2, 2)])
    digests = {source.digest(source.plan(12, generator_of(seed))) for source in (mixture, other) for seed in (0, 1)}
    assert len(digests) == 4 and mixture.digest(plan) in digests


def test_a_mixture_of_one_sided_weights_never_draws_the_other() -> None:
    task = Mixture([Sinusoid(2, 2), Sinusoid(7, 7)], [0, 1]).sample(20)
    assert task.support.x.shape == (20, 7, 1) and (task.support.mask == 1).all()


@pytest.mark.parametrize("weights", [[1.0], [-1.0, 2.0], [0.0, 0.0]])
def test_weights_of_a_mixture(weights: list[float]) -> None:
    with pytest.raises(TaskError):
        Mixture([Sinusoid(), Sinusoid()], weights)
    with pytest.raises(TaskError):
        Mixture([])


def test_inputs_of_a_mixture_have_one_shape() -> None:
    with pytest.raises(ShapeError, match="one shape"):
        Mixture([FewShot(index(), 2, 1, 3), FewShot(index("wide", width=3), 2, 1, 3)]).sample(20)
