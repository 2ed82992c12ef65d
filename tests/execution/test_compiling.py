"""A compiled meta-gradient is the one as written, or is not taken."""

import copy
import logging

import pytest
import torch
from torch import nn

from quickstudy.datasets.arrays import from_arrays
from quickstudy.execution.batching import meta_gradient
from quickstudy.learners.metric.proto import ProtoNet
from quickstudy.learners.optimization.maml import MAML
from quickstudy.learners.optimization.maml_plus_plus import MAMLPlusPlus
from quickstudy.likelihood import Gaussian
from quickstudy.nn.conv4 import Conv4
from quickstudy.runs.run import Run
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.sinusoid import Sinusoid
from quickstudy.train import Record, train


def gradients(learner, tasks, **how):
    learner = learner.train()
    learner.zero_grad()
    losses = meta_gradient(learner, tasks, **how)
    return losses, [w.grad.clone() for w in learner.parameters() if w.grad is not None]


def images():
    index = from_arrays(torch.randn(40, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.arange(40) % 8)
    return FewShot(index, ways=3, shots=1, queries=2)


def held(learner, tasks, strategy):
    written, compiled = (gradients(learner, tasks, strategy=strategy, compile=c) for c in (False, True))
    torch.testing.assert_close(compiled[0], written[0])
    torch.testing.assert_close(compiled[1], written[1], rtol=1e-4, atol=1e-6)


def test_a_compiled_gradient_is_the_one_as_written_and_new_weights_count():
    learner = MAML(nn.Linear(1, 1), inner_lr=0.01, likelihood=Gaussian())
    held(learner, Sinusoid(3, 2).sample(2), "vmap")
    with torch.no_grad():
        for weight in learner.parameters():
            weight += 1
    held(learner, Sinusoid(3, 2).sample(2), "vmap")


@pytest.mark.slow
def test_features_get_their_gradient_from_a_compiled_head():
    held(ProtoNet(nn.Sequential(nn.Flatten(), nn.Linear(64, 4))), images().sample(3), "vmap")


@pytest.mark.slow
def test_a_loop_compiles_one_task():
    held(MAML(Conv4(hidden=4, size=8, strided=True, outputs=3)), images().sample(2), "loop")


@pytest.mark.slow
def test_training_by_compiled_steps_is_training():
    learner = MAML(nn.Linear(1, 1), inner_lr=0.01, likelihood=Gaussian())
    ends = []
    for compiled in (False, True):
        torch.manual_seed(0)
        clone = copy.deepcopy(learner)
        optimizer = torch.optim.Adam(clone.parameters(), 1e-2)
        ends.append([r.loss for r in train(clone, Sinusoid(3, 2), steps=5, batch=2, optimizer=optimizer, compile=compiled)])
    assert ends[0] == pytest.approx(ends[1], rel=1e-4)


@pytest.mark.slow
def test_a_run_compiles_its_steps(tmp_path):
    ends = []
    for compiled in (False, True):
        run = Run(tmp_path / str(compiled), "maml", {"data": "sinusoid", "steps": 4}, 0)
        ends.append([r.loss for r in run.train(compile=compiled) if isinstance(r, Record)])
    assert len(ends[0]) == 4 and ends[0] == pytest.approx(ends[1], rel=1e-4)


def refused(learner, tasks, caplog):
    with caplog.at_level(logging.WARNING, "quickstudy"):
        compiled = gradients(learner, tasks, compile=True, strategy="loop")
    written = gradients(learner, tasks, strategy="loop")
    torch.testing.assert_close(compiled, written)
    return caplog.text


def test_a_learner_that_changes_by_step_runs_as_written(caplog):
    assert "changes from step to step" in refused(
        MAMLPlusPlus(nn.Linear(1, 1), likelihood=Gaussian()), Sinusoid(3, 2).sample(2), caplog
    )


def test_what_cannot_be_traced_runs_as_written(caplog):
    class Branching(nn.Linear):
        def forward(self, x):
            return super().forward(x) * (2 if x.sum().item() > 0 else 1)

    assert "cannot be compiled" in refused(MAML(Branching(1, 1), likelihood=Gaussian()), Sinusoid(3, 2).sample(2), caplog)
