"""Navigation: the way to a goal that is not seen, in the plane, after 0 to 3 rounds of tries."""

from collections.abc import Mapping

from quickstudy.apps.application import Application, Baseline, Setting
from quickstudy.apps.parts.choices import choices
from quickstudy.apps.parts.navigation_methods import best_try, from_distances, meta_policy, pooled_policy, random_policy, sweep
from quickstudy.apps.parts.navigator import navigator, rounds_of, worlds
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.reports.promise import Promise

__all__ = ["navigation"]

_PROMISED = (Promise(0.3, ("pooled policy, gradient steps",)),)


def _recipe(
    *,
    steps: int = 1500,
    batch: int = 32,
    lr: float = 1e-2,
    width: int = 64,
    own: float = 0.08,
    tries: int = 20,
    horizon: int = 30,
) -> Recipe:
    """An attentive process that reads tries; meta-training shows it the shortest way, at its end from tries of its own.

    Args:
        steps: outer steps.
        batch: goals in an outer step.
        lr: step size of the outer loop, at its peak.
        width: units of the networks.
        own: share of the steps, the last ones, in which tries are its own.
        tries: in a round; in meta-training a tenth of them.
        horizon: steps of a try.
    """
    return navigator(steps=steps, batch=batch, lr=lr, width=width, own=own, tries=tries, horizon=horizon)


def _settings(recipe: Recipe) -> Mapping[str, Setting]:
    return rounds_of(recipe, _PROMISED)


_STEPS = choices(first=(0.2, 0.3, 0.4, 0.5, 0.6), later=(0.1, 0.25, 0.35, 0.5))
_WIDE = choices(first=(0.2, 0.4, 0.8, 1.6), later=(0.25, 0.5, 1.0))

navigation = Application(
    name="navigation",
    title="The way to a goal that is not seen, after 0 to 3 rounds of tries",
    who="Whoever has a robot that can try and measures how far it still is, and goals that change.",
    bring="Nothing: the world is simulated. For a robot of your own write its world as tasks.Navigation is written.",
    limits=(
        "It knows worlds like those of its meta-training. There it was shown the way, so a simulator is needed that knows it; "
        "after that, rewards of its own tries are all that it needs."
    ),
    data="tasks.Navigation: a point in a square, a goal anywhere in it, small steps; less the way that is left is the reward.",
    recipe=_recipe,
    settings=_settings,
    baselines={
        "pooled policy, gradient steps": Baseline(lambda recipe, **choice: pooled_policy(worlds(recipe), **choice), _STEPS),
        "MAML, policy gradients": Baseline(
            lambda recipe, **choice: meta_policy(worlds(recipe), **choice), choices(later=(0.1, 0.25, 0.5, 1.0))
        ),
        "random policy, gradient steps": Baseline(lambda recipe, **choice: random_policy(worlds(recipe), **choice), _WIDE),
        "sweep, remembers the best place": Baseline(lambda recipe: sweep()),
        "goes the way of its best try": Baseline(lambda recipe: best_try()),
        "computes the goal, rewards known": Baseline(lambda recipe: from_distances, control=True),
    },
    unit="goals",
    empty_support=True,
    quick={"steps": 20, "tries": 5, "horizon": 10},
)
"""Navigation, see docs/applications/navigation.md."""
