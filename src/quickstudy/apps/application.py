"""What an application is: a problem that people have, as tasks of real data, a recipe, baselines, and words for the user."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor

from quickstudy.metrics.measure import Measure
from quickstudy.recipes.parts.checked import checked
from quickstudy.recipes.parts.recipe import Recipe
from quickstudy.reports.promise import Promise
from quickstudy.tasks.source import Plan, TaskSource

__all__ = ["Application", "Baseline", "Setting"]


@dataclass(frozen=True)
class Setting:
    """One row of an application's table: tasks of one size.

    Args:
        test: meta-test tasks.
        val: meta-validation tasks of the same size, on which baselines are tuned.
        size: place on the axis of the figure: shots, visits, compounds.
        tasks: how many are drawn from ``test``.
        plan: a fixed list of tasks instead.
        units: what the tasks of ``plan`` belong to that new data would not share, by number: (B,), or (B, N) with -1 for none. By
            default the plan's own clusters: classes, or the tasks of a table.
        promises: gains over baselines that are promised, or that nothing is lost; none promises nothing.
    """

    test: TaskSource[Any]
    val: TaskSource[Any] | None
    size: float
    tasks: int = 300
    plan: Plan | None = None
    units: Tensor | None = None
    promises: tuple[Promise, ...] = ()


@dataclass(frozen=True)
class Baseline:
    """A method that people would use otherwise, on the same tasks.

    Args:
        make: ``make(recipe, **choice)`` gives what `evaluation.evaluate` takes: a learner, an estimator of scikit-learn, or a
            function from a support set to a function from inputs to outputs. It may fit something on ``recipe.train`` first.
        choices: settings, of which the best on meta-validation tasks of the same size is taken.
        control: a model that never sees a support set: what it gains is no adaptation.
        inputs: the same tasks with other inputs, where the baseline has inputs of its own.
        tasks: only so many tasks of the list, where it is slow.
        val_tasks: meta-validation tasks for each choice.
        version: raised when the baseline changes, so that kept scores are not used again.
    """

    make: Callable[..., Any]
    choices: tuple[Mapping[str, Any], ...] = ({},)
    control: bool = False
    inputs: Callable[[TaskSource[Any]], TaskSource[Any]] | None = None
    tasks: int | None = None
    val_tasks: int = 50
    version: int = 1


@dataclass(frozen=True)
class Application:
    """A problem, and all that is needed to train, evaluate and explain its learner.

    Args:
        name: on the command line.
        title: the problem in one line.
        who: whom it is for.
        bring: what to bring: the format of data of one's own.
        limits: what it can and cannot do.
        data: the data behind the numbers, with their licence.
        recipe: keyword-only arguments with defaults; ``data=""`` are the application's own data. Arguments that its signature
            rules out are refused by name (`recipes.parts.checked`).
        settings: the rows of its table, by name, of a recipe.
        baselines: by name.
        unit: plural noun of what intervals are by: "classes", "patients".
        metric: of the promise; None is that of the likelihood.
        metrics: reported beside it.
        measures: metrics that need the data of a recipe (true boxes); they stand for ``metric`` and ``metrics``, in that order.
        empty_support: whether the learner answers without any support example, so that it can be evaluated before adaptation.
        folds: parts of the data, each left out of a training of its own and meta-tested by it: the recipe has an argument
            ``fold`` then, of which 0 is the usual split. No unit is meta-tested in two of them.
        quick: arguments of the recipe with which it is done in less than a minute.
    """

    name: str
    title: str
    who: str
    bring: str
    limits: str
    data: str
    recipe: Callable[..., Recipe]
    settings: Callable[[Recipe], Mapping[str, Setting]]
    baselines: Mapping[str, Baseline]
    unit: str
    metric: Measure | None = None
    metrics: tuple[Measure, ...] = ()
    measures: Callable[[Recipe], tuple[Measure, ...]] | None = None
    empty_support: bool = False
    folds: int = 1
    quick: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "recipe", checked(self.recipe))

    def measured(self, recipe: Recipe) -> "Application":
        """The same, with the metrics that need the data of a recipe."""
        if self.measures is None:
            return self
        metric, *metrics = self.measures(recipe)
        return replace(self, metric=metric, metrics=tuple(metrics), measures=None)
