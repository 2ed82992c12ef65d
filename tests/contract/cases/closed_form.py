"""Cases of the learners whose head is solved for."""

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from contract.cases.ground import INPUTS, Case, blobs, built, encoder, few, labelled
from quickstudy import learners, tasks
from quickstudy.checks import Training
from quickstudy.learner import Learner
from quickstudy.likelihood import Gaussian, Labels
from quickstudy.nn import MLP, ColumnRange, LaplaceKernel, LinearKernel, MixtureKernel, RBFKernel, SideBySide

square = partial(nn.Linear, INPUTS, INPUTS)
narrow = partial(MLP, INPUTS, (24, 3))
"""Fewer features than examples: the other form of the solution."""


def waves() -> tasks.TaskSource:  # type: ignore[type-arg]
    return tasks.Sinusoid(shots=10, queries=10)


def curves() -> nn.Module:
    return nn.Sequential(nn.Linear(1, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh())


def around(
    make: Callable[..., Learner[Any]], network: Callable[[], nn.Module], features: int = 16, outputs: int = 3, **arguments: Any
) -> Callable[[], Learner[Any]]:
    """A learner with a prior of its own."""

    def made() -> Learner[Any]:
        return built(lambda body, prior: make(body, prior=prior, **arguments), network, partial(nn.Linear, features, outputs))

    return made


def near_and_along() -> Learner[Any]:
    parts = {"near": ColumnRange(0, 6), "along": ColumnRange(0, INPUTS)}
    kernel = MixtureKernel({"near": LaplaceKernel(6), "along": LinearKernel(INPUTS)})
    return built(lambda network: learners.KernelRidge(network, kernel, balanced=True), lambda: SideBySide(parts))


def kernels_around_a_line() -> Learner[Any]:
    def made(network: nn.Module, line: nn.Module) -> Learner[Any]:
        return learners.KernelRidge(network, RBFKernel(24), prior=line, scale=1.0, likelihood=Gaussian())

    return built(made, curves, partial(nn.Linear, 1, 1))


CASES: dict[str, Case] = {
    "R2D2": Case(partial(built, learners.R2D2, encoder, penalty=1.0), few),
    "R2D2, more examples than features": Case(partial(built, learners.R2D2, narrow, penalty=1.0), partial(few, (3, 6), (2, 5))),
    "R2D2, values": Case(partial(built, learners.R2D2, curves, penalty=0.1, likelihood=Gaussian()), waves, Training(steps=60)),
    "R2D2, labels": Case(partial(built, learners.R2D2, encoder, penalty=1.0, likelihood=Labels()), labelled),
    "KernelRidge": Case(partial(built, learners.KernelRidge, encoder, partial(LaplaceKernel, 16)), few),
    "KernelRidge, class weights": Case(near_and_along, partial(tasks.FewShot, blobs(), (2, 4), (1, 4), 5, balanced=False)),
    "KernelRidge, values around a prior": Case(kernels_around_a_line, waves),
    "LRD2": Case(partial(built, learners.LRD2, encoder), few),
    "LRD2, more examples than features": Case(partial(built, learners.LRD2, narrow), partial(few, (3, 6), (2, 5))),
    "LogisticByShots": Case(partial(built, learners.LogisticByShots, encoder), partial(few, (2, 5), (2, 5))),
    "GatedHeads": Case(partial(built, learners.GatedHeads, nn.Flatten, square, scale=1.0), partial(few, (2, 5), (2, 5))),
    "LRD2, labels": Case(partial(built, learners.LRD2, encoder, likelihood=Labels()), labelled),
    "R2D2, prior and class weights": Case(around(learners.R2D2, encoder, penalty=1.0, balanced=True), partial(few, (1, 4))),
    "R2D2, values around a prior": Case(around(learners.R2D2, curves, 24, 1, penalty=0.1, likelihood=Gaussian()), waves),
    "LRD2, prior, class weights and scale": Case(
        around(learners.LRD2, encoder, balanced=True, scale=2.0), partial(few, (1, 4)), Training(batch=8)
    ),
    "LRD2, labels around a prior": Case(around(learners.LRD2, encoder, likelihood=Labels()), labelled),
}
