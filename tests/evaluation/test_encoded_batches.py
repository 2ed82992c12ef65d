"""Each row of a data set is encoded once, whichever sources planned it; tasks are the same as those encoded one by one."""

from collections import Counter
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quickstudy import tasks
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.datasets.task_table import Table
from quickstudy.evaluation.encoded_batches import encoded_batches
from quickstudy.execution.batching import encode_tasks
from quickstudy.functional.tree import leaves, map_leaves
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.task import Examples, Task
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.row_plan import RowPlan
from quickstudy.tasks.source import TaskSource, generator_of

CLASSES, EACH = 8, 12
CPU = torch.device("cpu")


class Counting(nn.Module):
    """Squares of its inputs, exactly, whatever is encoded beside them; it counts how often it meets each row."""

    def __init__(self) -> None:
        super().__init__()
        self.met: Counter[tuple[float, ...]] = Counter()

    def forward(self, x: Tensor) -> Tensor:
        self.met.update(map(tuple, x.flatten(1).tolist()))
        return x.flatten(1) ** 2


def rows(shape: tuple[int, ...] = (3,), seed: int = 0) -> Tensor:
    return torch.rand(CLASSES * EACH, *shape, generator=torch.Generator().manual_seed(seed))


LABELS = torch.arange(CLASSES).repeat_interleave(EACH)
NAMES = tuple(f"c{number}" for number in range(CLASSES))
INDEX = ClassIndex(rows(), LABELS, NAMES)
OTHER = ClassIndex(rows(seed=1), LABELS, NAMES, name="other")
TABLE = Table(rows(seed=2), LABELS % 2, torch.arange(CLASSES * EACH) % 6, tuple("abcdef"), ("no", "yes"))
PLAIN = FewShot(INDEX, ways=3, shots=2, queries=4)
RAGGED = FewShot(INDEX, ways=(2, 5), shots=(1, 3), queries=4)

SOURCES: dict[str, TaskSource[Any]] = {
    "few shot": PLAIN,
    "ragged": RAGGED,
    "fixed columns": tasks.FixedColumns(PLAIN),
    "open set": tasks.OpenSet(INDEX, ways=3, shots=2, queries=3),
    "disjoint classes": tasks.DisjointClasses(FewShot(INDEX, ways=2, queries=4)),
    "disjoint rows": tasks.DisjointRows(FewShot(INDEX, ways=2, queries=4)),
    "curriculum": tasks.Curriculum(PLAIN, tasks.growing((2, 1), (3, 2), 10)),
    "a step of a curriculum": tasks.Curriculum(PLAIN, tasks.growing((2, 1), (3, 2), 10)).at(0),
    "by task": tasks.ByTask(TABLE, shots=2),
    "supervised": tasks.Supervised(INDEX, examples=20),
    "unsplit": tasks.Unsplit(RAGGED),
    "mixture of one index": tasks.Mixture([PLAIN, RAGGED, tasks.Unsplit(PLAIN)]),
    "mixture of two indices": tasks.Mixture([PLAIN, FewShot(OTHER, ways=4, queries=2)]),
    "mixture of mixtures": tasks.Mixture([tasks.Mixture([PLAIN, RAGGED]), tasks.ByTask(TABLE, shots=2)]),
}


def both(source: TaskSource[Any], count: int, batch: int) -> tuple[Counting, list[Task], list[Task], Any]:
    """The encoder, tasks whose rows are shared, and tasks encoded batch by batch."""
    plan, encoder = source.plan(count, generator_of(0)), Counting()
    shared = list(encoded_batches(ProtoNet(encoder), source, plan, batch, CPU))
    alone = ProtoNet(Counting())
    return encoder, shared, [encode_tasks(alone, source.gather(plan[low : low + batch])) for low in range(0, count, batch)], plan


def same(a: Task, b: Task) -> None:
    """Equal targets, masks and real rows, to the last bit."""
    for one, other in ((a.support, b.support), (a.query, b.query)):
        assert one.y.equal(other.y) and one.mask.equal(other.mask)
        real = one.mask.bool()
        for x, y in zip(leaves(one.x), leaves(other.x), strict=True):
            assert x.shape == y.shape and x[real].equal(y[real])


@pytest.mark.parametrize("name", SOURCES)
def test_each_row_is_encoded_once(name: str) -> None:
    source = SOURCES[name]
    count = {"disjoint classes": 4, "disjoint rows": 8}.get(name, 30)
    encoder, shared, alone, _ = both(source, count, batch=3)
    assert set(encoder.met.values()) == {1}
    assert len(shared) == len(alone) > 1
    for a, b in zip(shared, alone, strict=True):
        same(a, b)


def test_sources_of_one_index_share_its_rows() -> None:
    encoder, *_ = both(SOURCES["mixture of one index"], 60, batch=7)
    assert sum(encoder.met.values()) == CLASSES * EACH
    encoder, *_ = both(SOURCES["mixture of mixtures"], 90, batch=7)
    assert set(encoder.met.values()) == {1}


def test_what_is_augmented_or_synthetic_is_not_shared() -> None:
    images = FewShot(ClassIndex(rows((1, 6, 6)), LABELS, NAMES), ways=3, queries=4)
    found = {
        "images": tasks.AugmentedImages(images),
        "targets": tasks.MetaAug(PLAIN),
        "mixed": tasks.MetaMix(PLAIN),
        "half of them": tasks.Mixture([images, tasks.AugmentedImages(images)]),
        "synthetic": tasks.Sinusoid(),
    }
    for name, source in found.items():
        encoder, shared, alone, plan = both(source, 30, batch=4)
        numbers = {len(data) for data, _ in source.rows(plan)}  # type: ignore[arg-type]
        assert numbers == ({CLASSES * EACH} if name == "half of them" else set())
        assert sum(encoder.met.values()) > CLASSES * EACH
        for a, b in zip(shared, alone, strict=True):
            same(a, b)


class Brightened(FewShot):
    """The user's own: rows are changed when they are gathered."""

    def gather(self, plan: RowPlan) -> Task:
        return map_leaves(lambda leaf: leaf, Task(*[_brighter(side) for side in _sides(super().gather(plan))]))


def _sides(task: Task) -> tuple[Examples, Examples]:
    return task.support, task.query


def _brighter(side: Examples) -> Examples:
    return side.replace(side.x + 1)


def test_a_source_that_gathers_in_its_own_way_is_evaluated_on_what_it_gathers() -> None:
    source = Brightened(INDEX, ways=3, shots=2, queries=4)
    _, shared, alone, plan = both(source, 6, batch=2)
    assert source.rows(plan) == []
    for a, b in zip(shared, alone, strict=True):
        same(a, b)
    assert min(float(task.query.x.min()) for task in shared) >= 1, "squares of numbers above 1"
