"""Statistics of meta-training tasks enter a learner's buffers before the first step, through every wrapper."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from quickstudy.datasets.arrays import from_arrays
from quickstudy.learner import Learner, Samples
from quickstudy.learners.wrappers.on_features import OnFeatures
from quickstudy.learners.wrappers.scaled_targets import ScaledTargets
from quickstudy.likelihood import Gaussian
from quickstudy.nn.frozen import Frozen
from quickstudy.task import Examples
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.sinusoid import Sinusoid
from quickstudy.train import prepare, train


class Centred(Learner[Tensor]):
    """Remembers the means of inputs and targets it was prepared with."""

    def __init__(self, likelihood: Any = None) -> None:
        super().__init__()
        self.likelihood = likelihood or Gaussian()
        self.weight = nn.Parameter(torch.zeros(()))
        self.register_buffer("seen", torch.zeros(2))
        self.times, self.shape = 0, torch.Size()

    def prepare(self, source: Samples, generator: torch.Generator) -> None:
        task = source.sample(50, generator)
        self.seen = torch.stack([task.support.x.mean(), task.support.y.mean()])
        self.times, self.shape = self.times + 1, task.support.x.shape

    def adapt(self, support: Examples) -> Tensor:
        return support.y.mean(0) + self.weight

    def predict(self, state: Tensor, x: Tensor) -> Tensor:
        return state.expand(len(x), -1)


def test_train_prepares_before_the_first_step_alone() -> None:
    learner, source = Centred(), Sinusoid()
    optimizer = torch.optim.SGD(learner.parameters(), 0.1)
    list(train(learner, source, steps=2, batch=2, optimizer=optimizer, seed=3))
    found = learner.seen.clone()
    list(train(learner, source, steps=4, start=2, batch=2, optimizer=optimizer, seed=3))
    assert learner.times == 1
    again = Centred()
    prepare(again, source, seed=3)
    assert bool((again.seen == found).all())


def test_targets_are_scaled_for_the_learner_inside() -> None:
    inside, plain, source = Centred(), Centred(), Sinusoid()
    prepare(ScaledTargets(inside, mean=7.0, deviation=2.0), source)
    prepare(plain, source)
    assert float(inside.seen[1]) == pytest.approx((float(plain.seen[1]) - 7.0) / 2.0, abs=1e-5)
    assert float(inside.seen[0]) == float(plain.seen[0])


def test_inputs_are_features_for_the_learner_inside() -> None:
    from quickstudy.likelihood import Categorical
    from quickstudy.nn.conv4 import Conv4

    labels = torch.arange(40) % 4
    images = torch.rand(40, 1, 28, 28)
    learner = OnFeatures(Frozen(Conv4(1, 4)), Centred(Categorical()))
    raw = FewShot(from_arrays(images, labels), ways=2, shots=1, queries=1)
    prepare(learner, raw)
    inside = learner.learner
    assert isinstance(inside, Centred)
    assert inside.shape == (50, 2, 4)
    of_raw = inside.seen.clone()
    with torch.no_grad():
        features = learner.backbone(images)
    prepare(learner, FewShot(from_arrays(features, labels), ways=2, shots=1, queries=1))
    assert torch.allclose(inside.seen, of_raw, atol=1e-6)
