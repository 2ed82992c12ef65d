"""W1: MAML on sinusoids, MLP 1-40-40-1, 25 tasks, K = 10, second order: a step of meta-training, Adam included.

Ours is timed through `train`, as a user calls it: sampling the tasks, records and checks are in its time and in no other's.

    python benchmarks/small_networks.py --json small_networks.json
"""

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from peers import higher_step, jax_step, torchopt_step
from timing import Row, Variant, arguments, close, report, take_turns
from torch import Tensor, nn

from quickstudy.functional.tree import map_leaves
from quickstudy.learners.optimization.maml import MAML
from quickstudy.likelihood import Gaussian
from quickstudy.nn.mlp import MLP
from quickstudy.task import Task
from quickstudy.tasks.sinusoid import Sinusoid
from quickstudy.tasks.source import generator_of
from quickstudy.train import train

TASKS, LR, INNER_LR = 25, 1e-3, 0.01


def forward(weights: list[Tensor], x: Tensor) -> Tensor:
    for w, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        x = F.relu(F.linear(x, w, b))
    return F.linear(x, weights[-2], weights[-1])


def bare_gradient(weights: list[Tensor], tasks: Task, steps: int) -> list[Tensor]:
    """The meta-gradient as one writes it by hand: a loop over tasks and `torch.autograd.grad`."""
    total: list[Tensor] = []
    for i in range(len(tasks)):
        fast = weights
        for _ in range(steps):
            loss = F.mse_loss(forward(fast, tasks.support.x[i]), tasks.support.y[i])
            grads = torch.autograd.grad(loss, fast, create_graph=True)
            fast = [w - INNER_LR * g for w, g in zip(fast, grads, strict=True)]
        loss = F.mse_loss(forward(fast, tasks.query.x[i]), tasks.query.y[i]) / len(tasks)
        grads = torch.autograd.grad(loss, weights)
        total = list(grads) if not total else [a + g for a, g in zip(total, grads, strict=True)]
    return total


def bare_step(network: nn.Module, tasks: Task, steps: int) -> Callable[[], list[Tensor]]:
    weights = list(network.parameters())
    optimizer = torch.optim.Adam(weights, LR)

    def step() -> list[Tensor]:
        grads = bare_gradient(weights, tasks, steps)
        for weight, grad in zip(weights, grads, strict=True):
            weight.grad = grad
        optimizer.step()
        return grads

    return step


def our_step(network: MLP, steps: int, compiled: bool) -> tuple[Callable[[], object], Callable[[], list[Tensor]]]:
    """One step of `train`, and the gradient that the last one left behind."""
    learner = MAML(network, inner_lr=INNER_LR, inner_steps=steps, likelihood=Gaussian())
    optimizer = torch.optim.Adam(learner.parameters(), LR)
    records = train(learner, Sinusoid(), steps=10**9, batch=TASKS, optimizer=optimizer, compile=compiled)
    return lambda: next(records), lambda: [w.grad for w in learner.parameters() if w.grad is not None]


def rows(steps: int, rounds: int) -> list[Row]:
    torch.manual_seed(0)
    network = MLP(1, (40, 40), outputs=1)
    generator = generator_of(0, 0)  # the tasks of train's first step with seed 0
    tasks = Sinusoid().sample(TASKS, generator)
    exact = bare_gradient(
        [w.detach().double().requires_grad_() for w in network.parameters()], map_leaves(Tensor.double, tasks), steps
    )
    variants = []
    for name, made in {
        "bare loop": bare_step,
        "torchopt": torchopt_step,
        "higher": higher_step,
        "JAX jit(vmap)": jax_step,
    }.items():
        step = made(copy.deepcopy(network), tasks, steps)
        if step is not None:
            variants.append(Variant(name, step, close(step(), exact)))
    for name, compiled in {"quickstudy train": False, "quickstudy train, compile=True": True}.items():
        step, gradient = our_step(copy.deepcopy(network), steps, compiled)
        step()
        variants.append(Variant(name, step, close(gradient(), exact)))
    return take_turns(f"W1 second order, {steps} step{'s' * (steps > 1)}", variants, rounds, calls=5)


if __name__ == "__main__":
    asked = arguments(__doc__, rounds=20)
    report([row for steps in (1, 5) for row in rows(steps, asked.rounds)], asked.json)
