"""Object manipulation: how to grasp a thing that was never seen, after 0 to 8 tries that the robot chooses itself."""

from collections.abc import Mapping
from functools import lru_cache

import torch
from torch.optim import Adam

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.parts.choices import choices
from quickstudy.apps.parts.grasp_methods import (
    best_fixed,
    bisection,
    gaussian_process,
    population_map,
    repeated,
    simulator_known,
)
from quickstudy.borders.arguments import choice
from quickstudy.errors import TaskError
from quickstudy.learners.process.attentive_process import AttentiveProcess
from quickstudy.likelihood import Bernoulli
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.reports.promise import Promise
from quickstudy.tasks.source import generator_of
from quickstudy.tasks.worlds.grasping import Grasping
from quickstudy.tasks.worlds.gripper import OUTCOMES, Gripper, PlanarGripper
from quickstudy.tasks.worlds.mujoco_gripper import MujocoGripper

__all__ = ["object_manipulation"]

_TRIES = (0, 1, 2, 4, 8)
_SEARCH = ("Gaussian process, UCB", "Gaussian process, Thompson")
_PROMISED = {
    tries: (Promise(0.02, ("bisection, reads how a try failed",)), Promise(least, _SEARCH))
    for tries, least in ((4, 0.10), (8, 0.05))
}
_TASKS, _LIST = 300, 1000
_SEEN, _ENDS = 5, len(OUTCOMES)


@lru_cache(maxsize=2)
def _gripper(name: str) -> Gripper:
    choice(TaskError, ("planar", "mujoco"), gripper=name)
    return MujocoGripper() if name == "mujoco" else PlanarGripper()


def _recipe(
    *,
    steps: int = 1600,
    batch: int = 32,
    lr: float = 3e-3,
    width: int = 64,
    own: float = 0.6,
    after: float = 0.4,
    gripper: str = "planar",
) -> Recipe:
    """An attentive process of how grasps end, meta-trained on random tries first, then on tries of its own.

    Args:
        steps: outer steps.
        batch: bars in an outer step.
        lr: step size of the outer loop, at its peak.
        width: units of the networks.
        own: share of the bars whose tries the learner chooses itself.
        after: share of the steps before it does.
        gripper: of meta-validation and meta-testing, planar or mujoco; meta-training is in the plane.
    """
    tested = Grasping(_TRIES[-2], gripper=_gripper(gripper))
    pair, rows = _SEEN + _ENDS, _SEEN + 2 * width + 1
    learner = AttentiveProcess(
        MLP(pair, (width,), outputs=width),
        MLP(pair, (width, width), outputs=width),
        MLP(_SEEN, (width,), outputs=width),
        MLP(rows, (width, width), outputs=_ENDS),
        likelihood=Bernoulli(),
    )
    optimizer = Adam(learner.parameters(), lr)
    return Recipe(
        learner=learner,
        train=Grasping(_TRIES[-1], own=own, after=round(after * steps)),
        val=tested,
        test=tested,
        optimizer=optimizer,
        schedule=one_cycle(optimizer, steps, 0.2),
        clip=10.0,
        steps=steps,
        batch=batch,
        validate_every=max(steps // 4, 1),
    )


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    """The same unseen bars after each number of tries."""
    assert isinstance(recipe.test, Grasping)
    gripper = recipe.test.gripper
    plan = Grasping(_TRIES[-1]).plan(_TASKS, generator_of(_LIST))
    found = {}
    for tries in _TRIES:
        source, name = Grasping(tries, gripper=gripper), f"{tries} {'try' if tries == 1 else 'tries'}"
        promises = _PROMISED.get(tries, ()) if isinstance(gripper, PlanarGripper) else ()
        found[name] = Setting(source, source, tries, _TASKS, plan, torch.arange(_TASKS), promises=promises)
    return found


_SCALES = choices(place=(0.2, 0.35), force=(0.3,), noise=(0.05, 0.2))

object_manipulation = Application(
    name="object-manipulation",
    title="How to grasp a thing that was never seen, after 0 to 8 tries of the robot's own",
    who="Whoever has a gripper that can try, and things of which a camera does not show where they are heavy or how they slip.",
    bring="Nothing: bars are simulated. For a gripper of your own write its world as tasks.Grasping is written.",
    limits=(
        "It knows bars of the simulator: a planar gripper, friction and statics, no deformation and no noise of sensors. A real "
        "gripper needs tries of its own in meta-training."
    ),
    data=(
        "tasks.Grasping: bars with a hidden centre of mass, friction, mass and crushing force; a try shows whether the bar was "
        "lifted, tilted left or right, slipped or was crushed."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines={
        "bisection, reads how a try failed": Baseline(lambda recipe: bisection(population_map())),
        "Gaussian process, UCB": Baseline(
            lambda recipe, **choice: gaussian_process(population_map(), by="ucb", **choice), _SCALES, val_tasks=25
        ),
        "Gaussian process, Thompson": Baseline(
            lambda recipe, **choice: gaussian_process(population_map(), by="thompson", **choice), _SCALES, val_tasks=25
        ),
        "repeats what lifted": Baseline(lambda recipe: repeated(population_map())),
        "best fixed grasp": Baseline(lambda recipe: best_fixed(population_map()), control=True),
        "Bayes' rule, simulator known": Baseline(lambda recipe: simulator_known(), tasks=60, control=True),
    },
    unit="bars",
    empty_support=True,
    quick={"steps": 20},
)
"""Object manipulation, see docs/applications/object-manipulation.md."""
