"""W8: one meta-gradient of MAML, first-order MAML, ANIL, CAVIA and iMAML at 1, 5 and 20 inner steps.

All have the network MLP 1-40-40-1 on 25 sinusoid tasks with ten support and ten query points; the floor is MAML at the same
number of steps. iMAML solves with five conjugate gradients.

    python benchmarks/inner_loops.py --json inner_loops.json
"""

from collections.abc import Callable
from typing import Any

import torch
from timing import Row, Variant, arguments, report, take_turns
from torch import nn

from quickstudy.execution.batching import meta_gradient
from quickstudy.functional.unroll import SGD
from quickstudy.learner import Learner
from quickstudy.learners.optimization.anil import ANIL
from quickstudy.learners.optimization.cavia import CAVIA
from quickstudy.learners.optimization.imaml import IMAML
from quickstudy.learners.optimization.maml import MAML
from quickstudy.likelihood import Gaussian
from quickstudy.nn.context import InputContext
from quickstudy.nn.mlp import MLP
from quickstudy.task import Task
from quickstudy.tasks.sinusoid import Sinusoid
from quickstudy.tasks.source import generator_of


def learners(steps: int) -> dict[str, Learner[Any]]:
    value = Gaussian()

    def network() -> nn.Module:
        return MLP(1, (40, 40), outputs=1)

    return {
        "MAML": MAML(network(), inner_lr=0.01, inner_steps=steps, likelihood=value),
        "MAML, first order": MAML(network(), inner_lr=0.01, inner_steps=steps, first_order=True, likelihood=value),
        "ANIL": ANIL(MLP(1, (40, 40)), nn.Linear(40, 1), inner_lr=0.01, inner_steps=steps, likelihood=value),
        "CAVIA": CAVIA(InputContext(MLP(6, (40, 40), outputs=1), 5), inner_lr=1.0, inner_steps=steps, likelihood=value),
        "IMAML": IMAML(network(), strength=2.0, rule=SGD(0.01), inner_steps=steps, likelihood=value),
    }


def one_step(learner: Learner[Any], tasks: Task) -> Callable[[], None]:
    def step() -> None:
        learner.zero_grad(set_to_none=True)
        meta_gradient(learner, tasks)

    return step


def rows(steps: int, rounds: int) -> list[Row]:
    torch.manual_seed(0)
    tasks = Sinusoid().sample(25, generator_of(0, 0))
    variants = [Variant(name, one_step(learner.train(), tasks)) for name, learner in learners(steps).items()]
    return take_turns(f"W8 {steps} inner step{'s' * (steps > 1)}", variants, rounds)


if __name__ == "__main__":
    asked = arguments(__doc__, rounds=20)
    report([row for steps in (1, 5, 20) for row in rows(steps, asked.rounds)], asked.json)
