"""Tasks of a table: which rows are support and which queries, in which columns, and what is too small."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quickstudy.checks.sources import check_source
from quickstudy.datasets.table import table
from quickstudy.datasets.task_table import Table
from quickstudy.errors import LearnerError, TaskError
from quickstudy.evaluation.evaluate import evaluate
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.learners.optimization.maml import MAML
from quickstudy.likelihood import Categorical, Gaussian
from quickstudy.nn.mlp import MLP
from quickstudy.storage.artefact import FORMAT
from quickstudy.tasks.by_task import ByTask
from quickstudy.tasks.lists import load_tasks, save_tasks
from quickstudy.tasks.source import generator_of
from quickstudy.train import train

SIZES = (5, 9, 14)


def values(**more: Any) -> Table:
    """Tasks of 5, 9 and 14 rows in mixed order; x and y are the row's number, so that each shows where it is from."""
    tasks = torch.cat([torch.full((size,), number) for number, size in enumerate(SIZES)])
    tasks = tasks[torch.randperm(len(tasks), generator=generator_of(3))]
    rows = torch.arange(float(len(tasks)))[:, None]
    return Table(rows, rows + 1000, tasks, ("a", "b", "c"), **more)


def classes(share: bool = True) -> Table:
    """Four tasks of 8 rows; of the same two classes, or each of three of its own."""
    tasks = torch.arange(4).repeat_interleave(8)
    within = torch.arange(8).repeat(4)
    y = within % 2 if share else 3 * tasks + within % 3
    names = ("no", "yes") if share else tuple(f"class {n}" for n in range(12))
    return Table(torch.randn(32, 3, generator=generator_of(0)), y, tasks, ("a", "b", "c", "d"), names)


SOURCES = {
    "values": lambda: ByTask(values(), shots=3),
    "some queries": lambda: ByTask(values(), shots=3, queries=2),
    "first": lambda: ByTask(values(time=torch.rand(28, generator=generator_of(1), dtype=torch.double)), 3, order="first"),
    "groups": lambda: ByTask(values(groups=torch.arange(28) // 2), shots=2),
    "shared classes": lambda: ByTask(classes(), shots=2),
    "own classes": lambda: ByTask(classes(share=False), shots=1),
    "shuffled": lambda: ByTask(classes(), shots=1, columns="shuffled"),
    "by class": lambda: ByTask(classes(), shots={"no": 1, "yes": 3}),
    "first of classes": lambda: ByTask(classes(), shots=3, order="first"),
}


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_sources_keep_their_promises(name: str) -> None:
    check_source(SOURCES[name]())


def sides(plan: Any, number: int) -> tuple[Tensor, Tensor]:
    return plan.support_rows[number][plan.support_mask[number]], plan.query_rows[number][plan.query_mask[number]]


def test_the_rest_are_queries_and_tasks_of_any_length_are_padded() -> None:
    source = ByTask(values(), shots=3)
    plan = source.each(generator_of(0))
    tasks = source.gather(plan)
    assert (
        plan.tasks.tolist() == [0, 1, 2] and tasks.query.mask.sum(1).tolist() == [2, 6, 11] and tasks.query.x.shape == (3, 11, 1)
    )
    for number, size in enumerate(SIZES):
        support, query = sides(plan, number)
        together = torch.cat([support, query]).sort().values
        assert torch.equal(together, (source.table.tasks == number).nonzero()[:, 0]) and len(together) == size
        task = tasks[number]
        assert torch.equal(task.query.trim().y, task.query.trim().x + 1000) and torch.equal(
            task.query.trim().x[:, 0].long(), query
        )
        assert bool((task.query.y[~task.query.mask.bool()] == 0).all())


def test_the_first_rows_by_time_are_the_support() -> None:
    time = torch.rand(28, generator=generator_of(1), dtype=torch.double)
    source = ByTask(values(time=time), shots=2, queries=3, order="first")
    plan = source.each()
    for number in range(3):
        rows = (source.table.tasks == number).nonzero()[:, 0]
        rows = rows[time[rows].argsort()]
        support, query = sides(plan, number)
        assert torch.equal(support, rows[:2]) and torch.equal(query, rows[2:5])


def test_groups_are_never_on_both_sides() -> None:
    source = ByTask(values(groups=torch.arange(28) // 3), shots=2)
    plan = source.plan(200, generator_of(0))
    groups = source.table.groups
    assert groups is not None
    for number in range(200):
        support, query = sides(plan, number)
        assert not set(groups[support].tolist()) & set(groups[query].tolist())
    first = ByTask(values(groups=torch.arange(28) // 3, time=torch.arange(28).double()), shots=2, order="first").each()
    for number in range(3):
        support, query = sides(first, number)
        rows = (source.table.tasks == number).nonzero()[:, 0]
        assert torch.equal(support, rows[:2]) and torch.equal(query, rows[~torch.isin(rows // 3, support // 3)])


def test_shots_are_of_each_class() -> None:
    source = ByTask(classes(), shots=2)
    tasks = source.gather(source.plan(20, generator_of(0)))
    assert source.fixed and source.likelihood == Categorical()
    assert bool((tasks.support.y.sum(1) == torch.tensor([2.0, 2.0])).all()) and bool((tasks.query.y.sum(1) == 2.0).all())
    rows = source.plan(20, generator_of(0)).query_rows
    assert torch.equal(tasks.query.y.argmax(-1), source.table.y[rows])


def test_positives_and_negatives() -> None:
    source = ByTask(classes(), shots={"yes": 3, "no": 1}, queries=2)
    tasks = source.gather(source.plan(20, generator_of(0)))
    assert bool((tasks.support.y.sum(1) == torch.tensor([1.0, 3.0])).all()) and tasks.query.y.shape == (20, 2, 2)


def test_support_sets_have_the_shares_of_their_task() -> None:
    """Of 12 and 4 rows, 8 by share are 6 and 2; of 15 and 1 one must be left, so that the class is no part of the task."""
    y = torch.tensor([0] * 12 + [1] * 4 + [0] * 15 + [1])
    table = Table(torch.arange(32.0)[:, None], y, torch.arange(2).repeat_interleave(16), ("a", "b"), ("no", "yes"))
    source = ByTask(table, shots=8, shares=True, too_small="skip")
    tasks = source.gather(source.each(generator_of(0), draws=3))
    assert source.skipped == ("b",) and len(tasks) == 3
    assert tasks.support.y.sum(1).tolist() == [[6.0, 2.0]] * 3 and tasks.query.y.sum(1).tolist() == [[6.0, 2.0]] * 3
    rare = ByTask(table, shots=3, shares=True, too_small="skip")
    assert rare.gather(rare.each(generator_of(0))).support.y.sum(1).tolist() == [[2.0, 1.0]]
    with pytest.raises(TaskError, match="shares=True"):
        ByTask(table, shots={"no": 2, "yes": 2}, shares=True)


def test_classes_of_a_tasks_own_are_put_to_columns_anew() -> None:
    source = ByTask(classes(share=False), shots=1)
    plan = source.plan(300, generator_of(0))
    assert not source.fixed and plan.classes.shape == (300, 3)
    assert torch.equal(plan.classes // 3, plan.tasks[:, None].expand(-1, 3))
    first = plan.classes[plan.tasks == 0, 0]
    assert set(first.tolist()) == {0, 1, 2}
    for rows, columns, mask in (
        (plan.support_rows, plan.support_columns, plan.support_mask),
        (plan.query_rows, plan.query_columns, plan.query_mask),
    ):
        assert torch.equal(plan.classes.gather(1, columns)[mask], source.table.y[rows][mask])


def test_a_class_with_too_few_rows_is_left_out_of_its_task() -> None:
    y = torch.tensor([0, 0, 0, 1, 1, 1, 2, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    rows = Table(torch.zeros(16, 1), y, torch.tensor([0] * 7 + [1] * 9), ("a", "b"), ("x", "y", "z"))
    source = ByTask(rows, shots=2, columns="fixed")
    tasks = source.gather(source.each(generator_of(0)))
    assert tasks.support.y.sum(1).tolist() == [[2, 2, 0], [2, 2, 2]] and tasks.query.y.sum(1).tolist() == [[1, 1, 0], [1, 1, 1]]


def test_the_first_rows_of_any_class_and_no_query_of_another() -> None:
    y = torch.tensor([0, 1, 2, 0, 1, 2])
    rows = Table(torch.zeros(6, 1), y, torch.zeros(6, dtype=torch.long), ("a",), ("x", "y", "z"))
    support, query = sides(ByTask(rows, shots=2, order="first").each(), 0)
    assert support.tolist() == [0, 1] and query.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ByTask(values(), shots=5), r'1 of 3 tasks of data are too small .*: "a" \(5 to 5 rows\).*too_small="skip"'),
        (lambda: ByTask(values(), shots=3, queries=7), '2 of 3 tasks of data are too small .*: "a", "b"'),
        (lambda: ByTask(values(), shots=20), "3 of 3 tasks .*Lower shots or queries.$"),
        (lambda: ByTask(values(), shots=20, too_small="skip"), "3 of 3 tasks"),
        (lambda: ByTask(values(groups=torch.zeros(28, dtype=torch.long)), shots=1), "a group is never on both sides"),
        (lambda: ByTask(classes(), shots=4), "two classes or more are needed"),
        (lambda: ByTask(classes(), shots={"no": 1, "yes": 5}), "too small"),
        (lambda: ByTask(classes(), shots={"no": 1, "yess": 5}), "has no class 'yess'. Did you mean yes"),
        (lambda: ByTask(classes(), shots={"no": 1}), "names 1 class"),
        (lambda: ByTask(classes(), shots={"no": 1, "yes": 1}, order="first"), 'order="first" takes rows of any class'),
        (lambda: ByTask(values(), shots={"no": 1, "yes": 1}), "targets are values"),
        (lambda: ByTask(values(), shots=0), "shots=0 must be a whole number"),
        (lambda: ByTask(values(), queries=0), "queries=0"),
        (lambda: ByTask(values(), order="last"), "order='last' must be one of"),  # type: ignore[arg-type]
        (lambda: ByTask([1, 2]), "table=.* must be an object of the class Table"),  # type: ignore[arg-type]
    ],
)
def test_what_is_refused(make: Any, said: str) -> None:
    with pytest.raises(TaskError, match=said):
        make()


def test_tasks_that_are_too_small_are_left_out_on_request() -> None:
    source = ByTask(values(), shots=5, too_small="skip")
    assert source.skipped == ("a",) and len(source) == 2 and source.each().tasks.tolist() == [1, 2]
    assert set(source.plan(50, generator_of(0)).tasks.tolist()) == {1, 2}


def test_other_targets_have_another_digest() -> None:
    source, plan = ByTask(values(), shots=3), ByTask(values(), shots=3).each(generator_of(0))
    other = ByTask(Table(source.table.x, source.table.y + 1, source.table.tasks, source.table.task_names), shots=3)
    assert source.digest(plan) == ByTask(values(), shots=3).digest(plan) != other.digest(plan)


def test_a_list_of_tasks_is_a_file(tmp_path: Any) -> None:
    source = ByTask(values(), shots=3)
    plan = source.each(generator_of(0))
    save_tasks(tmp_path / "all.tasks", source, plan)
    assert load_tasks(tmp_path / "all.tasks", source).digest() == plan.digest() and FORMAT


class Counting(nn.Module):
    """Counts the rows that it meets."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = 0

    def forward(self, x: Tensor) -> Tensor:
        self.rows += x.shape[0]
        return x.flatten(1)


def test_the_encoder_meets_each_row_once() -> None:
    source = ByTask(classes(), shots=2)
    encoder = Counting()
    report = evaluate(ProtoNet(encoder), source, plan=source.plan(200, generator_of(0)))
    timed = 10 * 4
    assert encoder.rows == 32 + timed
    direct = evaluate(ProtoNet(nn.Flatten()), source, plan=source.plan(200, generator_of(0)), batch=7)
    assert report.scores == direct.scores and len(report.scores) == 200


def test_a_learner_is_trained_and_reads_rows_like_those_of_the_table() -> None:
    rows = {"x": torch.linspace(-1, 1, 40).tolist() * 3, "who": [n for n in range(3) for _ in range(40)]}
    rows |= {"v": [x * (who + 1.0) for x, who in zip(rows["x"], rows["who"], strict=True)]}
    made = table(rows, target="v", task="who")
    source = ByTask(made, shots=5, queries=5)
    assert source.likelihood == Gaussian() and source.reads == made.reads
    learner = MAML(MLP(1, (8,), outputs=1), likelihood=Gaussian())
    for _ in train(learner, source, steps=2, batch=2, optimizer=torch.optim.SGD(learner.parameters(), lr=0.01)):
        pass
    assert learner.reads == made.reads
    predictor = learner(source.gather(source.each(generator_of(0)))[0].support)
    a, b = predictor([{"x": 0.5}]), predictor(made.reads.batch({"x": [0.5]}))
    assert torch.equal(a, b) and a.shape == (1, 1)
    with pytest.raises(LearnerError, match="MAML learns classes, but the targets of data by task"):
        evaluate(MAML(MLP(1, (8,), outputs=2)), source, tasks=2)


def test_intervals_for_new_tasks_know_how_few_tasks_there_are() -> None:
    source = ByTask(values(), shots=3)
    report = evaluate(lambda support: lambda x: 0 * x, source, tasks=60)
    assert report.classes is not None and set(report.classes) <= {(0,), (1,), (2,)}
    assert (
        "for other draws from the same tasks" in str(report) and "for new tasks" in str(report) and "classes" not in str(report)
    )
    assert "new tasks" in report.row()
