"""An answer that is no number is no class 0, and a task that asks nothing has no perfect score."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from quickstudy import datasets, evaluate, evaluate_stream, learners, tasks
from quickstudy.errors import LearnerError, ShapeError, TaskError
from quickstudy.likelihood import Categorical, Gaussian
from quickstudy.nn import MLP
from quickstudy.task import Examples, Task
from quickstudy.tasks.row_plan import RowPlan


def source(ways: Any = 3) -> tasks.FewShot:
    labels = torch.arange(60) % 6
    return tasks.FewShot(datasets.from_arrays(torch.eye(6)[labels], labels), ways, 2, 3)


class NaNFrom(learners.ProtoNet):
    """Answers NaN in tasks whose first support row is of class 5, and rightly elsewhere."""

    def predict(self, state: Any, x: Tensor) -> Tensor:
        return super().predict(state, x) + torch.where(state.means[0, 5] > 0.9, torch.nan, 0.0)


@pytest.mark.parametrize("strategy", ["vmap", "loop"])
def test_a_learner_that_answers_nan_is_refused_with_the_number_of_the_task(strategy: Any) -> None:
    plan: RowPlan = source().plan(30, torch.Generator().manual_seed(0))
    first = int((plan.classes[:, 0] == 5).nonzero()[0])
    assert first > 2, "a task that is not the first of its batch"
    with pytest.raises(LearnerError, match=rf"^NaNFrom answered NaN in task {first} \(the first is 0\)"):
        evaluate(NaNFrom(nn.Flatten()), source(), plan=plan, batch=2, strategy=strategy)
    sound = plan[plan.classes[:, 0] != 5]
    assert evaluate(NaNFrom(nn.Flatten()), source(), plan=sound, batch=2, strategy=strategy).mean == 1.0


def test_a_network_whose_weights_are_nan_names_no_class() -> None:
    broken = learners.ProtoNet(MLP(6, (4,)))
    with torch.no_grad():
        next(broken.parameters()).fill_(torch.nan)
    with pytest.raises(LearnerError, match="answered NaN in task 0"):
        evaluate(broken, source(), tasks=4)
    with pytest.raises(LearnerError, match="answered NaN in task 0"):
        evaluate_stream(broken, source(), tasks=4)


def test_nan_in_padding_alone_is_no_answer() -> None:
    outputs, y = torch.tensor([[0.0, 1.0], [torch.nan, 0.0]]), torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    assert Categorical().score(outputs, y, torch.tensor([1.0, 0.0])) == 1
    assert Categorical().score(outputs, y, torch.ones(2)).isnan()
    assert Gaussian().score(outputs, y, torch.tensor([1.0, 0.0])) == 0


@pytest.mark.parametrize(
    ("said", "scene"),
    [
        (lambda x: np.full(len(x), np.nan), "task 0 .*NaN or complex"),
        (lambda x: np.full((len(x), 3), np.nan), "task 0 .*NaN or complex"),
        (lambda x: torch.full((len(x),), 3), r"task 0 .*answered 3, but class numbers lie in 0\.\.2"),
        (lambda x: [0.5] * len(x), r"task 0 .*answered 0.5, but class numbers"),
        (lambda x: None, "task 0 .*NoneType, which is no array"),
        (lambda x: ["cat"] * len(x), "task 0 .*list, which is no array"),
        (lambda x: torch.zeros(len(x), 9), r"task 0 .*outputs of shape \(9, 9\) for targets of shape \(9, 3\)"),
    ],
)
def test_a_function_that_answers_no_classes(said: Any, scene: str) -> None:
    with pytest.raises(ShapeError, match=scene):
        evaluate(lambda support: said, source(), tasks=2)


def test_probabilities_of_bits_are_scored_in_bits() -> None:
    sure = evaluate(lambda support: lambda x: torch.full((len(x), 8), 0.5), tasks.Copy(3), tasks=5)
    assert sure.metric == "bits" and sure.scores == (24.0,) * 5, "3 rows of 8 coins"
    known = evaluate(lambda support: lambda x: support.y, tasks.Copy(3), tasks=5)
    assert known.mean == 0
    with pytest.raises(ShapeError, match="probability of each"):
        evaluate(lambda support: lambda x: torch.full((len(x), 8), 2.0), tasks.Copy(3), tasks=5)


class Silent(tasks.FewShot):
    """Tasks of which the third asks nothing, or asks for unknown classes alone."""

    unknown = False

    def arrange(self, plan: RowPlan, gather: Any) -> Task:
        task = super().arrange(plan, gather)
        at = plan.classes[:, 0] == 3
        query = task.query
        if self.unknown:
            return replace(task, query=Examples(query.x, torch.where(at[:, None, None], 0, query.y), query.mask))
        return replace(task, query=Examples(query.x, query.y, torch.where(at[:, None], 0, query.mask)))


@pytest.mark.parametrize("unknown", [False, True])
def test_a_task_without_queries_has_no_score(unknown: bool) -> None:
    silent = Silent(source().index, 3, 2, 3)
    silent.unknown = unknown
    plan = silent.plan(40, torch.Generator().manual_seed(0))
    first = int((plan.classes[:, 0] == 3).nonzero()[0])
    for model in (learners.NearestCentroid(nn.Identity()), lambda support: lambda x: torch.zeros(len(x), 3)):
        with pytest.raises(TaskError, match=rf"^task {first} \(the first is 0\) has no query"):
            evaluate(model, silent, plan=plan)
