"""Cases of the learners that are Gaussian processes."""

from functools import partial

from torch import nn

from contract.cases.closed_form import curves, waves
from contract.cases.ground import INPUTS, Case, built, encoder, few
from quickstudy import learners
from quickstudy.checks import Training
from quickstudy.likelihood import MeanAndDeviation
from quickstudy.nn import MLP, ColumnRange, CosineKernel, MixtureKernel, RBFKernel, SideBySide


def several() -> nn.Module:
    return SideBySide({"learned": MLP(INPUTS, (24,), outputs=8), "near": ColumnRange(0, 10)})


def mixture() -> nn.Module:
    return MixtureKernel({"learned": CosineKernel(), "near": RBFKernel(10, length=3.0)}, weights=(1.0, 0.3))


CASES: dict[str, Case] = {
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
