"""Navigation in mazes: the way to a goal that is not seen, around walls that are not seen, after 0 to 3 rounds of tries."""

from collections.abc import Mapping

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.parts.choices import choices
from quickstudy.apps.parts.navigation_methods import best_try, pooled_policy
from quickstudy.apps.parts.navigator import navigator, rounds_of, worlds
from quickstudy.recipes.parts.recipe import Recipe

__all__ = ["navigation_mazes"]


def _recipe(
    *,
    steps: int = 800,
    batch: int = 32,
    lr: float = 1e-2,
    width: int = 64,
    own: float = 0.08,
    tries: int = 20,
    horizon: int = 40,
    cells: int = 3,
) -> Recipe:
    """As of navigation in the plane, in random mazes.

    Args:
        steps: outer steps.
        batch: mazes in an outer step.
        lr: step size of the outer loop, at its peak.
        width: units of the networks.
        own: share of the steps, the last ones, in which tries are its own.
        tries: in a round; in meta-training a tenth of them.
        horizon: steps of a try.
        cells: on a side of a maze, an odd number.
    """
    return navigator(steps=steps, batch=batch, lr=lr, width=width, own=own, tries=tries, horizon=horizon, cells=cells)


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    return rounds_of(recipe)


_STEPS = choices(first=(0.1, 0.4), later=(0.1, 0.25, 0.5))

navigation_mazes = Application(
    name="navigation-mazes",
    title="The way to a goal that is not seen, around walls that are not seen",
    who="Whoever has a robot that can try and measures how far it still is, in places of one kind and all different.",
    bring="Nothing: mazes are simulated. For a robot of your own write its world as tasks.Navigation is written.",
    limits="No promise is made: going the way of the best try again is better. It knows mazes of one size.",
    data="tasks.Navigation: random mazes of 3 x 3 cells with one way from each cell to each other; less that way is the reward.",
    recipe=_recipe,
    settings=_settings,
    baselines={
        "pooled policy, gradient steps": Baseline(
            lambda recipe, **choice: pooled_policy(worlds(recipe), **choice), _STEPS, val_tasks=25
        ),
        "goes the way of its best try": Baseline(lambda recipe: best_try()),
    },
    unit="mazes",
    empty_support=True,
    quick={"steps": 20, "tries": 5, "horizon": 10},
)
"""Navigation in mazes, see docs/applications/navigation.md."""
