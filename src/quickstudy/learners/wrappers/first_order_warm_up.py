"""First-order meta-gradients for the first outer steps, exact ones after that.

Source: Antoniou, Edwards & Storkey, 2019, How to train your MAML (derivative-order annealing).
"""

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from quickstudy.errors import LearnerError
from quickstudy.functional.unroll import constant_gradients
from quickstudy.learner import Learner
from quickstudy.task import Task
from quickstudy.wrapper import LearnerWrapper

__all__ = ["FirstOrderWarmUp"]


class FirstOrderWarmUp(LearnerWrapper):
    """A learner whose first outer steps take first-order meta-gradients, all later ones its own.

        ``∇_θ L_Q(θ_T)`` with ``∂θ_T / ∂θ = I`` in the first N outer steps, then exact

    First-order steps cost less, and they do not explode where second derivatives still do. It serves every learner whose
    inner loop goes through `functional.gradient`, as those of this library do. `train` counts outer steps by `advance`, in
    a buffer, so that a run resumes. In eval mode it is the learner inside.

    Args:
        learner: with an inner loop, for example ``MAML(network)``.
        steps: N, outer steps of first order; MAML++'s paper took 50 of its 150 epochs.

    Raises:
        LearnerError: a negative number of steps.

    >>> from torch import nn
    >>> from quickstudy.learners.optimization.maml import MAML
    >>> learner = FirstOrderWarmUp(MAML(nn.Linear(2, 3)), steps=2)
    >>> learner.first_order, learner.advance(), learner.advance(), learner.first_order
    (True, None, None, False)
    """

    steps_done: Tensor

    def __init__(self, learner: Learner[Any], steps: int = 1000) -> None:
        super().__init__(learner)
        if steps < 0:
            raise LearnerError(f"steps={steps} of first order: give 0 or more.")
        self.steps = steps
        self.register_buffer("steps_done", torch.zeros((), dtype=torch.long))
        if steps and learner.facts.gradient == "exact":
            self.facts = replace(learner.facts, gradient="surrogate")

    @property
    def first_order(self) -> bool:
        """Whether the next outer step is one of the first order."""
        return self.training and int(self.steps_done) < self.steps

    @property
    def advances(self) -> bool:
        return True

    def advance(self) -> None:
        self.steps_done += 1
        super().advance()

    def objective(self, task: Task) -> Tensor:
        with constant_gradients(self.first_order):
            return super().objective(task)
