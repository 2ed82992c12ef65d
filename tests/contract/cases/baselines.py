"""Cases of the baselines."""

from functools import partial
from typing import Any

from torch import Tensor, nn

from contract.cases.ground import CLASSES, SIGNAL, Case, blobs, built, encoder, few, labelled, normed
from quickstudy import functional, learners, tasks
from quickstudy.checks import Training
from quickstudy.likelihood import Labels

pretrained = Training(steps=80, batch=1, lr=0.003, tasks=40, source=tasks.Supervised(blobs(), 64))
adam = functional.Adam(0.03)


class Signal(nn.Module):
    """The numbers in which neighbours are alike."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :SIGNAL]


def near_in_signal(**arguments: Any) -> learners.NearestNeighbours:
    return learners.NearestNeighbours(encoder=Signal(), **arguments)


CASES: dict[str, Case] = {
    "NearestCentroid": Case(learners.NearestCentroid, few),
    "NearestCentroid, labels": Case(partial(learners.NearestCentroid, likelihood=Labels()), labelled),
    "NearestNeighbours": Case(partial(learners.NearestNeighbours, k=3), partial(few, 3)),
    "NearestNeighbours, labels": Case(partial(near_in_signal, k=5, likelihood=Labels()), labelled),
    "LogisticRegression": Case(learners.LogisticRegression, few, tolerance=1e-3),
    "LogisticRegression, labels": Case(partial(learners.LogisticRegression, likelihood=Labels()), labelled, tolerance=1e-3),
    "FromScratch": Case(partial(built, learners.FromScratch, normed, rule=adam, steps=8), few, Training(tasks=40)),
    "FineTune": Case(
        partial(built, learners.FineTune, encoder, features=16, classes=CLASSES, rule=functional.Adam(0.02), steps=8),
        few,
        pretrained,
    ),
    "FineTune, head only": Case(
        partial(built, learners.FineTune, encoder, features=16, classes=CLASSES, rule=adam, steps=8, tune_encoder=False),
        few,
        pretrained,
    ),
}
