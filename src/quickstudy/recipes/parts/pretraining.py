"""An encoder that a recipe pre-trains before its meta-training begins."""

from quickstudy.learners.baselines.fine_tune import FineTune
from quickstudy.nn.frozen import Frozen
from quickstudy.recipes.parts.outer import Outer
from quickstudy.recipes.parts.problem import Problem, features_of

__all__ = ["pretrained"]

_SEED = 0
"""Of the mini-batches: weights depend on the run's seed."""


def pretrained(problem: Problem, steps: int, examples: int, lr: float = 4e-3) -> Frozen:
    """An encoder as a classifier of all meta-training classes leaves it, frozen: its weights and its norms' averages.

    Args:
        problem: whose classes these are.
        steps: mini-batches.
        examples: rows in a mini-batch.
        lr: peak of Adam's step size.
    """
    encoder = problem.encoder()
    classes = len(problem.classes("pre-training").classes)
    learner = FineTune(encoder, features=features_of(encoder), classes=classes)
    for _ in Outer(steps=steps, lr=lr).recipe(learner, problem.supervised("pre-training", examples)).records(seed=_SEED):
        pass
    return Frozen(encoder)
