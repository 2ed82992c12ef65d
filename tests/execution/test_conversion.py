"""A converted network is compared with the one that was given, once, and a difference names it."""

import logging

import pytest
import torch
from torch import Tensor, nn

from contract.cases import INPUTS, few
from quickstudy import Examples, learners
from quickstudy.errors import LearnerError, ShapeError
from quickstudy.execution.batching import choose, encode_tasks, meta_gradient
from quickstudy.execution.conversion import compare_converted
from quickstudy.functional.tree import map_leaves
from quickstudy.nn.fast import FastWeights


class ByClass(nn.Module):
    """Activates what follows a batch norm, which it knows by its class: an exact norm is of another one."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(INPUTS, 8), nn.BatchNorm1d(8), nn.Dropout(0.2), nn.Linear(8, 3)])

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x).relu() if isinstance(layer, nn.BatchNorm1d) else layer(x)
        return x


def test_a_network_that_asks_for_classes_is_refused_by_name() -> None:
    learner, tasks = learners.MAML(ByClass(), inner_lr=0.1), few().sample(2)
    with pytest.raises(LearnerError, match=r"^network \(ByClass\) computes something else .* norms \(layers\.1\): outputs are"):
        meta_gradient(learner, tasks)


def test_dropout_and_a_head_written_for_the_task_are_no_difference(caplog: pytest.LogCaptureFixture) -> None:
    body = nn.Sequential(nn.Linear(INPUTS, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.ReLU())
    tasks = few().sample(2)
    with caplog.at_level(logging.WARNING, "quickstudy"):
        for learner in (
            learners.ProtoMAML(body, inner_lr=0.1),
            learners.MAML(nn.Sequential(body, nn.Linear(8, 3)), inner_lr=0.1),
        ):
            before, state = {key: value.clone() for key, value in learner.state_dict().items()}, torch.get_rng_state()
            assert choose(learner.train(), encode_tasks(learner, tasks)) == "vmap"
            assert torch.equal(state, torch.get_rng_state()) and learner.training
            assert all(value.equal(before[key]) for key, value in learner.state_dict().items())
    assert not caplog.records


def test_a_comparison_that_could_not_look_says_so(caplog: pytest.LogCaptureFixture) -> None:
    class Single(nn.Module):
        """Cannot compute in double precision."""

        def __init__(self) -> None:
            super().__init__()
            self.norm, self.last, self.scale = nn.BatchNorm1d(INPUTS), nn.Linear(INPUTS, 3), [torch.eye(INPUTS)]

        def forward(self, x: Tensor) -> Tensor:
            outputs: Tensor = self.last(self.norm(x @ self.scale[0]))
            return outputs

    learner = learners.MAML(Single(), inner_lr=0.1)
    with caplog.at_level(logging.WARNING, "quickstudy"):
        compare_converted(learner, few().sample(2))
        assert len(caplog.records) == 1 and "could not be compared" in caplog.text and "dtype" in caplog.text
        compare_converted(learner, few().sample(2))
    assert len(caplog.records) == 1, "once for each learner"


def test_one_support_row_is_compared_beside_another() -> None:
    single = map_leaves(lambda leaf: leaf[:, :1], few().sample(2))
    with pytest.raises(LearnerError, match="computes something else"):
        compare_converted(learners.MAML(ByClass(), inner_lr=0.1), single)


class Picky(learners.MAML):
    """Takes three ways."""

    def adapt(self, support: Examples) -> FastWeights:
        if support.y.shape[-1] != 3:
            raise ShapeError("three ways, please")
        return super().adapt(support)


def test_tasks_that_do_not_fit_leave_the_comparison_for_others(caplog: pytest.LogCaptureFixture) -> None:
    learner = Picky(ByClass(), inner_lr=0.1)
    with caplog.at_level(logging.WARNING, "quickstudy"):
        compare_converted(learner, few(2, 2).sample(2))
    assert not caplog.records
    with pytest.raises(LearnerError, match="computes something else"):
        compare_converted(learner, few().sample(2))
