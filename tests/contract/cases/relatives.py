"""Cases of MAML's relatives: which part adapts, along which direction, from which head."""

from functools import partial

import torch
from torch import Tensor, nn

from contract.cases.ground import INPUTS, Case, built, encoder, few, normed, wave
from quickstudy import learners, tasks
from quickstudy.checks import Training
from quickstudy.functional import class_means
from quickstudy.likelihood import Gaussian
from quickstudy.nn import MLP
from quickstudy.task import Task


def normed_encoder() -> nn.Module:
    return MLP(INPUTS, (24, 16), norm=True)


def head() -> nn.Module:
    return nn.Linear(16, 3)


def wave_body() -> nn.Module:
    return MLP(1, (24, 24))


def wave_head() -> nn.Module:
    return nn.Linear(24, 1)


def filters() -> nn.Module:
    return nn.Sequential(
        nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 6, 2), nn.BatchNorm2d(6), nn.Tanh(), nn.Flatten(), nn.Linear(54, 3)
    )


def first_order(learner: learners.ProtoMAML, task: Task) -> dict[str, Tensor]:
    """First-order ProtoMAML's formula: steps are constants, while the head's start follows the body through the means."""
    body = learner.network.get_submodule("body")
    weights: dict[str, Tensor] = {f"body.{name}": w for name, w in body.named_parameters()}

    def features(weights: dict[str, Tensor], x: Tensor) -> Tensor:
        own = {name.removeprefix("body."): w for name, w in weights.items() if name.startswith("body.")}
        found: Tensor = torch.func.functional_call(body, own, (x,))
        return found

    def loss(weights: dict[str, Tensor], x: Tensor, labels: Tensor) -> Tensor:
        outputs = features(weights, x) @ weights["head.weight"].mT + weights["head.bias"]
        return nn.functional.cross_entropy(outputs, labels)

    means = class_means(features(weights, task.support.x), task.support.y, task.support.mask)
    start = weights | {"head.weight": 2 * learner.scale * means, "head.bias": -learner.scale * (means**2).sum(1)}
    moved = dict(start)
    for _ in range(learner.inner_steps):
        at = {name: w.detach().requires_grad_() for name, w in moved.items()}
        grads = torch.autograd.grad(loss(at, task.support.x, task.support.labels), list(at.values()))
        moved = {name: w - learner.inner_lr * g for (name, w), g in zip(moved.items(), grads, strict=True)}
    outer = torch.autograd.grad(loss(moved, task.query.x, task.query.labels), list(weights.values()))
    return {f"network.{name}": g for name, g in zip(weights, outer, strict=True)}


SINES = Training(200, lr=0.003)

CASES: dict[str, Case] = {
    "ANIL": Case(partial(built, learners.ANIL, encoder, head, inner_lr=0.3, inner_steps=3), few),
    "ANIL, running norm": Case(partial(built, learners.ANIL, normed_encoder, head, inner_lr=0.3), few),
    "ANIL, values": Case(
        partial(built, learners.ANIL, wave_body, wave_head, inner_lr=0.02, inner_steps=2, likelihood=Gaussian()),
        tasks.Sinusoid,
        SINES,
    ),
    "ANIL, varying sizes": Case(partial(built, learners.ANIL, encoder, head, inner_lr=0.3), partial(few, (2, 4), (2, 3))),
    "BOIL": Case(partial(built, learners.BOIL, normed_encoder, head, inner_lr=0.5, inner_steps=2), few),
    "BOIL, batch statistics": Case(partial(built, learners.BOIL, normed_encoder, head, inner_lr=0.5, norm="batch"), few),
    "BOIL, values": Case(
        partial(built, learners.BOIL, wave_body, wave_head, inner_lr=0.02, likelihood=Gaussian()), tasks.Sinusoid, SINES
    ),
    "MetaSGD": Case(partial(built, learners.MetaSGD, normed, inner_lr=0.3), few),
    "MetaSGD, batch statistics": Case(partial(built, learners.MetaSGD, normed, inner_lr=0.3, inner_steps=2, norm="batch"), few),
    "MetaSGD, values": Case(partial(built, learners.MetaSGD, wave, inner_lr=0.02, likelihood=Gaussian()), tasks.Sinusoid, SINES),
    "MetaCurvature": Case(partial(built, learners.MetaCurvature, normed, inner_lr=0.3, inner_steps=2), few),
    "MetaCurvature, convolutions": Case(
        partial(built, learners.MetaCurvature, filters, inner_lr=0.3, norm="batch"), few, Training(100)
    ),
    "MetaCurvature, values": Case(
        partial(built, learners.MetaCurvature, wave, inner_lr=0.02, likelihood=Gaussian()), tasks.Sinusoid, SINES
    ),
    "ProtoMAML": Case(partial(built, learners.ProtoMAML, normed_encoder, inner_lr=0.05, inner_steps=2, scale=0.3), few),
    "ProtoMAML, first order": Case(
        partial(built, learners.ProtoMAML, encoder, inner_lr=0.05, inner_steps=2, first_order=True),
        few,
        expected_gradient=first_order,
    ),
    "ProtoMAML, batch statistics": Case(
        partial(built, learners.ProtoMAML, normed_encoder, inner_lr=0.05, scale=0.3, norm="batch"), few
    ),
    "ProtoMAML, varying sizes": Case(
        partial(built, learners.ProtoMAML, encoder, inner_lr=0.05, inner_steps=2, scale=0.3), partial(few, (1, 4), (2, 6))
    ),
}
