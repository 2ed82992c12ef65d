"""SimpleShot: nearest class mean on the features of a pre-trained classifier, once they are centred and of unit length.

Source: Wang, Chao, Weinberger & van der Maaten, 2019, SimpleShot: revisiting nearest-neighbor classification.
"""

from typing import NamedTuple

from torch import Tensor, nn

from quickstudy.errors import LearnerError
from quickstudy.functional.distances import class_means, squared_distance
from quickstudy.learner import Facts, Learner
from quickstudy.nn.running_mean import RunningMean
from quickstudy.task import Examples, Inputs, Task

__all__ = ["SimpleShot", "UnitMeans"]


class UnitMeans(NamedTuple):
    """What is remembered: means of each class's centred, normalised features (N, D), and how many examples it has (N,)."""

    means: Tensor
    counts: Tensor


class SimpleShot(Learner[UnitMeans]):
    """``argmin_n ‖u(x) − mean of u over class n‖²`` with ``u(x) = (f(x) − m) / ‖f(x) − m‖``, the paper's CL2N.

    Pre-training is meta-training on `tasks.Supervised`, whose support sets are empty: cross-entropy of a linear head over
    all its classes. The centre m is the mean feature of the meta-training data: a buffer that follows the features while
    pre-training runs, and is saved with the weights. For an encoder that is already trained, call ``learner.train()``
    and pass the data once through ``learner.encode``.

    Deviation: the paper takes m over the whole training set after training; here it is a running mean over its last
    hundred mini-batches or so.

    Args:
        encoder: any network from inputs to features (D,).
        features: D.
        classes: how many the pre-training data has.

    >>> import torch
    >>> learner = SimpleShot(nn.Flatten(), features=2, classes=3)
    >>> _ = learner.train().encode(torch.tensor([[9.0, 9.0], [11.0, 11.0]]))
    >>> learner(Examples.of(torch.tensor([[10.0, 14.0], [11.0, 10.0]]), torch.tensor([0, 1]))).names(torch.tensor([[10.0, 11.0]]))
    ['0']
    """

    facts = Facts(norm="running")

    def __init__(self, encoder: nn.Module, *, features: int, classes: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.centre = RunningMean(features)
        self.head = nn.Linear(features, classes)

    def encode(self, x: Inputs) -> Tensor:
        features: Tensor = self.centre(self.encoder(x).flatten(1))
        return features

    def adapt(self, support: Examples) -> UnitMeans:
        means = class_means(self._unit(support.x), support.y, support.mask)
        return UnitMeans(means, (support.y * support.mask[:, None]).sum(0))

    def predict(self, state: UnitMeans, x: Tensor) -> Tensor:
        return self.likelihood.restrict(-squared_distance(self._unit(x), state.means), state.counts)

    def update(self, state: UnitMeans, more: Examples) -> UnitMeans:
        """The means of the union of what was seen and ``more``."""
        fresh = self.adapt(more)
        counts = state.counts + fresh.counts
        total = state.means * state.counts[:, None] + fresh.means * fresh.counts[:, None]
        return UnitMeans(total / counts.clamp(min=1)[:, None], counts)

    def objective(self, task: Task) -> Tensor:
        if task.support.mask.shape[0]:
            raise LearnerError("SimpleShot is pre-trained on tasks.Supervised(index), whose support sets are empty.")
        return self.likelihood.nll(self.head(task.query.x), task.query.y, task.query.mask)

    def _unit(self, features: Tensor) -> Tensor:
        away = features - self.centre.mean
        return away / ((away**2).sum(-1, keepdim=True) + 1e-12).sqrt()
