"""Disjoint tasks share nothing, reach as far as the data does, and say so in the report; open-set tasks hide classes well."""

import pytest
import torch

from quickstudy import evaluate, learners
from quickstudy.datasets.arrays import from_arrays
from quickstudy.datasets.class_index import ClassIndex
from quickstudy.errors import TaskError
from quickstudy.reports.report import Report
from quickstudy.tasks.disjoint import DisjointClasses, DisjointRows
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.lists import load_tasks, save_tasks
from quickstudy.tasks.open_set import OpenSet
from quickstudy.tasks.source import generator_of


def index(classes: int = 12, rows: int = 10, noise: float = 0.5) -> ClassIndex:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(classes).repeat_interleave(rows)
    x = torch.randn(classes, 6, generator=generator)[labels] + noise * torch.randn(len(labels), 6, generator=generator)
    return from_arrays(x, labels, name="toys")


def test_each_class_is_used_once_in_random_order() -> None:
    source = DisjointClasses(FewShot(index(), ways=4, shots=(1, 3), queries=2))
    plans = [source.plan(source.most, generator_of(seed)) for seed in range(20)]
    assert all(sorted(plan.classes.flatten().tolist()) == list(range(12)) for plan in plans)
    assert len({plan.digest() for plan in plans}) == 20
    labels = source.index.labels
    for plan in plans:
        task = source.gather(plan)
        assert torch.equal(labels[plan.query_rows], plan.classes.gather(1, plan.query_columns)) and task.query.mask.all()
    with pytest.raises(TaskError, match="enough for 3 tasks of 4 ways.*tasks=3 or fewer"):
        source.plan(4)


@pytest.mark.parametrize("counts", [[10] * 6, [25, 10, 5, 5, 5], [5, 5, 5, 40], [7, 13, 26, 9, 31, 5, 5]])
def test_each_row_is_used_once_up_to_the_last_possible_task(counts: list[int]) -> None:
    labels = torch.cat([torch.full((count,), number) for number, count in enumerate(counts)])
    data = from_arrays(torch.randn(len(labels), 3), labels)
    source = DisjointRows(FewShot(data, ways=3, shots=2, queries=3))
    possible = max(t for t in range(60) if sum(min(c // 5, t) for c in counts) >= 3 * t)
    assert source.most == possible
    for seed in range(10):
        plan = source.plan(possible, generator_of(seed))
        rows = torch.cat([plan.support_rows, plan.query_rows], 1)
        assert rows.unique().numel() == rows.numel()
        for rows_, columns in ((plan.support_rows, plan.support_columns), (plan.query_rows, plan.query_columns)):
            assert torch.equal(data.labels[rows_], plan.classes.gather(1, columns))
            assert (torch.nn.functional.one_hot(columns, 3).sum(1).diff() == 0).all()
    with pytest.raises(TaskError, match=f"for {possible} tasks"):
        source.plan(possible + 1)


def test_the_report_names_what_tasks_do_not_share() -> None:
    few = FewShot(index(classes=60), ways=4, shots=1, queries=3)
    model = learners.NearestCentroid()
    plain, classes, rows = (evaluate(model, s, tasks=15) for s in (few, DisjointClasses(few), DisjointRows(few)))
    assert set(plain.intervals) == {"tasks", "classes"} and plain.apart is None
    assert classes.intervals == {"disjoint tasks": classes.interval}
    assert "for new classes (no two tasks share one) " in str(classes)
    assert set(rows.intervals) == {"disjoint rows", "classes"} and "for other examples of the same classes " in str(rows)
    for report in (plain, classes, rows):
        assert Report.from_json(report.to_json()) == report
    assert classes.to_json()["intervals"]["disjoint tasks"] == list(classes.interval)


def test_a_list_of_disjoint_tasks_is_kept_as_one(tmp_path) -> None:  # type: ignore[no-untyped-def]
    source = DisjointClasses(FewShot(index(), ways=4, shots=1, queries=2))
    save_tasks(tmp_path / "apart.tasks", source, source.plan(3, generator_of(1)))
    plan = load_tasks(tmp_path / "apart.tasks", source)
    assert evaluate(learners.NearestCentroid(), source, plan=plan).apart == "classes"
    with pytest.raises(TaskError, match="lists tasks of"):
        load_tasks(tmp_path / "apart.tasks", FewShot(index(), ways=4, shots=1, queries=2))


def test_disjoint_tasks_of_varying_ways_are_refused() -> None:
    for kind in (DisjointClasses, DisjointRows):
        with pytest.raises(TaskError, match="one number of ways"):
            kind(FewShot(index(), ways=(2, 4), queries=2))
    with pytest.raises(TaskError, match="one number of shots"):
        DisjointRows(FewShot(index(), ways=2, shots=(1, 2), queries=2))


@pytest.mark.parametrize("ways", [3, (2, 4)])
@pytest.mark.parametrize("unknown", [1, 2])
def test_unknown_classes_stand_in_the_queries_alone(ways: int | tuple[int, int], unknown: int) -> None:
    source = OpenSet(index(), ways=ways, shots=(1, 2), queries=3, unknown=unknown)
    plan = source.plan(30, generator_of(0))
    batch, labels = source.gather(plan), source.index.labels
    assert batch.query.y.shape[2] == batch.support.y.shape[2] == (3 if ways == 3 else 4)
    for number in range(30):
        task = batch[number]
        shown = set(labels[plan.support_rows[number][plan.support_mask[number]]].tolist())
        rows = plan.query_rows[number][plan.query_mask[number]]
        known = task.query.y[plan.query_mask[number]].sum(1) > 0
        assert known.tolist() == [int(label) in shown for label in labels[rows]]
        assert int((~known).sum()) == 3 * unknown and bool(known.any())
        support, query = task.support.trim(), task.query.trim()
        assert bool((support.y.sum(1) == 1).all()) and int(support.mask.sum()) == len(support)
        assert bool(task.support.mask[: len(support)].all()), "real rows stand first"
        for column in range(support.y.shape[1]):
            own = labels[plan.support_rows[number][: len(support)]][support.y[:, column] > 0].unique()
            asked = labels[rows][query.y[:, column] > 0].unique()
            assert len(own) == len(asked) <= 1 and torch.equal(own, asked)


def test_accuracy_passes_unknown_queries_over() -> None:
    closed = evaluate(learners.NearestCentroid(), FewShot(index(noise=0.01), 3, 1, 5), tasks=20)
    opened = evaluate(learners.NearestCentroid(), OpenSet(index(noise=0.01), 3, 1, 5, unknown=4), tasks=20)
    assert closed.mean == opened.mean == 1.0
    assert "3-way 1-shot 5 queries, 4 unknown classes" in opened.source
    with pytest.raises(TaskError, match="at least one unknown"):
        OpenSet(index(), unknown=0)
    assert OpenSet(index(), 3, 1, 5, unknown=2).resized(shots=2).name == "toys 3-way 2-shot 5 queries, 2 unknown classes"


def test_groups_stay_apart_in_disjoint_classes() -> None:
    labels, groups = torch.arange(12).repeat_interleave(10), torch.arange(10).repeat(12)
    data = from_arrays(torch.randn(120, 3), labels, groups=groups)
    source = DisjointClasses(FewShot(data, ways=4, shots=2, queries=3))
    plan = source.plan(3, generator_of(0))
    assert plan.classes.unique().numel() == 12 and data.groups is not None
    for support, query in zip(plan.support_rows, plan.query_rows, strict=True):
        assert not set(data.groups[support].tolist()) & set(data.groups[query].tolist())
    with pytest.raises(TaskError, match="has groups"):
        DisjointRows(FewShot(data, ways=4, shots=2, queries=3))
