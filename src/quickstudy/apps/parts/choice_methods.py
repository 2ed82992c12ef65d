"""Methods that predict a person's choice between two things: of everybody, of the person alone, and from one to the other."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.optim import Adam

from quickstudy.functional.logistic_mode import logistic_mode
from quickstudy.learners.bayesian.logistic_mixture import BayesianLogisticRegression
from quickstudy.nn.contrast import Contrast, Squares
from quickstudy.recipes.parts.recipe import one_cycle
from quickstudy.task import Examples
from quickstudy.tasks.source import TaskSource, generator_of
from quickstudy.train import train

__all__ = ["fine_tuned", "normal_prior", "personal", "population", "squared"]

_Chooser = Callable[[Tensor], Tensor]
"""From pairs (Q, 2 F) to the probability that the first is chosen (Q, 1)."""

_USERS = 400


def squared(x: Tensor) -> Tensor:
    """Differences of the numbers of both things, and of their squares, (Q, 2 F)."""
    found: Tensor = Contrast(Squares())(x)
    return found


def _weights(x: Tensor, y: Tensor, penalty: float) -> Tensor:
    """Of a logistic regression without a bias, on each choice and the same choice seen from the other side."""
    from sklearn.linear_model import LogisticRegression

    rows, answers = x.double().numpy(), y.numpy()
    model = LogisticRegression(C=0.5 / penalty, fit_intercept=False, max_iter=1000)
    both = np.concatenate([rows, -rows]), np.concatenate([answers, 1 - answers])
    weights: NDArray[np.float64] = model.fit(*both).coef_[0]
    return torch.from_numpy(weights).to(x.dtype)


@lru_cache(maxsize=2)
def _everybody(source: TaskSource[Any]) -> Tensor:
    """Weights of one model of all choices of many meta-training people."""
    tasks = source.sample(_USERS, generator_of(7))
    sides = [(side.x[side.mask > 0], side.y[side.mask > 0][:, 0]) for side in (tasks.support, tasks.query)]
    x, y = (torch.cat(parts) for parts in zip(*sides, strict=True))
    return _weights(squared(x), y, 1.0)


def _choosing(weights: Tensor) -> _Chooser:
    return lambda x: (squared(x) @ weights).sigmoid()[:, None]


def population(source: TaskSource[Any]) -> Callable[[Examples], _Chooser]:
    """The model of all meta-training people, whoever chooses."""
    chooser = _choosing(_everybody(source))
    return lambda support: chooser


def personal(penalty: float, squares: bool) -> Callable[[Examples], _Chooser]:
    """A logistic regression of the person's own choices alone."""

    def fitted(support: Examples) -> _Chooser:
        middle = support.x.shape[1] if squares else support.x.shape[1] // 2
        weights = torch.zeros(support.x.shape[1])
        weights[:middle] = _weights(squared(support.x)[:, :middle], support.y[:, 0], penalty)
        return _choosing(weights)

    return fitted


def fine_tuned(source: TaskSource[Any], penalty: float) -> Callable[[Examples], _Chooser]:
    """The model of all people, and from there to the person's choices, held back by ``λ/2 ‖w − w₀‖²``; by Newton's method."""
    mean = _everybody(source)[None]
    root = torch.eye(mean.shape[1])[None] / penalty**0.5

    def fitted(support: Examples) -> _Chooser:
        mode = logistic_mode(squared(support.x), support.y[:, 0], support.mask, mean, root, 25)
        return _choosing(mode.weight[0])

    return fitted


@lru_cache(maxsize=4)
def normal_prior(source: TaskSource[Any], prior: float, steps: int = 400, batch: int = 32) -> BayesianLogisticRegression:
    """Bayesian logistic regression with one normal prior, meta-trained, on the numbers and their squares."""
    width = squared(source.sample(1, generator_of(7)).query.x[0]).shape[1]
    learner = BayesianLogisticRegression(Contrast(Squares()), width, prior=prior, steps=6)
    optimizer = Adam(learner.parameters(), 3e-2)
    schedule = one_cycle(optimizer, steps)
    for _ in train(learner, source, steps=steps, batch=batch, optimizer=optimizer, schedule=schedule, clip=1.0):
        pass
    return learner.eval()
