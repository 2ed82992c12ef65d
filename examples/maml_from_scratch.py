"""MAML in one file, with nothing but torch: sine waves from ten points, second order, under a minute on one core.

    python examples/maml_from_scratch.py

Source: Finn, Abbeel & Levine, 2017, Model-agnostic meta-learning for fast adaptation of deep networks.
"""

import math

import torch
from torch import Tensor, nn

Weights = dict[str, Tensor]

SHOTS, QUERIES = 10, 10
INNER_LR = 0.01
TASKS, STEPS, OUTER_LR = 25, 3000, 4e-3

network = nn.Sequential(nn.Linear(1, 40), nn.ReLU(), nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 1))


def sample_tasks(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Task sampling: each task is a wave of its own; support and query are points of it, shapes (tasks, points, 1)."""
    amplitude = 0.1 + 4.9 * torch.rand(count, 1, 1, generator=generator)
    phase = math.pi * torch.rand(count, 1, 1, generator=generator)
    x = 10 * torch.rand(count, SHOTS + QUERIES, 1, generator=generator) - 5
    y = amplitude * torch.sin(x - phase)
    return x[:, :SHOTS], y[:, :SHOTS], x[:, SHOTS:], y[:, SHOTS:]


def loss(weights: Weights, x: Tensor, y: Tensor) -> Tensor:
    """The mean squared error of the network at ``weights``, which need not be its own."""
    return ((torch.func.functional_call(network, weights, (x,)) - y) ** 2).mean()


def adapt(weights: Weights, x: Tensor, y: Tensor, steps: int = 1) -> Weights:
    """The inner loop on one support set: ``θ ← θ − α ∇L(θ)``. The result is a function of θ that can be differentiated."""
    for _ in range(steps):
        gradient = torch.func.grad(loss)(weights, x, y)
        weights = {name: w - INNER_LR * gradient[name] for name, w in weights.items()}
    return weights


def query_loss(weights: Weights, task: tuple[Tensor, Tensor, Tensor, Tensor], steps: int = 1) -> Tensor:
    """What the initialisation is worth: the loss of the adapted weights on points that the inner loop has not seen."""
    support_x, support_y, query_x, query_y = task
    return loss(adapt(weights, support_x, support_y, steps), query_x, query_y)


def outer_objective(weights: Weights, tasks: tuple[Tensor, Tensor, Tensor, Tensor], steps: int = 1) -> Tensor:
    """The mean over a batch of tasks; ``vmap`` runs `query_loss`, written for one task, on all of them at once."""
    return torch.func.vmap(lambda task: query_loss(weights, task, steps))(tasks).mean()


def main() -> None:
    """The outer loop: move θ so that one inner step from it helps; then meta-test on waves never seen."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    for layer in network[::2]:
        layer.reset_parameters()
    weights = dict(network.named_parameters())
    optimizer = torch.optim.Adam(weights.values(), OUTER_LR)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for step in range(1, STEPS + 1):
        objective = outer_objective(weights, sample_tasks(TASKS, generator))
        optimizer.zero_grad()
        objective.backward()  # through the inner gradient: a second derivative
        optimizer.step()
        schedule.step()
        if step % 500 == 0:
            print(f"step {step}: query loss after one inner step {objective.item():.3f}")
    unseen = sample_tasks(1000, torch.Generator().manual_seed(1))
    with torch.no_grad():
        for steps in (0, 1, 5, 10):
            print(f"mean squared error on 1,000 unseen waves after {steps} steps: {outer_objective(weights, unseen, steps):.3f}")


if __name__ == "__main__":
    main()
