"""Cases of the learners whose optimizer is a network."""

import copy
import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from contract.cases.ground import Case, built, few, normed, plain, wave
from quickstudy import functional, learners, tasks
from quickstudy.checks import Training
from quickstudy.likelihood import Gaussian, LogLoss
from quickstudy.nn import AdamLSTM, CoordinateLSTM, GatedDescent, Point
from quickstudy.task import Task


def rule() -> CoordinateLSTM:
    """Small, and away from its zero start, where most gradients are zero."""
    made = CoordinateLSTM(6)
    nn.init.normal_(made.head.weight, std=0.3)
    return made


def from_adam() -> AdamLSTM:
    """Small, and away from Adam, where its cells have no gradient."""
    made = AdamLSTM(6)
    nn.init.normal_(made.head.weight, std=0.3)
    return made


def nll(learner: Any, outputs: Tensor, y: Tensor) -> Tensor:
    if isinstance(learner.likelihood, Gaussian):
        return nn.functional.mse_loss(outputs, y) + math.log(math.pi) / 2
    return nn.functional.cross_entropy(outputs, y)


def window(learner: learners.LearnedOptimizer, task: Task) -> dict[str, Tensor]:
    """The trajectory as a function of the rule's weights, with gradients measured apart, on a network of numbers alone."""
    start = dict(learner.network.named_parameters())
    weights, memory, losses = start, learner.rule.init(start), []
    for _ in range(learner.windows.length):
        copied = copy.deepcopy(learner.network).requires_grad_(True)
        copied.load_state_dict({name: w.detach() for name, w in weights.items()}, strict=False)
        slopes = torch.autograd.grad(nll(learner, copied(task.support.x), task.support.y), [*copied.parameters()])
        change, memory = learner.rule(dict(zip(weights, slopes, strict=True)), memory)
        weights = {name: w - change[name] for name, w in weights.items()}
        losses.append(nll(learner, torch.func.functional_call(learner.network, weights, (task.query.x,)), task.query.y))
    names = [f"rule.{name}" for name, _ in learner.rule.named_parameters()]
    return dict(zip(names, torch.autograd.grad(torch.stack(losses).mean(), [*learner.rule.parameters()]), strict=True))


def gates(learner: learners.MetaLSTM, task: Task) -> dict[str, Tensor]:
    """Ravi & Larochelle's equations weight tensor by weight tensor, gradients and losses being plain numbers."""
    rule = learner.rule
    theta: dict[str, Tensor] = dict(learner.network.named_parameters())
    memory = {name: (torch.zeros(w.numel(), rule.lstm.outputs).to(w),) * 2 for name, w in theta.items()}
    f = {name: torch.zeros_like(w) for name, w in theta.items()}
    i = {name: torch.zeros_like(w) for name, w in theta.items()}
    for _ in range(learner.inner_steps):
        copied = copy.deepcopy(learner.network)
        copied.load_state_dict({name: w.detach() for name, w in theta.items()})
        loss = nn.functional.cross_entropy(copied(task.support.x), task.support.y)
        slopes = torch.autograd.grad(loss, [*copied.parameters()])
        for (name, w), slope in zip(theta.items(), slopes, strict=True):
            seen = torch.cat([functional.log_sign(slope.flatten()), functional.log_sign(loss.detach()).repeat(w.numel(), 1)], 1)
            h, memory[name] = rule.lstm(seen, memory[name])
            before = w.flatten()[:, None]
            f[name] = rule.forget(torch.cat([h, before, f[name].flatten()[:, None]], 1)).sigmoid().reshape(w.shape)
            i[name] = rule.input(torch.cat([h, before, i[name].flatten()[:, None]], 1)).sigmoid().reshape(w.shape)
        theta = {name: f[name] * w - i[name] * s for (name, w), s in zip(theta.items(), slopes, strict=True)}
    outer = nn.functional.cross_entropy(torch.func.functional_call(learner.network, theta, (task.query.x,)), task.query.y)
    return dict(zip([n for n, _ in learner.named_parameters()], torch.autograd.grad(outer, [*learner.parameters()]), strict=True))


short = Training(30, lr=0.01, tasks=40)
given = functional.as_given
quadratic = partial(built, learners.LearnedOptimizer, partial(Point, 10, spread=1.0), rule, likelihood=Gaussian())

CASES: dict[str, Case] = {
    "LearnedOptimizer": Case(partial(quadratic, steps=8, window=8, start=given), tasks.Quadratics, short, window),
    "LearnedOptimizer, exact": Case(partial(quadratic, steps=6, window=6, first_order=False), tasks.Quadratics, short),
    "LearnedOptimizer, truncated": Case(partial(quadratic, steps=8, window=4), tasks.Quadratics, Training(80, lr=0.01, tasks=80)),
    "LearnedOptimizer, from Adam": Case(
        partial(
            built,
            learners.LearnedOptimizer,
            partial(Point, 10, spread=1.0),
            from_adam,
            steps=8,
            window=functional.Windows(3, 2, functional.MeanLogLoss(math.log(math.pi) / 2)),
            likelihood=Gaussian(),
        ),
        tasks.Quadratics,
        short,
    ),
    "LearnedOptimizer, classes": Case(
        partial(built, learners.LearnedOptimizer, normed, rule, steps=8, window=4, likelihood=LogLoss()),
        lambda: tasks.Unsplit(few()),
        short,
    ),
    "MetaLSTM": Case(
        partial(built, learners.MetaLSTM, plain, partial(GatedDescent, 6), inner_steps=3), few, expected_gradient=gates
    ),
    "MetaLSTM, batch norm": Case(
        partial(built, learners.MetaLSTM, normed, partial(GatedDescent, 6), inner_steps=3), partial(few, (2, 4), (2, 3))
    ),
    "MetaLSTM, values": Case(
        partial(built, learners.MetaLSTM, wave, partial(GatedDescent, 6), inner_steps=3, likelihood=Gaussian()),
        tasks.Sinusoid,
        Training(100, lr=0.01),
    ),
}
