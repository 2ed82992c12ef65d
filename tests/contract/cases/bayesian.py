"""Cases of the learners that condition a distribution over functions."""

from functools import partial

import torch

from contract.cases.closed_form import curves, waves
from contract.cases.ground import Case, built
from quickstudy import datasets, learners, tasks
from quickstudy.checks import Training
from quickstudy.nn import MLP, Contrast, Squares


def planes() -> tasks.TaskSource:  # type: ignore[type-arg]
    """Two values of each row, linear in 3 of its 6 numbers, with slopes of the task's own."""
    generator = torch.Generator().manual_seed(0)
    count, rows = 30, 24
    task = torch.arange(count).repeat_interleave(rows)
    x = torch.randn(count * rows, 6, generator=generator)
    slopes = 2 + torch.randn(count, 3, 2, generator=generator)
    y = torch.einsum("rd,rdp->rp", x[:, :3], slopes[task]) + 0.1 * torch.randn(count * rows, 2, generator=generator)
    return tasks.ByTask(datasets.Table(x, y, task, tuple(map(str, range(count)))), shots=8)


def choices() -> Contrast:
    return Contrast(Squares())


def users() -> tasks.TaskSource:  # type: ignore[type-arg]
    """Choices between two trajectories, from 4 to 8 of them."""
    return tasks.SimulatedUsers((4, 8), 10)


CASES: dict[str, Case] = {
    "ALPaCA": Case(partial(built, learners.ALPaCA, curves, features=24, noise=0.3), waves, Training(steps=60)),
    "ALPaCA, two values": Case(
        partial(built, learners.ALPaCA, partial(MLP, 6, (12,), outputs=6), features=6, targets=2, noise=0.3), planes
    ),
    "BayesianLogisticRegression": Case(
        partial(built, learners.BayesianLogisticRegression, choices, features=12), users, Training(steps=60)
    ),
    "BayesianLogisticRegression, three components": Case(
        partial(built, learners.BayesianLogisticRegression, choices, features=12, components=3), users, Training(steps=60)
    ),
}
