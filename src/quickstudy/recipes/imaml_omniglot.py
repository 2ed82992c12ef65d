"""iMAML on Omniglot, after Rajeswaran et al., 2019: stride-2 Conv4, conjugate gradients, support statistics."""

from typing import Annotated

from quickstudy.datasets.omniglot import omniglot
from quickstudy.functional.implicit import ConjugateGradients
from quickstudy.functional.unroll import SGD
from quickstudy.learners.optimization.imaml import IMAML
from quickstudy.nn.conv4 import Conv4
from quickstudy.recipes.checked import checked
from quickstudy.recipes.practice import Augment, Sampler
from quickstudy.recipes.recipe import Recipe, by_adam, few_shot
from quickstudy.recipes.space import Linear, Log

__all__ = ["imaml_omniglot"]


@checked
def imaml_omniglot(
    *,
    ways: int = 5,
    shots: int = 1,
    queries: int = 5,
    hidden: int = 32,
    strength: Annotated[float, Log(0.1, 10.0)] = 0.3,
    inner_lr: Annotated[float, Log(0.03, 3.0)] = 0.3,
    inner_steps: Annotated[int, Linear(1, 10)] = 6,
    solver_steps: Annotated[int, Linear(1, 5)] = 2,
    damping: Annotated[float, Log(0.1, 10.0)] = 1.0,
    batch: int = 8,
    steps: int = 2500,
    lr: Annotated[float, Log(3e-4, 3e-2)] = 4e-3,
    sampler: Sampler = "uniform",
    augment: Augment = "none",
) -> Recipe:
    """iMAML on Omniglot (Vinyals' split, rotations as classes), inductive.

    Reduced for minutes on one core: 32 filters for 64, 20,000 tasks for 640,000, six steps of 0.3 at λ = 0.3 with two
    conjugate gradients for the paper's 16 steps of 0.1 at λ = 2 with five. The system is damped by 1, as the published code
    damps its own: early in training the support loss has curvatures below −λ, and the plain solution is noise there
    (objective after 400 tasks at λ = 1: 1.23 with damping, 1.38 without).

    Args:
        ways: classes in a task.
        shots: support examples of each class.
        queries: query examples of each class.
        hidden: filters of each block.
        strength: λ, of the pull toward the initialisation.
        inner_lr: step size of the inner descent.
        inner_steps: of it.
        solver_steps: conjugate gradients of the outer gradient.
        damping: added to the matrix I + H / λ of its linear system.
        batch: tasks in an outer step.
        steps: outer steps.
        lr: peak of the one-cycle schedule of Adam.
        sampler: which classes a meta-training task is made of.
        augment: what is added to meta-training: augmented images, or classes mixed of two.
    """
    data = omniglot(split="vinyals")
    learner = IMAML(
        Conv4(hidden=hidden, outputs=ways, strided=True),
        strength=strength,
        rule=SGD(inner_lr),
        inner_steps=inner_steps,
        solver=ConjugateGradients(solver_steps, damping),
    )
    return by_adam(
        learner,
        few_shot(
            data,
            (ways, shots, queries),
            (ways, shots, queries),
            (ways, shots, queries),
            sampler=sampler,
            augment=augment,
            steps=steps,
        ),
        lr=lr,
        steps=steps,
        batch=batch,
        validate_every=max(1, steps // 5),
    )
