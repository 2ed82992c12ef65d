"""Which learner is checked, on tasks that suit it: one line for each, variants included."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from quickstudy import datasets, functional, learners, tasks
from quickstudy.checks import Training
from quickstudy.learner import Learner
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP
from quickstudy.task import Task
from quickstudy.tasks import TaskSource

INPUTS, SIGNAL, CLASSES = 16, 6, 40


@dataclass(frozen=True)
class Case:
    """A learner, its tasks, and what else the battery must know of it."""

    make: Callable[[], Learner[Any]]
    source: Callable[[], TaskSource[Any]]
    trained: Training = Training()  # noqa: RUF009
    expected_gradient: Callable[[Any, Task], Mapping[str, Tensor]] | None = None
    tolerance: float = 1e-6


def blobs() -> datasets.class_index.ClassIndex:
    """Classes that differ in 6 of 16 numbers; the other ten are louder noise, which a learner must learn to ignore."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(CLASSES).repeat_interleave(20)
    centres = torch.randn(CLASSES, SIGNAL, generator=generator)[labels]
    signal = centres + 0.3 * torch.randn(len(labels), SIGNAL, generator=generator)
    noise = 2 * torch.randn(len(labels), INPUTS - SIGNAL, generator=generator)
    return datasets.from_arrays(torch.cat([signal, noise], 1), labels, name="blobs")


def few(shots: int | tuple[int, int] = 2, ways: int | tuple[int, int] = 3) -> TaskSource[Any]:
    return tasks.FewShot(blobs(), ways, shots, 5)


def built(make: Callable[..., Learner[Any]], *networks: Callable[[], nn.Module], **arguments: Any) -> Learner[Any]:
    """The learner with fresh networks whose weights are always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return make(*[network() for network in networks], **arguments)


def encoder() -> nn.Module:
    return MLP(INPUTS, (24, 16))


def normed() -> nn.Module:
    return MLP(INPUTS, (24,), outputs=3, norm=True)


def plain() -> nn.Module:
    return MLP(INPUTS, (24,), outputs=3)


def wave() -> nn.Module:
    return nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 1))


def smoothed() -> nn.Module:
    return nn.Sequential(nn.Linear(INPUTS, 24), nn.LayerNorm(24), nn.Dropout(0.1), nn.GELU(), nn.Linear(24, 3))


def first_order(learner: learners.MAML, task: Task) -> dict[str, Tensor]:
    """First-order MAML's formula: the query loss's gradient at weights reached by plain steps on a copy of the network."""
    network = copy.deepcopy(learner.network)
    for _ in range(learner.inner_steps):
        grads = torch.autograd.grad(
            nn.functional.cross_entropy(network(task.support.x), task.support.labels), [*network.parameters()]
        )
        with torch.no_grad():
            for weight, grad in zip(network.parameters(), grads, strict=True):
                weight.sub_(learner.inner_lr * grad)
    loss = nn.functional.cross_entropy(network(task.query.x), task.query.labels)
    names = [f"network.{name}" for name, _ in network.named_parameters()]
    return dict(zip(names, torch.autograd.grad(loss, [*network.parameters()]), strict=True))


def reptile(learner: learners.Reptile, task: Task) -> dict[str, Tensor]:
    """Reptile's formula: where it started minus where torch's own Adam ends, on mini-batches of support and query together."""
    network = copy.deepcopy(learner.network)
    rule = learner.rule
    assert isinstance(rule, functional.Adam)
    optimizer = torch.optim.Adam(network.parameters(), rule.lr, rule.betas, rule.eps)
    x, y = torch.cat([task.support.x, task.query.x]), torch.cat([task.support.y, task.query.y])
    values = isinstance(learner.likelihood, Gaussian)
    for step in range(learner.inner_steps):
        rows = torch.arange(step * learner.inner_batch, (step + 1) * learner.inner_batch) % len(x)
        optimizer.zero_grad()
        loss = nn.functional.mse_loss if values else nn.functional.cross_entropy
        torch.autograd.backward(loss(network(x[rows]), y[rows]))
        optimizer.step()
    ends = dict(network.named_parameters())
    return {f"network.{name}": (start - ends[name]).detach() for name, start in learner.network.named_parameters()}


pretrained = Training(steps=80, batch=1, lr=0.003, tasks=40, source=tasks.Supervised(blobs(), 64))
adam = functional.Adam(0.03)

CASES: dict[str, Case] = {
    "MAML": Case(partial(built, learners.MAML, normed, inner_lr=0.3, inner_steps=2), few),
    "MAML, first order": Case(
        partial(built, learners.MAML, plain, inner_lr=0.3, inner_steps=2, first_order=True), few, expected_gradient=first_order
    ),
    "MAML, batch statistics": Case(partial(built, learners.MAML, normed, inner_lr=0.3, norm="batch"), few),
    "MAML, layer norm and dropout": Case(partial(built, learners.MAML, smoothed, inner_lr=0.3), few),
    "MAML, values": Case(
        partial(built, learners.MAML, wave, inner_lr=0.02, likelihood=Gaussian()), tasks.Sinusoid, Training(200, lr=0.003)
    ),
    "MAML, varying sizes": Case(partial(built, learners.MAML, normed, inner_lr=1.0), partial(few, (2, 4), (2, 3))),
    "Reptile": Case(
        partial(
            built,
            learners.Reptile,
            wave,
            rule=functional.Adam(0.02, betas=(0.0, 0.999)),
            inner_steps=8,
            test_steps=8,
            likelihood=Gaussian(),
        ),
        tasks.Sinusoid,
        Training(60, lr=0.02, tasks=40),
        expected_gradient=reptile,
    ),
    "ProtoNet": Case(partial(built, learners.ProtoNet, encoder), few),
    "ProtoNet, running norm": Case(partial(built, learners.ProtoNet, partial(MLP, INPUTS, (24, 16), norm=True)), few),
    "ProtoNet, cosine": Case(
        partial(built, learners.ProtoNet, encoder, distance=functional.cosine_distance, scale=10.0, learn_scale=True), few
    ),
    "ProtoNet, varying sizes": Case(partial(built, learners.ProtoNet, encoder), partial(few, (1, 5), (2, 6))),
    "NearestCentroid": Case(learners.NearestCentroid, few),
    "NearestNeighbours": Case(partial(learners.NearestNeighbours, k=3), partial(few, 3)),
    "LogisticRegression": Case(learners.LogisticRegression, few, tolerance=1e-3),
    "FromScratch": Case(partial(built, learners.FromScratch, normed, rule=adam, steps=8), few, Training(tasks=40)),
    "FineTune": Case(
        partial(built, learners.FineTune, encoder, features=16, classes=CLASSES, rule=functional.Adam(0.02), steps=8),
        few,
        pretrained,
    ),
    "FineTune, head only": Case(
        partial(built, learners.FineTune, encoder, features=16, classes=CLASSES, rule=adam, steps=8, tune_encoder=False),
        few,
        pretrained,
    ),
}
"""The name begins with the learner's class; after a comma, the variant."""
