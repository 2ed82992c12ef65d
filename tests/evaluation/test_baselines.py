"""Functions of arrays and lists from elsewhere, evaluated on frozen tasks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import linear_model, neighbors

from quickstudy import evaluate, learners, metrics
from quickstudy.datasets.arrays import from_arrays
from quickstudy.errors import DataError, TaskError
from quickstudy.evaluation.baselines import baseline, listed_rows
from quickstudy.reports.compare import compare
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.lists import load_tasks, save_tasks
from quickstudy.tasks.sinusoid import Sinusoid


def source(**sizes: Any) -> FewShot:
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(8).repeat_interleave(10)
    x = torch.randn(8, 2, 3, generator=generator)[labels] + 0.4 * torch.randn(80, 2, 3, generator=generator)
    return FewShot(from_arrays(x, labels, name="toys"), **({"ways": 3, "shots": 2, "queries": 4} | sizes))


def nearest(support_x: Any, support_y: Any, query_x: Any) -> Any:
    return neighbors.KNeighborsClassifier(1).fit(support_x, support_y).predict_proba(query_x)


def test_a_function_of_arrays_is_evaluated_on_a_frozen_list(tmp_path: Path) -> None:
    save_tasks(tmp_path / "toys.tasks", source(), source().plan(30))
    plan = load_tasks(tmp_path / "toys.tasks", source())
    theirs = evaluate(baseline(nearest), source(), plan=plan, metrics=(metrics.log_loss, metrics.macro_f1))
    ours = evaluate(learners.NearestNeighbours(1), source(), plan=plan)
    assert theirs.model == "nearest" and compare(theirs, ours).difference == 0
    assert theirs.other("log_loss").value > 0 and theirs.digest == ours.digest


def test_arrays_come_flat_or_in_their_shape_with_class_numbers() -> None:
    seen: list[tuple[Any, ...]] = []

    def looks(support_x: Any, support_y: Any, query_x: Any) -> Any:
        seen.append((support_x.shape, support_y.tolist(), query_x.shape))
        return np.zeros(len(query_x), dtype=int)

    evaluate(baseline(looks), source(), tasks=1)
    evaluate(baseline(looks, flat=False), source(), tasks=1)
    assert [shapes[0] for shapes in seen] == [(6, 6), (6, 2, 3)] and [shapes[2] for shapes in seen] == [(12, 6), (12, 2, 3)]
    assert sorted(seen[0][1]) == [0, 0, 1, 1, 2, 2]


def test_values_come_as_one_axis() -> None:
    def line(support_x: Any, support_y: Any, query_x: Any) -> Any:
        assert support_y.shape == (10,)
        return linear_model.LinearRegression().fit(support_x, support_y).predict(query_x)

    assert evaluate(baseline(line), Sinusoid(10, 20), tasks=5).metric == "mse"
    with pytest.raises(DataError, match="no single array"):
        baseline(line)(Sinusoid().sample(1)[0].support.replace({"a": torch.ones(10, 1)}))


def test_rows_listed_elsewhere_are_the_tasks_they_name() -> None:
    few = source()
    listed = [([0, 10, 20], [1, 11, 12]), ([35, 44, 36], [41, 30, 47, 31])]
    plan = listed_rows(few, listed)
    batch = few.gather(plan)
    for number, (support, query) in enumerate(listed):
        for side, rows in ((batch[number].support.trim(), support), (batch[number].query.trim(), query)):
            assert torch.equal(side.x, few.index.gather(torch.tensor(rows)))
            names = plan.classes[number][side.labels]
            assert torch.equal(names, few.index.labels[torch.tensor(rows)])
    ours = evaluate(learners.NearestNeighbours(1), few, plan=plan)
    by_hand = [neighbors.KNeighborsClassifier(1) for _ in listed]
    for found, (support, query), score in zip(by_hand, listed, ours.scores, strict=True):
        x, labels = few.index.gather(torch.arange(80)).flatten(1), few.index.labels
        assert score == pytest.approx(found.fit(x[support], labels[support]).score(x[query], labels[query]))


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        ([], "holds no tasks"),
        ([([0, 10], [])], "lacks a support or a query set"),
        ([([0, 10], [80])], "names row 80, but toys has rows 0 to 79"),
        ([([0, 10], [0])], "names a row twice"),
        ([([0, 10], [1]), ([0, 10], [21])], 'task 1 of the list has a query of class "2", but no support example of it'),
    ],
)
def test_lists_that_make_no_tasks_are_refused(listed: Any, says: str) -> None:
    with pytest.raises(TaskError, match=says):
        listed_rows(source(), listed)
