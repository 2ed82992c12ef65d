"""A step of MAML on regression by other libraries, each as its documentation has it; None where one is not installed.

pip install "quickstudy[peers]"        # higher, torchopt, easyfsl, jax: none of them is needed: a missing one skips its row
"""

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from quickstudy.task import Task

__all__ = ["higher_step", "jax_step", "peer", "torchopt_step"]

LR, INNER_LR = 1e-3, 0.01
Step = Callable[[], list[Tensor]]
Loss = Callable[[Tensor, Tensor], Tensor]


def peer(name: str) -> Any | None:
    """The library, where it is installed; one that does not load here is named, and its rows are left out."""
    try:
        return import_module(name) if find_spec(name.split(".")[0]) else None
    except Exception as error:
        print(f"{name} does not load, its rows are left out: {error}", file=sys.stderr)
        return None


def higher_step(network: nn.Module, tasks: Task, steps: int, loss: Loss = F.mse_loss, inner_lr: float = INNER_LR) -> Step | None:
    """facebookresearch/higher: a functional copy of the network in a context."""
    higher = peer("higher")
    if higher is None:
        return None
    optimizer = torch.optim.Adam(network.parameters(), LR)
    inner = torch.optim.SGD(network.parameters(), inner_lr)

    def step() -> list[Tensor]:
        optimizer.zero_grad()
        for i in range(len(tasks)):
            with higher.innerloop_ctx(network, inner, copy_initial_weights=False) as (fast, diffopt):
                for _ in range(steps):
                    diffopt.step(loss(fast(tasks.support.x[i]), tasks.support.y[i]))
                (loss(fast(tasks.query.x[i]), tasks.query.y[i]) / len(tasks)).backward()
        optimizer.step()
        return [w.grad for w in network.parameters() if w.grad is not None]

    return step


def torchopt_step(
    network: nn.Module, tasks: Task, steps: int, loss: Loss = F.mse_loss, inner_lr: float = INNER_LR
) -> Step | None:
    """TorchOpt: a differentiable SGD on the network in place, whose state is put back for each task."""
    torchopt = peer("torchopt")
    if torchopt is None:
        return None
    optimizer = torch.optim.Adam(network.parameters(), LR)
    inner = torchopt.MetaSGD(network, lr=inner_lr)
    weights = list(network.parameters())

    def step() -> list[Tensor]:
        optimizer.zero_grad()
        start, memory = (torchopt.extract_state_dict(part, by="reference") for part in (network, inner))
        for i in range(len(tasks)):
            for _ in range(steps):
                inner.step(loss(network(tasks.support.x[i]), tasks.support.y[i]))
            (loss(network(tasks.query.x[i]), tasks.query.y[i]) / len(tasks)).backward()
            torchopt.recover_state_dict(network, start)
            torchopt.recover_state_dict(inner, memory)
        optimizer.step()
        return [w.grad for w in weights if w.grad is not None]

    return step


def jax_step(network: nn.Module, tasks: Task, steps: int) -> Step | None:
    """JAX: the same step of an MLP as one jitted, vmapped function, Adam included; the compiled reference."""
    jax = peer("jax")
    if jax is None:
        return None
    weights = [np.asarray(w.detach()) for w in network.parameters()]
    arrays = [np.asarray(t) for t in (tasks.support.x, tasks.support.y, tasks.query.x, tasks.query.y)]

    def forward(weights: list[Any], x: Any) -> Any:
        for w, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
            x = jax.nn.relu(x @ w.T + b)
        return x @ weights[-2].T + weights[-1]

    def mse(weights: list[Any], x: Any, y: Any) -> Any:
        return ((forward(weights, x) - y) ** 2).mean()

    def objective(weights: list[Any], task: list[Any]) -> Any:
        fast = weights
        for _ in range(steps):
            fast = [w - INNER_LR * g for w, g in zip(fast, jax.grad(mse)(fast, *task[:2]), strict=True)]
        return mse(fast, *task[2:])

    @jax.jit
    def update(weights: list[Any], first: list[Any], second: list[Any], count: Any, arrays: list[Any]) -> Any:
        grads = jax.grad(lambda w: jax.vmap(objective, (None, 0))(w, arrays).mean())(weights)
        first = [0.9 * m + 0.1 * g for m, g in zip(first, grads, strict=True)]
        second = [0.999 * v + 0.001 * g * g for v, g in zip(second, grads, strict=True)]
        a, b = 1 - 0.9**count, 1 - 0.999**count
        moments = zip(weights, first, second, strict=True)
        weights = [w - LR * (m / a) / ((v / b) ** 0.5 + 1e-8) for w, m, v in moments]
        return weights, first, second, count + 1, grads

    zeros = [np.zeros_like(w) for w in weights]
    state: list[Any] = [weights, zeros, zeros, 1]

    def step() -> list[Tensor]:
        *state[:], grads = update(*state, arrays)
        jax.block_until_ready(grads)
        return [torch.from_numpy(np.array(g)) for g in grads]

    return step
