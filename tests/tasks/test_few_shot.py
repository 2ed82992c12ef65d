"""Few-shot tasks: what is drawn, how often, in which columns, and what cannot be drawn."""

import re
from typing import Any

import pytest
import torch
from torch import Tensor

from quickstudy import datasets
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import TaskError
from quickstudy.tasks import FewShot, meta_dataset_sizes
from quickstudy.tasks.row_plan import RowPlan
from quickstudy.tasks.source import generator_of


def index(classes: int = 10, each: int = 12, groups: int = 0, name: str = "toys") -> ClassIndex:
    """Row r holds the number r."""
    labels = torch.arange(classes).repeat_interleave(each)
    rows = torch.arange(len(labels))
    return datasets.from_arrays(rows[:, None].float(), labels, groups=rows % groups if groups else None, name=name)


def uneven() -> ClassIndex:
    """Classes of 6 to 300 rows."""
    sizes = torch.linspace(6, 300, 60).long()
    labels = torch.arange(60).repeat_interleave(sizes)
    return datasets.from_arrays(torch.arange(len(labels))[:, None].float(), labels)


def plan_of(source: FewShot, tasks: int = 200, seed: int = 0) -> RowPlan:
    return source.plan(tasks, generator_of(seed))


def per_class(plan: RowPlan, side: str) -> Tensor:
    """How many rows each column has, (B, N)."""
    columns, mask = (getattr(plan, f"{side}_{part}") for part in ("columns", "mask"))
    counts: Tensor = (torch.nn.functional.one_hot(columns, plan.classes.shape[1]) * mask[..., None]).sum(1)
    return counts


def consistent(source: FewShot, plan: RowPlan) -> None:
    """Rows are of the class that their column stands for, none is drawn twice, padding is behind."""
    labels = source.index.labels
    for task in range(len(plan)):
        seen = []
        for side in ("support", "query"):
            rows, columns, mask = (getattr(plan, f"{side}_{part}")[task] for part in ("rows", "columns", "mask"))
            assert torch.equal(labels[rows[mask]], plan.classes[task][columns[mask]])
            assert torch.equal(mask, mask.sort(descending=True, stable=True).values)
            seen.append(rows[mask])
        rows = torch.cat(seen)
        assert len(torch.unique(rows)) == len(rows)
        classes = plan.classes[task][plan.classes[task] >= 0]
        assert len(torch.unique(classes)) == len(classes)


def test_fixed_ways_and_shots() -> None:
    source = FewShot(index(), 5, 2, 4)
    plan = plan_of(source)
    consistent(source, plan)
    assert (per_class(plan, "support") == 2).all() and (per_class(plan, "query") == 4).all()
    task = source.gather(plan)
    assert task.support.x.shape == (200, 10, 1) and task.query.y.shape == (200, 20, 5)
    assert (task.support.mask == 1).all() and (task.query.y.sum(-1) == 1).all()
    assert torch.equal(task.support.x[..., 0].long(), plan.support_rows)
    assert torch.equal(task.query.y.argmax(-1), plan.query_columns)


def test_all_rows_of_a_class_can_be_used() -> None:
    source = FewShot(index(each=6), 3, 2, 4)
    plan = plan_of(source)
    consistent(source, plan)
    assert source.gather(plan[:7]).support.x.shape == (7, 6, 1)


def test_classes_columns_and_rows_are_drawn_evenly() -> None:
    """4,000 tasks: every count within five standard deviations of its expectation."""
    source = FewShot(index(classes=8, each=6), 4, 2, 2)
    plan = plan_of(source, 4000)
    pairs = torch.stack([torch.bincount(plan.classes[:, column], minlength=8) for column in range(4)])
    even(pairs, 4000, 1 / 8)
    even(torch.bincount(plan.support_rows.flatten(), minlength=48), 4000, 1 / 2 * 2 / 6)
    even(torch.bincount(plan.query_rows.flatten(), minlength=48), 4000, 1 / 2 * 2 / 6)
    even(torch.bincount(plan.support_columns[:, 0], minlength=4), 4000, 1 / 4)


def even(counts: Tensor, tasks: int, share: float) -> None:
    spread = (tasks * share * (1 - share)) ** 0.5
    assert (counts - tasks * share).abs().max() < 5 * spread


def test_variable_ways_and_shots() -> None:
    source = FewShot(index(), (2, 5), (1, 3), 4)
    plan = plan_of(source, 600)
    consistent(source, plan)
    ways, shots = (plan.classes >= 0).sum(1), per_class(plan, "support")
    used = plan.classes >= 0
    assert set(ways.tolist()) == {2, 3, 4, 5}
    even(torch.bincount(ways)[2:], 600, 1 / 4)
    assert set(shots[used].tolist()) == {1, 2, 3} and (shots[~used] == 0).all()
    assert (shots.masked_fill(~used, 9).amin(1) == shots.amax(1)).all(), "one number of shots for a whole task"
    assert (per_class(plan, "query")[used] == 4).all()
    task = source.gather(plan)
    assert ((task.support.y * task.support.mask[..., None]).sum(1) > 0).sum(1).equal(ways)
    assert (task.support.y[task.support.mask == 0] == 0).all()


def test_class_imbalance() -> None:
    source = FewShot(index(), 5, (1, 6), 3, balanced=False)
    plan = plan_of(source, 600)
    consistent(source, plan)
    shots = per_class(plan, "support")
    assert (shots.amin(1) < shots.amax(1)).float().mean() > 0.9
    even(torch.bincount(shots.flatten())[1:], 3000, 1 / 6)
    assert "imbalanced" in source.name and source.name != FewShot(index(), 5, (1, 6), 3).name


@pytest.mark.parametrize("sizes", [None, meta_dataset_sizes])
def test_support_and_query_never_share_a_group(sizes: object) -> None:
    data = index(classes=12, each=30, groups=5)
    assert data.groups is not None
    options: dict[str, Any] = {"sizes": meta_dataset_sizes} if sizes else {"shots": 3, "queries": 4}
    source = FewShot(data, (2, 6), **options)
    plan = plan_of(source, 400)
    consistent(source, plan)
    for task in range(len(plan)):
        support, query = (set(data.groups[getattr(plan, f"{side}_rows")[task][getattr(plan, f"{side}_mask")[task]]].tolist())
                          for side in ("support", "query"))  # fmt: skip
        assert support and query and not support & query
    everywhere = data.groups[plan.support_rows[plan.support_mask]]
    assert len(torch.unique(everywhere)) == 5, "every group serves as support some time"


def test_groups_that_cannot_be_parted() -> None:
    data = datasets.from_arrays(torch.zeros(20, 1), torch.arange(20) % 4, groups=torch.arange(20) % 4)
    with pytest.raises(TaskError, match=r"no division of its groups leaves 3 classes with 1 support and 2 query"):
        FewShot(data, 3, 1, 2).plan(5)


def test_the_meta_dataset_rule() -> None:
    """Triantafillou et al., 2020: 5 to 50 ways, at most 500 support and 10 query examples a class, 100 shots a class."""
    source = FewShot(uneven(), (5, 50), sizes=meta_dataset_sizes)
    plan = plan_of(source, 500)
    consistent(source, plan)
    used = plan.classes >= 0
    ways, shots, queries = used.sum(1), per_class(plan, "support"), per_class(plan, "query")
    have = torch.where(used, source.index.counts[plan.classes.clamp(min=0)], 10**6)
    assert ways.min() >= 5 and ways.max() <= 50 and len(torch.unique(ways)) > 40
    assert (shots[used] >= 1).all() and shots.max() <= 100 and shots.sum(1).max() <= 500
    assert (shots + queries <= have).all()
    expected = torch.minimum(have.amin(1) // 2, torch.tensor(10))
    assert queries.amax(1).equal(expected) and queries.masked_fill(~used, 99).amin(1).equal(expected)
    assert shots.sum(1).max() > 400 and shots.max() > 50 and (shots.amin(1) < shots.amax(1)).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ways": 20}, 'ways=20 needs 20 classes, but toys has 10. Lower it or choose another split.'),
        ({"ways": (2, 11)}, "ways=11 needs 11 classes, but toys has 10."),
        ({"shots": 3, "queries": 10}, 'class "0" of toys has 12 examples, but shots + queries need 13. Lower shots or queries'),
        ({"shots": (1, 9), "queries": 4}, 'class "0" of toys has 12 examples, but shots + queries need 13.'),
        ({"queries": 0}, "queries=0"),
        ({"shots": 0}, "shots=0"),
        ({"ways": (3, 2)}, "ways=(3, 2)"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_said_with_the_remedy(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskError, match="^(FewShot: )?" + re.escape(message)):
        FewShot(index(), **({"ways": 5, "queries": 5} | arguments))


def test_the_smallest_class_is_named() -> None:
    labels = ["cat"] * 9 + ["dog"] * 4 + ["emu"] * 9
    with pytest.raises(TaskError, match=r'class "dog" of pets has 4 examples, but shots \+ queries need 6'):
        FewShot(datasets.from_arrays(torch.zeros(22, 1), labels, name="pets"), 3, 1, 5)


def test_a_rule_for_sizes_that_asks_too_much_is_refused() -> None:
    def greedy(available: Tensor, used: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        return available * used, used.long()

    with pytest.raises(TaskError, match=r'requires 12 shots and 1 queries of class "\d" of toys, which has 12 examples'):
        FewShot(index(), 3, sizes=greedy).plan(2)


def test_the_same_seed_gives_the_same_tasks() -> None:
    source = FewShot(index(groups=3), (2, 5), (1, 2), 3)
    digests = [source.digest(plan_of(source, 20, seed)) for seed in (0, 0, 1)]
    torch.rand(3)
    assert digests[0] == digests[1] == source.digest(plan_of(source, 20)) != digests[2]


def test_other_data_under_the_same_name_have_another_digest() -> None:
    a = index()
    changed = datasets.from_arrays(a.gather(torch.arange(len(a))) + 1, a.labels, name="toys")
    renamed = ClassIndex(a.x, a.labels, tuple(f"class {name}" for name in a.classes), "toys")
    sources = [FewShot(data, queries=5) for data in (a, changed, renamed)]
    digests = {source.digest(plan_of(source, 5)) for source in sources}
    assert len(digests) == 3


def test_images_are_scaled_when_they_are_gathered() -> None:
    data = datasets.from_arrays(torch.full((20, 1, 2, 2), 255, dtype=torch.uint8), torch.arange(20) % 4)
    task = FewShot(data, 3, 1, 2).sample(2)
    assert task.support.x.dtype == torch.float32 and (task.query.x == 1).all() and task.support.mask.dtype == torch.float32
