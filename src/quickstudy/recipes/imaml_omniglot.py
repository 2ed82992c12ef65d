"""iMAML on Omniglot, after Rajeswaran et al., 2019: stride-2 Conv4, conjugate gradients, support statistics."""

import torch

from quickstudy.datasets.omniglot import omniglot
from quickstudy.functional.implicit import ConjugateGradients
from quickstudy.functional.unroll import SGD
from quickstudy.learners.optimization.imaml import IMAML
from quickstudy.nn.conv4 import Conv4
from quickstudy.recipes.recipe import Recipe
from quickstudy.tasks.few_shot import FewShot

__all__ = ["imaml_omniglot"]


def imaml_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 5,
    strength: float = 0.5,
    inner_lr: float = 0.4,
    inner_steps: int = 5,
    solver_steps: int = 2,
    batch: int = 16,
    steps: int = 2000,
    lr: float = 3e-3,
) -> Recipe:
    """iMAML on Omniglot (Vinyals' split, rotations as classes), inductive.

    The paper takes 16 steps of 0.1 at λ = 2 and 5 conjugate gradients, over 640,000 tasks; larger inner steps under a
    weaker pull come as close to the minimum for a third of the work, which is spent on more tasks.

    Args:
        ways: classes in a task.
        shots: support examples of each class.
        queries: query examples of each class.
        strength: λ, of the pull toward the initialisation.
        inner_lr: step size of the inner descent.
        inner_steps: of it.
        solver_steps: conjugate gradients of the outer gradient.
        batch: tasks in an outer step.
        steps: outer steps.
        lr: peak of the one-cycle schedule of Adam.
    """
    data = omniglot(split="vinyals")
    learner = IMAML(
        Conv4(outputs=ways, strided=True),
        strength=strength,
        rule=SGD(inner_lr),
        inner_steps=inner_steps,
        solver=ConjugateGradients(solver_steps),
    )
    optimizer = torch.optim.Adam(learner.parameters(), lr)
    return Recipe(
        learner=learner,
        train=FewShot(data.train, ways, shots, queries),
        val=FewShot(data.val, ways, shots, queries),
        test=FewShot(data.test, ways, shots, queries),
        optimizer=optimizer,
        schedule=torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps),
        clip=10.0,
        steps=steps,
        batch=batch,
        validate_every=max(1, steps // 5),
        pictures=data.train.pictures,
    )
