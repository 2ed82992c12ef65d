"""Cases of the learners that are Gaussian and neural processes, or a normal distribution over items."""

from functools import partial

import torch
from torch import nn

from contract.cases.closed_form import curves, waves
from contract.cases.ground import INPUTS, Case, built, encoder, few
from quickstudy import datasets, learners, tasks
from quickstudy.checks import Training
from quickstudy.likelihood import MeanAndDeviation
from quickstudy.nn import MLP, ColumnRange, CosineKernel, MixtureKernel, RBFKernel, SideBySide


def several() -> nn.Module:
    return SideBySide({"learned": MLP(INPUTS, (24,), outputs=8), "near": ColumnRange(0, 10)})


def mixture() -> nn.Module:
    return MixtureKernel({"learned": CosineKernel(), "near": RBFKernel(10, length=3.0)}, weights=(1.0, 0.3))


def tastes() -> tasks.TaskSource:  # type: ignore[type-arg]
    """Ratings of 8 of 12 items by 60 users, of two tastes that items differ in, and users of two spreads."""
    generator = torch.Generator().manual_seed(0)
    count, items, rated = 60, 12, 8
    loads = torch.randn(items, 2, generator=generator)
    taste = torch.randn(count, 2, generator=generator) @ loads.mT
    spread = 0.1 + 0.9 * (torch.arange(count) % 2)[:, None]
    values = 3 + taste + spread * torch.randn(count, items, generator=generator)
    chosen = torch.stack([torch.randperm(items, generator=generator)[:rated] for _ in range(count)])
    x = torch.nn.functional.one_hot(chosen.flatten(), items).float()
    user = torch.arange(count).repeat_interleave(rated)
    y = values.gather(1, chosen).flatten()[:, None]
    return tasks.ByTask(datasets.Table(x, y, user, tuple(map(str, range(count)))), shots=4)


CASES: dict[str, Case] = {
    "ConditionalNeuralProcess": Case(
        partial(
            built,
            learners.ConditionalNeuralProcess,
            partial(MLP, 2, (32, 32), outputs=32),
            partial(MLP, 33, (32, 32), outputs=2),
        ),
        waves,
        Training(steps=300),
    ),
    "AttentiveProcess": Case(
        partial(
            built,
            learners.AttentiveProcess,
            partial(MLP, 2, (16,), outputs=16),
            partial(MLP, 2, (16, 16), outputs=16),
            partial(MLP, 1, (16,), outputs=16),
            partial(MLP, 34, (32,), outputs=1),
        ),
        waves,
        Training(steps=300),
    ),
    "CorrectedGaussian": Case(partial(built, learners.CorrectedGaussian, items=12, users=100), tastes),
    "DeepKernelTransfer": Case(partial(built, learners.DeepKernelTransfer, encoder, CosineKernel), few),
    "DeepKernelTransfer, a mixture, by queries": Case(
        partial(built, learners.DeepKernelTransfer, several, mixture, marginal=False), partial(few, (2, 5), (2, 4))
    ),
    "DeepKernelTransfer, values": Case(
        partial(built, learners.DeepKernelTransfer, curves, partial(RBFKernel, 24, length=3.0), likelihood=MeanAndDeviation()),
        waves,
        Training(steps=60),
    ),
}
