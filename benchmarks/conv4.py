"""W2: MAML on 28×28 images, Conv4-64 with batch statistics, 5-way 1-shot 15 queries, 4 tasks: a step of meta-training.

Ours is timed through `train`, as a user calls it, sampling included; the bare loop is PyTorch as one writes it by hand.

    python benchmarks/conv4.py --json conv4.json
"""

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from peers import higher_step, torchopt_step
from timing import Row, Variant, arguments, close, report, take_turns
from torch import Tensor, nn

from quickstudy.datasets.arrays import from_arrays
from quickstudy.functional.tree import map_leaves
from quickstudy.learners.optimization.maml import MAML
from quickstudy.nn.conv4 import Conv4
from quickstudy.task import Task
from quickstudy.tasks.few_shot import FewShot
from quickstudy.tasks.source import generator_of
from quickstudy.train import train

TASKS, LR, INNER_LR = 4, 1e-3, 0.4


class Plain(nn.Module):
    """Conv4 as it stands in the papers' code: convolution, batch statistics, ReLU, pooling; weights named as in `nn.Conv4`."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        self.names = list(weights)
        self.kept = nn.ParameterList(nn.Parameter(w.detach().clone()) for w in weights.values())

    def forward(self, x: Tensor) -> Tensor:
        return forward(list(self.kept), x)


def forward(weights: list[Tensor], x: Tensor) -> Tensor:
    """Four blocks; weights are those of the convolutions, then of the norms, then the last layer's."""
    for block in range(4):
        x = F.conv2d(x, weights[block], padding=1)
        x = F.batch_norm(x, None, None, weights[4 + 2 * block], weights[5 + 2 * block], training=True)
        x = F.max_pool2d(x.relu(), 2)
    return F.linear(x.flatten(1), weights[12], weights[13])


def loss(outputs: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(outputs, y.argmax(-1))


def bare_gradient(weights: list[Tensor], tasks: Task, steps: int, first_order: bool) -> list[Tensor]:
    total = [torch.zeros_like(w) for w in weights]
    for i in range(len(tasks)):
        fast = weights
        for _ in range(steps):
            value = loss(forward(fast, tasks.support.x[i]), tasks.support.y[i])
            grads = torch.autograd.grad(value, fast, create_graph=not first_order)
            fast = [w - INNER_LR * g for w, g in zip(fast, grads, strict=True)]
        grads = torch.autograd.grad(loss(forward(fast, tasks.query.x[i]), tasks.query.y[i]) / len(tasks), weights)
        total = [a + g for a, g in zip(total, grads, strict=True)]
    return total


def bare_step(network: Plain, tasks: Task, steps: int, first_order: bool) -> Callable[[], list[Tensor]]:
    weights = list(network.kept)
    optimizer = torch.optim.Adam(weights, LR)

    def step() -> list[Tensor]:
        grads = bare_gradient(weights, tasks, steps, first_order)
        for weight, grad in zip(weights, grads, strict=True):
            weight.grad = grad
        optimizer.step()
        return grads

    return step


def our_step(network: Conv4, source: FewShot, steps: int, first_order: bool) -> tuple[Callable[[], object], MAML]:
    learner = MAML(network, inner_lr=INNER_LR, inner_steps=steps, first_order=first_order, norm="batch")
    optimizer = torch.optim.Adam(learner.parameters(), LR)
    records = train(learner, source, steps=10**9, batch=TASKS, optimizer=optimizer)
    return lambda: next(records), learner


def rows(steps: int, rounds: int, first_order: bool = False) -> list[Row]:
    torch.manual_seed(0)
    images = torch.rand(2000, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    source = FewShot(from_arrays(images, torch.arange(2000) % 100), ways=5, shots=1, queries=15)
    network = Conv4(outputs=5)
    tasks = source.sample(TASKS, generator_of(0, 0))  # those of train's first step
    weights = dict(network.named_parameters())
    exact = bare_gradient(
        [w.detach().double().requires_grad_() for w in weights.values()], map_leaves(Tensor.double, tasks), steps, first_order
    )
    step = bare_step(Plain(weights), tasks, steps, first_order)
    variants = [Variant("bare loop", step, close(step(), exact))]
    for name, made in {} if first_order else {"torchopt": torchopt_step, "higher": higher_step}.items():
        peer = made(Plain(weights), tasks, steps, loss, INNER_LR)
        if peer is not None:
            variants.append(Variant(name, peer, close(peer(), exact)))
    ours, learner = our_step(copy.deepcopy(network), source, steps, first_order)
    ours()
    variants.append(Variant("quickstudy train", ours, close([w.grad for w in learner.parameters()], exact)))
    order = "first order" if first_order else "second order"
    return take_turns(f"W2 {order}, {steps} step{'s' * (steps > 1)}", variants, rounds)


if __name__ == "__main__":
    asked = arguments(__doc__, rounds=9)
    found = [row for steps in (1, 5) for row in rows(steps, asked.rounds)]
    report([*found, *rows(1, asked.rounds, first_order=True)], asked.json)
