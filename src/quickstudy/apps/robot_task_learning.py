"""Robot task learning: where a thing is to be pushed or carried, from one to five demonstrations."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch
from torch.optim import Adam

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.parts.choices import choices
from quickstudy.apps.parts.cloning_methods import clone, fine_tuned_clone, nearest_rows, replay
from quickstudy.learners.process.conditional_neural_process import ConditionalNeuralProcess
from quickstudy.likelihood import Gaussian
from quickstudy.nn.mlp import MLP
from quickstudy.recipes.parts.recipe import Recipe, one_cycle
from quickstudy.reports.promise import Promise
from quickstudy.tasks.source import TaskSource, generator_of
from quickstudy.tasks.worlds.demonstrations import Demonstrations
from quickstudy.tasks.worlds.metaworld_robot import MetaworldArm

__all__ = ["robot_task_learning"]

_SHOTS, _MOST = (1, 3, 5), 5
_LIST = 1000
_SEEN, _ACTIONS = 10, 4
_KNOWN, _HELD_OUT, _NEW = 0, 1, 3
"""Seeds of goals. Those of 2 were evaluated once, before settings were chosen anew."""

_PROMISED = ("push-v3", "pick-place-v3")
_PROMISES = (Promise(0.2, ("clone, fine-tuned on it",)),)


@lru_cache(maxsize=3)
def _arm(task: str) -> MetaworldArm:
    return MetaworldArm(task)


def _recipe(
    *,
    task: str = "push-v3",
    steps: int = 4000,
    batch: int = 8,
    lr: float = 2e-3,
    width: int = 64,
    goals: int = 60,
    tested: int = 60,
) -> Recipe:
    """A conditional neural process of what a demonstrator does where, which reads one to five demonstrations of the goal.

    Args:
        task: of Metaworld: push-v3, pick-place-v3 or reach-v3.
        steps: outer steps.
        batch: goals in an outer step.
        lr: step size of the outer loop, at its peak.
        width: numbers of the code, and half the units of the networks.
        goals: of meta-training.
        tested: goals of meta-testing, and three times as many as of meta-validation.
    """
    arm = _arm(task)
    known, held_out, new = arm.goals(goals, _KNOWN), arm.goals(max(tested // 3, 1), _HELD_OUT), arm.goals(tested, _NEW)
    learner = ConditionalNeuralProcess(
        MLP(_SEEN + _ACTIONS, (2 * width, 2 * width), outputs=width),
        MLP(width + _SEEN, (2 * width, 2 * width), outputs=_ACTIONS),
        likelihood=Gaussian(),
    )
    optimizer = Adam(learner.parameters(), lr)
    return Recipe(
        learner=learner,
        train=Demonstrations(arm, known, (1, _MOST), each=_MOST + 1),
        val=Demonstrations(arm, held_out, 1, each=_MOST),
        test=Demonstrations(arm, new, 1, each=_MOST),
        optimizer=optimizer,
        schedule=one_cycle(optimizer, steps),
        clip=10.0,
        steps=steps,
        batch=batch,
        validate_every=steps,
        val_tasks=10,
    )


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    """Unseen goals, each once, from each number of demonstrations."""
    val, test = recipe.val, recipe.test
    assert isinstance(val, Demonstrations) and isinstance(test, Demonstrations)
    found, promises = {}, _PROMISES if test.robot.name in _PROMISED else ()
    for shots in _SHOTS:
        tasks = test.resized(shots)
        plan = tasks.each_once(generator_of(_LIST, shots))
        name = f"{shots} {'demonstration' if shots == 1 else 'demonstrations'}"
        found[name] = Setting(tasks, val.resized(shots), shots, len(plan), plan, torch.arange(len(plan)), promises=promises)
    return found


def _known(recipe: Recipe) -> Demonstrations:
    assert isinstance(recipe.train, Demonstrations)
    return recipe.train


def _goal_given(recipe: Recipe) -> Any:
    """A clone that sees the goal: what could be reached if demonstrations said all."""
    return clone(_known(recipe).with_goal())


def _with_goal(source: TaskSource[Any]) -> Demonstrations:
    assert isinstance(source, Demonstrations)
    return source.with_goal()


robot_task_learning = Application(
    name="robot-task-learning",
    title="Where a thing is to be pushed or carried, from one to five demonstrations",
    who="Whoever has a robot that is shown a task, by a script or by hand, and goals that change.",
    bring=(
        "Nothing but pip install 'quickstudy[robots]': tasks are those of Metaworld. For a robot of your own write a "
        "tasks.worlds.Robot, or wrap an environment of gymnasium in tasks.worlds.GymnasiumRobot."
    ),
    limits=(
        "New goals of one kind of task, seen as ten numbers and not as images. A new kind of task needs a training of its own; "
        "a simulated arm is no real one."
    ),
    data=(
        "Metaworld 3.1.1 (MIT licence) on MuJoCo 3.3.0 (Apache-2.0): demonstrations by its own scripts with shaking movements, "
        "the thing elsewhere at each start, the goal hidden."
    ),
    recipe=_recipe,
    settings=_settings,
    baselines={
        "clone, fine-tuned on it": Baseline(
            lambda recipe, **choice: fine_tuned_clone(_known(recipe), **choice),
            choices(tuned=(100, 300), lr=(1e-3, 3e-3)),
            val_tasks=20,
        ),
        "nearest rows": Baseline(lambda recipe: nearest_rows),
        "replay": Baseline(lambda recipe: replay),
        "clone of all goals": Baseline(lambda recipe: clone(_known(recipe)), control=True),
        "clone, the goal given": Baseline(_goal_given, control=True, inputs=_with_goal),
    },
    unit="goals",
    quick={"steps": 50, "goals": 3, "tested": 3},
)
"""Robot task learning, see docs/applications/robot-task-learning.md."""
