"""SimpleShot is the nearest class mean of centred features of unit length, around the mean of what it was pre-trained on."""

import pytest
import torch
from sklearn.neighbors import NearestCentroid
from torch import nn

from quickstudy import Examples, Task, learners, tasks, train
from quickstudy.datasets import from_arrays
from quickstudy.errors import LearnerError
from quickstudy.nn import MLP, RunningMean


def test_it_is_scikit_learns_nearest_centroid_after_cl2n() -> None:
    learner = learners.SimpleShot(nn.Flatten(), features=6, classes=3)
    base = torch.randn(500, 6) + 4
    learner.train().encode(base)
    x, labels, queries = torch.randn(12, 6) + 4, torch.arange(12) % 4, torch.randn(200, 6) + 4

    def normal(z: torch.Tensor) -> torch.Tensor:
        return nn.functional.normalize(z - base.mean(0), dim=-1)

    baseline = NearestCentroid().fit(normal(x).numpy(), labels.numpy())
    found = learner(Examples.of(x, labels))(queries).argmax(-1)
    assert found.tolist() == baseline.predict(normal(queries).numpy()).tolist()


def test_the_running_mean_is_the_mean_until_old_batches_fade() -> None:
    layer, x = RunningMean(3, momentum=0.1), torch.randn(10, 7, 3)
    for batch in x:
        assert layer(batch) is batch
    torch.testing.assert_close(layer.mean, x.mean((0, 1)))
    layer(torch.ones(2, 3))
    torch.testing.assert_close(layer.mean, 0.9 * x.mean((0, 1)) + 0.1)
    kept = layer.mean.clone()
    layer.eval()(torch.ones(2, 3))
    assert layer.mean.equal(kept)


def test_pre_training_follows_the_features_mean() -> None:
    x, labels = torch.randn(300, 5) + 2, torch.arange(300) % 3
    x[:, 0] += labels
    learner = learners.SimpleShot(MLP(5, (8,)), features=8, classes=3)
    optimizer = torch.optim.Adam(learner.parameters(), 1e-3)
    source, schedule = tasks.Supervised(from_arrays(x, labels), 64), torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 300)
    losses = [r.loss for r in train(learner, source, steps=300, batch=1, optimizer=optimizer, schedule=schedule)]
    assert sum(losses[-20:]) < sum(losses[:20])
    with torch.no_grad():
        truth = learner.encoder(x).mean(0)
    assert float((learner.centre.mean - truth).norm()) < 0.1 * float(truth.norm())


def test_few_shot_tasks_do_not_pre_train_it() -> None:
    learner = learners.SimpleShot(nn.Flatten(), features=2, classes=3)
    examples = Examples.of(torch.randn(3, 2), torch.arange(3))
    with pytest.raises(LearnerError, match="Supervised"):
        learner.objective(Task(examples, examples))
